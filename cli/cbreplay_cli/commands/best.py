"""``cbreplay best``: the path of the file to use, for scripts."""

from __future__ import annotations

from typing import Any

import click

from ..options import json_option, logdir_argument, metric_option, policy_from, rule_options, source_options
from ..progress import progress_bar


@click.command("best")
@logdir_argument
@rule_options
@source_options
@metric_option
@click.option("--checkpoints", type=click.Path(exists=True), help="The folder (or file) to look for checkpoints in.")
@click.option("--run", "names", multiple=True, help="Only the run of this name. Repeatable.")
@click.option("--proved", is_flag=True, help="Only a file whose weights the histograms in the logs prove.")
@json_option
def command(
    logdir: str, histories: tuple[str, ...], epoch_axis: str, metrics: dict[str, str], checkpoints: str | None,
    names: tuple[str, ...], proved: bool, as_json: bool, **rule: Any,
) -> None:  # fmt: skip
    """Print the path of the checkpoint to use: that of the best epoch that is on disk, verified.

    Exit code 1, with the reason on stderr, where there is none or it fails verification. What a careful user should
    know (no proof, a better epoch that no file holds) goes to stderr, too.
    """
    import cbreplay as cb
    from cbreplay.jsonable import to_json
    from cbreplay.text import printable

    _, saving = policy_from(rule)
    try:
        with progress_bar("reading") as progress:
            choice = cb.best_checkpoint(
                logdir, saving, names=names, checkpoints=checkpoints, proved=proved, profile=rule["profile"],
                histories=histories, epoch_axis=epoch_axis, steps_per_epoch=rule["steps_per_epoch"], metrics=metrics,
                progress=progress,
            )  # fmt: skip
    except cb.NoCheckpointError as error:
        for text in str(error).split("\n"):
            click.echo(printable(text), err=True)
        if as_json:
            click.echo(to_json({"schema": 1, "path": None, "reason": str(error)}))
        raise SystemExit(1) from error
    if as_json:
        click.echo(to_json({"schema": 1, **choice.to_dict()}))
        return
    for remark in choice.remarks:
        click.echo(printable(remark), err=True)
    click.echo(f"./{choice.path}" if choice.path.startswith("-") else choice.path)
