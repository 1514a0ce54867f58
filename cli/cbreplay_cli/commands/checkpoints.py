"""``cbreplay checkpoints``: what model files are, whether they are sound, whose weights they hold, which may go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..options import json_option, metric_option, policy_from, reading_options, rule_options
from ..progress import progress_bar

if TYPE_CHECKING:
    from cbreplay import Choice, Outcome, PrunePlan, Run, Survey
    from cbreplay.checkpoints import PruneResult


@click.command("checkpoints")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True))
@click.option(
    "--logdir", type=click.Path(exists=True), help="The logs of the trainings.  [default: in DIR or above it]"
)
@click.option("--verify", is_flag=True, help="Exit code 1 where a file is not sound or not what it says it is.")
@click.option("--evidence", is_flag=True, help="Show what speaks for each file's epoch, strongest first.")
@click.option("--diff", nargs=2, metavar="A B", help="Compare the weights of two files, layer by layer.")
@click.option("--prune", is_flag=True, help="Show which files may go, and why. Nothing is touched without --apply.")
@click.option(
    "--keep-best", type=click.IntRange(min=0), default=1, show_default=True, help="Epochs of each run to keep."
)
@click.option("--keep-last/--no-keep-last", default=True, help="Keep the last file of each run.  [default: yes]")
@click.option(
    "--keep-policy/--no-keep-policy",
    default=True,
    help="Keep what the policy of the options would keep.  [default: yes]",
)
@click.option(
    "--include", multiple=True, type=click.Path(),
    help="Let --prune take this file even though it is not sound or not matched. Repeatable.",
)  # fmt: skip
@click.option("--apply", "carry_out", is_flag=True, help="Carry the plan out: files go to a trash folder in DIR.")
@click.option("--delete", is_flag=True, help="With --apply: delete the files instead.")
@rule_options
@reading_options
@metric_option
@json_option
def command(
    folder: str, logdir: str | None, verify: bool, evidence: bool, diff: tuple[str, str] | None, prune: bool,
    keep_best: int, keep_last: bool, keep_policy: bool, include: tuple[str, ...], carry_out: bool, delete: bool,
    planned_epochs: int | None, histories: tuple[str, ...], epoch_axis: str, metrics: dict[str, str], as_json: bool,
    **rule: Any,
) -> None:  # fmt: skip
    """List the model files in DIR (.h5, .weights.h5, .hdf5, .keras): sound or not, and of which epoch.

    Epochs are told by the weight histograms in the logs, the optimizer's steps, the name and the time. Files are
    read in a process of their own; nothing in them is run.
    """
    if not prune and (carry_out or include or not _is_default("keep_best")):
        raise click.UsageError("--apply, --include and --keep-best go with --prune.")
    if delete and not carry_out:
        raise click.UsageError("--delete goes with --prune --apply.")
    if diff is not None:
        _diff(folder, diff, as_json)
        return
    place = logdir if logdir is not None else _logs_near(folder)
    runs, outcomes = ([], []) if place is None else _replayed(
        place, rule, metrics, planned_epochs=planned_epochs, histories=histories, epoch_axis=epoch_axis,
    )  # fmt: skip
    import cbreplay as cb

    with progress_bar("reading checkpoints") as progress:
        survey = cb.survey(folder, runs, outcomes, steps_per_epoch=rule["steps_per_epoch"], progress=progress)
    plan = None
    aim = _aim(rule, outcomes)
    results: list[PruneResult] | None = None
    if prune:
        chosen = [_inside(folder, name) for name in include]
        plan = cb.plan_pruning(
            survey, runs, monitor=aim[0], mode=aim[1], keep_best=keep_best, keep_last=keep_last,
            keep_policy=keep_policy, include=chosen,
        )  # fmt: skip
        results = cb.apply_plan(plan, delete=delete) if carry_out else None
    template_given = not _is_default("filepath")
    _show(
        survey, place, runs, plan, results, aim=aim, as_json=as_json, evidence=evidence, template_given=template_given
    )
    if (verify and _fails(survey, template_given)) or any(result.problem for result in results or ()):
        raise SystemExit(1)


def _fails(survey: Survey, template_given: bool) -> bool:
    """Whether a file is not sound or not what it should be, or one that was asked for is missing."""
    expected = [file for item in survey.runs for file in item.expected]
    return (
        not survey.matches
        or bool(survey.skipped)
        or any(match.status != "sound" or match.contradictions for match in survey.matches)
        or any(file.is_wrong or (template_given and file.state == "missing") for file in expected)
    )


def _is_default(option: str) -> bool:
    source = click.get_current_context().get_parameter_source(option)
    return source is click.core.ParameterSource.DEFAULT


def _logs_near(folder: str) -> str | None:
    from cbreplay.checkpoints import logs_near

    found = logs_near(Path(folder))
    return None if found is None else str(found)


def _replayed(
    logdir: str, rule: dict[str, Any], metrics: dict[str, str], **reading: Any
) -> tuple[list[Run], list[Outcome]]:
    """The runs of the logs as the policy's replay sees them, and their outcomes."""
    import cbreplay as cb
    from cbreplay.analysis import try_replay

    rules = policy_from(rule)
    with progress_bar("reading logs") as progress:
        loaded = cb.load_runs(logdir, progress=progress, **reading)
    replayed = [
        (run, try_replay(run, rules, rule["profile"], None, rule["steps_per_epoch"], metrics)[0]) for run in loaded
    ]
    return [run if outcome is None else outcome.run for run, outcome in replayed], [
        o for _, o in replayed if o is not None
    ]


def _aim(rule: dict[str, Any], outcomes: list[Outcome]) -> tuple[str, str]:
    """The monitor by which epochs are best, and ``min`` or ``max``."""
    from cbreplay.checkpoints import mode_of

    _, saving = policy_from(rule)
    mode = mode_of(saving, outcomes)
    return saving.monitor, "min" if mode == "auto" and not outcomes else mode


def _best(survey: Survey, runs: list[Run], monitor: str, mode: str) -> Choice | None:
    import cbreplay as cb

    if mode not in ("min", "max"):
        return None
    try:
        return cb.choose_checkpoint(survey.matches, runs, monitor=monitor, mode=mode, expected=survey.runs)
    except cb.NoCheckpointError:
        return None  # the inventory says of each file why not


def _show(
    survey: Survey, logdir: str | None, runs: list[Run], plan: PrunePlan | None, results: list[PruneResult] | None, *,
    aim: tuple[str, str], as_json: bool, evidence: bool, template_given: bool,
) -> None:  # fmt: skip
    best = _best(survey, runs, *aim)
    if as_json:
        from cbreplay.jsonable import to_json

        told: dict[str, Any] = {
            "schema": 1, "logdir": logdir, "monitor": aim[0], "best": None if best is None else best.to_dict(),
            **survey.to_dict(),
        }  # fmt: skip
        if plan is not None:
            told["plan"] = plan.to_dict()
            told["applied"] = None if results is None else [result.to_dict() for result in results]
        click.echo(to_json(told))
        return
    from ..checkpoints_text import print_plan, print_survey

    if plan is not None:
        print_plan(plan, survey, results)
    else:
        print_survey(survey, logdir, runs, monitor=aim[0], best=best, evidence=evidence, template_given=template_given)


def _diff(folder: str, pair: tuple[str, str], as_json: bool) -> None:
    import cbreplay as cb
    from cbreplay.jsonable import to_json

    paths = [_inside(folder, name) for name in pair]
    found = cb.diff_checkpoints(*paths)
    if as_json:
        click.echo(to_json({"schema": 1, **found.to_dict()}))
        return
    from ..checkpoints_text import print_diff

    print_diff(found)


def _inside(folder: str, name: str) -> Path:
    """A file by its path below DIR, or by a path of its own."""
    below = Path(folder) / name
    for path in (below, Path(name)):
        if path.is_file():
            return path
    raise click.UsageError(f"{below}: no such file")
