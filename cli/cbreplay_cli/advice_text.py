"""An advice on one screen: what to use, what it saves and costs, how sure that is, and what else there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from cbreplay.text import listed, number, plural, printable
from cbreplay.tuning.sentences import Line, answer_lines, basis_lines, loss, note_lines, other_lines, percent

from .terminal import console, line, print_damage, table

if TYPE_CHECKING:
    from cbreplay import Advice, Recommendation, Runs

_MAX_ROWS = 9
_MAX_GROUPS = 12
_STYLES = {"good": "bold green", "doubtful": "bold yellow", "minor": "dim"}


def print_advice(advice: Advice, logdir: str, runs: Runs) -> None:
    """Print the advice or why there is none, then the cells around it, the other rules and the groups."""
    out = console()
    mode = f" ({advice.mode})" if advice.mode else ""
    heading = f"{printable(logdir)}: {plural(len(advice.standings), 'run')}, {printable(advice.monitor, 40)}{mode}"
    out.print(heading, style="bold", soft_wrap=True)
    _print_lines(out, basis_lines(advice))
    out.print()
    _print_lines(out, answer_lines(advice))
    _print_lines(out, other_lines(advice))
    _print_lines(out, note_lines(advice))
    _print_cells(out, advice)
    _print_families(out, advice)
    _print_groups(out, advice)
    _print_code(out, advice)
    print_damage(out, runs.damage, runs.skipped)


def _print_lines(out: Console, lines: Sequence[Line]) -> None:
    for item in lines:
        line(out, item.label, printable(item.text, 600), style=_STYLES.get(item.kind, ""))


def _print_cells(out: Console, advice: Advice) -> None:
    """The front around the advice."""
    chosen = _around(advice.front, advice.recommended)
    if not chosen:
        return
    axes = advice.grid.axes
    names = [name for name in reversed(axes) if len(axes[name]) > 1] or list(axes)[-1:]
    rows = table(*((name, "right") for name in names), ("saved", "right"), ("regret", "right"), ("from", "right"),
                 ("to", "right"), ("miss", "right"), ("open", "right"), ("", "left"))  # fmt: skip
    shown = number if advice.goal.absolute else percent
    marked = (
        ("advice", advice.recommended), ("half", advice.half), ("double", advice.double), ("knee", advice.knee),
    )  # fmt: skip
    for item in chosen:
        marks = [mark for mark, other in marked if other is not None and other.cell == item.cell]
        values = advice.grid.parameters(item.cell)
        rows.add_row(
            *(number(values[name]) for name in names), percent(item.saved.value), shown(item.regret.value),
            shown(item.regret.low), shown(item.regret.high), percent(item.missed.value),
            str(item.measures["undecided"]), Text(f"← {', '.join(marks)}" if marks else ""),
            style="bold" if "advice" in marks else "",
        )  # fmt: skip
    usable = sum(item.is_usable for item in advice.standings)
    legend = (
        f"from, to: {advice.confidence:.0%} interval over runs; miss: share of runs that miss their best;"
        f" open: of all {usable} those whose log is too short for that cell"
    )
    out.print()
    out.print(Text("the best trades of saving against mean regret", style="dim"))
    out.print(rows)
    line(out, "", legend, style="dim")


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
    rows = table(("rule at that cost", "left"), ("saved", "right"), ("regret", "right"), ("held out: saved", "right"),
                 ("regret", "right"), ("parameters", "left"))  # fmt: skip
    shown = number if advice.goal.absolute else percent
    for point in advice.families:
        if point.rule is None:
            rows.add_row(point.family, "–", "–", "–", "–", "none is that cheap")
            continue
        tried = point.held_out
        rows.add_row(
            point.family, percent(point.saved), shown(point.regret),
            "–" if tried is None else percent(tried.saved.value),
            "–" if tried is None else shown(tried.regret.value), Text(point.words),
        )  # fmt: skip
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
            told = f"{taken.words} saves {percent(taken.saved.value)}, mean regret {loss(group, taken.regret.value)}"
            line(out, "group", f"{label}: {told}")
    if len(advice.groups) > _MAX_GROUPS:
        line(out, "", f"and {listed(list(advice.groups)[_MAX_GROUPS:], 3, 40)} (--json lists all)")


def _print_code(out: Console, advice: Advice) -> None:
    if advice.code is None:
        return
    out.print()
    line(out, "use", "")
    for row in advice.code.split("\n"):
        out.print(Text(f"    {row}".rstrip()), soft_wrap=True)
