"""Which cell to take: the cheapest that loses little enough, or the best that is cheap enough; front and knee."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from ..sweeping import Grid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NONE = -1

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Goal:
    """What the advice is to reach. ``kind`` is ``max_regret``: save as much as possible with a mean regret of at most
    ``limit``; or ``budget``: lose as little as possible with at most the share ``limit`` of the epochs trained.

    Regret is relative to each run's range unless ``absolute``; ``final`` takes that of the weights one ends with.
    """

    kind: str
    limit: float
    absolute: bool = False
    final: bool = False

    def __post_init__(self) -> None:
        if self.kind == "budget" and not 0 < self.limit <= 1:
            raise ParameterError(f"a budget is a share of the epochs above 0 and up to 1, got {self.limit!r}")
        if not 0 <= self.limit < np.inf:
            raise ParameterError(f"max_regret must not be negative, got {self.limit!r}")
        if self.kind == "max_regret" and self.limit > 1 and not self.absolute:
            raise ParameterError(
                f"max_regret is a share of a run's range, and {self.limit!r} is more than all of it: did you mean "
                f"{self.limit:g}% ({self.limit / 100:g}), or a regret in the unit of the monitor (absolute)?"
            )

    @property
    def regret(self) -> str:
        """The name of the regret that counts."""
        return "regret" + ("_final" if self.final else "") + ("" if self.absolute else "_relative")

    @property
    def missed(self) -> tuple[str, float]:
        """What regret above what bound counts as missing the best: the goal's own; with a budget 1 % of the range."""
        if self.kind == "max_regret":
            return self.regret, self.limit
        return ("regret_final_relative" if self.final else "regret_relative"), 0.01

    def scaled(self, factor: float) -> Goal:
        """The same with another limit."""
        limit = self.limit * factor
        in_shares = self.kind == "budget" or not self.absolute
        return Goal(self.kind, min(limit, 1.0) if in_shares else limit, self.absolute, self.final)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return dict(self.__dict__)


def choose(goal: Goal, regret: Floats, saved: Floats, eligible: Flags) -> Ints:
    """For each row the cell to take, :data:`NONE` where none reaches the goal; all three of shape (rows, cells).

    Among equals the one with less regret, then the first; what differs by rounding alone is equal.
    """
    if goal.kind == "max_regret":
        fits = eligible & (regret <= goal.limit * (1 + _ROUNDING))
        first, second = -saved, regret
    else:
        fits = eligible & (1 - saved <= goal.limit + _ROUNDING)
        first, second = regret, -saved
    best = _lowest(first, fits)
    best = _lowest(second, best)
    return np.where(fits.any(axis=-1), best.argmax(axis=-1), NONE)


def _lowest(values: Floats, among: Flags) -> Flags:
    """Those of each row that have its lowest value, rounding aside."""
    lowest = np.where(among, values, np.inf).min(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray(among & (values <= lowest + _ROUNDING * np.abs(np.where(np.isfinite(lowest), lowest, 0.0))))


def distinct_cells(grid: Grid, *measures: Floats) -> Ints:
    """The places of cells that differ in some measure (runs, cells), the plainest of equals, plainest first.

    Plain is a small min_delta, then an early start, then little smoothing, then a low threshold; patience 0 comes after
    1, which decides the same but for details of old releases.
    """
    keys = [_plainness(name, grid.columns[name]) for name in _PLAIN_ORDER if name in grid.columns]
    order = np.lexsort(keys[::-1])
    stacked = np.concatenate([np.nan_to_num(measure[:, order], nan=-1.0) for measure in measures])
    seen: dict[bytes, int] = {}
    columns = np.ascontiguousarray(stacked.T)
    for place, cell in enumerate(order.tolist()):
        seen.setdefault(columns[place].tobytes(), cell)
    return np.array(list(seen.values()), np.int64)


def eager_cells(grid: Grid) -> Ints:
    """For each cell the one that stops sooner: half the patience (alpha, strips), or the nearest below; (cells,)."""
    name = "patience" if "patience" in grid.axes else grid.threshold
    values = np.array(grid.axes[name])
    halves = [_half(values, place) for place in range(len(values))]
    cells = np.arange(grid.cells).reshape(grid.shape)
    return np.take(cells, halves, axis=list(grid.axes).index(name)).ravel()


def _half(values: Floats, place: int) -> int:
    """The place of the largest value up to half of one, its own where there is none; 0 decides like 1 and is none."""
    below = np.flatnonzero((values <= values[place] / 2) & (values > 0))
    return int(below[values[below].argmax()]) if len(below) else place


_PLAIN_ORDER = ("min_delta", "start_from_epoch", "smoothing", "strip_length", "patience", "alpha", "strips")


def _plainness(name: str, values: npt.NDArray[Any]) -> Floats:
    return np.where(values == 0, np.inf, values) if name == "patience" else np.asarray(values, np.float64)


def pareto_front(regret: Floats, saved: Floats, cells: Sequence[int]) -> list[int]:
    """Those of ``cells`` that no other beats in both saving and regret, the most saving first; shapes (all cells,)."""
    front: list[int] = []
    lowest = np.inf
    for cell in sorted(cells, key=lambda cell: (-saved[cell], regret[cell])):
        if regret[cell] < lowest:
            front.append(cell)
            lowest = float(regret[cell])
    return front


def knee(regret: Floats, saved: Floats, front: Sequence[int]) -> int | None:
    """The point of a front that lies farthest below the straight line between its ends; None where there is no bend.

    Both axes are scaled to the range of the front, as in V. Satopää et al., "Finding a Kneedle in a Haystack", ICDCS
    workshops 2011.
    """
    if len(front) < 3:
        return None
    cost, loss = 1 - saved[list(front)], regret[list(front)]
    wide, high = cost[-1] - cost[0], loss[0] - loss[-1]
    if wide <= 0 or high <= 0:
        return None
    below = 1 - (cost - cost[0]) / wide - (loss - loss[-1]) / high
    place = int(below.argmax())
    return front[place] if below[place] > 0 else None
