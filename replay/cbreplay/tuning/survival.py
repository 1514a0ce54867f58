"""How many runs are still training at each epoch, under one cell of the grid or as logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..sweeping import RunMeasures
from ..sweeping.measuring import COMPLETED, HIDDEN, OPEN, STOPPED

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Survival:
    """The share of runs still training after so many epochs: parallel arrays of shape (steps,), from (0, 1) on.

    ``censored`` are the numbers of epochs after which runs drop out whose end is not known.
    """

    name: str
    epochs: Floats
    share: Floats
    censored: Floats

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {"name": self.name, "epochs": self.epochs.tolist(), "share": self.share.tolist(),
                "censored": self.censored.tolist()}  # fmt: skip


def still_training(name: str, measured: Sequence[RunMeasures], cell: int | None, *, as_whole: bool = False) -> Survival:
    """The curve of a cell, or of the logs themselves where ``cell`` is None.

    A run that the cell leaves open counts until its log ends and drops out there, unless ``as_whole`` (E. L. Kaplan and
    P. Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958) 457-481).
    """
    lengths, ended = [], []
    for item in measured:
        stops = cell is not None and item.verdict[cell] == STOPPED
        assert cell is not None or not stops
        lengths.append(item.epochs - (float(item.epochs_saved[cell]) if stops and cell is not None else 0.0))
        verdict = COMPLETED if cell is None else int(item.verdict[cell])
        ended.append(verdict < OPEN or (as_whole and verdict < HIDDEN))
    return Survival(name, *kaplan_meier(np.array(lengths, np.float64), np.array(ended, bool)))


def kaplan_meier(lengths: Floats, ended: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Steps and shares of the Kaplan-Meier estimate, and the lengths that are censored; both arguments (runs,)."""
    times = np.unique(lengths[ended])
    at_risk = np.array([(lengths >= time).sum() for time in times], np.float64)
    ends = np.array([(lengths[ended] == time).sum() for time in times], np.float64)
    share = np.cumprod(1 - ends / at_risk) if len(times) else np.zeros(0)
    return np.append(0.0, times), np.append(1.0, share), np.sort(lengths[~ended])
