"""The ``cbreplay`` command: imports click and nothing heavy until a command runs."""

from __future__ import annotations

import importlib
import os
import sys

import click

from cbreplay._version import __version__

from .settings import read_settings

_COMMANDS = ("analyze", "explain", "runs", "export", "profiles")


class _UserError(click.ClickException):
    """Wrong usage, or nothing readable."""

    exit_code = 2


class _Commands(click.Group):
    """A group whose commands are imported when they are asked for; errors of ours end with exit code 2."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f".commands.{name}", __package__).command
        return command

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has seen enough
            return None
        except Exception as error:
            message = _explain(error)
            if message is None:
                raise
            raise _UserError(message) from error


def _explain(error: Exception) -> str | None:
    """The sentence for an error that a user can mend; None for a defect of ours."""
    from cbreplay.errors import CbreplayError

    if isinstance(error, CbreplayError):
        return str(error)
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or error}"
    return None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="cbreplay")
@click.pass_context
def cli(context: click.Context) -> None:
    """Replay EarlyStopping and ModelCheckpoint on the logs of past trainings.

    Shows where training would have stopped, which .h5 file would have been kept, and what another patience
    would have cost. Reads TensorBoard event files and history CSVs; never changes a log.
    """
    context.default_map = read_settings()
