"""Options that several commands share, a decorator each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from cbreplay import ModelCheckpoint
    from cbreplay.rules import StoppingRule

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compose(*decorators: Callable[[Any], Any]) -> Callable[[_Function], _Function]:
    def decorate(function: _Function) -> _Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def option(name: str, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """An option that a variable ``CBREPLAY_NAME`` can give, too."""
    variable = "CBREPLAY_" + name.split("/")[0].lstrip("-").replace("-", "_").upper()
    return click.option(name, *args, envvar=variable, **kwargs)


def _logdir(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    named: str | None = context.params.pop("logdir_option", None)
    if value is None and named is None:
        raise click.UsageError("Missing argument 'LOGDIR': the folder (or file) with the logs.", context)
    if value is not None and named is not None and value != named:
        raise click.UsageError("LOGDIR is given twice: once as argument, once as --logdir.", context)
    return str(value if value is not None else named)


logdir_argument = _compose(
    click.option("--logdir", "logdir_option", type=click.Path(), is_eager=True, help="The same as LOGDIR."),
    click.argument("logdir", type=click.Path(), required=False, callback=_logdir),
)


def _leave_cache_alone(context: click.Context, _option: click.Parameter, is_wanted: bool) -> None:
    if is_wanted and not context.resilient_parsing:
        from cbreplay.logs import without_cache

        context.with_resource(without_cache())


source_options = _compose(
    click.option(
        "--no-cache", is_flag=True, expose_value=False, callback=_leave_cache_alone,
        help="Read every file anew and keep nothing for the next time: see 'cbreplay cache'.",
    ),
    option(
        "--history", "histories", type=click.Path(exists=True, dir_okay=False), multiple=True,
        help="A history CSV that belongs to one of the event runs, wherever it lies. Repeatable.",
    ),
    option(
        "--epoch-axis", type=click.Choice(["auto", "from-0", "from-1", "evaluations"]), default="auto",
        show_default=True, help="What steps and epoch columns count: epochs from 0 or 1, or nothing but evaluations.",
    ),
)  # fmt: skip

#: The names of the rules that can stop a training; the library's ``STOPPING_RULES`` has the same (a test sees to it).
RULES = ("keras", "lookback", "smoothed", "gl", "pq", "up")

PARAMETERS_OF_OTHER_RULES = (
    option("--smoothing", type=float, help="smoothed: TensorBoard's smoothing, from 0 to below 1."),
    option("--alpha", type=float, help="gl: percent above the best; pq: that over the progress of training."),
    option("--strip-length", type=click.IntRange(min=1), help="pq, up: evaluations in a strip."),
    option("--strips", type=click.IntRange(min=1), help="up: strips in succession that are worse."),
)

reading_options = _compose(
    option("--planned-epochs", type=click.IntRange(min=1), help="Epochs that every training was to run."),
    source_options,
)

monitor_options = _compose(
    option("--monitor", help="The metric to watch, as in Keras' logs.  [default: val_loss]"),
    option(
        "--mode", type=click.Choice(["auto", "min", "max"]),
        help="What is better: lower or higher.  [default: min for val_loss, else auto]",
    ),
)  # fmt: skip

profile_option = option(
    "--profile", default="auto", show_default=True,
    help="Whose rules: keras-3.15, keras-2.9, tf_keras-2.16, tf.keras-2.3, ...",
)  # fmt: skip

DEFAULT_OUT = "cbreplay-report"

out_option = click.option(
    "--out", type=click.Path(), help=f"The folder for plots, outside LOGDIR.  [default: {DEFAULT_OUT}]"
)

#: Of commands that print JSON or CSV for other programs.
plots_option = click.option(
    "--plots/--no-plots", default=None, help="Write plots.  [default: yes; with --json or --csv only with --out]"
)

checkpoints_option = click.option(
    "--checkpoints", type=click.Path(exists=True, file_okay=False),
    help="The folder to look for checkpoint files in first.",
)  # fmt: skip

rule_options = _compose(
    option(
        "--rule", type=click.Choice(RULES), default="keras", show_default=True,
        help="Keras' EarlyStopping; smoothed: on a smoothed curve; lookback: the textbook comparison with the value "
        "patience epochs ago; gl, pq, up: Prechelt's.",
    ),
    monitor_options,
    option(
        "--patience", type=click.IntRange(min=0), default=5, show_default=True,
        help="Evaluations without improvement to wait.",
    ),
    option("--min-delta", type=float, default=0.0, show_default=True, help="What an improvement must exceed."),
    *PARAMETERS_OF_OTHER_RULES,
    option("--baseline", type=float, help="A value that has to be beaten, too."),
    option(
        "--start-from-epoch", type=click.IntRange(min=0), default=0, show_default=True,
        help="Epochs to ignore at first: the 0-based index of the first one that counts.",
    ),
    option(
        "--restore-best-weights/--no-restore-best-weights", default=False,
        help="Put the best weights back at the end.  [default: no]",
    ),
    option(
        "--filepath", default="model_ckpt.h5", show_default=True,
        help="ModelCheckpoint's name or template; {epoch} counts from 1.",
    ),
    option(
        "--save-best-only/--no-save-best-only", default=True,
        help="Save only when the monitor improves.  [default: yes]",
    ),
    option(
        "--save-weights-only/--no-save-weights-only", default=False,
        help="Save weights instead of the model.  [default: no]",
    ),
    option("--save-freq", help="'epoch', or a number of batches.  [default: epoch]"),
    option("--initial-value-threshold", type=float, help="ModelCheckpoint's best to begin with."),
    option("--checkpoint-monitor", help="ModelCheckpoint's monitor, where it is another one."),
    option(
        "--checkpoint-mode", type=click.Choice(["auto", "min", "max"]),
        help="ModelCheckpoint's mode, where it is another one.",
    ),
    option(
        "--steps-per-epoch", type=click.IntRange(min=1),
        help="Batches per epoch; needed for a number in --save-freq.",
    ),
    profile_option,
)  # fmt: skip


def _metrics(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    for value in values:
        if "=" not in value.strip("="):
            raise click.BadParameter(f"{value!r} is not NAME=TAG, as in val_loss=Loss/val", context, parameter)
    return {name: tag for name, _, tag in (value.partition("=") for value in values)}


metric_option = click.option(
    "--metric",
    "metrics",
    multiple=True,
    callback=_metrics,
    metavar="NAME=TAG",
    help="Take the logged metric TAG for the monitor NAME. Repeatable.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")


def policy_from(given: dict[str, Any]) -> tuple[StoppingRule, ModelCheckpoint]:
    """The two rules that the values of ``rule_options`` stand for."""
    from dataclasses import fields

    import cbreplay as cb
    from cbreplay.rules import STOPPING_RULES

    monitor = given["monitor"] or "val_loss"
    mode = given["mode"] or ("min" if monitor == "val_loss" else "auto")
    if mode == "auto" and given["rule"] not in ("keras", "smoothed"):
        raise click.UsageError(f"--rule {given['rule']} with another monitor than val_loss needs --mode min or max.")
    kind = STOPPING_RULES[given["rule"]]
    named = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    values = {name: value for name, value in given.items() if name in named and value is not None}
    stopping = kind(**{**values, "monitor": monitor, "mode": mode})
    saved = given["checkpoint_monitor"] or monitor
    save_mode = given["checkpoint_mode"] or (mode if saved == monitor else ("min" if saved == "val_loss" else "auto"))
    saving = cb.ModelCheckpoint(
        given["filepath"], monitor=saved, save_best_only=given["save_best_only"],
        save_weights_only=given["save_weights_only"], mode=save_mode, save_freq=_save_freq(given["save_freq"]),
        initial_value_threshold=given["initial_value_threshold"],
    )  # fmt: skip
    return stopping, saving


_OF_A_STOPPING_RULE = (
    "rule", "patience", "min_delta", "baseline", "start_from_epoch", "restore_best_weights", "smoothing", "alpha",
    "strip_length", "strips",
)  # fmt: skip


def settled_rule(settings: dict[str, Any]) -> StoppingRule | None:
    """The stopping rule that the settings file or the environment gives; None where neither says anything of one."""
    command = rule_options(click.Command("policy", callback=lambda **_: None))
    context = command.make_context("policy", [], default_map=settings)
    source = click.core.ParameterSource
    told = (context.get_parameter_source(name) for name in _OF_A_STOPPING_RULE)
    if not any(origin in (source.DEFAULT_MAP, source.ENVIRONMENT) for origin in told):
        return None
    return policy_from(context.params)[0]


def plot_folder(out: str | None, logdir: str) -> Path | None:
    """Where plots go; never into LOGDIR: refused when asked for, left out with a word when it is the default."""
    folder = Path(out or DEFAULT_OUT)
    root = Path(logdir)
    if root.is_dir() and root.resolve() in (folder.resolve(), *folder.resolve().parents):
        if out is not None:
            raise click.UsageError(f"--out {out} lies inside LOGDIR, which is never written to.")
        click.echo(f"no plots: {folder} would lie inside LOGDIR; name a folder outside with --out", err=True)
        return None
    return folder


def _save_freq(text: str | None) -> str | int:
    if text is None or text == "epoch":
        return "epoch"
    try:
        return int(text)
    except ValueError:
        raise click.UsageError(f"--save-freq is 'epoch' or a number of batches, not {text!r}.") from None
