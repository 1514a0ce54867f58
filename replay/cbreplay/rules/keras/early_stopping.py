"""Keras' EarlyStopping in every generation.

Sources: ``keras/callbacks.py`` (Keras 1 - 2.12), ``keras/src/callbacks.py`` (2.13 - 2.15),
``keras/src/callbacks/early_stopping.py`` and ``monitor_callback.py`` (3), ``tf_keras/src/callbacks.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import CallbackAttributeError, CallbackTypeError
from ...outcome import EarlyStoppingRecord, TraceRow
from ..base import Logs, Setting, SimulatedTraining, StoppingCallback, StoppingRule, refuse_unknown_parameters
from .modes import maximizes_by_metric, maximizes_by_name
from .waiting import Wait, begin, look

if TYPE_CHECKING:
    from ..profiles import Profile


@dataclass(frozen=True)
class EarlyStopping(StoppingRule):
    """Stop training when a monitored metric has stopped improving; parameters as in ``keras.callbacks``.

    1. An improvement must exceed ``min_delta``: a gain of just ``min_delta``, or a tie, is none.
    2. ``patience=0`` stops, from Keras 2.12 on, at the first epoch after the first that does not improve.
    3. Epochs before ``start_from_epoch`` (0-based) are not looked at.
    4. An epoch without the monitor is skipped with a warning: patience counts evaluations.
    5. NaN never improves; but as the first value Keras 3.7 and later take it for the best, for good.
    6. ``baseline`` (Keras 2.6 and later): improvements reset the wait only once they beat it, too.
    7. With ``min_delta`` above 0 the best epoch is the last accepted one, not the minimum of the curve.
    """

    monitor: str = "val_loss"
    min_delta: float = 0
    patience: int = 0
    verbose: int = 0
    mode: str = "auto"
    baseline: float | None = None
    restore_best_weights: bool = False
    start_from_epoch: int = 0

    def start(self, profile: Profile, setting: Setting) -> StoppingCallback:
        """A fresh EarlyStopping of the profile's release."""
        return _EarlyStopping(self, profile, setting)


class _EarlyStopping(StoppingCallback):
    def __init__(self, rule: EarlyStopping, profile: Profile, setting: Setting) -> None:
        era = profile.early_stopping
        refuse_unknown_parameters(rule, era.parameters)
        self.rule: EarlyStopping = rule
        self.era = era
        self.setting = setting
        self.mode = rule.mode
        self.unknown_mode = rule.mode not in ("auto", "min", "max")
        if self.unknown_mode:
            if era.unknown_mode_crashes:
                raise CallbackAttributeError("'EarlyStopping' object has no attribute 'mode'")
            self.mode = "auto"
        self.maximize: bool | None = {"min": False, "max": True}.get(self.mode)
        if self.maximize is None and era.mode_rule != "compiled":
            self.maximize = maximizes_by_name(era.mode_rule, rule.monitor)
        self.min_delta = rule.min_delta if era.keeps_sign_of_min_delta else abs(rule.min_delta)
        self.state: Wait | None = None
        self.stopped_epoch: int | None = None  # 0 is an epoch here, not "never" as in the original
        self.stopped_epoch_attribute = 0
        self.accepted_epoch: int | None = None
        self.best_epoch = 0
        self.best_weights_epoch: int | None = None
        self.restored_epoch: int | None = None
        self.trace: list[TraceRow] = []

    def on_train_begin(self, training: SimulatedTraining) -> None:
        if self.unknown_mode:
            training.warn(f"EarlyStopping mode {self.rule.mode} is unknown, fallback to auto mode.")
        kept = self.state if self.era.best_survives_fit else None
        self.state = None
        if self.era.mode_rule != "compiled":  # Keras 3 sets best up at the end of the first epoch
            self._begin()
        if kept is not None:
            self.state = Wait(kept.best, kept.known, 0)
        if not self.era.best_weights_survive_fit:
            self.best_weights_epoch = None
        if self.era.resets_stopped_epoch:
            self.stopped_epoch_attribute = 0
        self.stopped_epoch = self.accepted_epoch = self.restored_epoch = None
        self.best_epoch = 0
        self.trace = []

    def _begin(self) -> None:
        self.state = begin(self.era, bool(self.maximize), self.rule.baseline)

    def maximizes(self, training: SimulatedTraining) -> bool:
        """Asked at the end of the first epoch by Keras 3, in the constructor by those before."""
        if self.maximize is None:
            self.maximize = maximizes_by_metric("EarlyStopping", self.rule.monitor, self.setting, training)
        return self.maximize

    def on_epoch_end(self, epoch: int, logs: dict[str, Any], training: SimulatedTraining) -> None:
        rule, era = self.rule, self.era
        maximize = self.maximizes(training)
        if self.state is None:
            self._begin()
        assert self.state is not None
        value = logs.get(rule.monitor)
        if value is None:
            self._missing(epoch, logs, training)
            return
        if epoch < rule.start_from_epoch:
            self._row(epoch, value, None, "not looked at yet")
            return
        value = float(value)
        if rule.restore_best_weights and self.best_weights_epoch is None and era.first_weights_are_fallback:
            self.best_weights_epoch = training.weights_epoch
            if era.fallback_sets_best_epoch:
                self.best_epoch = epoch
        margin, reference = self._margin(value), self._best()
        self.state, seen = look(era, self.state, epoch, value, maximize, self.min_delta, rule.baseline)
        event = "waits"
        if seen.accepted:
            self.best_epoch = self.accepted_epoch = epoch
            event = "improves" if seen.reset else "improves, but not on the baseline"
            if rule.restore_best_weights:
                self.best_weights_epoch = training.weights_epoch
        if seen.tested and seen.tested_wait >= rule.patience:
            self.stopped_epoch = self.stopped_epoch_attribute = epoch
            training.stop_training = True
            event = "stops"
            if era.restores == "when_stopping" and rule.restore_best_weights:
                self._restore(training)
        self._row(epoch, value, margin, event, reference)

    def on_train_end(self, training: SimulatedTraining) -> None:
        wanted = self.rule.restore_best_weights and self.era.restores == "at_train_end"
        if wanted and self.best_weights_epoch is not None:
            self._restore(training)

    def _restore(self, training: SimulatedTraining) -> None:
        if self.best_weights_epoch is None:
            raise CallbackTypeError("no best weights were ever recorded: set_weights(None)", epoch=training.epoch)
        self.restored_epoch = self.best_weights_epoch
        training.restore(self.best_weights_epoch)

    def _missing(self, epoch: int, logs: Logs, training: SimulatedTraining) -> None:
        training.warn(
            f"Early stopping conditioned on metric `{self.rule.monitor}` which is not available. "
            f"Available metrics are: {','.join(logs)}"
        )
        if self.era.missing_monitor_crashes:
            raise CallbackTypeError("unsupported operand type(s) for -: 'NoneType' and 'float'", epoch=epoch)
        self._row(epoch, None, None, "no value")

    def _margin(self, value: float) -> float | None:
        """By how much ``value`` is better than it had to be (negative: by how much it fell short)."""
        assert self.state is not None
        if not self.state.known:
            return None
        best = float(self.state.best)
        return (value - self.min_delta - best) if self.maximize else (best - (value + self.min_delta))

    def _best(self) -> float | None:
        """The best so far, None where there is none yet."""
        return float(self.state.best) if self.state is not None and self.state.known else None

    def _row(
        self, epoch: int, value: float | None, margin: float | None, event: str, reference: float | None = None
    ) -> None:
        wait = int(self.state.wait) if self.state is not None else 0
        shown = None if value is None else float(value)
        self.trace.append(TraceRow(epoch, shown, self._best(), wait, margin, event, reference))

    def record(self) -> EarlyStoppingRecord:
        best = self._best()
        return EarlyStoppingRecord(
            rule=self.rule,
            mode=None if self.maximize is None else ("max" if self.maximize else "min"),
            stopped_epoch=self.stopped_epoch,
            best_epoch=self.accepted_epoch,
            best=best if self.accepted_epoch is not None else None,
            restored_epoch=self.restored_epoch,
            attributes={
                "stopped_epoch": self.stopped_epoch_attribute,
                "best_epoch": self.best_epoch if self.era.has_best_epoch else None,
                "best": best,
                "wait": int(self.state.wait) if self.state is not None else 0,
            },
            trace=tuple(self.trace),
        )
