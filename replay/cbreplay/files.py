"""Opening files that somebody else chose the names of."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any


def open_regular(path: Path, buffering: int = -1) -> Any:
    """Open a regular file to read bytes; a pipe or a device is refused (OSError) before it can block."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return os.fdopen(descriptor, "rb", buffering=buffering)


def shared_parts(one: Path, other: Path) -> int:
    """How many parts two absolute paths have in common from the root on: how near to each other they lie."""
    count = 0
    for own, its in zip(one.parts, other.parts, strict=False):
        if own != its:
            break
        count += 1
    return count
