"""``cbreplay runs``: what is in a log folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import json_option, logdir_argument, reading_options
from ..progress import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from cbreplay import Run, Runs


@click.command("runs")
@logdir_argument
@reading_options
@json_option
def command(
    logdir: str, planned_epochs: int | None, histories: tuple[str, ...], epoch_axis: str, as_json: bool
) -> None:
    """List the runs in LOGDIR: metrics, epochs, sources, damage."""
    from cbreplay.analysis import load_readable_runs
    from cbreplay.jsonable import to_json

    with progress_bar("reading") as progress:
        runs = load_readable_runs(
            logdir, planned_epochs=planned_epochs, histories=histories, epoch_axis=epoch_axis, progress=progress
        )
    if as_json:
        click.echo(
            to_json({
                "schema": 1, "logdir": logdir, "runs": [run.to_dict() for run in runs],
                "damage": [item.to_dict() for item in runs.damage],
                "skipped": [item.to_dict() for item in runs.skipped],
            })
        )  # fmt: skip
    else:
        _show(runs)


def _show(runs: Runs) -> None:
    from cbreplay.text import plural, printable

    from ..terminal import console, print_damage

    out = console()
    out.print(f"{plural(len(runs), 'run')} in {printable(runs.logdir)}", style="bold")
    for run in runs:
        _show_run(out, run, runs.logdir)
    print_damage(out, runs.damage, runs.skipped)


def _show_run(out: Console, run: Run, logdir: str) -> None:
    from cbreplay.text import listed, plural, printable

    from ..terminal import line, print_heading

    print_heading(out, run)
    names = sorted(run.table)
    line(out, "metrics", listed(names, 12, 40) or "none")
    line(out, "epochs", _epochs(run))
    if run.planned is not None:
        line(out, "planned", f"{plural(run.planned.epochs, 'epoch')}, {run.planned.sentence}")
    for number, source in enumerate(run.sources[:6]):
        line(out, "" if number else "from", printable(_below(source, logdir)))
    if len(run.sources) > 6:
        line(out, "", f"and {plural(len(run.sources) - 6, 'file')} more")
    for note in run.notes:
        line(out, "note", printable(note))
    if run.damage:
        line(out, "damage", f"{len(run.damage)}, see below", style="yellow")


def _below(source: str, logdir: str) -> str:
    try:
        return Path(source).relative_to(logdir).as_posix()
    except ValueError:
        return source


def _epochs(run: Run) -> str:
    from cbreplay.text import plural

    if not run.epochs:
        return "none logged"
    text = f"{run.first_epoch + 1} to {run.first_epoch + run.epochs} (from 1); {run.axis.sentence}"
    if run.unlogged_epochs:
        text += f"; {plural(len(run.unlogged_epochs), 'epoch')} missing, first {run.unlogged_epochs[0] + 1}"
    return text
