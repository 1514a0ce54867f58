"""Keras' EarlyStopping on a causally smoothed curve: what one sees in TensorBoard decides."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ParameterError
from .base import Setting, SimulatedTraining, StoppingCallback, StoppingRule
from .keras import EarlyStopping
from .scored import Floats

if TYPE_CHECKING:
    from ..outcome import EarlyStoppingRecord
    from .profiles import Profile


class Smoother:
    """TensorBoard's exponential moving average of the values so far, with its correction for the start.

    ``smoothing`` is the weight of the past, as on TensorBoard's slider; 0 leaves values as they are. A value that is
    not finite is handed on and left out of the average. Source: ``classicSmoothing`` in TensorBoard's
    ``line_chart_v2/data_transformer.ts``, written so that no rounding makes a constant curve improve.
    """

    def __init__(self, smoothing: float) -> None:
        self._weight = smoothing
        self._average = 0.0
        self._count = 0

    def __call__(self, value: float) -> float:
        """The smoothed value in place of the newest one."""
        if not math.isfinite(value):
            return value
        self._count += 1
        share = (1.0 - self._weight) / (1.0 - self._weight**self._count)
        self._average = value - (1.0 - share) * (value - self._average)
        return self._average


def smoothed(values: Floats, smoothing: float) -> Floats:
    """A whole curve smoothed, shape (values,)."""
    return np.array([*map(Smoother(smoothing), values.tolist())], np.float64)


@dataclass(frozen=True)
class SmoothedEarlyStopping(StoppingRule):
    """Keras' EarlyStopping, of any generation, that looks at the smoothed values of its monitor.

    1. ``smoothing`` is TensorBoard's, from 0 (none) to below 1; the average begins anew with each fit.
    2. Every value enters the average, also those before ``start_from_epoch``; what is not finite does not.
    3. Best and baseline are held against smoothed values; weights are those of the epoch, nothing else is smoothed.
    4. Other parameters as for :class:`EarlyStopping`.
    """

    monitor: str = "val_loss"
    min_delta: float = 0
    patience: int = 0
    smoothing: float = 0.6
    mode: str = "auto"
    baseline: float | None = None
    restore_best_weights: bool = False
    start_from_epoch: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise ParameterError(f"smoothing must be at least 0 and below 1, got {self.smoothing!r}")

    @property
    def inner(self) -> EarlyStopping:
        """The EarlyStopping that decides."""
        names = {item.name for item in fields(EarlyStopping)}
        return EarlyStopping(**{name: value for name, value in self.parameters().items() if name in names})

    def start(self, profile: Profile, setting: Setting) -> StoppingCallback:
        """A fresh EarlyStopping of the profile's release behind a fresh average."""
        return _SmoothedEarlyStopping(self, profile, setting)


class _SmoothedEarlyStopping(StoppingCallback):
    def __init__(self, rule: SmoothedEarlyStopping, profile: Profile, setting: Setting) -> None:
        self.rule: SmoothedEarlyStopping = rule
        self.inner = rule.inner.start(profile, setting)

    def maximizes(self, training: SimulatedTraining) -> bool:
        return self.inner.maximizes(training)

    def on_train_begin(self, training: SimulatedTraining) -> None:
        self.smoother = Smoother(self.rule.smoothing)
        self.inner.on_train_begin(training)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any], training: SimulatedTraining) -> None:
        value = logs.get(self.rule.monitor)
        seen = logs if value is None else {**logs, self.rule.monitor: self.smoother(float(value))}
        self.inner.on_epoch_end(epoch, seen, training)

    def on_train_end(self, training: SimulatedTraining) -> None:
        self.inner.on_train_end(training)

    def record(self) -> EarlyStoppingRecord:
        return replace(self.inner.record(), rule=self.rule)  # type: ignore[return-value]
