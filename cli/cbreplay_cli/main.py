"""The ``cbreplay`` command: imports click and nothing heavy until a command runs."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Callable

import click

from cbreplay._version import __version__

from .settings import read_settings

#: The commands and what they are for: told here, so that --help imports none of them.
_COMMANDS = {
    "analyze": "Replay the callbacks: where every run stops, what is kept.",
    "tune": "Find the patience and min_delta to use next.",
    "compare": "Hold several policies against each other.",
    "report": "Put all of it on one page: HTML, Markdown, PDF or JSON.",
    "explain": "Show epoch by epoch why a run stops where it stops.",
    "runs": "List the runs: metrics, epochs, sources, damage.",
    "checkpoints": "Check the model files: sound, of which epoch, to be kept?",
    "best": "Print the path of the checkpoint to use.",
    "export": "Write all metrics by epoch as a table.",
    "profiles": "List the generations of Keras' callbacks.",
    "cache": "Show or clear what is kept of large event files.",
}


class _UserError(click.ClickException):
    """Wrong usage, or nothing readable."""

    exit_code = 2


class _Commands(click.Group):
    """A group whose commands are imported when they are asked for; errors of ours end with exit code 2."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f".commands.{name}", __package__).command
        return command

    def invoke(self, context: click.Context) -> object:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a pipe that is not UTF-8 gets "?" for what it has no sign for
                stream.reconfigure(errors="replace")
        try:
            return super().invoke(context)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
            return None
        except click.ClickException as error:
            error.__dict__["message"] = _harmless(error.message)
            raise
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            message = _explain(error)
            if message is None:
                raise
            raise _UserError(_harmless(message)) from error


def _harmless(message: str) -> str:
    """The message with what names from logs could do to a terminal taken out, line by line."""
    from cbreplay.text import printable

    return "\n".join(printable(line) for line in message.split("\n"))


def _explain(error: Exception) -> str | None:
    """The sentence for an error that a user can mend; None for a defect of ours."""
    from cbreplay.errors import CbreplayError

    if isinstance(error, CbreplayError):
        return str(error)
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or error}"
    return None


def _tell_version(context: click.Context, _option: click.Parameter, is_wanted: bool) -> None:
    if is_wanted and not context.resilient_parsing:
        from cbreplay.scanner import active_reader

        click.echo(f"cbreplay, version {__version__} ({active_reader()})")
        context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_tell_version,
    help="Show the version, what reads event files (the compiled scanner or Python), and exit.",
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Replay EarlyStopping and ModelCheckpoint on the logs of past trainings.

    Shows where training would have stopped, which .h5 file would have been kept, and what another patience
    would have cost. Reads TensorBoard event files and history CSVs; never changes a log.
    """
    context.default_map = read_settings(known=_option_names(context))


def _option_names(context: click.Context) -> Callable[[], set[str]]:
    """The names of all options of all commands, found out when they are asked for."""

    def find() -> set[str]:
        group = context.command
        assert isinstance(group, click.Group)
        commands = [group.get_command(context, name) for name in group.list_commands(context)]
        return {option.name for command in commands if command for option in command.params if option.name}

    return find
