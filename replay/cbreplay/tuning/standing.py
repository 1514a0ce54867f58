"""Which runs can bear witness: those that went on to their end, not those that something cut short.

A run that early stopping ended says what less patience would have cost against what it reached, never what more
would have brought. Counting it as if it had been whole makes every patience look cheap.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..monitors import words_of
from ..run import Run, is_same_training, nearest_hint
from ..sweeping import Grid, RunMeasures, sweep_runs
from ..text import number

#: How a run ended. ``complete``: at its planned epoch. ``whole``: planned epochs are not known, and no early stopping
#: fits its end. ``cut``: before its planned epoch. ``stopped``: planned epochs are not known (or inferred from where
#: the runs end), and an early stopping fits. ``repeated``: tells
#: of the same training as another one. ``unusable``: no monitor.
KINDS = ("complete", "whole", "cut", "stopped", "repeated", "unusable")

_USUAL = frozenset((*range(1, 21), *range(25, 51, 5)))
_LONG = frozenset((60, 75, 80, 100, 150, 200))
_USUAL_DELTAS = frozenset((0.0, 1e-4, 1e-3))
_DELTAS = (0.0, 1e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1)
_MOST_PATIENCE = 300
_MOST_METRICS = 4
_SHARED_BY = 3
_SHARED_PART = 0.25
_MOST_OF_THEM = 0.8


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
        """Whether it has the monitor, and is not there twice."""
        return self.kind not in ("unusable", "repeated")

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return dict(self.__dict__)


def standings(
    measured: Sequence[RunMeasures], monitor: str, mode: str, profile: str, metrics: Mapping[str, str] | None
) -> list[Standing]:
    """How each run ended; the second and later ones of equal values are set apart, they are no further witnesses."""
    doubtful = [item.run for item in measured if item.maximize is not None and _is_doubtful(item.run)]
    fitting = _Fitting(doubtful, monitor, mode, profile, metrics)
    seen: dict[tuple[bytes, bytes], Run] = {}
    found = []
    for item in measured:
        made = _standing(item, monitor, fitting.sentence(item.run))
        if made.is_usable:
            metric = item.run.table[monitor]
            first = seen.setdefault((metric.epoch.tobytes(), metric.value.tobytes()), item.run)
            if first is not item.run and is_same_training(first, item.run):
                made = replace(made, kind="repeated", sentence=f"tells of the same training as {first.name}")
        found.append(made)
    return found


def _is_doubtful(run: Run) -> bool:
    """Whether nothing sure says where the training was to end."""
    return run.planned is None or run.planned.known_from == "siblings"


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
    elif fits is not None and (planned is None or end >= planned.epochs):
        kind, sentence = "stopped", fits
    elif planned is not None and end >= planned.epochs:
        kind, sentence = "complete", f"reaches its planned end, epoch {planned.epochs} ({planned.sentence})"
        if end > planned.epochs:
            sentence = f"goes beyond its planned end, epoch {planned.epochs} ({planned.sentence})"
    elif planned is not None:
        kind, sentence = "cut", f"ends at epoch {end} of {planned.epochs} planned ({planned.sentence})"
    inferred = None if planned is None or planned.known_from != "siblings" else f"{planned.epochs}, {planned.sentence}"
    return Standing(run.name, kind, sentence, run.epochs, inferred)


class _Fitting:
    """The early stoppings that would have ended runs just where they end, on the monitor and on validation metrics.

    For a run without planned epochs one counts that is usual by itself: patience 1 to 20, 25, 30, ... 50 with
    min_delta 0, 0.0001 or 0.001, on the monitor also patience 60, 75, 80, 100, 150, 200 with min_delta 0; or
    one that fits at least three runs and a quarter of all: with all values allowed nearly every curve that ends
    behind its best fits some. Where planned epochs are inferred from a common end, one counts that is usual and fits
    most of these runs.
    """

    def __init__(
        self, runs: Sequence[Run], monitor: str, mode: str, profile: str, metrics: Mapping[str, str] | None
    ) -> None:
        self._monitor = monitor
        self._of: dict[int, list[_Fit]] = {id(run): [] for run in runs}
        others = dict.fromkeys(
            name for run in runs for name in run.table if "val" in words_of(name) and "/" not in name
        )
        watched = [(monitor, mode), *((name, "auto") for name in others if name != monitor)][: _MOST_METRICS + 1]
        most = min(max((run.epochs for run in runs), default=1), _MOST_PATIENCE)
        axes = {"start_from_epoch": (0,), "min_delta": _DELTAS, "patience": tuple(range(1, most + 1))}
        grid = Grid("keras", axes, "patience")
        for name, direction in watched:
            there = [run for run in runs if name == monitor or name in run.table]
            fixed = {"monitor": name, "mode": direction}
            for run, item in zip(there, sweep_runs(there, grid, fixed, profile=profile, metrics=metrics), strict=True):
                last = run.first_epoch + run.epochs - 1
                for cell in (item.stopped_epoch == last).nonzero()[0].tolist():
                    values = grid.parameters(cell)
                    self._of[id(run)].append(_Fit(name, values["patience"], values["min_delta"]))
        self._open = Counter(fit for run in runs if run.planned is None for fit in self._of[id(run)])
        self._inferred = Counter(fit for run in runs if run.planned is not None for fit in self._of[id(run)])
        self._ends = sum(run.planned is not None for run in runs)
        self._shared = max(_SHARED_BY, _SHARED_PART * (len(runs) - self._ends))

    def sentence(self, run: Run) -> str | None:
        """Why a run counts as stopped, None where it does not."""
        for fit in self._of.get(id(run), ()):
            usual = fit.patience in _USUAL and fit.min_delta in _USUAL_DELTAS
            long = fit.metric == self._monitor and fit.patience in _LONG and fit.min_delta == 0
            if run.planned is None and (usual or long or self._open[fit] >= self._shared):
                shared = f", as it would {self._open[fit] - 1} others" if self._open[fit] >= self._shared else ""
                return f"planned epochs are not known; {fit.words} would have ended it just there{shared}"
            many = self._inferred[fit] >= max(_SHARED_BY, _MOST_OF_THEM * self._ends)
            if run.planned is not None and usual and many:
                return f"all end alike, but {fit.words} would have ended {self._inferred[fit]} of them just there, too"
        return None


@dataclass(frozen=True)
class _Fit:
    metric: str
    patience: int
    min_delta: float

    @property
    def words(self) -> str:
        delta = f" and min_delta {number(self.min_delta)}" if self.min_delta else ""
        return f"an early stopping on {self.metric!r} with patience {self.patience}{delta}"
