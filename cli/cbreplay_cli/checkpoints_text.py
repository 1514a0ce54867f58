"""Checkpoints on one screen: the best file, a row for each, then what is not as it should be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cbreplay.text import epoch_name, listed, number, plural, printable, size

from .terminal import console, line, table

if TYPE_CHECKING:
    from cbreplay import CheckpointDiff, Choice, Match, PrunePlan, Run, RunCheckpoints, Survey
    from cbreplay.checkpoints import PruneResult

_STATUS_STYLE = {"sound": "green", "suspect": "yellow", "damaged": "red bold", "refused": "red"}
_EVIDENCE = {"histograms": "weights", "iterations": "steps", "metrics": "metrics", "name": "name", "time": "time"}
_STATE = {
    "as expected": ("proved", "green"), "unproved": ("on disk", ""), "later": ("later", ""),
    "stale": ("stale", "yellow"), "foreign": ("foreign", "yellow"), "damaged": ("damaged", "red"),
    "missing": ("missing", "yellow"),
}  # fmt: skip
_MOST_LISTED = 12
_MOST_REASONS = 3
_WIDE = 116
_VERY_WIDE = 140
_MEDIUM = 90


def print_survey(
    survey: Survey, logdir: str | None, runs: Sequence[Run], *, monitor: str, best: Choice | None, evidence: bool,
    template_given: bool,
) -> None:  # fmt: skip
    """Print the inventory, what is wrong with files, and what the replay expected."""
    out = console()
    total = sum(match.checkpoint.bytes for match in survey.matches)
    out.print(f"{printable(survey.folder)}: {plural(len(survey.matches), 'model file')}, {size(total)}", style="bold")
    if logdir is None:
        line(out, "logs", "none in it or above it: name them with --logdir to learn whose weights the files hold")
    else:
        line(out, "logs", f"{printable(logdir)}, {plural(len(runs), 'run')}")
    if best is not None:
        proof = "proved" if best.proved else "not proved by histograms"
        name = printable(_below(best.path, survey.folder), 80)
        told = f"{printable(monitor, 30)} {number(best.value)} at epoch {best.epoch + 1}"
        line(out, "best", f"{name}: {told} in {printable(best.run, 40)}, {proof}", style="bold")
    if survey.matches:
        _print_files(out, survey, runs, monitor, best)
    _print_remarks(out, survey, evidence)
    for item in survey.runs:
        _print_expected(out, item, template_given)
    for skipped in survey.skipped[:_MOST_LISTED]:
        line(out, "skipped", f"{printable(skipped.path)}: {printable(skipped.reason)}", style="yellow")


def _below(path: str, folder: str) -> str:
    try:
        below = Path(path).relative_to(folder).as_posix()
    except ValueError:
        return path
    return Path(path).name if below == "." else below


def _ending(name: str, room: int) -> str:
    """A path with its end, which tells files apart, when there is no room for all of it."""
    safe = printable(name)
    return safe if len(safe) <= room else f"…{safe[-(room - 1) :]}"


def _print_files(out: Console, survey: Survey, runs: Sequence[Run], monitor: str, best: Choice | None) -> None:
    from cbreplay.checkpoints import monitored_value

    by_name = {run.name: run for run in runs}
    several = len({match.run for match in survey.matches if match.run is not None}) > 1
    wide = out.width >= _WIDE
    very_wide = out.width >= _VERY_WIDE
    with_kind = out.width >= _MEDIUM or not several
    rows = table(
        ("file", "left"), ("size", "right"), *([("kind", "left")] if with_kind else []),
        *([("numbers", "right"), ("optimizer, steps", "right")] if wide else []),
        *([("run", "left")] if several else []),
        ("weights of", "right"), (printable(monitor, 12), "right"), ("written", "right"),
        *([("modified", "left")] if very_wide else []), ("state", "left"),
    )  # fmt: skip
    taken = (11 if with_kind else 0) + (24 if wide else 0) + (13 if several else 0) + (17 if very_wide else 0)
    room = max(18, out.width - 53 - taken)
    for match in survey.matches:
        checkpoint = match.checkpoint
        run = by_name.get(match.run or "")
        value = None if run is None else monitored_value(run, match, monitor)
        is_best = best is not None and best.path == checkpoint.path
        steps = " ".join(str(told) for told in (checkpoint.optimizer, checkpoint.iterations) if told is not None)
        modified = datetime.fromtimestamp(checkpoint.modified).strftime("%Y-%m-%d %H:%M")
        rows.add_row(
            Text(_ending(_below(checkpoint.path, survey.folder), room), style="bold" if is_best else ""),
            size(checkpoint.bytes), *([_kind(match)] if with_kind else []),
            *([_count(checkpoint.parameters), steps] if wide else []),
            *([Text(_ending(match.run or "", 12))] if several else []), _weights(match),
            Text("" if value is None else number(value), style="bold" if is_best else ""), _written(match),
            *([modified] if very_wide else []),
            Text(match.status + (" ← best" if is_best else ""), style=_STATUS_STYLE[match.status]),
        )  # fmt: skip
    out.print()
    out.print(rows)
    _print_legend(out, survey)


def _print_legend(out: Console, survey: Survey) -> None:
    """What the signs of the table mean, as far as they are in it."""
    legend = ["epochs count from 1"]
    weights = [_weights(match).plain for match in survey.matches]
    if any(text.endswith("?") for text in weights):
        legend.append("?: told by steps, name or time, not proved by weights")
    if any(text.endswith("!") for text in weights):
        legend.append("!: see below")
    if any(_written(match).endswith("+") for match in survey.matches):
        legend.append("+: or later")
    out.print(Text(f"  {'; '.join(legend)}", style="dim"), soft_wrap=True)


def _kind(match: Match) -> str:
    checkpoint = match.checkpoint
    kinds = {"h5 model": "h5", "weights.h5": "weights", "keras zip": "keras", "unknown": "?"}
    text = kinds.get(checkpoint.layout, checkpoint.layout)
    if checkpoint.layout == "h5 model" and checkpoint.weights_only:
        text = "h5 weights"
    return f"{text} {checkpoint.keras_version}" if checkpoint.keras_version else text


def _count(numbers: int | None) -> str:
    if numbers is None:
        return ""
    for limit, unit in ((10**9, "G"), (10**6, "M"), (10**4, "k")):
        if numbers >= limit:
            return f"{numbers / (1000 if unit == 'k' else limit):.4g}{unit}"
    return f"{numbers:,}"


def _weights(match: Match) -> Text:
    epochs = match.weights_epochs
    if len(epochs) == 1:
        told = str(epochs[0] + 1)
    elif epochs:
        together = len(epochs) == epochs[-1] - epochs[0] + 1
        told = f"{epochs[0] + 1}-{epochs[-1] + 1}" if together else f"{epochs[0] + 1}, …"
    else:
        told = "–" if match.likely_epoch is None else f"{match.likely_epoch + 1}?"
    return Text(f"{told}!", style="yellow bold") if match.contradictions else Text(told)


def _written(match: Match) -> str:
    if match.written_epoch is None:
        return "–"
    if match.mid_epoch:
        return f"in {match.written_epoch + 1}"
    is_later = match.weights_epochs and match.written_epoch not in match.weights_epochs
    return f"{match.written_epoch + 1}+" if is_later else str(match.written_epoch + 1)


def _print_remarks(out: Console, survey: Survey, evidence: bool) -> None:
    """A paragraph for each file that is not plainly what it should be; for all of them with ``evidence``."""
    chosen = [m for m in survey.matches if evidence or m.status != "sound" or m.contradictions or m.checkpoint.code]
    for match in chosen if evidence else chosen[:_MOST_LISTED]:
        out.print()
        out.print(Text(_ending(_below(match.checkpoint.path, survey.folder), 100), style="bold cyan"))
        if not match.contradictions:
            for problem in match.problems[:_MOST_REASONS]:
                line(out, match.status, printable(problem, 300), style=_STATUS_STYLE[match.status])
        if evidence or match.contradictions:
            told = match.statement if evidence else match.conclusion
            line(out, "so", printable(told, 600), style="yellow" if match.contradictions else "")
        for item in match.evidence if evidence else ():
            line(out, _EVIDENCE[item.kind], printable(item.sentence, 300))
        for finding in match.checkpoint.findings:
            if finding.severity == "note":
                line(out, "note", printable(finding.what, 300))
    if len(chosen) > _MOST_LISTED and not evidence:
        out.print(f"\nand {len(chosen) - _MOST_LISTED} more files to look at (--evidence or --json has all)")
    unproved = [match for match in survey.matches if match.status == "sound" and not match.weights_epochs]
    if any(match.checkpoint.layout != "keras zip" for match in unproved):
        out.print()
        line(out, "sound", "means that no damage was found. HDF5 keeps no checksums of weights: a changed number shows "
             "only where the logs have histograms.")  # fmt: skip


def _print_expected(out: Console, item: RunCheckpoints, template_given: bool) -> None:
    if not template_given and all(file.state == "missing" for file in item.expected):
        return
    out.print()
    out.print(Text(f"{printable(item.run, 60)}: what the policy would leave", style="bold cyan"))
    for file in item.expected[:_MOST_LISTED]:
        label, style = _STATE[file.state]
        told = f"{printable(file.name, 60)} from epoch {epoch_name(file.epoch)}: {printable(file.sentence, 300)}"
        line(out, label, told, style)
    if len(item.expected) > _MOST_LISTED:
        line(out, "", f"and {len(item.expected) - _MOST_LISTED} more")
    if item.unexpected:
        names = listed([Path(match.checkpoint.path).name for match in item.unexpected], limit=40)
        line(out, "not by it", f"{plural(len(item.unexpected), 'file')} of this run: {names}")
    for lost in item.overwritten:
        line(out, "lost", lost.sentence, style="yellow bold")


def print_plan(plan: PrunePlan, survey: Survey, results: Sequence[PruneResult] | None) -> None:
    """Print which files stay and why, which go, and what was done."""
    out = console()
    total = sum(step.bytes for step in plan.steps)
    kept = len(plan.steps) - len(plan.removed)
    told = f"{plural(len(plan.removed), 'file')} of {len(plan.steps)} may go, {size(plan.freed)} of {size(total)}"
    out.print(f"{printable(plan.folder)}: {told}", style="bold")
    line(out, "rule", plan.rule)
    for title, action, style, count in (("keep", "keep", "green", kept), ("go", "remove", "yellow", len(plan.removed))):
        steps = [step for step in plan.steps if step.action == action]
        if not steps:
            continue
        reason = "why" if action == "keep" else "holds"
        rows: Table = table((f"{title} {count}", "left"), ("size", "right"), (reason, "left"))
        for step in steps:
            name = _ending(_below(step.path, plan.folder), max(20, out.width // 3))
            rows.add_row(Text(name, style=style), size(step.bytes), Text("; ".join(step.reasons)))
        out.print()
        out.print(rows)
    out.print()
    if not plan.removed:
        out.print("nothing to do")
    elif results is None:
        out.print("nothing was touched: --apply moves these files to a trash folder, --apply --delete deletes them")
    else:
        _print_results(out, plan, results)


def _print_results(out: Console, plan: PrunePlan, results: Sequence[PruneResult]) -> None:
    from cbreplay.checkpoints import trash_of

    done = [result for result in results if result.problem is None]
    trash = trash_of(results)
    if trash is None:
        out.print(Text(f"{plural(len(done), 'file')} deleted"))
    else:
        where = printable(str(trash))
        out.print(Text(f"{plural(len(done), 'file')} moved to {where}"), soft_wrap=True)
        line(out, "undo", f"cp -a '{where}/files/.' '{printable(plan.folder)}'")
        line(out, "free", f"rm -r '{where}' gives the space back")
    for result in results:
        if result.problem is not None:
            line(out, "left", f"{printable(result.path)}: {printable(result.problem)}", style="yellow")


def print_diff(diff: CheckpointDiff) -> None:
    """Print how far apart two checkpoints are, layer by layer."""
    out = console()
    out.print(f"{printable(diff.one.path)}  against  {printable(diff.other.path)}", style="bold")
    told = {True: "the same", False: "not the same", None: "the shapes agree; the configurations cannot be compared"}
    line(out, "model", f"architecture: {told[diff.same_architecture]}")
    if diff.is_equal:
        line(out, "weights", f"equal, all {plural(len(diff.distances), 'tensor')}", style="green")
        return
    rows = table(
        ("tensor", "left"), ("shape", "left"), ("changed", "right"), ("distance", "right"), ("relative", "right"),
        ("largest", "right"),
    )  # fmt: skip
    room = max(24, out.width - 56)
    for item in diff.distances:
        name = _ending(item.name or item.other_name or "", room)
        shape = "×".join(map(str, item.shape)) or "1"
        if item.distance is None or item.relative is None or item.largest is None:
            which = "first" if item.name else "second"
            rows.add_row(Text(name), shape, Text(f"only in the {which}", style="yellow"), "", "", "")
            continue
        share = item.changed / max(math.prod(item.shape), 1)
        rows.add_row(
            Text(name), shape, f"{share:.0%}", f"{item.distance:.3g}", f"{item.relative:.2%}", f"{item.largest:.3g}"
        )
    out.print()
    out.print(rows)
    if diff.largest is not None and diff.largest.relative is not None:
        out.print()
        name = printable(diff.largest.name or "", 80)
        line(out, "largest", f"{name}, by {diff.largest.relative:.2%} of its norm", style="bold")
