"""Keras' ReduceLROnPlateau in every generation: the learning rate after each epoch.

Sources: ``keras/callbacks.py`` (Keras 1 - 2.12), ``keras/src/callbacks.py`` (2.13 - 2.15),
``keras/src/callbacks/reduce_lr_on_plateau.py`` (3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import CallbackValueError, ParameterError
from ...outcome import ReduceLROnPlateauRecord
from ..base import Callback, Rule, Setting, SimulatedTraining, as_float32, refuse_unknown_parameters
from .modes import maximizes_by_metric, maximizes_by_name
from .waiting import improves

if TYPE_CHECKING:
    from ..profiles import Profile


@dataclass(frozen=True)
class ReduceLROnPlateau(Rule):
    """Multiply the learning rate by ``factor`` when a metric has stopped improving; parameters as in Keras.

    1. The rate that an epoch was trained with stands in its logs for callbacks behind this one.
    2. Rates are float32, as in the optimizer; nothing is reduced below ``min_lr``.
    3. A reduction changes the training that follows: a log recorded with another rate cannot show its effect.
    """

    monitor: str = "val_loss"
    factor: float = 0.1
    patience: int = 10
    verbose: int = 0
    mode: str = "auto"
    min_delta: float = 1e-4
    cooldown: int = 0
    min_lr: float = 0.0

    def start(self, profile: Profile, setting: Setting) -> Callback:
        """A fresh ReduceLROnPlateau of the profile's release."""
        return _ReduceLROnPlateau(self, profile, setting)


class _ReduceLROnPlateau(Callback):
    def __init__(self, rule: ReduceLROnPlateau, profile: Profile, setting: Setting) -> None:
        self.rule: ReduceLROnPlateau = rule
        self.era = profile.reduce_lr
        self.setting = setting
        refuse_unknown_parameters(rule, self.era.parameters)
        if rule.factor >= 1.0:
            raise CallbackValueError(
                f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={rule.factor}"
            )
        self.maximize: bool | None = {"min": False, "max": True}.get(rule.mode)
        if self.maximize is None and self.era.mode_rule != "compiled":
            self.maximize = maximizes_by_name(self.era.mode_rule, rule.monitor)
        self.best: float | None = None
        self.learning_rates: list[float] = []
        self._reset(keep_best=False)

    def _reset(self, *, keep_best: bool) -> None:
        if not keep_best:
            self.best = None if self.era.first_value_is_best else (-math.inf if self.maximize else math.inf)
        self.wait = 0
        self.cooldown_counter = 0
        self.learning_rates = []

    def on_train_begin(self, training: SimulatedTraining) -> None:
        if training.learning_rate is None:
            raise ParameterError("ReduceLROnPlateau needs the learning rate at the start: give learning_rate")
        if self.rule.mode not in ("auto", "min", "max"):
            training.warn(f"ReduceLROnPlateau mode {self.rule.mode} is unknown, fallback to auto mode.")
        training.note(
            "ReduceLROnPlateau changes the training that follows a reduction: what the log shows behind the first "
            "one was trained as it was logged"
        )
        self._reset(keep_best=self.era.best_survives_fit)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any], training: SimulatedTraining) -> None:
        if self.maximize is None:
            self.maximize = maximizes_by_metric("ReduceLROnPlateau", self.rule.monitor, self.setting, training)
        rate = training.learning_rate or 0.0
        logs[self.era.log_key] = np.float32(rate) if self.era.log_key == "lr" else rate
        value = logs.get(self.rule.monitor)
        if value is None:
            training.warn(
                f"Learning rate reduction is conditioned on metric `{self.rule.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}."
            )
        else:
            self._look(float(value), training)
        self.learning_rates.append(training.learning_rate or 0.0)

    def _look(self, value: float, training: SimulatedTraining) -> None:
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(value):
            self.best = value
            self.wait = 0
        elif self.cooldown_counter <= 0:
            if not self.era.tests_wait_before_counting:
                self.wait += 1
            if self.wait >= self.rule.patience:
                self._reduce(training)
            if self.era.tests_wait_before_counting:
                self.wait += 1

    def _improves(self, value: float) -> bool:
        if self.best is None:
            return True
        if self.era.adds_delta_to_value:
            delta, float32 = abs(self.rule.min_delta), self.era.compares_in_float32
            return bool(improves(value, self.best, bool(self.maximize), delta, float32))
        delta = self.rule.min_delta
        return value > self.best + delta if self.maximize else value < self.best - delta

    def _reduce(self, training: SimulatedTraining) -> None:
        rate, lowest = training.learning_rate or 0.0, self.rule.min_lr
        floor = as_float32(lowest) if self.era.compares_rate_with_float32 else lowest
        if rate > floor + (lowest * 1e-4 if self.era.has_rate_epsilon else 0.0):
            training.learning_rate = as_float32(max(rate * self.rule.factor, lowest))
            self.cooldown_counter = self.rule.cooldown
            self.wait = 0

    def record(self) -> ReduceLROnPlateauRecord:
        return ReduceLROnPlateauRecord(
            rule=self.rule,
            mode=None if self.maximize is None else ("max" if self.maximize else "min"),
            best=self.best,
            wait=self.wait,
            learning_rates=tuple(self.learning_rates),
        )
