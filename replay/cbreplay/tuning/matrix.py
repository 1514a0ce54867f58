"""All runs in all cells, and what that says of each cell: savings, regrets, and which run one would have picked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..sweeping import RunMeasures
from ..sweeping.measuring import OPEN
from .choosing import Goal

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Matrix:
    """Runs in cells: arrays of shape (runs, cells), NaN where a cell does not decide a run.

    ``regret`` and ``regret_final`` are in the unit of the monitor, the ``relative`` ones over the run's range.
    ``epochs_saved`` and ``seconds_saved`` are 0 where training runs to its end; ``epochs`` and ``seconds``, shape
    (runs,), are what there was to save. ``best_seen`` is the best value up to the stop, ``whole_best``, shape
    (runs,), that of the whole run, both as losses (the sign turned where higher is better).
    """

    regret: Floats
    regret_relative: Floats
    regret_final: Floats
    regret_final_relative: Floats
    epochs_saved: Floats
    seconds_saved: Floats
    best_seen: Floats
    whole_best: Floats
    epochs: Floats
    seconds: Floats
    first_regret: Floats
    first_regret_relative: Floats

    @property
    def runs(self) -> int:
        """The number of runs."""
        return len(self.epochs)

    def of(self, runs: Sequence[int]) -> Matrix:
        """The same for some of the runs alone."""
        places = np.array(runs, np.int64)
        return Matrix(*(getattr(self, item.name)[places] for item in fields(self)))


def matrix_of(measured: Sequence[RunMeasures], *, as_whole: bool = True) -> Matrix:
    """The matrix of some runs; taken ``as_whole``, the end of each log is the end of training.

    Where training stops before any finite value, or ends on weights whose value is not a number, all is lost: infinity.
    Whether the last weights are good cannot be told where their epoch was not evaluated.
    """
    if not measured:
        raise ValueError("a matrix needs runs")
    verdict = np.array([m.verdict for m in measured])
    decided = (verdict < OPEN) | ((verdict == OPEN) & as_whole)
    sign = np.array([[-1.0 if m.maximize else 1.0] for m in measured])
    breaks = np.array([[not np.isfinite(m.run.table[m.monitor].value).all()] for m in measured])

    def taken(name: str, otherwise: Any) -> Floats:
        values = np.array([getattr(m, name) for m in measured])
        return np.where(decided, np.where(np.isnan(values), otherwise, values), np.nan)

    unknown = np.where(breaks, np.inf, np.nan)
    seen = np.array([m.best_seen for m in measured]) * sign
    first = np.array([m.first_regret for m in measured])
    spread = np.array([m.spread for m in measured])
    return Matrix(
        regret=taken("regret", np.inf),
        regret_relative=taken("regret_relative", np.inf),
        regret_final=taken("regret_final", unknown),
        regret_final_relative=taken("regret_final_relative", unknown),
        epochs_saved=taken("epochs_saved", 0.0),
        seconds_saved=taken("seconds_saved", 0.0),
        best_seen=np.where(decided, np.where(np.isnan(seen), np.inf, seen), np.nan),
        whole_best=np.array([m.whole_best for m in measured]) * sign[:, 0],
        epochs=np.array([m.epochs for m in measured], np.float64),
        seconds=np.array([m.seconds for m in measured]),
        first_regret=first,
        first_regret_relative=np.where(spread > 0, first / np.where(spread > 0, spread, 1.0), 0.0),
    )


@dataclass(frozen=True)
class CellTable:
    """What the runs say of each cell; arrays of shape (cells,), NaN where no run decides it.

    ``decided`` counts the runs that the measures rest on, ``undecided`` those, of all that have the monitor, that
    the cell leaves open. ``saved`` is the share of all epochs. Regrets are means over the runs; ``worst`` is the
    largest of those that count as missing the best, ``missed`` the share of runs that miss it by more than the
    tolerance. ``top1_regret`` is by how much the run that one would have picked after stopping is worse than the
    best run, both trained to their end; ``rank_correlation`` is Spearman's between the runs' best at the stop and at
    their end.
    """

    decided: npt.NDArray[np.int64]
    undecided: npt.NDArray[np.int64]
    undecided_share: Floats
    epochs_saved: Floats
    seconds_saved: Floats
    saved: Floats
    regret: Floats
    regret_relative: Floats
    regret_final: Floats
    regret_final_relative: Floats
    worst: Floats
    missed: Floats
    top1_regret: Floats
    rank_correlation: Floats

    def row(self, cell: int) -> dict[str, Any]:
        """The measures of one cell as Python numbers."""
        return {item.name: getattr(self, item.name)[cell].item() for item in fields(self)}

    def to_frame(self, parameters: dict[str, Any]) -> pd.DataFrame:
        """A row per cell: its parameters, then its measures."""
        import pandas as pd

        return pd.DataFrame({**parameters, **{item.name: getattr(self, item.name) for item in fields(self)}})


def cell_table(matrix: Matrix, undecided: npt.NDArray[np.int64], usable: int, goal: Goal) -> CellTable:
    """The measures of every cell.

    ``undecided`` (cells,) counts, of the ``usable`` runs, those that it leaves open; ``goal`` says which regret counts.
    """
    known = ~np.isnan(getattr(matrix, goal.regret))
    decided = known.sum(axis=0)
    measure, tolerance = goal.missed
    misses = getattr(matrix, measure)
    with np.errstate(invalid="ignore", divide="ignore"):
        over = np.where(known, matrix.epochs[:, None], 0.0).sum(axis=0)
        saved = np.where(known, matrix.epochs_saved, 0.0).sum(axis=0)
        return CellTable(
            decided=decided,
            undecided=undecided,
            undecided_share=undecided / max(usable, 1),
            epochs_saved=saved,
            seconds_saved=np.nansum(np.where(known, matrix.seconds_saved, 0.0), axis=0),
            saved=saved / over,
            regret=mean(matrix.regret),
            regret_relative=mean(matrix.regret_relative),
            regret_final=mean(matrix.regret_final),
            regret_final_relative=mean(matrix.regret_final_relative),
            worst=np.where(decided > 0, np.fmax.reduce(misses, axis=0, initial=-np.inf), np.nan),
            missed=np.where(decided > 0, (misses > tolerance).sum(axis=0) / decided, np.nan),
            top1_regret=top1_regret(matrix),
            rank_correlation=rank_correlation(matrix),
        )


def mean(values: Floats) -> Floats:
    """The mean of each column, NaN aside; NaN where there is nothing else. Shape (runs, cells) -> (cells,)."""
    count = (~np.isnan(values)).sum(axis=0)
    return np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)


def top1_regret(matrix: Matrix) -> Floats:
    """By how much the run that looks best at the stop is worse, in the end, than the best; the first among equals."""
    decided = ~np.isnan(matrix.best_seen)
    if not matrix.runs:
        return np.full(decided.shape[1], math.nan)
    picked = np.where(decided, matrix.best_seen, np.inf).argmin(axis=0)
    best = np.where(decided, matrix.whole_best[:, None], np.inf).min(axis=0)
    return np.where(
        decided.sum(axis=0) > 1, matrix.whole_best[picked] - np.where(np.isfinite(best), best, np.nan), np.nan
    )


def rank_correlation(matrix: Matrix) -> Floats:
    """Spearman's correlation of the best at the stop with that of the whole run, over the runs that a cell decides.

    Equals share their mean rank; NaN with fewer than three runs, or where all are equal.
    """
    import pandas as pd

    seen = pd.DataFrame(matrix.best_seen).rank()
    whole = pd.DataFrame(np.where(np.isnan(matrix.best_seen), np.nan, matrix.whole_best[:, None])).rank()
    one, other = (ranks.to_numpy() - mean(ranks.to_numpy()) for ranks in (seen, whole))
    with np.errstate(invalid="ignore", divide="ignore"):
        made = np.nansum(one * other, axis=0) / np.sqrt(np.nansum(one**2, axis=0) * np.nansum(other**2, axis=0))
    return np.where((~np.isnan(one)).sum(axis=0) > 2, np.clip(made, -1, 1), math.nan)
