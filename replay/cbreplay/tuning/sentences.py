"""An advice in sentences, for the terminal and for reports."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from ..text import duration, number, plural, printable
from .intervals import Interval
from .records import Advice, HeldOut, Recommendation

_KINDS = {
    "complete": "reached their planned end", "whole": "taken for whole", "cut": "cut short",
    "stopped": "stopped early, or may have been", "repeated": "there twice", "unusable": "without the monitor",
}  # fmt: skip
_MANY_LEFT_OUT = 0.2


@dataclass(frozen=True)
class Line:
    """A label and a sentence.

    ``kind`` is ``plain``, ``good`` (the advice), ``doubtful`` (an advice that may not hold, a refusal) or ``minor``.
    """

    label: str
    text: str
    kind: str = "plain"


def basis_lines(advice: Advice) -> list[Line]:
    """On which runs the advice rests, and what it is to reach."""
    counts = Counter(item.kind for item in advice.standings)
    told = ", ".join(f"{counts[kind]} {words}" for kind, words in _KINDS.items() if counts[kind])
    return [Line("runs", f"{told or 'none'}; the advice rests on {len(advice.used)}"), Line("goal", _goal(advice))]


def answer_lines(advice: Advice) -> list[Line]:
    """The advice with what it saves and costs and how sure it is, or why there is none."""
    taken = advice.recommended
    if taken is None:
        return [Line("refused", f"no advice: {advice.refusal}", "doubtful")]
    kind = "doubtful" if is_doubtful(advice) else "good"
    lines = [
        Line("advice", taken.rule.call(), kind),
        Line("saves", _savings(taken)),
        Line("costs", _costs(advice, taken)),
    ]
    if taken.optimistic is not None:
        best = taken.optimistic
        saved, regret = percent(best["saved"]), loss(advice, best["regret"])
        lines.append(Line("", f"if the runs cut short had gained nothing more: saves {saved}, mean regret {regret}"))
    lines += [Line("held out", _held_out(advice, item)) for item in (advice.held_out, advice.held_out_groups) if item]
    if advice.held_out is None:
        lines.append(Line("held out", "no run could be left out: the others would support no choice", "doubtful"))
    if advice.spread is not None:
        lines.append(Line("sure?", _spread(advice)))
    lines.append(Line("ranking", _ranking(taken)))
    lines.append(Line("weights", _weights(advice, taken)))
    left_out = _left_out(advice, taken)
    return [*lines, Line("left out", left_out)] if left_out else lines


def other_lines(advice: Advice) -> list[Line]:
    """The advice at other limits, the knee, the policy of today, and the noise."""
    goal = advice.goal
    shown = number if goal.absolute and goal.kind != "budget" else percent
    lines = []
    for label, item, what in (
        ("half", advice.half, f"at {shown(goal.scaled(0.5).limit)}: "),
        ("double", advice.double, f"at {shown(goal.scaled(2).limit)}: "),
        ("knee", advice.knee, ""),
        ("today", advice.current, ""),
    ):
        if item is not None:
            same = advice.recommended is not None and item.cell == advice.recommended.cell and label != "today"
            told = f"{item.words} saves {percent(item.saved.value)}, mean regret {loss(advice, item.regret.value)}"
            lines.append(Line(label, what + ("the same" if same else told)))
        elif label in ("half", "double") and advice.recommended is not None:
            lines.append(Line(label, f"{what}no cell reaches that"))
    noise = advice.noise
    if noise is not None:
        smallest = f"the smallest min_delta tried above that is {number(noise.min_delta)}"
        smallest = "no min_delta tried is above that" if noise.min_delta is None else smallest
        scatter = f"{printable(advice.monitor, 30)} scatters by {number(noise.deviation)} (standard deviation)"
        lines.append(Line("noise", f"{scatter}; {smallest}"))
    return lines


def note_lines(advice: Advice) -> list[Line]:
    """What a careful reader wants to know."""
    lines = [Line("note", note, "minor") for note in advice.notes]
    odd = [item for item in advice.standings if item.kind == "unusable"]
    return lines + [
        Line("note", f"{printable(item.run, 40)}: {printable(item.sentence, 200)}", "minor") for item in odd[:3]
    ]


def is_doubtful(advice: Advice) -> bool:
    """Whether the advice misses its goal on runs it has not seen, or rests on a choice of the runs."""
    total = sum(item.is_usable for item in advice.standings)
    return _misses_goal(advice, advice.held_out) or total - len(advice.used) > _MANY_LEFT_OUT * total


def percent(share: float | None) -> str:
    """A share as a percentage of three digits."""
    if share is None or math.isnan(share):
        return "–"
    value = 100 * share
    return f"{value:.3g}%" if value >= 1 or not value else f"{value:.2g}%"


def loss(advice: Advice, value: float | None) -> str:
    """A regret in the unit of the goal."""
    if value is None or math.isnan(value):
        return "–"
    return number(value) if advice.goal.absolute else f"{percent(value)} of a run's range"


def _goal(advice: Advice) -> str:
    goal = advice.goal
    whose = "the weights one ends with" if goal.final else "the best up to the stop"
    if goal.kind == "budget":
        return f"lose as little as possible with {percent(goal.limit)} of the epochs; regret counts {whose}"
    limit = loss(advice, goal.limit)
    return f"save as many epochs as possible with a mean regret of at most {limit}; regret counts {whose}"


def _between(interval: Interval, absolute: bool = False) -> str:
    if interval.low is None or interval.high is None:
        return ""
    shown = number if absolute else percent
    return f" [{shown(interval.low)} to {shown(interval.high)}]"


def _savings(taken: Recommendation) -> str:
    measures = taken.measures
    total = measures["epochs_saved"] / taken.saved.value if taken.saved.value else 0.0
    of_all = f" of {total:,.0f}" if total else ""
    time = f", {duration(measures['seconds_saved'])}" if measures["seconds_saved"] else ""
    share = f"{percent(taken.saved.value)} of the epochs{_between(taken.saved)}"
    return f"{share}: {measures['epochs_saved']:,.0f}{of_all}{time}"


def _costs(advice: Advice, taken: Recommendation) -> str:
    measures = taken.measures
    missed = round(taken.missed.value * measures["decided"])
    measure, bound = advice.goal.missed
    shown = percent if measure.endswith("relative") else number
    text = f"mean regret {loss(advice, taken.regret.value)}{_between(taken.regret, advice.goal.absolute)}"
    text += f", the worst of these runs {shown(measures['worst'])}"
    whose = "misses its" if missed == 1 else "miss their"
    text += f"; {missed} of {plural(measures['decided'], 'run')} {whose} best by more than {shown(bound)}"
    return text + _between(taken.missed)


def _misses_goal(advice: Advice, found: HeldOut | None) -> bool:
    if found is None:
        return True
    if advice.goal.kind == "budget":
        return 1 - found.saved.value > advice.goal.limit
    return found.regret.value > advice.goal.limit


def _held_out(advice: Advice, found: HeldOut) -> str:
    above = "above the limit: " if _misses_goal(advice, found) else ""
    text = (
        f"{above}saves {percent(found.saved.value)}{_between(found.saved)}, mean regret "
        f"{loss(advice, found.regret.value)}{_between(found.regret, advice.goal.absolute)}, chosen without the "
        f"{found.left_out} it is tried on"
    )
    missing = found.undecided + found.without
    return text + (f"; {plural(missing, 'run')} could not be tried" if missing else "")


def _spread(advice: Advice) -> str:
    assert advice.spread is not None
    bounds = ", ".join(
        f"{name} {number(low) if low == high else f'{number(low)} to {number(high)}'}"
        for name, (low, high) in advice.spread.bounds.items()
    )
    failed = f"; {percent(advice.spread.none)} find none" if advice.spread.none else ""
    what = f"{advice.confidence:.0%} of resampled sets of runs choose {bounds or 'the same'}"
    return f"{what}; {percent(advice.spread.same)} choose just this{failed}"


def _ranking(taken: Recommendation) -> str:
    regret, correlation = taken.measures["top1_regret"], taken.measures["rank_correlation"]
    if math.isnan(regret):
        return "which run one would have picked cannot be told"
    same = "the same run looks best at the stop"
    same = same if not regret else f"another run looks best at the stop, in the end {number(regret)} worse"
    return same + ("" if math.isnan(correlation) else f"; rank correlation over the runs {correlation:.2f}")


def _weights(advice: Advice, taken: Recommendation) -> str:
    """What must stand beside the callback for the regret to hold."""
    if advice.goal.final:
        return "regret counts those one ends with, under this very callback"
    measures = taken.measures
    last = measures["regret_final"] if advice.goal.absolute else measures["regret_final_relative"]
    kept = "the best are kept by ModelCheckpoint(save_best_only=True) or restore_best_weights=True"
    return kept if math.isnan(last) else f"{kept}; those of the last epoch have a mean regret of {loss(advice, last)}"


def _left_out(advice: Advice, taken: Recommendation) -> str:
    """How much the runs that were left out would have to lose for the advice to miss its limit; "" where none was."""
    cut = sum(item.is_censored for item in advice.standings)
    goal = advice.goal
    if not cut or advice.censored != "exclude" or goal.kind == "budget":
        return ""
    used = taken.measures["decided"]
    room = (goal.limit * (used + cut) - taken.regret.value * used) / cut
    lost = f"lost more than {loss(advice, max(room, 0.0))} on average"
    return f"if the {plural(cut, 'run')} left out {lost}, the limit would be missed"
