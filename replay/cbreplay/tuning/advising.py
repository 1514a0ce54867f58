"""Runs and a goal -> advice, with all that qualifies it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..medians import median
from ..monitors import with_monitors
from ..rules import STOPPING_RULES, StoppingRule
from ..run import Run
from ..sweeping import Grid, RunMeasures, sweep_runs
from ..sweeping.grid import make_grid
from ..sweeping.tables import Values
from .case import MIN_RUNS, Case
from .choosing import Goal
from .grouping import group_runs
from .intervals import Bootstrap
from .noise import natural_min_deltas, noise_deviation
from .records import Advice
from .standing import standings
from .weighing import Settings

_CENSORED = ("exclude", "bound", "ignore")

Progress = Callable[[int, int], None]


def tune(
    runs: Iterable[Run],
    *,
    monitor: str = "val_loss",
    mode: str = "auto",
    max_regret: float | None = None,
    budget: float | None = None,
    absolute: bool = False,
    final: bool = False,
    rule: str = "keras",
    compare: Sequence[str] | None = None,
    patience: Values | None = None,
    min_delta: Values | None = None,
    start_from_epoch: Values | None = None,
    smoothing: Values | None = None,
    alpha: Values | None = None,
    strip_length: Values | None = None,
    strips: Values | None = None,
    baseline: float | None = None,
    restore_best_weights: bool = False,
    current: StoppingRule | None = None,
    censored: str = "exclude",
    group_by: str | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    profile: str = "auto",
    compiled_metrics: Mapping[str, str | None] | None = None,
    metrics: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Advice:
    """Which early stopping to use next, judged by past runs.

    Either ``max_regret`` (default 0.01: save as many epochs as possible with a mean regret of at most 1 % of a run's
    range; in the unit of the monitor with ``absolute``) or ``budget`` (0.6: lose as little as possible with at most
    60 % of the epochs). Regret counts the best value up to the stop, or with ``final`` that of the weights one ends
    with.

    ``rule`` and its parameters are those of :func:`cbreplay.sweep`; without ``min_delta`` values around the noise of
    the curves are tried. The other rules named in ``compare`` (default: all) are held against it at equal cost.
    ``censored`` says what becomes of runs that were cut short: ``exclude`` leaves them out, ``bound`` counts them as
    if they could still have come down to the best of all runs, ``ignore`` takes every log for a whole training.
    ``group_by``: see :func:`cbreplay.tuning.grouping.group_runs`. ``progress`` is called with (runs swept, runs to
    sweep).

    Raises :class:`ParameterError` for parameters that cannot be, also where ``mode`` cannot be told.
    """
    goal = _goal(max_regret, budget, absolute, final)
    if censored not in _CENSORED:
        raise ParameterError(f"censored must be one of {', '.join(_CENSORED)}, got {censored!r}")
    if not 0 < confidence < 1:
        raise ParameterError(f"confidence must lie between 0 and 1, got {confidence!r}")
    if resamples < 1 or seed < 0:
        raise ParameterError(f"resamples must be at least 1 and the seed not negative, got {resamples!r} and {seed!r}")
    runs = [with_monitors(run, [monitor], metrics) for run in runs]
    if min_delta is None:
        noises = [noise_deviation(run.values(monitor)) for run in runs if monitor in run.table]
        known = [value for value in noises if np.isfinite(value)]
        min_delta = natural_min_deltas(median(known) if known else None)
    axes = {
        "patience": _within(patience, runs), "min_delta": min_delta, "start_from_epoch": start_from_epoch,
        "smoothing": smoothing, "alpha": alpha, "strip_length": strip_length, "strips": strips,
    }  # fmt: skip
    others = [name for name in (STOPPING_RULES if compare is None else compare) if name != rule]
    others = others if len(runs) >= MIN_RUNS else []  # without an advice there is nothing to hold them against
    sweeper = _Sweeper(
        runs, {"monitor": monitor, "mode": mode, "baseline": baseline, "restore_best_weights": restore_best_weights},
        profile, compiled_metrics, metrics, progress, len(others) + 1,
    )  # fmt: skip
    grid = make_grid(rule, axes)
    measured = sweeper.sweep(grid)
    families = {rule: (grid, measured)}
    for name in others:
        families[name] = (other := make_grid(name, axes), sweeper.sweep(other))
    now = None if current is None else sweeper.sweep_rule(current)
    settings = Settings(goal, censored, Bootstrap(confidence, resamples, seed), monitor, sweeper.fixed, current)
    ends = standings(measured, monitor, sweeper.fixed["mode"], profile, metrics)
    case = Case(settings, families, rule, now, ends)
    if group_by is None:
        return case.advice()
    groups = group_runs([run.name for run in runs], group_by)
    overall = case.advice(list(groups.values()))
    return replace(overall, groups={name: case.of(places).advice() for name, places in groups.items()})


def _goal(max_regret: float | None, budget: float | None, absolute: bool, final: bool) -> Goal:
    if max_regret is not None and budget is not None:
        raise ParameterError("give max_regret or budget, not both")
    if budget is not None:
        return Goal("budget", budget, absolute, final)
    return Goal("max_regret", 0.01 if max_regret is None else max_regret, absolute, final)


def _within(patience: Values | None, runs: Sequence[Run]) -> Values:
    """The given patience values, else 0 to 50, none longer than the longest run."""
    if patience is not None:
        return patience
    return range(min(50, max((run.epochs for run in runs), default=1)) + 1)


class _Sweeper:
    """Sweeps the same runs under several rules; finds out the mode with the first."""

    def __init__(
        self, runs: Sequence[Run], fixed: dict[str, Any], profile: str,
        compiled_metrics: Mapping[str, str | None] | None, metrics: Mapping[str, str] | None,
        progress: Progress | None, sweeps: int,
    ) -> None:  # fmt: skip
        self.fixed = fixed
        self._runs, self._profile, self._compiled, self._metrics = runs, profile, compiled_metrics, metrics
        self._progress, self._total, self._done = progress, sweeps * len(runs), 0
        if fixed["mode"] == "auto":
            self.fixed = {**fixed, "mode": self._resolved_mode()}

    def _resolved_mode(self) -> str:
        """``min`` or ``max`` as the release of the runs takes it; all must agree."""
        grid = Grid("keras", {"start_from_epoch": (0,), "min_delta": (0.0,), "patience": (1,)}, "patience")
        modes = Counter(item.maximize for item in self._sweep(grid) if item.maximize is not None)
        if len(modes) > 1:
            raise ParameterError(
                f"mode of {self.fixed['monitor']!r} is not the same in all releases that wrote these runs: "
                "give mode='min' or mode='max' (--mode)"
            )
        if modes:
            return "max" if next(iter(modes)) else "min"
        problem = next((item.problem for item in self._sweep(grid) if item.problem and "--mode" in item.problem), None)
        if problem is not None:
            raise ParameterError(problem)
        return "min"

    def _sweep(self, grid: Grid) -> Iterable[RunMeasures]:
        return sweep_runs(
            self._runs, grid, self.fixed, profile=self._profile, compiled_metrics=self._compiled, metrics=self._metrics
        )

    def sweep(self, grid: Grid) -> list[RunMeasures]:
        found = []
        for item in self._sweep(grid):
            found.append(item)
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, max(self._total, self._done))
        return found

    def sweep_rule(self, rule: StoppingRule) -> tuple[Grid, list[RunMeasures]]:
        name = next(name for name, kind in STOPPING_RULES.items() if kind is type(rule))
        grid = make_grid(name, rule.parameters())
        return grid, list(self._sweep(grid))
