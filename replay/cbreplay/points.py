"""Points as logged: the common form of every log, at which nothing is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


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

    def cut(self, begin: int, end: int, restarts_at: int | None) -> Part:
        """The piece from point ``begin`` up to, not including, point ``end``."""
        wall_time = self.wall_time[begin:end]
        known = begin and len(wall_time) and math.isfinite(wall_time[0])
        started = float(wall_time[0]) if known else self.started
        return Part(
            self.path, self.writer, started, self.tags, self.tag_id[begin:end], self.step[begin:end],
            wall_time, self.value[begin:end], self.exact, restarts_at,
        )  # fmt: skip
