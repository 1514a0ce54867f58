"""The textbook rule: compare with the value ``patience`` evaluations ago."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ParameterError
from ..outcome import EarlyStoppingRecord, TraceRow
from .base import Callback, Rule, Setting, SimulatedTraining

if TYPE_CHECKING:
    from .profiles import Profile


@dataclass(frozen=True)
class LookBack(Rule):
    """Stop at the first value that has gained less than ``min_delta`` over the one ``patience`` evaluations ago.

    "Compare validation loss of the current epoch with the (current - patience) epoch; stop if the difference
    is less than min delta." gain(e) = v[e-P] - v[e] when minimising, v[e] - v[e-P] when maximising, in float64.

    1. Without ``patience`` + 1 values there is no decision.
    2. A gain of just ``min_delta`` goes on; with the default 0 only a value that is worse stops.
    3. ``patience`` must be at least 1: 0 would compare a value with itself.
    4. A NaN value stops (its gain counts as minus infinity); a NaN reference, or inf - inf, decides nothing.
    5. Epochs before ``start_from_epoch`` and epochs without the monitor are left out of the sequence.
    6. ``best_epoch`` is the lowest (highest) value so far; the rule itself knows none.
    """

    monitor: str = "val_loss"
    min_delta: float = 0.0
    patience: int = 5
    mode: str = "min"
    start_from_epoch: int = 0

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise ParameterError(f"patience of the look-back rule must be at least 1, got {self.patience!r}")
        if self.mode not in ("min", "max"):
            raise ParameterError(f"mode of the look-back rule must be 'min' or 'max', got {self.mode!r}")

    def start(self, profile: Profile, setting: Setting) -> Callback:
        """A fresh look-back rule; it is the same in every profile."""
        return _LookBack(self)


class _LookBack(Callback):
    def __init__(self, rule: LookBack) -> None:
        self.rule: LookBack = rule
        self.on_train_begin(SimulatedTraining())

    def on_train_begin(self, training: SimulatedTraining) -> None:
        self.values: list[float] = []
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self.trace: list[TraceRow] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any], training: SimulatedTraining) -> None:
        rule = self.rule
        value = logs.get(rule.monitor)
        if value is None or epoch < rule.start_from_epoch:
            event = "no value" if value is None else "not looked at yet"
            self.trace.append(TraceRow(epoch, value, self.best, 0, None, event))
            return
        value = float(value)
        self.values.append(value)
        better = self.best is None or (value > self.best if rule.mode == "max" else value < self.best)
        if better and not math.isnan(value):
            self.best, self.best_epoch = value, epoch
        gain = self._gain()
        margin = None if gain is None else gain - rule.min_delta
        event = "goes on"
        if gain is not None and gain < rule.min_delta:
            event = "stops"
            self.stopped_epoch = epoch
            training.stop_training = True
        then = self.values[-1 - rule.patience] if len(self.values) > rule.patience else None
        self.trace.append(TraceRow(epoch, value, self.best, 0, margin, event, then))

    def _gain(self) -> float | None:
        if len(self.values) <= self.rule.patience:
            return None
        now, then = self.values[-1], self.values[-1 - self.rule.patience]
        if math.isnan(then):
            return None
        if math.isnan(now):
            return -math.inf
        gain = now - then if self.rule.mode == "max" else then - now
        return None if math.isnan(gain) else gain

    def record(self) -> EarlyStoppingRecord:
        return EarlyStoppingRecord(
            rule=self.rule, mode=self.rule.mode, stopped_epoch=self.stopped_epoch, best_epoch=self.best_epoch,
            best=self.best, restored_epoch=None,
            attributes={"stopped_epoch": self.stopped_epoch or 0, "best_epoch": self.best_epoch,
                        "best": self.best, "wait": 0},
            trace=tuple(self.trace),
        )  # fmt: skip
