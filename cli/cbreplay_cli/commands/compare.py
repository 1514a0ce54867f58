"""``cbreplay compare``: several policies on the same runs, or several runs under one policy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..figure_options import figure_options
from ..options import (
    json_option,
    logdir_argument,
    metric_option,
    out_option,
    plot_folder,
    plots_option,
    reading_options,
    rule_options,
)
from ..policies import LADDERS, policies_from
from ..progress import progress_bar
from ..settings import POLICIES

if TYPE_CHECKING:
    from cbreplay import Comparison, Runs
    from cbreplay.plots import FigureOptions


@click.command("compare")
@logdir_argument
@click.option(
    "--policy", "texts", multiple=True, metavar="POLICY",
    help="A policy: the name of a [policies.NAME] table in cbreplay.toml, or what it changes, as in "
    "'patience=10,min_delta=0.001' or 'careful: patience=20'. Repeatable; the others are held against the first.",
)  # fmt: skip
@click.option("--run", "names", multiple=True, help="Only the runs of this name, or pattern such as 'a/*'. Repeatable.")
@click.option(
    "--group-by", metavar="PATTERN",
    help="Median and middle half of the runs of each group, too: seed, folder, or a pattern such as '{model}/*'.",
)  # fmt: skip
@rule_options
@reading_options
@metric_option
@out_option
@plots_option
@figure_options
@click.option("--all-runs", is_flag=True, help="A row for each run, however many; else the 40 that differ most.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a row per run and policy as CSV instead of text.")
@json_option
def command(
    logdir: str, texts: tuple[str, ...], names: tuple[str, ...], group_by: str | None,
    planned_epochs: int | None, histories: tuple[str, ...], epoch_axis: str, metrics: dict[str, str], out: str | None,
    plots: bool | None, figures: Callable[[], FigureOptions], all_runs: bool, as_csv: bool, as_json: bool, **rule: Any,
) -> None:  # fmt: skip
    """Hold several policies against each other on the runs in LOGDIR, or several runs under one policy.

    The options of a rule are what each --policy starts from. Without any --policy: those in the settings file; without
    such the patience that is given, or else a few of them. With one policy the table compares the runs.
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json cannot both go to stdout.")
    context = click.get_current_context()
    policies, remark = policies_from(texts, _tables(context), rule, alone=_is_given(context, LADDERS[rule["rule"]][0]))
    import cbreplay as cb
    from cbreplay.analysis import load_readable_runs
    from cbreplay.jsonable import to_json

    folder = (
        plot_folder(out, logdir) if plots or out is not None or (plots is None and not as_json and not as_csv) else None
    )
    options = None if folder is None else figures()
    with progress_bar("reading") as progress:
        runs = load_readable_runs(
            logdir, planned_epochs=planned_epochs, histories=histories, epoch_axis=epoch_axis, progress=progress
        )
    with progress_bar("replaying") as progress:
        comparison = cb.compare(
            _selected(runs, names), policies, profile=rule["profile"], steps_per_epoch=rule["steps_per_epoch"],
            metrics=metrics, group_by=group_by, progress=progress,
        )  # fmt: skip
    if as_json:
        click.echo(to_json(comparison.to_dict()))
    elif as_csv:
        comparison.to_frame().to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        from ..comparison_text import print_comparison

        print_comparison(comparison, remark, all_runs=all_runs)
    if folder is not None and options is not None:
        _write_plots(comparison, folder, options, quiet=as_json or as_csv)


def _tables(context: click.Context) -> dict[str, Any]:
    """The tables of ``[policies]`` in the settings file."""
    defaults: Any = context.default_map or {}
    return dict(defaults.get(POLICIES) or {})


def _is_given(context: click.Context, name: str) -> bool:
    """Whether an option was given for this call, not by a default or the settings file."""
    source = click.core.ParameterSource
    return context.get_parameter_source(name) in (source.COMMANDLINE, source.ENVIRONMENT)


def _selected(runs: Runs, names: tuple[str, ...]) -> Runs:
    """The runs of these names or patterns, each once; a name that is a run's own is no pattern."""
    from cbreplay.exporting import select_runs

    wanted: list[str] = []
    there = [run.name for run in runs]
    for name in names:
        fits = [other for other in there if fnmatchcase(other, name)]
        wanted += fits if fits and name not in there else [name]
    return select_runs(runs, wanted)


def _write_plots(comparison: Comparison, folder: Path, options: FigureOptions, *, quiet: bool) -> None:
    from cbreplay.plots import write_comparison_figures

    with progress_bar("drawing") as progress:
        paths = write_comparison_figures(comparison, folder, options=options, progress=progress)
    if not quiet and paths:
        click.echo(f"\nplots: {', '.join([str(paths[0]), *(path.name for path in paths[1:])])}")
