"""What a policy makes of a run: how training ends, what is kept, and how far validation lies behind training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .gaps import GapCurve, gap_curve
from .outcome import Outcome, Verdict
from .rules import Rule
from .run import Run


@dataclass(frozen=True)
class Policy:
    """A set of rules under one name: callbacks in their order. ``profile`` is its own, None for the shared one."""

    name: str
    rules: tuple[Rule, ...]
    profile: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {"name": self.name, "rules": [rule.to_dict() for rule in self.rules], "profile": self.profile}


@dataclass(frozen=True)
class Answer:
    """What one policy makes of one run. ``outcome`` is None where it cannot be replayed; ``problem`` says why.

    ``problem`` can also stand beside an outcome: the callback itself would have failed. Epochs are 0-based.
    """

    policy: str
    outcome: Outcome | None
    problem: str | None

    @property
    def verdict(self) -> Verdict:
        """That of the outcome; ``undecided`` where there is none."""
        return "undecided" if self.outcome is None else self.outcome.verdict

    @property
    def is_decided(self) -> bool:
        """Whether the log tells how training under this policy ends."""
        return self.verdict != "undecided"

    @property
    def stopped_epoch(self) -> int | None:
        """The epoch at whose end training stops, None where it does not or where that cannot be told."""
        return None if self.outcome is None else self.outcome.stopped_epoch

    @cached_property
    def kept_epoch(self) -> int | None:
        """Whose weights one is left with: those in the file written last, for an undecided run so far.

        Without a file the restored ones, else those of the last epoch; None where that is not known.
        """
        outcome = self.outcome
        if outcome is None:
            return None
        if outcome.files:
            return outcome.file_weights[next(reversed(outcome.files))]
        if outcome.restored_epoch is not None or not self.is_decided:
            return outcome.restored_epoch
        last = outcome.run.first_epoch + outcome.run.epochs - 1
        return last if outcome.stopped_epoch is None else outcome.stopped_epoch

    @cached_property
    def values(self) -> tuple[float, ...]:
        """The finite monitored values of the whole run, in order."""
        outcome = self.outcome
        if outcome is None or outcome.monitor not in outcome.run.table:
            return ()
        logged = outcome.run.table[outcome.monitor].value
        return tuple(logged[np.isfinite(logged)].tolist())

    @property
    def range(self) -> float | None:
        """How far the monitored values of the whole run lie apart: what a relative regret is a share of."""
        return max(self.values) - min(self.values) if self.values else None

    @cached_property
    def whole_best(self) -> float | None:
        """The best monitored value of the whole run, None where it has none or where no direction is better."""
        if self.outcome is None or self.outcome.mode is None or not self.values:
            return None
        return max(self.values) if self.outcome.mode == "max" else min(self.values)

    @property
    def whole_best_epoch(self) -> int | None:
        """The first epoch with that value."""
        if self.outcome is None or self.whole_best is None:
            return None
        metric = self.outcome.run.table[self.outcome.monitor or ""]
        return int(metric.epoch[metric.value == self.whole_best][0])

    @property
    def best_seen(self) -> float | None:
        """The best monitored value up to the stop; None where the run is undecided."""
        if self.outcome is None or self.outcome.regret is None or self.whole_best is None:
            return None
        return self.whole_best - self.outcome.regret if self.outcome.mode == "max" else (
            self.whole_best + self.outcome.regret
        )  # fmt: skip

    @property
    def final(self) -> float | None:
        """The last monitored value of the whole run, as it was logged."""
        outcome = self.outcome
        if outcome is None or outcome.monitor not in outcome.run.table:
            return None
        return float(outcome.run.table[outcome.monitor].value[-1])

    @cached_property
    def gaps(self) -> GapCurve | None:
        """Training against validation by epoch; None where the log has no pair with the monitor in it."""
        outcome = self.outcome
        return None if outcome is None else gap_curve(outcome.run, outcome.monitor, outcome.mode)

    @property
    def gap_kept(self) -> float | None:
        """The generalisation gap at :attr:`kept_epoch`; positive where validation is worse."""
        return None if self.gaps is None else self.gaps.at(self.kept_epoch)

    @property
    def gap_stop(self) -> float | None:
        """The generalisation gap at the stop."""
        return None if self.gaps is None else self.gaps.at(self.stopped_epoch)

    @property
    def gap_end(self) -> float | None:
        """The generalisation gap at the end of the log."""
        return None if self.gaps is None else self.gaps.end

    def agrees_with(self, other: Answer) -> bool:
        """Whether both end alike: the verdict, the stop and the kept epoch are the same."""
        one, two = ((a.verdict, a.stopped_epoch, a.kept_epoch) for a in (self, other))
        return one == two

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict: one element of ``runs[].answers``."""
        taken = ("monitor", "mode", "best_epoch", "best", "restored_epoch", "epochs_saved", "seconds_saved", "regret",
                 "regret_relative", "regret_final", "reason")  # fmt: skip
        return {
            "policy": self.policy, "verdict": self.verdict, "stopped_epoch": self.stopped_epoch,
            "kept_epoch": self.kept_epoch, **{name: getattr(self.outcome, name, None) for name in taken},
            "best_seen": self.best_seen, "range": self.range, "final": self.final,
            "gap": None if self.gaps is None else {
                "training": self.gaps.training, "validation": self.gaps.validation,
                "kept": self.gap_kept, "stop": self.gap_stop, "end": self.gap_end,
            },
            "problem": self.problem,
        }  # fmt: skip


@dataclass(frozen=True)
class ComparedRun:
    """One run and what each policy makes of it: ``answers`` in the order of the policies."""

    run: Run
    answers: tuple[Answer, ...]
    group: str | None = None

    @cached_property
    def is_same(self) -> bool:
        """Whether it is known how training ends under each policy, and that is the same for all."""
        first = self.answers[0]
        return first.is_decided and all(answer.agrees_with(first) for answer in self.answers[1:])

    @cached_property
    def spread(self) -> int:
        """Epochs between the first and the last end of training that the policies lead to; 0 where none decides."""
        last = self.run.first_epoch + self.run.epochs - 1
        ends = [last if a.stopped_epoch is None else a.stopped_epoch for a in self.answers if a.is_decided]
        return max(ends) - min(ends) if ends else 0

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict: one element of ``runs``."""
        return {
            "name": self.run.name, "epochs": self.run.epochs, "first_epoch": self.run.first_epoch,
            "planned_epochs": self.run.planned_epochs, "group": self.group, "same": self.is_same,
            "answers": [answer.to_dict() for answer in self.answers],
        }  # fmt: skip
