"""Event messages by way of protobuf, which is imported when the first one is asked for: most files need none."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


def event_in(payload: bytes) -> Any:
    """The ``Event`` in the payload of a record; ValueError with one line on what is wrong where it is none."""
    event_type, decode_error = _protobuf()
    try:
        return event_type.FromString(payload)
    except (decode_error, UnicodeDecodeError) as error:
        raise ValueError(str(error).splitlines()[0]) from error


@lru_cache(maxsize=1)
def _protobuf() -> tuple[Any, type[Exception]]:
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    return Event, DecodeError
