"""The look-back rule of the textbooks, and where it parts from Keras' wait counter."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cbreplay as cb

NAN, INF = math.nan, math.inf


def stop(values, **parameters):
    logs = [{} if value is None else {"val_loss": value} for value in values]
    return cb.replay(logs, cb.LookBack(**parameters)).stopped_epoch


@pytest.mark.parametrize(
    ("values", "patience", "min_delta", "lookback", "keras"),
    [
        ([1, 0.9, 0.8, 1.5, 0.7, 0.6, 0.5, 0.4], 3, 0, 3, None),
        ([1, 0.7, 0.95, 0.65, 0.9, 0.6, 0.85, 0.55], 3, 0, 4, None),
        ([0.75, 0.625, 0.5, 0.375, 0.25], 1, 0.125, None, 1),
    ],
)
def test_it_parts_from_the_wait_counter_on_these_curves(values, patience, min_delta, lookback, keras) -> None:
    logs = [{"val_loss": value} for value in values]
    waiting = cb.EarlyStopping(mode="min", patience=patience, min_delta=min_delta)
    assert lookback == stop(values, patience=patience, min_delta=min_delta)
    assert keras == cb.replay(logs, waiting).stopped_epoch


@pytest.mark.parametrize(
    ("values", "parameters", "expected"),
    [
        ([1, 2], {"patience": 2}, None),  # no decision without patience + 1 values
        ([1, 1, 1], {"patience": 1}, None),  # a gain of just 0 goes on
        ([1, NAN], {"patience": 1}, 1),  # a NaN value stops
        ([NAN, 1, 0.5], {"patience": 1}, None),  # a NaN reference decides nothing
        ([INF, INF, 1, 2], {"patience": 1}, 3),
        ([1, None, 2], {"patience": 1}, 2),  # the real epoch is reported
        ([1, 2, 3, 4], {"patience": 1, "start_from_epoch": 2}, 3),
        ([1, 2, 1], {"patience": 1, "mode": "max"}, 2),
    ],
)
def test_edge_cases(values, parameters, expected) -> None:
    assert expected == stop(values, **parameters)


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"mode": "auto"}])
def test_parameters_without_a_meaning_are_refused(wrong) -> None:
    with pytest.raises(cb.ParameterError):
        cb.LookBack(**wrong)


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=40), st.integers(1, 6))
def test_it_never_stops_later_than_the_wait_counter_unless_a_gain_is_zero(curve, patience) -> None:
    logs = [{"val_loss": value} for value in curve]
    waiting = cb.replay(logs, cb.EarlyStopping(mode="min", patience=patience)).stopped_epoch
    if waiting is not None and curve[waiting] != curve[waiting - patience]:
        looking = stop(curve, patience=patience)
        assert looking is not None
        assert looking <= waiting
