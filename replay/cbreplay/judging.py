"""What may be said of a replayed run: the verdict with its reason, and the doubts where the log lacks values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .outcome import CallbackRecord, EarlyStoppingRecord, ModelCheckpointRecord, TerminateOnNaNRecord, Verdict
from .run import Run, nearest_hint
from .text import plural


def doubts(run: Run, records: Sequence[CallbackRecord]) -> list[str]:
    """What cannot be told of the files where the log lacks values."""
    notes = []
    for record in records:
        if not isinstance(record, ModelCheckpointRecord) or not run.sources:
            continue
        parameters = record.rule.parameters()
        monitor = str(parameters["monitor"])
        lost = run.lost_epochs(monitor) if parameters["save_best_only"] else run.unlogged_epochs
        if lost:
            which = ", ".join(str(epoch + 1) for epoch in lost[:4]) + (", …" if len(lost) > 4 else "")
            what = f"{monitor} of epoch {which}" if parameters["save_best_only"] else f"epoch {which}"
            notes.append(f"{what} is not in the log: whether a file was written there cannot be told")
    return list(dict.fromkeys(notes))


def judge(run: Run, records: Sequence[CallbackRecord]) -> tuple[Verdict, str]:
    """The verdict and the sentence that gives its reason; epochs in the sentence count from 1."""
    stopping = [record for record in records if isinstance(record, EarlyStoppingRecord)]
    end = run.first_epoch + run.epochs
    stop = min((r.stopped_epoch for r in stopping if r.stopped_epoch is not None), default=None)
    starts = [int(record.rule.parameters().get("start_from_epoch", 0)) for record in stopping]
    first_looked_at = min(starts, default=0)
    monitors = {str(record.rule.parameters()["monitor"]) for record in stopping}
    lost = {epoch for monitor in monitors for epoch in run.lost_epochs(monitor)} if run.sources else set()
    holes = sorted(epoch for epoch in lost if epoch >= first_looked_at and (stop is None or epoch <= stop))
    if stopping and holes:
        what = " and ".join(sorted(monitors))
        reason = (
            f"{what} of {plural(len(holes), 'epoch')} is not in the log (first: epoch {holes[0] + 1}), "
            "and could change the answer"
        )
        if stop is not None:
            reason += f"; as logged it would stop at epoch {stop + 1}"
        return "undecided", reason
    broken = [r.stopped_epoch for r in records if isinstance(r, TerminateOnNaNRecord) and r.stopped_epoch is not None]
    if broken and (stop is None or broken[0] <= stop):
        return "stopped", f"stops in epoch {broken[0] + 1} of {end}, where the loss is no longer finite"
    if stop is not None:
        return "stopped", f"stops at the end of epoch {stop + 1} of {end}"
    absent = [m for record in stopping if (m := str(record.rule.parameters()["monitor"])) not in run.table]
    if absent and run.sources:
        return "undecided", f"{absent[0]!r} is not in the log{nearest_hint(absent[0], run.table)}"
    if run.planned is not None and end >= run.planned.epochs:
        how = "" if run.planned.known_from == "given" else f" ({run.planned.sentence})"
        return "completed", f"runs to its planned end, epoch {end}{how}"
    planned = "" if run.planned is None else f" of {run.planned.epochs} planned"
    loss = run.table.get("loss")
    if loss is not None and loss.epoch[-1] == end - 1 and not math.isfinite(loss.value[-1]):
        planned += f"; the loss of the last one is {loss.value[-1]}: TerminateOnNaN would have ended training there"
    return "undecided", f"not within the {run.epochs} logged epochs{planned}"
