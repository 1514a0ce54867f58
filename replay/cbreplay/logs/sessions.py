"""Parts in, trainings out: which files belong to one run, and where one training ends and the next begins.

The policy, the same for event files and histories: parts are put in the order of time into sessions (one
process each). A session that starts again at or before the first step of the training so far is another
training; one that starts later resumes it, and its points replace those from its first step on.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..points import Part
from ..run import Session
from ..tags import (
    TRAIN_FOLDERS,
    VALIDATION_FOLDERS,
    counts_epochs,
    is_keras_epoch_tag,
    is_offshoot,
    names_steps,
)

_OVERLAP_SECONDS = 60.0


@dataclass(frozen=True)
class Training:
    """One training: its parts, each with the session that wrote it and the step from which it is replaced."""

    parts: tuple[Part, ...]
    session_of: tuple[int, ...]
    replaced_from: tuple[int | None, ...]
    sessions: tuple[Session, ...]
    resumes_at: tuple[int | None, ...] = ()  #: per session the step from which it replaces what was there
    epoch_tags: frozenset[str] = frozenset()  #: the tags whose steps count its epochs

    def only(self, session: int) -> Training:
        """The parts of one session, with nothing replaced."""
        begin, end = bisect_left(self.session_of, session), bisect_right(self.session_of, session)
        parts = self.parts[begin:end]
        return Training(
            parts, (0,) * len(parts), (None,) * len(parts), (self.sessions[session],), (None,), self.epoch_tags
        )


def writer_folders(tags: Mapping[Path, set[str]], logdir: Path) -> dict[Path, tuple[Path, str]]:
    """For each folder with event files (and the scalar tags in it): the folder of its run and its writer's name below.

    ``train`` and ``validation`` (or ``val``, ``test``, … beside a ``train``; CatBoost's ``learn`` and ``test``) are
    halves of one run; so are further writers directly beside the two, and the folder above them. What PyTorch's
    ``add_scalars`` and ``add_hparams`` write below a run belongs to it. A run never lies above ``logdir``.
    """
    known = set(tags)
    halves = {}
    for folder in known:
        above = folder.parent if folder != logdir else folder
        name = folder.resolve().name if folder == logdir else folder.name
        if name in ("train", "validation") or _has_twin(folder, name, known):
            halves[folder] = (above, name)
    roots = {root for root, _ in halves.values() if root != logdir or logdir not in halves}
    result = dict(halves)
    others = known - set(halves)
    for folder in others:
        run_above = next((parent for parent in folder.parents if parent in others), None)
        if folder in roots:
            result[folder] = (folder, "")
        elif run_above is not None and is_offshoot(writer := folder.relative_to(run_above).as_posix(), tags[folder]):
            result[folder] = (run_above, writer)
        elif folder.parent in roots:
            result[folder] = (folder.parent, folder.name)
        else:
            result[folder] = (folder, "")
    return _below_roots(result, halves, tags)


def _has_twin(folder: Path, name: str, known: set[Path]) -> bool:
    """Whether the other half lies beside a folder that is a half only where there is one."""
    if name in VALIDATION_FOLDERS:
        return any(folder.parent / half in known for half in TRAIN_FOLDERS)
    return name == "learn" and folder.parent / "test" in known


def _below_roots(
    placed: dict[Path, tuple[Path, str]], halves: Mapping[Path, tuple[Path, str]], tags: Mapping[Path, set[str]]
) -> dict[Path, tuple[Path, str]]:
    """What tensorboardX's ``add_scalars`` wrote (``losses/train``, ``losses/val``) belongs to the run above."""
    others = tags.keys() - halves.keys()
    for folder in halves if others else ():
        above = next((parent for parent in folder.parents if parent in others), None)
        if above is not None and is_offshoot(writer := folder.relative_to(above).as_posix(), tags[folder]):
            placed[folder] = (above, writer)
    return placed


def detach_strangers(parts: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """Parts of the run, and parts of other writers below it that were not at work when its halves were."""
    halves = [part for part in parts if _is_half(part)]
    spans = [span for part in halves if (span := _span(part))] if len(halves) < len(parts) else []
    if not spans:
        return list(parts), []
    begin = min(first for first, _ in spans) - _OVERLAP_SECONDS
    end = max(last for _, last in spans) + _OVERLAP_SECONDS
    own: list[Part] = []
    strangers: list[Part] = []
    for part in parts:
        span = _span(part)
        outside = span is not None and (span[1] < begin or span[0] > end)
        (strangers if outside and not _is_half(part) else own).append(part)
    return own, strangers


def _is_half(part: Part) -> bool:
    return part.writer in TRAIN_FOLDERS or part.writer in VALIDATION_FOLDERS


def _span(part: Part) -> tuple[float, float] | None:
    return part.span or (None if part.started is None else (part.started, part.started))


def trainings(parts: Sequence[Part]) -> list[Training]:
    """Group the parts of one run folder (or the pieces of one history) into trainings, in order of time."""
    tags = epoch_tags(parts)
    groups: list[list[list[Part]]] = []  # trainings of sessions of parts
    first_of_training: int | None = None
    for session in _sessions(parts):
        first = _first_step(session, tags)
        if not groups or (first is not None and first_of_training is not None and first <= first_of_training):
            groups.append([session])
            first_of_training = first
        else:
            groups[-1].append(session)
            if first_of_training is None:
                first_of_training = first
    return [_training(sessions, tags) for sessions in groups]


def _sessions(parts: Sequence[Part]) -> list[list[Part]]:
    """Parts in order of time; a session ends where one of its writers starts a new part."""
    if any(part.started is not None for part in parts):
        parts = sorted(parts, key=_begin)
    sessions: list[list[Part]] = []
    for part in parts:
        begins = not sessions or any(_follows(part, other) for other in sessions[-1])
        says_nothing = not len(part) and part.started is None  # a file of 0 bytes is nobody's start
        if begins and not (says_nothing and sessions):
            sessions.append([part])
        else:
            sessions[-1].append(part)
    return sessions


def _begin(part: Part) -> tuple[bool, float, str]:
    """A sort key for parts in the order of time.

    TensorFlow cuts the time at which it creates a file to whole seconds, and several fits can begin within one: so the
    first point counts where there is one.
    """
    span = _span(part)
    time = span[0] if part.started is not None and span is not None else part.started
    return time is None, time or 0.0, part.path


def _follows(part: Part, other: Part) -> bool:
    """Whether a part is a new start of the other's writer, not a second file with other tags at the same time."""
    if part.writer != other.writer:
        return False
    beside = _span(part), _span(other)
    if not len(part) or not len(other) or beside[0] is None or beside[1] is None:
        return True
    apart = beside[0][0] > beside[1][1] or beside[1][0] > beside[0][1]
    return apart or not set(part.tags).isdisjoint(other.tags)


def _first_step(session: Sequence[Part], tags: frozenset[str]) -> int | None:
    """The first step on the epoch axis, or the declared one where that is lower; None without points."""
    steps = [int(axis.min()) for part in session if len(axis := on_epoch_axis(part, tags))]
    declared = [part.restarts_at for part in session if part.restarts_at is not None]
    return min([*steps, *declared]) if steps else None


def epoch_tags(parts: Sequence[Part]) -> frozenset[str]:
    """The tags that count epochs: Keras' own where there are any, else those that do not speak of steps, else all."""
    different = {part.tags for part in parts}  # the pieces of one file share theirs
    counting = {tag for tags in different for tag in tags if counts_epochs(tag)}
    keras = {tag for tag in counting if is_keras_epoch_tag(tag)}
    return frozenset(keras or {tag for tag in counting if not names_steps(tag)} or counting)


def on_epoch_axis(part: Part, tags: frozenset[str]) -> npt.NDArray[np.int64]:
    """The steps of the points whose tags count epochs."""
    if tags.issuperset(part.tags):
        return part.step
    counts = np.array([tag in tags for tag in part.tags], bool)
    kept: npt.NDArray[np.int64] = part.step[counts[part.tag_id]]
    return kept


def _training(sessions: list[list[Part]], tags: frozenset[str]) -> Training:
    parts: list[Part] = []
    session_of: list[int] = []
    replaced_from: list[int | None] = []
    records: list[Session] = []
    firsts = [_first_step(session, tags) for session in sessions]
    cutoffs: list[int | None] = [None]
    for first in reversed(firsts[1:]):
        cutoffs.append(min((known for known in (first, cutoffs[-1]) if known is not None), default=None))
    for index, (session, cutoff) in enumerate(zip(sessions, reversed(cutoffs), strict=True)):
        steps = np.concatenate([on_epoch_axis(part, tags) for part in session])
        spans = [span for part in session if (span := _span(part))]
        records.append(
            Session(
                sources=tuple(dict.fromkeys(part.path for part in session)),
                started=min((span[0] for span in spans), default=None),
                ended=max((span[1] for span in spans), default=None),
                first_step=int(steps.min()) if len(steps) else None,
                last_step=int(steps.max()) if len(steps) else None,
                replaced=0 if cutoff is None else int((steps >= cutoff).sum()),
            )
        )
        parts += session
        session_of += [index] * len(session)
        replaced_from += [cutoff] * len(session)
    return Training(tuple(parts), tuple(session_of), tuple(replaced_from), tuple(records), tuple(firsts), tags)
