"""How sure a choice is: tried on runs that it has not seen, and repeated on resampled runs."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np
import numpy.typing as npt

from ..sweeping import Grid
from .choosing import NONE, Goal, choose, distinct_cells, eager_cells
from .intervals import Bootstrap
from .matrix import Matrix
from .records import HeldOut, Spread

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: A cell can be chosen when it decides at least this share of the runs.
MIN_DECIDED = 0.8

_ENTRIES_AT_ONCE = 4_000_000


class Chooser:
    """A goal on some runs: chooses a cell of the grid for any weights of the runs.

    ``cells`` are those to choose among, that differ on these runs, plainest first; ``sooner`` has for each cell of
    the grid the one with half the patience.
    """

    def __init__(self, matrix: Matrix, goal: Goal, grid: Grid) -> None:
        self.matrix, self.goal = matrix, goal
        self.cells = cells = distinct_cells(grid, matrix.regret, matrix.regret_final, matrix.epochs_saved)
        self.sooner = eager_cells(grid)
        self.regret = getattr(matrix, goal.regret)
        chosen = self.regret[:, cells]
        self._known = (~np.isnan(chosen)).astype(np.float64)
        self._regret = np.nan_to_num(chosen, nan=0.0, posinf=np.inf)
        self._saved = np.nan_to_num(matrix.epochs_saved[:, cells], nan=0.0)
        self._epochs = matrix.epochs[:, None] * self._known

    def regret_of_sooner(self, cell: int) -> Floats:
        """What the runs lose with half the patience, shape (runs,); at the smallest patience, by stopping at once."""
        other = int(self.sooner[cell])
        if other != cell:
            return np.asarray(self.regret[:, other])
        return self.matrix.first_regret if self.goal.absolute else self.matrix.first_regret_relative

    def with_goal(self, goal: Goal) -> Chooser:
        """The same with another limit."""
        other = copy(self)
        other.goal = goal
        return other

    def choose(self, weights: Floats) -> Ints:
        """For each row of weights, shape (rows, runs), the cell of the grid to take; :data:`NONE` for none."""
        weights = np.atleast_2d(weights)
        at_once = max(1, _ENTRIES_AT_ONCE // max(len(self.cells), 1))
        parts = [self._choose(weights[first : first + at_once]) for first in range(0, len(weights), at_once)]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def _choose(self, weights: Floats) -> Ints:
        known = weights @ self._known
        infinite = np.isinf(self._regret)
        with np.errstate(invalid="ignore", divide="ignore"):
            regret = (weights @ np.where(infinite, 0.0, self._regret)) / known
            saved = (weights @ self._saved) / (weights @ self._epochs)
        regret = np.where(weights @ infinite.astype(np.float64) > 0, np.inf, regret)
        eligible = (known >= MIN_DECIDED * weights.sum(axis=1, keepdims=True)) & (known > 0) & np.isfinite(regret)
        picked = choose(self.goal, regret, saved, eligible)
        return np.where(picked == NONE, NONE, self.cells[np.maximum(picked, 0)])


def hold_out(chooser: Chooser, blocks: Sequence[Sequence[int]], left_out: str, bootstrap: Bootstrap) -> HeldOut | None:
    """Leave each block of runs out, choose on the others, try the choice on it; None with fewer than two blocks."""
    if len(blocks) < 2:
        return None
    matrix = chooser.matrix
    measure, tolerance = chooser.goal.missed
    weights = np.ones((len(blocks), matrix.runs))
    for number, block in enumerate(blocks):
        weights[number, list(block)] = 0.0
    picked = chooser.choose(weights)
    sums = np.zeros((4, len(blocks)))  # regret, runs, epochs saved, epochs
    undecided = without = missed = 0
    sooner: list[float] = []
    for number, (block, cell) in enumerate(zip(blocks, picked.tolist(), strict=True)):
        if cell == NONE:
            without += len(block)
            continue
        for run in block:
            regret = chooser.regret[run, cell]
            if np.isnan(regret):
                undecided += 1
                continue
            missed += bool(getattr(matrix, measure)[run, cell] > tolerance)
            sooner.append(chooser.regret_of_sooner(cell)[run])
            sums[:, number] += regret, 1, matrix.epochs_saved[run, cell], matrix.epochs[run]
    tried = sums[1] > 0
    regrets, runs, saved, epochs = sums[:, tried]
    if not len(runs):
        return None
    return HeldOut(
        left_out, int(runs.sum()), undecided, without, bootstrap.ratio(saved, epochs),
        bootstrap.regret(regrets, runs, usual_loss(np.array(sooner))), bootstrap.share(missed, int(runs.sum())),
    )  # fmt: skip


def usual_loss(regrets: Floats) -> float:
    """What those runs lose on average that lose anything, 0 where none does; shape (runs,), NaN aside."""
    losing = regrets[np.isfinite(regrets) & (regrets > 0)]
    return float(losing.mean()) if len(losing) else 0.0


def spread_of_choices(chooser: Chooser, grid: Grid, taken: int, bootstrap: Bootstrap) -> Spread:
    """Where the choice falls over resamples of the runs."""
    picked = chooser.choose(bootstrap.counts(chooser.matrix.runs))
    found = picked[picked != NONE]
    bounds = {}
    tail = (1 - bootstrap.confidence) / 2
    for name, values in grid.columns.items():
        if len(found) and len(set(grid.axes[name])) > 1:
            low, high = np.quantile(values[found], [tail, 1 - tail], method="inverted_cdf")
            bounds[name] = (low.item(), high.item())
    return Spread(bounds, float((picked == taken).mean()), float((picked == NONE).mean()))
