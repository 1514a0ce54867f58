"""A folder of checkpoints and the runs that may have written them: read, matched, and held against the replay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from ..damage import Skipped
from ..files import shared_parts
from ..logs.histograms import has_histograms, read_histograms
from ..model_files import Checkpoint, list_model_files, shared_reader
from ..outcome import Outcome
from ..run import Run
from .content import HistogramIndex
from .matching import match_files
from .reconciling import RunCheckpoints, reconcile
from .verdicts import Match

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Survey:
    """All checkpoints below ``folder``, each with its match, and per replayed run what was expected of them."""

    folder: str
    matches: tuple[Match, ...]
    runs: tuple[RunCheckpoints, ...]
    skipped: tuple[Skipped, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {
            "folder": self.folder,
            "files": [{**match.checkpoint.to_dict(), "match": match.to_dict()} for match in self.matches],
            "runs": [item.to_dict() for item in self.runs],
            "skipped": [item.to_dict() for item in self.skipped],
        }


def inspect_checkpoint(path: str | Path) -> Checkpoint:
    """Read and check one model file (``.h5``, ``.weights.h5``, ``.hdf5``, ``.keras``), every number of it.

    What is wrong with it is in ``findings`` and ``status``. It is read in a process of its own, in time and memory that
    its size bounds; nothing in it is run. Raises OSError where it cannot be opened.
    """
    return shared_reader().read(path, fingerprints=True)


def match_checkpoints(
    run: Run, outcome: Outcome | None, folder: str | Path, *, steps_per_epoch: int | None = None
) -> RunCheckpoints:
    """The checkpoints below ``folder`` (or the one file) as those of one run: whose weights, written when, and why.

    With an ``outcome`` they are held against what the replay leaves behind, too. ``steps_per_epoch`` helps where the
    log does not tell it. Raises :class:`cbreplay.LogNotFoundError` where there is no such folder.
    """
    outcomes = [] if outcome is None else [outcome]
    found = survey(folder, [run], outcomes, steps_per_epoch=steps_per_epoch)
    if found.runs:
        return found.runs[0]
    return RunCheckpoints(run.name, (), tuple(m for m in found.matches if m.run), (), found.matches)


def survey(
    folder: str | Path,
    runs: Sequence[Run],
    outcomes: Sequence[Outcome] = (),
    *,
    steps_per_epoch: int | None = None,
    progress: Progress | None = None,
) -> Survey:
    """Read all checkpoints below ``folder`` and match them with ``runs``; hold them against ``outcomes`` of these.

    ``progress`` is called with (files read, files in all). Raises :class:`cbreplay.LogNotFoundError` where there is
    no such folder.
    """
    paths, skipped = list_model_files(Path(folder))
    matches, unreadable = match_paths(paths, runs, _template(outcomes), steps_per_epoch, progress)
    reconciled = [reconcile(outcome, places_of(outcome, runs, matches), matches) for outcome in outcomes]
    return Survey(str(folder), tuple(matches), tuple(reconciled), (*skipped, *unreadable))


def match_paths(
    paths: Sequence[Path], runs: Sequence[Run], template: str | None = None, steps_per_epoch: int | None = None,
    progress: Progress | None = None,
) -> tuple[list[Match], list[Skipped]]:  # fmt: skip
    """A match for each file that can be opened, in order, and those that cannot."""
    index = HistogramIndex()
    wanted = any(map(has_histograms, runs))
    checkpoints: list[Checkpoint] = []
    skipped: list[Skipped] = []
    waiting = ThreadPoolExecutor(1)  # for the other process, which reads the files meanwhile
    try:
        answers = [waiting.submit(shared_reader().read, path, fingerprints=wanted) for path in paths]
        if paths:
            for number, run in enumerate(runs):
                index.add(number, read_histograms(run))
        for done, (path, answer) in enumerate(zip(paths, answers, strict=True), start=1):
            try:
                checkpoints.append(answer.result())
            except OSError as error:
                skipped.append(Skipped(str(path), f"cannot be read: {error.strerror or error}"))
            if progress is not None:
                progress(done, len(paths))
    except BaseException:
        shared_reader().interrupt()  # or else the end of this process waits for the file that is being read
        raise
    finally:
        waiting.shutdown(wait=False, cancel_futures=True)
    return match_files(checkpoints, runs, index, template=template, steps_per_epoch=steps_per_epoch), skipped


def _template(outcomes: Sequence[Outcome]) -> str | None:
    """The name template that all outcomes share."""
    rules = {
        str(record.rule.parameters()["filepath"]) for outcome in outcomes if (record := outcome.checkpoint) is not None
    }
    return rules.pop() if len(rules) == 1 else None


def places_of(outcome: Outcome, runs: Sequence[Run], matches: Sequence[Match]) -> dict[str, Path]:
    """Where the expected files of a run are among the matched ones.

    A file counts that bears the name and is proved to be of the run, or that lies no nearer to another of ``runs``. Of
    several a proved one is taken, else the one nearest to the run's folder.
    """
    home = Path(outcome.run.folder).resolve()
    found = {}
    for name in outcome.files:
        wanted = PurePath(name).parts
        candidates: list[tuple[bool, bool, int, Path]] = []
        for match in matches:
            path = Path(match.checkpoint.path)
            proved = match.run == outcome.run.name and bool(match.weights_epochs)
            if path.name == wanted[-1] and (proved or _is_near(path, home, runs)):
                near = shared_parts(home, path.resolve().parent)
                candidates.append((path.parts[-len(wanted) :] == wanted, proved, near, path))
        if candidates:
            found[name] = max(candidates)[3]
    return found


def _is_near(path: Path, home: Path, runs: Sequence[Run]) -> bool:
    """Whether no other run's folder is nearer to a file than ``home``."""
    folder = path.resolve().parent
    own = shared_parts(folder, home)
    return all(shared_parts(folder, Path(run.folder).resolve()) <= own for run in runs)
