"""Steps in, epochs out: the one place that decides which epoch (0-based) a logged value belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..run import EpochAxis, Metric
from ..tags import TRAIN_FOLDERS, VALIDATION_FOLDERS, counts_epochs, is_keras_epoch_tag, metric_name, names_steps
from .sessions import Training, on_epoch_axis

_EVALUATED = re.compile(r"(^|[/_\-. ])(val|valid|validation|eval|evaluation|test|dev)(\d*)([/_\-. ]|$)", re.IGNORECASE)
_MOST_EPOCHS_BETWEEN_EVALUATIONS = 10
_MOST_HOLES = 1_000_000
#: What a user can say instead of having the axis told from the log.
EPOCH_AXES = ("auto", "from-0", "from-1", "evaluations")
_FAR_APART = "lie too far apart: those that are there are counted from 0"

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]
_Points = tuple[_Ints, _Floats, _Floats, bool]  # step, wall time, value, exact
_Series = Mapping[tuple[str, str], _Points]
_Number = TypeVar("_Number", bound=np.integer[Any])


@dataclass(frozen=True)
class Placing:
    """How steps become epochs: step - base, or the epoch of the first step of ``grid`` at or behind it."""

    axis: EpochAxis
    grid: _Ints | None = None
    grid_epochs: _Ints | None = None
    last_step: int | None = None  # tags that go on behind it count something else

    def epochs(self, step: _Ints) -> _Ints:
        """The epoch of each step, -1 where it belongs to none."""
        if self.grid is None:
            return step - self.axis.base
        index = np.searchsorted(self.grid, step)
        epochs = np.arange(len(self.grid)) if self.grid_epochs is None else self.grid_epochs
        return np.append(epochs, -1)[index]

    def holds(self, step: _Ints) -> bool:
        """Whether a tag with these steps is on this axis."""
        return self.last_step is None or int(step.max()) <= self.last_step + 1


def place(training: Training, axis_hint: str) -> Placing:
    """How the steps of a training become epochs.

    ``axis_hint`` is ``events``, the ``axis`` of a history, or what was given of :data:`EPOCH_AXES`.
    """
    series = _series(replace(training, replaced_from=(None,) * len(training.parts)))  # what was replaced counts, too
    placing = _decide(series, axis_hint)
    steps = (
        _union([points[0] for points in series.values() if placing.holds(points[0])])
        if series
        else np.zeros(1, np.int64)
    )
    if placing.grid is None and int(steps[-1]) - int(steps[0]) > _MOST_HOLES + 10 * len(steps):
        sentence = f"epochs {int(steps[0])} to {int(steps[-1])} {_FAR_APART}"
        return Placing(EpochAxis("evaluation", 0, sentence), grid=steps)
    return placing


def by_epoch(
    training: Training, axis_hint: str, known: Placing | None = None
) -> tuple[EpochAxis, dict[str, Metric], list[str]]:
    """The metrics of one training by epoch, how its epochs were found, and notes on what was decided.

    ``known`` is the placing of the whole training where ``training`` is one session of it.
    """
    placing = place(training, axis_hint) if known is None else known
    series = _series(training)
    notes = _resume_notes(training, placing.axis)
    if placing.axis.sentence.endswith(_FAR_APART):
        notes.append(placing.axis.sentence)
    metrics: dict[str, Metric] = {}
    unordered = repeated = outside = 0
    elsewhere: list[str] = []
    for writer, tag in sorted(series, key=_by_right_to_the_name):
        step, wall_time, value, exact = series[writer, tag]
        if not placing.holds(step):
            elsewhere.append(f"{writer}/{tag}".lstrip("/"))
            continue
        name = metric_name(writer, tag)
        if name in metrics:
            name = f"{writer}/{tag}" if writer else f"./{tag}"
        unordered += bool((np.diff(step) < 0).any())
        epoch = placing.epochs(step)
        last = _last_of_each(epoch)
        outside += int((epoch < 0).sum()) if placing.grid is None else 0
        last = last[epoch[last] >= 0]
        if placing.grid is None:
            repeated += int((epoch >= 0).sum()) - len(last)
        origin = f"{writer}/{tag}".lstrip("/")
        metrics[name] = Metric(name, epoch[last].astype(np.int64), value[last], wall_time[last], origin, exact)
    if unordered:
        notes.append(f"the steps of {unordered} metrics are not in order: sorted")
    if repeated:
        notes.append(f"{repeated} steps were written more than once: the value written last counts")
    if outside:
        notes.append(f"{outside} values lie before the first epoch: left out")
    if elsewhere:
        shown = ", ".join(repr(tag) for tag in elsewhere[:4]) + (" …" if len(elsewhere) > 4 else "")
        notes.append(f"{shown} count other steps than epochs: left out of the metrics by epoch")
    return placing.axis, metrics, notes


def _by_right_to_the_name(key: tuple[str, str]) -> int:
    """Whose name it is where two want the same: Keras' own halves, then the run's root, then further writers."""
    writer, tag = key
    half = writer in TRAIN_FOLDERS or writer in ("validation", "val")
    return 0 if half and is_keras_epoch_tag(tag) else 1 if writer == "" else 2


def _series(training: Training) -> dict[tuple[str, str], _Points]:
    """The points that count, by writer and tag, over all sessions of a training."""
    pieces: dict[tuple[str, str], list[_Points]] = {}
    for part, cutoff in zip(training.parts, training.replaced_from, strict=True):
        kept = np.ones(len(part), bool) if cutoff is None else part.step < cutoff
        order = np.argsort(part.tag_id, kind="stable")
        in_order = part.tag_id[order]
        for tag_id in _distinct(in_order).tolist():  # a piece of a file can have few of its many tags
            tag = part.tags[tag_id]
            if not counts_epochs(tag):
                continue
            index = order[np.searchsorted(in_order, tag_id) : np.searchsorted(in_order, tag_id, side="right")]
            index = index[kept[index]]
            if len(index):
                points = (part.step[index], part.wall_time[index], part.value[index], part.exact)
                pieces.setdefault((part.writer, tag), []).append(points)
    return {key: _concatenate(found) for key, found in pieces.items()}


def _resume_notes(training: Training, axis: EpochAxis) -> list[str]:
    """A sentence for each session that resumed, with the points that it replaced itself."""
    notes = []
    kept_until: list[int | None] = [None] * len(training.parts)
    for number, first in enumerate(training.resumes_at):
        if number == 0 or first is None:
            continue
        replaced = 0
        for index, (part, owner) in enumerate(zip(training.parts, training.session_of, strict=True)):
            limit = kept_until[index]
            if owner < number and (limit is None or first < limit):
                step = on_epoch_axis(part, training.epoch_tags)
                replaced += int(((step >= first) & ((step < limit) if limit is not None else True)).sum())
                kept_until[index] = first
        where = f"epoch {first - axis.base + 1} (step {first})" if axis.kind == "epoch" else f"step {first}"
        note = f"session {number + 1} resumes at {where}, where callbacks start afresh"
        notes.append(note + (f"; it replaces {replaced} points that were written before" if replaced else ""))
    return notes


def _concatenate(found: Sequence[_Points]) -> _Points:
    step, wall_time, value, exact = zip(*found, strict=True)
    return np.concatenate(step), np.concatenate(wall_time), np.concatenate(value), all(exact)


def _last_of_each(epoch: _Ints) -> npt.NDArray[np.intp]:
    """Indices of the last written point of each epoch, in the order of epochs."""
    order = np.argsort(epoch, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(epoch[order]) != 0, True)) if len(epoch) else order
    return order[ends]


def _decide(series: _Series, hint: str) -> Placing:
    """Keras' own tags count epochs from 0; else what the evaluations count decides, and the rest must fit to it."""
    if not series:
        return Placing(EpochAxis("epoch", 0, "no values"))
    if hint == "row":
        return Placing(EpochAxis("epoch", 0, "no epoch column: rows are numbered from 0"))
    if hint in ("from-0", "from-1"):
        base = int(hint[-1])
        return Placing(EpochAxis("epoch", base, f"as given, the step counts epochs from {base}"))
    if hint == "evaluations":
        return Placing(EpochAxis("evaluation", 0, "as given, evaluations are counted from 0"), grid=_telling(series))
    keras = [points[0] for (_, tag), points in series.items() if is_keras_epoch_tag(tag)]
    if keras:
        sentence = "the step is Keras' 0-based epoch"
        return Placing(EpochAxis("epoch", 0, sentence), last_step=int(_union(keras)[-1]))
    if hint == "epoch":
        base = 1 if int(_union([points[0] for points in series.values()])[0]) == 1 else 0
        return Placing(EpochAxis("epoch", base, f"the epoch column counts from {base}"))
    return _by_epoch_tag(series) or _by_steps(series)


def _by_steps(series: _Series) -> Placing:
    everything = _union([points[0] for points in series.values()])
    plain = _plain_steps(series)
    telling = _telling(series)
    if _counts_from_0_or_1(telling):
        first = int(telling[0])
        return Placing(EpochAxis("epoch", first, f"the step counts epochs from {first}"), last_step=int(telling[-1]))
    gaps = np.diff(telling)
    few_between = len(gaps) > 0 and int(gaps.max()) <= _MOST_EPOCHS_BETWEEN_EVALUATIONS
    trained = _union(plain) if plain else everything
    if few_between and _counts_from_0_or_1(trained):
        first = int(trained[0])
        sentence = f"the step counts epochs from {first}; evaluated every {int(gaps.max())} epochs or so"
        return Placing(EpochAxis("epoch", first, sentence), last_step=int(trained[-1]))
    sentence = f"steps {int(telling[0])} to {int(telling[-1])} are no epochs: evaluations are counted from 0"
    return Placing(EpochAxis("evaluation", 0, sentence), grid=telling)


def _telling(series: _Series) -> _Ints:
    """The steps of the evaluations; without any those of the tags that do not count steps by name, else all."""
    return _union(_evaluated_steps(series) or _plain_steps(series) or [points[0] for points in series.values()])


def _evaluated_steps(series: _Series) -> list[_Ints]:
    return [points[0] for (writer, tag), points in series.items() if _is_evaluated(writer, tag)]


def _plain_steps(series: _Series) -> list[_Ints]:
    return [points[0] for (_, tag), points in series.items() if not names_steps(tag)]


def _by_epoch_tag(series: _Series) -> Placing | None:
    """Global steps beside a tag ``epoch`` that says which (0-based) epoch each is in, as Lightning logs it."""
    tagged = next((points for (_, tag), points in series.items() if tag == "epoch"), None)
    evaluated = _evaluated_steps(series)
    if tagged is None or not evaluated:
        return None
    order = np.argsort(tagged[0], kind="stable")
    steps, epochs = tagged[0][order], tagged[2][order]
    grid = _union(evaluated)
    if not np.isin(grid, steps).all() or not (np.abs(epochs) < 2**53).all() or (epochs % 1).any():
        return None
    at_grid = epochs[np.searchsorted(steps, grid, side="right") - 1].astype(np.int64)
    if (np.diff(at_grid) <= 0).any() or at_grid[0] < 0:
        return None
    return Placing(EpochAxis("evaluation", 0, "global steps; the tag 'epoch' tells the epoch"), grid, at_grid)


def _is_evaluated(writer: str, tag: str) -> bool:
    return writer in VALIDATION_FOLDERS or _EVALUATED.search(tag) is not None or _EVALUATED.search(writer) is not None


def _union(steps: Sequence[_Ints]) -> _Ints:
    return _distinct(np.sort(np.concatenate(list(steps)), kind="stable"))


def _distinct(ordered: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """The values of a sorted array, each once. numpy.unique hashes millions, which takes several times as long."""
    first: npt.NDArray[np.bool_] = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
    kept: npt.NDArray[_Number] = ordered[first]
    return kept


def _counts_from_0_or_1(steps: _Ints) -> bool:
    """Whether the steps are 0, 1, 2, … or 1, 2, 3, …; one in ten may be missing, as where a record was lost."""
    span = int(steps[-1]) - int(steps[0]) + 1
    missing = span - len(steps)
    return int(steps[0]) in (0, 1) and (missing == 0 or (len(steps) >= 4 and missing <= max(1, span // 10)))
