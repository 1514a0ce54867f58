"""Several curves as one: the median and the middle half at each epoch, and how many runs are still there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Series:
    """The values of one run: parallel arrays ``epoch`` (0-based) and ``value``; its log spans [``first``, ``end``)."""

    run: str
    epoch: Ints
    value: Floats
    first: int
    end: int


@dataclass(frozen=True)
class Band:
    """The runs of one group at each epoch: parallel arrays of shape (epochs,), ``epoch`` 0-based.

    ``low``, ``median`` and ``high`` are the quartiles (25, 50, 75 %, between two values by straight line) of the finite
    values that were logged there, NaN where there are none; ``values`` counts those, ``running`` the runs whose logs
    reach that epoch. A run that ended is not carried on: where ``running`` falls, the median is that of the others.
    """

    name: str
    metric: str
    runs: tuple[str, ...]
    epoch: Ints
    running: Ints
    values: Ints
    low: Floats
    median: Floats
    high: Floats

    @property
    def is_thin(self) -> npt.NDArray[np.bool_]:
        """Where fewer than half of the runs are left; shape (epochs,)."""
        return 2 * self.running < len(self.runs)

    @property
    def _told(self) -> Ints:
        """The places with a median of at least half of the runs; of fewer where there are no such."""
        places = np.flatnonzero((self.values > 0) & ~self.is_thin)
        return places if len(places) else np.flatnonzero(self.values)

    @property
    def last(self) -> int:
        """The place of the last epoch with a median that at least half of the runs reach."""
        return int(self._told[-1])

    def best(self, *, maximize: bool) -> int:
        """The place of the best median up to there, the first among equals."""
        told = self.median[self._told]
        return int(self._told[told.argmax() if maximize else told.argmin()])

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        arrays = ("epoch", "running", "values", "low", "median", "high")
        return {
            "name": self.name, "metric": self.metric, "runs": list(self.runs),
            **{name: getattr(self, name).tolist() for name in arrays},
        }  # fmt: skip


def band_of(name: str, metric: str, series: Sequence[Series]) -> Band | None:
    """The band of some curves; None where no epoch has a finite value."""
    spanned = [item for item in series if item.end > item.first]
    if not any(np.isfinite(item.value).any() for item in spanned):
        return None
    first, end = min(item.first for item in spanned), max(item.end for item in spanned)
    table = np.full((len(spanned), end - first), np.nan)
    running = np.zeros(end - first, np.int64)
    for row, item in zip(table, spanned, strict=True):
        row[item.epoch - first] = np.where(np.isfinite(item.value), item.value, np.nan)
        running[item.first - first : item.end - first] += 1
    values = (~np.isnan(table)).sum(axis=0)
    quartiles = np.full((3, end - first), np.nan)
    quartiles[:, values > 0] = np.nanquantile(table[:, values > 0], [0.25, 0.5, 0.75], axis=0)
    names = tuple(item.run for item in spanned)
    return Band(name, metric, names, np.arange(first, end), running, values, *quartiles)
