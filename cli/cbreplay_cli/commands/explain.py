"""``cbreplay explain``: one run, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..options import json_option, logdir_argument, metric_option, policy_from, reading_options, rule_options
from ..progress import progress_bar

if TYPE_CHECKING:
    from cbreplay import Outcome, Run, Runs


@click.command("explain")
@logdir_argument
@click.argument("run_name", metavar="[RUN]", required=False)
@rule_options
@reading_options
@metric_option
@click.option("--epoch", type=click.IntRange(min=1), help="Only this epoch, counted from 1 as Keras prints it.")
@click.option(
    "--infer", is_flag=True, help="Tell which early stopping fits where the run really ended, and what else does."
)
@json_option
def command(
    logdir: str,
    run_name: str | None,
    planned_epochs: int | None,
    histories: tuple[str, ...],
    epoch_axis: str,
    metrics: dict[str, str],
    epoch: int | None,
    infer: bool,
    as_json: bool,
    **rule: Any,
) -> None:
    """Show epoch by epoch why a run stops where it stops.

    RUN is a name as `cbreplay runs` shows it; it may be left out where there is only one.
    """
    import cbreplay as cb
    from cbreplay.analysis import load_readable_runs

    with progress_bar("reading") as progress:
        runs = load_readable_runs(
            logdir, planned_epochs=planned_epochs, histories=histories, epoch_axis=epoch_axis, progress=progress
        )
    run = _choose(runs, run_name)
    if infer:
        _show_ending(run, rule["profile"], as_json)
        return
    stopping, saving = policy_from(rule)
    try:
        outcome = cb.replay(
            run, [stopping, saving], profile=rule["profile"], steps_per_epoch=rule["steps_per_epoch"], metrics=metrics
        )
    except cb.CallbackError as error:
        if error.outcome is None or not error.outcome.callbacks:
            raise
        outcome = error.outcome
    _show(outcome, epoch, as_json)


def _choose(runs: Runs, name: str | None) -> Run:
    if name is not None:
        return runs[name]
    if len(runs) > 1:
        names = ", ".join(run.name for run in list(runs)[:8]) + (", ..." if len(runs) > 8 else "")
        raise click.UsageError(f"there are {len(runs)} runs; name one of them: {names}")
    return runs[0]


def _show(outcome: Outcome, epoch: int | None, as_json: bool) -> None:
    from cbreplay.explaining import conclusion, explain
    from cbreplay.jsonable import to_json

    looks = explain(outcome)
    if epoch is not None:
        looks = [look for look in looks if look.epoch == epoch - 1]
        if not looks:
            last = outcome.run.first_epoch + outcome.run.epochs
            raise click.UsageError(
                f"epoch {epoch} was not looked at: the log has epochs {outcome.run.first_epoch + 1} to {last} "
                f"(from 1), and the rule {outcome.reason}"
            )
    if as_json:
        told = {"schema": 1, **outcome.to_dict(), "trace": [look.to_dict() for look in looks]}
        click.echo(to_json({**told, "conclusion": conclusion(outcome)}))
        return
    from ..explain_text import print_looks

    print_looks(outcome, looks, in_words=epoch is not None)


def _show_ending(run: Run, profile: str, as_json: bool) -> None:
    from cbreplay.ending import describe, infer_ending
    from cbreplay.jsonable import to_json
    from cbreplay.text import printable

    ending = infer_ending(run, profile)
    if as_json:
        click.echo(to_json({"schema": 1, "name": run.name, **ending.to_dict()}))
        return
    from ..terminal import console, line

    out = console()
    last = "" if ending.last_epoch is None else f" ended with epoch {ending.last_epoch + 1} (index {ending.last_epoch})"
    out.print(f"{printable(run.name, 60)}{last}", style="bold cyan")
    for sentence in describe(ending.fitting):
        line(out, "fits", printable(sentence, 300))
    for cause in ending.other_causes:
        line(out, "or", printable(cause, 300))
    for sentence in ending.ruled_out[:6]:
        line(out, "not", printable(sentence, 300))
    line(out, "so", printable(ending.conclusion, 600), style="bold")
