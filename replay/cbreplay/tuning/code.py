"""A recommended rule as something to paste: a callback in Python, or settings for cbreplay.toml."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

from ..rules import STOPPING_RULES, EarlyStopping, Rule
from ..text import number

#: What is named also where it is a default: ours need not be those of the reader's version.
_TOLD = ("monitor", "mode", "patience", "min_delta", "alpha", "strips", "strip_length", "smoothing")


def rule_in_words(rule: Rule) -> str:
    """The parameters of a rule that tell it apart from others of its kind: ``patience 8, min_delta 0.006``."""
    always = ("patience", "alpha", "strips", "smoothing")
    told = [
        f"{name} {number(value)}" for name, value in rule.parameters().items()
        if name in (*always, "min_delta", "start_from_epoch", "strip_length") and (value or name in always)
    ]  # fmt: skip
    return ", ".join(sorted(told, key=lambda text: not text.startswith("patience")))


def callback_code(rule: Rule) -> str:
    """Python code that makes the callback: Keras' own, or a small class where Keras has none."""
    if isinstance(rule, EarlyStopping):
        return f"keras.callbacks.{rule.call()}"
    return f"import keras\n\n\n{_class_text(type(rule).__name__)}\n\n\ncallback = {rule.call(*_TOLD)}"


def _class_text(name: str) -> str:
    text = (Path(__file__).parent / "keras_callbacks.py").read_text(encoding="utf-8")
    found = next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == name)
    return "\n".join(text.split("\n")[found.lineno - 1 : found.end_lineno])


def policy_settings(rule: Rule) -> dict[str, Any]:
    """The options of cbreplay that stand for a rule, as cbreplay.toml takes them."""
    name = next(name for name, kind in STOPPING_RULES.items() if kind is type(rule))
    told = {} if name == "keras" else {"rule": name}
    values = rule.parameters()
    return told | {
        key: value for key, value in values.items()
        if value is not None and key != "verbose" and key in {*rule.changed_parameters(), *_TOLD}
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
