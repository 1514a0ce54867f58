"""Where the logs of a folder of checkpoints are, and where the checkpoints of a folder of logs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..files import is_entered
from ..logs.discover import is_event_file_name
from ..logs.json_histories import looks_like_json_history
from ..model_files import CHECKPOINT_FOLDERS, is_model_file_name, list_model_files
from ..run import Run

_HISTORIES = (".csv", ".tsv")
_JSON_HISTORIES = (".json", ".jsonl")
_MOST_ENTRIES = 5000


def logs_near(folder: Path) -> Path | None:
    """The folder itself where it holds logs, else the one above it; None where neither does.

    The folder above counts only as far as all of it can be looked through: a home folder is no log folder.
    """
    here = folder if folder.is_dir() else folder.parent
    if _has_logs(here, _Names(here)):
        return here
    above = here.resolve().parent
    names = _Names(above)
    return above if _has_logs(above, names) and names.are_all() else None


class _Names:
    """The names below a folder, one after the other, up to a few thousand; hidden folders are not entered."""

    def __init__(self, folder: Path) -> None:
        self._pending = [folder]
        self._left = _MOST_ENTRIES

    def __iter__(self) -> Iterator[Path]:
        while self._pending and self._left > 0:
            here = self._pending.pop(0)
            try:
                entries = list(os.scandir(here))
            except OSError:
                continue  # what cannot be listed holds nothing for us
            self._left -= len(entries)
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    yield here / entry.name
                elif is_entered(entry.name):
                    self._pending.append(here / entry.name)

    def are_all(self) -> bool:
        """Whether there are no more than were looked at, once the rest has been gone through."""
        for _ in self:
            pass
        return self._left > 0


def _has_logs(folder: Path, names: _Names) -> bool:
    return any(is_event_file_name(path.name) or (path.parent == folder and _is_history(path)) for path in names)


def _is_history(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith(_HISTORIES) or (name.endswith(_JSON_HISTORIES) and looks_like_json_history(path))


def checkpoints_near(logdir: Path, runs: Sequence[Run], folder: Path | None = None) -> list[Path]:
    """The model files that may be those of ``runs``: all below ``folder`` where it is named.

    Else all below ``logdir``, those directly beside it, and those in the usual folders beside it.
    """
    if folder is not None:
        return list_model_files(folder)[0]
    root = logdir if logdir.is_dir() else logdir.parent
    above = root.resolve().parent
    found = list_model_files(root)[0]
    for place in (above, *(above / name for name in CHECKPOINT_FOLDERS)):
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError:
            continue  # there is no such folder
        found += [Path(e.path) for e in entries if is_model_file_name(e.name) and e.is_file(follow_symlinks=False)]
    return list({path.resolve(): path for path in reversed(found)}.values())[::-1]
