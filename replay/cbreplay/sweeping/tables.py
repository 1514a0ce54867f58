"""A sweep as a tidy DataFrame, a row per run and cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ..run import Run
from .grid import Grid, make_grid
from .measuring import OPEN, VERDICTS, RunMeasures, sweep_runs

if TYPE_CHECKING:
    import pandas as pd

Values = float | Iterable[float]

_ROWS_AT_ONCE = 2_000_000
_FIRST = ("patience", "min_delta", "start_from_epoch")
_FURTHER = ("smoothing", "alpha", "strip_length", "strips")
_WHOLE = ("patience", "start_from_epoch", "strip_length", "strips", "stopped_epoch", "best_epoch", "epochs_saved")
_MEASURES = (
    "stopped_epoch", "best_epoch", "best", "regret", "regret_final", "epochs_saved", "seconds_saved",
    "regret_relative", "regret_final_relative",
)  # fmt: skip


def sweep(
    runs: Iterable[Run],
    *,
    monitor: str | Sequence[str] = "val_loss",
    mode: str = "auto",
    patience: Values | None = None,
    min_delta: Values | None = None,
    start_from_epoch: Values | None = None,
    rule: str | Sequence[str] = "keras",
    smoothing: Values | None = None,
    alpha: Values | None = None,
    strip_length: Values | None = None,
    strips: Values | None = None,
    baseline: float | None = None,
    restore_best_weights: bool = False,
    profile: str = "auto",
    compiled_metrics: Mapping[str, str | None] | None = None,
    metrics: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Early stopping over a grid of parameters and many runs; a row per run and cell, runs in the given order.

    ``rule`` is ``keras``, ``smoothed`` (Keras' rule on the smoothed curve), ``lookback``, ``gl``, ``pq`` or ``up``
    (Prechelt's), or several of them; of the parameters each takes those that it has. The defaults are patience 0 to 50,
    min_delta 0, start_from_epoch 0.

    Columns: run, patience, min_delta, start_from_epoch (and smoothing, alpha, strip_length, strips where a rule has
    them), verdict, stopped_epoch and best_epoch (0-based Int64, <NA> where there is none), best, regret,
    regret_final (in the unit of the monitor), epochs_saved (Int64), seconds_saved, regret_relative and
    regret_final_relative (over the run's range), epochs (how many were logged), monitor, rule. Each row equals the
    replay of its cell; where that raises, or the run has no such monitor, the row is undecided. Raises
    :class:`ParameterError` for a grid that cannot be.
    """
    import pandas as pd

    parts = [*iter_sweep(
        runs, monitor=monitor, mode=mode, patience=patience, min_delta=min_delta, start_from_epoch=start_from_epoch,
        rule=rule, smoothing=smoothing, alpha=alpha, strip_length=strip_length, strips=strips, baseline=baseline,
        restore_best_weights=restore_best_weights, profile=profile, compiled_metrics=compiled_metrics, metrics=metrics,
    )]  # fmt: skip
    return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]


def iter_sweep(
    runs: Iterable[Run],
    *,
    monitor: str | Sequence[str] = "val_loss",
    mode: str = "auto",
    rule: str | Sequence[str] = "keras",
    baseline: float | None = None,
    restore_best_weights: bool = False,
    profile: str = "auto",
    compiled_metrics: Mapping[str, str | None] | None = None,
    metrics: Mapping[str, str] | None = None,
    **axes: Values | None,
) -> Iterator[pd.DataFrame]:
    """:func:`cbreplay.sweep` in portions of runs, for grids that are too large for memory as a whole.

    There is always at least one table; of several rules or monitors one comes after the other.
    """
    rules = [rule] if isinstance(rule, str) else list(rule)
    monitors = [monitor] if isinstance(monitor, str) else list(monitor)
    grids = [make_grid(name, axes) for name in rules]
    further = [name for name in _FURTHER if any(name in grid.axes for grid in grids)]
    kept = list(runs) if len(grids) * len(monitors) > 1 else runs
    for watched in monitors:
        fixed: dict[str, Any] = {"monitor": watched, "mode": mode}
        fixed |= {"baseline": baseline, "restore_best_weights": restore_best_weights}
        for grid in grids:
            measured = sweep_runs(
                kept, grid, _with_plain_mode(grid, fixed), profile=profile, compiled_metrics=compiled_metrics,
                metrics=metrics,
            )  # fmt: skip
            yield from _tables(measured, grid, watched, further)


def _with_plain_mode(grid: Grid, fixed: dict[str, Any]) -> dict[str, Any]:
    """Rules that are not Keras' know no ``auto``: the loss is to be minimised, for all else they ask."""
    knows_auto = grid.rule in ("keras", "smoothed")
    plain = fixed["mode"] == "auto" and not knows_auto and str(fixed["monitor"]).endswith("loss")
    return {**fixed, "mode": "min"} if plain else fixed


def _tables(measured: Iterator[RunMeasures], grid: Grid, monitor: str, further: list[str]) -> Iterator[pd.DataFrame]:
    at_once = max(1, _ROWS_AT_ONCE // grid.cells)
    portion = list(islice(measured, at_once))
    yield _table(portion, grid, monitor, further)
    while portion := list(islice(measured, at_once)):
        yield _table(portion, grid, monitor, further)


def _table(measured: list[RunMeasures], grid: Grid, monitor: str, further: list[str]) -> pd.DataFrame:
    import pandas as pd

    rows = len(measured) * grid.cells
    columns: dict[str, Any] = {"run": np.repeat(np.array([item.run.name for item in measured], object), grid.cells)}
    for name in (*_FIRST, *further):
        values = grid.columns.get(name, np.full(grid.cells, np.nan))
        columns[name] = _column(name, np.tile(values, len(measured)), missing=name not in grid.columns)
    verdict = np.concatenate([item.verdict for item in measured]) if measured else np.zeros(0, np.int8)
    columns["verdict"] = np.array(VERDICTS, object)[verdict]
    for name in _MEASURES:
        joined = np.concatenate([getattr(item, name) for item in measured]) if measured else np.zeros(0)
        if name.startswith("regret"):  # against what training would still have brought nothing is known
            joined = np.where(verdict >= OPEN, np.nan, joined)
        columns[name] = _column(name, joined, missing=True)
    columns["epochs"] = np.repeat([item.epochs for item in measured], grid.cells)
    columns["monitor"] = np.full(rows, monitor, object)
    columns["rule"] = np.full(rows, grid.rule, object)
    return pd.DataFrame(columns)


def _column(name: str, values: Any, *, missing: bool) -> Any:
    """Whole numbers as Int64 where some may be missing."""
    if name not in _WHOLE or not missing:
        return values
    import pandas as pd

    gone = np.isnan(values)
    return pd.arrays.IntegerArray(np.where(gone, 0, values).astype(np.int64), gone)
