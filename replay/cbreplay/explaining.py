"""Epoch by epoch: what the rule saw, what it needed, what it did, in figures and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .outcome import EarlyStoppingRecord, Outcome, TraceRow
from .rules import ScoredRule
from .text import number, plural


@dataclass(frozen=True)
class ExplainedEpoch:
    """One look of the rule. ``epoch`` is 0-based.

    ``reference`` is what the value was held against: the best before, or the value ``patience`` evaluations ago.
    ``needed`` is the bound that it had to pass, ``margin`` by how much it did (negative: by how much it fell short);
    all None where there was nothing to compare with. ``wrote`` lists files written in this epoch.
    """

    epoch: int
    value: float | None
    reference: float | None
    needed: float | None
    margin: float | None
    best: float | None
    wait: int
    event: str
    wrote: tuple[str, ...]
    words: str

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {**self.__dict__, "wrote": list(self.wrote)}


def explain(outcome: Outcome) -> list[ExplainedEpoch]:
    """The looks of the first stopping rule of an outcome, in order; empty where there is none."""
    record = outcome.early_stopping
    if record is None:
        return []
    wrote: dict[int, list[str]] = {}
    for epoch, name in outcome.writes:
        wrote.setdefault(epoch, []).append(name)
    return [_explained(row, record, outcome, tuple(wrote.get(row.epoch, ()))) for row in record.trace]


def _explained(row: TraceRow, record: EarlyStoppingRecord, outcome: Outcome, wrote: tuple[str, ...]) -> ExplainedEpoch:
    delta = record.rule.parameters().get("min_delta")
    needed = None
    if row.reference is not None and delta is not None:
        delta = abs(float(delta))
        needed = row.reference + delta if record.mode == "max" else row.reference - delta
    return ExplainedEpoch(
        epoch=row.epoch,
        value=row.value,
        reference=row.reference,
        needed=needed,
        margin=row.margin,
        best=row.best,
        wait=row.wait,
        event=row.event,
        wrote=wrote,
        words=_words(row, record, needed, wrote),
    )


def _words(row: TraceRow, record: EarlyStoppingRecord, needed: float | None, wrote: tuple[str, ...]) -> str:
    """The look in plain words; epochs count from 1."""
    parameters = record.rule.parameters()
    monitor = str(parameters["monitor"])
    if row.value is None:
        said = f"{monitor} was not logged: skipped"
    elif row.event == "not looked at yet":
        said = f"before start_from_epoch (index {parameters['start_from_epoch']}): not looked at"
    else:
        said = f"{monitor} is {number(row.value)}{_comparison(row, record, needed)}"
        said += _consequence(row, int(parameters.get("patience", 0)))
    return said + (f"; writes {', '.join(wrote)}" if wrote else "")


def _comparison(row: TraceRow, record: EarlyStoppingRecord, needed: float | None) -> str:
    if isinstance(record.rule, ScoredRule):
        return record.rule.in_words(row)
    if needed is None or row.margin is None:
        return ""
    side = "above" if record.mode == "max" else "below"
    bound = f", which had to be {side} {number(needed)}"
    if row.event.startswith("improves"):
        return f"{bound} and is, by {number(row.margin)}"
    if row.margin > 0:
        return f"{bound}; as float32, in which Keras 3 compares, it is not"
    return f"{bound} and falls short by {number(-row.margin)}" if row.margin < 0 else f"{bound} and is just equal"


def _consequence(row: TraceRow, patience: int) -> str:
    if row.event == "improves":
        return ": the new best, the wait starts again"
    if row.event == "improves, but not on the baseline":
        return f": the new best, but not better than the baseline; wait {row.wait} of {patience}"
    if row.event == "waits":
        return f": wait {row.wait} of {patience}"
    if row.event == "stops":
        return f": wait {row.wait} of {patience}, training stops" if row.wait else ": training stops"
    return ""


def conclusion(outcome: Outcome) -> str:
    """The verdict in one sentence, with both ways to count the epoch."""
    text = outcome.reason
    if outcome.stopped_epoch is not None:
        text += f" (stopped_epoch {outcome.stopped_epoch}, counted from 0)"
    if outcome.best_epoch is not None:
        text += f"; best {number(outcome.best)} at epoch {outcome.best_epoch + 1} (index {outcome.best_epoch})"
    if outcome.epochs_saved:
        text += f"; {plural(outcome.epochs_saved, 'epoch')} would have been saved"
    return text
