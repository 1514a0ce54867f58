"""Which runs can bear witness: those that went on to their end, not those that something cut short.

A run that early stopping ended says what less patience would have cost against what it reached, never what more
would have brought. Counting it as if it had been whole makes every patience look cheap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..monitors import words_of
from ..run import Run, nearest_hint
from ..sweeping import Grid, RunMeasures, sweep_runs
from ..text import number

#: How a run ended. ``complete``: at its planned epoch. ``whole``: planned epochs are not known, and no early stopping
#: fits its end. ``cut``: before its planned epoch. ``stopped``: planned epochs are not known, an early stopping fits.
KINDS = ("complete", "whole", "cut", "stopped", "unusable")

_USUAL_PATIENCES = (*range(1, 21), *range(25, 51, 5))
_USUAL_DELTAS = (0.0, 1e-4, 1e-3, 1e-2)
_MOST_METRICS = 4


@dataclass(frozen=True)
class Standing:
    """How a run ended, and the sentence that says how that is known. ``epochs`` counts from its first to its last.

    ``inferred`` says how the planned epochs were, where they were not given.
    """

    run: str
    kind: str
    sentence: str
    epochs: int
    inferred: str | None = None

    @property
    def is_censored(self) -> bool:
        """Whether something cut the run short, or may have."""
        return self.kind in ("cut", "stopped")

    @property
    def is_usable(self) -> bool:
        """Whether it has the monitor at all."""
        return self.kind != "unusable"

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return dict(self.__dict__)


def standings(
    measured: Sequence[RunMeasures], monitor: str, mode: str, profile: str, metrics: Mapping[str, str] | None
) -> list[Standing]:
    """How each run ended."""
    unplanned = [item.run for item in measured if item.run.planned is None and item.maximize is not None]
    fitting = _fitting_stops(unplanned, monitor, mode, profile, metrics)
    return [_standing(item, monitor, fitting.get(id(item.run))) for item in measured]


def _standing(item: RunMeasures, monitor: str, fits: str | None) -> Standing:
    run = item.run
    end = run.first_epoch + run.epochs
    planned = run.planned
    kind, sentence = "whole", "planned epochs are not known; no usual early stopping fits its end"
    if item.problem is not None:
        kind, sentence = "unusable", item.problem
    elif monitor not in run.table:
        kind, sentence = "unusable", f"{monitor!r} is not in the log{nearest_hint(monitor, run.table)}"
    elif not math.isfinite(item.whole_best) or item.maximize is None:
        kind, sentence = "unusable", f"{monitor!r} has no finite best"
    elif planned is not None and end >= planned.epochs:
        kind, sentence = "complete", f"reaches its planned end, epoch {end} ({planned.sentence})"
    elif planned is not None:
        kind, sentence = "cut", f"ends at epoch {end} of {planned.epochs} planned ({planned.sentence})"
    elif fits is not None:
        kind, sentence = "stopped", fits
    inferred = None if planned is None or planned.known_from != "siblings" else f"{planned.epochs}, {planned.sentence}"
    return Standing(run.name, kind, sentence, run.epochs, inferred)


def _fitting_stops(
    runs: Sequence[Run], monitor: str, mode: str, profile: str, metrics: Mapping[str, str] | None
) -> dict[int, str]:
    """For the runs that an early stopping of usual parameters would have ended just where they end: the sentence on it.

    Patience 1 to 20, 25, 30, ... 50, with min_delta 0, 0.0001, 0.001 or 0.01, on the monitor and on other validation
    metrics. Other values are rare, and with all of them nearly every curve that ends behind its best fits some.
    """
    axes = {"start_from_epoch": (0,), "min_delta": _USUAL_DELTAS, "patience": _USUAL_PATIENCES}
    grid = Grid("keras", axes, "patience")
    others = dict.fromkeys(name for run in runs for name in run.table if "val" in words_of(name) and "/" not in name)
    watched = [(monitor, mode), *((name, "auto") for name in others if name != monitor)][: _MOST_METRICS + 1]
    found: dict[int, str] = {}
    for name, direction in watched:
        there = [run for run in runs if id(run) not in found and (name == monitor or name in run.table)]
        fixed = {"monitor": name, "mode": direction}
        for run, item in zip(there, sweep_runs(there, grid, fixed, profile=profile, metrics=metrics), strict=True):
            last = run.first_epoch + run.epochs - 1
            fits = (item.stopped_epoch == last).nonzero()[0]
            if len(fits):
                cell = grid.parameters(int(fits[0]))
                delta = f" and min_delta {number(cell['min_delta'])}" if cell["min_delta"] else ""
                found[id(run)] = (
                    f"planned epochs are not known; an early stopping on {name!r} with patience "
                    f"{cell['patience']}{delta} would have ended it just there"
                )
    return found
