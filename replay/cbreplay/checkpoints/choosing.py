"""The one file to use: of all checkpoints of a run, or of several runs, the one with the best monitored epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NoCheckpointError, ParameterError
from ..files import shared_parts
from ..outcome import Outcome
from ..rules import ModelCheckpoint
from ..run import Run, nearest_hint
from ..text import number, plural, printable
from .evidence import epoch_list
from .reconciling import RunCheckpoints
from .verdicts import Match


@dataclass(frozen=True)
class Choice:
    """The file to use. ``epoch`` (0-based) is whose weights it holds, ``value`` the monitored value there.

    ``proved`` tells whether that is proved by its weights; ``remarks`` say what a careful user wants to know.
    """

    path: str
    run: str
    epoch: int
    value: float
    proved: bool
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "path": self.path, "run": self.run, "epoch": self.epoch, "value": self.value, "proved": self.proved,
            "remarks": list(self.remarks),
        }  # fmt: skip


@dataclass(frozen=True)
class _Candidate:
    match: Match
    run: Run
    epoch: int
    value: float
    how: str  #: proved, likely, named, expected

    @property
    def rank(self) -> int:
        return ("proved", "likely", "expected", "named").index(self.how)


def monitored_value(run: Run, match: Match, monitor: str) -> float | None:
    """The value of ``monitor`` at the epoch whose weights a file of ``run`` holds; None where it is not known."""
    if match.epoch is None:
        return None
    return _value_at(run, match.epoch, match.fit, monitor)


def _value_at(run: Run, epoch: int, fit: int | None, monitor: str) -> float | None:
    fits = run.fits()
    number_of_fit = fit if fit is not None and fit < len(fits) else len(fits) - 1
    for logged, logs in fits[number_of_fit] if fits else ():
        if logged == epoch:
            return logs.get(monitor)
    return None


def mode_of(rule: ModelCheckpoint, outcomes: Sequence[Outcome]) -> str:
    """The mode by which ``outcomes`` of a rule judge, ``min`` or ``max``; the rule's own where they do not agree."""
    modes = {outcome.mode for outcome in outcomes} - {None}
    return str(modes.pop()) if len(modes) == 1 else rule.mode


def choose_checkpoint(
    matches: Sequence[Match],
    runs: Sequence[Run],
    *,
    monitor: str = "val_loss",
    mode: str = "min",
    expected: Sequence[RunCheckpoints] = (),
) -> Choice:
    """The file with the best value of ``monitor`` among all whose epoch is known; of equal values a proved one.

    ``expected`` (what ModelCheckpoint would leave of each run) tells the epoch of files of which nothing else does.
    Raises :class:`cbreplay.NoCheckpointError` where there is none, or where the best one is not sound.
    """
    if mode not in ("min", "max"):
        raise ParameterError(f"mode must be 'min' or 'max' to tell which epoch is best, got {mode!r}")
    candidates = _candidates(matches, runs, monitor, expected)
    if not candidates:
        raise NoCheckpointError(_why_none(matches, runs, monitor))
    better = min if mode == "min" else max
    best_value = better(candidate.value for candidate in candidates)
    best = [c for c in candidates if c.value == best_value]
    sound = [candidate for candidate in best if candidate.match.status == "sound"]
    if not sound:
        chosen = min(best, key=lambda candidate: candidate.rank)
        others = [c for c in candidates if c.match.status == "sound"]
        raise NoCheckpointError(_why_not(chosen, others, monitor, mode))
    several = len({candidate.run.name for candidate in candidates})
    chosen = min(sound, key=lambda candidate: (candidate.rank, preference(candidate.match, candidate.run)))
    return Choice(
        chosen.match.checkpoint.path, chosen.run.name, chosen.epoch, chosen.value, chosen.how == "proved",
        tuple(_remarks(chosen, monitor, mode, several)),
    )  # fmt: skip


def preference(match: Match, run: Run) -> tuple[bool, int, bool, bool, int, bool, float, str]:
    """A sort key for files of ``run`` and of the same epoch, the one to prefer first.

    Proved rather than not, the largest model (others are parts of it), well named, written at the end of the epoch
    whose weights it holds (so that its optimizer is of that epoch, too), near to the run's logs, with a
    configuration, the newest.
    """
    checkpoint = match.checkpoint
    near = shared_parts(Path(checkpoint.path).resolve().parent, Path(run.folder).resolve())
    return (
        not match.weights_epochs, -(checkpoint.parameters or 0), bool(match.contradictions),
        match.written_epoch not in match.weights_epochs, -near, not checkpoint.has_config, -checkpoint.modified,
        checkpoint.path,
    )  # fmt: skip


def _candidates(
    matches: Sequence[Match], runs: Sequence[Run], monitor: str, expected: Sequence[RunCheckpoints]
) -> list[_Candidate]:
    by_name = {run.name: run for run in runs}
    by_rule = {
        file.path: (item.run, file.weights_epoch)
        for item in expected for file in item.expected
        if file.path is not None and file.weights_epoch is not None and file.state in ("unproved", "damaged")
    }  # fmt: skip
    found = []
    for match in matches:
        run = by_name.get(match.run or "")
        epoch, how = match.epoch, "proved" if match.weights_epochs else str(match.verdict)
        if match.differing or match.is_part:
            run, epoch, how = None, None, "unknown"
        if epoch is None and match.checkpoint.path in by_rule:
            name, epoch = by_rule[match.checkpoint.path]
            run, how = by_name.get(name), "expected"
        if run is None or epoch is None or (match.contradictions and not match.weights_epochs):
            continue
        value = _value_at(run, epoch, match.fit, monitor)
        if value is not None and not math.isnan(value):
            found.append(_Candidate(match, run, epoch, float(value), how))
    return [candidate for candidate in found if candidate.how in ("proved", "likely", "expected", "named")]


def _why_none(matches: Sequence[Match], runs: Sequence[Run], monitor: str) -> str:
    if not matches:
        return "there is no checkpoint file: name the folder that holds them with --checkpoints"
    if not any(monitor in run.table for run in runs):
        hint = nearest_hint(monitor, [name for run in runs for name in run.table])
        return f"{monitor!r} is in none of the logs{hint}"
    if matches and all(match.is_part for match in matches):
        return "the files and the logs do not have all of their weights in common: parts of a model, or larger ones"
    known = sorted({match.epoch for match in matches if match.epoch is not None})
    if known:
        return f"the files hold epoch {epoch_list(known)}, of which {monitor!r} was not logged"
    reasons = [
        f"{printable(m.checkpoint.path, 80)}: {printable(m.problems[0] if m.problems else m.conclusion, 200)}"
        for m in matches[:5]
    ]
    more = f"\n  and {len(matches) - 5} more" if len(matches) > 5 else ""
    return "of no checkpoint file is it known which epoch it holds\n  " + "\n  ".join(reasons) + more


def _why_not(chosen: _Candidate, others: Sequence[_Candidate], monitor: str, mode: str) -> str:
    told = (
        f"{printable(chosen.match.checkpoint.path, 80)} holds the best epoch, {chosen.epoch + 1} "
        f"({printable(monitor, 30)} {number(chosen.value)}), but it is {chosen.match.status}: "
        f"{chosen.match.problems[0]}"
    )
    if not others:
        return told
    next_best = (min if mode == "min" else max)(others, key=lambda candidate: candidate.value)
    return (
        f"{told}\n  the best that is sound: {printable(next_best.match.checkpoint.path, 80)}, "
        f"epoch {next_best.epoch + 1} ({number(next_best.value)})"
    )


def _remarks(chosen: _Candidate, monitor: str, mode: str, runs: int) -> list[str]:
    remarks = []
    if runs > 1:
        best = f"{printable(monitor, 30)} {number(chosen.value)} at epoch {chosen.epoch + 1}"
        remarks.append(f"of {runs} runs with checkpoints {printable(chosen.run.name, 60)} has the best: {best}")
    if chosen.how != "proved":
        how = {
            "likely": "by the optimizer's steps, or name and time", "named": "by its name alone",
            "expected": "as ModelCheckpoint would have written it",
        }[chosen.how]  # fmt: skip
        remarks.append(f"epoch {chosen.epoch + 1} {how}; no histogram proves it")
    remarks += chosen.match.contradictions
    metric = chosen.run.table[monitor]
    at_best = int(np.nanargmin(metric.value) if mode == "min" else np.nanargmax(metric.value))
    top, at = float(metric.value[at_best]), int(metric.epoch[at_best])
    if top < chosen.value if mode == "min" else top > chosen.value:
        remarks.append(
            f"the best epoch of this run, {at + 1} ({number(top)}), is in no file: this is the best there is"
        )
    if len(chosen.match.weights_epochs) > 1:
        remarks.append(f"its weights are those of {plural(len(chosen.match.weights_epochs), 'epoch')} alike")
    return remarks
