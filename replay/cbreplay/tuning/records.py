"""What tuning finds: the advice, how sure it is, and on what it rests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..rules import StoppingRule
from ..sweeping import Grid, RunMeasures
from .choosing import Goal
from .code import callback_code, policy_settings, policy_toml, rule_in_words
from .intervals import Interval
from .matrix import CellTable
from .noise import Noise
from .standing import Standing
from .survival import Survival, still_training

if TYPE_CHECKING:
    import pandas as pd

#: The version of the JSON that :meth:`Advice.to_dict` gives.
SCHEMA = 1


@dataclass(frozen=True)
class HeldOut:
    """What the advice is worth on a run that it has not seen: chosen on the others, tried on the one left out.

    ``saved`` is the share of epochs, ``regret`` the one that the goal limits; ``missed`` the share of runs that miss
    their best by more than the tolerance. ``runs`` counts those tried, ``undecided`` those that their choice leaves
    open, ``without`` those for which the others support no choice. ``left_out`` says what was left out: a run, or
    its group.
    """

    left_out: str
    runs: int
    undecided: int
    without: int
    saved: Interval
    regret: Interval
    missed: Interval

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "left_out": self.left_out, "runs": self.runs, "undecided": self.undecided, "without": self.without,
            "saved": self.saved.to_dict(), "regret": self.regret.to_dict(), "missed": self.missed.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """Where the choice falls when the runs are resampled.

    ``bounds`` hold, for each parameter, the asked-for share of the choices; ``same`` is the share that chose just the
    recommended cell, ``none`` the share that found none.
    """

    bounds: dict[str, tuple[float, float]]
    same: float
    none: float

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {"bounds": {k: list(v) for k, v in self.bounds.items()}, "same": self.same, "none": self.none}


@dataclass(frozen=True)
class Recommendation:
    """One cell of the grid, and what it would have saved and cost over the runs.

    ``measures`` is its row of the :class:`CellTable` (regrets as means). ``saved`` is the share of the epochs,
    ``regret`` that which the goal limits, both with their intervals, as ``missed``, the share of runs that miss
    their best by more than the tolerance. ``optimistic`` holds saved and regret where censored runs are bounded and
    all ends well for them; ``saved`` and ``regret`` are the pessimistic ones then.
    """

    cell: int
    rule: StoppingRule
    measures: dict[str, Any]
    saved: Interval
    regret: Interval
    missed: Interval
    optimistic: dict[str, float] | None = None

    @property
    def words(self) -> str:
        """Its parameters in short: ``patience 8, min_delta 0.006``."""
        return rule_in_words(self.rule)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "rule": self.rule.to_dict(), "measures": self.measures, "saved": self.saved.to_dict(),
            "regret": self.regret.to_dict(), "missed": self.missed.to_dict(), "optimistic": self.optimistic,
        }  # fmt: skip


@dataclass(frozen=True)
class FamilyPoint:
    """The best that a rule family does with no more epochs than the advice: its rule, the share saved, the regret.

    ``held_out`` is the same estimated by leaving each run out; ``rule`` is None where no cell is cheap enough.
    """

    family: str
    rule: StoppingRule | None
    saved: float
    regret: float
    held_out: HeldOut | None

    @property
    def words(self) -> str:
        """The parameters of its rule in short."""
        return "" if self.rule is None else rule_in_words(self.rule)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "family": self.family, "rule": None if self.rule is None else self.rule.to_dict(),
            "saved": self.saved, "regret": self.regret,
            "held_out": None if self.held_out is None else self.held_out.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True)
class Advice:
    """Which early stopping to use next, what it would have saved and cost over these runs, and how sure that is.

    ``recommended`` is None where the runs support no advice, and ``refusal`` says why. ``half`` and ``double`` are
    the advice at half and double the limit of the goal, ``current`` the policy it was compared with. ``front`` are
    the cells that no other beats, the most saving first, ``knee`` the one where the front bends. Epochs in it are
    0-based.
    """

    monitor: str
    mode: str | None
    goal: Goal
    confidence: float
    censored: str
    grid: Grid
    standings: tuple[Standing, ...]
    used: tuple[str, ...]
    cells: CellTable
    recommended: Recommendation | None
    refusal: str | None
    held_out: HeldOut | None = None
    held_out_groups: HeldOut | None = None
    spread: Spread | None = None
    half: Recommendation | None = None
    double: Recommendation | None = None
    current: Recommendation | None = None
    front: tuple[Recommendation, ...] = ()
    knee: Recommendation | None = None
    noise: Noise | None = None
    families: tuple[FamilyPoint, ...] = ()
    groups: dict[str, Advice] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    measured: tuple[RunMeasures, ...] = field(default=(), repr=False)

    def to_frame(self) -> pd.DataFrame:
        """A row for every cell: its parameters, then the measures of :class:`CellTable`."""
        return self.cells.to_frame(self.grid.columns)

    def cell_rows(self) -> list[dict[str, Any]]:
        """The same as JSON-ready dicts."""
        return [self.grid.parameters(cell) | self.cells.row(cell) for cell in range(self.grid.cells)]

    @property
    def code(self) -> str | None:
        """Python code that makes the recommended callback."""
        return None if self.recommended is None else callback_code(self.recommended.rule)

    def survival(self) -> list[Survival]:
        """Which share of the runs used is still training at each epoch: as logged, and under the advised policies."""
        used = set(self.used)
        runs = [item for item in self.measured if item.run.name in used]
        policies = (("advice", self.recommended), ("half the limit", self.half), ("double the limit", self.double))
        curves = [still_training("as logged", runs, None)]
        for name, taken in policies:
            if taken is not None:
                told = f"{name}: {taken.words}"
                curves.append(still_training(told, runs, taken.cell, as_whole=self.censored != "bound"))
        return curves

    @property
    def toml(self) -> str | None:
        """The recommended policy as lines of cbreplay.toml."""
        return None if self.recommended is None else policy_toml(self.recommended.rule)

    def _repr_html_(self) -> str:
        from ..notebook import advice_html

        return advice_html(self)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict, schema 1; without the cells, which :meth:`CellTable.to_frame` gives."""

        def dumped(item: Any) -> Any:
            return None if item is None else item.to_dict()

        return {
            "schema": SCHEMA, "cbreplay": __version__, "monitor": self.monitor, "mode": self.mode,
            "goal": self.goal.to_dict(), "confidence": self.confidence, "censored": self.censored,
            "grid": {"rule": self.grid.rule, **{name: list(values) for name, values in self.grid.axes.items()}},
            "runs": [item.to_dict() for item in self.standings], "used": list(self.used),
            "advice": dumped(self.recommended), "refusal": self.refusal, "code": self.code,
            "policy": None if self.recommended is None else policy_settings(self.recommended.rule), "toml": self.toml,
            "held_out": dumped(self.held_out), "held_out_groups": dumped(self.held_out_groups),
            "spread": dumped(self.spread), "half": dumped(self.half), "double": dumped(self.double),
            "current": dumped(self.current), "front": [item.to_dict() for item in self.front],
            "knee": dumped(self.knee), "noise": dumped(self.noise),
            "families": [item.to_dict() for item in self.families],
            "groups": {name: item.to_dict() for name, item in self.groups.items()}, "notes": list(self.notes),
        }  # fmt: skip
