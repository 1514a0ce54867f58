"""Steps in, epochs out: the one place that decides which epoch (0-based) a logged value belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..run import EpochAxis, Metric
from ..tags import VALIDATION_FOLDERS, counts_epochs, is_keras_epoch_tag, metric_name
from .sessions import Training

_EVALUATED = re.compile(r"(^|[/_\-. ])(val|valid|validation|eval|evaluation|test)([/_\-. ]|$)", re.IGNORECASE)


def by_epoch(
    training: Training, axis_hint: str, known_axis: EpochAxis | None = None
) -> tuple[EpochAxis, dict[str, Metric], list[str]]:
    """The metrics of one training by epoch, how its epochs were found, and notes on what was decided.

    ``axis_hint`` is ``events``, or the ``axis`` of a history (``epoch``, ``step`` or ``row``). ``known_axis``
    is that of the whole training where ``training`` is one session of it.
    """
    series = _series(training)
    axis, grid = _decide(series, axis_hint) if known_axis is None else (known_axis, None)
    notes = _resume_notes(training, axis)
    metrics: dict[str, Metric] = {}
    unordered = repeated = 0
    for (writer, tag), points in series.items():
        name = metric_name(writer, tag)
        if name in metrics:
            name = f"{writer}/{tag}" if writer else f"./{tag}"
        step, wall_time, value, exact = points
        unordered += bool((np.diff(step) < 0).any())
        epoch = np.searchsorted(grid, step) if grid is not None else step - axis.base
        last = _last_of_each(epoch)
        if axis_hint == "events" and grid is None:
            repeated += len(epoch) - len(last)
        metrics[name] = Metric(
            name, epoch[last].astype(np.int64), value[last], wall_time[last],
            f"{writer}/{tag}".lstrip("/"), exact,
        )  # fmt: skip
    if unordered:
        notes.append(f"the steps of {unordered} metrics are not in order: sorted")
    if repeated:
        notes.append(f"{repeated} steps were written more than once: the value written last counts")
    return axis, metrics, notes


_Points = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64], bool]


def _series(training: Training) -> dict[tuple[str, str], _Points]:
    """The points that count, by writer and tag, over all sessions of a training."""
    pieces: dict[tuple[str, str], list[_Points]] = {}
    for part, cutoff in zip(training.parts, training.replaced_from, strict=True):
        kept = np.ones(len(part), bool) if cutoff is None else part.step < cutoff
        order = np.argsort(part.tag_id, kind="stable")
        borders = np.searchsorted(part.tag_id[order], np.arange(len(part.tags) + 1))
        for tag_id, tag in enumerate(part.tags):
            if not counts_epochs(tag):
                continue
            index = order[borders[tag_id] : borders[tag_id + 1]]
            index = index[kept[index]]
            if len(index):
                points = (part.step[index], part.wall_time[index], part.value[index], part.exact)
                pieces.setdefault((part.writer, tag), []).append(points)
    return {key: _concatenate(found) for key, found in pieces.items()}


def _resume_notes(training: Training, axis: EpochAxis) -> list[str]:
    notes = []
    replaced = 0
    for number, session in enumerate(training.sessions[1:], start=2):
        replaced += training.sessions[number - 2].replaced
        if session.first_step is None:
            continue
        where = f"step {session.first_step}"
        if axis.kind == "epoch":
            where = f"epoch {session.first_step - axis.base + 1} ({where})"
        note = f"session {number} resumes at {where}, where callbacks start afresh"
        notes.append(note + (f"; it replaces {replaced} points that were written before" if replaced else ""))
    return notes


def _concatenate(found: Sequence[_Points]) -> _Points:
    step, wall_time, value, exact = zip(*found, strict=True)
    return np.concatenate(step), np.concatenate(wall_time), np.concatenate(value), all(exact)


def _last_of_each(epoch: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Indices of the last written point of each epoch, in the order of epochs."""
    order = np.argsort(epoch, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(epoch[order]) != 0, True)) if len(epoch) else order
    return order[ends]


def _decide(series: dict[tuple[str, str], _Points], hint: str) -> tuple[EpochAxis, npt.NDArray[np.int64] | None]:
    if not series:
        return EpochAxis("epoch", 0, "no values"), None
    if hint == "row":
        return EpochAxis("epoch", 0, "no epoch column: rows are numbered from 0"), None
    if any(is_keras_epoch_tag(tag) or writer in VALIDATION_FOLDERS for writer, tag in series):
        return EpochAxis("epoch", 0, "the step is Keras' 0-based epoch"), None
    steps = np.unique(np.concatenate([points[0] for points in series.values()]))
    first = int(steps[0])
    if hint == "epoch":
        base = 1 if first == 1 else 0
        return EpochAxis("epoch", base, f"the epoch column counts from {base}"), None
    if first in (0, 1) and len(steps) == steps[-1] - first + 1:
        return EpochAxis("epoch", first, f"the step counts epochs from {first}"), None
    evaluated = [points[0] for (_, tag), points in series.items() if _EVALUATED.search(tag)]
    grid = np.unique(np.concatenate(evaluated)) if evaluated else steps
    grid = np.append(grid, np.iinfo(np.int64).max) if grid[-1] < steps[-1] else grid
    sentence = f"steps {first} to {int(steps[-1])} are no epochs: evaluations are counted from 0"
    return EpochAxis("evaluation", 0, sentence), grid
