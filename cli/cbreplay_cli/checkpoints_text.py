"""Checkpoints on one screen: a row for each file, then what is not as it should be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from cbreplay.text import epoch_name, plural, printable, size

from .terminal import console, line, table

if TYPE_CHECKING:
    from cbreplay import CheckpointDiff, Match, PrunePlan, Run, RunCheckpoints, Survey
    from cbreplay.checkpoints import PruneResult

_STATUS_STYLE = {"sound": "green", "suspect": "yellow", "damaged": "red bold", "refused": "red"}
_EVIDENCE = {"histograms": "weights", "iterations": "steps", "metrics": "metrics", "name": "name", "time": "time"}
_MOST_LISTED = 12
_MOST_REASONS = 3


def print_survey(
    survey: Survey, logdir: str | None, runs: Sequence[Run], *, evidence: bool, template_given: bool
) -> None:  # fmt: skip
    """Print the inventory, what is wrong with files, and what the replay expected."""
    out = console()
    total = sum(match.checkpoint.bytes for match in survey.matches)
    out.print(f"{printable(survey.folder)}: {plural(len(survey.matches), 'model file')}, {size(total)}", style="bold")
    if logdir is None:
        line(out, "logs", "none found in it or above it: name them with --logdir to learn whose weights the files hold")
    else:
        line(out, "logs", f"{printable(logdir)}, {plural(len(runs), 'run')}")
    line(out, "epochs", "counted from 1; weights: proved by histograms, ? by steps, name or time, ! see below; "
         "written: at its end, + or later, in: in the middle of it")  # fmt: skip
    if survey.matches:
        _print_files(out, survey)
    _print_remarks(out, survey, evidence)
    for item in survey.runs:
        _print_expected(out, item, template_given)
    for skipped in survey.skipped[:_MOST_LISTED]:
        line(out, "skipped", f"{printable(skipped.path)}: {printable(skipped.reason)}", style="yellow")


def _below(match: Match, folder: str) -> str:
    try:
        return Path(match.checkpoint.path).relative_to(folder).as_posix() or Path(match.checkpoint.path).name
    except ValueError:
        return match.checkpoint.path


def _print_files(out: Console, survey: Survey) -> None:
    several = len({match.run for match in survey.matches if match.run is not None}) > 1
    rows = table(
        ("file", "left"), ("size", "right"), ("kind", "left"), ("numbers", "right"), ("steps", "right"),
        *([("run", "left")] if several else []), ("weights of", "right"), ("written", "right"), ("state", "left"),
    )  # fmt: skip
    room = max(18, out.width - 66 - (14 if several else 0))
    for match in survey.matches:
        checkpoint = match.checkpoint
        name = _below(match, survey.folder)
        rows.add_row(
            Text(printable(name if name != "." else Path(checkpoint.path).name, room)), size(checkpoint.bytes),
            _kind(match), _count(checkpoint.parameters),
            "" if checkpoint.iterations is None else str(checkpoint.iterations),
            *([Text(printable(match.run or "", 14))] if several else []),
            _weights(match), _written(match), Text(match.status, style=_STATUS_STYLE[match.status]),
        )  # fmt: skip
    out.print()
    out.print(rows)


def _kind(match: Match) -> str:
    checkpoint = match.checkpoint
    kind = {"h5 model": "h5", "h5 weights": "h5 weights", "weights.h5": "weights", "keras zip": "keras", "hdf5": "hdf5"}
    text = kind.get(checkpoint.layout, "?")
    if checkpoint.layout == "h5 model" and checkpoint.weights_only:
        text = "h5 weights"
    return f"{text} {checkpoint.keras_version}" if checkpoint.keras_version else text


def _count(numbers: int | None) -> str:
    if numbers is None:
        return ""
    for limit, unit in ((10**9, "G"), (10**6, "M"), (10**4, "k")):
        if numbers >= limit:
            return f"{numbers / (1000 if unit == 'k' else limit):.3g}{unit}"
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
        out.print(Text(printable(_below(match, survey.folder), 100), style="bold cyan"))
        if match.problems and not match.contradictions:
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
    unproved = sum(m.status == "sound" and m.checkpoint.layout != "keras zip" for m in survey.matches)
    if unproved and any(not m.weights_epochs for m in survey.matches):
        out.print()
        line(out, "sound", "means that no damage was found. HDF5 keeps no checksums of weights: a changed number shows "
             "only where the logs have histograms.")  # fmt: skip


def _print_expected(out: Console, item: RunCheckpoints, template_given: bool) -> None:
    there = [file for file in item.expected if file.state != "missing"]
    if not there and not template_given:
        return
    out.print()
    out.print(Text(f"{printable(item.run, 60)}: what the policy would leave", style="bold cyan"))
    for file in item.expected[:_MOST_LISTED]:
        style = {"as expected": "green", "unproved": "", "later": ""}.get(file.state, "yellow")
        name = printable(file.name, 60)
        line(
            out,
            _STATE[file.state],
            f"{name} from epoch {epoch_name(file.epoch)}: {printable(file.sentence, 300)}",
            style,
        )
    if len(item.expected) > _MOST_LISTED:
        line(out, "", f"and {len(item.expected) - _MOST_LISTED} more")
    if item.unexpected:
        names = ", ".join(printable(Path(m.checkpoint.path).name, 40) for m in item.unexpected[:4])
        more = f" and {len(item.unexpected) - 4} more" if len(item.unexpected) > 4 else ""
        line(
            out, "besides", f"{plural(len(item.unexpected), 'file')} of this run that it would not leave: {names}{more}"
        )
    for lost in item.overwritten:
        line(out, "lost", lost.sentence, style="yellow bold")


_STATE = {
    "as expected": "proved", "unproved": "there", "later": "later", "stale": "stale", "foreign": "foreign",
    "damaged": "damaged", "missing": "missing",
}  # fmt: skip


def print_plan(plan: PrunePlan, survey: Survey, results: Sequence[PruneResult] | None) -> None:
    """Print which files go and which stay, each with its reasons, and what was done."""
    out = console()
    out.print(
        f"{printable(plan.folder)}: {plural(len(plan.removed), 'file')} of {len(plan.steps)} may go, "
        f"{size(plan.freed)}",
        style="bold",
    )
    rows = table(("", "left"), ("file", "left"), ("size", "right"), ("why", "left"))
    names = {match.checkpoint.path: _below(match, plan.folder) for match in survey.matches}
    for step in plan.steps:
        style = "red" if step.action == "remove" else "green"
        rows.add_row(
            Text(step.action, style=style), Text(printable(names[step.path], max(20, out.width // 3))),
            size(step.bytes),
            Text("; ".join(step.reasons)),
        )  # fmt: skip
    out.print()
    out.print(rows)
    out.print()
    if results is None:
        out.print(
            "nothing was touched: --apply moves these files to a trash folder" if plan.removed else "nothing to do"
        )
        return
    done = [result for result in results if result.problem is None]
    where = Path(done[0].moved_to).parents[0] if done and done[0].moved_to else None
    out.print(Text(f"{plural(len(done), 'file')} {'moved to ' + printable(str(where)) if where else 'deleted'}"))
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
        name = printable(item.name or item.other_name or "", room)
        shape = "×".join(map(str, item.shape)) or "1"
        if item.distance is None:
            rows.add_row(
                Text(name), shape, Text(f"only in the {'first' if item.name else 'second'}", style="yellow"), "", "", ""
            )
            continue
        share = item.changed / max(math.prod(item.shape), 1)
        rows.add_row(
            Text(name), shape, f"{share:.0%}", f"{item.distance:.3g}", f"{item.relative:.2%}", f"{item.largest:.3g}"
        )
    out.print()
    out.print(rows)
    if diff.largest is not None:
        out.print()
        name = printable(diff.largest.name or "", 80)
        line(out, "largest", f"{name}, by {diff.largest.relative:.2%} of its norm", style="bold")
