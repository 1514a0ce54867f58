"""Prechelt's three families of stopping criteria: GL, PQ and UP.

Source: L. Prechelt, "Automatic early stopping using cross validation: quantifying the criteria", Neural Networks 11
(1998) 761-767, section 2; the same in "Early Stopping - But When?", LNCS 1524 (1998). Where the paper counts epochs
we count evaluations (epochs with a value, from ``start_from_epoch`` on), in strips of ``strip_length``. The paper's
errors are positive and to be minimised; for ``mode="max"`` the ratio of best to value takes the place of value to
best.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CurveError, ParameterError
from ..outcome import TraceRow
from ..text import number
from .scored import Floats, ScoredRule, Seen, best_so_far, gain, is_better


def generalization_loss(value: Any, best: Any, maximize: bool) -> Any:
    """GL, element by element: by how many percent ``value`` is worse than ``best``, the best up to and with it.

    A NaN value is worse than all (infinity); without a best there is no decision (NaN).
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ratio = np.divide(best, value) if maximize else np.divide(value, best)
        return np.where(np.isnan(value) & ~np.isnan(best), np.inf, 100.0 * (ratio - 1.0))


def progress(strip: Floats) -> Any:
    """P_k: by how many thousandths the mean training error of a strip is above its lowest; shape (..., k) -> (...)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        above = strip.sum(axis=-1) / (strip.shape[-1] * strip.min(axis=-1)) - 1.0
    return 1000.0 * np.maximum(above, 0.0)  # rounding can make the mean of equal values the smaller


def _refuse_not_positive(rule: ScoredRule, value: float) -> None:
    if value <= 0:
        raise CurveError(
            f"{type(rule).__name__} compares by ratio and needs positive values, but {rule.monitor} is {number(value)}"
        )


@dataclass(frozen=True)
class GeneralizationLoss(ScoredRule):
    """GL: stop at the first value that is more than ``alpha`` percent worse than the best so far (Prechelt 1998).

    1. A loss of just ``alpha`` percent goes on.
    2. A NaN value stops once there is a best; NaN before that decides nothing.
    3. Values must be positive (a ratio has no meaning otherwise): :class:`~cbreplay.CurveError`.
    """

    monitor: str = "val_loss"
    alpha: float = 5.0
    mode: str = "min"
    start_from_epoch: int = 0

    def __post_init__(self) -> None:
        self._check()
        if not self.alpha >= 0:
            raise ParameterError(f"alpha of {type(self).__name__} must not be negative, got {self.alpha!r}")

    @property
    def threshold(self) -> float:
        """``alpha``, in percent."""
        return self.alpha

    def score(self, seen: Seen) -> float:
        """GL of the newest value."""
        value = seen.values[-1]
        _refuse_not_positive(self, value)
        best = value if is_better(value, seen.best, self.maximize) else seen.best
        return float(generalization_loss(value, best, self.maximize))

    def reference(self, seen: Seen) -> float | None:
        """The best before."""
        return None if math.isnan(seen.best) else seen.best

    def scores(self, values: Floats, training: Floats) -> Floats:
        """GL of each value, shape (values,)."""
        return np.asarray(generalization_loss(values, best_so_far(values, self.maximize), self.maximize))

    def fails_at(self, values: Floats) -> int | None:
        """The place of the first value that is not positive."""
        wrong = np.flatnonzero(values <= 0)
        return int(wrong[0]) if len(wrong) else None

    def in_words(self, row: TraceRow) -> str:
        """GL, and above what it stops."""
        if row.margin is None:
            return ""
        return f", generalization loss {number(self.alpha - row.margin)} % (stops above {number(self.alpha)} %)"


@dataclass(frozen=True)
class ProductivityQuotient(GeneralizationLoss):
    """PQ: stop at the first end of a strip where GL over the progress of training is above ``alpha`` (Prechelt 1998).

    1. Decisions fall only at every ``strip_length``-th value. 2. ``training`` is the metric of the training data, by
    default the monitor's without ``val_``. A strip in which one of
       its values is missing, NaN or not positive decides nothing.
    3. A strip without any progress (all training values the same) stops where GL is above 0.
    4. Further as :class:`GeneralizationLoss`.
    """

    alpha: float = 0.5
    training: str | None = None
    strip_length: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_strip(self.strip_length)

    @property
    def training_metric(self) -> str:
        """The metric of the training data."""
        return self.training or self.monitor.removeprefix("val_")

    def watches(self) -> tuple[str, ...]:
        """The monitor and the metric of the training data."""
        return self.monitor, self.training_metric

    def score(self, seen: Seen) -> float:
        """The quotient at the end of a strip, else NaN."""
        loss = super().score(seen)
        if len(seen.values) % self.strip_length:
            return math.nan
        return float(_quotient(loss, np.array(seen.training[-self.strip_length :])))

    def scores(self, values: Floats, training: Floats) -> Floats:
        """The quotients at the ends of strips, NaN between them, shape (values,)."""
        k = self.strip_length
        whole = len(values) // k * k
        made = np.full(len(values), np.nan)
        if whole:
            losses = super().scores(values, training)[k - 1 : whole : k]
            made[k - 1 : whole : k] = _quotient(losses, training[:whole].reshape(-1, k))
        return made

    def in_words(self, row: TraceRow) -> str:
        """The quotient, and above what it stops."""
        if row.margin is None:
            return ""
        return f", quotient {number(self.alpha - row.margin)} (stops above {number(self.alpha)})"


def _quotient(losses: Any, strips: Floats) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        made = np.divide(losses, progress(strips))
    return np.where((strips > 0).all(axis=-1), made, np.nan)


@dataclass(frozen=True)
class SuccessiveIncreases(ScoredRule):
    """UP: stop when the value has risen from strip to strip, ``strips`` times in succession (Prechelt 1998).

    1. Values are compared at the ends of strips alone, every ``strip_length``-th value.
    2. A tie is no rise. A NaN value is one; after a NaN there is none.
    """

    monitor: str = "val_loss"
    strips: int = 3
    mode: str = "min"
    strip_length: int = 5
    start_from_epoch: int = 0

    def __post_init__(self) -> None:
        self._check()
        _check_strip(self.strip_length)
        if self.strips < 1:
            raise ParameterError(f"strips of SuccessiveIncreases must be at least 1, got {self.strips!r}")

    @property
    def threshold(self) -> float:
        """One less than ``strips``: the score is the number of rises in succession."""
        return self.strips - 1

    def score(self, seen: Seen) -> float:
        """The rises in succession at the end of a strip (no more than ``strips`` are counted), else NaN."""
        ends = seen.values[self.strip_length - 1 :: self.strip_length]
        if len(seen.values) % self.strip_length or len(ends) < 2:
            return math.nan
        return float(_rises(np.array(ends[-1 - self.strips :]), self.maximize)[-1])

    def reference(self, seen: Seen) -> float | None:
        """The value a strip before."""
        return seen.values[-1 - self.strip_length] if len(seen.values) > self.strip_length else None

    def scores(self, values: Floats, training: Floats) -> Floats:
        """The rises in succession at the ends of strips, NaN between them, shape (values,)."""
        made = np.full(len(values), np.nan)
        ends = values[self.strip_length - 1 :: self.strip_length]
        if len(ends) > 1:
            made[2 * self.strip_length - 1 :: self.strip_length] = _rises(ends, self.maximize)
        return made

    def in_words(self, row: TraceRow) -> str:
        """How many strips in succession have risen."""
        if row.margin is None:
            return ""
        return f", {int(self.threshold - row.margin)} of {self.strips} strips worse in succession"


def _rises(ends: Floats, maximize: bool) -> Floats:
    """How many rises in succession end at each but the first of ``ends``, shape (ends - 1,)."""
    risen = gain(ends[1:], ends[:-1], maximize) < 0
    places = np.arange(1, len(risen) + 1)
    return (places - np.maximum.accumulate(np.where(risen, 0, places))).astype(np.float64)


def _check_strip(length: int) -> None:
    if length < 1:
        raise ParameterError(f"strip_length must be at least 1, got {length!r}")
