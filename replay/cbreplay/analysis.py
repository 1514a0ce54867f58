"""The main job: every run of a folder under one policy, with the files on disk."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ._version import __version__
from .checkpoints import DiskFile, RunCheckpoints, find_files, match_paths, reconcile
from .damage import Damage, Skipped
from .errors import CallbackError, CurveError, NothingReadableError, ParameterError, UnknownMetricError
from .logs import load_runs
from .logs.loading import Progress
from .model_files import is_model_file_name
from .outcome import Outcome
from .replaying import replay
from .rules import EarlyStopping, ModelCheckpoint, Rule, StoppingRule
from .rules.profiles import profile_for
from .run import Run, Runs, nearest_hint

#: The version of the JSON that :meth:`Analysis.to_dict` gives.
SCHEMA = 1

_MOST_BYTES = 256 << 20
_ACCURACY = re.compile(r"^val_(.*_)?acc(uracy)?$")


@dataclass(frozen=True)
class BestElsewhere:
    """The epoch (0-based) of the best validation accuracy, where it is not the one that is kept."""

    metric: str
    epoch: int
    value: float

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {"metric": self.metric, "epoch": self.epoch, "value": self.value}


@dataclass(frozen=True)
class RunAnalysis:
    """One run under the policy. ``outcome`` is None where the policy cannot be replayed; ``problem`` says why.

    ``problem`` can also stand beside an outcome: the callback itself would have failed at that point.
    """

    run: Run
    outcome: Outcome | None
    problem: str | None
    on_disk: tuple[DiskFile, ...] = ()
    checkpoints: RunCheckpoints | None = None
    accuracy: BestElsewhere | None = None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict: one element of ``runs`` in ``cbreplay analyze --json``."""
        common: dict[str, Any] = {
            "on_disk": [item.to_dict() for item in self.on_disk],
            "checkpoints": None if self.checkpoints is None else self.checkpoints.to_dict(),
            "best_accuracy": None if self.accuracy is None else self.accuracy.to_dict(),
            "problem": self.problem,
        }
        if self.outcome is not None:
            return {**self.outcome.to_dict(), **common}
        empty = dict.fromkeys(
            ("monitor", "mode", "stopped_epoch", "best_epoch", "best", "restored_epoch", "epochs_saved",
             "seconds_saved", "regret")
        )  # fmt: skip
        return {
            "name": self.run.name, "epochs": self.run.epochs, **empty, "verdict": "undecided", "reason": self.problem,
            "files": {}, "sources": list(self.run.sources), "damage": [d.to_dict() for d in self.run.damage],
            "warnings": [], "notes": list(self.run.notes), **common,
        }  # fmt: skip


@dataclass(frozen=True)
class Analysis:
    """All runs of a folder under one policy: what ``cbreplay analyze`` shows, plots and prints as JSON.

    ``profile`` is the one that all runs were replayed under; ``auto`` where the evidence gave them several.
    """

    logdir: str
    profile: str
    early_stopping: StoppingRule
    model_checkpoint: ModelCheckpoint
    runs: tuple[RunAnalysis, ...]
    damage: tuple[Damage, ...]
    skipped: tuple[Skipped, ...]

    @property
    def outcomes(self) -> list[Outcome]:
        """The outcomes that there are, in the order of the runs."""
        return [item.outcome for item in self.runs if item.outcome is not None]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict, schema 1."""
        return {
            "schema": SCHEMA, "cbreplay": __version__, "logdir": self.logdir, "profile": self.profile,
            "policy": {
                "early_stopping": self.early_stopping.to_dict(),
                "model_checkpoint": self.model_checkpoint.to_dict(),
            },
            "runs": [item.to_dict() for item in self.runs],
            "damage": [item.to_dict() for item in self.damage],
            "skipped": [item.to_dict() for item in self.skipped],
        }  # fmt: skip


def classic_policy() -> tuple[EarlyStopping, ModelCheckpoint]:
    """The pair that is used where nothing else is asked for."""
    return (
        EarlyStopping(monitor="val_loss", mode="min", patience=5),
        ModelCheckpoint("model_ckpt.h5", save_best_only=True),
    )


def analyze(
    logdir: str | Path,
    early_stopping: StoppingRule | None = None,
    model_checkpoint: ModelCheckpoint | None = None,
    *,
    profile: str = "auto",
    checkpoints: str | Path | None = None,
    planned_epochs: int | None = None,
    steps_per_epoch: int | None = None,
    histories: Sequence[str | Path] = (),
    epoch_axis: str = "auto",
    compiled_metrics: Mapping[str, str | None] | None = None,
    metrics: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Replay one policy on every run of ``logdir`` and look for the files that it leaves.

    The checkpoint callback stands behind the early stopping one. ``checkpoints`` is the folder to look for
    files in first. Other arguments as for :func:`cbreplay.load_runs` and :func:`cbreplay.replay`. Raises
    :class:`NothingReadableError` where ``logdir`` holds no readable log.
    """
    profile_for(profile)  # an unknown one is an error before anything is read
    runs = load_readable_runs(
        logdir, planned_epochs=planned_epochs, histories=histories, epoch_axis=epoch_axis, progress=progress
    )
    classic = classic_policy()
    stopping, saving = early_stopping or classic[0], model_checkpoint or classic[1]
    replayed = [
        try_replay(run, [stopping, saving], profile, compiled_metrics, steps_per_epoch, metrics) for run in runs
    ]
    outcomes = [outcome for outcome, _ in replayed if outcome is not None]
    on_disk = find_files(outcomes, Path(logdir), None if checkpoints is None else Path(checkpoints))
    found = iter(zip(on_disk, _held_against_disk(outcomes, on_disk, saving.filepath, steps_per_epoch), strict=True))
    analysed = []
    for run, (outcome, problem) in zip(runs, replayed, strict=True):
        if outcome is None:
            analysed.append(RunAnalysis(run, None, problem))
        else:
            analysed.append(RunAnalysis(outcome.run, outcome, problem, *next(found), _best_accuracy(outcome)))
    names = {outcome.profile.name for outcome, _ in replayed if outcome is not None}
    shared = names.pop() if len(names) == 1 else profile
    return Analysis(str(logdir), shared, stopping, saving, tuple(analysed), runs.damage, runs.skipped)


def _held_against_disk(
    outcomes: Sequence[Outcome], on_disk: Sequence[tuple[DiskFile, ...]], template: str, steps: int | None
) -> list[RunCheckpoints]:
    """What is on disk of the expected files, and whether it is what it should be.

    Above ``_MOST_BYTES`` in all the files are not looked into: reading them is what ``cbreplay checkpoints`` is for.
    """
    paths = {Path(file.path): file.bytes for files in on_disk for file in files if is_model_file_name(file.path)}
    if sum(paths.values()) > _MOST_BYTES:
        paths = {}
    looked_at = {path for path in paths if path.is_file()}
    runs = [
        outcome.run for outcome, files in zip(outcomes, on_disk, strict=True)
        if any(Path(file.path) in looked_at for file in files)
    ]  # fmt: skip
    matches, _ = match_paths(sorted(looked_at), runs, template, steps)
    return [
        reconcile(outcome, {file.name: Path(file.path) for file in files}, matches)
        for outcome, files in zip(outcomes, on_disk, strict=True)
    ]


def load_readable_runs(
    logdir: str | Path, *, planned_epochs: int | None = None, histories: Sequence[str | Path] = (),
    epoch_axis: str = "auto", progress: Progress | None = None,
) -> Runs:  # fmt: skip
    """:func:`cbreplay.load_runs`, but nothing to analyse is an error: :class:`NothingReadableError`."""
    runs = load_runs(
        logdir, planned_epochs=planned_epochs, histories=histories, epoch_axis=epoch_axis, progress=progress
    )
    if not len(runs):
        looked = "event files (*tfevents*) and histories (*.csv, *.tsv, *.json, *.jsonl, CSVLogger's *.log)"
        why = "".join(f"\n  {item.path}: {item.reason}" for item in runs.skipped[:10])
        more = f"\n  and {len(runs.skipped) - 10} more" if len(runs.skipped) > 10 else ""
        raise NothingReadableError(f"{logdir}: no readable log; looked for {looked}{why}{more}")
    return runs


def try_replay(
    run: Run,
    rules: Sequence[Rule],
    profile: str = "auto",
    compiled_metrics: Mapping[str, str | None] | None = None,
    steps: int | None = None,
    metrics: Mapping[str, str] | None = None,
) -> tuple[Outcome | None, str | None]:
    """:func:`cbreplay.replay`, with what stands in its way as a sentence beside the outcome, or in its place."""
    try:
        outcome = replay(
            run, rules, profile=profile, compiled_metrics=compiled_metrics, steps_per_epoch=steps, metrics=metrics
        )
    except CallbackError as error:
        return error.outcome, str(error)
    except (CurveError, ParameterError, UnknownMetricError) as error:
        unresolved = [rule.parameters() for rule in rules if rule.parameters().get("mode") == "auto"]
        missing = [
            monitor
            for monitor in (str(parameters["monitor"]) for parameters in unresolved)
            if monitor not in run.table and repr(monitor) in str(error)
        ]
        if isinstance(error, ParameterError) and missing and missing[0] not in (metrics or {}):
            return None, f"{missing[0]!r} is not in the log{nearest_hint(missing[0], run.table)}"
        return None, str(error)
    return outcome, None


def _best_accuracy(outcome: Outcome) -> BestElsewhere | None:
    """The best validation accuracy (the first among equals), unless its epoch is the kept one or it is the monitor."""
    if outcome.monitor is None or _ACCURACY.match(outcome.monitor):
        return None
    names = sorted((name for name in outcome.run.table if _ACCURACY.match(name)), key=len)
    if not names:
        return None
    metric = outcome.run.table[names[0]]
    if not np.isfinite(metric.value).any():
        return None
    at = int(np.nanargmax(metric.value))
    epoch = int(metric.epoch[at])
    kept = outcome.best_epoch if outcome.checkpoint is None else outcome.checkpoint.best_epoch
    return None if epoch == kept else BestElsewhere(names[0], epoch, float(metric.value[at]))
