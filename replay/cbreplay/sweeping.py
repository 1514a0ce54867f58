"""Runs x grid -> table: every patience of one min_delta comes from one pass over the curve.

The pass is that of ``rules/keras/waiting.py``, over all runs and all values of min_delta at once; patience only
decides at which of its waits training stops. So a cell equals the replay of its policy, by construction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import CbreplayError, ParameterError
from .outcome import Outcome
from .replaying import replay
from .rules import EarlyStopping
from .rules.keras.eras import EarlyStoppingEra
from .rules.keras.waiting import Wait, begin, look
from .run import Run

if TYPE_CHECKING:
    import pandas as pd

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]
_NEVER = -1
_PADDING = -1


def sweep(
    runs: Iterable[Run],
    *,
    monitor: str = "val_loss",
    mode: str = "auto",
    patience: int | Iterable[int] = range(51),
    min_delta: float | Iterable[float] = 0.0,
    start_from_epoch: int | Iterable[int] = 0,
    baseline: float | None = None,
    restore_best_weights: bool = False,
    profile: str = "auto",
) -> pd.DataFrame:
    """EarlyStopping over a grid of parameters and many runs; a row per run and cell, runs in the given order.

    Columns: run, patience, min_delta, start_from_epoch, verdict, stopped_epoch and best_epoch (0-based Int64, <NA>
    where there is none), best, regret, regret_final, epochs_saved (Int64), seconds_saved. Each row equals the replay of
    its cell. A run that has no such monitor is undecided in every cell. Raises :class:`ParameterError` for an empty or
    negative grid.
    """
    grid = _Grid(_listed(patience), _listed(min_delta), _listed(start_from_epoch))
    rule = EarlyStopping(monitor, mode=mode, baseline=baseline, restore_best_weights=restore_best_weights)
    curves = [_curve(run, rule, profile) for run in runs]
    tables: list[dict[str, Any]] = [{} for _ in curves]
    for key in dict.fromkeys(curve.key for curve in curves):
        members = [number for number, curve in enumerate(curves) if curve.key == key]
        for number, table in zip(members, _sweep_alike([curves[n] for n in members], grid, rule), strict=True):
            tables[number] = table
    return _frame(curves, tables, grid)


def _listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, Iterable) else [values]


class _Grid:
    """The cells of one run, in order: start_from_epoch slowest, then min_delta, patience fastest."""

    def __init__(self, patience: Sequence[int], min_delta: Sequence[float], starts: Sequence[int]) -> None:
        for name, values in (("patience", patience), ("min_delta", min_delta), ("start_from_epoch", starts)):
            if not values:
                raise ParameterError(f"{name} of the sweep is empty")
            if name != "min_delta" and min(values) < 0:
                raise ParameterError(f"{name} of the sweep must not be negative, got {min(values)!r}")
        self.patience = np.array(patience, np.int64)
        self.lanes = list(product(starts, min_delta))

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.lanes), len(self.patience)


@dataclass
class _Curve:
    """What the rule sees of one run: a position per looked-at epoch, over all its fits."""

    run: Run
    outcome: Outcome | None  # of the rule that never stops: verdict, mode and era of the run
    epoch: _Ints
    value: _Floats
    fit: _Ints

    @property
    def key(self) -> tuple[EarlyStoppingEra | None, str | None]:
        return (None, None) if self.outcome is None else (self.outcome.profile.early_stopping, self.outcome.mode)


def _curve(run: Run, rule: EarlyStopping, profile: str) -> _Curve:
    never = EarlyStopping(rule.monitor, patience=2**31, mode=rule.mode)
    outcome: Outcome | None
    try:
        outcome = replay(run, never, profile=profile)
    except CbreplayError:
        outcome = None
    seen = [
        (epoch, logs[rule.monitor], number)
        for number, fit in enumerate(run.fits())
        for epoch, logs in fit
        if logs.get(rule.monitor) is not None
    ]
    epoch, value, number = zip(*seen, strict=True) if seen else ((), (), ())
    return _Curve(run, outcome, np.array(epoch, np.int64), np.array(value, np.float64), np.array(number, np.int64))


def _sweep_alike(curves: list[_Curve], grid: _Grid, rule: EarlyStopping) -> list[dict[str, Any]]:
    """The cells of runs that share era and mode."""
    if curves[0].outcome is None or curves[0].outcome.mode is None:
        return [_nothing(grid) for _ in curves]
    stop, best, kept = _stops(
        curves, grid, rule, curves[0].outcome.profile.early_stopping, curves[0].outcome.mode == "max"
    )
    return [_measures(curve, grid, rule, stop[n], best[n], kept[n]) for n, curve in enumerate(curves)]


def _stops(
    curves: list[_Curve], grid: _Grid, rule: EarlyStopping, era: EarlyStoppingEra, maximize: bool
) -> tuple[_Ints, _Ints, _Ints]:
    """For each run, lane and patience the positions of the stop, of the best accepted until then, and of the weights
    that would be restored; -1 for none.
    """
    runs, lanes = len(curves), len(grid.lanes)
    length = max((len(curve.epoch) for curve in curves), default=0)
    starts = np.array([start for start, _ in grid.lanes])
    deltas = np.array([delta for _, delta in grid.lanes], np.float64)
    deltas = np.broadcast_to(deltas if era.keeps_sign_of_min_delta else np.abs(deltas), (runs, lanes))
    value, epoch, fit = (np.full((runs, length), fill) for fill in (np.nan, _PADDING, _PADDING))
    for number, curve in enumerate(curves):
        count = len(curve.epoch)
        value[number, :count], epoch[number, :count], fit[number, :count] = curve.value, curve.epoch, curve.fit
    fresh = begin(era, maximize, rule.baseline)
    state = Wait(*(np.broadcast_to(part, (runs, lanes)) for part in (fresh.best, fresh.known, fresh.wait)))
    most = int(grid.patience.max())
    stop = np.full((runs, lanes, most + 1), _NEVER)
    best_at_stop = np.full((runs, lanes, most + 1), _NEVER)
    reached = np.full((runs, lanes), -1)
    best = np.full((runs, lanes), _NEVER)
    kept_at_stop = best_at_stop.copy()  # whose weights would be restored: without a best the first that were looked at
    kept = best.copy()
    for position in range(length):
        new_fit = fit[:, position] > (fit[:, position - 1] if position else 0)
        if new_fit.any():  # callbacks start afresh; cells that have stopped before keep their stop
            again = new_fit[:, None]
            state = Wait(*(np.where(again, f, s) for f, s in zip(_parts(fresh), _parts(state), strict=True)))
            reached, best, kept = (np.where(again, _NEVER, array) for array in (reached, best, kept))
        epoch_here = epoch[:, position, None]
        looks = (epoch_here >= starts) & (epoch_here != _PADDING)
        after, seen = look(era, state, epoch_here, value[:, position, None], maximize, deltas, rule.baseline)
        state = Wait(*(np.where(looks, a, s) for a, s in zip(_parts(after), _parts(state), strict=True)))
        best = np.where(looks & seen.accepted, position, best)
        falls_back = era.first_weights_are_fallback & looks & (kept == _NEVER)
        kept = np.where((looks & seen.accepted) | falls_back, position, kept)
        wait = np.broadcast_to(seen.tested_wait, looks.shape)
        further = looks & seen.tested & (wait > reached)
        row, lane = np.nonzero(further)
        cell, last = reached[row, lane] + 1, np.minimum(wait[row, lane], most)  # a patience above the last is no cell
        while len(row):  # a wait grows by one, only the first reaches the cells of patience 0 and 1 at once
            open_cells = (cell <= last) & (stop[row, lane, np.minimum(cell, most)] == _NEVER)
            here = row[open_cells], lane[open_cells], cell[open_cells]
            stop[here] = position
            best_at_stop[here] = best[here[:2]]
            kept_at_stop[here] = kept[here[:2]]
            further_on = cell < last
            row, lane, cell, last = (array[further_on] for array in (row, lane, cell + 1, last))
        reached = np.where(further, wait, reached)
    picked = grid.patience
    stopped = stop[:, :, picked]
    return (
        stopped,
        np.where(stopped == _NEVER, best[:, :, None], best_at_stop[:, :, picked]),
        np.where(stopped == _NEVER, kept[:, :, None], kept_at_stop[:, :, picked]),
    )


def _parts(state: Wait) -> tuple[Any, Any, Any]:
    return state.best, state.known, state.wait


def _nothing(grid: _Grid) -> dict[str, Any]:
    none = np.full(grid.shape, np.nan)
    return {"verdict": np.full(grid.shape, "undecided", object)} | dict.fromkeys(
        ("stopped_epoch", "best_epoch", "best", "regret", "regret_final", "epochs_saved", "seconds_saved"), none
    )


def _measures(curve: _Curve, grid: _Grid, rule: EarlyStopping, stop: _Ints, best: _Ints, kept: _Ints) -> dict[str, Any]:
    """The measures of one run's cells, arrays of shape (lanes, patiences)."""
    run, outcome = curve.run, curve.outcome
    assert outcome is not None
    stop_epoch = np.where(stop == _NEVER, np.nan, curve.epoch[stop] if len(curve.epoch) else np.nan)
    starts = np.array([start for start, _ in grid.lanes])[:, None]
    holes = np.array(run.lost_epochs(rule.monitor) if run.sources else (), np.float64)
    first_hole = np.array([min(holes[holes >= start], default=np.inf) for start in starts.ravel()])[:, None]
    hidden = np.isfinite(first_hole) & ~(stop_epoch < first_hole)
    verdict = np.where(hidden, "undecided", np.where(np.isfinite(stop_epoch), "stopped", outcome.verdict))
    stopped = verdict == "stopped"
    stop_epoch = np.where(stopped, stop_epoch, np.nan)
    best_epoch = np.where(best == _NEVER, np.nan, curve.epoch[best] if len(curve.epoch) else np.nan)
    final_epoch = np.where(stopped, stop_epoch, run.first_epoch + run.epochs - 1)
    if rule.restore_best_weights:
        restores = outcome.profile.early_stopping.restores
        restored = (kept != _NEVER) & (stopped | (restores == "at_train_end")) & (restores != "never")
        final_epoch = np.where(restored, curve.epoch[kept] if len(curve.epoch) else np.nan, final_epoch)
    regret, regret_final = _regrets(run, rule.monitor, outcome.mode == "max", stop_epoch, final_epoch)
    decided = verdict != "undecided"
    return {
        "verdict": verdict,
        "stopped_epoch": stop_epoch,
        "best_epoch": best_epoch,
        "best": np.where(best == _NEVER, np.nan, curve.value[best] if len(curve.value) else np.nan),
        "regret": np.where(decided, regret, np.nan),
        "regret_final": np.where(decided, regret_final, np.nan),
        "epochs_saved": np.where(stopped, run.first_epoch + run.epochs - 1 - stop_epoch, np.nan),
        "seconds_saved": np.where(stopped, _at(run.seconds_after(), stop_epoch, run.first_epoch), np.nan),
    }


def _regrets(
    run: Run, monitor: str, maximize: bool, stop_epoch: _Floats, final_epoch: _Floats
) -> tuple[_Floats, _Floats]:
    values = run.values(monitor) if monitor in run.table else np.full(run.epochs, np.nan)
    loss = -values if maximize else values
    so_far = np.fmin.accumulate(loss) if len(loss) else loss
    whole = so_far[-1] if len(so_far) else np.nan
    up_to_stop = np.where(np.isfinite(stop_epoch), _at(so_far, stop_epoch, run.first_epoch), whole)
    with np.errstate(invalid="ignore"):
        return np.maximum(up_to_stop - whole, 0.0), np.maximum(_at(loss, final_epoch, run.first_epoch) - whole, 0.0)


def _at(series: _Floats, epochs: _Floats, first: int) -> _Floats:
    """The series at 0-based epochs, NaN where there is no epoch."""
    known = np.isfinite(epochs)
    index = np.where(known, epochs, first).astype(np.int64) - first
    return np.where(known, series[index], np.nan) if len(series) else np.full(epochs.shape, np.nan)


def _frame(curves: list[_Curve], tables: list[dict[str, Any]], grid: _Grid) -> pd.DataFrame:
    import pandas as pd

    lanes, patiences = grid.shape
    cells = lanes * patiences
    columns: dict[str, Any] = {
        "run": np.repeat(np.array([curve.run.name for curve in curves], object), cells),
        "patience": np.tile(np.tile(grid.patience, lanes), len(curves)),
        "min_delta": np.tile(np.repeat([delta for _, delta in grid.lanes], patiences), len(curves)),
        "start_from_epoch": np.tile(np.repeat([start for start, _ in grid.lanes], patiences), len(curves)),
    }
    names = (
        "verdict",
        "stopped_epoch",
        "best_epoch",
        "best",
        "regret",
        "regret_final",
        "epochs_saved",
        "seconds_saved",
    )
    for name in names:
        column = np.concatenate([table[name].ravel() for table in tables]) if tables else np.array([])
        whole = name in ("stopped_epoch", "best_epoch", "epochs_saved")
        columns[name] = pd.array(column, dtype="Float64").astype("Int64") if whole else column
    return pd.DataFrame(columns)
