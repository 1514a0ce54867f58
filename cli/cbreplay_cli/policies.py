"""Policies as the command line takes them: a table of the settings file, or ``name: patience=10,min_delta=0.001``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from .options import policy_from, rule_options
from .suggesting import closest

if TYPE_CHECKING:
    from cbreplay import Policy

#: Values of the parameter that says how long a rule waits, where nobody names a policy.
LADDERS: dict[str, tuple[str, tuple[float, ...]]] = {
    "keras": ("patience", (3, 5, 10, 20)),
    "lookback": ("patience", (3, 5, 10, 20)),
    "smoothed": ("patience", (3, 5, 10, 20)),
    "gl": ("alpha", (1.0, 2.0, 5.0, 10.0)),
    "pq": ("alpha", (0.5, 1.0, 2.0, 5.0)),
    "up": ("strips", (2, 3, 4, 6)),
}

_NOT_OF_A_POLICY = ("steps_per_epoch",)
_NAMED = re.compile(r"\s*(?P<name>[^=]*?)\s*:(?P<rest>[^:]*=.*|\s*)$", re.DOTALL)


def policies_from(
    texts: Sequence[str], tables: Mapping[str, Any], base: Mapping[str, Any], alone: bool
) -> tuple[list[Policy], str | None]:
    """The policies that are asked for, each ``base`` (values of ``rule_options``) with changes, and a remark on them.

    ``texts`` are those of ``--policy``, ``tables`` the ``[policies]`` of the settings. Without either: ``base`` itself
    where it is to stand ``alone``, else a ladder. Raises a usage error that names the policy and the key.
    """
    remark = None
    if texts:
        changes = [_changes(text, tables) for text in texts]
    elif tables:
        changes = [(name, _table(name, tables)) for name in tables]
    elif alone:
        changes = [("as given", {})]
    else:
        changes, remark = _ladder(base)
    names = [name for name, _ in changes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise click.UsageError(f"policy {twice!r} is given twice.")
    return [_policy(name, changed, base) for name, changed in changes], remark


def _ladder(base: Mapping[str, Any]) -> tuple[list[tuple[str, dict[str, Any]]], str]:
    key, values = LADDERS[base["rule"]]
    steps = sorted({*values, base[key]} if base[key] is not None else values)
    told = ", ".join(f"{step:g}" for step in steps)
    return (
        [(f"{key} {step:g}", {key: step}) for step in steps],
        f"no policy was named: {key} {told}; name others with --policy, or as [policies.NAME] in cbreplay.toml",
    )


def _changes(text: str, tables: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if text in tables:
        return text, _table(text, tables)
    named = _NAMED.match(text)
    name, rest = (named["name"], named["rest"]) if named is not None and named["name"] else (None, text)
    if name is not None and not rest.strip():
        return name, {}
    if "=" not in rest:
        _refuse_name(text, tables)
    changed: dict[str, Any] = {}
    for piece in rest.split(","):
        key, equals, value = (part.strip() for part in piece.partition("="))
        if not equals or not key:
            raise click.UsageError(
                f"policy {name or text!r}: {piece.strip()!r} is not KEY=VALUE, as in 'patience=10,min_delta=0.001'."
            )
        key = key.lstrip("-").replace("-", "_")
        if key in changed:
            raise click.UsageError(f"policy {name or text!r}: {key!r} is given twice.")
        changed[key] = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
    return name or ", ".join(f"{key} {value}" for key, value in changed.items()), changed


def _refuse_name(text: str, tables: Mapping[str, Any]) -> None:
    if not tables:
        raise click.UsageError(
            f"no policy {text!r}: the settings have no [policies.{text}]; write one there, or its parameters here, "
            "as in --policy 'patience=10,min_delta=0.001'."
        )
    near = closest(text, list(tables))
    hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(list(tables)[:8])}"
    raise click.UsageError(f"no policy {text!r} in the settings; {hint}")


def _table(name: str, tables: Mapping[str, Any]) -> dict[str, Any]:
    table = tables[name]
    if not isinstance(table, Mapping):
        raise click.UsageError(f"policy {name!r} is a table of parameters, as in [policies.{name}], not {table!r}.")
    return {str(key).replace("-", "_"): value for key, value in table.items()}


def _policy(name: str, changed: Mapping[str, Any], base: Mapping[str, Any]) -> Policy:
    """The base with changes; a new monitor takes its direction anew, unless that is changed, too."""
    import cbreplay as cb

    known = {option.name: option for option in _options() if option.name not in _NOT_OF_A_POLICY}
    values = dict(base)
    if "monitor" in changed and changed["monitor"] != base["monitor"]:
        values["mode"] = None
    for key, value in changed.items():
        option = known.get(key)
        if option is None:
            near = closest(key, [str(other) for other in known])
            hint = f"; did you mean {near!r}?" if near else ""
            raise click.UsageError(f"policy {name!r}: {key!r} is no parameter of a policy{hint}")
        values[key] = _converted(name, key, value, option)
    try:
        rules = policy_from(values)
    except (click.UsageError, cb.CbreplayError) as error:
        said = error.message if isinstance(error, click.UsageError) else str(error)
        raise click.UsageError(f"policy {name!r}: {said}") from error
    named = {item.name for rule in rules for item in fields(rule)}  # type: ignore[arg-type]
    for key in changed:
        if key not in named and key not in ("rule", "profile", "checkpoint_monitor", "checkpoint_mode"):
            raise click.UsageError(f"policy {name!r}: the rule {values['rule']!r} has no {key!r}.")
    return cb.Policy(name, rules, values["profile"] if "profile" in changed else None)


def _options() -> list[click.Option]:
    """The options that make a policy, as ``analyze`` has them."""

    def bare() -> None:
        """Carries the options."""

    return [item for item in rule_options(bare).__click_params__ if isinstance(item, click.Option)]  # type: ignore[attr-defined]


def _converted(name: str, key: str, value: Any, option: click.Option) -> Any:
    """A value as the option of that name would give it; what TOML has typed already has to fit, too."""
    is_flag = option.type.name == "boolean"
    if not isinstance(value, (str, int, float)) or isinstance(value, bool) != (is_flag and not isinstance(value, str)):
        kind = "true or false" if is_flag else "a number or text"
        raise click.UsageError(f"policy {name!r}: {key} is {kind}, not {value!r}.")
    try:
        return option.type.convert(str(value), None, None)
    except click.BadParameter as error:
        raise click.UsageError(f"policy {name!r}: {key}: {error.message}") from error
