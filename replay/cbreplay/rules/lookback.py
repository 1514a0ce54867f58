"""The textbook rule: compare with the value ``patience`` evaluations ago."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import ParameterError
from ..outcome import TraceRow
from ..text import number
from .scored import Floats, ScoredRule, Seen, gain


@dataclass(frozen=True)
class LookBack(ScoredRule):
    """Stop at the first value that has gained less than ``min_delta`` over the one ``patience`` evaluations ago.

    "Compare validation loss of the current epoch with the (current - patience) epoch; stop if the difference
    is less than min delta." gain(e) = v[e-P] - v[e] when minimising, v[e] - v[e-P] when maximising, in float64.

    1. Without ``patience`` + 1 values there is no decision.
    2. A gain of just ``min_delta`` goes on; with the default 0 only a value that is worse stops.
    3. ``patience`` must be at least 1: 0 would compare a value with itself.
    4. A NaN value stops (its gain counts as minus infinity); a NaN reference, or inf - inf, decides nothing.
    5. Epochs before ``start_from_epoch`` and epochs without the monitor are left out of the sequence.
    6. ``best_epoch`` is the lowest (highest) value so far; the rule itself knows none.
    """

    monitor: str = "val_loss"
    min_delta: float = 0.0
    patience: int = 5
    mode: str = "min"
    start_from_epoch: int = 0

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise ParameterError(f"patience of the look-back rule must be at least 1, got {self.patience!r}")
        self._check()

    @property
    def threshold(self) -> float:
        """Minus ``min_delta``: the score is the loss, the gain with its sign turned."""
        return -self.min_delta

    def score(self, seen: Seen) -> float:
        """The loss over the value ``patience`` evaluations ago."""
        then = self.reference(seen)
        return math.nan if then is None else -float(gain(seen.values[-1], then, self.maximize))

    def reference(self, seen: Seen) -> float | None:
        """The value ``patience`` evaluations ago."""
        return seen.values[-1 - self.patience] if len(seen.values) > self.patience else None

    def scores(self, values: Floats, training: Floats) -> Floats:
        """The loss of each value over the one ``patience`` before it, shape (values,)."""
        made = np.full(len(values), np.nan)
        made[self.patience :] = -gain(values[self.patience :], values[: -self.patience], self.maximize)
        return made

    def in_words(self, row: TraceRow) -> str:
        """By how much the gain was more or less than needed."""
        if row.margin is None:
            return ""
        if row.margin >= 0:
            return f", which is {number(row.margin)} more gain than needed"
        return f", which is {number(-row.margin)} less gain than needed over {number(row.reference)}"
