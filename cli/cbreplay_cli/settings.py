"""Defaults of options from ``cbreplay.toml`` or ``[tool.cbreplay]`` in ``pyproject.toml`` of the working folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .suggesting import closest

_NOT_TRIED = (
    "monitor", "mode", "baseline", "restore_best_weights", "profile", "planned_epochs", "histories", "epoch_axis",
    "max_regret", "budget", "absolute", "final", "compare", "censored", "group_by", "confidence", "resamples", "seed",
    "out", "plots", "no_cache", "figure_format", "figure_size", "dpi", "figure_style", "x_axis",
)  # fmt: skip


#: The key of what the file says of a policy, for commands whose options of that name mean something else.
POLICY = "policy"

#: The key of the tables of policies, in the file and in what ``compare`` gets.
POLICIES = "policies"


def read_settings(folder: Path | None = None, known: Callable[[], set[str]] | None = None) -> dict[str, dict[str, Any]]:
    """click's default map, command -> option -> value; a flag or ``CBREPLAY_*`` variable goes before it.

    A key at the top is an option's name (``patience = 8``) for every command that has it; raises a usage
    error that names the file where it cannot be parsed, or has a key that is no option (``known`` gives those).
    The tables of ``[policies]`` are handed to ``compare`` as they stand, under :data:`POLICIES`.
    """
    folder = folder or Path()
    for path, table in ((folder / "cbreplay.toml", ()), (folder / "pyproject.toml", ("tool", "cbreplay"))):
        try:
            is_there = path.is_file()
        except OSError:
            continue
        if not is_there:
            continue
        found = _parse(path, table)
        if found is not None:
            policies = found.pop(POLICIES, {})
            if not isinstance(policies, dict):
                raise click.UsageError(f"{path}: {POLICIES!r} are tables, as in [{POLICIES}.NAME], not {policies!r}")
            options = {key.replace("-", "_"): value for key, value in found.items()}
            for key in set(options) - (known() if known is not None else set(options)):
                near = closest(key, sorted(known()) if known else [])
                hint = f"; did you mean {near!r}?" if near else ""
                raise click.UsageError(f"{path}: {key!r} is no option of cbreplay{hint}")
            return dict.fromkeys(("analyze", "report", "explain", "runs", "checkpoints", "best"), options) | {
                "tune": _tuned(options),
                "compare": {**options, POLICIES: policies},
            }
    return {}


def _tuned(policy: dict[str, Any]) -> dict[str, Any]:
    """What a policy means to ``tune``: its parameters are what one uses today (``policy``), not the values to try."""
    return {name: policy[name] for name in _NOT_TRIED if name in policy} | {POLICY: policy}


def _parse(path: Path, table: tuple[str, ...]) -> dict[str, Any] | None:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        text = path.read_text(encoding="utf-8")
        content: Any = tomllib.loads(text) if table == () or table[-1] in text else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        if table:  # somebody else's pyproject.toml is none of our business
            return None
        raise click.UsageError(f"{path}: {error}") from error
    for key in table:
        content = content.get(key) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else None
