"""Where the logs of a folder of checkpoints are, and where the checkpoints of a folder of logs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..logs.discover import is_event_file_name
from ..logs.json_histories import looks_like_json_history
from ..model_files import CHECKPOINT_FOLDERS, is_model_file_name, list_model_files
from ..run import Run

_HISTORIES = (".csv", ".tsv")
_JSON_HISTORIES = (".json", ".jsonl")
_MOST_ENTRIES = 5000
_DEEPEST = 4


def logs_near(folder: Path) -> Path | None:
    """The folder itself where it holds logs, else the one above it; None where neither does.

    Only the first few thousand entries are looked at, so that a home folder above costs nothing.
    """
    here = folder if folder.is_dir() else folder.parent
    return next((place for place in (here, here.resolve().parent) if _has_logs(place)), None)


def _has_logs(folder: Path) -> bool:
    left = _MOST_ENTRIES
    pending = [(folder, 0)]
    while pending:
        here, depth = pending.pop(0)
        try:
            entries = list(os.scandir(here))
        except OSError:
            continue  # what cannot be listed holds nothing for us
        for entry in entries:
            left -= 1
            if left < 0:
                return False
            if entry.is_dir(follow_symlinks=False):
                if depth < _DEEPEST and not entry.name.startswith("."):
                    pending.append((here / entry.name, depth + 1))
            elif is_event_file_name(entry.name) or (depth == 0 and _is_history(here / entry.name)):
                return True
    return False


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
