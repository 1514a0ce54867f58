"""Run and Runs: one training by epoch, with where each value came from."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from .damage import Damage, Skipped
from .errors import UnknownMetricError, UnknownRunError
from .iterations import IterationMark, iteration_marks
from .medians import median
from .points import Part
from .tags import metric_name

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Metric:
    """One metric by epoch: parallel arrays of shape (values,), ``epoch`` 0-based and strictly increasing.

    ``wall_time`` is in seconds since 1970 (NaN where unknown). ``origin`` names where it was read (writer
    and tag, or the column of a file); ``exact`` is False for float32 values of an event file.
    """

    name: str
    epoch: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    wall_time: npt.NDArray[np.float64]
    origin: str
    exact: bool


@dataclass(frozen=True)
class EpochAxis:
    """How steps became epochs: ``kind`` is ``epoch`` (step - base) or ``evaluation`` (counted from 0)."""

    kind: str
    base: int
    sentence: str


@dataclass(frozen=True)
class Session:
    """What one process wrote: ``sources`` in order, times in seconds since 1970 (None where unknown).

    ``first_step`` and ``last_step`` are steps as written (None without points); ``replaced`` counts the
    points that a later session of the same training wrote again.
    """

    sources: tuple[str, ...]
    started: float | None
    ended: float | None
    first_step: int | None
    last_step: int | None
    replaced: int = 0

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "sources": list(self.sources),
            "started": self.started,
            "ended": self.ended,
            "first_step": self.first_step,
            "last_step": self.last_step,
            "replaced": self.replaced,
        }


@dataclass(frozen=True)
class PlannedEpochs:
    """How many epochs a training was to run, and how that is known: ``given``, ``file`` or ``siblings``."""

    epochs: int
    known_from: str
    sentence: str


@dataclass(frozen=True)
class ReleaseEvidence:
    """What tells which Keras wrote a run: its release, or the range [``first``, ``before``) that it must lie in."""

    release: str | None
    first: tuple[int, ...]
    before: tuple[int, ...] | None
    sentence: str


@dataclass(frozen=True)
class Run:
    """One training. Epochs are 0-based; ``epochs`` counts them from the first logged one to the last."""

    name: str
    folder: str  #: the folder that the run's files lie in or below
    table: dict[str, Metric]  #: metric name -> its values by epoch
    axis: EpochAxis
    sources: tuple[str, ...]
    sessions: tuple[Session, ...]
    damage: tuple[Damage, ...]
    notes: tuple[str, ...]
    planned: PlannedEpochs | None = None
    release: ReleaseEvidence | None = None
    parts: tuple[Part, ...] = field(default=(), repr=False)
    joined_parts: tuple[Part, ...] = field(default=(), repr=False)  #: of histories that joined the event files
    session_of: tuple[int, ...] = field(default=(), repr=False)
    replaced_from: tuple[int | None, ...] = field(default=(), repr=False)
    event_tags: dict[str, tuple[str, int]] = field(default_factory=dict, repr=False)  #: what is no scalar
    #: (first epoch, end) of each fit that wrote the run, and what a later fit replaced in the log
    fit_epochs: tuple[tuple[int, int], ...] = ()
    replaced: tuple[dict[str, Metric], ...] = field(default=(), repr=False)

    @cached_property
    def first_epoch(self) -> int:
        """The 0-based index of the first logged epoch; 0 where nothing is logged."""
        return min((int(m.epoch[0]) for m in self.table.values() if len(m.epoch)), default=0)

    @cached_property
    def epochs(self) -> int:
        """The number of epochs from the first logged one to the last, holes included."""
        last = max((int(m.epoch[-1]) for m in self.table.values() if len(m.epoch)), default=-1)
        return last + 1 - self.first_epoch if last >= 0 else 0

    @property
    def planned_epochs(self) -> int | None:
        """The number of epochs that the training was to reach, None where nothing tells."""
        return None if self.planned is None else self.planned.epochs

    @cached_property
    def unlogged_epochs(self) -> tuple[int, ...]:
        """Epochs (0-based) between the first and the last of which the log holds nothing at all."""
        seen = np.zeros(self.epochs, bool)
        for metric in self.table.values():
            seen[metric.epoch - self.first_epoch] = True
        return tuple((np.flatnonzero(~seen) + self.first_epoch).tolist())

    def lost_epochs(self, monitor: str) -> tuple[int, ...]:
        """Epochs (0-based) whose value of ``monitor`` the log lacks though the training must have had one.

        Those of which nothing is logged, and those that the rhythm of the others (every epoch, every second one, …)
        says were evaluated. A monitor that is nowhere in the log has lost nothing.
        """
        lost = set(self.unlogged_epochs)
        there = self.table[monitor].epoch.tolist() if monitor in self.table else []
        if there:
            gaps = Counter(np.diff(there).tolist())
            rhythm = min(gaps, key=lambda gap: (-gaps[gap], gap)) if gaps else 1
            last = self.first_epoch + self.epochs
            lost |= set(range(there[0], last, max(rhythm, 1))) - set(there) if len(there) > 1 else set()
        return tuple(sorted(lost))

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """All metrics by epoch: a float64 column each, indexed by 0-based ``epoch``; NaN where there is none."""
        import pandas as pd

        index = pd.RangeIndex(self.first_epoch, self.first_epoch + self.epochs, name="epoch")
        return pd.DataFrame({name: self.values(name) for name in self.table}, index=index)

    @cached_property
    def iteration_marks(self) -> list[IterationMark]:
        """How many steps the optimizer had made at the end of each epoch, as far as the event files tell."""
        return iteration_marks(self.parts, [self.fit_of_session[s] for s in self.session_of], self.replaced_from)

    @cached_property
    def steps_per_epoch(self) -> int | None:
        """Optimizer steps per epoch, where Keras' ``evaluation_*_vs_iterations`` tell and always agree; else None."""
        marks = self.iteration_marks
        if any(mark.iterations % (mark.epoch + 1) for mark in marks):
            return None
        counts = {mark.iterations // (mark.epoch + 1) for mark in marks}
        return counts.pop() if len(counts) == 1 else None

    def metric(self, name: str) -> Metric:
        """The metric ``name``; raises :class:`UnknownMetricError` with the nearest names."""
        try:
            return self.table[name]
        except KeyError:
            hint = nearest_hint(name, self.table)
            raise UnknownMetricError(f"run {self.name!r} has no metric {name!r}{hint}") from None

    def values(self, name: str) -> npt.NDArray[np.float64]:
        """The values of a metric by epoch, shape (epochs,); NaN where the log has none."""
        return self._spread(self.metric(name), self.metric(name).value)

    def wall_times(self) -> npt.NDArray[np.float64]:
        """When each epoch was logged last, seconds since 1970, shape (epochs,); NaN where unknown."""
        times = np.full(self.epochs, np.nan)
        for metric in self.table.values():
            times = np.fmax(times, self._spread(metric, metric.wall_time))
        return times

    def seconds_after(self) -> npt.NDArray[np.float64]:
        """Seconds from the end of each epoch to that of the last, shape (epochs,); NaN where times are unknown.

        A pause between two sessions counts as one usual epoch.
        """
        times = self.wall_times()
        steps = np.diff(times)
        pauses = [epoch - self.first_epoch - 1 for epoch in self.session_epochs[1:]]
        pauses = [index for index in pauses if 0 <= index < len(steps)]
        usual = np.delete(steps, pauses)
        finite = usual[np.isfinite(usual)]
        steps[pauses] = median(finite) if len(finite) else 0.0
        if np.isnan(steps).any():  # some epochs have no time of their own: the times of the others still count
            return np.asarray(np.maximum(times[-1] - times, 0.0)) if len(times) else times
        return (
            np.append(np.cumsum(steps[::-1])[::-1], 0.0 if np.isfinite(times[-1]) else np.nan) if len(times) else times
        )

    def _spread(self, metric: Metric, data: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        spread = np.full(self.epochs, np.nan)
        spread[metric.epoch - self.first_epoch] = data
        return spread

    def logs(self) -> list[dict[str, float]]:
        """Keras' ``logs`` of each epoch, in order: metric name -> value; absent where it was not logged."""
        rows: list[dict[str, float]] = [{} for _ in range(self.epochs)]
        for name, metric in self.table.items():
            if name == "epoch":  # a counter that some frameworks log; Keras gives callbacks the epoch itself
                continue
            for epoch, value in zip((metric.epoch - self.first_epoch).tolist(), metric.value.tolist(), strict=True):
                rows[epoch][name] = value
        return rows

    @cached_property
    def fit_of_session(self) -> tuple[int, ...]:
        """For each session the fit that it is, from 0: those that logged no epoch count with the one before them."""
        if len(self.fit_epochs) < 2:
            return (0,) * len(self.sessions)
        logged = np.cumsum([session.first_step is not None for session in self.sessions])
        return tuple(np.clip(logged - 1, 0, len(self.fit_epochs) - 1).tolist())

    @property
    def session_epochs(self) -> tuple[int, ...]:
        """The 0-based first epoch of each fit (process) that wrote the run."""
        return tuple(first for first, _ in self.fit_epochs)

    def fit_span(self, fit: int) -> tuple[int, int]:
        """The 0-based first epoch of a fit (from 0) and the epoch behind its last; those of the run for any other."""
        if fit < len(self.fit_epochs):
            return self.fit_epochs[fit]
        return self.first_epoch, self.first_epoch + self.epochs

    def seen_by_fit(self, name: str) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
        """What the callbacks of each fit saw of one metric: (0-based epochs, values); see :meth:`fits`."""
        nothing = np.zeros(0, np.int64), np.zeros(0)
        metric = self.table.get(name) if name != "epoch" else None
        if len(self.fit_epochs) < 2:
            return [nothing if metric is None else (metric.epoch, metric.value)]
        result = []
        for number, (first, end) in enumerate(self.fit_epochs):
            kept_until = self._kept_until(number)
            epoch, value = nothing
            if metric is not None:
                kept = (metric.epoch >= first) & (metric.epoch < min(end, kept_until))
                epoch, value = metric.epoch[kept], metric.value[kept]
            again = self.replaced[number].get(name) if name != "epoch" else None
            if again is not None:
                late = again.epoch >= kept_until
                epoch, value = np.append(epoch, again.epoch[late]), np.append(value, again.value[late])
            order = np.argsort(epoch, kind="stable")
            result.append((epoch[order], value[order]))
        return result

    def _kept_until(self, fit: int) -> int:
        """The first epoch that a later fit wrote again; the end of the fit where none did."""
        return min([begin for begin, _ in self.fit_epochs[fit + 1 :]], default=self.fit_epochs[fit][1])

    def fits(self) -> list[list[tuple[int, dict[str, float]]]]:
        """What the callbacks of each fit saw: (0-based epoch, logs), with the epochs that a later fit wrote again."""
        rows = self.logs()
        if len(self.fit_epochs) < 2:
            return [list(enumerate(rows, start=self.first_epoch))]
        result = []
        for number, (first, end) in enumerate(self.fit_epochs):
            kept_until = self._kept_until(number)
            seen = {e: rows[e - self.first_epoch] for e in range(first, min(end, kept_until))}
            for metric in self.replaced[number].values():
                for epoch, value in zip(metric.epoch.tolist(), metric.value.tolist(), strict=True):
                    if epoch >= kept_until:
                        seen.setdefault(epoch, {})[metric.name] = value
            result.append(sorted(seen.items()))
        return result

    def points(self, tag: str) -> pd.DataFrame:
        """Every logged value of a tag, in the order of writing: step, wall_time, value, session, replaced, source.

        ``tag`` is a metric's name (``val_loss``), a tag with its writer (``validation/epoch_loss``), or a
        bare tag that only one writer has. Steps are as written; ``session`` counts from 0; ``replaced``
        marks values that a later session wrote again. Raises :class:`UnknownMetricError`.
        """
        import pandas as pd

        own = list(zip(self.parts, self.session_of, self.replaced_from, strict=True))
        joined = [(part, 0, None) for part in self.joined_parts]  # only where the event files lack the tag
        for parts in (own, joined):
            found = [(*self._frame(part, tag_id, session, cutoff), tag_id, part) for part, session, cutoff in parts
                     for tag_id in range(len(part.tags)) if tag in self._names(part, tag_id)]  # fmt: skip
            exact = [item for item in found if tag in self._names(item[3], item[2])[:2]]
            chosen = exact or found
            writers = sorted({full for full, *_ in chosen})
            if len(writers) > 1 and not exact:
                raise UnknownMetricError(f"run {self.name!r}: {tag!r} was written by several: {', '.join(writers)}")
            if chosen:
                return pd.concat([frame for _, frame, *_ in chosen], ignore_index=True)
        raise UnknownMetricError(f"run {self.name!r} has no tag {tag!r}")

    @staticmethod
    def _names(part: Part, tag_id: int) -> tuple[str, str, str]:
        """The metric's name, the tag with its writer, the bare tag."""
        tag = part.tags[tag_id]
        return metric_name(part.writer, tag), f"{part.writer}/{tag}".lstrip("/"), tag

    def _frame(self, part: Part, tag_id: int, session: int, cutoff: int | None) -> tuple[str, pd.DataFrame]:
        import pandas as pd

        index = np.flatnonzero(part.tag_id == tag_id)
        step = part.step[index]
        columns = {
            "step": step,
            "wall_time": part.wall_time[index],
            "value": part.value[index],
            "session": session,
            "replaced": step >= cutoff if cutoff is not None and self._names(part, tag_id)[0] in self.table else False,
            "source": part.path,
        }
        return self._names(part, tag_id)[1], pd.DataFrame(columns)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready description: no values, but what is there and how it was read."""
        return {
            "name": self.name, "epochs": self.epochs, "first_epoch": self.first_epoch,
            "metrics": sorted(self.table), "axis": self.axis.sentence,
            "unlogged_epochs": list(self.unlogged_epochs),
            "planned_epochs": self.planned_epochs,
            "release": None if self.release is None else self.release.sentence,
            "planned_from": None if self.planned is None else self.planned.sentence,
            "sources": list(self.sources), "sessions": [session.to_dict() for session in self.sessions],
            "other_tags": {tag: {"kind": kind, "values": n} for tag, (kind, n) in self.event_tags.items()},
            "damage": [item.to_dict() for item in self.damage], "notes": list(self.notes),
        }  # fmt: skip

    def _repr_html_(self) -> str:
        return str(self.metrics._repr_html_())  # type: ignore[operator]


class Runs(Sequence[Run]):
    """The runs of a log folder in the order of their names, with what was damaged or left out."""

    def __init__(self, runs: Sequence[Run], logdir: str, skipped: Sequence[Skipped] = ()) -> None:
        self._runs = tuple(runs)
        self.logdir = logdir
        self.skipped = tuple(skipped)

    @property
    def damage(self) -> tuple[Damage, ...]:
        """The damage of all runs; a file that several runs share is reported once."""
        return tuple(dict.fromkeys(item for run in self._runs for item in run.damage))

    @overload
    def __getitem__(self, key: int | str) -> Run: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Run]: ...
    def __getitem__(self, key: int | str | slice) -> Run | Sequence[Run]:
        """A run by position or by name; raises :class:`UnknownRunError` for an unknown name."""
        if isinstance(key, str):
            for run in self._runs:
                if run.name == key:
                    return run
            names = nearest(key, [run.name for run in self._runs]) or [run.name for run in self._runs[:8]]
            raise UnknownRunError(f"no run {key!r} in {self.logdir}; there are: {', '.join(names)}")
        return self._runs[key]

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    def _repr_html_(self) -> str:
        from .notebook import runs_html

        return runs_html(self)

    def __repr__(self) -> str:
        return f"Runs({self.logdir!r}: {', '.join(run.name for run in self._runs)})"


def is_same_training(one: Run, other: Run) -> bool:
    """Whether a history tells of the same training as another run: where both have a metric, its values are the same.

    Two event runs are two trainings, however alike.
    """
    shared = one.table.keys() & other.table.keys()
    histories = any(metric.exact for run in (one, other) for metric in run.table.values())
    return (
        histories
        and bool(shared)
        and all(
            np.array_equal(one.table[name].epoch, other.table[name].epoch)
            and np.array_equal(one.table[name].value, other.table[name].value, equal_nan=True)
            for name in shared
        )
    )


def nearest(name: str, names: Sequence[str] | dict[str, Any], count: int = 3) -> list[str]:
    """The names most like ``name``, best first; those that contain it or end alike come before the rest."""
    candidates = list(names)
    bare = name.removeprefix("val_").lower()
    telling = [c for c in candidates if bare in c.lower() or name.lower() in c.lower()]
    close = difflib.get_close_matches(name, candidates, n=count, cutoff=0.5)
    return list(dict.fromkeys([*close[:1], *sorted(telling, key=len), *close]))[:count]


def nearest_hint(name: str, names: Sequence[str] | dict[str, Any]) -> str:
    """What to put behind a sentence on an unknown name: the :func:`nearest` ones, or nothing where there are none."""
    near = nearest(name, names)
    return f"; nearest: {', '.join(near)}" if near else ""
