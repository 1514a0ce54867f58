"""How much a file may ask for: in proportion to its size, so that a small one cannot fill the memory or the disk."""

from __future__ import annotations

#: Bytes of a text (a configuration, a list of names) that is read.
LARGEST_TEXT = 16 << 20

_FREE_BYTES = 64 << 20
_EXPANSION = 8


def unpacked_bytes_allowed(file_bytes: int) -> int:
    """The bytes that a file of ``file_bytes`` may unpack to."""
    return _FREE_BYTES + _EXPANSION * file_bytes
