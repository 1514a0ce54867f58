"""``cbreplay tune``: which patience to use next, and how sure that is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..figure_options import figure_options
from ..options import (
    RULES,
    json_option,
    logdir_argument,
    metric_option,
    monitor_options,
    option,
    out_option,
    plot_folder,
    plots_option,
    profile_option,
    reading_options,
    settled_rule,
)
from ..progress import progress_bar
from ..values import Numbers, Share

if TYPE_CHECKING:
    from cbreplay import Advice, Run
    from cbreplay.plots import FigureOptions
    from cbreplay.rules import StoppingRule

_WHOLE, _ANY = Numbers(whole=True), Numbers(whole=False)


@click.command("tune")
@logdir_argument
@option("--max-regret", type=Share(), help="Save as much as possible with this mean regret at most.  [default: 1%]")
@option("--budget", type=Share(most=1), help="Lose as little as possible with this share of the epochs, e.g. 60%.")
@option("--absolute", is_flag=True, help="--max-regret is in the unit of the monitor, not a share of a run's range.")
@option("--final", is_flag=True, help="Judge by the weights one ends with, not by the best that were saved.")
@monitor_options
@click.option("--rule", type=click.Choice(RULES), default="keras", show_default=True, help="The rule to tune.")
@click.option(
    "--compare/--no-compare", default=True, help="Hold the other rules against it at equal cost.  [default: yes]"
)
@click.option("--patience", type=_WHOLE, help="Values to try: 5, 1,2,5 or 0..50.  [default: 0..50]")
@click.option(
    "--min-delta", type=_ANY, help="Values to try: 0,1e-4,1e-3.  [default: 0, and around the noise of the curves]"
)
@click.option("--start-from-epoch", type=_WHOLE, help="Values to try, 0-based.  [default: 0]")
@click.option(
    "--smoothing", type=_ANY, help="smoothed: values to try, each from 0 to below 1.  [default: 0.3,0.6,0.8,0.9]"
)
@click.option("--alpha", type=_ANY, help="gl, pq: values to try.  [default: 0.25 to 100]")
@click.option("--strip-length", type=_WHOLE, help="pq, up: values to try.  [default: 5]")
@click.option("--strips", type=_WHOLE, help="up: values to try.  [default: 1..10]")
@click.option("--baseline", type=float, help="A value that has to be beaten, too.")
@click.option("--restore-best-weights", is_flag=True, help="The best weights are put back at the end; see --final.")
@click.option("--current-patience", type=click.IntRange(min=0), help="The patience you use today, to compare with.")
@option(
    "--censored", type=click.Choice(["exclude", "bound", "ignore"]), default="exclude", show_default=True,
    help="Runs that were cut short: leave them out, bound what they could have reached, or take them as whole.",
)  # fmt: skip
@option(
    "--group-by", metavar="PATTERN",
    help="Advice for each group, too: seed, folder, or a pattern of the run's name such as '{model}/*'.",
)  # fmt: skip
@option("--confidence", type=Share(most=1), default="95%", show_default=True, help="Of the intervals.")
@option("--resamples", type=click.IntRange(min=100), default=2000, show_default=True, help="Of the bootstrap.")
@option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the bootstrap: the same seed, the same intervals.",
)
@profile_option
@reading_options
@metric_option
@out_option
@plots_option
@figure_options
@click.option("--csv", "as_csv", is_flag=True, help="Print the measures of every cell as CSV instead of text.")
@click.option("--sweep-csv", type=click.Path(dir_okay=False), help="Write a row per run and cell to this new file.")
@json_option
def command(
    logdir: str, monitor: str | None, mode: str | None, rule: str, compare: bool, current_patience: int | None,
    planned_epochs: int | None, histories: tuple[str, ...], epoch_axis: str, metrics: dict[str, str], out: str | None,
    plots: bool | None, figures: Callable[[], FigureOptions], as_csv: bool, sweep_csv: str | None, as_json: bool,
    **given: Any,
) -> None:  # fmt: skip
    """Find the patience and min_delta to use next, judged by the past runs in LOGDIR.

    Says what the recommended parameters would have saved and cost over these runs, how sure that is, and where the
    runs support no advice. Without options: save as many epochs as possible with a mean regret of at most 1% of a
    run's range.
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json cannot both go to stdout.")
    import cbreplay as cb
    from cbreplay.analysis import load_readable_runs
    from cbreplay.exporting import check_target
    from cbreplay.jsonable import to_json

    folder = (
        plot_folder(out, logdir) if plots or out is not None or (plots is None and not as_json and not as_csv) else None
    )
    options = None if folder is None else figures()
    watched = monitor or "val_loss"
    direction = mode or ("min" if watched == "val_loss" else "auto")
    current = _current(watched, direction, current_patience)
    if sweep_csv is not None:
        check_target(sweep_csv, (logdir, *histories))
    with progress_bar("reading") as progress:
        runs = load_readable_runs(
            logdir, planned_epochs=planned_epochs, histories=histories, epoch_axis=epoch_axis, progress=progress
        )
    with progress_bar("sweeping") as progress:
        advice = cb.tune(
            runs, monitor=watched, mode=direction, rule=rule, compare=None if compare else (), current=current,
            metrics=metrics, progress=progress, **given,
        )  # fmt: skip
    if sweep_csv is not None:
        _write_sweep(runs, advice, sweep_csv, metrics, given)
    if as_json:
        click.echo(to_json({"logdir": logdir, **advice.to_dict(), "cells": advice.cell_rows()}))
    elif as_csv:
        advice.to_frame().to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        from ..advice_text import print_advice

        print_advice(advice, logdir, runs)
    if folder is not None and options is not None:
        _write_plots(advice, runs, folder, options, quiet=as_json or as_csv, profile=given["profile"], metrics=metrics)


def _current(monitor: str, mode: str, patience: int | None) -> StoppingRule | None:
    """The policy of today, to compare with: that of the settings, with the patience that is given."""
    import cbreplay as cb

    from ..settings import POLICY

    settings = (click.get_current_context().default_map or {}).get(POLICY, {})
    settled = settled_rule(settings)
    if patience is not None:
        base = settled if isinstance(settled, cb.EarlyStopping) else cb.EarlyStopping(monitor, mode=mode)
        return base.with_parameters(monitor=monitor, mode=mode, patience=patience)
    return None if settled is None else settled.with_parameters(monitor=monitor, mode=mode)


def _write_sweep(runs: Any, advice: Advice, path: str, metrics: dict[str, str], given: dict[str, Any]) -> None:
    """The whole sweep, in portions: it need not fit into memory."""
    import cbreplay as cb

    axes: dict[str, Any] = dict(advice.grid.axes)
    parts = cb.iter_sweep(
        runs, monitor=advice.monitor, mode=advice.mode or "auto", rule=advice.grid.rule, baseline=given["baseline"],
        restore_best_weights=given["restore_best_weights"], profile=given["profile"], metrics=metrics,
        **axes,
    )  # fmt: skip
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        for number, part in enumerate(parts):
            part.to_csv(file, index=False, header=number == 0, lineterminator="\n")


def _write_plots(
    advice: Advice,
    runs: Any,
    folder: Path,
    options: FigureOptions,
    *,
    quiet: bool,
    profile: str,
    metrics: dict[str, str],
) -> None:
    from cbreplay.plots import write_advice_figures

    outcomes = [] if advice.recommended is None else _outcomes(advice, runs, profile, metrics)
    with progress_bar("drawing") as progress:
        paths = write_advice_figures(advice, outcomes, folder, options=options, progress=progress)
    if not quiet:
        click.echo(f"\nplots: {paths[0]}, {', '.join(path.name for path in paths[1:])}")


def _outcomes(advice: Advice, runs: list[Run], profile: str, metrics: dict[str, str]) -> list[Any]:
    from cbreplay.analysis import try_replay

    assert advice.recommended is not None
    rules = [advice.recommended.rule]
    replayed = (try_replay(run, rules, profile, metrics=metrics)[0] for run in runs)
    return [outcome for outcome in replayed if outcome is not None]
