"""An advice on one screen: what to use, what it saves and costs, how sure that is, and what else there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from cbreplay.text import duration, listed, number, plural, printable

from .terminal import console, line, print_damage, table

if TYPE_CHECKING:
    from cbreplay import Advice, Recommendation, Runs
    from cbreplay.tuning import HeldOut, Interval

_MAX_ROWS = 9
_MAX_GROUPS = 12
_KINDS = {
    "complete": "reached their planned end", "whole": "taken for whole", "cut": "cut short",
    "stopped": "stopped early, or may have been", "unusable": "without the monitor",
}  # fmt: skip


def print_advice(advice: Advice, logdir: str, runs: Runs) -> None:
    """Print the advice or why there is none, then the cells around it, the other rules and the groups."""
    out = console()
    mode = f" ({advice.mode})" if advice.mode else ""
    out.print(
        f"{printable(logdir)}: {plural(len(advice.standings), 'run')}, {printable(advice.monitor, 40)}{mode}",
        style="bold", soft_wrap=True,
    )  # fmt: skip
    line(out, "runs", _kinds(advice))
    line(out, "goal", _goal(advice))
    out.print()
    if advice.recommended is None:
        line(out, "refused", "no advice: " + printable(advice.refusal or "", 400), style="yellow bold")
    else:
        _print_recommended(out, advice, advice.recommended)
    _print_others(out, advice)
    for note in advice.notes:
        line(out, "note", note)
    for item in [item for item in advice.standings if item.kind == "unusable"][:3]:
        line(out, "note", f"{printable(item.run, 40)}: {printable(item.sentence, 200)}")
    _print_cells(out, advice)
    _print_families(out, advice)
    _print_groups(out, advice)
    if advice.code is not None:
        out.print()
        line(out, "use", "")
        for row in advice.code.split("\n"):
            out.print(Text(f"    {row}"), soft_wrap=True)
    print_damage(out, runs.damage, runs.skipped)


def _kinds(advice: Advice) -> str:
    counts = Counter(item.kind for item in advice.standings)
    told = [f"{counts[kind]} {words}" for kind, words in _KINDS.items() if counts[kind]]
    return f"{', '.join(told)}; the advice rests on {len(advice.used)}"


def _goal(advice: Advice) -> str:
    goal = advice.goal
    whose = "the weights one ends with" if goal.final else "the best up to the stop"
    if goal.kind == "budget":
        return f"lose as little as possible with {_percent(goal.limit)} of the epochs; regret counts {whose}"
    limit = _loss(advice, goal.limit)
    return f"save as many epochs as possible with a mean regret of at most {limit}; regret counts {whose}"


def _percent(share: float | None) -> str:
    if share is None or share != share:
        return "–"
    percent = 100 * share
    return f"{percent:.3g}%" if percent >= 1 or not percent else f"{percent:.2g}%"


def _loss(advice: Advice, value: float | None) -> str:
    """A regret in the unit of the goal."""
    if value is None or value != value:
        return "–"
    return number(value) if advice.goal.absolute else f"{_percent(value)} of a run's range"


def _between(interval: Interval, advice: Advice | None = None) -> str:
    if interval.low is None or interval.high is None:
        return ""
    if advice is not None and advice.goal.absolute:
        return f" [{number(interval.low)} to {number(interval.high)}]"
    return f" [{_percent(interval.low)} to {_percent(interval.high)}]"


def _print_recommended(out: Console, advice: Advice, taken: Recommendation) -> None:
    measures = taken.measures
    total = measures["epochs_saved"] / taken.saved.value if taken.saved.value else 0.0
    seconds = measures["seconds_saved"]
    time = f", {duration(seconds)}" if seconds else ""
    line(out, "advice", taken.rule.call(), style="bold green")
    line(out, "saves", f"{_percent(taken.saved.value)} of the epochs{_between(taken.saved)}: "
         f"{measures['epochs_saved']:,.0f}" + (f" of {total:,.0f}" if total else "") + time)  # fmt: skip
    missed = round(taken.missed.value * measures["decided"])
    measure, bound = advice.goal.missed
    shown = _percent if measure.endswith("relative") else number
    costs = f"mean regret {_loss(advice, taken.regret.value)}{_between(taken.regret, advice)}"
    whose = "misses its" if missed == 1 else "miss their"
    costs += f", at worst {shown(measures['worst'])}; {missed} of {plural(measures['decided'], 'run')} {whose} best"
    line(out, "costs", f"{costs} by more than {shown(bound)}{_between(taken.missed)}")
    if taken.optimistic is not None:
        best = taken.optimistic
        line(out, "", f"that is the worst case; at best it saves {_percent(best['saved'])} with a mean regret of "
             f"{_loss(advice, best['regret'])}")  # fmt: skip
    for held_out in (advice.held_out, advice.held_out_groups):
        if held_out is not None:
            line(out, "held out", _held_out(advice, held_out))
    if advice.spread is not None:
        bounds = ", ".join(f"{name} {_span(low, high)}" for name, (low, high) in advice.spread.bounds.items())
        failed = f"; {_percent(advice.spread.none)} find none" if advice.spread.none else ""
        line(out, "sure?", f"{advice.confidence:.0%} of resampled sets of runs choose {bounds or 'the same'}; "
             f"{_percent(advice.spread.same)} choose just this{failed}")  # fmt: skip
    line(out, "ranking", _ranking(advice, taken))


def _span(low: float, high: float) -> str:
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def _held_out(advice: Advice, found: HeldOut) -> str:
    text = (
        f"saves {_percent(found.saved.value)}{_between(found.saved)}, mean regret {_loss(advice, found.regret.value)}"
        f"{_between(found.regret, advice)}: chosen without the {found.left_out} it is tried on"
    )
    if advice.goal.kind == "max_regret" and found.regret.value > advice.goal.limit:
        text += "; above the limit"
    if found.undecided or found.without:
        text += f"; {plural(found.undecided + found.without, 'run')} left open"
    return text


def _ranking(advice: Advice, taken: Recommendation) -> str:
    regret, correlation = taken.measures["top1_regret"], taken.measures["rank_correlation"]
    if regret != regret:
        return "cannot be told"
    same = (
        "the same run looks best at the stop"
        if not regret
        else f"another run looks best at the stop, {number(regret)} worse"
    )
    return same + ("" if correlation != correlation else f"; rank correlation over the runs {correlation:.2f}")


def _print_others(out: Console, advice: Advice) -> None:
    goal = advice.goal
    shown = _percent if goal.kind == "budget" or not goal.absolute else number
    for label, item, what in (
        ("half", advice.half, f"at {shown(goal.scaled(0.5).limit)}: "),
        ("double", advice.double, f"at {shown(goal.scaled(2).limit)}: "),
        ("knee", advice.knee, ""),
        ("today", advice.current, ""),
    ):
        if item is not None:
            same = advice.recommended is not None and item.cell == advice.recommended.cell and label != "today"
            told = f"{item.words} saves {_percent(item.saved.value)}, mean regret {_loss(advice, item.regret.value)}"
            line(out, label, what + ("the same" if same else told))
        elif label in ("half", "double") and advice.recommended is not None:
            line(out, label, f"{what}no cell reaches that")
    noise = advice.noise
    if noise is not None:
        smallest = f"the smallest min_delta tried above that is {number(noise.min_delta)}"
        smallest = "no min_delta tried is above that" if noise.min_delta is None else smallest
        scatter = f"{printable(advice.monitor, 30)} scatters by {number(noise.deviation)} (standard deviation)"
        line(out, "noise", f"{scatter}; {smallest}")


def _print_cells(out: Console, advice: Advice) -> None:
    """The front around the advice; without one, what each patience says."""
    chosen = _around(advice.front, advice.recommended)
    if not chosen:
        return
    axes = advice.grid.axes
    names = [name for name in reversed(axes) if len(axes[name]) > 1] or list(axes)[-1:]
    rows = table(*((name, "right") for name in names), ("saved", "right"), ("regret", "right"), ("from", "right"),
                 ("to", "right"), ("miss", "right"), ("open", "right"), ("", "left"))  # fmt: skip
    shown = number if advice.goal.absolute else _percent
    marked = (
        ("advice", advice.recommended), ("half", advice.half), ("double", advice.double), ("knee", advice.knee),
    )  # fmt: skip
    for item in chosen:
        taken = advice.recommended is not None and item.cell == advice.recommended.cell
        marks = [mark for mark, other in marked if other is not None and other.cell == item.cell]
        values = advice.grid.parameters(item.cell)
        low, high = item.regret.low, item.regret.high
        rows.add_row(
            *(number(values[name]) for name in names), _percent(item.saved.value), shown(item.regret.value),
            "–" if low is None else shown(low), "–" if high is None else shown(high), _percent(item.missed.value),
            str(item.measures["undecided"]), Text(f"← {', '.join(marks)}" if marks else ""),
            style="bold" if taken else "",
        )  # fmt: skip
    out.print()
    out.print(
        Text(f"the best trades of saving against regret ({advice.confidence:.0%} intervals over runs)", style="dim")
    )
    out.print(rows)


def _around(front: Sequence[Recommendation], taken: Recommendation | None) -> list[Recommendation]:
    """Up to nine of the front: those next to the advice, else spread evenly."""
    if len(front) <= _MAX_ROWS:
        return list(front)
    place = next((n for n, item in enumerate(front) if taken is not None and item.cell == taken.cell), None)
    if place is None:
        step = (len(front) - 1) / (_MAX_ROWS - 1)
        return [front[round(n * step)] for n in range(_MAX_ROWS)]
    first = min(max(place - _MAX_ROWS // 2, 0), len(front) - _MAX_ROWS)
    return list(front[first : first + _MAX_ROWS])


def _print_families(out: Console, advice: Advice) -> None:
    if len(advice.families) < 2:
        return
    rows = table(("rule at that cost", "left"), ("saved", "right"), ("regret", "right"), ("held out", "right"),
                 ("parameters", "left"))  # fmt: skip
    shown = number if advice.goal.absolute else _percent
    for point in sorted(advice.families, key=lambda point: (point.rule is None, point.regret)):
        if point.rule is None:
            rows.add_row(point.family, "–", "–", "–", "none is that cheap")
            continue
        tried = "–" if point.held_out is None else shown(point.held_out.regret.value)
        rows.add_row(point.family, _percent(point.saved), shown(point.regret), tried, Text(point.words))
    out.print()
    out.print(rows)


def _print_groups(out: Console, advice: Advice) -> None:
    if not advice.groups:
        return
    out.print()
    for name, group in list(advice.groups.items())[:_MAX_GROUPS]:
        label = f"{printable(name, 50)} ({plural(len(group.standings), 'run')})"
        if group.recommended is None:
            line(out, "group", f"{label}: no advice, {printable(group.refusal or '', 200)}", style="yellow")
        else:
            taken = group.recommended
            line(out, "group", f"{label}: {taken.words} saves {_percent(taken.saved.value)}, mean regret "
                 f"{_loss(group, taken.regret.value)}{_between(taken.regret, group)}")  # fmt: skip
    if len(advice.groups) > _MAX_GROUPS:
        line(out, "", f"and {listed(list(advice.groups)[_MAX_GROUPS:], 3, 40)} (--json lists all)")
