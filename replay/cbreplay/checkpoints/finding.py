"""Where the files that a replay expects lie on disk, and whose they can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..model_files import CHECKPOINT_FOLDERS
from ..outcome import Outcome
from ..run import Run, is_same_training


@dataclass(frozen=True)
class DiskFile:
    """A file (or a SavedModel folder) that bears the name of an expected one.

    ``bytes`` is its size, ``modified`` seconds since 1970. ``also`` names the other runs that could have
    written it: where there are any, a name alone does not tell whose file it is.
    """

    name: str
    path: str
    bytes: int
    modified: float
    also: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "name": self.name,
            "path": self.path,
            "bytes": self.bytes,
            "modified": self.modified,
            "also": list(self.also),
        }


def find_files(
    outcomes: Sequence[Outcome], logdir: Path, checkpoints: Path | None = None
) -> list[tuple[DiskFile, ...]]:
    """For each outcome the expected files that exist, in the order of ``outcome.files``.

    A name is looked for in ``checkpoints``, the folder of the run, the folders from there up to ``logdir``,
    the one above ``logdir``, the working folder, and the usual folders for checkpoints in each but the last; the first
    place that has it counts.
    """
    found = [
        {name: path for name in outcome.files if (path := _find(name, outcome, logdir, checkpoints))}
        for outcome in outcomes
    ]
    owners: dict[Path, list[Run]] = {}
    for outcome, files in zip(outcomes, found, strict=True):
        for path in files.values():
            owners.setdefault(path.resolve(), []).append(outcome.run)
    result = []
    for outcome, files in zip(outcomes, found, strict=True):
        disk_files = []
        for name, path in files.items():
            status = path.stat()
            others = (run for run in owners[path.resolve()] if run.name != outcome.run.name)
            also = tuple(run.name for run in others if not is_same_training(run, outcome.run))
            disk_files.append(DiskFile(name, str(path), status.st_size, status.st_mtime, also))
        result.append(tuple(disk_files))
    return result


def _find(name: str, outcome: Outcome, logdir: Path, checkpoints: Path | None) -> Path | None:
    for folder in _places(Path(outcome.run.folder), logdir, checkpoints):
        try:
            if (folder / name).exists():
                return folder / name
        except (OSError, ValueError):  # a name that no file can have, a folder that may not be entered
            continue
    return None


def _places(run_folder: Path, logdir: Path, checkpoints: Path | None) -> list[Path]:
    root = logdir.parent if logdir.is_file() else logdir
    places = [] if checkpoints is None else [checkpoints]
    places.append(run_folder)
    if root in run_folder.parents:
        places += [folder for folder in run_folder.parents if folder == root or root in folder.parents]
    places += [root, root.resolve().parent, Path()]
    usual = [place / name for place in places[:-1] for name in CHECKPOINT_FOLDERS]
    return list(dict.fromkeys([*places, *usual]))
