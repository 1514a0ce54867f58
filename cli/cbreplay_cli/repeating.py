"""The command line that gives the same again, from what click was given."""

from __future__ import annotations

import shlex
from typing import Any

import click

_SOURCES = (
    click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.ENVIRONMENT,
    click.core.ParameterSource.DEFAULT_MAP,
)  # fmt: skip


def command_line(context: click.Context, without: tuple[str, ...] = ()) -> str:
    """``cbreplay COMMAND LOGDIR …`` with all that was given on the command line, in a variable or in the settings.

    ``without`` names parameters that change nothing of the result.
    """
    logdir = str(context.params["logdir"])
    words: list[str] = []
    for parameter in context.command.params:
        name = str(parameter.name)
        given = context.get_parameter_source(name) in _SOURCES and name in context.params
        if given and name not in without and isinstance(parameter, click.Option):
            words += _of_option(parameter, context.params[name])
    placed = [*words, "--", logdir] if logdir.startswith("-") else [logdir, *words]
    return shlex.join(["cbreplay", str(context.info_name), *placed])


def _of_option(option: click.Option, value: Any) -> list[str]:
    flag = option.opts[-1]
    if option.is_flag:
        return [flag] if value else option.secondary_opts[:1]
    values = [f"{name}={tag}" for name, tag in value.items()] if isinstance(value, dict) else value
    if option.multiple:
        return [word for item in values for word in (flag, str(item))]
    if isinstance(values, tuple):
        return [flag, ",".join(f"{item:g}" for item in values)]
    return [] if values is None else [flag, str(values)]
