"""Finding and opening files that somebody else chose the names of."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from .damage import Skipped

#: Folders of other people's programs.
_NEVER_ENTERED = {"__pycache__", "node_modules", "site-packages"}


def open_regular(path: Path, buffering: int = -1) -> Any:
    """Open a regular file to read bytes; a pipe or a device is refused (OSError) before it can block."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return os.fdopen(descriptor, "rb", buffering=buffering)


def write_anew(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step: a file beside it takes its place when it is whole.

    What stood there is replaced, not written into: a link goes, what it led to stays as it was. OSError names the file.
    """
    try:
        with replacing(path) as out:
            out.write(data)
    except OSError as error:
        raise _naming(path, error) from error


@contextmanager
def replacing(path: Path, *, through_links: bool = False) -> Iterator[BinaryIO]:
    """A new file beside ``path`` that takes its place at the end, and is removed where that is not reached.

    A link in its place stays one, and what it leads to is replaced, only with ``through_links``.
    """
    real = Path(os.path.realpath(path)) if through_links else path
    beside = real.with_name(f".cbreplay-{secrets.token_hex(6)}.part")
    try:
        out = beside.open("xb")
    except OSError as error:
        raise _naming(path, error) from error
    try:
        with out:
            yield out
        beside.replace(real)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _naming(path: Path, error: OSError) -> OSError:
    return OSError(error.errno or errno.EIO, error.strerror or str(error), str(path))


def wrapping(head: bytes, noun: str) -> str | None:
    """What stands in the place of a file by its first bytes, and what to do; None where it may be the file itself.

    ``noun`` is what the file should be.
    """
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return f"a git-LFS pointer, not the {noun} itself: fetch it with 'git lfs pull'"
    return "a gzip file: decompress it first" if head.startswith(b"\x1f\x8b") else None


def is_entered(name: str) -> bool:
    """Whether a folder of this name is looked into: hidden ones and those of other people's programs are not."""
    return not name.startswith(".") and name not in _NEVER_ENTERED


def files_below(folder: Path, skipped: list[Skipped]) -> Iterator[tuple[Path, os.DirEntry[str]]]:
    """All below a folder that are no folders themselves, in no order; links are among them, and none is followed.

    Folders below it that cannot be listed are added to ``skipped``. Raises OSError where ``folder`` cannot be.
    """
    pending = [os.fspath(folder)]
    while pending:
        here = pending.pop()
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            if here == os.fspath(folder):
                raise
            skipped.append(Skipped(str(Path(here)), f"cannot be listed: {error.strerror}"))
            continue
        for entry in entries:
            if not _is_folder(entry):
                yield Path(entry.path), entry
            elif is_entered(entry.name):
                pending.append(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def shared_parts(one: Path, other: Path) -> int:
    """How many parts two absolute paths have in common from the root on: how near to each other they lie."""
    count = 0
    for own, its in zip(one.parts, other.parts, strict=False):
        if own != its:
            break
        count += 1
    return count
