"""What else speaks for an epoch beside a file's content: the optimizer's steps, the name, the modification time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..iterations import IterationMark
from ..medians import median
from ..model_files import Checkpoint
from ..run import Run
from ..text import duration, listed
from .names import EMBEDDINGS, epochs_of_name, epochs_with_value, parse_name

Kind = Literal["histograms", "iterations", "metrics", "name", "time"]

_SUSPICIOUS_SHARE = 2 / 3
_EMBEDDING = re.compile(re.escape(EMBEDDINGS) + r"(\d{1,6})\.(?:weights\.)?h5")
_FAR = 60.0  # seconds


@dataclass(frozen=True)
class Evidence:
    """One thing that speaks for epochs (0-based; none where it speaks for none), in a sentence that counts from 1."""

    kind: Kind
    epochs: tuple[int, ...]
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {"kind": self.kind, "epochs": list(self.epochs), "sentence": self.sentence}


@dataclass(frozen=True)
class Steps:
    """Where the optimizer's count of steps puts a file.

    ``ends`` are (fit, epoch) at whose end the log has that count; ``inside`` is (fit, epoch, step in it, steps of
    it) where the count lies within an epoch. Epochs are 0-based.
    """

    ends: tuple[tuple[int, int], ...] = ()
    inside: tuple[tuple[int, int, int, int], ...] = ()
    how: str = ""


def steps_of(checkpoint: Checkpoint, run: Run, steps_per_epoch: tuple[int, str] | None) -> Steps:
    """Where the optimizer's count puts a file, by the log's own marks, else by ``steps_per_epoch`` (and its source).

    Nothing where the file has no count that can be relied on, or the log does not tell.
    """
    count = checkpoint.iterations
    if count is None or not checkpoint.iterations_certain:
        return Steps()
    marks = run.iteration_marks
    if not marks:
        return _by_division(count, run, steps_per_epoch)
    ends = dict.fromkeys((mark.fit, mark.epoch) for mark in marks if mark.iterations == count)
    how = "the log has that count there"
    inside = []
    loss_scaling = "scale" in (checkpoint.optimizer or "").lower()  # leaves steps out
    for fit in sorted({mark.fit for mark in marks}) if not ends and not loss_scaling else ():
        own = sorted((mark for mark in marks if mark.fit == fit), key=lambda mark: mark.epoch)
        place = _between(count, own, run.fit_span(fit))
        how = "as the log counts them"
        if place is not None and not place[1]:
            ends[fit, place[0]] = None
        elif place is not None:
            inside.append((fit, *place))
    return Steps(tuple(ends), tuple(inside), how)


def _between(count: int, marks: Sequence[IterationMark], span: tuple[int, int]) -> tuple[int, int, int] | None:
    """(epoch, steps into the next, steps of it) of a count that no mark of a fit has; None where it is not in it.

    ``marks`` are those of the fit by epoch, ``span`` its first epoch and its end.
    """
    slopes = {
        (b.iterations - a.iterations) / (b.epoch - a.epoch) for a, b in pairwise(marks)
    } or {marks[0].iterations / (marks[0].epoch + 1 - span[0])}  # fmt: skip
    slope = slopes.pop()
    if slopes or slope < 1 or slope != int(slope):  # epochs of different lengths: only neighbours tell
        for a, b in pairwise(marks):
            if a.iterations < count < b.iterations and b.epoch == a.epoch + 1:
                return b.epoch, count - a.iterations, b.iterations - a.iterations
        return None
    steps = int(slope)
    epochs, rest = divmod(count - marks[0].iterations, steps)
    ended = marks[0].epoch + epochs  # the last epoch that was over
    if rest:
        return (ended + 1, rest, steps) if span[0] <= ended + 1 < span[1] else None
    return (ended, 0, steps) if span[0] <= ended < span[1] else None


def _by_division(count: int, run: Run, steps_per_epoch: tuple[int, str] | None) -> Steps:
    if steps_per_epoch is None or len(run.session_epochs) > 1 or not count:
        return Steps()
    steps, source = steps_per_epoch
    epoch, rest = divmod(count, steps)
    how = f"{steps} steps an epoch, {source}"
    last = run.first_epoch + run.epochs - 1
    if not rest and run.first_epoch <= epoch - 1 <= last:
        return Steps(((0, epoch - 1),), how=how)
    if rest and run.first_epoch <= epoch <= last:
        return Steps(inside=((0, epoch, rest, steps),), how=how)
    return Steps()


def metrics_of(checkpoint: Checkpoint, run: Run) -> Steps:
    """Where the loss in a file's own metrics puts it: the epochs whose validation (or training) loss is just that.

    Only Keras 2 saves it, in ``.weights.h5`` and zip files. Compared are float32 values, bit for bit.
    """
    if checkpoint.loss is None:
        return Steps()
    metric = "val_loss" if "val_loss" in run.table else "loss"
    wanted = np.float32(checkpoint.loss)
    ends = [
        (fit, epoch) for fit, logged in enumerate(run.fits()) for epoch, logs in logged
        if metric in logs and np.float32(logs[metric]) == wanted
    ]  # fmt: skip
    return Steps(tuple(ends), how=metric)


def steps_told_by_names(checkpoints: Sequence[Checkpoint]) -> tuple[int, str] | None:
    """Steps per epoch as most files of one folder have them by their names and counts; None where they do not agree."""
    ratios: list[int | None] = []
    for checkpoint in checkpoints:
        epoch = parse_name(checkpoint.path).epoch
        if epoch and checkpoint.iterations and checkpoint.iterations_certain:
            ratios.append(checkpoint.iterations // epoch if checkpoint.iterations % epoch == 0 else None)
    if len(ratios) < 3:
        return None
    ratio, votes = Counter(ratios).most_common(1)[0]
    if ratio is None or votes < _SUSPICIOUS_SHARE * len(ratios):
        return None
    return ratio, f"as the names of {votes} of {len(ratios)} files beside it say"


def first_epochs_of_names(known: Iterable[tuple[Checkpoint, int]]) -> dict[tuple[Path, str], int | None]:
    """What the numbers in the names of a folder's files count from: 1, 0, or None where they count no epochs.

    ``known`` are files with the epoch (0-based) that their content tells; the keys are the folder and the pattern of
    the name. A pattern of which nothing is known is not among them.
    """
    told: dict[tuple[Path, str], list[tuple[int, int, bool]]] = {}
    for checkpoint, epoch in known:
        parts = parse_name(checkpoint.path)
        if parts.epoch is not None:
            key = (Path(checkpoint.path).parent, parts.pattern)
            told.setdefault(key, []).append((parts.epoch, epoch, parts.is_marked))
    result: dict[tuple[Path, str], int | None] = {}
    for key, pairs in told.items():
        from_1 = sum(number == epoch + 1 for number, epoch, _ in pairs)
        from_0 = sum(number == epoch for number, epoch, _ in pairs)
        if len(pairs) > 1 and from_0 == len(pairs):
            result[key] = 0
        elif from_1 * 2 >= len(pairs) or (pairs[0][2] and (from_1 or len(pairs) < 3)):
            result[key] = 1
        else:
            result[key] = None
    return result


def name_evidence(
    checkpoint: Checkpoint, run: Run, template: str | None, first_epochs: Mapping[tuple[Path, str], int | None]
) -> Evidence | None:
    """What the name says: by ``template`` where the file bears a name of it, else by the numbers in it.

    ``first_epochs`` is what :func:`first_epochs_of_names` found for the files around it.
    """
    name = PurePath(checkpoint.path).name
    if template is not None:
        epochs = epochs_of_name(run, template, name)
        if epochs:
            return Evidence("name", epochs, f"the policy gives this name at epoch {epoch_list(epochs)}")
    if (embedded := _EMBEDDING.fullmatch(name)) is not None:
        epoch = int(embedded[1])
        return Evidence("name", (epoch,), f"named {epoch} by TensorBoard's callback, which counts from 0")
    parts = parse_name(name)
    values = {text: epochs_with_value(run, text) for text in parts.values}
    first = first_epochs.get((Path(checkpoint.path).parent, parts.pattern), 1)
    if parts.epoch is not None and first is not None and parts.epoch >= first:
        epoch = parts.epoch - first
        agreeing = [
            f"{text} is its {metric}" for text, metrics in values.items() for metric, found in metrics.items()
            if epoch in found
        ]  # fmt: skip
        also = f", and {agreeing[0]}" if agreeing else ""
        counting = ", counted from 0 as in the names beside it" if first == 0 else ""
        return Evidence("name", (epoch,), f"named {parts.epoch}{counting}{also}")
    for text, metrics in values.items():
        if len(metrics) == 1:
            ((metric, found),) = metrics.items()
            return Evidence("name", found, f"{text} in its name is {metric} of epoch {epoch_list(found)}")
    return None


def time_evidence(checkpoint: Checkpoint, run: Run) -> Evidence | None:
    """What the modification time says: the epoch whose values were logged next to it, if it lies in the training."""
    epochs, logged, usual = _logged_times(run)
    if len(epochs) < 2:
        return None
    if checkpoint.modified > logged[-1] + max(usual, _FAR):
        after = duration(float(checkpoint.modified - logged[-1]))
        return Evidence("time", (), f"modified {after} after the last epoch was logged: a copy, or saved later")
    if is_older(checkpoint, run):
        before = duration(float(logged[0] - checkpoint.modified))
        return Evidence("time", (), f"modified {before} before the first epoch was logged")
    nearest = int(np.argmin(np.abs(logged - checkpoint.modified)))
    if usual <= 0 or abs(float(logged[nearest] - checkpoint.modified)) > usual / 2:
        return None
    return Evidence("time", (epochs[nearest],), f"modified when epoch {epochs[nearest] + 1} was logged")


def is_older(checkpoint: Checkpoint, run: Run) -> bool:
    """Whether a file was last modified clearly before the first epoch of a run was logged."""
    epochs, logged, usual = _logged_times(run)
    return len(epochs) > 1 and checkpoint.modified < logged[0] - max(2 * usual, _FAR)


def _logged_times(run: Run) -> tuple[list[int], npt.NDArray[np.float64], float]:
    """The epochs (0-based) whose time is known, when each was logged (seconds since 1970), and the usual distance."""
    times = run.wall_times()
    known = np.flatnonzero(np.isfinite(times))
    usual = median(np.diff(times[known])) if len(known) > 1 else 0.0
    return [run.first_epoch + int(place) for place in known], times[known], usual


def epoch_list(epochs: Sequence[int]) -> str:
    """Epochs for people, from 1."""
    if len(epochs) > 2 and list(epochs) == list(range(epochs[0], epochs[-1] + 1)):
        return f"{epochs[0] + 1} to {epochs[-1] + 1}"
    return listed([epoch + 1 for epoch in epochs], 6)
