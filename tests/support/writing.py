"""Writes event files record by record, as real writers do."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto

from cbreplay.logs.records import masked_crc32c

NAME = "events.out.tfevents.1700000000.host.1.0.v2"


def record(payload: bytes) -> bytes:
    """One framed record."""
    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", masked_crc32c(length)) + payload + struct.pack("<I", masked_crc32c(payload))


def version(wall_time: float = 1.7e9) -> Event:
    """The first event of every file."""
    return Event(wall_time=wall_time, file_version="brain.Event:2")


def simple(tag: str, step: int, value: float, wall_time: float | None = None) -> Event:
    """A scalar as TF1 and PyTorch write it."""
    when = 1.7e9 + step if wall_time is None else wall_time
    return Event(wall_time=when, step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))


def tensor(tag: str, step: int, proto: TensorProto, plugin: str = "scalars", wall_time: float | None = None) -> Event:
    """A tensor value as TF2 writes it."""
    when = 1.7e9 + step if wall_time is None else wall_time
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
    value = Summary.Value(tag=tag, tensor=proto, metadata=metadata)
    return Event(wall_time=when, step=step, summary=Summary(value=[value]))


def keras_scalar(tag: str, step: int, value: float, wall_time: float | None = None) -> Event:
    """A scalar as Keras' TensorBoard callback writes it: DT_FLOAT, rank 0, tensor_content."""
    return tensor(tag, step, TensorProto(dtype=1, tensor_content=struct.pack("<f", value)), wall_time=wall_time)


def restart(step: int, wall_time: float = 1.7e9) -> Event:
    """The mark of a writer that goes on from ``step``."""
    return Event(wall_time=wall_time, step=step, session_log=SessionLog(status=SessionLog.START))


def encode(events: Iterable[Any]) -> bytes:
    """The bytes of an event file."""
    return b"".join(record(event.SerializeToString()) for event in events)


def write_events(folder: Path, events: Iterable[Any], name: str = NAME) -> Path:
    """An event file with a version event in front."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    listed = list(events)
    first = listed[0].wall_time if listed else 1.7e9
    path.write_bytes(encode([version(first), *listed]))
    return path


def write_keras_run(
    folder: Path,
    loss: Sequence[float],
    val_loss: Sequence[float],
    first: int = 0,
    start: float = 1.7e9,
    serial: int = 0,
) -> None:
    """``train/`` and ``validation/`` of one fit, an epoch every 10 seconds."""
    for writer, values, number in (("train", loss, 2 * serial), ("validation", val_loss, 2 * serial + 1)):
        events = [
            keras_scalar("epoch_loss", first + i, value, start + 10 * i + (1 if writer == "validation" else 0))
            for i, value in enumerate(values)
        ]
        name = f"events.out.tfevents.{int(start)}.host.1.{number}.v2"
        write_events(folder / writer, events, name)
