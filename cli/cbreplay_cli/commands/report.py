"""``cbreplay report``: what leaves the desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..options import (
    DEFAULT_OUT,
    checkpoints_option,
    logdir_argument,
    metric_option,
    option,
    policy_from,
    reading_options,
    rule_options,
)
from ..progress import progress_bar
from ..repeating import command_line
from ..values import Share

_FORMATS = ("html", "md", "pdf", "json")


@click.command("report")
@logdir_argument
@rule_options
@reading_options
@metric_option
@checkpoints_option
@option("--max-regret", type=Share(), help="Tuning: save as much as possible with this mean regret.  [default: 1%]")
@option("--budget", type=Share(most=1), help="Tuning: lose as little as possible with this share of the epochs.")
@option(
    "--censored", type=click.Choice(["exclude", "bound", "ignore"]), default="exclude", show_default=True,
    help="Tuning: what becomes of runs that were cut short; see cbreplay tune.",
)  # fmt: skip
@click.option(
    "--format", "file_format", type=click.Choice(_FORMATS),
    help="html (one file), md (with figures beside it), pdf, json.  [default: by the ending of --output, else html]",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False),
    help=f"The file to write, outside LOGDIR.  [default: {DEFAULT_OUT}/report.html]",
)  # fmt: skip
@option(
    "--x-axis", type=click.Choice(["epoch", "time"]), default="epoch", show_default=True,
    help="What runs along the x axis of the figures of runs.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace the file that --output names if it exists.")
@click.option("--title", help="The title.  [default: Training report, and the name of LOGDIR]")
@click.option("--open", "show", is_flag=True, help="Show the report in the browser.")
def command(
    logdir: str, planned_epochs: int | None, histories: tuple[str, ...], epoch_axis: str, metrics: dict[str, str],
    checkpoints: str | None, max_regret: float | None, budget: float | None, censored: str, file_format: str | None,
    output: str | None, x_axis: Any, title: str | None, force: bool, show: bool, **rule: Any,
) -> None:  # fmt: skip
    """Write a report on all runs in LOGDIR: the answer, every run, tuning, damage, and how to repeat it.

    One HTML file that needs no network and no other file; or Markdown, PDF, JSON with the same content. The same input
    gives the same bytes.
    """
    from cbreplay.exporting import check_target
    from cbreplay.reports import FORMATS, make_report, write_report
    from cbreplay.text import printable

    target = Path(output or f"{DEFAULT_OUT}/report{FORMATS[file_format or 'html']}")
    check_target(target, (logdir, *histories), force=force or output is None)
    stopping, saving = policy_from(rule)
    with progress_bar("reading") as progress:
        report = make_report(
            logdir, stopping, saving, title=title, x_axis=x_axis,
            command=command_line(click.get_current_context(), without=("show", "force")),
            analyzing={
                "profile": rule["profile"], "checkpoints": checkpoints, "planned_epochs": planned_epochs,
                "steps_per_epoch": rule["steps_per_epoch"], "histories": histories, "epoch_axis": epoch_axis,
                "metrics": metrics,
            },
            tuning={"max_regret": max_regret, "budget": budget, "censored": censored},
            progress=progress,
        )  # fmt: skip
    with progress_bar("drawing") as progress:
        paths = write_report(report, target, file_format, progress=progress)
    for fact in report.facts:
        click.echo(f"{fact.label}: {printable(fact.answer, 80)} ({printable(fact.detail, 300)})", err=True)
    click.echo(str(paths[0]))
    if show:
        import webbrowser

        webbrowser.open(paths[0].resolve().as_uri())
