"""Event files: a path in, columns of scalar points out.

:func:`read_event_file` is the narrow place behind which the compiled scanner stands: it takes a path and
gives :class:`EventColumns`, with no Python object per point. Images, histograms, graphs and text are
counted, not decoded. Both scalar encodings are read: ``simple_value`` (TF1, PyTorch) and rank-0 tensors
(TF2, Keras 2 and 3).
"""

from __future__ import annotations

import os
from io import RawIOBase
from pathlib import Path

import numpy as np

from ..damage import Damage, shortened
from ..errors import NotALogError
from ..files import open_regular, wrapping
from ..scanner import compiled_collector
from .cache import EventCache, Kept
from .collecting import Collector, PythonCollector
from .columns import EventColumns
from .messages import event_in
from .records import OVERHEAD, RecordReader
from .scalars import SIMPLE_VALUE, add_event, scalar_of_tensor

__all__ = ["SIMPLE_VALUE", "EventColumns", "read_event_file", "scalar_of_tensor"]

_MAX_REPORTED = 1000


def read_event_file(path: Path, cache: EventCache | None = None) -> EventColumns:
    """Read every scalar of one event file; damage is reported in the result, not raised.

    What ``cache`` knows of it is not read again, and what is read is kept there. Raises OSError where the file cannot
    be opened or is no regular file, and :class:`NotALogError` where not one sound record is in it though it has bytes.
    """
    with open_regular(path, buffering=0) as stream:
        status = os.fstat(stream.fileno())
        kept = None if cache is None else cache.find(path, stream, status)
        if kept is not None and kept.is_whole:
            return kept.columns
        marks = [] if cache is None else cache.marks(stream, status)
        columns, plugins = _read(path, stream, status.st_size, kept)
        if status.st_size and not columns.records:
            raise NotALogError(_what_is_it(path))
        if cache is not None:
            cache.keep(path, stream, status, marks, columns, plugins)
    return columns


def _read(path: Path, stream: RawIOBase, size: int, kept: Kept | None) -> tuple[EventColumns, dict[str, str]]:
    """The columns of a file, from behind what is known of it on, and the plugins that its tags name."""
    begin, records, plugins = (0, 0, {}) if kept is None else (kept.columns.end, kept.columns.records, kept.plugins)
    compiled = compiled_collector(size - begin)
    collector: Collector = PythonCollector() if compiled is None else compiled
    for tag, plugin in plugins.items():
        collector.note_plugin(tag, plugin)
    damage: list[Damage] = []
    stream.seek(begin)
    reader = RecordReader(stream, size, str(path), None if compiled is None else compiled.scan, begin, records)
    for offset, payload in reader:
        if payload is None:
            collector.count_other("(a record above 64 MiB)", "large")
        elif (error := _add(collector, payload)) is not None:
            detail = f"a sound record that is no event: {error}"
            damage.append(Damage(str(path), offset, "event", len(payload) + OVERHEAD, detail))
    wall_time, step, tag_id, value, encoding = collector.take_columns()
    columns = EventColumns(
        wall_time=np.frombuffer(wall_time, np.float64),
        step=np.frombuffer(step, np.int64),
        tag_id=np.frombuffer(tag_id, np.int32),
        value=np.frombuffer(value, np.float64),
        encoding=np.frombuffer(encoding, np.uint8),
        tags=collector.tags,
        others=collector.others,
        restarts=collector.restarts,
        records=reader.records,
        end=reader.end,
        first_wall_time=collector.first_wall_time,
        last_wall_time=collector.last_wall_time,
        damage=shortened(sorted([*reader.damage, *damage], key=lambda item: item.offset), _MAX_REPORTED),
    )
    named = {tag: name for tag in (*columns.tags, *columns.others) if (name := collector.plugin_of(tag)) is not None}
    return columns if kept is None else kept.columns.followed_by(columns), plugins | named


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
