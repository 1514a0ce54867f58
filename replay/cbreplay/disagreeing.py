"""Where EarlyStopping and ModelCheckpoint do not mean the same best, and what one ends up with."""

from __future__ import annotations

from collections.abc import Sequence

from .outcome import CallbackRecord, EarlyStoppingRecord, ModelCheckpointRecord
from .rules.base import SimulatedTraining


def disagreements(records: Sequence[CallbackRecord], training: SimulatedTraining) -> list[str]:
    """Sentences on the first EarlyStopping and each ModelCheckpoint that saves the best only; epochs count from 1."""
    stopping = next((record for record in records if isinstance(record, EarlyStoppingRecord)), None)
    if stopping is None:
        return []
    notes = []
    for saving in records:
        if isinstance(saving, ModelCheckpointRecord) and saving.rule.parameters()["save_best_only"]:
            notes += _between(stopping, saving, training)
    return notes


def _between(stopping: EarlyStoppingRecord, saving: ModelCheckpointRecord, training: SimulatedTraining) -> list[str]:
    watched, saved = (str(record.rule.parameters()["monitor"]) for record in (stopping, saving))
    if watched != saved:
        why = f"EarlyStopping watches {watched!r} and ModelCheckpoint {saved!r}"
    elif stopping.mode is not None and saving.mode is not None and stopping.mode != saving.mode:
        why = f"EarlyStopping takes {watched!r} as {stopping.mode}, ModelCheckpoint as {saving.mode}"
    elif None in (stopping.best_epoch, saving.best_epoch) or stopping.best_epoch == saving.best_epoch:
        return []
    elif stopping.rule.parameters().get("min_delta"):
        why = "EarlyStopping's min_delta does not count for ModelCheckpoint"
    else:
        why = "EarlyStopping and ModelCheckpoint do not take the same epoch for the best"
    return [f"{why}: {_ends_with(stopping, saving, training)}"]


def _ends_with(stopping: EarlyStoppingRecord, saving: ModelCheckpointRecord, training: SimulatedTraining) -> str:
    held = None if not saving.writes else training.file_weights.get(saving.writes[-1][1])
    file = "no file is written" if held is None else f"the last file written holds epoch {held + 1}"
    best = "accepts none" if stopping.best_epoch is None else f"takes epoch {stopping.best_epoch + 1} for the best"
    final = training.restored_epoch if training.restored_epoch is not None else training.epoch
    how = "restored" if training.restored_epoch is not None else "the last"
    return f"the one {best}, {file}; the model ends with epoch {final + 1} ({how})"
