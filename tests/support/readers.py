"""Both readers of event files side by side: what each makes of a file, told so that any difference shows."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any
from unittest import mock

from cbreplay.errors import NotALogError
from cbreplay.logs import records
from cbreplay.logs.columns import EventColumns
from cbreplay.logs.events import read_event_file
from cbreplay.logs.histograms import histograms_in_file
from cbreplay.scanner import VARIABLE, compiled_collector

#: Whether the scanner is built: without it there is nothing to compare.
IS_BUILT = compiled_collector() is not None

_ARRAYS = ("wall_time", "step", "tag_id", "value", "encoding")


def _bits(wall_time: float | None) -> bytes | None:
    return None if wall_time is None else struct.pack("<d", wall_time)


def told(path: Path, reader: str) -> dict[str, Any]:
    """All that a reader says of a file, numbers by their bits and dicts in their order."""
    with mock.patch.dict(os.environ, {VARIABLE: reader}):
        try:
            columns = read_event_file(path)
        except NotALogError as error:
            return {"refused": str(error)}
        histograms = histograms_in_file(path)
    return {
        **told_of(columns),
        "histograms": [(step, _bits(wall_time), tag, found) for step, wall_time, tag, found in histograms],
    }


def told_of(columns: EventColumns) -> dict[str, Any]:
    """All that columns hold, numbers by their bits and dicts in their order."""
    arrays = {name: getattr(columns, name) for name in _ARRAYS}
    return {
        **{name: (array.dtype.str, array.tobytes().hex()) for name, array in arrays.items()},
        "tags": columns.tags,
        "others": list(columns.others.items()),
        "restarts": columns.restarts,
        "records": columns.records,
        "end": columns.end,
        "first": _bits(columns.first_wall_time),
        "last": _bits(columns.last_wall_time),
        "damage": columns.damage,
    }


def differences(path: Path, chunk: int | None = None, largest: int | None = None) -> dict[str, Any]:
    """What the readers do not agree on: name -> (Python's, the scanner's).

    ``chunk`` is how many bytes they ask for at a time, ``largest`` the size of a payload that is decoded.
    """
    changed = {"_CHUNK": chunk or records._CHUNK, "MAX_PAYLOAD": largest or records.MAX_PAYLOAD}
    with mock.patch.multiple(records, **changed):
        python, compiled = told(path, "python"), told(path, "")
    return {
        name: (python.get(name), compiled.get(name))
        for name in python.keys() | compiled.keys()
        if python.get(name) != compiled.get(name)
    }
