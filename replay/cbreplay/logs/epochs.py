"""Steps in, epochs out: the one place that decides which epoch (0-based) a logged value belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..points import Part, Series, is_rising, joined
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
_AllSeries = Mapping[tuple[str, str], Series]  # by writer and tag


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
            return step - self.axis.base if self.axis.base else step
        epochs = np.arange(len(self.grid), dtype=np.int64) if self.grid_epochs is None else self.grid_epochs
        if _are_same(step, self.grid):
            return epochs
        return np.append(epochs, -1)[np.searchsorted(self.grid, step)]

    def holds(self, series: Series) -> bool:
        """Whether a tag with these points is on this axis."""
        return self.last_step is None or series.last_step <= self.last_step + 1


def place(training: Training, axis_hint: str) -> Placing:
    """How the steps of a training become epochs.

    ``axis_hint`` is ``events``, the ``axis`` of a history, or what was given of :data:`EPOCH_AXES`.
    """
    series = _by_tag(training.parts, (None,) * len(training.parts))  # what was replaced counts, too
    placing = _decide(series, axis_hint)
    held = [points for points in series.values() if placing.holds(points)] if placing.grid is None else []
    first, last = min((p.first_step for p in held), default=0), max((p.last_step for p in held), default=0)
    if last - first <= _MOST_HOLES:  # however few steps there are
        return placing
    steps = _union(held)
    if last - first <= _MOST_HOLES + 10 * len(steps):
        return placing
    return Placing(EpochAxis("evaluation", 0, f"epochs {first} to {last} {_FAR_APART}"), grid=steps)


def by_epoch(
    training: Training, axis_hint: str, known: Placing | None = None
) -> tuple[EpochAxis, dict[str, Metric], list[str]]:
    """The metrics of one training by epoch, how its epochs were found, and notes on what was decided.

    ``known`` is the placing of the whole training where ``training`` is one session of it.
    """
    placing = place(training, axis_hint) if known is None else known
    series = _by_tag(training.parts, training.replaced_from)
    notes = _resume_notes(training, placing.axis)
    if placing.axis.sentence.endswith(_FAR_APART):
        notes.append(placing.axis.sentence)
    metrics: dict[str, Metric] = {}
    unordered = repeated = outside = 0
    elsewhere: list[str] = []
    for writer, tag in sorted(series, key=_by_right_to_the_name):
        points = series[writer, tag]
        if not placing.holds(points):
            elsewhere.append(f"{writer}/{tag}".lstrip("/"))
            continue
        name = metric_name(writer, tag)
        if name in metrics:
            name = f"{writer}/{tag}" if writer else f"./{tag}"
        unordered += not points.is_rising and bool((points.step[1:] < points.step[:-1]).any())
        epoch, kept = _last_of_each(points, placing)
        if placing.grid is None and len(kept.step) < len(points.step):
            before = int((placing.epochs(points.step) < 0).sum())
            outside += before
            repeated += len(points.step) - before - len(kept.step)
        origin = f"{writer}/{tag}".lstrip("/")
        metrics[name] = Metric(name, epoch, kept.value, kept.wall_time, origin, kept.exact)
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


def _by_tag(parts: Sequence[Part], replaced_from: Sequence[int | None]) -> dict[tuple[str, str], Series]:
    """The points that count, by writer and tag, over all parts."""
    pieces: dict[tuple[str, str], list[Series]] = {}
    for part, cutoff in zip(parts, replaced_from, strict=True):
        for tag, series in part.by_tag:
            kept = series if cutoff is None or series.last_step < cutoff else series.where(series.step < cutoff)
            if len(kept.step) and counts_epochs(tag):
                pieces.setdefault((part.writer, tag), []).append(kept)
    return {key: joined(found) for key, found in pieces.items()}


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


def _last_of_each(points: Series, placing: Placing) -> tuple[_Ints, Series]:
    """The epochs that points belong to, in order, and the last written point of each."""
    epoch = placing.epochs(points.step)
    if int(epoch.min()) < 0:
        points, epoch = points.where(epoch >= 0), epoch[epoch >= 0]
    if is_rising(epoch):
        return epoch, points
    order = np.argsort(epoch, kind="stable")
    last = order[np.append(np.diff(epoch[order]) != 0, True)]
    return epoch[last], points.where(last)


def _decide(series: _AllSeries, hint: str) -> Placing:
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
    keras = [points for (_, tag), points in series.items() if is_keras_epoch_tag(tag)]
    if keras:
        sentence = "the step is Keras' 0-based epoch"
        return Placing(EpochAxis("epoch", 0, sentence), last_step=max(points.last_step for points in keras))
    if hint == "epoch":
        base = 1 if min(points.first_step for points in series.values()) == 1 else 0
        return Placing(EpochAxis("epoch", base, f"the epoch column counts from {base}"))
    return _by_epoch_tag(series) or _by_steps(series)


def _by_steps(series: _AllSeries) -> Placing:
    telling = _telling(series)
    if _counts_from_0_or_1(telling):
        first = int(telling[0])
        return Placing(EpochAxis("epoch", first, f"the step counts epochs from {first}"), last_step=int(telling[-1]))
    gaps = np.diff(telling)
    few_between = len(gaps) > 0 and int(gaps.max()) <= _MOST_EPOCHS_BETWEEN_EVALUATIONS
    trained = _union(_plain(series) or list(series.values()))
    if few_between and _counts_from_0_or_1(trained):
        first = int(trained[0])
        sentence = f"the step counts epochs from {first}; evaluated every {int(gaps.max())} epochs or so"
        return Placing(EpochAxis("epoch", first, sentence), last_step=int(trained[-1]))
    sentence = f"steps {int(telling[0])} to {int(telling[-1])} are no epochs: evaluations are counted from 0"
    return Placing(EpochAxis("evaluation", 0, sentence), grid=telling)


def _telling(series: _AllSeries) -> _Ints:
    """The steps of the evaluations; without any those of the tags that do not count steps by name, else all."""
    return _union(_evaluated(series) or _plain(series) or list(series.values()))


def _evaluated(series: _AllSeries) -> list[Series]:
    return [points for (writer, tag), points in series.items() if _is_evaluated(writer, tag)]


def _plain(series: _AllSeries) -> list[Series]:
    return [points for (_, tag), points in series.items() if not names_steps(tag)]


def _by_epoch_tag(series: _AllSeries) -> Placing | None:
    """Global steps beside a tag ``epoch`` that says which (0-based) epoch each is in, as Lightning logs it."""
    tagged = next((points for (_, tag), points in series.items() if tag == "epoch"), None)
    evaluated = _evaluated(series)
    if tagged is None or not evaluated:
        return None
    order = np.argsort(tagged.step, kind="stable")
    steps, epochs = tagged.step[order], tagged.value[order]
    grid = _union(evaluated)
    if not np.isin(grid, steps).all() or not (np.abs(epochs) < 2**53).all() or (epochs % 1).any():
        return None
    at_grid = epochs[np.searchsorted(steps, grid, side="right") - 1].astype(np.int64)
    if (np.diff(at_grid) <= 0).any() or at_grid[0] < 0:
        return None
    return Placing(EpochAxis("evaluation", 0, "global steps; the tag 'epoch' tells the epoch"), grid, at_grid)


def _is_evaluated(writer: str, tag: str) -> bool:
    return writer in VALIDATION_FOLDERS or _EVALUATED.search(tag) is not None or _EVALUATED.search(writer) is not None


def _union(series: Sequence[Series]) -> _Ints:
    """All steps in order, each once."""
    first, *others = [points.step for points in series]
    others = [other for other in others if not _are_same(other, first)]  # most tags are written together
    together = np.concatenate([first, *others]) if others else first
    if is_rising(together):
        return together
    together = np.sort(together, kind="stable")  # numpy.unique hashes millions, which takes several times as long
    kept: _Ints = together[np.append(True, together[1:] != together[:-1])]
    return kept


def _are_same(one: _Ints, other: _Ints) -> bool:
    return len(one) == len(other) and bool((one == other).all())


def _counts_from_0_or_1(steps: _Ints) -> bool:
    """Whether the steps are 0, 1, 2, … or 1, 2, 3, …; one in ten may be missing, as where a record was lost."""
    span = int(steps[-1]) - int(steps[0]) + 1
    missing = span - len(steps)
    return int(steps[0]) in (0, 1) and (missing == 0 or (len(steps) >= 4 and missing <= max(1, span // 10)))
