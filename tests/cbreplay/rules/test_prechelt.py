"""Prechelt's criteria, and Keras' rule on a smoothed curve."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cbreplay as cb
from cbreplay.rules.smoothed import Smoother

NAN, INF = math.nan, math.inf


def stop(rule, values, training=None):
    training = [1.0] * len(values) if training is None else training
    logs = [
        {"loss": loss} if value is None else {"loss": loss, "val_loss": value}
        for value, loss in zip(values, training, strict=True)
    ]
    return cb.replay(logs, rule).stopped_epoch


@pytest.mark.parametrize(
    ("values", "parameters", "expected"),
    [
        ([2, 1, 1.5, 1.75], {"alpha": 60}, 3),  # GL is 50 % at epoch 2, 75 % at epoch 3
        ([2, 1, 1.5], {"alpha": 50}, None),  # a loss of just alpha goes on
        ([1, 1, 1], {"alpha": 0}, None),
        ([NAN, 1, NAN], {"alpha": 5}, 2),  # a NaN stops once there is a best
        ([INF, 1, 2], {"alpha": 5}, 2),
        ([0.5, 0.8, 0.4], {"alpha": 50, "mode": "max"}, 2),  # 100 (0.8 / 0.4 - 1) = 100 %
        ([1, None, 2], {"alpha": 5}, 2),
        ([1, 5, 2, 3], {"alpha": 5, "start_from_epoch": 2}, 3),
    ],
)
def test_generalization_loss(values, parameters, expected) -> None:
    assert expected == stop(cb.GeneralizationLoss(**parameters), values)


def test_a_ratio_needs_positive_values() -> None:
    with pytest.raises(cb.CurveError, match="needs positive values, but val_loss is 0"):
        stop(cb.GeneralizationLoss(), [1, 0.0])
    assert stop(cb.GeneralizationLoss(), [1, 2, 0.0]) == 1  # it has stopped before


@pytest.mark.parametrize(
    ("values", "training", "parameters", "expected"),
    [
        # GL at epoch 3 is 50 %; training falls from 2 to 1: P = 1000 (3 / (2 * 1) - 1) = 500; the quotient is 0.1
        ([2, 1, 1, 1.5], [9, 9, 2, 1], {"alpha": 0.09, "strip_length": 2}, 3),
        ([2, 1, 1, 1.5], [9, 9, 2, 1], {"alpha": 0.11, "strip_length": 2}, None),
        ([1, 2, 3, 1], [4, 3, 2, 1], {"alpha": 0, "strip_length": 4}, None),  # only ends of strips decide
        ([1, 1, 1, 2], [1, 1, 1, 1], {"alpha": 5, "strip_length": 2}, 3),  # no progress at all
        ([1, 1, 1, 1], [1, 1, 1, 1], {"alpha": 0, "strip_length": 2}, None),
        ([1, 1, 1, 2], [1, 1, NAN, 1], {"alpha": 0, "strip_length": 2}, None),
    ],
)
def test_productivity_quotient(values, training, parameters, expected) -> None:
    assert expected == stop(cb.ProductivityQuotient(**parameters), values, training)


@pytest.mark.parametrize(
    ("values", "parameters", "expected"),
    [
        ([9, 1, 9, 2, 9, 3], {"strips": 2, "strip_length": 2}, 5),
        ([1, 2, 3, 3, 4, 5], {"strips": 3, "strip_length": 1}, None),  # a tie is no rise
        ([1, 2, 3, 2, 3, 4, 5], {"strips": 3, "strip_length": 1}, 6),
        ([1, NAN, 1], {"strips": 1, "strip_length": 1}, 1),
        ([NAN, 1, 2], {"strips": 1, "strip_length": 1}, 2),
        ([3, 2, 1], {"strips": 2, "strip_length": 1, "mode": "max"}, 2),
    ],
)
def test_successive_increases(values, parameters, expected) -> None:
    assert expected == stop(cb.SuccessiveIncreases(**parameters), values)


@pytest.mark.parametrize("wrong", [
    lambda: cb.GeneralizationLoss(alpha=-1), lambda: cb.GeneralizationLoss(mode="auto"),
    lambda: cb.ProductivityQuotient(strip_length=0), lambda: cb.SuccessiveIncreases(strips=0),
    lambda: cb.SmoothedEarlyStopping(smoothing=1.0),
])  # fmt: skip
def test_parameters_without_a_meaning_are_refused(wrong) -> None:
    with pytest.raises(cb.ParameterError):
        wrong()


@pytest.mark.parametrize("rule", [cb.GeneralizationLoss(), cb.ProductivityQuotient(strip_length=1),
                                  cb.SuccessiveIncreases(strip_length=1, strips=2)])  # fmt: skip
def test_explain_tells_each_look_in_words(rule) -> None:
    logs = [{"loss": 2.0 - i, "val_loss": float(i + 1)} for i in range(2)]
    words = [look.words for look in cb.explain(cb.replay(logs, rule))]
    assert "val_loss is 2" in words[1]
    assert any(word in words[1] for word in ("generalization loss 100 %", "quotient", "1 of 2 strips worse"))


curves = st.lists(st.floats(-100, 100), min_size=1, max_size=30)


@given(curves, st.floats(0, 0.99))
def test_the_average_is_that_of_tensorboard(values, smoothing) -> None:
    smoother, last = Smoother(smoothing), 0.0
    for count, value in enumerate(values, start=1):
        last = last * smoothing + (1 - smoothing) * value
        debiased = last / (1 - smoothing**count) if smoothing else last
        assert smoother(value) == pytest.approx(debiased, abs=1e-9)


@given(curves, st.integers(0, 5), st.sampled_from(["keras-3.15", "keras-2.15", "keras-2.3"]))
def test_without_smoothing_it_is_keras_rule(values, patience, profile) -> None:
    logs = [{"val_loss": value} for value in values]
    plain = cb.replay(logs, cb.EarlyStopping(mode="min", patience=patience), profile=profile)
    same = cb.replay(logs, cb.SmoothedEarlyStopping(mode="min", patience=patience, smoothing=0), profile=profile)
    assert (plain.stopped_epoch, plain.best_epoch, plain.best) == (same.stopped_epoch, same.best_epoch, same.best)


def test_a_constant_curve_never_improves_by_rounding() -> None:
    rule = cb.SmoothedEarlyStopping(mode="min", patience=3, smoothing=0.9)
    assert stop(rule, [0.1] * 40) == 3


def test_what_is_not_finite_stays_out_of_the_average() -> None:
    smoother = Smoother(0.5)
    assert [smoother(1.0), smoother(INF), smoother(1.0)] == [1.0, INF, 1.0]
