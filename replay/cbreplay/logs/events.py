"""Event files: a path in, columns of scalar points out.

:func:`read_event_file` is the narrow place behind which a compiled scanner can stand: it takes a path and
gives :class:`EventColumns`, with no Python object per point. Images, histograms, graphs and text are
counted, not decoded. Both scalar encodings are read: ``simple_value`` (TF1, PyTorch) and rank-0 tensors
(TF2, Keras 2 and 3).
"""

from __future__ import annotations

import os
import struct
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from ..damage import Damage, shortened
from ..errors import NotALogError
from ..files import open_regular, wrapping
from .records import RecordReader

#: Encoding code of a ``simple_value``; any other code is the TensorFlow ``DataType`` number of the tensor.
SIMPLE_VALUE = 0

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


@dataclass
class _Collector:
    wall_time: array[float] = field(default_factory=lambda: array("d"))
    step: array[int] = field(default_factory=lambda: array("q"))
    tag_id: array[int] = field(default_factory=lambda: array("i"))
    value: array[float] = field(default_factory=lambda: array("d"))
    encoding: array[int] = field(default_factory=lambda: array("B"))
    tags: dict[str, int] = field(default_factory=dict)
    plugins: dict[str, str] = field(default_factory=dict)
    others: dict[str, tuple[str, int]] = field(default_factory=dict)
    restarts: list[tuple[int, int]] = field(default_factory=list)
    first_wall_time: float | None = None
    last_wall_time: float | None = None

    def add(self, event: Any) -> None:
        wall_time = event.wall_time
        if self.first_wall_time is None:
            self.first_wall_time = wall_time
        self.last_wall_time = wall_time
        kind = event.WhichOneof("what")
        if kind == "summary":
            for value in event.summary.value:
                self.add_value(value, event.step, wall_time)
        elif kind == "session_log" and event.session_log.status == SessionLog.START:
            self.restarts.append((len(self.step), event.step))

    def add_value(self, value: Any, step: int, wall_time: float) -> None:
        tag = value.tag
        if value.HasField("metadata") and value.metadata.plugin_data.plugin_name:
            self.plugins.setdefault(tag, value.metadata.plugin_data.plugin_name)
        kind = value.WhichOneof("value")
        if kind == "simple_value":
            number, encoding = value.simple_value, SIMPLE_VALUE
        elif kind == "tensor" and self.plugins.get(tag, "scalars") == "scalars":
            decoded = scalar_of_tensor(value.tensor)
            if decoded is None:
                self.count_other(tag, "tensor")
                return
            number, encoding = decoded, value.tensor.dtype
        else:
            self.count_other(tag, self.plugins.get(tag) or kind or "empty")
            return
        self.wall_time.append(wall_time)
        self.step.append(step)
        self.tag_id.append(self.tags.setdefault(tag, len(self.tags)))
        self.value.append(number)
        self.encoding.append(encoding)

    def count_other(self, tag: str, kind: str) -> None:
        self.others[tag] = (kind, self.others.get(tag, (kind, 0))[1] + 1)


def read_event_file(path: Path) -> EventColumns:
    """Read every scalar of one event file; damage is reported in the result, not raised.

    Raises OSError where the file cannot be opened or is no regular file, and :class:`NotALogError` where
    not one sound record is in it though it has bytes.
    """
    name = str(path)
    collector = _Collector()
    damage: list[Damage] = []
    with open_regular(path, buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        reader = RecordReader(stream, size, name)
        for offset, payload in reader:
            if payload is None:
                collector.count_other("(a record above 64 MiB)", "large")
                continue
            try:
                event = Event.FromString(payload)
            except (DecodeError, UnicodeDecodeError) as error:
                detail = f"a sound record that is no event: {str(error).splitlines()[0]}"
                damage.append(Damage(name, offset, "event", len(payload) + 16, detail))
                continue
            collector.add(event)
    if size and not reader.records:
        raise NotALogError(_what_is_it(path))
    damage = sorted([*reader.damage, *damage], key=lambda item: item.offset)
    return EventColumns(
        wall_time=np.array(collector.wall_time, np.float64),
        step=np.array(collector.step, np.int64),
        tag_id=np.array(collector.tag_id, np.int32),
        value=np.array(collector.value, np.float64),
        encoding=np.array(collector.encoding, np.uint8),
        tags=tuple(collector.tags),
        others=collector.others,
        restarts=tuple(collector.restarts),
        records=reader.records,
        first_wall_time=collector.first_wall_time,
        last_wall_time=collector.last_wall_time,
        damage=shortened(damage, _MAX_REPORTED),
    )


def _what_is_it(path: Path) -> str:
    with open_regular(path, buffering=0) as stream:
        head = stream.read(64)
    return wrapping(head, "event file") or "not an event file: no sound record in it"


_WIDTHS = {  # TensorFlow DataType number -> struct format of one element (types.proto)
    1: "f", 2: "d", 3: "i", 4: "B", 5: "h", 6: "b", 9: "q", 10: "?", 17: "H", 19: "e", 22: "I", 23: "Q",
}  # fmt: skip
_BFLOAT16 = 14
_FIELDS = {  # DataType number -> the repeated field that holds the value when tensor_content is empty
    1: "float_val", 2: "double_val", 3: "int_val", 4: "int_val", 5: "int_val", 6: "int_val",
    9: "int64_val", 10: "bool_val", 14: "half_val", 17: "int_val", 19: "half_val", 22: "uint32_val",
    23: "uint64_val",
}  # fmt: skip


def scalar_of_tensor(tensor: Any) -> float | None:
    """The number in a TensorProto that holds exactly one, None for every other tensor.

    float, double, half, bfloat16, bool and all integers, from ``tensor_content`` or from the typed field.
    """
    for dimension in tensor.tensor_shape.dim:
        if dimension.size != 1:
            return None
    dtype = tensor.dtype
    if dtype not in _FIELDS:
        return None
    content = tensor.tensor_content
    if content:
        if dtype == _BFLOAT16:
            return _bfloat16(int.from_bytes(content, "little")) if len(content) == 2 else None
        layout = struct.Struct("<" + _WIDTHS[dtype])
        return float(layout.unpack(content)[0]) if len(content) == layout.size else None
    values = getattr(tensor, _FIELDS[dtype])
    if len(values) != 1:
        return None
    if dtype == _BFLOAT16:
        return _bfloat16(values[0])
    if dtype == 19:
        return float(struct.unpack("<e", (values[0] & 0xFFFF).to_bytes(2, "little"))[0])
    return float(values[0])


def _bfloat16(bits: int) -> float:
    return float(struct.unpack("<f", ((bits & 0xFFFF) << 16).to_bytes(4, "little"))[0])
