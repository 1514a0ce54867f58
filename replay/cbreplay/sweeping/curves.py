"""What a rule sees of one run, and what can be said of it where no cell stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CallbackError, CbreplayError
from ..judging import judge
from ..monitors import with_monitors
from ..outcome import Verdict
from ..rules import STOPPING_RULES, ScoredRule, Setting, SimulatedTraining, StoppingRule
from ..rules.keras.eras import EarlyStoppingEra
from ..rules.profiles import profile_for
from ..run import Run
from .grid import Grid

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Unstopped:
    """What is true of a run, for one ``start_from_epoch``, where the rule never stops.

    ``end`` is the number of looks that the rule takes: fewer than there are where it raises at the next.
    """

    verdict: Verdict
    reason: str
    end: int


@dataclass
class Curve:
    """The looks at one run over all its fits: parallel arrays of shape (looks,), epochs 0-based.

    ``training`` is the metric of the training data where the rule needs it; ``holes`` are the epochs whose value the
    log lacks. Without ``unstopped`` (by start_from_epoch) the rule cannot be replayed; ``problem`` says why.
    """

    run: Run
    monitor: str
    era: EarlyStoppingEra
    epoch: Ints
    value: Floats
    training: Floats
    fit: Ints
    maximize: bool | None = None
    holes: Floats = field(default_factory=lambda: np.zeros(0))
    unstopped: dict[int, Unstopped] = field(default_factory=dict)
    problem: str | None = None


def base_rule(grid: Grid, fixed: Mapping[str, Any]) -> StoppingRule:
    """The rule of the grid with the parameters that no cell varies."""
    taken = set(STOPPING_RULES[grid.rule].__dataclass_fields__)  # type: ignore[attr-defined]
    return STOPPING_RULES[grid.rule](**{name: value for name, value in fixed.items() if name in taken})


def curve_of(
    run: Run, grid: Grid, rule: StoppingRule, profile: str = "auto",
    compiled_metrics: Mapping[str, str | None] | None = None, metrics: Mapping[str, str] | None = None,
) -> Curve:  # fmt: skip
    """The curve of one run under a rule.

    Raises :class:`UnknownProfileError` and, for what ``metrics`` names, :class:`UnknownMetricError`.
    """
    run = with_monitors(run, rule.watches(), metrics)
    resolved, _ = profile_for(profile, run.release)
    monitor, *others = rule.watches()
    epoch, value, fit = _looks(run, monitor)
    training = _aligned(run, others[0], epoch, fit) if others else np.full(len(epoch), np.nan)
    curve = Curve(run, monitor, resolved.early_stopping, epoch, value, training, fit)
    try:
        callback = rule.start(resolved, Setting(compiled_metrics))
        curve.maximize = callback.maximizes(SimulatedTraining()) if run.epochs else None
    except CbreplayError as error:
        curve.problem = error.message if isinstance(error, CallbackError) else str(error)
        return curve
    curve.holes = np.array(run.lost_epochs(monitor) if run.sources else (), np.float64)
    never = callback.record()
    for start in map(int, grid.axes["start_from_epoch"]):
        if start and "start_from_epoch" not in curve.era.parameters and not isinstance(rule, ScoredRule):
            continue  # that release would raise: it knows no such parameter
        end, why = _where_it_fails(curve, rule, start)
        record = replace(never, rule=rule.with_parameters(start_from_epoch=start))
        verdict, reason = judge(run, [record])
        failed: Verdict = "undecided"
        curve.unstopped[start] = Unstopped(failed, why, end) if why else Unstopped(verdict, reason, end)
    return curve


def _looks(run: Run, monitor: str) -> tuple[Ints, Floats, Ints]:
    """Epoch, value and number of the fit of each look at the monitor."""
    parts = run.seen_by_fit(monitor)
    return (
        np.concatenate([epoch for epoch, _ in parts]).astype(np.int64),
        np.concatenate([value for _, value in parts]).astype(np.float64),
        np.repeat(np.arange(len(parts)), [len(epoch) for epoch, _ in parts]),
    )


def _aligned(run: Run, metric: str, epoch: Ints, fit: Ints) -> Floats:
    """The values of another metric at the same looks; NaN where there is none."""
    made = np.full(len(epoch), np.nan)
    for number, (there, value) in enumerate(run.seen_by_fit(metric)):
        looks = np.flatnonzero(fit == number)
        if len(there) and len(looks):
            place = np.minimum(np.searchsorted(there, epoch[looks]), len(there) - 1)
            made[looks] = np.where(there[place] == epoch[looks], value[place], np.nan)
    return made


def _where_it_fails(curve: Curve, rule: StoppingRule, start: int) -> tuple[int, str]:
    """How many looks there are before the one at which the replay raises, and why; all and "" where none does."""
    if isinstance(rule, ScoredRule):
        place = rule.fails_at(np.where(curve.epoch >= start, curve.value, np.nan))
        reason = f"{type(rule).__name__} cannot take one of the values of {curve.monitor!r}"
    elif curve.era.missing_monitor_crashes:
        place, reason = _first_missing(curve), f"a missing {curve.monitor!r} is a crash in that release"
    else:
        place = None
    return (len(curve.epoch), "") if place is None else (place, reason)


def _first_missing(curve: Curve) -> int | None:
    """The number of looks before the first logged epoch without the monitor; None where there is no such epoch."""
    lost = set(curve.holes.tolist())
    looks = 0
    for fit in curve.run.fits():
        for epoch, logs in fit:
            if logs.get(curve.monitor) is not None:
                looks += 1
            elif epoch not in lost:
                return looks
    return None
