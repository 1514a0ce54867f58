"""Swept runs and a goal: what they support, or why they support nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..sweeping import Grid, RunMeasures
from ..sweeping.measuring import HIDDEN, OPEN
from ..text import plural
from .bounding import bounded_matrices
from .choosing import NONE
from .matrix import CellTable, Matrix, cell_table, matrix_of
from .noise import estimate_noise
from .records import Advice, FamilyPoint, Recommendation
from .standing import Standing
from .trying import MIN_DECIDED, hold_out, spread_of_choices
from .weighing import Settings, Weigher

#: With fewer runs no advice is given: an interval over four runs says nothing.
MIN_RUNS = 5

_MAX_CENSORED = 0.4
_MIN_WHOLE = 3
_FEW = 15
_MUCH_OF_RANGE = 10.0


@dataclass(frozen=True)
class Case:
    """Swept runs and what is wanted of them; the runs of one group, or all."""

    settings: Settings
    families: dict[str, tuple[Grid, list[RunMeasures]]]
    rule: str
    now: tuple[Grid, list[RunMeasures]] | None
    ends: list[Standing]

    def of(self, places: Sequence[int]) -> Case:
        """The same for some of the runs."""

        def some(swept: tuple[Grid, list[RunMeasures]]) -> tuple[Grid, list[RunMeasures]]:
            return swept[0], [swept[1][place] for place in places]

        families = {name: some(swept) for name, swept in self.families.items()}
        now = None if self.now is None else some(self.now)
        return replace(self, families=families, now=now, ends=[self.ends[place] for place in places])

    @cached_property
    def usable(self) -> list[int]:
        """The runs that have the monitor."""
        return [place for place, item in enumerate(self.ends) if item.is_usable]

    @cached_property
    def whole(self) -> list[int]:
        """Those that nothing cut short."""
        return [place for place in self.usable if not self.ends[place].is_censored]

    @cached_property
    def cut(self) -> list[int]:
        """Those that something cut short, or may have."""
        return [place for place in self.usable if self.ends[place].is_censored]

    @cached_property
    def used(self) -> list[int]:
        """The runs that the advice rests on."""
        return {"exclude": self.whole, "bound": [*self.whole, *self.cut], "ignore": self.usable}[self.settings.censored]

    def matrices(self, measured: Sequence[RunMeasures]) -> tuple[Matrix, Matrix | None]:
        """The runs used in the cells of a family, and how they are at best where that is another thing."""
        if self.settings.censored == "bound" and self.cut and self.whole:
            return bounded_matrices([measured[n] for n in self.whole], [measured[n] for n in self.cut])
        return matrix_of([measured[n] for n in self.used]), None

    def table(self, measured: Sequence[RunMeasures], matrix: Matrix, cells: int) -> CellTable:
        """The measures of a family's cells; undecided ones are counted over all that have the monitor."""
        verdicts = np.array([measured[n].verdict for n in self.usable]).reshape(len(self.usable), cells)
        undecided = (verdicts >= (HIDDEN if self.settings.censored == "ignore" else OPEN)).sum(axis=0)
        return cell_table(matrix, undecided, len(self.usable), self.settings.goal)

    def advice(self, groups: Sequence[Sequence[int]] = ()) -> Advice:
        """What these runs support; with ``groups`` also tried by leaving each of them out."""
        grid, measured = self.families[self.rule]
        settings = self.settings
        common: dict[str, Any] = {
            "monitor": settings.monitor, "mode": settings.fixed["mode"], "goal": settings.goal,
            "confidence": settings.bootstrap.confidence, "censored": settings.censored,
            "grid": grid, "standings": tuple(self.ends), "used": tuple(self.ends[n].run for n in self.used),
            "measured": tuple(measured),
            "noise": estimate_noise(
                ((self.ends[n].run, measured[n].run.values(settings.monitor)) for n in self.usable),
                grid.axes.get("min_delta", ()),
            ),
        }  # fmt: skip
        refusal = self._refusal()
        # Without anything to rest on the cells say what the runs tell against what they reached.
        if not self.used or (self.settings.censored == "bound" and not self.whole):
            those = [measured[n] for n in self.usable]
            reached = matrix_of(those, as_whole=False) if those else _nothing(grid)
            table = self.table(measured, reached, grid.cells)
            return Advice(cells=table, recommended=None, refusal=refusal, notes=self._notes(), **common)
        matrix, optimistic = self.matrices(measured)
        table = self.table(measured, matrix, grid.cells)
        weigher = Weigher(matrix, optimistic, table, grid, settings)
        chooser = weigher.chooser
        picked = int(chooser.choose(np.ones(matrix.runs))[0])
        if picked == NONE and refusal is None:
            refusal = self._no_cell(weigher)
        weighed: dict[str, Any] = {
            "front": tuple(weigher.recommend(cell) for cell in weigher.front if matrix.runs >= MIN_RUNS),
            "knee": weigher.at_knee() if matrix.runs >= MIN_RUNS else None, "current": self._current(),
        }  # fmt: skip
        if refusal is not None:
            return Advice(
                cells=table, recommended=None, refusal=refusal, notes=self._notes(), **weighed, **common
            )  # fmt: skip
        taken = weigher.recommend(picked)
        blocks = [[n] for n in range(matrix.runs)]
        return Advice(
            cells=table,
            recommended=taken,
            refusal=None,
            held_out=hold_out(chooser, blocks, "run", settings.bootstrap),
            held_out_groups=hold_out(chooser, self._blocks(groups), "group", settings.bootstrap) if groups else None,
            spread=spread_of_choices(chooser, grid, picked, settings.bootstrap),
            half=weigher.choose(settings.goal.scaled(0.5)),
            double=weigher.choose(settings.goal.scaled(2.0)),
            families=self._compared(1 - taken.saved.value),
            notes=self._notes(),
            **weighed,
            **common,
        )

    def _blocks(self, groups: Sequence[Sequence[int]]) -> list[list[int]]:
        """The groups as places among the runs used; a run without a group is one by itself."""
        place = {run: n for n, run in enumerate(self.used)}
        blocks = [[place[run] for run in group if run in place] for group in groups]
        grouped = {n for block in blocks for n in block}
        return [block for block in blocks if block] + [[n] for n in place.values() if n not in grouped]

    def _refusal(self) -> str | None:
        total, cut, used = len(self.usable), len(self.cut), len(self.used)
        if not total:
            why = next((f": {item.sentence}" for item in self.ends if item.kind == "unusable"), "")
            return f"no run has a finite {self.settings.monitor!r}{why}"
        if self.settings.censored == "exclude" and cut > _MAX_CENSORED * total:
            return (
                f"{cut} of {plural(total, 'run')} {'was' if cut == 1 else 'were'} cut short, or may have been: they "
                "cannot say what more patience would have brought (give --planned-epochs if they ran to their end, or "
                "--censored bound or ignore)"
            )
        if self.settings.censored == "bound" and cut and len(self.whole) < _MIN_WHOLE:
            return f"with {plural(len(self.whole), 'whole run')} nothing bounds what those cut short could have reached"
        if used < MIN_RUNS:
            return f"{plural(used, 'run')} cannot support an advice: at least {MIN_RUNS} whole ones are needed"
        return None

    def _no_cell(self, weigher: Weigher) -> str:
        goal = self.settings.goal
        decided = weigher.eligible
        if not decided.any():
            return f"no cell of the grid decides at least {MIN_DECIDED:.0%} of the {plural(len(self.used), 'run')}"
        if goal.kind == "budget":
            least = 1 - float(weigher.table.saved[decided].max())
            return f"no cell keeps to {goal.limit:.0%} of the epochs; the cheapest takes {least:.0%}"
        least = float(weigher.regret[decided].min())
        shown = f"{least:.3g}" if goal.absolute else f"{least:.2%}"
        limit = f"{goal.limit:.3g}" if goal.absolute else f"{goal.limit:.2%}"
        at = int(np.where(decided, weigher.regret, np.inf).argmin())
        parameters = weigher.grid.parameters(at)
        widest = max(weigher.grid.axes.get("patience", (0,)))
        what = f"more patience than {widest}" if parameters.get("patience") == widest else "other values"
        return f"no cell keeps the mean regret to {limit}; the lowest is {shown}: try {what}"

    def _notes(self) -> tuple[str, ...]:
        kinds = Counter(item.kind for item in self.ends)
        inferred = Counter(item.inferred for item in self.ends if item.inferred is not None)
        notes = [f"planned epochs of {plural(count, 'run')} are {how}" for how, count in inferred.items()]
        cut, censored = plural(len(self.cut), "run"), self.settings.censored
        beyond = sum("goes beyond" in item.sentence for item in self.ends)
        told = {
            f"{plural(kinds['whole'], 'run')} without known planned epochs taken for whole: no usual early stopping "
            "fits their end (--planned-epochs says how many were planned)": kinds["whole"] and censored != "ignore",
            f"{cut} left out: cut short, or may have been (--censored bound takes them in)": censored == "exclude",
            f"{cut} cut short: counted as if they could still have come down to the best of all runs, or gained as "
            "much as any whole run after as many epochs; beyond that nothing bounds them": censored == "bound",
            f"{cut} may have been cut short and are taken for whole: regret is against what they reached, and may be "
            "larger": censored == "ignore",
        }  # fmt: skip
        notes += [text for text, applies in told.items() if applies and (self.cut or "without known" in text)]
        if kinds["repeated"]:
            same = plural(kinds["repeated"], "run")
            notes.append(f"{same} that tell of the same training as another one: each training counts once")
        if beyond:
            notes.append(f"{plural(beyond, 'run')} longer than planned: is --planned-epochs right?")
        if MIN_RUNS <= len(self.used) < _FEW:
            notes.append(
                f"{len(self.used)} runs are few: what is held out is the better guide, and intervals are rough"
            )
        return (*notes, *self._note_on_range())

    def _note_on_range(self) -> list[str]:
        """Where a few first values make the range, every later regret looks small against it."""
        if self.settings.goal.absolute or not self.used:
            return []
        _, measured = self.families[self.rule]
        wide = 0
        for n in self.used:
            values = measured[n].run.values(self.settings.monitor)
            later = values[np.isfinite(values)][max(len(values) // 20, 1) :]
            wide += len(later) > 1 and measured[n].spread > _MUCH_OF_RANGE * float(np.ptp(later)) > 0
        if 2 * wide < len(self.used):
            return []
        return [
            f"in {wide} of {plural(len(self.used), 'run')} the first values make most of the range, so that a regret "
            "over it looks small: absolute regrets (--absolute) tell more"
        ]

    def _current(self) -> Recommendation | None:
        if self.now is None or self.settings.current is None:
            return None
        grid, measured = self.now
        matrix, optimistic = self.matrices(measured)
        table = self.table(measured, matrix, grid.cells)
        return Weigher(matrix, optimistic, table, grid, self.settings).recommend(0)

    def _compared(self, trained: float) -> tuple[FamilyPoint, ...]:
        """Each family at the cost of the advice."""
        settings = self.settings
        goal = replace(settings.goal, kind="budget", limit=min(max(trained, 1e-9), 1.0))
        points = []
        for name, (grid, measured) in self.families.items():
            matrix, optimistic = self.matrices(measured)
            weigher = Weigher(
                matrix, optimistic, self.table(measured, matrix, grid.cells), grid, replace(settings, goal=goal)
            )
            chooser = weigher.chooser
            picked = int(chooser.choose(np.ones(matrix.runs))[0])
            if picked == NONE:
                points.append(FamilyPoint(name, None, np.nan, np.nan, None))
                continue
            held_out = hold_out(chooser, [[n] for n in range(matrix.runs)], "run", settings.bootstrap)
            points.append(
                FamilyPoint(name, weigher.rule(picked), float(weigher.table.saved[picked]),
                            float(weigher.regret[picked]), held_out)
            )  # fmt: skip
        return tuple(sorted(points, key=_worth))


def _worth(point: FamilyPoint) -> tuple[bool, float, float]:
    """Families in order: what they lose on runs they have not seen, then in the sample; those too dear last."""
    tried = np.inf if point.held_out is None else point.held_out.regret.value
    return point.rule is None, tried, point.regret


def _nothing(grid: Grid) -> Matrix:
    empty = np.zeros((0, grid.cells))
    return Matrix(*([empty] * 7), *([np.zeros(0)] * 5))
