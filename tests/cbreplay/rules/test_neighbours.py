"""ReduceLROnPlateau and TerminateOnNaN beside the others."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

import cbreplay as cb

DATA = Path(__file__).parents[2] / "data" / "logs"


def rates(values, profile="keras-3.15", learning_rate=1.0, **parameters):
    rule = cb.ReduceLROnPlateau(**{"mode": "min", "factor": 0.5, "min_delta": 0, **parameters})
    outcome = cb.replay([{"val_loss": v} for v in values], rule, profile=profile, learning_rate=learning_rate)
    return list(outcome.callbacks[0].learning_rates)


@pytest.mark.parametrize(
    ("values", "parameters", "expected"),
    [
        ([1, 2, 2, 2, 2], {"patience": 2}, [1, 1, 0.5, 0.5, 0.25]),
        ([1, 2, 2, 2, 2], {"patience": 1, "cooldown": 1}, [1, 0.5, 0.25, 0.125, 0.0625]),
        ([1, 2, 2, 2, 2, 2], {"patience": 1, "cooldown": 2}, [1, 0.5, 0.5, 0.25, 0.25, 0.125]),
        ([1, 2, 2, 2], {"patience": 1, "min_lr": 0.4}, [1, 0.5, float(np.float32(0.4)), float(np.float32(0.4))]),
        ([1, 0.5, 0.25], {"patience": 1}, [1, 1, 1]),
    ],
)
def test_rates_after_each_epoch(values, parameters, expected) -> None:
    assert rates(values, **parameters) == expected


def test_keras_before_2_1_6_reduces_one_bad_epoch_later() -> None:
    old, new = (rates([1, 2, 2, 2], profile, patience=1, min_delta=1e-4) for profile in ("keras-2.1.5", "keras-2.1.6"))
    assert (old, new) == ([1, 1, 0.5, 0.25], [1, 0.5, 0.25, 0.125])


def test_the_rate_of_the_epoch_stands_in_the_logs_of_the_callbacks_behind() -> None:
    rules = [cb.ReduceLROnPlateau(mode="min", factor=0.5, patience=1), cb.ModelCheckpoint("{learning_rate}.h5")]
    logs = [{"val_loss": 1.0}, {"val_loss": 2.0}, {"val_loss": 2.0}]
    assert list(cb.replay(logs, rules, learning_rate=1.0).files) == ["1.0.h5", "0.5.h5"]
    with pytest.raises(cb.CallbackError, match="learning_rate"):
        cb.replay(logs, rules[::-1], learning_rate=1.0)


def test_the_rate_at_the_start_is_asked_for_and_the_caveat_said() -> None:
    rule = cb.ReduceLROnPlateau(mode="min")
    with pytest.raises(cb.ParameterError, match="learning_rate"):
        cb.replay([{"val_loss": 1.0}], rule)
    assert "changes the training" in cb.replay([{"val_loss": 1.0}], rule, learning_rate=0.1).notes[0]


def test_a_real_run_has_the_rates_that_it_had() -> None:
    folder = DATA / "tf221-keras3" / "reduce_lr"
    truth = json.loads((folder / "truth.json").read_text())["fits"][0]
    used = {c["callback"]: c["params"] for c in truth["callbacks"]}
    rules = [cb.ReduceLROnPlateau(**used["ReduceLROnPlateau"]), cb.EarlyStopping(**used["EarlyStopping"])]
    outcome = cb.replay(cb.load_runs(folder)[0], rules, learning_rate=0.05)
    after = outcome.callbacks[0].learning_rates
    before = truth["history"]["learning_rate"]
    assert [float(np.float32(rate)) for rate in before[1:]] == list(after[: len(before) - 1])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_training_ends_with_the_epoch_whose_loss_is_not_finite_and_that_epoch_is_saved(bad) -> None:
    logs = [{"loss": 1.0, "val_loss": 1.0}, {"loss": bad, "val_loss": 2.0}, {"loss": 1.0, "val_loss": 1.0}]
    outcome = cb.replay(logs, [cb.ModelCheckpoint("{epoch}.h5"), cb.TerminateOnNaN()])
    assert (outcome.verdict, outcome.stopped_epoch, outcome.files) == ("stopped", 1, {"1.h5": 0, "2.h5": 1})
    assert "no longer finite" in outcome.reason


def test_raise_error_raises_where_the_release_has_it() -> None:
    rule = cb.TerminateOnNaN(raise_error=True)
    with pytest.raises(cb.CallbackError) as raised:
        cb.replay([{"loss": math.nan}], rule, profile="keras-3.15")
    assert (raised.value.type_name, raised.value.epoch) == ("RuntimeError", 0)
    with pytest.raises(cb.ParameterError, match=r"3\.13"):
        cb.replay([{"loss": 1.0}], rule, profile="keras-3.12")


@pytest.mark.parametrize("folder", ["tf221-keras3/nan_terminate", "tf215-keras2/nan_terminate"])
def test_a_real_run_that_broke_down_ends_where_it_did(folder) -> None:
    truth = json.loads((DATA / folder / "truth.json").read_text())["fits"][0]
    outcome = cb.replay(cb.load_runs(DATA / folder)[0], [cb.TerminateOnNaN(), cb.EarlyStopping(patience=6)])
    assert outcome.stopped_epoch == truth["last_epoch_index"]


def test_the_numpy_backend_compares_in_float64() -> None:
    logs = [{"val_loss": value} for value in (0.1, 0.1 - 1e-9, 0.1 - 2e-9)]
    rule = cb.EarlyStopping(mode="min", patience=2)
    stops = [
        cb.replay(logs, rule, profile=p).stopped_epoch for p in ("keras-3.15", "keras-3.15+jax", "keras-3.15+numpy")
    ]
    assert stops == [2, 2, None]
    with pytest.raises(cb.UnknownProfileError, match="backend"):
        cb.resolve_profile("keras-2.15+numpy")
