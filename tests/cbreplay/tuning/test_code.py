"""The code and settings that are handed out do what the rule does."""

from __future__ import annotations

import math
import sys
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cbreplay as cb
from cbreplay.rules import STOPPING_RULES, StoppingRule
from cbreplay.tuning.code import callback_code, policy_settings, policy_toml
from cbreplay_cli.options import RULES, policy_from

NAN = math.nan


class _Callback:
    def __init__(self) -> None:
        self.model = types.SimpleNamespace(stop_training=False)

    def on_train_begin(self, logs=None) -> None:
        pass


class _EarlyStopping(_Callback):
    """Keras' class, as far as a subclass that hands other logs on needs it."""

    def __init__(self, monitor, mode, patience, min_delta=0.0) -> None:
        super().__init__()
        self.monitor = monitor
        self.rule = cb.EarlyStopping(monitor, mode=mode, patience=patience, min_delta=min_delta)
        self.seen = []

    def on_epoch_end(self, epoch, logs=None) -> None:
        self.seen.append(logs)
        self.model.stop_training = cb.replay(self.seen, self.rule).stopped_epoch is not None


def stopped_by_code(rule: StoppingRule, logs, monkeypatch):
    keras = types.ModuleType("keras")
    keras.callbacks = types.SimpleNamespace(Callback=_Callback, EarlyStopping=_EarlyStopping)
    monkeypatch.setitem(sys.modules, "keras", keras)
    space: dict = {}
    exec(callback_code(rule), space)
    callback = space["callback"]
    callback.on_train_begin()
    for epoch, seen in enumerate(logs):
        callback.on_epoch_end(epoch, seen)
        if callback.model.stop_training:
            return epoch
    return None


values = st.one_of(st.sampled_from([0.25, 0.5, 1.0, 2.0, NAN]), st.floats(0.125, 3, width=32), st.none())
rules = [
    cb.LookBack(patience=2), cb.LookBack(patience=1, min_delta=0.25, mode="max", start_from_epoch=1),
    cb.GeneralizationLoss(alpha=30), cb.GeneralizationLoss(alpha=10, mode="max", start_from_epoch=2),
    cb.ProductivityQuotient(alpha=0.1, strip_length=2), cb.ProductivityQuotient(alpha=0.0, strip_length=3, mode="max"),
    cb.SuccessiveIncreases(strips=2, strip_length=1), cb.SuccessiveIncreases(strips=1, strip_length=2, mode="max"),
    cb.SmoothedEarlyStopping(mode="min", patience=2, smoothing=0.6),
]  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(values, st.sampled_from([1.0, 2.0, NAN])), min_size=1, max_size=16), st.sampled_from(rules))
def test_the_callback_stops_where_the_replay_does(curve, rule) -> None:
    logs = [{"loss": loss} if value is None else {"loss": loss, "val_loss": value} for value, loss in curve]
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert stopped_by_code(rule, logs, monkeypatch) == cb.replay(logs, rule).stopped_epoch


def test_keras_own_rule_needs_no_class() -> None:
    rule = cb.EarlyStopping(mode="min", patience=8, min_delta=0.006)
    expected = "keras.callbacks.EarlyStopping(monitor='val_loss', patience=8, min_delta=0.006, mode='min')"
    assert callback_code(rule) == expected


@pytest.mark.parametrize("rule", [cb.EarlyStopping(mode="min", patience=3, restore_best_weights=True), *rules])
def test_settings_stand_for_the_rule_they_were_made_from(rule) -> None:
    tomllib = pytest.importorskip("tomllib")
    found = tomllib.loads(policy_toml(rule))
    assert found == policy_settings(rule)
    unset = dict.fromkeys(("baseline", "smoothing", "alpha", "strip_length", "strips", "checkpoint_monitor",
                           "checkpoint_mode", "save_freq", "initial_value_threshold"))  # fmt: skip
    defaults = {"rule": "keras", "min_delta": 0.0, "patience": 5, "start_from_epoch": 0, "restore_best_weights": False,
                "filepath": "a.h5", "save_best_only": True, "save_weights_only": False}  # fmt: skip
    assert policy_from({**unset, **defaults, **found})[0] == rule


def test_the_command_line_knows_every_rule() -> None:
    assert tuple(STOPPING_RULES) == RULES
