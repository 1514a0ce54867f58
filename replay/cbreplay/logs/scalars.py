"""Which numbers an event holds: what of it is a scalar point, and what is only counted.

The one description of that. The compiled scanner follows it for the ordinary cases (``replay/scanner/wire.h``)
and leaves all others to it.
"""

from __future__ import annotations

import struct
from typing import Any

from .collecting import Collector

#: Encoding code of a ``simple_value``; any other code is the TensorFlow ``DataType`` number of the tensor.
SIMPLE_VALUE = 0

_START = 1  # SessionLog.START


def add_event(collector: Collector, event: Any) -> None:
    """Add what an ``Event`` message holds to a collector."""
    collector.note_event(event.wall_time)
    kind = event.WhichOneof("what")
    if kind == "summary":
        for value in event.summary.value:
            _add_value(collector, value, event.step, event.wall_time)
    elif kind == "session_log" and event.session_log.status == _START:
        collector.restart(event.step)


def _add_value(collector: Collector, value: Any, step: int, wall_time: float) -> None:
    tag = value.tag
    if value.HasField("metadata"):
        collector.note_plugin(tag, value.metadata.plugin_data.plugin_name)
    plugin = collector.plugin_of(tag)
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        collector.append_point(tag, step, wall_time, value.simple_value, SIMPLE_VALUE)
    elif kind == "tensor" and plugin in (None, "scalars"):
        number = scalar_of_tensor(value.tensor)
        if number is None:
            collector.count_other(tag, "tensor")
        else:
            collector.append_point(tag, step, wall_time, number, value.tensor.dtype)
    else:
        collector.count_other(tag, plugin or kind or "empty")


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
