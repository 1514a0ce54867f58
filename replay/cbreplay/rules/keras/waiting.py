"""The wait counter: best, wait and when the patience is looked at, for one curve or for many at once.

Everything here works element by element: on numbers when one policy is replayed, on arrays of shape
(lanes,) when a grid is swept over many runs. Patience itself plays no part in how best and wait develop, so
all patience values share one pass over a curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .eras import EarlyStoppingEra

Numbers = Any  #: a float, or an array of shape (lanes,)


def improves(value: Numbers, best: Numbers, maximize: Numbers, min_delta: Numbers, float32: bool) -> Any:
    """Whether ``value`` is better than ``best`` by more than ``min_delta``; a tie and NaN are not.

    Keras adds in float64 and, from 3.0 on, compares both sides as float32 (``keras.ops.less`` on Python floats).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        bettered: Any = np.where(maximize, np.subtract(value, min_delta), np.add(value, min_delta))
        if float32:
            bettered, best = np.float32(bettered), np.float32(best)
        return np.where(maximize, bettered > best, bettered < best)


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


def begin(era: EarlyStoppingEra, maximize: Numbers, baseline: float | None) -> Wait:
    """The state before the first epoch of a first fit."""
    if era.best_starts_at_baseline and baseline is not None:
        return Wait(baseline, True, 0)
    worst = np.where(maximize, -np.inf, np.inf)
    return Wait(worst, not era.first_value_is_best, 0)


def look(
    era: EarlyStoppingEra,
    state: Wait,
    value: Numbers,
    maximize: Numbers,
    min_delta: Numbers,
    baseline: float | None,
) -> tuple[Wait, Look]:
    """Take one evaluated value into account."""
    float32 = era.compares_in_float32
    accepted = np.logical_not(state.known) | improves(value, state.best, maximize, min_delta, float32)
    reset = accepted
    if baseline is not None and not era.best_starts_at_baseline:
        reset = accepted & improves(value, baseline, maximize, min_delta, float32)
    counted = state.wait + 1
    after = Wait(
        best=np.where(accepted, value, state.best),
        known=np.logical_or(state.known, accepted),
        wait=np.where(reset, 0, counted),
    )
    return after, Look(
        accepted=accepted,
        reset=reset,
        tested=np.logical_or(era.improving_epoch_can_stop, np.logical_not(accepted)),
        tested_wait=state.wait if era.tests_wait_before_counting else after.wait,
    )
