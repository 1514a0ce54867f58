"""What the cells of one rule are worth on some runs, and which are worth a look."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..rules import STOPPING_RULES, StoppingRule
from ..sweeping import Grid
from .choosing import NONE, Goal, knee, pareto_front
from .intervals import Bootstrap
from .matrix import CellTable, Matrix
from .records import Recommendation
from .trying import MIN_DECIDED, Chooser, usual_loss


@dataclass(frozen=True)
class Settings:
    """What is wanted of the runs, and how. ``fixed`` are the rule's parameters that no cell varies."""

    goal: Goal
    censored: str
    bootstrap: Bootstrap
    monitor: str
    fixed: dict[str, Any]
    current: StoppingRule | None


class Weigher:
    """The cells of one family on the runs used: what each is worth, and which are worth a look."""

    def __init__(
        self, matrix: Matrix, optimistic: Matrix | None, table: CellTable, grid: Grid, settings: Settings
    ) -> None:
        self.matrix, self.optimistic, self.table, self.grid, self.settings = matrix, optimistic, table, grid, settings

    @cached_property
    def regret(self) -> npt.NDArray[np.float64]:
        """The mean regret of each cell that the goal limits."""
        return np.asarray(getattr(self.table, self.settings.goal.regret))

    @cached_property
    def eligible(self) -> npt.NDArray[np.bool_]:
        """The cells that decide enough of the runs to be chosen."""
        decided = self.table.decided >= MIN_DECIDED * self.matrix.runs
        return decided & (self.table.decided > 0) & np.isfinite(self.regret)

    @cached_property
    def chooser(self) -> Chooser:
        """What chooses among these cells for the goal."""
        return Chooser(self.matrix, self.settings.goal, self.grid)

    def choose(self, goal: Goal) -> Recommendation | None:
        """The cell for another limit of the goal, weighed; None where none reaches it."""
        picked = int(self.chooser.with_goal(goal).choose(np.ones(self.matrix.runs))[0])
        return None if picked == NONE else self.recommend(picked)

    @cached_property
    def front(self) -> list[int]:
        """The cells that no other beats in both saving and regret, the most saving first."""
        cells = [cell for cell in self.chooser.cells.tolist() if self.eligible[cell]]
        return pareto_front(self.regret, self.table.saved, cells)

    def at_knee(self) -> Recommendation | None:
        """The cell where the front bends."""
        cell = knee(self.regret, self.table.saved, self.front)
        return None if cell is None else self.recommend(cell)

    def rule(self, cell: int) -> StoppingRule:
        """The rule of a cell."""
        taken = set(STOPPING_RULES[self.grid.rule].__dataclass_fields__)  # type: ignore[attr-defined]
        fixed = {name: value for name, value in self.settings.fixed.items() if name in taken}
        made = self.grid.rule_of(cell, **fixed)
        assert isinstance(made, StoppingRule)
        return made

    def recommend(self, cell: int) -> Recommendation:
        """A cell with what it would have saved and cost."""
        matrix, bootstrap = self.matrix, self.settings.bootstrap
        name = self.settings.goal.regret
        regrets = getattr(matrix, name)
        known = ~np.isnan(regrets[:, cell])
        saved = np.where(known, matrix.epochs_saved[:, cell], 0.0)
        measure, tolerance = self.settings.goal.missed
        missed = int((getattr(matrix, measure)[known, cell] > tolerance).sum())
        best = None
        if self.optimistic is not None:
            regret = getattr(self.optimistic, name)[:, cell]
            there = ~np.isnan(regret)
            best = {
                "saved": float(self.optimistic.epochs_saved[there, cell].sum() / self.optimistic.epochs[there].sum()),
                "regret": float(regret[there].mean()),
            }
        return Recommendation(
            cell=cell,
            rule=self.rule(cell),
            measures=self.table.row(cell),
            saved=bootstrap.ratio(saved, np.where(known, matrix.epochs, 0.0)),
            regret=bootstrap.regret(
                np.where(known, regrets[:, cell], 0.0),
                known.astype(np.float64),
                usual_loss(self.chooser.regret_of_sooner(cell)),
            ),
            missed=bootstrap.share(missed, int(known.sum())),
            optimistic=best,
        )
