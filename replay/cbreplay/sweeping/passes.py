"""Where every cell of a grid stops, from one pass over the curves for all values of the threshold.

A rule stops at the first look whose score passes its threshold, so the running maximum of the scores holds the
answer for every threshold. The scores are those of the rules themselves: of the wait counter in
``rules/keras/waiting.py``, over all runs and lanes at once, and of each :class:`~cbreplay.rules.ScoredRule`, run by
run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..rules import EarlyStopping, ScoredRule, SmoothedEarlyStopping, StoppingRule
from ..rules.keras.waiting import Wait, begin, look
from ..rules.scored import best_so_far
from ..rules.smoothed import smoothed
from .curves import Curve, Ints
from .grid import Grid

NEVER = -1
_PADDING = -1


@dataclass(frozen=True)
class Stops:
    """For one run, by cell, the looks (from 0) at which it stops, of the best accepted until then, and of the weights
    that would be restored; :data:`NEVER` for none. ``best_value`` is the accepted best as the rule saw it.
    """

    stop: Ints
    best: Ints
    kept: Ints
    best_value: Any


def stops_of(curves: Sequence[Curve], grid: Grid, rule: StoppingRule) -> list[Stops]:
    """The stops of every cell, for curves of one era and direction."""
    if isinstance(rule, ScoredRule):
        return [_scored(curve, grid, rule) for curve in curves]
    if isinstance(rule, SmoothedEarlyStopping):
        return _smoothed(curves, grid, rule)
    assert isinstance(rule, EarlyStopping)
    return _waiting(curves, grid, rule)


def _waiting(curves: Sequence[Curve], grid: Grid, rule: EarlyStopping) -> list[Stops]:
    waits, best, kept = _wait_tracks(curves, grid, rule)
    running = np.maximum.accumulate(waits, axis=-1)
    runs, lanes, length = running.shape
    ceiling = int(running.max(initial=0)) + 1
    patience = np.minimum(np.array(grid.axes["patience"], np.int64), ceiling)
    row = np.arange(runs * lanes)[:, None] * (ceiling + 2)  # one sorted sequence: each row lies above the one before
    place = np.searchsorted((running.reshape(runs * lanes, length) + row).ravel(), (patience + row).ravel())
    place = place.reshape(runs, lanes, -1) - np.arange(runs * lanes).reshape(runs, lanes, 1) * length
    stop = np.where(place < length, place, NEVER)
    at = np.where(stop == NEVER, length - 1, stop)
    stops = []
    for number, curve in enumerate(curves):
        if not len(curve.epoch):
            stops.append(_none(grid))
            continue
        best_at = np.take_along_axis(best[number], at[number], axis=-1)
        stops.append(
            Stops(
                grid.by_cell(stop[number]),
                grid.by_cell(best_at),
                grid.by_cell(np.take_along_axis(kept[number], at[number], axis=-1)),
                grid.by_cell(np.where(best_at == NEVER, np.nan, curve.value[best_at])),
            )
        )
    return stops


def _none(grid: Grid) -> Stops:
    nothing = np.full(grid.cells, NEVER)
    return Stops(nothing, nothing, nothing, np.full(grid.cells, np.nan))


def _wait_tracks(curves: Sequence[Curve], grid: Grid, rule: EarlyStopping) -> tuple[Ints, Ints, Ints]:
    """After each look the wait that patience is held against (-1 where it is not), the look of the best, and of the
    weights that would be restored; each of shape (runs, lanes, looks).
    """
    era, maximize = curves[0].era, bool(curves[0].maximize)
    runs, lanes = len(curves), len(grid.lanes)
    length = max(len(curve.epoch) for curve in curves)
    starts = np.array([lane["start_from_epoch"] for lane in grid.lanes])
    deltas = np.array([lane["min_delta"] for lane in grid.lanes], np.float64)
    deltas = np.broadcast_to(deltas if era.keeps_sign_of_min_delta else np.abs(deltas), (runs, lanes))
    value, epoch, fit = (np.full((runs, length), fill) for fill in (np.nan, _PADDING, _PADDING))
    for number, curve in enumerate(curves):
        count = len(curve.epoch)
        value[number, :count], epoch[number, :count], fit[number, :count] = curve.value, curve.epoch, curve.fit
    ends = np.array([[_end(curve, start) for start in starts] for curve in curves])
    fresh = begin(era, maximize, rule.baseline)
    state = Wait(*(np.broadcast_to(part, (runs, lanes)) for part in _parts(fresh)))
    best = kept = np.full((runs, lanes), NEVER)
    waits, bests, keeps = (np.full((runs, lanes, length), NEVER) for _ in range(3))
    for place in range(length):
        new_fit = (fit[:, place] > (fit[:, place - 1] if place else 0))[:, None]
        if new_fit.any():  # callbacks start afresh
            state = Wait(*(np.where(new_fit, f, s) for f, s in zip(_parts(fresh), _parts(state), strict=True)))
            best, kept = (np.where(new_fit, NEVER, array) for array in (best, kept))
        here = epoch[:, place, None]
        looks = (here >= starts) & (here != _PADDING) & (place < ends)
        after, seen = look(era, state, here, value[:, place, None], maximize, deltas, rule.baseline)
        state = Wait(*(np.where(looks, a, s) for a, s in zip(_parts(after), _parts(state), strict=True)))
        accepted = looks & seen.accepted
        best = np.where(accepted, place, best)
        falls_back = era.first_weights_are_fallback & looks & (kept == NEVER)
        kept = np.where(accepted | falls_back, place, kept)
        waits[..., place] = np.where(looks & seen.tested, seen.tested_wait, NEVER)
        bests[..., place], keeps[..., place] = best, kept
    return waits, bests, keeps


def _parts(state: Wait) -> tuple[Any, Any, Any]:
    return state.best, state.known, state.wait


def _end(curve: Curve, start: int) -> int:
    return curve.unstopped[start].end if start in curve.unstopped else 0


def _smoothed(curves: Sequence[Curve], grid: Grid, rule: SmoothedEarlyStopping) -> list[Stops]:
    """The wait counter on smoothed curves, one value of ``smoothing`` after the other."""
    axes = {name: values for name, values in grid.axes.items() if name != "smoothing"}
    inner = Grid("keras", axes, grid.threshold)
    parts = []
    for smoothing in grid.axes["smoothing"]:
        seen = [replace(curve, value=_smoothed_by_fit(curve, smoothing)) for curve in curves]
        parts.append(_waiting(seen, inner, rule.inner))
    return [
        Stops(*(np.concatenate([getattr(part[number], name) for part in parts])
                for name in ("stop", "best", "kept", "best_value")))
        for number in range(len(curves))
    ]  # fmt: skip


def _smoothed_by_fit(curve: Curve, smoothing: float) -> Any:
    parts = [smoothed(curve.value[curve.fit == fit], smoothing) for fit in np.unique(curve.fit)]
    return np.concatenate(parts) if parts else curve.value


def _scored(curve: Curve, grid: Grid, rule: ScoredRule) -> Stops:
    """The first look whose score is above each threshold; best is the lowest (highest) value until then."""
    shape = len(grid.lanes), len(grid.axes[grid.threshold])
    stop, best = np.full(shape, NEVER), np.full(shape, NEVER)
    thresholds = np.array([
        rule.with_parameters(**{grid.threshold: value}).threshold for value in grid.axes[grid.threshold]
    ])  # fmt: skip
    for start in grid.axes["start_from_epoch"]:
        looks = np.flatnonzero(curve.epoch[: _end(curve, int(start))] >= start)
        if not len(looks):
            continue
        fits = [np.flatnonzero(curve.fit[looks] == fit) for fit in np.unique(curve.fit[looks])]
        values, training = curve.value[looks], curve.training[looks]
        lowest = np.concatenate([_looks_of_best(values[fit], looks[fit], rule.maximize) for fit in fits])
        for number, lane in enumerate(grid.lanes):
            if lane["start_from_epoch"] != start:
                continue
            cell_rule = rule.with_parameters(**lane)
            scores = np.concatenate([cell_rule.scores(values[fit], training[fit]) for fit in fits])
            running = np.fmax.accumulate(np.where(np.isnan(scores), -np.inf, scores))
            place = np.searchsorted(running, thresholds, side="right")
            stopped = place < len(looks)
            place = np.minimum(place, len(looks) - 1)
            stop[number] = np.where(stopped, looks[place], NEVER)
            best[number] = lowest[place]
    best_value = np.where(best == NEVER, np.nan, curve.value[best] if len(curve.value) else np.nan)
    return Stops(grid.by_cell(stop), grid.by_cell(best), np.full(grid.cells, NEVER), grid.by_cell(best_value))


def _looks_of_best(values: Any, looks: Ints, maximize: bool) -> Ints:
    """For each value the look of the best so far, the first among equals; :data:`NEVER` while all are NaN."""
    best = best_so_far(values, maximize)
    before = np.append(np.nan, best[:-1])
    new = ~np.isnan(best) & (np.isnan(before) | (best != before))
    return np.maximum.accumulate(np.where(new, looks, NEVER))
