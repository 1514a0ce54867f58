"""A comparison on one screen: what each policy is worth, then where they differ, run by run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from cbreplay.answers import Answer, ComparedRun
from cbreplay.comparing import MISS, Comparison, Measures
from cbreplay.gaps import median_gap
from cbreplay.text import duration, epoch_name, listed, number, plural, printable

from .terminal import console, line, print_damage, table

_MAX_ROWS = 40
_MAX_GAP_ROWS = 12
_MAX_GROUPS = 20
_MAX_SHARES = 4
_MAX_REASONS = 5
_TOLD = ("alpha", "strips", "smoothing")  #: parameters that are shown even where they are the default
_NAME_LEAST, _NAME_MOST = 8, 40
_STYLES = {"stopped": "red", "completed": "green", "undecided": "yellow"}


@dataclass(frozen=True)
class _Cell:
    """What one policy says of one run: short texts that stand in columns of their own."""

    parts: tuple[str, ...]
    style: str = ""


def print_comparison(comparison: Comparison, remark: str | None = None, *, all_runs: bool = False) -> None:
    """Print the summary of the policies, the runs on which they differ, gaps and groups, then notes and damage."""
    out = console()
    _print_heading(out, comparison, remark)
    _print_summary(out, comparison)
    if len(comparison.policies) == 1:
        _print_runs(out, comparison, all_runs)
    else:
        _print_differences(out, comparison, all_runs)
        _print_gaps(out, comparison)
    _print_groups(out, comparison)
    _print_remarks(out, comparison)
    print_damage(out, comparison.damage, comparison.skipped)


def _print_heading(out: Console, comparison: Comparison, remark: str | None) -> None:
    counted = f"{plural(len(comparison.runs), 'run')}, {len(comparison.policies)} "
    counted += "policy" if len(comparison.policies) == 1 else "policies"
    where = "" if comparison.logdir is None else f"{printable(comparison.logdir)}: "
    out.print(where + counted, style="bold")
    saving = dict.fromkeys(rule.call() for policy in comparison.policies for rule in policy.rules[1:])
    for policy in comparison.policies:
        rules = policy.rules if len(saving) > 1 else policy.rules[:1]
        as_whose = f", as {policy.profile}" if policy.profile else ""
        line(
            out, "policy", f"{printable(policy.name, 40)} = {', '.join(rule.call(*_TOLD) for rule in rules)}{as_whose}"
        )
    if len(saving) == 1:
        line(out, "with", next(iter(saving)))
    if remark is not None:
        line(out, "note", remark, style="yellow")
    line(out, "epochs", "counted from 1, as Keras prints them")


def _print_summary(out: Console, comparison: Comparison) -> None:
    room = max(out.width - 62, 10)
    rows = table(
        ("policy", "left"), ("stop", "right"), ("to end", "right"), ("open", "right"), ("epochs saved", "right"),
        ("time", "right"), ("regret", "right"), ("worst", "right"), (f"miss >{MISS:.0%}", "right"),
    )  # fmt: skip
    for item in comparison.summaries:
        rows.add_row(
            Text(printable(item.policy, room)), str(item.stopped), str(item.completed),
            Text(str(item.undecided), style="yellow" if item.undecided else ""), *_worth(item.measures),
        )  # fmt: skip
    out.print()
    out.print(rows)
    key = ["regret: mean over the runs that a policy decides, in % of a run's range"]
    key += ["open: undecided"] if any(item.undecided for item in comparison.summaries) else []
    _print_pieces(out, key)
    _print_shared(out, comparison, room)
    _print_picks(out, comparison)


def _worth(measures: Measures) -> tuple[str, ...]:
    saved = f"{measures.epochs_saved:,}" + ("" if measures.saved is None else f" ({measures.saved:.0%})")
    return (
        saved if measures.runs else "–", duration(measures.seconds_saved) if measures.timed else "–",
        _share(measures.regret_relative), _share(measures.worst), str(measures.missed) if measures.runs else "–",
    )  # fmt: skip


def _print_shared(out: Console, comparison: Comparison, room: int) -> None:
    """The same measures over the same runs, where the policies decide different ones."""
    if len({item.undecided for item in comparison.summaries}) < 2:
        return
    count = comparison.summaries[0].shared.runs
    if not count:
        out.print(Text("no run is decided by every policy: their rows above rest on different runs", style="yellow"))
        return
    rows = table(("policy", "left"), ("epochs saved", "right"), ("time", "right"), ("regret", "right"),
                 ("worst", "right"), (f"miss >{MISS:.0%}", "right"))  # fmt: skip
    for item in comparison.summaries:
        rows.add_row(Text(printable(item.policy, room)), *_worth(item.shared))
    out.print()
    out.print(Text(f"on the {plural(count, 'run')} that every policy decides", style="bold"))
    out.print(rows)


def _print_picks(out: Console, comparison: Comparison) -> None:
    """Which run looks best at the stop, and whether it is the one that is best in the end."""
    picks: dict[tuple[str, str | None], list[str]] = {}
    for item in comparison.summaries:
        found = item.measures
        if found.picked is None or found.runs < 2:
            continue
        told = f"{printable(found.picked, 40)} looks best at the stop"
        better = None
        if found.picks_another:
            better = (f"but in the end {printable(found.best_run or '', 40)} is better, by "
                      f"{number(found.picked_regret)}")  # fmt: skip
        picks.setdefault((told, better), []).append(item.policy)
    for (told, better), names in picks.items():
        whose = "" if len(comparison.policies) == 1 else f" under {listed(names, 4, 24)}"
        what = "; it is the best in the end, too" if better is None else f", {better}"
        line(out, "best run", f"{told}{whose}{what}", style="" if better is None else "yellow")


def _print_runs(out: Console, comparison: Comparison, all_runs: bool) -> None:
    """One policy: a row for each run."""
    name_room = min(max(out.width - 64, _NAME_LEAST), _NAME_MOST)
    rows = table(
        ("run", "left"), ("epochs", "right"), ("stop", "right"), ("saved", "right"), ("best", "right"), ("at", "right"),
        ("regret", "right"), ("range", "right"), ("final", "right"), ("gap", "right"), ("end", "right"),
    )  # fmt: skip
    shown = comparison.runs if all_runs else comparison.runs[:_MAX_ROWS]
    for row in shown:
        (answer,) = row.answers
        outcome = answer.outcome
        stop, saved, regret = _parts(answer)
        rows.add_row(
            Text(printable(row.run.name, name_room)), str(row.run.epochs), Text(stop, style=_STYLES[answer.verdict]),
            saved, _short(None if outcome is None else outcome.best),
            epoch_name(None if outcome is None else outcome.best_epoch), regret, _short(answer.range),
            _short(answer.final), _short(answer.gap_kept), _short(answer.gap_end),
        )  # fmt: skip
    out.print()
    out.print(rows)
    _print_rest(out, comparison, len(shown))
    pairs = _pairs(comparison)
    more = (f"gap: {pairs} at the kept epoch; end: that at the end of the log",) if pairs else ()
    _print_key(out, [answer for row in shown for answer in row.answers], *more)


def _print_differences(out: Console, comparison: Comparison, all_runs: bool) -> None:
    """Several policies: the first in full, of the others what they do otherwise."""
    rows = list(comparison.runs)
    if not all_runs and len(rows) > _MAX_ROWS:
        kept = {id(row) for row in sorted(rows, key=lambda row: -row.spread)[:_MAX_ROWS]}
        rows = [row for row in rows if id(row) in kept]
    names = [policy.name for policy in comparison.policies]
    cells = [[_difference(row, place) for place in range(len(names))] for row in rows]
    out.print()
    _print_side_by_side(
        out, ("run", "epochs"), [(row.run.name, str(row.run.epochs)) for row in rows],
        names, ("stop", "saved", "regret"), cells,
    )  # fmt: skip
    _print_rest(out, comparison, len(rows))
    same = sum(row.is_same for row in comparison.runs)
    _print_key(
        out, [answer for row in rows for answer in row.answers], f"=: as under {printable(names[0], 40)}",
        f"all policies agree on {same} of {plural(len(comparison.runs), 'run')}",
    )  # fmt: skip


def _difference(row: ComparedRun, place: int) -> _Cell:
    answer = row.answers[place]
    if place and answer.verdict == "stopped" and answer.agrees_with(row.answers[0]):
        return _Cell(("=", "", ""), "dim")
    outcome = answer.outcome
    missed = outcome is not None and (outcome.regret_relative or 0.0) > MISS
    style = "yellow" if answer.verdict == "undecided" else "red" if missed else ""
    return _Cell(_parts(answer), style)


def _parts(answer: Answer) -> tuple[str, str, str]:
    """Stop, epochs saved and regret, as short as can be."""
    outcome = answer.outcome
    if outcome is None or not answer.is_decided:
        return "?", "", ""
    saved = "" if outcome.epochs_saved is None else str(outcome.epochs_saved)
    return epoch_name(answer.stopped_epoch), saved, _share(outcome.regret_relative)


def _print_rest(out: Console, comparison: Comparison, shown: int) -> None:
    if shown < len(comparison.runs):
        which = "those that differ most" if len(comparison.policies) > 1 else "the first"
        out.print(Text(f"{which} of {plural(len(comparison.runs), 'run')}; --all-runs shows all", style="yellow"))


def _print_key(out: Console, answers: Sequence[Answer], *more: str) -> None:
    """What the marks in the columns mean, those that are there."""
    key = ["stop: the epoch at whose end training stops", "saved: epochs",
           "regret: against the best in the log, in % of the run's range"]  # fmt: skip
    if any(answer.verdict == "completed" for answer in answers):
        key.append("–: trains to its end")
    if any(answer.verdict == "undecided" for answer in answers):
        key.append("?: undecided")
    key += more
    _print_pieces(out, key)


def _print_pieces(out: Console, pieces: Sequence[str]) -> None:
    """Explanations below a table, wrapped also into a pipe: a table is narrow, and so is what explains it."""
    text = ""
    for piece in pieces:
        if text and len(text) + len(piece) + 2 > out.width:
            out.print(Text(text, style="dim"))
            text = ""
        text += ("; " if text else "") + piece
    out.print(Text(text, style="dim"))


def _print_gaps(out: Console, comparison: Comparison) -> None:
    """How much worse validation is than training: a row per run, of many the median."""
    pairs = _pairs(comparison)
    if not pairs:
        return
    rows = [row for row in comparison.runs if any(answer.gaps is not None for answer in row.answers)]
    names = [policy.name for policy in comparison.policies]
    if len(rows) <= _MAX_GAP_ROWS and len(names) <= _MAX_SHARES:
        heads = [(row.run.name, _short(next((a.gap_end for a in row.answers if a.gaps is not None), None)))
                 for row in rows]  # fmt: skip
        cells = [[_Cell((_short(a.gap_kept), _short(a.gap_stop))) for a in row.answers] for row in rows]
    else:

        def median(take: Callable[[Answer], float | None], place: int) -> str:
            return _short(median_gap([take(row.answers[place]) for row in rows]))

        heads = [(f"median of {plural(len(rows), 'run')}", median(lambda answer: answer.gap_end, 0))]
        cells = [[
            _Cell((median(lambda answer: answer.gap_kept, place), median(lambda answer: answer.gap_stop, place)))
            for place in range(len(names))
        ]]  # fmt: skip
    out.print()
    out.print(Text("generalisation gap", style="bold") + Text(f"  {pairs}: above 0 validation is worse", style="dim"))
    _print_side_by_side(out, ("run", "end"), heads, names, ("kept", "stop"), cells)


def _pairs(comparison: Comparison) -> str:
    """The pairs that gaps are taken of, as sums."""
    pairs = dict.fromkeys(
        f"{one} − {other}"
        for row in comparison.runs for answer in row.answers if (curve := answer.gaps) is not None
        for one, other in [
            (printable(curve.training, 24), printable(curve.validation, 24))[:: 1 if curve.mode == "max" else -1]
        ]
    )  # fmt: skip
    return ", ".join(list(pairs)[:2])


def _print_side_by_side(
    out: Console, titles: tuple[str, str], heads: Sequence[tuple[str, str]], names: Sequence[str],
    parts: tuple[str, ...], cells: Sequence[Sequence[_Cell]],
) -> None:  # fmt: skip
    """A table with a column of several parts for each policy; where they do not fit, several tables."""
    inner = [[max([len(row[place].parts[n]) for row in cells], default=0) for n in range(len(parts))]
             for place in range(len(names))]  # fmt: skip
    titled = [[max(width, len(title)) for width, title in zip(widths, parts, strict=True)] for widths in inner]
    aside = max([len(head[1]) for head in heads] + [len(titles[1])]) + 1
    longest = min(max([len(printable(head[0], _NAME_MOST)) for head in heads] + [len(titles[0])]), _NAME_MOST)
    room = out.width - aside - 1
    with_titles = sum(sum(widths) + len(parts) for widths in titled) + max(min(longest, 16), _NAME_LEAST) <= room
    widths = titled if with_titles or len(names) > 4 else inner
    totals = [sum(of_parts) + len(parts) - 1 for of_parts in widths]
    for first, end in _portions([max(total, 6) for total in totals], room - max(min(longest, 12), _NAME_LEAST)):
        taken = sum(max(total, 6) + 1 for total in totals[first:end])
        limit = min(max(room - taken, _NAME_LEAST), longest)
        spare = max(room - taken - limit, 0) // (end - first)
        wide = {n: max(totals[n], min(len(printable(names[n])), max(totals[n], 6) + spare)) for n in range(first, end)}
        columns = []
        for place in range(first, end):
            name = f"{printable(names[place], wide[place]):>{wide[place]}}"
            title = f"{_joined(parts, widths[place]):>{wide[place]}}"
            columns.append(f"{name}\n{title}" if widths is titled else name)
        rows = table((titles[0], "left"), (titles[1], "right"), *((title, "left") for title in columns))
        for head, row in zip(heads, cells, strict=True):
            told = [Text(f"{_joined(row[n].parts, widths[n]):>{wide[n]}}", style=row[n].style) for n in wide]
            rows.add_row(Text(printable(head[0], limit)), head[1], *told)
        out.print(rows)


def _joined(parts: Sequence[str], widths: Sequence[int]) -> str:
    return " ".join(f"{part:>{width}}" for part, width in zip(parts, widths, strict=True))


def _portions(widths: Sequence[int], room: int) -> list[tuple[int, int]]:
    """As many neighbours together as fit, at least one."""
    portions, first, used = [], 0, 0
    for place, width in enumerate(widths):
        if place > first and used + width + 1 > room:
            portions.append((first, place))
            first, used = place, 0
        used += width + 1
    return [*portions, (first, len(widths))]


def _print_groups(out: Console, comparison: Comparison) -> None:
    if comparison.group_by is None:
        return
    rows = table(("group", "left"), ("runs", "right"), ("best median", "right"), ("at", "right"),
                 ("last median", "right"), ("25 to 75 %", "right"), ("at", "right"), ("saved", "left"))  # fmt: skip
    for group in comparison.groups[:_MAX_GROUPS]:
        shares = [s.measures.saved for s in group.summaries][:_MAX_SHARES]
        saved = " ".join("–" if share is None else f"{share:.0%}" for share in shares)
        name = Text(printable(group.name, max(out.width - 60 - 4 * len(shares), _NAME_LEAST)))
        band = group.band
        if band is None:
            rows.add_row(name, str(len(group.runs)), "–", "–", "–", "–", "–", saved)
            continue
        modes = {a.outcome.mode for r in comparison.runs for a in r.answers[:1] if r.group == group.name and a.outcome}
        best = band.best(maximize=modes == {"max"})
        last = band.last
        rows.add_row(
            name, str(len(group.runs)), _short(float(band.median[best])), epoch_name(int(band.epoch[best])),
            _short(float(band.median[last])), f"{_short(float(band.low[last]))} to {_short(float(band.high[last]))}",
            epoch_name(int(band.epoch[last])), saved,
        )  # fmt: skip
    out.print()
    out.print(rows)
    if len(comparison.groups) > _MAX_GROUPS:
        out.print(Text(f"and {len(comparison.groups) - _MAX_GROUPS} more groups (--json lists all)"))
    _print_pieces(out, ["medians and quartiles up to the last epoch that half of the runs reach",
                        f"saved: share of the epochs under each of the first {_MAX_SHARES} policies"])  # fmt: skip


def _print_remarks(out: Console, comparison: Comparison) -> None:
    for note in comparison.notes:
        line(out, "note", printable(note, 300))
    reasons: dict[str, list[str]] = {}
    for row in comparison.runs:
        for answer in row.answers:
            why = answer.problem
            if why is None and answer.outcome is not None and answer.verdict == "undecided":
                why = answer.outcome.reason
            if why is not None:
                reasons.setdefault(why, []).append(row.run.name)
    for why, names in list(reasons.items())[:_MAX_REASONS]:
        line(out, "?", f"{printable(why, 200)}: {listed(list(dict.fromkeys(names)), 3, 40)}", style="yellow")
    if len(reasons) > _MAX_REASONS:
        line(out, "?", f"and {len(reasons) - _MAX_REASONS} more reasons (--json lists all)", style="yellow")


def _share(value: float | None) -> str:
    """A regret as a share of a run's range: short, and never 0 for what is not."""
    if value is None:
        return "–"
    return "<0.1%" if 0 < value < 0.0005 else f"{value:.1%}" if value else "0"


def _short(value: float | None) -> str:
    """A metric's value where there is little room: three digits."""
    if value is None:
        return "–"
    return f"{value:.3g}"
