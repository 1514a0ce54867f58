"""Points as logged: the common form of every log, at which nothing is lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

_FEW_TAGS = 16


@dataclass(frozen=True)
class Series:
    """Points of one tag in the order of writing: parallel arrays of shape (points,), at least one.

    ``wall_time`` is in seconds since 1970, NaN where unknown; ``exact`` is False for float32 values.
    """

    step: npt.NDArray[np.int64]
    wall_time: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    exact: bool

    @cached_property
    def is_rising(self) -> bool:
        """Whether each step is above the one before it."""
        return is_rising(self.step)

    @property
    def first_step(self) -> int:
        """The lowest step."""
        return int(self.step[0] if self.is_rising else self.step.min())

    @property
    def last_step(self) -> int:
        """The highest step."""
        return int(self.step[-1] if self.is_rising else self.step.max())

    def where(self, kept: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Series:
        """Some of the points."""
        return Series(self.step[kept], self.wall_time[kept], self.value[kept], self.exact)


@dataclass(frozen=True)
class Part:
    """Scalar points in the order of writing: one file, or the piece of one behind a restart.

    ``step``, ``wall_time`` (seconds since 1970, NaN where unknown), ``tag_id`` (index into ``tags``) and
    ``value`` are parallel arrays of shape (points,). ``writer`` is the folder of the writer below its run
    ("" at its root). ``exact`` tells text with all digits from float32 event values. ``restarts_at`` is the
    step that a writer declared to go on from, None where it declared nothing.
    """

    path: str
    writer: str
    started: float | None
    tags: tuple[str, ...]
    tag_id: npt.NDArray[np.int32]
    step: npt.NDArray[np.int64]
    wall_time: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    exact: bool = False
    restarts_at: int | None = None

    def __len__(self) -> int:
        return len(self.step)

    @cached_property
    def span(self) -> tuple[float, float] | None:
        """The first and the last wall time, seconds since 1970; None where none is known."""
        times = self.wall_time
        if not len(times):
            return None
        if not (math.isfinite(times.min()) and math.isfinite(times.max())):
            times = times[np.isfinite(times)]
        return (float(times.min()), float(times.max())) if len(times) else None

    def tag_order(self) -> npt.NDArray[np.intp]:
        """Where the points stand, those of a tag together and in the order of writing: shape (points,)."""
        if 0 < len(self.tags) <= _FEW_TAGS:  # to look for each is faster than to sort
            return np.concatenate([np.flatnonzero(self.tag_id == tag_id) for tag_id in range(len(self.tags))])
        narrow = self.tag_id.astype(np.uint16) if len(self.tags) <= 1 << 16 else self.tag_id  # sorted by radix
        return np.argsort(narrow, kind="stable")

    @cached_property
    def by_tag(self) -> tuple[tuple[str, Series], ...]:
        """Each tag that has points, and its points, by tag id."""
        order = self.tag_order()
        tag_id, step = self.tag_id[order], self.step[order]
        wall_time, value = self.wall_time[order], self.value[order]
        borders = (np.flatnonzero(tag_id[1:] != tag_id[:-1]) + 1).tolist()
        return tuple(
            (self.tags[tag_id[begin]], Series(step[begin:end], wall_time[begin:end], value[begin:end], self.exact))
            for begin, end in pairwise([0, *borders, len(tag_id)])
            if begin < end
        )

    def cut(self, begin: int, end: int, restarts_at: int | None) -> Part:
        """The piece from point ``begin`` up to, not including, point ``end``."""
        wall_time = self.wall_time[begin:end]
        known = begin and len(wall_time) and math.isfinite(wall_time[0])
        started = float(wall_time[0]) if known else self.started
        return Part(
            self.path, self.writer, started, self.tags, self.tag_id[begin:end], self.step[begin:end],
            wall_time, self.value[begin:end], self.exact, restarts_at,
        )  # fmt: skip


def joined(pieces: Sequence[Series]) -> Series:
    """Pieces of one series, one behind the other."""
    if len(pieces) == 1:
        return pieces[0]
    return Series(
        np.concatenate([piece.step for piece in pieces]),
        np.concatenate([piece.wall_time for piece in pieces]),
        np.concatenate([piece.value for piece in pieces]),
        all(piece.exact for piece in pieces),
    )


def is_rising(numbers: npt.NDArray[np.int64]) -> bool:
    """Whether each number is above the one before it."""
    return bool((numbers[1:] > numbers[:-1]).all())
