"""TFRecord framing: a stream of bytes in, sound payloads with their offsets out.

A record is ``uint64 length, uint32 masked CRC-32C of the length, payload, uint32 masked CRC-32C of the
payload``, little-endian (TensorFlow, ``tensorflow/core/lib/io/record_writer.h``). Reading goes on behind
whatever is damaged: at the next place where a length and its checksum agree.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from io import BufferedIOBase, RawIOBase
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt

from ..damage import Damage

HEADER = struct.Struct("<QI")
FOOTER = struct.Struct("<I")
OVERHEAD = HEADER.size + FOOTER.size

#: A payload above this many bytes is checked piece by piece and not handed out: no scalar is that large.
MAX_PAYLOAD = 64 << 20

_CHUNK = 1 << 18  # bytes that are read at a time: they stay in a processor's cache while they are looked at
_LARGEST_KEPT = 1 << 22  # bytes of a buffer that is not given up behind a large record
_FIRST_WINDOW = 1 << 10
_READ_AGAIN = 16  # times the size of the file
_BAD_PAYLOAD = "the payload and its checksum disagree"
_MASK_DELTA = 0xA282EAD8

#: Takes sound records from an index of a buffer on, payloads of so many bytes at the most, and says where the
#: first one begins that it leaves, and how many it took.
Scan = Callable[[memoryview, int, int], tuple[int, int]]


def masked_crc32c(data: bytes) -> int:
    """The checksum that TFRecord stores for ``data``."""
    return _mask(google_crc32c.value(data))


def _mask(crc: int) -> int:
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


class RecordReader:
    """Iterates over ``(offset, payload)`` of every sound record of ``stream``.

    ``size`` is the number of bytes to read at the most (a file that grows meanwhile is read as it was).
    ``payload`` is None for a sound record above ``MAX_PAYLOAD``. After the iteration ``damage`` lists what
    could not be read, in file order, ``records`` counts the sound ones, and ``end`` is the file offset behind
    the last of them. Memory is bounded by ``MAX_PAYLOAD`` whatever the file claims. ``scan`` is offered every
    record first; what it takes is counted and not handed out. Of a stream that stands at ``begin``, behind
    ``records`` sound ones, the rest is read.
    """

    def __init__(
        self, stream: RawIOBase | BufferedIOBase, size: int, path: str, scan: Scan | None = None,
        begin: int = 0, records: int = 0,
    ) -> None:  # fmt: skip
        self.path = path
        self.damage: list[Damage] = []
        self.records = records
        self.end = begin
        self._stream = stream
        self._size = size
        self._scan = scan
        self._buffer = bytearray()
        self._end = 0  # number of bytes of the file that are in the buffer
        self._base = begin  # file offset of the first byte of the buffer
        self._at = 0  # index into the buffer of the next byte to look at
        self._read_again = 0  # bytes that were looked at once more behind bad payloads

    def __iter__(self) -> Iterator[tuple[int, bytes | None]]:
        scanned = 0  # file offset up to which the scanner has seen what there is
        while self._have(HEADER.size):
            if self._scan is not None:
                with memoryview(self._buffer)[: self._end] as held:
                    self._at, taken = self._scan(held, self._at, MAX_PAYLOAD)
                if taken:
                    self.records += taken
                    self.end = self._base + self._at
                scanned = self._base + self._end
                if not self._have(HEADER.size):
                    break
            offset = self._base + self._at
            length, length_crc = HEADER.unpack_from(self._buffer, self._at)
            if masked_crc32c(self._bytes(self._at, 8)) != length_crc:
                self._resynchronise(offset, "length", "the length and its checksum disagree")
                continue
            if length + OVERHEAD > self._size - offset:
                self._resynchronise(offset, "truncated", f"a record of {length} bytes is cut off")
                continue
            if length > MAX_PAYLOAD:
                if self._check_in_pieces(offset, length):
                    self._note_sound()
                    yield offset, None
                continue
            if not self._have(length + OVERHEAD):
                break
            if self._scan is not None and offset + length + OVERHEAD > scanned:
                continue  # the scanner has not seen all of this record yet
            begin = self._at + HEADER.size
            payload = self._bytes(begin, length)
            (payload_crc,) = FOOTER.unpack_from(self._buffer, begin + length)
            self._at = begin + length + FOOTER.size
            if masked_crc32c(payload) == payload_crc:
                self._note_sound()
                yield offset, payload
            elif self._read_again + length > _READ_AGAIN * self._size:  # nested claims made to be slow
                self._report(offset, "checksum", length + OVERHEAD, _BAD_PAYLOAD)
            else:  # a record that was torn may have swallowed sound ones that were appended to it
                self._read_again += length
                self._at = begin - HEADER.size
                self._resynchronise(offset, "checksum", _BAD_PAYLOAD)
        rest = self._end - self._at
        if rest:
            detail = "the file ends inside a record (the writer was killed or is still at work)"
            self._report(self._base + self._at, "truncated", rest, detail)

    def _note_sound(self) -> None:
        self.records += 1
        self.end = self._base + self._at

    def _report(self, offset: int, kind: str, lost: int, detail: str) -> None:
        detail += f", behind {self.records} sound records"
        self.damage.append(Damage(self.path, offset, kind, lost, detail))

    def _have(self, count: int) -> bool:
        """Fill the buffer until ``count`` bytes lie ahead; False where the file has fewer."""
        if self._end - self._at >= count:
            return True
        if self._base + self._end >= self._size:
            return False
        held = self._bytes(self._at, self._end - self._at)
        if not count <= len(self._buffer) <= max(count, _LARGEST_KEPT):
            self._buffer = bytearray(max(count, min(_CHUNK, self._size)))
        self._buffer[: len(held)] = held
        self._base += self._at
        self._at, self._end = 0, len(held)
        until = min(len(self._buffer), self._size - self._base)
        with memoryview(self._buffer) as room:
            while self._end < count and (got := self._stream.readinto(room[self._end : until])):
                self._end += got
        return self._end >= count

    def _bytes(self, begin: int, count: int) -> bytes:
        """A copy of ``count`` bytes of the buffer, those that it holds."""
        with memoryview(self._buffer) as held:
            return bytes(held[begin : min(begin + count, self._end)])

    def _check_in_pieces(self, offset: int, length: int) -> bool:
        self._at += HEADER.size
        checksum: Any = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
        left = length
        while left and self._have(1):
            piece = self._bytes(self._at, left)
            checksum.update(piece)
            self._at += len(piece)
            left -= len(piece)
        if left or not self._have(FOOTER.size):
            self._at = self._end
            self._report(offset, "truncated", self._base + self._at - offset, "the file ends inside a record")
            return False
        (stored,) = FOOTER.unpack_from(self._buffer, self._at)
        self._at += FOOTER.size
        if _mask(int.from_bytes(checksum.digest(), "big")) != stored:
            self._report(offset, "checksum", length + OVERHEAD, _BAD_PAYLOAD)
            return False
        return True

    def _resynchronise(self, offset: int, kind: str, detail: str) -> None:
        """Go to the next offset whose length checksum holds and whose record fits; report what was passed."""
        self._at += 1
        only_zeros = True
        window = _FIRST_WINDOW  # small at first: the next record is usually near
        while self._have(HEADER.size):
            self._have(window)
            room = self._size - self._base
            end = min(self._at + window, self._end)
            if (found := _find_header(self._buffer, self._at, end, room)) is not None:
                self._at = found
                lost = self._base + found - offset
                self._report(offset, "length" if kind == "truncated" else kind, lost, detail)
                return
            only_zeros = only_zeros and not any(self._bytes(self._at, end - self._at))
            self._at = end - HEADER.size + 1
            window = min(4 * window, _CHUNK)
        only_zeros = only_zeros and not any(self._bytes(self._at, self._end - self._at))
        self._at = self._end
        lost = self._base + self._at - offset
        if only_zeros and kind == "length":
            detail = "only zero bytes follow (a file system that lost its last blocks)"
        elif kind == "truncated":
            detail += " (the writer was killed or is still at work)"
        elif kind == "length":
            detail += "; no sound record follows"
        self._report(offset, kind, lost, detail)


@lru_cache(maxsize=1)
def _crc_tables() -> tuple[npt.NDArray[np.uint32], int]:
    """What each of 8 bytes adds to the CRC-32C of 8 bytes, and the CRC of 8 zeros: the CRC is linear."""
    zero = google_crc32c.value(bytes(8))
    table = np.zeros((8, 256), np.uint32)
    for place in range(8):
        for byte in range(256):
            data = bytearray(8)
            data[place] = byte
            table[place, byte] = google_crc32c.value(bytes(data)) ^ zero
    return table, zero


def _find_header(buffer: bytearray, start: int, end: int, room: int) -> int | None:
    """The first index in [start, end) that begins a sound header, within ``end``, of a record within ``room`` bytes."""
    data = np.frombuffer(buffer, np.uint8)[start:end]
    count = len(data) - HEADER.size + 1
    if count <= 0:
        return None
    table, zero = _crc_tables()
    crc = np.full(count, zero, np.uint32)
    for place in range(8):
        crc ^= table[place][data[place : place + count]]
    masked = ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(_MASK_DELTA)
    stored = np.zeros(count, np.uint32)
    for place in range(4):
        stored |= data[8 + place : 8 + place + count].astype(np.uint32) << np.uint32(8 * place)
    for index in np.flatnonzero(masked == stored).tolist():
        (length, _) = HEADER.unpack_from(buffer, start + index)
        if start + index + length + OVERHEAD <= room:
            return int(start + index)
    return None
