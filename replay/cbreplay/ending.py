"""Why did a run end where it ended? Which early stopping fits, and what else does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import CallbackError, ParameterError
from .replaying import replay
from .rules import EarlyStopping
from .rules.keras.waiting import begin, look
from .rules.profiles import Profile, profile_for
from .run import Run
from .text import number, plural

_NOT_WATCHED = frozenset({"lr", "learning_rate", "steps_per_second", "step", "epoch", "time", "wall_time"})
_MAX_STEPS = 400


@dataclass(frozen=True)
class FittingPolicy:
    """An EarlyStopping that would have stopped just at the last logged epoch.

    Every ``min_delta`` in [``min_delta_from``, ``min_delta_below``) fits (None: no upper bound), with just this
    ``patience``, or a lower one down to ``patience_from`` (0 decides like 1 where nothing was tested before).
    Baseline, start_from_epoch and the like are taken as default.
    """

    monitor: str
    mode: str
    patience_from: int
    patience: int
    min_delta_from: float
    min_delta_below: float | None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Ending:
    """What can have ended a run at its last logged epoch (0-based ``last_epoch``).

    ``fitting`` holds the early stoppings that fit; ``other_causes`` are sentences about what else the log allows,
    ``ruled_out`` about what it does not; ``conclusion`` says what cannot be told apart.
    """

    last_epoch: int | None
    fitting: tuple[FittingPolicy, ...]
    other_causes: tuple[str, ...]
    ruled_out: tuple[str, ...]
    conclusion: str

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "last_epoch": self.last_epoch,
            "fitting": [policy.to_dict() for policy in self.fitting],
            "other_causes": list(self.other_causes),
            "ruled_out": list(self.ruled_out),
            "conclusion": self.conclusion,
        }


def infer_ending(run: Run, profile: str = "auto", max_patience: int | None = None) -> Ending:
    """Which EarlyStopping parameters are consistent with where ``run`` ended, and what else is.

    Every metric is tried as the monitor, in the direction that its name says. ``max_patience`` leaves larger ones out.
    """
    resolved, _ = profile_for(profile, run.release)
    if not run.epochs:
        return Ending(None, (), (), (), "nothing was logged")
    last = run.first_epoch + run.epochs - 1
    fitting: list[FittingPolicy] = []
    ruled_out: list[str] = []
    for monitor in sorted(run.table, key=lambda name: (name != "val_loss", not name.startswith("val_"), name)):
        if monitor in _NOT_WATCHED or "/" in monitor:
            continue
        mode = _direction(run, monitor, resolved)
        if mode is None:
            continue
        found = [
            policy
            for policy in _fitting(run, monitor, mode, resolved)
            if max_patience is None or policy.patience_from <= max_patience
        ]
        fitting += found
        if not found:
            ruled_out.append(f"no patience and min_delta on {monitor!r} ({mode}) would have stopped just there")
    causes = _other_causes(run, last)
    return Ending(last, tuple(fitting), tuple(causes), tuple(ruled_out), _conclude(run, fitting, causes))


def _direction(run: Run, monitor: str, profile: Profile) -> str | None:
    try:
        outcome = replay(run, EarlyStopping(monitor=monitor), profile=profile.name)
    except (CallbackError, ParameterError):
        return None
    return outcome.mode


def _fitting(run: Run, monitor: str, mode: str, profile: Profile) -> list[FittingPolicy]:
    """The fitting policies of one monitor, by intervals of min_delta on which the decisions are the same."""
    epochs, values = _last_fit(run, monitor)
    if not len(values) or epochs[-1] != run.first_epoch + run.epochs - 1:
        return []  # the last epoch was not evaluated: no early stopping on this monitor ends there
    policies: list[FittingPolicy] = []
    delta = 0.0
    for _ in range(_MAX_STEPS):
        fitting, above = _pass(epochs, values, mode == "max", delta, profile)
        if fitting:
            policy = FittingPolicy(monitor, mode, fitting[0], fitting[-1], delta, above)
            previous = policies[-1] if policies else None
            if previous is not None and replace(previous, min_delta_from=delta, min_delta_below=above) == policy:
                policies[-1] = replace(previous, min_delta_below=above)
            else:
                policies.append(policy)
        if above is None:
            break
        delta = above
    return policies


def _last_fit(run: Run, monitor: str) -> tuple[list[int], list[float]]:
    """The monitor in the last session: callbacks start afresh there."""
    epoch, value = run.seen_by_fit(monitor)[-1]
    return epoch.tolist(), value.tolist()


def _pass(
    epochs: list[int], values: list[float], maximize: bool, min_delta: float, profile: Profile
) -> tuple[range, float | None]:
    """The patiences that stop just at the last value, and the next min_delta at which some decision changes."""
    era = profile.early_stopping
    state = begin(era, maximize, None)
    highest, wait, tested = -1, 0, False
    next_delta = math.inf
    for epoch, value in zip(epochs, values, strict=True):
        known, best = bool(state.known), float(state.best)
        highest = max(highest, wait) if tested else highest
        state, seen = look(era, state, epoch, value, maximize, min_delta, None)
        tested, wait = bool(seen.tested), int(seen.tested_wait)
        if seen.accepted and known and math.isfinite(best):
            gain = value - best if maximize else best - value
            if gain > min_delta:
                next_delta = min(next_delta, gain)
    above = next_delta if math.isfinite(next_delta) else None
    return range(highest + 1, wait + 1) if tested else range(0), above


def _other_causes(run: Run, last: int) -> list[str]:
    causes = []
    planned = run.planned
    if planned is not None and last + 1 >= planned.epochs:
        causes.append(f"it reached its planned end, epoch {planned.epochs} ({planned.sentence})")
    elif planned is None:
        causes.append(f"it reached its planned end, if that was epoch {last + 1}: nothing in the log tells")
    loss = run.table.get("loss")
    if loss is not None and int(loss.epoch[-1]) == last and not np.isfinite(loss.value[-1]):
        causes.append(f"the loss of the last epoch is {loss.value[-1]}: TerminateOnNaN ends training there")
    cut = [item for item in run.damage if item.kind == "truncated" and item.lost]
    if cut:
        causes.append("it was killed (or is still at work): a file ends inside a record")
    else:
        causes.append("it was interrupted between two epochs: a log looks the same then")
    return causes


def _conclude(run: Run, fitting: list[FittingPolicy], causes: list[str]) -> str:
    last = run.first_epoch + run.epochs
    certain = next((cause for cause in causes if "TerminateOnNaN" in cause or "killed" in cause), None)
    if run.planned is not None and last < run.planned.epochs and not fitting and certain is None:
        return f"no early stopping fits and {run.planned.epochs} epochs were planned: it was interrupted"
    if not fitting:
        return "no early stopping on a logged metric fits: " + (certain or causes[0])
    return f"early stopping fits ({describe(fitting)[0]}); the log alone cannot tell that from: {'; '.join(causes)}"


def _delta_text(policy: FittingPolicy) -> str:
    if policy.min_delta_from == 0 and policy.min_delta_below is None:
        return " and any min_delta"
    if policy.min_delta_below is None:
        return f" and min_delta from {number(policy.min_delta_from)}"
    if policy.min_delta_from == 0:
        return f" and min_delta below {number(policy.min_delta_below)}"
    return f" and min_delta from {number(policy.min_delta_from)} to below {number(policy.min_delta_below)}"


def describe(fitting: Sequence[FittingPolicy]) -> list[str]:
    """Fitting policies in words, a sentence per monitor: the smallest min_delta first, then what else fits."""
    sentences = []
    for monitor in dict.fromkeys(policy.monitor for policy in fitting):
        first, *others = (policy for policy in fitting if policy.monitor == monitor)
        told = f"{monitor!r} ({first.mode}): patience {_span(first.patience_from, first.patience)}{_delta_text(first)}"
        if others:
            low, high = min(p.patience for p in others), max(p.patience for p in others)
            told += f"; with larger min_delta also patience {_span(low, high)}, in {plural(len(others), 'interval')}"
        sentences.append(told)
    return sentences


def _span(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low} to {high}"
