"""``cbreplay analyze``: the main job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..figure_options import figure_options
from ..options import (
    checkpoints_option,
    json_option,
    logdir_argument,
    metric_option,
    out_option,
    plot_folder,
    policy_from,
    reading_options,
    rule_options,
)
from ..progress import progress_bar

if TYPE_CHECKING:
    from cbreplay import Analysis
    from cbreplay.plots import FigureOptions

_MAX_FIGURES = 60


@click.command("analyze")
@logdir_argument
@rule_options
@reading_options
@metric_option
@checkpoints_option
@out_option
@click.option(
    "--plots/--no-plots",
    default=None,
    help="Write plots.  [default: yes; with --json only if --out is given]",
)
@figure_options
@json_option
def command(
    logdir: str, planned_epochs: int | None, histories: tuple[str, ...], epoch_axis: str,
    metrics: dict[str, str], checkpoints: str | None, out: str | None, plots: bool | None,
    figures: Callable[[], FigureOptions], as_json: bool, **rule: Any,
) -> None:  # fmt: skip
    """Replay the callbacks on every run in LOGDIR: where it stops, what is kept, what that saves.

    Without options: EarlyStopping(val_loss, min, patience 5) with ModelCheckpoint(model_ckpt.h5,
    save_best_only).
    """
    from cbreplay.model_files import is_model_file_near, shared_reader

    if is_model_file_near(Path(logdir)):
        shared_reader().start()  # it gets ready while everything else is imported
    import cbreplay as cb
    from cbreplay.jsonable import to_json

    stopping, saving = policy_from(rule)
    folder = None if plots is False or (as_json and not plots and out is None) else plot_folder(out, logdir)
    options = None if folder is None else figures()
    with progress_bar("reading") as progress:
        analysis = cb.analyze(
            logdir, stopping, saving, profile=rule["profile"], checkpoints=checkpoints,
            planned_epochs=planned_epochs, steps_per_epoch=rule["steps_per_epoch"], histories=histories,
            epoch_axis=epoch_axis, metrics=metrics, progress=progress,
        )  # fmt: skip
    if as_json:
        click.echo(to_json(analysis.to_dict()))
    else:
        from ..analysis_text import print_analysis

        print_analysis(analysis)
    if folder is not None and options is not None:
        _write_plots(analysis, folder, options, asked=plots is True, quiet=as_json)


def _write_plots(analysis: Analysis, folder: Path, options: FigureOptions, *, asked: bool, quiet: bool) -> None:
    from cbreplay.plots import write_figures
    from cbreplay.text import plural

    outcomes = analysis.outcomes
    each = asked or len(outcomes) <= _MAX_FIGURES
    with progress_bar("drawing") as progress:
        paths = write_figures(outcomes, folder, options=options, each=each, progress=progress)
    if not quiet:
        more = f" and {plural(len(paths) - 1, 'figure')} beside it, one per run"
        many = f" (one figure per run above {_MAX_FIGURES} runs only with --plots)"
        click.echo(f"\nplots: {paths[0]}{more if each else many}")
