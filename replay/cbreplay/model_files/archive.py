"""Keras' zip archives (``.keras``), read member by member: nothing is extracted by name, sizes are checked first."""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
import zlib
from typing import IO, Any, BinaryIO, cast

from ..text import printable, size
from .limits import LARGEST_TEXT, unpacked_bytes_allowed

METADATA = "metadata.json"
CONFIG = "config.json"
WEIGHTS = "model.weights.h5"

#: What ``zipfile`` raises for a damaged archive or member.
ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError)

_LARGEST_DIRECTORY = 16 << 20
_CHUNK = 1 << 20
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")


class NotReadError(ValueError):
    """A member that is not read since that would not be safe; the message says why."""


def check_directory(stream: BinaryIO, file_bytes: int) -> int:
    """The bytes that lie behind the end of an archive, mostly 0.

    Raises :class:`NotReadError` for a directory of members that is out of proportion, before it is read.

    The layouts are those of PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.14 to 4.3.16.
    """
    tail_bytes = min(file_bytes, _END.size + (1 << 16))
    stream.seek(file_bytes - tail_bytes)
    tail = stream.read(tail_bytes)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        return 0  # zipfile says that it is none
    *_, directory, _, comment = _END.unpack_from(tail, at)
    locator = at - _LOCATOR_64.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        stream.seek(min(_LOCATOR_64.unpack_from(tail, locator)[2], file_bytes))
        record = stream.read(_END_64.size)
        if len(record) == _END_64.size:
            directory = max(directory if directory != 0xFFFFFFFF else 0, _END_64.unpack(record)[8])
    if directory > _LARGEST_DIRECTORY:
        raise NotReadError(f"its directory of members takes {size(directory)}: not read")
    return max(len(tail) - at - _END.size - int(comment), 0)


def member_info(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo | None:
    """The one member of that name, None where there is none; :class:`NotReadError` where there are several."""
    found = [info for info in archive.infolist() if info.filename == name]
    if len(found) > 1:
        raise NotReadError(f"{len(found)} members are called {name}: which one counts cannot be told")
    return found[0] if found else None


def read_text(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file_bytes: int) -> str:
    """A member as text, its checksum verified. Raises :class:`NotReadError`, ``zipfile.BadZipFile``, ``zlib.error``."""
    _check_size(info, file_bytes, LARGEST_TEXT)
    with archive.open(info) as member:
        return member.read(info.file_size + 1).decode("utf-8", "replace")


def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, stream: BinaryIO, file_bytes: int) -> IO[bytes]:
    """A member as a file to seek in, its checksum verified: in place where it is stored, else unpacked to a file.

    The file is temporary and has no name. Raises as :func:`read_text`.
    """
    _check_size(info, file_bytes, None)
    with archive.open(info) as member:
        if info.compress_type != zipfile.ZIP_STORED:
            unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
            while piece := member.read(_CHUNK):
                unpacked.write(piece)
            unpacked.seek(0)
            return unpacked
        _read_through(member)
    window = _Window(stream, _begin_of(stream, info), info.file_size)
    return cast("IO[bytes]", io.BufferedReader(window, _CHUNK))


def checks_out(archive: zipfile.ZipFile, info: zipfile.ZipInfo, file_bytes: int) -> str | None:
    """What is wrong with a member that is not looked into, None where its checksum agrees."""
    try:
        _check_size(info, file_bytes, None)
        with archive.open(info) as member:
            _read_through(member)
    except NotReadError as error:
        return str(error)
    except ERRORS as error:
        return f"the member {printable(info.filename, 80)} cannot be read: {error}"
    return None


def _read_through(member: IO[bytes]) -> None:
    """Read a member to its end, where zipfile compares the checksum."""
    while member.read(_CHUNK):
        pass


def _check_size(info: zipfile.ZipInfo, file_bytes: int, most: int | None) -> None:
    name = printable(info.filename, 80)
    if info.flag_bits & 1:
        raise NotReadError(f"the member {name} is encrypted: not read")
    allowed = unpacked_bytes_allowed(file_bytes)
    if info.file_size > (allowed if most is None else min(allowed, most)):
        raise NotReadError(
            f"the member {name} would unpack to {size(info.file_size)}, out of proportion to "
            f"an archive of {size(file_bytes)}: not read"
        )


def _begin_of(stream: BinaryIO, info: zipfile.ZipInfo) -> int:
    stream.seek(info.header_offset + 26)
    name_bytes, extra_bytes = struct.unpack("<HH", stream.read(4))
    return int(info.header_offset + 30 + name_bytes + extra_bytes)


class _Window(io.RawIOBase):
    """A stretch of a file as a file of its own."""

    def __init__(self, stream: BinaryIO, begin: int, length: int) -> None:
        self._stream = stream
        self._begin = begin
        self._length = length
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = max(min(len(buffer), self._length - self._at), 0)
        self._stream.seek(self._begin + self._at)
        piece = self._stream.read(count)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
