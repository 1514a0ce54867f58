"""Which release of Keras wrote a run: from a checkpoint's own word, the layout of tags, the columns of a CSV."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ..model_files import CHECKPOINT_FOLDERS, is_model_file_name, shared_reader
from ..run import ReleaseEvidence, Run
from .discover import is_event_file_name

_MAX_FILES = 20

_KERAS_2 = ((2, 0), (3, 0))
_KERAS_3 = ((3, 0), None)
_KERAS_3_SHORT_TAGS = ((3, 0), (3, 14))
_KERAS_3_LONG_TAGS = ((3, 14), None)


class Releases:
    """Tells the releases of the runs of one log folder; looks into each folder once."""

    def __init__(self, logdir: Path) -> None:
        self._root = logdir.parent if logdir.is_file() else logdir
        self._above = self._root.resolve().parent
        self._evidence: dict[Path, ReleaseEvidence | None] = {}

    def of(self, run: Run) -> ReleaseEvidence | None:
        """What tells the release, strongest first; None where nothing does.

        Model files count when they lie in the run's folder or above it, up to the folder above the log folder (or in
        one of the usual folders for checkpoints there), the nearest first, and all those of one folder name the same
        version.
        """
        return self._near(Path(run.folder)) or _from_histogram_tags(run) or _from_rate_column(run)

    def _near(self, folder: Path) -> ReleaseEvidence | None:
        for place in self._upwards(folder):
            if place not in self._evidence:
                self._evidence[place] = _from_model_files(place)
            if (found := self._evidence[place]) is not None:
                return found
        return None

    def _upwards(self, folder: Path) -> Iterator[Path]:
        yield folder
        while folder != self._root and self._root in folder.parents:
            folder = folder.parent
            yield folder
        if folder != self._root:
            yield self._root
        yield self._above


def _from_model_files(folder: Path) -> ReleaseEvidence | None:
    try:
        names = {entry.name for entry in os.scandir(folder)}
    except OSError:
        return None
    places = [folder] if any(map(is_model_file_name, names)) else []
    for place in (*places, *(folder / name for name in CHECKPOINT_FOLDERS if name in names)):
        versions = _versions(place)
        if len(versions) == 1:
            ((version, name),) = versions.items()
            return ReleaseEvidence(_profile_name(version), (0,), None, f"{name} says keras_version {version}")
    return None


@lru_cache(maxsize=4096)
def _versions_at(folder: Path, changed: int) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    try:
        names = sorted(path for path in folder.iterdir() if is_model_file_name(path.name))
    except OSError:
        return ()
    for path in names[:_MAX_FILES]:
        version = keras_version(path)
        if version is not None:
            found.setdefault(version, path.name)
    return tuple(found.items())


def _versions(folder: Path) -> dict[str, str]:
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:
        return {}
    return dict(_versions_at(folder, changed))


def keras_version(path: Path) -> str | None:
    """The ``keras_version`` that a model file carries, None where it has none or cannot be read as such a file."""
    try:
        return shared_reader().release(path)
    except OSError:
        return None  # not to be read, whatever its name: that is for the inventory of checkpoints to say


def _profile_name(version: str) -> str:
    """The profile of a ``keras_version``: ``2.2.4-tf`` is TensorFlow's own copy, 2.16 and later 2.x is tf_keras."""
    number = version.split("-")[0]
    pieces = tuple(int(piece) for piece in re.findall(r"\d+", number)[:3])
    if version.endswith("-tf"):
        return "tf.keras-2.0" if pieces < (2, 3) else "tf.keras-2.2"
    if (2, 16) <= pieces < (3,):
        return f"tf_keras-{number}"
    return "keras-" + ".".join(map(str, pieces))


def _from_histogram_tags(run: Run) -> ReleaseEvidence | None:
    for tag in run.event_tags:
        if not tag.endswith("/histogram"):
            continue
        bare = tag.removeprefix("train/")
        if bare.endswith("_0/histogram"):
            return ReleaseEvidence(None, *_KERAS_2, f"the tag {bare!r} is Keras 2's")
        if bare.count("/") == 1:
            return ReleaseEvidence(None, *_KERAS_3_SHORT_TAGS, f"the tag {bare!r} is that of Keras 3.0 to 3.13")
        return ReleaseEvidence(None, *_KERAS_3_LONG_TAGS, f"the tag {bare!r} is that of Keras 3.14 or later")
    return None


def _from_rate_column(run: Run) -> ReleaseEvidence | None:
    """Only where Keras wrote it: its event files, or a history that counts epochs from 0 as CSVLogger does."""
    if not run.axis.sentence.startswith("the step is Keras'"):
        from_events = any(is_event_file_name(Path(source).name) for source in run.sources)
        if from_events or run.axis.base != 0 or run.axis.kind != "epoch":
            return None
    if "lr" in run.table:
        return ReleaseEvidence(None, *_KERAS_2, "the metric 'lr' has its name from Keras 2")
    if "learning_rate" in run.table:
        return ReleaseEvidence(None, *_KERAS_3, "the metric 'learning_rate' has its name from Keras 3")
    return None
