"""A folder in, the files that may be models out. Nothing is opened, no link is followed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..damage import Skipped
from ..errors import LogNotFoundError
from ..files import files_below

#: What the name of a file with a model or weights ends in.
ENDINGS = (".weights.h5", ".h5", ".hdf5", ".hdf", ".keras")

#: Folders in which people keep checkpoints beside their logs.
CHECKPOINT_FOLDERS = ("ckpt", "ckpts", "checkpoint", "checkpoints", "model", "models", "weights")

#: Where pruned files go; never looked into.
TRASH = ".cbreplay-trash"

_LOOKED_AT = 500
_DEPTH = 3


def is_model_file_name(name: str) -> bool:
    """Whether a file of this name is taken for a model or weights."""
    return name.lower().endswith(ENDINGS)


def is_model_file_near(folder: Path) -> bool:
    """Whether one of the first few hundred names in a folder, below it or beside it is that of a model file."""
    left = _LOOKED_AT
    pending = [(folder.parent, _DEPTH), (folder, 0)]
    while pending and left > 0:
        here, depth = pending.pop()
        try:
            entries = list(os.scandir(here))
        except OSError:
            continue  # what cannot be listed is none of our business here
        left -= len(entries)
        if any(is_model_file_name(entry.name) for entry in entries):
            return True
        if depth < _DEPTH:
            pending += [(here / entry.name, depth + 1) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return False


def list_model_files(folder: Path) -> tuple[list[Path], list[Skipped]]:
    """The model files below a folder (or the one file that it is), sorted, and what was left out and why.

    Hidden folders are not entered. Raises :class:`LogNotFoundError` where there is no such path, OSError where the
    folder cannot be listed.
    """
    if not folder.exists():
        raise LogNotFoundError(f"{folder}: no such file or folder")
    if not folder.is_dir():
        return [folder], []
    found: list[Path] = []
    skipped: list[Skipped] = []
    for path, entry in files_below(folder, skipped):
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
        except OSError as error:
            skipped.append(Skipped(entry.path, f"cannot be examined: {error.strerror}"))
            continue
        if not is_model_file_name(entry.name):
            continue
        if stat.S_ISREG(mode):
            found.append(path)
        else:
            skipped.append(Skipped(str(path), "a link, not followed" if stat.S_ISLNK(mode) else "not a regular file"))
    return sorted(found), sorted(skipped, key=lambda item: item.path)
