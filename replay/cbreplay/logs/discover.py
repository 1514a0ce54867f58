"""A folder in, the files that may be logs out. Nothing is opened that is not a regular file."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from ..damage import Skipped
from ..errors import LogNotFoundError
from ..files import files_below
from .histories import looks_like_history
from .json_histories import looks_like_json_history

_HISTORY_ENDINGS = (".csv", ".tsv")
_MAYBE_HISTORY_ENDINGS = (".log", ".txt")
_JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
_TRAINER_STATE = "trainer_state.json"
_CHECKPOINT = re.compile(r"^checkpoint-(\d{1,18})$")
_FOLDER_LINK = "a link to a folder, not followed: name its target to read it"


@dataclass(frozen=True)
class Found:
    """The candidates below ``root`` (a folder), each list sorted by path; ``skipped`` says what was left out."""

    root: Path
    event_files: tuple[Path, ...]
    histories: tuple[Path, ...]
    skipped: tuple[Skipped, ...]


def is_event_file_name(name: str) -> bool:
    """Whether TensorBoard would take a file of this name for an event file (profiler markers are not)."""
    return "tfevents" in name and not name.endswith(".profile-empty")


def discover(logdir: Path) -> Found:
    """Walk ``logdir`` (or take the one file that it is). Links to folders are not followed, hidden folders not entered.

    Raises :class:`LogNotFoundError` where there is no such path, OSError where the folder cannot be listed.
    """
    if not logdir.exists():
        raise LogNotFoundError(f"{logdir}: no such file or folder")
    if not logdir.is_dir() and not logdir.is_file():
        raise LogNotFoundError(f"{logdir}: neither a folder nor a regular file")
    if logdir.is_file():
        event = is_event_file_name(logdir.name)
        return Found(logdir.parent, (logdir,) if event else (), () if event else (logdir,), ())
    event_files: list[Path] = []
    histories: list[Path] = []
    skipped: list[Skipped] = []
    for path, entry in files_below(logdir, skipped):
        kind = _kind(entry.name)
        reason = _why_unusable(entry)
        if reason is None and kind == "events":
            event_files.append(path)
        elif reason is None and _is_history(path, kind):
            histories.append(path)
        elif reason is not None and (kind in ("events", "history") or reason is _FOLDER_LINK):
            skipped.append(Skipped(str(path), reason))
    skipped.sort(key=lambda item: item.path)
    by_parts = attrgetter("parts")
    return Found(
        logdir, tuple(sorted(event_files, key=by_parts)), tuple(sorted(histories, key=by_parts)), tuple(skipped)
    )


def _is_history(path: Path, kind: str) -> bool:
    if kind == "json":
        return not _is_repeated(path) and looks_like_json_history(path)
    return kind == "history" or (kind == "maybe" and looks_like_history(path))


def _is_repeated(path: Path) -> bool:
    """Whether Hugging Face's trainer wrote this state at a checkpoint, and a longer one later."""
    here = _CHECKPOINT.match(path.parent.name)
    if path.name != _TRAINER_STATE or here is None:
        return False
    if (path.parent.parent / _TRAINER_STATE).is_file():
        return True
    steps = [int(match[1]) for state in path.parent.parent.glob(f"checkpoint-*/{_TRAINER_STATE}")
             if (match := _CHECKPOINT.match(state.parent.name))]  # fmt: skip
    return int(here[1]) < max(steps, default=0)


def _kind(name: str) -> str:
    if is_event_file_name(name):
        return "events"
    lowered = name.lower()
    if lowered.endswith(_HISTORY_ENDINGS):
        return "history"
    if lowered.endswith(_JSON_ENDINGS):
        return "json"
    return "maybe" if lowered.endswith(_MAYBE_HISTORY_ENDINGS) else ""


def _why_unusable(entry: os.DirEntry[str]) -> str | None:
    """Why an entry that is no folder is not opened; None for a regular file."""
    try:
        if entry.is_symlink():
            return _FOLDER_LINK if entry.is_dir() else "a link, not followed: name its target to read it"
        regular = stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)
    except OSError as error:
        return f"cannot be examined: {error.strerror}"
    return None if regular else "not a regular file"
