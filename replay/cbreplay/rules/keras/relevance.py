"""Which differences between generations can matter for given callbacks on given values.

A generation that differs only in what cannot matter gives the same answer, and need not be replayed. Each entry says
when the flag of that name in ``eras.py`` can change a decision, a file or the restored weights of a single fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np

from ..base import Rule
from ..profiles import Profile
from .early_stopping import EarlyStopping
from .eras import EarlyStoppingEra, ModelCheckpointEra
from .model_checkpoint import ModelCheckpoint
from .reduce_lr_on_plateau import ReduceLROnPlateau

#: The monitored values of each epoch, in order; None where an epoch has none.
Values = Sequence[float | None]

_NEVER_IN_ONE_FIT = {"best_survives_fit", "best_weights_survive_fit", "resets_stopped_epoch"}
_ONLY_SHOWN = {"code", "releases", "differs", "has_best_epoch", "fallback_sets_best_epoch", "explains_format_errors"}

_STOPPING: dict[str, Callable[[EarlyStopping, Values], bool]] = {
    "compares_in_float32": lambda rule, values: rule.min_delta != 0 or not _exact_in_float32(values),
    "first_value_is_best": lambda rule, values: _has_non_finite(values),
    "best_starts_at_baseline": lambda rule, values: rule.baseline is not None,
    "keeps_sign_of_min_delta": lambda rule, values: rule.min_delta < 0,
    "improving_epoch_can_stop": lambda rule, values: rule.patience <= 0 or rule.baseline is not None,
    "never_stops_at_epoch_0": lambda rule, values: rule.patience <= 1,
    "restores": lambda rule, values: rule.restore_best_weights,
    "first_weights_are_fallback": lambda rule, values: rule.restore_best_weights,
    "mode_rule": lambda rule, values: rule.mode not in ("min", "max"),
    "unknown_mode_crashes": lambda rule, values: rule.mode not in ("auto", "min", "max"),
    "missing_monitor_crashes": lambda rule, values: None in values,
    "parameters": lambda rule, values: bool(rule.changed_parameters()),
}
_SAVING: dict[str, Callable[[ModelCheckpoint, Values], bool]] = {
    "compares_in_float32": lambda rule, values: rule.save_best_only and not _exact_in_float32(values),
    "first_value_is_best": lambda rule, values: rule.save_best_only and _has_non_finite(values),
    "saves_without_monitor": lambda rule, values: rule.save_best_only and None in values,
    "mode_rule": lambda rule, values: rule.mode not in ("min", "max"),
    "mode_resolved_at_epoch_end": lambda rule, values: rule.mode not in ("min", "max") or rule.save_freq != "epoch",
    "names_have_batch": lambda rule, values: rule.save_freq != "epoch",
    "best_only_fails_for_keras_zip": lambda rule, values: rule.save_best_only and rule.filepath.endswith(".keras"),
    "formats_python_floats": lambda rule, values: "!" in rule.filepath,
    "ignores_unknown_parameters": lambda rule, values: bool(rule.changed_parameters()),
    "keras_zip_refuses_options": lambda rule, values: rule.options is not None,
}


def _exact_in_float32(values: Values) -> bool:
    known = np.array([value for value in values if value is not None and math.isfinite(value)])
    with np.errstate(over="ignore"):
        return bool((known == known.astype(np.float32)).all())


def _has_non_finite(values: Values) -> bool:
    return any(value is not None and not math.isfinite(value) for value in values)


def relevant_flags(rules: Sequence[Rule], values: Sequence[Values]) -> list[tuple[str, tuple[str, ...]]]:
    """What of a profile can matter for these rules, each with the values of its monitor: (part, flags)."""
    flags: list[tuple[str, tuple[str, ...]]] = []
    for rule, seen in zip(rules, values, strict=True):
        if isinstance(rule, EarlyStopping):
            flags.append(("early_stopping", _mattering(EarlyStoppingEra, _STOPPING, rule, seen)))
        elif isinstance(rule, ModelCheckpoint):
            flags.append(("model_checkpoint", _mattering(ModelCheckpointEra, _SAVING, rule, seen)))
        elif isinstance(rule, ReduceLROnPlateau):
            flags.append(("reduce_lr", ("code",)))
    return flags


def _mattering(era: type, table: dict[str, Callable[..., bool]], rule: Rule, values: Values) -> tuple[str, ...]:
    """The flags of an era that matter; one that the table does not know always does."""
    names = [item.name for item in fields(era) if item.name not in _NEVER_IN_ONE_FIT | _ONLY_SHOWN]
    return tuple(name for name in names if name not in table or table[name](rule, values))


def answer_key(profile: Profile, flags: Sequence[tuple[str, tuple[str, ...]]]) -> tuple[object, ...]:
    """The values of those flags: profiles with equal keys give equal answers."""
    return tuple(getattr(getattr(profile, part), name) for part, names in flags for name in names)
