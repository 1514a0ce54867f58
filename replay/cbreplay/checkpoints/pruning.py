"""Which checkpoints may go: a plan with a reason for each file, and its execution, which is never the default."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from ..errors import ParameterError
from ..jsonable import to_json
from ..model_files import TRASH
from ..run import Run, nearest_hint
from ..text import number, printable
from .choosing import monitored_value, preference
from .names import EMBEDDINGS
from .surveying import Survey
from .verdicts import Match

Action = Literal["keep", "remove"]

_FILES = "files"
_PLAN = "plan.json"


@dataclass(frozen=True)
class PruneStep:
    """What is to happen to one file, and why. ``bytes`` is its size, ``freed`` what removing it would give back."""

    path: str
    action: Action
    reasons: tuple[str, ...]
    bytes: int
    freed: int
    modified: float

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "path": self.path, "action": self.action, "reasons": list(self.reasons), "bytes": self.bytes,
            "freed": self.freed, "modified": self.modified,
        }  # fmt: skip


@dataclass(frozen=True)
class PrunePlan:
    """A step for each file below ``folder``, in the order of their paths; ``rule`` says what was to be kept."""

    folder: str
    rule: str
    steps: tuple[PruneStep, ...]

    @property
    def removed(self) -> tuple[PruneStep, ...]:
        """The steps that remove a file."""
        return tuple(step for step in self.steps if step.action == "remove")

    @property
    def freed(self) -> int:
        """Bytes that the plan would free."""
        return sum(step.freed for step in self.removed)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {
            "folder": self.folder, "rule": self.rule, "freed": self.freed,
            "steps": [step.to_dict() for step in self.steps],
        }  # fmt: skip


@dataclass(frozen=True)
class PruneResult:
    """What became of one removal: ``moved_to`` is in the trash (None: deleted), ``problem`` why it was not done."""

    path: str
    moved_to: str | None
    problem: str | None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {"path": self.path, "moved_to": self.moved_to, "problem": self.problem}


def plan_pruning(
    survey: Survey,
    runs: Sequence[Run],
    *,
    monitor: str = "val_loss",
    mode: str = "min",
    keep_best: int = 1,
    keep_last: bool = True,
    keep_policy: bool = True,
    include: Sequence[str | Path] = (),
) -> PrunePlan:
    """A plan for the files of a survey: which to keep and which to remove, each with its reasons.

    Kept are, of each run, one file of each of the ``keep_best`` best epochs by ``monitor``, the file with the last
    epoch's weights and the one that was written last, and those that the surveyed policy would leave. Kept is also,
    unless named in ``include``, whatever is not sound, whose epoch is not known, or whose run has no such monitor.
    Raises :class:`cbreplay.ParameterError` where no run has it, so that nothing could be told to be best.
    """
    if keep_best < 0:
        raise ParameterError(f"keep_best must be 0 or more, got {keep_best}")
    if mode not in ("min", "max"):
        raise ParameterError(f"mode must be 'min' or 'max' to tell which epochs are best, got {mode!r}")
    if runs and not any(monitor in run.table for run in runs):
        hint = nearest_hint(monitor, [name for run in runs for name in run.table])
        raise ParameterError(f"{monitor!r} is in none of the logs, so nothing tells which epoch is best{hint}")
    named = {Path(path).resolve() for path in include}
    known = {Path(match.checkpoint.path).resolve() for match in survey.matches}
    if strangers := sorted(str(path) for path in named - known):
        raise ParameterError(f"{strangers[0]}: named, but no checkpoint below {survey.folder}")
    keep: dict[str, list[str]] = {match.checkpoint.path: [] for match in survey.matches}
    values: dict[str, float | None] = {}
    for run in runs:
        own = [match for match in survey.matches if match.run == run.name and match.epoch is not None]
        values |= {match.checkpoint.path: monitored_value(run, match, monitor) for match in own}
        for alike in _by_model(own):
            if keep_best:
                _keep_best(run, alike, values, keep, monitor, mode, keep_best)
            if keep_last:
                _keep_last(run, alike, keep)
    if keep_policy:
        for file in (file for item in survey.runs for file in item.expected):
            if file.path in keep and file.state not in ("stale", "foreign"):
                keep[file.path].append("the policy keeps it")
    links = _link_targets(survey)
    for match in survey.matches:
        path = Path(match.checkpoint.path)
        keep[match.checkpoint.path] += _guards(match, path.resolve() in named, values.get(match.checkpoint.path), links)
    steps = [_step(match, keep[match.checkpoint.path], values, monitor) for match in survey.matches]
    rule = _rule_in_words(monitor, mode, keep_best, keep_last, keep_policy)
    return PrunePlan(survey.folder, rule, tuple(sorted(steps, key=lambda step: step.path)))


def _by_model(own: Sequence[Match]) -> list[list[Match]]:
    """The files of each model by itself: a run may save an encoder and a decoder beside the whole."""
    groups: dict[tuple[tuple[int, ...], ...], list[Match]] = {}
    for match in own:
        if match.is_part and not match.weights_epochs:
            continue  # guarded, as the rest of it is not known
        shapes = tuple(sorted(tensor.shape for tensor in match.checkpoint.weights))
        groups.setdefault(shapes, []).append(match)
    return list(groups.values())


def _rule_in_words(monitor: str, mode: str, keep_best: int, keep_last: bool, keep_policy: bool) -> str:
    lowest = "lowest" if mode == "min" else "highest"
    kept = []
    if keep_best:
        count = "the epoch" if keep_best == 1 else f"the {keep_best} epochs"
        kept.append(f"{count} of each run with the {lowest} {printable(monitor, 30)}")
    kept += ["the last of each run"] if keep_last else []
    kept += ["what the policy keeps"] if keep_policy else []
    return "kept are " + ", ".join([*kept, "and what is not sound or not matched"])


def _keep_best(
    run: Run, own: Sequence[Match], values: dict[str, float | None], keep: dict[str, list[str]], monitor: str,
    mode: str, keep_best: int,
) -> None:  # fmt: skip
    """One sound file for each of the best epochs; an epoch of which no file is sound takes no place."""
    moments: dict[tuple[int, int], list[Match]] = {}
    for match in own:
        if match.epoch is not None and match.status == "sound":
            moments.setdefault((match.fit or 0, match.epoch), []).append(match)
    ranked: list[tuple[float, tuple[int, int]]] = []
    for moment, files in moments.items():
        value = values[files[0].checkpoint.path]
        if value is not None and not math.isnan(value):
            ranked.append((value if mode == "min" else -value, moment))
    for place, (_, moment) in enumerate(sorted(ranked)[:keep_best], start=1):
        chosen = min(moments[moment], key=lambda match: preference(match, run))
        which = "best" if place == 1 else f"number {place}"
        told = number(values[chosen.checkpoint.path])
        keep[chosen.checkpoint.path].append(
            f"{which} of run {printable(run.name, 40)}: {printable(monitor, 30)} {told} at epoch {moment[1] + 1}"
        )
        for other in moments[moment]:
            if other is not chosen and other.checkpoint.has_config and not chosen.checkpoint.has_config:
                keep[other.checkpoint.path].append("the same weights as a whole model")


def _keep_last(run: Run, own: Sequence[Match], keep: dict[str, list[str]]) -> None:
    """The file with the weights of the last epoch, and the one that was written last: restored weights are older."""
    sound = [match for match in own if match.status == "sound"]
    if not sound:
        return

    def latest(match: Match) -> tuple[int, int]:
        return (match.fit or 0, max(match.weights_epochs or (match.epoch or 0,)))

    newest = max(map(latest, sound))
    last = min((match for match in sound if latest(match) == newest), key=lambda match: preference(match, run))
    keep[last.checkpoint.path].append(f"last of run {printable(run.name, 40)}: epoch {newest[1] + 1}")
    written = [match for match in sound if match.written_epoch is not None and match.written_epoch > newest[1]]
    written += [match for match in sound if match.written_epoch not in (None, *match.weights_epochs)]
    if written:
        final = max(written, key=lambda match: (match.fit or 0, match.written_epoch or 0, match.checkpoint.modified))
        keep[final.checkpoint.path].append(f"written last of run {printable(run.name, 40)}")


def _guards(match: Match, is_named: bool, value: float | None, links: dict[Path, str]) -> list[str]:
    """What protects a file whatever the rule says."""
    path = Path(match.checkpoint.path)
    guards = []
    if path.name.startswith(EMBEDDINGS):
        guards.append("TensorBoard's projector reads it")
    if path.resolve() in links:
        guards.append(f"a link leads to it: {printable(links[path.resolve()], 60)}")
    if is_named:
        return guards
    if match.status != "sound":
        problem = printable(match.problems[0], 120) if match.problems else ""
        guards.append(f"not touched unless named with --include: {match.status} ({problem})")
    elif match.epoch is None or match.verdict == "named":
        guards.append("not touched unless named with --include: its epoch is not known")
    elif match.is_part and not match.weights_epochs:
        guards.append("not touched unless named with --include: only a part of it is known")
    elif value is None:
        guards.append("not touched unless named with --include: its epoch has no value of the monitor")
    return guards


def _link_targets(survey: Survey) -> dict[Path, str]:
    """The files that links below the folder lead to."""
    targets = {}
    for item in survey.skipped:
        link = Path(item.path)
        if link.is_symlink():
            targets[Path(os.path.realpath(link))] = link.name
    return targets


def _step(match: Match, keep: list[str], values: dict[str, float | None], monitor: str) -> PruneStep:
    checkpoint = match.checkpoint
    if keep:
        return PruneStep(checkpoint.path, "keep", tuple(keep), checkpoint.bytes, 0, checkpoint.modified)
    value = values.get(checkpoint.path)
    told = "named" if match.epoch is None else f"epoch {match.epoch + 1}"
    told += "" if value is None else f", {printable(monitor, 30)} {number(value)}"
    reasons = [told]
    freed = checkpoint.bytes
    if _has_other_names(Path(checkpoint.path)):
        reasons.append("frees nothing, as another name holds it too")
        freed = 0
    return PruneStep(checkpoint.path, "remove", tuple(reasons), checkpoint.bytes, freed, checkpoint.modified)


def _has_other_names(path: Path) -> bool:
    try:
        return path.stat().st_nlink > 1
    except OSError:
        return False  # gone meanwhile: carrying the plan out says so


def apply_plan(plan: PrunePlan, *, delete: bool = False) -> list[PruneResult]:
    """Carry out the removals of a plan: into a folder of the trash below ``plan.folder``, or for good with ``delete``.

    A file that has changed since the plan was made, that is a link now, or that lies outside of the folder is left
    alone and said. A folder of the trash has the plan and, below ``files``, each file at its path below
    ``plan.folder``.
    """
    root = Path(plan.folder) if Path(plan.folder).is_dir() else Path(plan.folder).parent
    trash = root / TRASH / datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
    results = []
    for step in plan.removed:
        path = Path(step.path)
        problem = _objection(step, path, root)
        target = None
        if problem is None:
            try:
                if delete:
                    path.unlink()
                else:
                    target = trash / _FILES / path.resolve().relative_to(root.resolve())
                    target.parent.mkdir(parents=True, exist_ok=True)
                    path.rename(target)
            except OSError as error:
                problem, target = f"cannot be removed: {error.strerror or error}", None
        results.append(PruneResult(step.path, None if target is None else str(target), problem))
    if any(result.moved_to for result in results):
        told = {**plan.to_dict(), "root": str(root.resolve()), "results": [result.to_dict() for result in results]}
        (trash / _PLAN).write_text(to_json(told) + "\n", encoding="utf-8")
    return results


def trash_of(results: Sequence[PruneResult]) -> Path | None:
    """The folder of the trash that these results are in; None where nothing was moved."""
    for result in results:
        if result.moved_to is not None:
            moved = Path(result.moved_to)
            return next(parent for parent in moved.parents if parent.parent.name == TRASH)
    return None


def _objection(step: PruneStep, path: Path, root: Path) -> str | None:
    try:
        if path.is_symlink() or not path.is_file():
            return "not there any more as a file: left alone"
        if root.resolve() not in path.resolve().parents:
            return "lies outside of the folder: left alone"
        status = path.stat()
    except OSError as error:
        return f"cannot be examined: {error.strerror or error}"
    if status.st_size != step.bytes or status.st_mtime != step.modified:
        return "has changed since the plan was made: left alone"
    return None
