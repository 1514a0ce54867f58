"""Bootstrap over runs, and intervals for means, ratios and shares.

Sources: B. Efron, "Better bootstrap confidence intervals", JASA 82 (1987) 171-185 (BCa); E. B. Wilson, "Probable
inference, the law of succession, and statistical inference", JASA 22 (1927) 209-212; T. Hesterberg, "What teachers
should know about the bootstrap", The American Statistician 69 (2015) 371-386, section 5.3 (why small samples need
wider intervals).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_NORMAL = NormalDist()


@dataclass(frozen=True)
class Interval:
    """An estimate with the bounds of its confidence interval; bounds are None where there is nothing to resample."""

    value: float
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: their confidence level, the number of resamples, the seed that makes them repeatable."""

    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 0

    def counts(self, runs: int) -> Floats:
        """See :func:`resample_counts`."""
        return resample_counts(runs, self.resamples, self.seed)

    def ratio(self, numerator: Floats, denominator: Floats) -> Interval:
        """See :func:`ratio_interval`."""
        return ratio_interval(numerator, denominator, self.counts(len(numerator)), self.confidence)

    def regret(self, total: Floats, runs: Floats, unseen: float) -> Interval:
        """The mean regret with an interval that allows for one more run than there is, of regret ``unseen``.

        Few runs miss their best, and those by much: a sample without one would be sure of a regret of 0. Both
        arguments of shape (blocks,): the regrets of a block of runs, and how many they are.
        """
        plain = self.ratio(total, runs)
        if plain.low is None or plain.high is None or not math.isfinite(unseen):
            return plain
        more = self.ratio(np.append(total, unseen), np.append(runs, 1.0))
        if more.low is None or more.high is None:
            return plain
        return Interval(plain.value, min(plain.low, more.low), max(plain.high, more.high))

    def share(self, hits: int, trials: int) -> Interval:
        """See :func:`share_interval`."""
        return share_interval(hits, trials, self.confidence)


@lru_cache(maxsize=8)
def resample_counts(runs: int, resamples: int, seed: int) -> Floats:
    """How often each run is drawn in each resample, shape (resamples, runs): as many draws as runs."""
    drawn = np.random.default_rng(seed).multinomial(runs, np.full(runs, 1 / runs), size=resamples).astype(np.float64)
    drawn.flags.writeable = False  # the same array is handed out again
    return drawn


def ratio_interval(numerator: Floats, denominator: Floats, counts: Floats, confidence: float) -> Interval:
    """The ratio of two sums over runs (a mean, where the denominators are 1) with its BCa interval.

    Both have the shape (runs,), ``counts`` is that of :func:`resample_counts`. For few runs the level is widened as a t
    interval is against a normal one.
    """
    runs = len(numerator)
    total, over = float(numerator.sum()), float(denominator.sum())
    value = total / over if over else math.nan
    if runs < 2 or not math.isfinite(value):
        return Interval(value, None, None)
    with np.errstate(invalid="ignore", divide="ignore"):
        resampled = (counts @ numerator) / (counts @ denominator)
        left_out = (total - numerator) / (over - denominator)
    resampled = resampled[np.isfinite(resampled)]
    if not len(resampled) or not np.isfinite(left_out).all():
        return Interval(value, None, None)
    low, high = _bca_levels(value, resampled, left_out, widened_tail((1 - confidence) / 2, runs))
    low, high = np.quantile(resampled, [low, high])
    return Interval(value, min(float(low), value), max(float(high), value))


def _bca_levels(value: float, resampled: Floats, left_out: Floats, tail: float) -> tuple[float, float]:
    """The quantiles of the resampled estimates that are the bounds; plain ones where there is nothing to correct."""
    below = float(((resampled < value).mean() + (resampled <= value).mean()) / 2)
    influence = left_out.mean() - left_out
    size = float((influence**2).sum())
    if not 0 < below < 1 or size <= 0:
        return tail, 1 - tail
    shift = _NORMAL.inv_cdf(below)
    acceleration = float((influence**3).sum()) / (6 * size**1.5)

    def corrected(level: float) -> float:
        z = shift + _NORMAL.inv_cdf(level)
        return _NORMAL.cdf(shift + z / max(1 - acceleration * z, 1e-9))

    return corrected(tail), corrected(1 - tail)


def widened_tail(tail: float, runs: int) -> float:
    """The tail of a normal that lies as far out as that of t with ``runs`` - 1 degrees of freedom, bias included.

    The quantile of t by Hill's expansion (Abramowitz & Stegun 26.7.5), good to three digits from 3 degrees on.
    """
    z = -_NORMAL.inv_cdf(tail)
    n = runs - 1
    t = z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
    t += (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    return max(_NORMAL.cdf(-math.sqrt(runs / n) * t), 1e-12)


def share_interval(hits: int, trials: int, confidence: float) -> Interval:
    """A share with its Wilson interval."""
    if not trials:
        return Interval(math.nan, None, None)
    z = _NORMAL.inv_cdf((1 + confidence) / 2)
    share = hits / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    low, high = max(middle - half, 0.0) if hits else 0.0, min(middle + half, 1.0) if hits < trials else 1.0
    return Interval(share, low, high)
