"""The wait counter: best, wait and when the patience is looked at, for one curve or for many at once.

Everything here works element by element: on numbers when one policy is replayed, on arrays of shape
(lanes,) when a grid is swept over many runs. Patience itself plays no part in how best and wait develop, so
all patience values share one pass over a curve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .eras import EarlyStoppingEra

Numbers = Any  #: a float, or an array of shape (lanes,)

_FLOAT32_MAX = float(np.finfo(np.float32).max)


def improves(value: Numbers, best: Numbers, maximize: bool, min_delta: Numbers, float32: bool) -> Any:
    """Whether ``value`` is better than ``best`` by more than ``min_delta``; a tie and NaN are not.

    Keras adds in float64 and, from 3.0 on, compares both sides as float32 (``keras.ops.less`` on Python floats).
    """
    bettered = value - min_delta if maximize else value + min_delta
    if float32:
        bettered, best = _in_float32(bettered), _in_float32(best)
    return bettered > best if maximize else bettered < best


def _in_float32(value: Numbers) -> Any:
    if isinstance(value, float) and not _FLOAT32_MAX < abs(value) < math.inf:
        return np.float32(value)
    with np.errstate(over="ignore"):
        return np.float32(value)


def _select(condition: Any, chosen: Numbers, other: Numbers) -> Any:
    """``chosen`` where the condition holds, else ``other``: for numbers and for arrays."""
    return np.where(condition, chosen, other) if isinstance(condition, np.ndarray) else (chosen if condition else other)


@dataclass(frozen=True)
class Wait:
    """Best and wait after the epochs seen so far; ``known`` is False while the era has no best at all."""

    best: Numbers
    known: Numbers
    wait: Numbers


@dataclass(frozen=True)
class Look:
    """What one look at a value decided: accepted as best, wait reset, and the wait that patience is held against.

    ``tested`` is False where this epoch cannot stop training whatever the patience.
    """

    accepted: Numbers
    reset: Numbers
    tested: Numbers
    tested_wait: Numbers


def begin(era: EarlyStoppingEra, maximize: bool, baseline: float | None) -> Wait:
    """The state before the first epoch of a first fit."""
    if era.best_starts_at_baseline and baseline is not None:
        return Wait(float(baseline), True, 0)
    return Wait(-math.inf if maximize else math.inf, not era.first_value_is_best, 0)


def look(
    era: EarlyStoppingEra, state: Wait, epoch: Numbers, value: Numbers, maximize: bool, min_delta: Numbers,
    baseline: float | None,
) -> tuple[Wait, Look]:  # fmt: skip
    """Take the value of one evaluated epoch (0-based) into account."""
    float32 = era.compares_in_float32
    accepted = (state.known ^ True) | improves(value, state.best, maximize, min_delta, float32)
    reset = accepted
    if baseline is not None and not era.best_starts_at_baseline:
        reset = accepted & improves(value, baseline, maximize, min_delta, float32)
    after = Wait(
        best=_select(accepted, value, state.best),
        known=state.known | accepted,
        wait=_select(reset, 0, state.wait + 1),
    )
    tested = accepted | True if era.improving_epoch_can_stop else accepted ^ True
    if era.never_stops_at_epoch_0:
        tested = tested & (epoch != 0)
    return after, Look(
        accepted=accepted,
        reset=reset,
        tested=tested,
        tested_wait=state.wait if era.tests_wait_before_counting else after.wait,
    )
