"""Commands called as from a shell, in this process."""

from __future__ import annotations

from typing import Any

from click.testing import CliRunner, Result

from cbreplay_cli.main import cli


def run(*arguments: object, **settings: Any) -> Result:
    """``cbreplay`` with these words."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], **settings)
