"""Which runs belong together: by folder, by everything but the seed, or by a pattern of the path."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import ParameterError

_SEED = re.compile(r"(?<![A-Za-z0-9])(seed|rng|s|run|rep|trial|version)([=_-]?)(\d+)(?![A-Za-z0-9])", re.IGNORECASE)


def group_runs(names: Sequence[str], by: str) -> dict[str, list[int]]:
    """The places of the runs of each group, groups in the order of their first run.

    ``by`` is ``seed`` (names that differ only in a number behind seed, rng, s, run, rep, trial or version),
    ``folder`` (the first folder of the path) or a pattern: text as it stands, ``*`` for anything, ``{name}`` for a
    piece of a path that names the group, as in ``{model}/*``. Runs that the pattern does not fit have no group.
    Raises :class:`ParameterError` for a pattern without a ``{name}``, or one that fits nothing.
    """
    if by == "seed":
        keys: list[str | None] = [_SEED.sub(r"\1\2*", name) for name in names]
    elif by == "folder":
        keys = [name.split("/")[0] for name in names]
    else:
        pattern = _pattern(by)
        keys = [_key(pattern.fullmatch(name)) for name in names]
        if names and not any(key is not None for key in keys):
            raise ParameterError(f"no run fits the pattern {by!r}; the first is called {names[0]!r}")
    groups: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        if key is not None:
            groups.setdefault(key, []).append(place)
    return groups


def _pattern(text: str) -> re.Pattern[str]:
    pieces = re.split(r"(\*|\{\w*\})", text)
    fields = [piece for piece in pieces if piece.startswith("{")]
    if not fields:
        raise ParameterError(
            f"group pattern {text!r} names no group: write seed, folder, or a pattern such as '{{model}}/*'"
        )
    made = ""
    for piece in pieces:
        made += ".*" if piece == "*" else "([^/]+?)" if piece.startswith("{") else re.escape(piece)
    return re.compile(made)


def _key(found: re.Match[str] | None) -> str | None:
    return None if found is None else "/".join(found.groups())
