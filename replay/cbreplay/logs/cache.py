"""What large event files hold, kept in the user's cache folder, so that they are read in a moment the next time.

An entry says which event file it is of: path, size, time of modification, and a hash of its first and its last bytes.
Where all of them are the same it is taken; where the file is larger and these bytes are the same, reading goes on
behind what is known, for writers only ever append; in all other cases, and whatever is wrong with an entry, the event
file is read as if there was none. What is not seen: bytes in the middle that change in a file that also grows.

Only files that are mostly something else than scalars (histograms, images, graphs) are kept: an entry is far smaller
than its file. Scalars are read from their own file about as fast as from an entry.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, fields, replace
from hashlib import blake2b
from io import RawIOBase
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np

from .._version import __version__
from ..damage import Damage
from ..files import replacing
from .columns import EventColumns

#: Names another folder for the cache, or says ``off``.
VARIABLE = "CBREPLAY_CACHE"

_FORMAT = f"cbreplay {__version__} events 1"
_ENDING = ".events"
_SMALLEST_FILE = 8 << 20
_FILE_TO_ENTRY = 4  # times as large as its entry is a file at least
_MOST_BYTES = 256 << 20  # of all entries together
_MARK = 1 << 12  # bytes that are hashed at either end
_PIECE = 1 << 20
_COLUMNS = {"wall_time": np.float64, "step": np.int64, "value": np.float64, "tag_id": np.int32, "encoding": np.uint8}
_OTHERS = [field.name for field in fields(EventColumns) if field.name not in _COLUMNS]

_is_off: ContextVar[bool] = ContextVar("cbreplay_without_cache", default=False)


@dataclass(frozen=True)
class Kept:
    """What is known of an event file. ``plugins`` are those that its tags have named."""

    columns: EventColumns
    plugins: dict[str, str]
    is_whole: bool  #: False where the file has grown since


@contextmanager
def without_cache() -> Iterator[None]:
    """Everything is read anew, and nothing is kept."""
    token = _is_off.set(True)
    try:
        yield
    finally:
        _is_off.reset(token)


def event_cache() -> EventCache | None:
    """The user's cache; None where it is not to be used."""
    named = os.environ.get(VARIABLE, "").strip()
    if _is_off.get() or named.lower() in ("off", "0", "no", "none", "false"):
        return None
    folder = _usual_folder() if named.lower() in ("", "on", "1", "yes", "true") else Path(named)
    return None if folder is None else EventCache(folder / "cbreplay-events")  # of its own: it is emptied, too


def _usual_folder() -> Path | None:
    from platformdirs import user_cache_path

    try:
        folder: Path = user_cache_path("cbreplay", appauthor=False)
    except RuntimeError:  # a user without a home
        return None
    return folder


class EventCache:
    """The entries in one folder, which need not exist. Several processes may use it at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, path: Path, stream: RawIOBase, status: os.stat_result) -> Kept | None:
        """What is known of the event file ``path``, open as ``stream``; None where it has to be read from its start."""
        if status.st_size < _SMALLEST_FILE:
            return None
        place = self._place(path)
        try:
            told, columns = _parsed(place.read_bytes())
            size = told["size"]
            if size > status.st_size or told["marks"] != _marks(stream, size):
                return None
            is_whole = size == status.st_size and told["modified"] == status.st_mtime_ns
            if not is_whole and (size == status.st_size or any(d.offset < columns.end for d in columns.damage)):
                return None
            with suppress(OSError):  # somebody else's entry serves as well
                os.utime(place)
        except (OSError, ValueError, KeyError, TypeError):
            return None  # no entry, or one that is no use: it is written anew
        named = tuple(replace(item, path=str(path)) for item in columns.damage)
        return Kept(replace(columns, damage=named), told["plugins"], is_whole)

    def marks(self, stream: RawIOBase, status: os.stat_result) -> list[str]:
        """Hashes of the first and the last bytes of a file that may be kept, before it is read: see :meth:`keep`."""
        return _marks(stream, status.st_size) if status.st_size >= _SMALLEST_FILE else []

    def keep(
        self, path: Path, stream: RawIOBase, status: os.stat_result, marks: list[str], columns: EventColumns,
        plugins: dict[str, str],
    ) -> None:  # fmt: skip
        """Write down what was read of a file that had this ``status`` and these ``marks`` before, where that pays.

        Not where the marks are others by now: then somebody has overwritten it meanwhile.
        """
        data = [np.ascontiguousarray(getattr(columns, name), kind) for name, kind in _COLUMNS.items()]
        size = sum(column.nbytes for column in data)
        if not marks or size > _MOST_BYTES or status.st_size < _FILE_TO_ENTRY * size:
            return
        told = {
            "format": _FORMAT, "path": os.fspath(path.absolute()), "size": status.st_size,
            "modified": status.st_mtime_ns, "marks": marks, "points": len(columns.step),
            "plugins": plugins, "columns": {name: getattr(columns, name) for name in _OTHERS},
        }  # fmt: skip
        with suppress(OSError):  # a folder that cannot be written to: the next time takes as long as this one
            if _marks(stream, status.st_size) != marks:
                return
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with replacing(self._place(path)) as out:
                _write(out, told, data)
            self._shrink_to(_MOST_BYTES)

    def _entries(self) -> list[tuple[int, int, Path]]:
        """When each was used last, its bytes and its path, in that order."""
        found: list[tuple[int, int, Path]] = []
        left_over = ".cbreplay-*.part"  # of a process that was killed while it wrote one
        for path in (*self.folder.glob(f"*{_ENDING}"), *self.folder.glob(left_over)):
            with suppress(OSError):  # another process has just taken it away, or it is not to be looked at
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    found.append((status.st_mtime_ns, status.st_size, path))
        return sorted(found)

    def sizes(self) -> list[int]:
        """The bytes of each entry."""
        return [size for _, size, _ in self._entries()]

    def clear(self) -> int:
        """Take all entries away; the number of bytes that they had. OSError where one cannot be."""
        return self._shrink_to(0)

    def _shrink_to(self, most: int) -> int:
        """Take the entries away that were used longest ago; the number of bytes that are free now."""
        kept = freed = 0
        for _, size, path in reversed(self._entries()):
            if kept + size <= most:
                kept += size
            else:
                path.unlink(missing_ok=True)
                freed += size
        return freed

    def _place(self, path: Path) -> Path:
        name = blake2b(os.fsencode(path.absolute()), digest_size=16).hexdigest()
        return self.folder / (name + _ENDING)


def _marks(stream: RawIOBase, size: int) -> list[str]:
    """Hashes of the first and the last bytes of a file when it had ``size`` bytes."""
    marks = []
    for begin in (0, max(size - _MARK, 0)):
        stream.seek(begin)
        marks.append(blake2b(stream.read(min(_MARK, size)) or b"", digest_size=16).hexdigest())
    return marks


def _write(out: Any, told: dict[str, Any], data: list[np.ndarray[Any, Any]]) -> None:
    """A line of JSON, filled up with blanks to whole words of 8 bytes, the columns, and the checksum of all that."""
    head = json.dumps(told, default=asdict).encode("ascii")
    checksum: Any = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
    for piece in (head + b" " * (-(len(head) + 1) % 8) + b"\n", *(column.tobytes() for column in data)):
        out.write(piece)
        checksum.update(piece)
    out.write(checksum.digest())


def _parsed(entry: bytes) -> tuple[dict[str, Any], EventColumns]:
    """What an entry tells, and its columns; ValueError, KeyError or TypeError where it is not as it was written."""
    checksum: Any = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
    behind = len(entry) - len(checksum.digest())
    for begin in range(0, behind, _PIECE):
        checksum.update(entry[begin : min(begin + _PIECE, behind)])
    if behind <= 0 or checksum.digest() != entry[behind:]:
        raise ValueError("the entry and its checksum disagree")
    at = entry.index(b"\n") + 1
    told = json.loads(entry[:at])
    if told["format"] != _FORMAT:
        raise ValueError("written by another release")
    columns: dict[str, Any] = {}
    for name, kind in _COLUMNS.items():
        columns[name] = np.frombuffer(entry, kind, told["points"], at)
        at += columns[name].nbytes
    known = told["columns"]
    return told, EventColumns(
        **columns,
        **{
            **known,
            "tags": tuple(known["tags"]),
            "others": {tag: (kind, count) for tag, (kind, count) in known["others"].items()},
            "restarts": tuple((before, step) for before, step in known["restarts"]),
            "damage": tuple(Damage(**item) for item in known["damage"]),
        },
    )
