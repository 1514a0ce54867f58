"""The first bytes of a file: what it is, and whether its end is where it says that it ends."""

from __future__ import annotations

import struct
from typing import BinaryIO

from ..files import wrapping

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_HEAD = 512

_OTHERS = (
    (b"\x80", "a Python pickle, which is never loaded here"),
    (b"<", "a web page or XML, perhaps a failed download"),
)


def kind_of(stream: BinaryIO) -> str:
    """``hdf5``, ``zip``, or a sentence on what the file is instead. Reads its first bytes."""
    stream.seek(0)
    head = stream.read(_HEAD)
    if not head:
        return "an empty file (0 bytes)"
    if head.startswith(HDF5_MAGIC):
        return "hdf5"
    if head.startswith(_ZIP_MAGIC):
        return "zip"
    if _has_user_block(stream):
        return "an HDF5 file behind a user block, which Keras does not write"
    if (wrapped := wrapping(head, "file")) is not None:
        return wrapped
    for magic, what in _OTHERS:
        if head.startswith(magic):
            return what
    if not any(head):
        return "a file that begins with nothing but zero bytes"
    if head.startswith(HDF5_MAGIC[:4]):
        return "a file whose HDF5 signature is damaged"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError:
        return "neither an HDF5 file nor a zip: its signature is unknown"
    return "a text file"


def _has_user_block(stream: BinaryIO) -> bool:
    """Whether the signature stands at 512, 1024, 2048, ... bytes, where HDF5 allows it."""
    for power in range(9, 21):
        stream.seek(1 << power)
        if stream.read(len(HDF5_MAGIC)) == HDF5_MAGIC:
            return True
    return False


def end_of_hdf5(stream: BinaryIO) -> int | None:
    """The length in bytes that the superblock of an HDF5 file gives; None where it cannot be made out.

    Superblock versions 0 to 3 of the HDF5 File Format Specification (version 3.0, section II.A).
    """
    stream.seek(0)
    head = stream.read(_HEAD)
    if len(head) < 48 or not head.startswith(HDF5_MAGIC):
        return None
    version = head[8]
    if version in (0, 1):
        width, at = head[13], 24 + (4 if version == 1 else 0)
        index = 2  # base address, free-space index, end of file
    elif version in (2, 3):
        width, at = head[9], 12
        index = 2  # base address, superblock extension, end of file
    else:
        return None
    if width not in (4, 8):
        return None
    begin = at + index * width
    layout = "<Q" if width == 8 else "<I"
    if begin + width > len(head):
        return None
    return int(struct.unpack_from(layout, head, begin)[0])
