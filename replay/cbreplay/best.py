"""The one file to use of a folder of logs: read, replayed, matched, verified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from .analysis import classic_policy, load_readable_runs, try_replay
from .checkpoints import (
    Choice,
    checkpoints_near,
    choose_checkpoint,
    find_files,
    match_paths,
    mode_of,
    places_of,
    reconcile,
)
from .errors import NoCheckpointError
from .exporting import select_runs
from .logs.loading import Progress
from .model_files import is_model_file_name
from .rules import ModelCheckpoint


def best_checkpoint(
    logdir: str | Path,
    model_checkpoint: ModelCheckpoint | None = None,
    *,
    names: Sequence[str] = (),
    checkpoints: str | Path | None = None,
    proved: bool = False,
    profile: str = "auto",
    histories: Sequence[str | Path] = (),
    epoch_axis: str = "auto",
    steps_per_epoch: int | None = None,
    metrics: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Choice:
    """The checkpoint with the best monitored epoch of the runs in ``logdir`` (those in ``names``), verified.

    ``model_checkpoint`` gives the monitor and its mode, and tells by replay which epoch a file holds of which
    nothing else does: without early stopping, as the log is what the training really did. ``checkpoints`` is the
    folder to look in; without it all below ``logdir``, beside it, and in the usual folders there. ``proved`` asks
    for a file whose weights the histograms prove. Raises :class:`cbreplay.NoCheckpointError` where there is none or
    the best one is not sound.
    """
    rule = model_checkpoint or classic_policy()[1]
    loaded = load_readable_runs(logdir, histories=histories, epoch_axis=epoch_axis, progress=progress)
    replayed = [try_replay(run, [rule], profile, None, steps_per_epoch, metrics) for run in loaded]
    outcomes = [outcome for outcome, _ in replayed if outcome is not None]
    if not outcomes:
        raise NoCheckpointError("; ".join(dict.fromkeys(problem for _, problem in replayed if problem)))
    wanted = {run.name for run in select_runs(loaded, names)}
    folder = None if checkpoints is None else Path(checkpoints)
    runs = [outcome.run for outcome in outcomes]
    paths = checkpoints_near(Path(logdir), runs, folder)
    known = {path.resolve() for path in paths}
    expected = (Path(item.path) for files in find_files(outcomes, Path(logdir), folder) for item in files)
    paths += [path for path in dict.fromkeys(expected) if is_model_file_name(path.name) and path.resolve() not in known
              and path.is_file()]  # fmt: skip
    matches, _ = match_paths(paths, runs, rule.filepath, steps_per_epoch, progress)
    held = [reconcile(outcome, places_of(outcome, runs, matches), matches) for outcome in outcomes]
    matches = [match for match in matches if match.run is None or match.run in wanted]
    chosen = [run for run in runs if run.name in wanted]
    if proved:
        matches = [match for match in matches if match.weights_epochs]
        held = [replace(item, expected=()) for item in held]
    return choose_checkpoint(
        matches, chosen, monitor=rule.monitor,
        mode=mode_of(rule, [outcome for outcome in outcomes if outcome.run.name in wanted]),
        expected=[item for item in held if item.run in wanted],
    )  # fmt: skip
