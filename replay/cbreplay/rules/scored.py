"""Rules that give each value a score and stop at the first one that is above a threshold."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from ..outcome import EarlyStoppingRecord, TraceRow
from .base import Setting, SimulatedTraining, StoppingCallback, StoppingRule

if TYPE_CHECKING:
    from .profiles import Profile

Floats = npt.NDArray[np.float64]


@dataclass
class Seen:
    """What a scored rule has looked at so far: monitored values, the lowest (highest) of them, training values."""

    values: list[float] = field(default_factory=list)
    best: float = math.nan
    training: list[float] = field(default_factory=list)


class ScoredRule(StoppingRule):
    """A rule with a score: NaN decides nothing, a score above ``threshold`` stops training.

    The score depends on the monitored values since the start of the fit, epochs before ``start_from_epoch`` and epochs
    without the monitor left out. The rule knows no weights; the best is the lowest (highest) value so far, NaN aside.
    """

    def start(self, profile: Profile, setting: Setting) -> StoppingCallback:
        """A fresh callback; it is the same in every profile."""
        return _ScoredCallback(self)

    @property
    def maximize(self) -> bool:
        """Whether higher is better."""
        return self.mode == "max"

    @property
    @abstractmethod
    def threshold(self) -> float:
        """What the score must exceed for training to stop."""

    @abstractmethod
    def score(self, seen: Seen) -> float:
        """The score of the newest value."""

    @abstractmethod
    def scores(self, values: Floats, training: Floats) -> Floats:
        """The scores of a whole curve at once, shape (values,): at each place what :meth:`score` gives there."""

    def fails_at(self, values: Floats) -> int | None:
        """The place of the first value that :meth:`score` refuses, None where it takes all."""
        return None

    def reference(self, seen: Seen) -> float | None:
        """What the newest value is held against, None where there is nothing yet."""
        return None

    @abstractmethod
    def in_words(self, row: TraceRow) -> str:
        """What the score of that look means, to be put behind the value."""

    def _check(self) -> None:
        if self.mode not in ("min", "max"):
            raise ParameterError(f"mode of {type(self).__name__} must be 'min' or 'max', got {self.mode!r}")

    @property
    def training_metric(self) -> str | None:
        """The metric of the training data that the rule looks at, too; None where it needs none."""
        return None


class _ScoredCallback(StoppingCallback):
    def __init__(self, rule: ScoredRule) -> None:
        self.rule: ScoredRule = rule
        self.on_train_begin(SimulatedTraining())

    def maximizes(self, training: SimulatedTraining) -> bool:
        return self.rule.maximize

    def on_train_begin(self, training: SimulatedTraining) -> None:
        self.seen = Seen()
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self.trace: list[TraceRow] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any], training: SimulatedTraining) -> None:
        rule, seen = self.rule, self.seen
        value = logs.get(rule.monitor)
        if value is None or epoch < rule.start_from_epoch:
            event = "no value" if value is None else "not looked at yet"
            self.trace.append(TraceRow(epoch, value, self.best, 0, None, event))
            return
        value = float(value)
        seen.values.append(value)
        if rule.training_metric is not None:
            seen.training.append(float(logs.get(rule.training_metric, math.nan)))
        reference = rule.reference(seen)
        score = rule.score(seen)
        if is_better(value, seen.best, rule.maximize):
            seen.best = value
            self.best, self.best_epoch = value, epoch
        event = "goes on"
        if score > rule.threshold:
            event = "stops"
            self.stopped_epoch = epoch
            training.stop_training = True
        margin = None if math.isnan(score) else rule.threshold - score
        self.trace.append(TraceRow(epoch, value, self.best, 0, margin, event, reference))

    def record(self) -> EarlyStoppingRecord:
        return EarlyStoppingRecord(
            rule=self.rule, mode=self.rule.mode, stopped_epoch=self.stopped_epoch, best_epoch=self.best_epoch,
            best=self.best, restored_epoch=None,
            attributes={"stopped_epoch": self.stopped_epoch or 0, "best_epoch": self.best_epoch,
                        "best": self.best, "wait": 0},
            trace=tuple(self.trace),
        )  # fmt: skip


def is_better(value: float, best: float, maximize: bool) -> bool:
    """Whether ``value`` is the new best; NaN as ``best`` says that there is none, NaN as ``value`` never is."""
    return not math.isnan(value) and (math.isnan(best) or (value > best if maximize else value < best))


def best_so_far(values: Floats, maximize: bool) -> Floats:
    """The best of the values up to each, NaN aside, shape (values,)."""
    return (np.fmax if maximize else np.fmin).accumulate(values) if len(values) else values


def gain(now: Any, then: Any, maximize: bool) -> Any:
    """By how much ``now`` is better than ``then``, element by element, in float64.

    A NaN now is worse than all (minus infinity). A NaN then, or infinity minus infinity, gives NaN: no decision.
    """
    with np.errstate(invalid="ignore"):
        difference = np.subtract(now, then) if maximize else np.subtract(then, now)
    return np.where(np.isnan(now) & ~np.isnan(then), -np.inf, difference)
