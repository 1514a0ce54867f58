"""``cbreplay export``: the metrics by epoch, for other programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..options import logdir_argument, source_options
from ..progress import progress_bar

if TYPE_CHECKING:
    from cbreplay import Runs

_STDOUT = "-"


@click.command("export")
@logdir_argument
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, allow_dash=True), default=_STDOUT, show_default=True,
    help="The file to write, outside LOGDIR; - is stdout.",
)  # fmt: skip
@click.option(
    "--format", "file_format", type=click.Choice(["csv", "json", "parquet"]),
    help="What to write; parquet needs cbreplay[parquet].  [default: by the file's ending; csv to stdout]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--wide/--tidy", default=False,
    help="A column for each metric, or a row for each logged value.  [default: tidy]",
)  # fmt: skip
@click.option("--run", "names", multiple=True, help="Only the run of this name. Repeatable.")
@source_options
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def command(
    logdir: str, output: str, file_format: str | None, as_json: bool, wide: bool, names: tuple[str, ...],
    histories: tuple[str, ...], epoch_axis: str, force: bool,
) -> None:  # fmt: skip
    """Write all metrics of the runs in LOGDIR by epoch: csv, json or parquet.

    Epochs are 0-based, wall times in seconds since 1970, values exact. What was not logged is no row (or
    an empty cell); NaN and infinities are "nan", "inf" in csv and "NaN", "Infinity" in json. Names are
    those of the logs, unchanged: let a spreadsheet import them as text, not as formulas.
    """
    from cbreplay.analysis import load_readable_runs
    from cbreplay.exporting import export_runs, select_runs, write_export

    if as_json and file_format not in (None, "json"):
        raise click.UsageError(f"--json and --format {file_format} contradict each other.")
    chosen = _check(output, "json" if as_json else file_format, (logdir, *histories), force)
    with progress_bar("reading") as progress:
        runs = load_readable_runs(logdir, histories=histories, epoch_axis=epoch_axis, progress=progress)
    if output == _STDOUT:
        write_export(select_runs(runs, names), sys.stdout.buffer, chosen, wide=wide)
        sys.stdout.buffer.flush()
    else:
        export_runs(runs, output, chosen, names=names, wide=wide, force=force)
    _tell(runs, select_runs(runs, names), output)


def _check(output: str, file_format: str | None, logs: tuple[str, ...], force: bool) -> str:
    """The format, after all that can be refused before the logs are read."""
    from cbreplay.errors import ParameterError
    from cbreplay.exporting import check_target, resolve_format

    if output == _STDOUT:
        if file_format == "parquet":
            raise click.UsageError("parquet cannot be written to stdout: name a file with --output.")
        return file_format or "csv"
    try:
        check_target(output, logs, force=force)
        return resolve_format(output, file_format)
    except ParameterError as error:
        raise click.UsageError(str(error)) from error


def _tell(runs: Runs, exported: Runs, output: str) -> None:
    """On stderr: what was written, and what of the logs could not be."""
    from cbreplay.text import plural, printable

    if output != _STDOUT:
        values = sum(len(metric.epoch) for run in exported for metric in run.table.values())
        click.echo(f"{printable(output)}: {plural(values, 'value')} of {plural(len(exported), 'run')}", err=True)
    flaws = [(len(exported.damage), "damaged place"), (len(runs.skipped), "skipped file")]
    told = " and ".join(plural(count, what) for count, what in flaws if count)
    if told:
        click.echo(f"the logs have {told}: see cbreplay runs {printable(runs.logdir)}", err=True)
