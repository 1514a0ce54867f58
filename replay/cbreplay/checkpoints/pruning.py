"""Which checkpoints may go: a plan with a reason for each file, and its execution, which is never the default."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from ..errors import ParameterError
from ..jsonable import to_json
from ..model_files import TRASH
from ..outcome import Outcome
from ..run import Run
from ..text import number, printable
from .choosing import monitored_value
from .surveying import Survey
from .verdicts import Match

Action = Literal["keep", "remove"]

_EMBEDDINGS = "keras_embedding.ckpt-"


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
    """A step for each file below ``folder``, in the order of their paths."""

    folder: str
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
        return {"folder": self.folder, "freed": self.freed, "steps": [step.to_dict() for step in self.steps]}


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
    outcomes: Sequence[Outcome] = (),
    *,
    monitor: str = "val_loss",
    mode: str = "min",
    keep_best: int = 1,
    keep_last: bool = True,
    keep_policy: bool = True,
    include: Sequence[str | Path] = (),
) -> PrunePlan:
    """A plan for the files of a survey: which to keep and which to remove, each with its reasons.

    Kept are, of each run, the files of the ``keep_best`` best epochs by ``monitor`` (one file an epoch, the most
    complete one), the last epoch's, and those that a policy would leave (``outcomes``). Kept are also all that are
    not sound, and all whose epoch is not proved or likely, unless named in ``include``.
    """
    if keep_best < 0:
        raise ParameterError(f"keep_best must be 0 or more, got {keep_best}")
    if mode not in ("min", "max"):
        raise ParameterError(f"mode must be 'min' or 'max' to tell which epochs are best, got {mode!r}")
    named = {Path(path).resolve() for path in include}
    known = {Path(match.checkpoint.path).resolve() for match in survey.matches}
    if strangers := sorted(str(path) for path in named - known):
        raise ParameterError(f"{strangers[0]}: named, but no checkpoint below {survey.folder}")
    reasons: dict[str, list[str]] = {match.checkpoint.path: [] for match in survey.matches}
    policy = {file.path for item in survey.runs for file in item.expected if file.path and file.state != "stale"}
    for run in runs:
        own = [match for match in survey.matches if match.run == run.name and _is_known(match)]
        _keep_of_run(run, own, reasons, monitor, mode, keep_best, keep_last)
    steps = []
    for match in survey.matches:
        path = Path(match.checkpoint.path)
        keep = list(reasons[match.checkpoint.path])
        if keep_policy and match.checkpoint.path in policy:
            keep.append("the policy keeps it")
        if path.name.startswith(_EMBEDDINGS):
            keep.append("TensorBoard's projector reads it")
        if path.resolve() not in named:
            if match.status != "sound":
                keep.append(f"not touched unless named: {match.status} ({_short(match.problems)})")
            elif not _is_known(match):
                keep.append("not touched unless named: its epoch is not known")
        steps.append(_step(match, keep, _why_not_kept(match, runs, monitor, path.resolve() in named)))
    return PrunePlan(survey.folder, tuple(sorted(steps, key=lambda step: step.path)))


def _is_known(match: Match) -> bool:
    return match.verdict in ("proved", "likely") or bool(match.weights_epochs)


def _keep_of_run(
    run: Run,
    own: Sequence[Match],
    reasons: dict[str, list[str]],
    monitor: str,
    mode: str,
    keep_best: int,
    keep_last: bool,
) -> None:
    by_moment: dict[tuple[int, int], list[Match]] = {}
    for match in own:
        if match.epoch is not None:
            by_moment.setdefault((match.fit or 0, match.epoch), []).append(match)
    values = {moment: monitored_value(run, files[0], monitor) for moment, files in by_moment.items()}
    ranked = sorted(
        (moment for moment, value in values.items() if value is not None and not math.isnan(value)),
        key=lambda moment: (values[moment] if mode == "min" else -(values[moment] or 0.0), moment),
    )
    for place, moment in enumerate(ranked[:keep_best], start=1):
        value = f"{printable(monitor, 30)} {number(values[moment])} at epoch {moment[1] + 1}"
        which = "best" if place == 1 else f"number {place}"
        reasons[_most_complete(by_moment[moment]).checkpoint.path].append(
            f"{which} of run {printable(run.name, 40)}: {value}"
        )
    written = [match for match in own if match.written_epoch is not None or match.epoch is not None]
    if keep_last and written:
        last = max(written, key=lambda m: (m.fit or 0, _written(m), _completeness(m)))
        reasons[last.checkpoint.path].append(f"last of run {printable(run.name, 40)}: epoch {_written(last) + 1}")


def _written(match: Match) -> int:
    return max(epoch for epoch in (match.written_epoch, match.epoch) if epoch is not None)


def _most_complete(files: Sequence[Match]) -> Match:
    return max(files, key=_completeness)


def _completeness(match: Match) -> tuple[bool, bool, bool, float]:
    checkpoint = match.checkpoint
    return (
        match.status == "sound", checkpoint.has_config, checkpoint.iterations is not None, checkpoint.modified,
    )  # fmt: skip


def _why_not_kept(match: Match, runs: Sequence[Run], monitor: str, is_named: bool) -> list[str]:
    if is_named and not _is_known(match):
        return ["named"]
    run = next((run for run in runs if run.name == match.run), None)
    if run is None or match.epoch is None:
        return ["written in the middle of an epoch" if match.mid_epoch else "of no epoch's end"]
    value = monitored_value(run, match, monitor)
    told = "" if value is None else f", {printable(monitor, 30)} {number(value)}"
    return [f"epoch {match.epoch + 1} of run {printable(run.name, 40)}{told}: not among those to keep"]


def _short(problems: Sequence[str]) -> str:
    return printable(problems[0], 120) if problems else ""


def _step(match: Match, keep: list[str], otherwise: list[str]) -> PruneStep:
    checkpoint = match.checkpoint
    if keep:
        return PruneStep(checkpoint.path, "keep", tuple(keep), checkpoint.bytes, 0, checkpoint.modified)
    shared = Path(checkpoint.path).stat().st_nlink > 1
    reasons = [*otherwise, *(["frees nothing, as another name holds it too"] if shared else [])]
    return PruneStep(
        checkpoint.path,
        "remove",
        tuple(reasons),
        checkpoint.bytes,
        0 if shared else checkpoint.bytes,
        checkpoint.modified,
    )


def apply_plan(plan: PrunePlan, *, delete: bool = False) -> list[PruneResult]:
    """Carry out the removals of a plan: into a folder of the trash below ``plan.folder``, or for good with ``delete``.

    A file that has changed since the plan was made, that is a link now, or that lies outside of the folder is left
    alone and said. The trash keeps each file's path below the folder, and the plan.
    """
    root = Path(plan.folder) if Path(plan.folder).is_dir() else Path(plan.folder).parent
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
    trash = root / TRASH / stamp
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
                    target = trash / path.resolve().relative_to(root.resolve())
                    target.parent.mkdir(parents=True, exist_ok=True)
                    path.rename(target)
            except OSError as error:
                problem, target = f"cannot be removed: {error.strerror or error}", None
        results.append(PruneResult(step.path, None if target is None else str(target), problem))
    if not delete and any(result.moved_to for result in results):
        told = {**plan.to_dict(), "results": [result.to_dict() for result in results]}
        (trash / "plan.json").write_text(to_json(told) + "\n", encoding="utf-8")
    return results


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
