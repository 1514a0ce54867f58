"""The record of one event file: its scalar points as columns, and what else is known of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..damage import Damage


@dataclass(frozen=True)
class EventColumns:
    """The scalar points of one event file, in the order in which they were written.

    ``wall_time`` (seconds since 1970), ``step``, ``value`` (float64 holding exactly what was written),
    ``tag_id`` (index into ``tags``) and ``encoding`` are parallel arrays of shape (points,).
    """

    wall_time: npt.NDArray[np.float64]
    step: npt.NDArray[np.int64]
    tag_id: npt.NDArray[np.int32]
    value: npt.NDArray[np.float64]
    encoding: npt.NDArray[np.uint8]
    tags: tuple[str, ...]
    others: dict[str, tuple[str, int]]  #: tag -> (plugin or kind, number of values) of what is no scalar
    restarts: tuple[tuple[int, int], ...]  #: (number of points before it, step) of each SessionLog.START
    records: int  #: sound ones
    end: int  #: offset of the first byte behind the last sound record
    first_wall_time: float | None
    last_wall_time: float | None
    damage: tuple[Damage, ...]

    def followed_by(self, more: EventColumns) -> EventColumns:
        """These and what was read behind them; ``more`` counts the records of both."""
        tags = tuple(dict.fromkeys((*self.tags, *more.tags)))
        id_of = {tag: tag_id for tag_id, tag in enumerate(tags)}
        own_id = np.array([id_of[tag] for tag in more.tags], np.int32)
        others = dict(self.others)
        for tag, (kind, count) in more.others.items():
            others[tag] = kind, others.get(tag, (kind, 0))[1] + count
        return replace(
            more,
            wall_time=np.concatenate([self.wall_time, more.wall_time]),
            step=np.concatenate([self.step, more.step]),
            tag_id=np.concatenate([self.tag_id, own_id[more.tag_id]]),
            value=np.concatenate([self.value, more.value]),
            encoding=np.concatenate([self.encoding, more.encoding]),
            tags=tags,
            others=others,
            restarts=(*self.restarts, *((len(self.step) + before, step) for before, step in more.restarts)),
            first_wall_time=more.first_wall_time if self.first_wall_time is None else self.first_wall_time,
            last_wall_time=self.last_wall_time if more.last_wall_time is None else more.last_wall_time,
        )
