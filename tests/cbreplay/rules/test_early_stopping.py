"""EarlyStopping's edge cases, one by one, and what holds for every curve."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cbreplay as cb

NAN, INF = math.nan, math.inf


def outcome(values, profile="keras-3.15", **parameters):
    logs = [{} if value is None else {"val_loss": value} for value in values]
    return cb.replay(logs, cb.EarlyStopping(**parameters), profile=profile)


@pytest.mark.parametrize(
    ("values", "parameters", "stopped", "best", "wait"),
    [
        ([3, 2, 1, 1.5, 1.5], {"patience": 2}, 4, 2, 2),
        ([3, 2, 1, 1.5, 1.5], {"patience": 3}, None, 2, 2),
        ([1, 1, 1], {"patience": 2}, 2, 0, 2),  # ties do not improve
        ([0.75, 0.625, 0.5], {"patience": 1, "min_delta": 0.125}, 1, 0, 1),  # a gain of just min_delta
        ([1, 2, 3], {"patience": 0}, 1, 0, 1),
        ([1, 0.5, 0.4], {"patience": 0}, None, 2, 0),
        ([NAN, 1, 0.5], {"patience": 2}, 2, 0, 2),  # the first value is best for good
        ([1, NAN, NAN], {"patience": 2}, 2, 0, 2),
        ([INF, 5, 6], {"patience": 2}, None, 1, 1),
        ([-INF, -1, -2], {"patience": 2}, 2, 0, 2),
        ([1, None, 2, None, 2], {"patience": 2}, 4, 0, 2),  # patience counts evaluations
        ([9, 9, 1, 2, 3], {"patience": 2, "start_from_epoch": 2}, 4, 2, 2),
        ([5, 4, 3, 3.5], {"patience": 3, "baseline": 1.0}, 3, 2, 4),
        ([5, 4, 0.5, 0.6], {"patience": 3, "baseline": 1.0}, None, 2, 1),
        ([1, 2, 3], {"patience": 2, "mode": "max"}, None, 2, 0),
        ([0.1, 0.1 - 1e-9, 0.1 - 2e-9], {"patience": 2}, 2, 0, 2),  # equal as float32
    ],
)
def test_newest_rule_on_a_table_of_curves(values, parameters, stopped, best, wait) -> None:
    found = outcome(values, **{"mode": "min", **parameters})
    assert (stopped, best, wait) == (found.stopped_epoch, found.best_epoch, found.attributes["wait"])


@pytest.mark.parametrize(
    ("profile", "values", "parameters", "stopped"),
    [
        ("keras-1.2", [1, 2, 2, 2], {"patience": 2}, 3),  # one bad epoch later than all others
        ("keras-2.0", [1, 2, 2, 2], {"patience": 2}, 2),
        ("keras-2.2.4", [NAN, 1], {"patience": 1}, 0),  # no guard at the first epoch
        ("keras-2.6", [2, 1], {"patience": 0}, 0),
        ("keras-2.7", [2, 1], {"patience": 0}, 1),  # an improving epoch can stop
        ("keras-2.12", [2, 1], {"patience": 0}, None),
        ("keras-2.15", [NAN, 1, 2], {"patience": 2}, None),
        ("keras-3.6", [NAN, 1, 2], {"patience": 2}, None),
        ("keras-3.7", [NAN, 1, 0.5], {"patience": 2}, 2),
        ("keras-2.15", [0.1, 0.1 - 1e-9, 0.1 - 2e-9], {"patience": 2}, None),  # float64
        ("keras-3.0", [0.1, 0.1 - 1e-9, 0.1 - 2e-9], {"patience": 2}, 2),
        ("keras-2.3.1", [1, 1.05, 1.1, 1.15], {"patience": 1, "min_delta": -0.1}, None),  # the sign is kept
        ("tf.keras-2.3", [1, 1.05, 1.1, 1.15], {"patience": 1, "min_delta": -0.1}, 1),
    ],
)
def test_generations_differ_where_they_differed(profile, values, parameters, stopped) -> None:
    assert stopped == outcome(values, profile, mode="min", **parameters).stopped_epoch


@pytest.mark.parametrize(
    ("profile", "patience", "restored"),
    [
        ("keras-2.0", 2, "TypeError"),
        ("keras-2.2.4", 2, 1),
        ("keras-2.2.4", 9, None),
        ("keras-2.15", 2, 1),
        ("keras-2.15", 9, None),
        ("tf_keras-2.16", 9, 1),
        ("keras-3.0", 9, 1),
        ("keras-3.15", 9, 1),
    ],
)
def test_best_weights_are_restored_when_that_release_does(profile, patience, restored) -> None:
    values = [2, 1, 3, 3, 3]
    if isinstance(restored, str):
        with pytest.raises(cb.CallbackError) as raised:
            outcome(values, profile, mode="min", patience=patience, restore_best_weights=True)
        assert (restored, -1) == (raised.value.type_name, raised.value.epoch)
        return
    found = outcome(values, profile, mode="min", patience=patience, restore_best_weights=True)
    assert restored == found.restored_epoch


def test_a_missing_monitor_warns_and_never_stops() -> None:
    found = cb.replay([{"loss": 1.0}] * 5, cb.EarlyStopping(patience=1), profile="keras-3.15")
    assert (found.stopped_epoch, len(found.warnings)) == (None, 1)
    assert "val_loss" in found.warnings[0]


@pytest.mark.parametrize(
    ("profile", "monitor", "compiled", "mode"),
    [
        ("keras-1.2", "val_fmeasure", None, "min"),
        ("keras-2.3.1", "val_vacc_loss", None, "max"),
        ("keras-2.6", "val_auc", None, "min"),
        ("keras-2.7", "val_auc", None, "max"),
        ("keras-2.7", "val_auc_1", None, "min"),
        ("keras-3.15", "val_auc_1", None, "max"),
        ("keras-3.15", "val_loss", {}, "min"),
        ("keras-3.15", "val_f9", {"f9": "up"}, "max"),
        ("keras-3.15", "val_f9", {"f9": None}, "ValueError"),
        ("keras-3.15", "val_f9", {}, "ValueError"),
    ],
)
def test_auto_mode_is_that_of_the_release(profile, monitor, compiled, mode) -> None:
    rule = cb.EarlyStopping(monitor=monitor)
    if mode == "ValueError":
        with pytest.raises(cb.CallbackError, match="automatically determine") as raised:
            cb.replay([{monitor: 1.0}], rule, profile=profile, compiled_metrics=compiled)
        assert (raised.value.type_name, raised.value.epoch) == ("ValueError", 0)
    else:
        found = cb.replay([{monitor: 1.0}], rule, profile=profile, compiled_metrics=compiled)
        assert mode == found.mode


def test_an_unknown_direction_is_asked_for_when_the_model_is_not_known() -> None:
    with pytest.raises(cb.ParameterError, match="mode='min' or mode='max'"):
        cb.replay([{"val_f9": 1.0}], cb.EarlyStopping(monitor="val_f9"))


def test_trace_says_by_how_much_a_value_fell_short() -> None:
    trace = outcome([1.0, 0.75, 0.7], mode="min", patience=3, min_delta=0.125).trace
    assert trace["event"].tolist() == ["improves", "improves", "waits"]
    assert trace["margin"].isna().tolist() == [True, False, False]
    assert [0.125, pytest.approx(-0.075)] == trace["margin"].tolist()[1:]


curves = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=40)
deltas = st.sampled_from([0, 0.125, 1])
profiles = st.sampled_from([profile.name for profile in cb.list_profiles()])


@given(curves, st.integers(0, 6), profiles)
def test_epochs_after_the_stop_change_nothing(curve, patience, profile) -> None:
    found = outcome(curve, profile, mode="min", patience=patience)
    if found.stopped_epoch is not None:
        again = outcome(curve[: found.stopped_epoch + 1], profile, mode="min", patience=patience)
        assert (found.stopped_epoch, found.attributes) == (again.stopped_epoch, again.attributes)


@given(curves, st.integers(0, 6), deltas, profiles)
def test_flipping_the_sign_and_the_mode_gives_the_same_decision(curve, patience, delta, profile) -> None:
    low = outcome(curve, profile, mode="min", patience=patience, min_delta=delta)
    high = outcome([-value for value in curve], profile, mode="max", patience=patience, min_delta=delta)
    assert (low.stopped_epoch, low.best_epoch) == (high.stopped_epoch, high.best_epoch)


@given(curves, st.integers(0, 6), deltas, st.sampled_from([2.0, 0.5, 1024.0]), profiles)
def test_scaling_curve_and_min_delta_by_a_power_of_two_gives_the_same_decision(
    curve, patience, delta, factor, profile
) -> None:
    one = outcome(curve, profile, mode="min", patience=patience, min_delta=delta)
    scaled = [value * factor for value in curve]
    if any(value and abs(value) < 1e-30 for value in (*curve, *scaled)):
        return  # float32 loses digits there
    other = outcome(scaled, profile, mode="min", patience=patience, min_delta=delta * factor)
    assert (one.stopped_epoch, one.best_epoch) == (other.stopped_epoch, other.best_epoch)


@given(curves, st.integers(1, 6))
def test_more_patience_never_stops_earlier(curve, patience) -> None:
    one = outcome(curve, mode="min", patience=patience).stopped_epoch
    more = outcome(curve, mode="min", patience=patience + 1).stopped_epoch
    assert more is None or (one is not None and one < more)
