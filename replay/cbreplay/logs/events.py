"""Event files: a path in, columns of scalar points out.

:func:`read_event_file` is the narrow place behind which the compiled scanner stands: it takes a path and
gives :class:`EventColumns`, with no Python object per point. Images, histograms, graphs and text are
counted, not decoded. Both scalar encodings are read: ``simple_value`` (TF1, PyTorch) and rank-0 tensors
(TF2, Keras 2 and 3).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..damage import Damage, shortened
from ..errors import NotALogError
from ..files import open_regular, wrapping
from ..scanner import compiled_collector
from .collecting import Collector, PythonCollector
from .messages import event_in
from .records import OVERHEAD, RecordReader
from .scalars import SIMPLE_VALUE, add_event, scalar_of_tensor

__all__ = ["SIMPLE_VALUE", "EventColumns", "read_event_file", "scalar_of_tensor"]

_MAX_REPORTED = 1000


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
    records: int
    first_wall_time: float | None
    last_wall_time: float | None
    damage: tuple[Damage, ...]


def read_event_file(path: Path) -> EventColumns:
    """Read every scalar of one event file; damage is reported in the result, not raised.

    Raises OSError where the file cannot be opened or is no regular file, and :class:`NotALogError` where
    not one sound record is in it though it has bytes.
    """
    name = str(path)
    damage: list[Damage] = []
    with open_regular(path, buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        compiled = compiled_collector(size)
        collector: Collector = PythonCollector() if compiled is None else compiled
        reader = RecordReader(stream, size, name, None if compiled is None else compiled.scan)
        for offset, payload in reader:
            if payload is None:
                collector.count_other("(a record above 64 MiB)", "large")
            elif (error := _add(collector, payload)) is not None:
                detail = f"a sound record that is no event: {error}"
                damage.append(Damage(name, offset, "event", len(payload) + OVERHEAD, detail))
    if size and not reader.records:
        raise NotALogError(_what_is_it(path))
    wall_time, step, tag_id, value, encoding = collector.take_columns()
    return EventColumns(
        wall_time=np.frombuffer(wall_time, np.float64),
        step=np.frombuffer(step, np.int64),
        tag_id=np.frombuffer(tag_id, np.int32),
        value=np.frombuffer(value, np.float64),
        encoding=np.frombuffer(encoding, np.uint8),
        tags=collector.tags,
        others=collector.others,
        restarts=collector.restarts,
        records=reader.records,
        first_wall_time=collector.first_wall_time,
        last_wall_time=collector.last_wall_time,
        damage=shortened(sorted([*reader.damage, *damage], key=lambda item: item.offset), _MAX_REPORTED),
    )


def _add(collector: Collector, payload: bytes) -> str | None:
    """Add the event in a payload; what is wrong where there is none."""
    try:
        event = event_in(payload)
    except ValueError as error:
        return str(error)
    add_event(collector, event)
    return None


def _what_is_it(path: Path) -> str:
    with open_regular(path, buffering=0) as stream:
        head = stream.read(64)
    return wrapping(head, "event file") or "not an event file: no sound record in it"
