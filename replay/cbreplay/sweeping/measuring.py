"""What stopping in each cell saves and costs, run by run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from ..rules import StoppingRule
from ..run import Run
from .curves import Curve, Floats, base_rule, curve_of
from .grid import Grid
from .passes import NEVER, Stops, stops_of

#: The codes in :attr:`RunMeasures.verdict`.
VERDICTS = ("stopped", "completed", "undecided", "undecided")
STOPPED, COMPLETED, OPEN, HIDDEN = range(4)  #: OPEN: not within the log; HIDDEN: the log lacks what decides

_POSITIONS_AT_ONCE = 4_000_000
_CELLS_AT_ONCE = 1_000_000
_RUNS_AT_ONCE = 64
Codes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class RunMeasures:
    """What every cell does to one run; arrays of shape (cells,), NaN where there is nothing. Epochs are 0-based.

    ``verdict`` holds codes into :data:`VERDICTS`. ``regret`` is by how much the best value up to the stop is worse
    than that of the whole run, ``regret_final`` the same for the weights that one ends with, both in the unit of the
    monitor (>= 0); where a cell does not stop, as if training had ended with the log: they count only where the
    verdict says so. ``spread`` is the range of the run's finite values, ``whole_best`` the best of them,
    ``best_seen`` the best up to the stop, ``first_regret`` the regret of stopping at the first value. ``epochs`` and
    ``seconds`` are the length of the log, ``problem`` why the rule cannot be replayed.
    """

    run: Run
    monitor: str
    maximize: bool | None
    problem: str | None
    verdict: Codes
    stopped_epoch: Floats
    best_epoch: Floats
    best: Floats
    best_seen: Floats
    regret: Floats
    regret_final: Floats
    epochs_saved: Floats
    seconds_saved: Floats
    spread: float
    whole_best: float
    first_regret: float
    epochs: int
    seconds: float

    @property
    def regret_relative(self) -> Floats:
        """``regret`` over the range of the run's values; 0 where there is no range."""
        return _over(self.regret, self.spread)

    @property
    def regret_final_relative(self) -> Floats:
        """``regret_final`` over the range of the run's values; 0 where there is no range."""
        return _over(self.regret_final, self.spread)


def _over(regret: Floats, spread: float) -> Floats:
    return regret / spread if spread > 0 else np.where(np.isnan(regret), np.nan, 0.0)


@dataclass(frozen=True)
class Sweep:
    """One rule over a grid and many runs. ``fixed`` are the parameters that the grid does not vary."""

    grid: Grid
    monitor: str
    fixed: dict[str, Any]
    runs: tuple[RunMeasures, ...]


def sweep_runs(
    runs: Iterable[Run], grid: Grid, fixed: Mapping[str, Any], *, profile: str = "auto",
    compiled_metrics: Mapping[str, str | None] | None = None, metrics: Mapping[str, str] | None = None,
) -> Iterator[RunMeasures]:  # fmt: skip
    """The measures of each run, in order. Runs are taken in portions: memory does not grow with their number."""
    rule = base_rule(grid, fixed)
    waiting = iter(runs)
    at_once = min(max(_CELLS_AT_ONCE // grid.cells, 1), _RUNS_AT_ONCE)
    while portion := list(islice(waiting, at_once)):
        curves = [curve_of(run, grid, rule, profile, compiled_metrics, metrics) for run in portion]
        yield from _measure_all(curves, grid, rule)


def _measure_all(curves: Sequence[Curve], grid: Grid, rule: StoppingRule) -> list[RunMeasures]:
    found: dict[int, Stops] = {}
    alike: dict[tuple[Any, ...], list[int]] = {}
    for number, curve in enumerate(curves):
        if curve.maximize is not None and len(curve.epoch):
            alike.setdefault((curve.era, curve.maximize), []).append(number)
    for members in alike.values():
        longest = max(len(curves[number].epoch) for number in members)
        at_once = max(1, _POSITIONS_AT_ONCE // max(longest * len(grid.lanes), 1))
        for first in range(0, len(members), at_once):
            some = members[first : first + at_once]
            found.update(zip(some, stops_of([curves[number] for number in some], grid, rule), strict=True))
    return [_measure(curve, found.get(number), grid, rule) for number, curve in enumerate(curves)]


def _measure(curve: Curve, stops: Stops | None, grid: Grid, rule: StoppingRule) -> RunMeasures:
    run = curve.run
    values = run.values(curve.monitor) if curve.monitor in run.table else np.full(run.epochs, np.nan)
    loss = -values if curve.maximize else values
    finite = loss[np.isfinite(loss)]
    seconds = run.seconds_after()
    common: dict[str, Any] = {
        "run": run, "monitor": curve.monitor, "maximize": curve.maximize, "problem": curve.problem,
        "epochs": run.epochs,
        "spread": float(finite.max() - finite.min()) if len(finite) else np.nan,
        "seconds": float(seconds[0]) if len(seconds) else np.nan,
    }  # fmt: skip
    so_far = np.fmin.accumulate(loss) if len(loss) else loss
    whole = float(so_far[-1]) if len(so_far) else np.nan
    common["whole_best"] = -whole if curve.maximize else whole
    common["first_regret"] = float(finite[0] - whole) if len(finite) else np.nan
    nothing = np.full(grid.cells, np.nan)
    if curve.maximize is None:
        return RunMeasures(
            verdict=np.full(grid.cells, HIDDEN, np.int8), stopped_epoch=nothing, best_epoch=nothing, best=nothing,
            best_seen=nothing, regret=nothing, regret_final=nothing, epochs_saved=nothing, seconds_saved=nothing,
            **common,
        )  # fmt: skip
    first, last = run.first_epoch, run.first_epoch + run.epochs - 1
    if stops is None:
        none = np.full(grid.cells, NEVER)
        stops = Stops(none, none, none, nothing)
    stop_epoch = _epochs_at(curve, stops.stop)
    verdict = _verdicts(curve, grid, stop_epoch)
    stopped = verdict == STOPPED
    stop_epoch = np.where(stopped, stop_epoch, np.nan)
    final = np.where(stopped, stop_epoch, last)
    if getattr(rule, "restore_best_weights", False):
        restored = (stops.kept != NEVER) & (curve.era.restores != "never")
        if curve.era.restores == "when_stopping":
            restored &= stopped
        final = np.where(restored, _epochs_at(curve, stops.kept), final)
    up_to_stop = np.where(stopped, _at(so_far, stop_epoch, first), whole)
    with np.errstate(invalid="ignore"):
        regret = np.maximum(up_to_stop - whole, 0.0)
        regret_final = np.maximum(_at(loss, final, first) - whole, 0.0)
    return RunMeasures(
        verdict=verdict,
        stopped_epoch=stop_epoch,
        best_epoch=_epochs_at(curve, stops.best),
        best=stops.best_value,
        best_seen=-up_to_stop if curve.maximize else up_to_stop,
        regret=regret,
        regret_final=regret_final,
        epochs_saved=np.where(stopped, last - stop_epoch, np.nan),
        seconds_saved=np.where(stopped, _at(seconds, stop_epoch, first), np.nan),
        **common,
    )


def _verdicts(curve: Curve, grid: Grid, stop_epoch: Floats) -> Codes:
    """Stopped where the rule fires and no hole lies before; else what is true of a run that the rule never stops."""
    starts = grid.columns["start_from_epoch"]
    verdict = np.full(grid.cells, HIDDEN, np.int8)
    for start, unstopped in curve.unstopped.items():
        cells = starts == start
        hole = min(curve.holes[curve.holes >= start], default=np.inf)
        fires = np.isfinite(stop_epoch) & (stop_epoch < hole)
        knows_all = np.isinf(hole) and unstopped.end == len(curve.epoch)
        otherwise = VERDICTS.index(unstopped.verdict) if knows_all else HIDDEN
        verdict = np.where(cells, np.where(fires, STOPPED, otherwise), verdict).astype(np.int8)
    return verdict


def _epochs_at(curve: Curve, looks: Any) -> Floats:
    """The epochs of looks, NaN for :data:`NEVER`."""
    return np.where(looks == NEVER, np.nan, curve.epoch[looks] if len(curve.epoch) else np.nan)


def _at(series: Floats, epochs: Floats, first: int) -> Floats:
    """The series at 0-based epochs, NaN where there is no epoch."""
    known = np.isfinite(epochs)
    index = np.where(known, epochs, first).astype(np.int64) - first
    return np.where(known, series[index], np.nan) if len(series) else np.full(epochs.shape, np.nan)
