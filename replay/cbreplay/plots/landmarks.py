"""What a figure marks of one outcome, as numbers: computed once, drawn by the figure of a run, a panel or a strip."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from ..outcome import EarlyStoppingRecord, Outcome
from ..text import epoch_name

_STUB = 0.06


@dataclass(frozen=True)
class Landmarks:
    """Epochs (0-based, None where there is none) that a figure marks; values lie at the ends of epochs.

    ``written`` are the epochs that wrote a file which is there at the end, ``overwritten`` those of all other writes.
    ``undecided`` are stretches (from, to) about which the log does not tell, ``shown_until`` the right end of the axis.
    """

    first: int
    last: int
    stop: int | None
    best: int | None
    restored: int | None
    written: tuple[int, ...]
    overwritten: tuple[int, ...]
    undecided: tuple[tuple[float, float], ...]
    undecided_label: str

    @property
    def shown_until(self) -> float:
        """The last epoch that the axis has to show."""
        return max([float(self.last), *(end for _, end in self.undecided)])


def landmarks(outcome: Outcome) -> Landmarks:
    """The marks of an outcome whose run has at least one epoch."""
    run = outcome.run
    last = run.first_epoch + run.epochs - 1
    written = set(outcome.files.values())
    overwritten = {epoch for epoch, _ in outcome.writes} - written
    stretches, label = _undecided(outcome, last)
    return Landmarks(
        run.first_epoch, last, outcome.stopped_epoch, outcome.best_epoch, outcome.restored_epoch,
        tuple(sorted(written)), tuple(sorted(overwritten)), stretches, label,
    )  # fmt: skip


def _undecided(outcome: Outcome, last: int) -> tuple[tuple[tuple[float, float], ...], str]:
    """The holes that could change the answer, and what lies behind the last epoch where nothing stops before."""
    label = "not decided by the log"
    if outcome.verdict != "undecided":
        return (), label
    run = outcome.run
    stops = [r.stopped_epoch for r in outcome.callbacks if isinstance(r, EarlyStoppingRecord)]
    lost = run.lost_epochs(outcome.monitor or "") if run.sources else ()
    stretches = _joined(lost)
    planned = run.planned_epochs
    if all(stop is None for stop in stops) and (planned is None or last + 1 < planned):
        # At most as long as the log itself: a plan of 1000 epochs would leave no room for the 13 that were logged.
        length = max(1.0, _STUB * run.epochs) if planned is None else float(min(planned - 1 - last, max(run.epochs, 5)))
        stretches.append((float(last), last + length))
        if planned is not None:
            label += f" (planned: epoch {epoch_name(planned - 1)})"
    return tuple(stretches), label


def _joined(epochs: tuple[int, ...]) -> list[tuple[float, float]]:
    """Stretches around epochs, half an epoch to each side, neighbours in one."""
    stretches = []
    for _, group in itertools.groupby(enumerate(epochs), key=lambda item: item[1] - item[0]):
        members = [epoch for _, epoch in group]
        stretches.append((members[0] - 0.5, members[-1] + 0.5))
    return stretches
