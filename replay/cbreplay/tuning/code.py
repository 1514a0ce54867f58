"""A recommended rule as something to paste: a callback in Python, or settings for cbreplay.toml."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

from ..rules import STOPPING_RULES, EarlyStopping, Rule


def rule_call(rule: Rule) -> str:
    """A rule as a call of its class, its monitor and mode and what differs from the defaults named."""
    always = ("monitor", "patience", "mode")
    told = {name: value for name, value in rule.parameters().items() if name in always} | rule.changed_parameters()
    return f"{type(rule).__name__}({', '.join(f'{name}={value!r}' for name, value in told.items())})"


def callback_code(rule: Rule) -> str:
    """Python code that makes the callback: Keras' own, or a small class where Keras has none."""
    if isinstance(rule, EarlyStopping):
        return f"keras.callbacks.{rule_call(rule)}"
    return f"import keras\n\n\n{_class_text(type(rule).__name__)}\n\n\ncallback = {_full_call(rule)}"


def _class_text(name: str) -> str:
    text = (Path(__file__).parent / "keras_callbacks.py").read_text(encoding="utf-8")
    found = next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == name)
    return "\n".join(text.split("\n")[found.lineno - 1 : found.end_lineno])


def _full_call(rule: Rule) -> str:
    """A call that names every parameter that the class needs, also where it is a default of ours."""
    needed = {"alpha", "strips", "strip_length", "smoothing", "min_delta"}
    told = {
        name: value for name, value in rule.parameters().items()
        if name in needed or name in ("monitor", "patience", "mode") or name in rule.changed_parameters()
    }  # fmt: skip
    return f"{type(rule).__name__}({', '.join(f'{name}={value!r}' for name, value in told.items())})"


def policy_settings(rule: Rule) -> dict[str, Any]:
    """The options of cbreplay that stand for a rule, as cbreplay.toml takes them."""
    name = next(name for name, kind in STOPPING_RULES.items() if kind is type(rule))
    told = {} if name == "keras" else {"rule": name}
    values = rule.parameters()
    return told | {
        key: value for key, value in values.items()
        if value is not None and key != "verbose" and (key in ("monitor", "mode", "patience") or key in
           {*rule.changed_parameters(), "min_delta", "alpha", "strips", "strip_length", "smoothing"})
    }  # fmt: skip


def policy_toml(rule: Rule) -> str:
    """A rule as lines of cbreplay.toml."""
    return "\n".join(f"{name} = {_toml(value)}" for name, value in policy_settings(rule).items())


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value)  # a TOML basic string has the same escapes
    return repr(value)
