"""An analysis on one screen: a block for each of a few runs, a row for each of many."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from cbreplay.analysis import Analysis, RunAnalysis
from cbreplay.checkpoints import DiskFile, ExpectedFile
from cbreplay.outcome import Outcome
from cbreplay.text import duration, epoch_name, listed, number, plural, printable, size, sparkline

from .terminal import console, line, print_damage, print_heading, table

_MAX_BLOCKS = 8
_VERDICT_STYLE = {"stopped": "red", "completed": "green", "undecided": "yellow"}


def print_analysis(analysis: Analysis) -> None:
    """Print the answer for each run, then what was damaged or skipped."""
    out = console()
    _print_heading(out, analysis)
    if len(analysis.runs) <= _MAX_BLOCKS:
        for item in analysis.runs:
            _print_block(out, item)
    else:
        _print_table(out, analysis)
    print_damage(out, analysis.damage, analysis.skipped)


def _print_heading(out: Console, analysis: Analysis) -> None:
    out.print(f"{printable(analysis.logdir)}: {plural(len(analysis.runs), 'run')}", style="bold")
    line(out, "policy", analysis.early_stopping.call())
    line(out, "", analysis.model_checkpoint.call())
    _print_rules(out, analysis)
    line(out, "epochs", "counted from 1, as Keras prints them")


def _print_rules(out: Console, analysis: Analysis) -> None:
    """Whose rules, and why: once where all runs agree, else counted, and said with each run."""
    reasons = dict.fromkeys((o.profile.name, o.profile_reason) for o in analysis.outcomes)
    if len(reasons) == 1:
        ((name, reason),) = reasons
        line(out, "rules", f"{name} ({reason})")
    elif len({name for name, _ in reasons}) == 1:
        open_ones = sum(o.profile_reason.startswith("the newest, as nothing") for o in analysis.outcomes)
        known = len(analysis.outcomes) - open_ones
        why = f"from evidence beside {plural(known, 'run')}" if known else "the newest"
        why += f"; the newest for {plural(open_ones, 'run')} of which nothing tells the release" if open_ones else ""
        line(out, "rules", f"{analysis.profile}, {why} (--json has each)")
    else:
        names = [outcome.profile.name for outcome in analysis.outcomes]
        counted = ", ".join(f"{name} for {plural(names.count(name), 'run')}" for name in dict.fromkeys(names))
        line(out, "rules", counted or analysis.profile)


def _print_alternatives(out: Console, outcome: Outcome) -> None:
    for other in outcome.alternatives[:3]:
        names = ", ".join(other.profiles[:4]) + (" …" if len(other.profiles) > 4 else "")
        kept = next(reversed(other.files.items()), None)
        file = (
            "; keeps no file" if kept is None else f"; keeps {printable(kept[0], 40)} from epoch {epoch_name(kept[1])}"
        )
        restored = "" if other.restored_epoch is None else f"; restores epoch {epoch_name(other.restored_epoch)}"
        line(out, "or", f"as {names}: {other.reason}{restored}{file}", style="yellow")


def _print_block(out: Console, item: RunAnalysis) -> None:
    run, outcome = item.run, item.outcome
    print_heading(out, run)
    if item.problem is not None:
        line(out, "problem", printable(item.problem), style="red")
    if outcome is None:
        return
    if outcome.monitor in run.table:
        _print_curve(out, outcome)
    line(out, "verdict", _verdict(outcome), _VERDICT_STYLE[outcome.verdict])
    _print_files(out, item, outcome)
    _print_alternatives(out, outcome)
    if item.accuracy is not None:
        found = item.accuracy
        text = (
            f"{printable(found.metric, 30)} is best at another epoch: {epoch_name(found.epoch)} ({number(found.value)})"
        )
        line(out, "note", text)
    for warning in outcome.warnings:
        line(out, "warning", printable(warning, 300), style="yellow")
    for note in (*run.notes, *outcome.notes):
        line(out, "note", printable(note, 300))


def _print_curve(out: Console, outcome: Outcome) -> None:
    room = min(max(out.width - 50, 12), 60)
    curve = sparkline(outcome.run.values(outcome.monitor or ""), room)
    best = f"best {number(outcome.best)} at epoch {epoch_name(outcome.best_epoch)}"
    line(out, printable(outcome.monitor or "", 8), f"{curve}  {best}")


def _verdict(outcome: Outcome) -> str:
    text = outcome.reason
    if outcome.stopped_epoch is not None:
        text += f" (stopped_epoch {outcome.stopped_epoch}, from 0)"
        saved = outcome.epochs_saved or 0
        time = f" ({duration(outcome.seconds_saved)})" if saved and outcome.seconds_saved is not None else ""
        text += f" · saves {plural(saved, 'epoch')}{time}" if saved else " · the log ends there"
    if outcome.regret:
        text += f" · a better {printable(outcome.monitor or '', 30)} came later, by {number(outcome.regret)}"
    return f"undecided: {text}" if outcome.verdict == "undecided" else text


def _print_files(out: Console, item: RunAnalysis, outcome: Outcome) -> None:
    if outcome.restored_epoch is not None:
        line(out, "restores", f"the weights of epoch {epoch_name(outcome.restored_epoch)}")
    if not outcome.files:
        line(out, "keeps", "no file")
        return
    on_disk = {disk.name: disk for disk in item.on_disk}
    held = {} if item.checkpoints is None else {file.name: file for file in item.checkpoints.expected}
    names = list(outcome.files)[-3:]
    if len(outcome.files) > len(names):
        there = sum(name in on_disk for name in outcome.files)
        wrong = sum(file.is_wrong for file in held.values())
        what = f", {wrong} of these not what they should be" if wrong else ""
        line(out, "keeps", f"{plural(len(outcome.files), 'file')}, {there} of them on disk{what}; the last written:")
    for name in names:
        epoch, weights = outcome.files[name], outcome.file_weights[name]
        text = f"{printable(name, 60)} from epoch {epoch_name(epoch)} (index {epoch})"
        if weights is None:
            text += ", written in the middle of it"
        elif weights != epoch:
            text += f", with the weights of epoch {epoch_name(weights)}"
        disk = on_disk.get(name)
        if disk is None:
            line(out, "keeps", f"{text} · not on disk")
            continue
        text += f" · on disk: {printable(disk.path, 60)}, {size(disk.bytes)}"
        state = held[name].state if name in held else None
        line(out, "keeps", f"{text}, proved by its weights" if state == "as expected" else text)
        if state != "as expected":
            _print_doubt(out, held.get(name), disk)
    if item.checkpoints is not None:
        for lost in item.checkpoints.overwritten[:3]:
            line(out, "lost", lost.sentence, style="yellow")


def _print_doubt(out: Console, held: ExpectedFile | None, disk: DiskFile) -> None:
    """Why the file on disk may not be the expected one."""
    shared = f"; {plural(len(disk.also), 'other run')} could have written it" if disk.also else ""
    if held is None or held.match is None:
        line(out, "", f"whose weights it holds was not looked into (cbreplay checkpoints does){shared}")
    elif held.state == "unproved":
        line(out, "", f"whether it is that file cannot be proved{shared}: {printable(held.sentence, 300)}")
    else:
        style = "default" if held.state == "later" else "yellow bold"
        line(out, "", f"{held.state}: {printable(held.sentence, 300)}", style=style)


def _print_table(out: Console, analysis: Analysis) -> None:
    spark = 10 if out.width < 100 else 16
    rows = table(
        ("run", "left"), ("epochs", "right"), ("curve", "left"), ("best", "right"), ("at", "right"),
        ("stops", "right"), ("saved", "right"), ("file from", "right"), ("disk", "right"),
    )  # fmt: skip
    for item in analysis.runs:
        run, outcome = item.run, item.outcome
        name = printable(run.name, max(16, out.width - 48 - spark))
        if outcome is None:
            rows.add_row(Text(name), str(run.epochs), "", "", "", Text("?", style="red"), "", "", "")
            continue
        curve = sparkline(run.values(outcome.monitor or ""), spark) if outcome.monitor in run.table else ""
        stop = {"completed": "–", "undecided": "?"}.get(outcome.verdict, epoch_name(outcome.stopped_epoch))
        saved = "" if outcome.epochs_saved is None else str(outcome.epochs_saved)
        kept = epoch_name(next(reversed(outcome.files.values()), None)) if outcome.monitor in run.table else ""
        disk = _disk_cell(item, len(outcome.files))
        rows.add_row(
            Text(name), str(run.epochs), curve, number(outcome.best), epoch_name(outcome.best_epoch),
            Text(stop, style=_VERDICT_STYLE[outcome.verdict]), saved, kept, disk,
        )  # fmt: skip
    out.print()
    out.print(rows)
    _print_table_notes(out, analysis)


def _disk_cell(item: RunAnalysis, expected: int) -> str:
    """How many of the expected files are on disk; a mark where one is not what it should be, or may be another's."""
    held = () if item.checkpoints is None else item.checkpoints.expected
    there = f"{len(item.on_disk)}/{expected}"
    if any(file.is_wrong for file in held):
        return f"{there}!"
    shared = any(disk.also for disk in item.on_disk)
    return f"{there}?" if shared and all(file.state != "as expected" for file in held) else there


def _print_table_notes(out: Console, analysis: Analysis) -> None:
    outcomes = analysis.outcomes
    verdicts = [outcome.verdict for outcome in outcomes]
    saved = sum(outcome.epochs_saved or 0 for outcome in outcomes)
    total = sum(outcome.run.epochs for outcome in outcomes)
    seconds = [o.seconds_saved for o in outcomes if o.seconds_saved is not None]
    time = f" ({duration(sum(seconds))} by the {len(seconds)} logs that have times)" if seconds else ""
    out.print()
    out.print(Text(
        f"{verdicts.count('stopped')} stop, {verdicts.count('completed')} complete (–), "
        f"{verdicts.count('undecided')} undecided (?); saved {saved:,} of {plural(total, 'epoch')}{time}"
    ))  # fmt: skip
    reasons: dict[str, list[str]] = {}
    for item in analysis.runs:
        if item.problem is not None:
            reasons.setdefault(item.problem, []).append(item.run.name)
        elif item.outcome is not None and item.outcome.verdict == "undecided":
            reasons.setdefault(item.outcome.reason, []).append(item.run.name)
    for reason, names in list(reasons.items())[:8]:
        out.print(Text(f"  ? {printable(reason, 200)}: {listed(names, 3, 40)}", style="yellow"))
    if len(reasons) > 8:
        out.print(Text(f"  ? and {len(reasons) - 8} more reasons (--json lists all)", style="yellow"))
