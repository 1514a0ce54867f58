"""The fingerprint of numbers is that of the histogram that TensorBoard makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.util.tensor_util import make_ndarray

from cbreplay.buckets import BucketCounter, fingerprints_of_buckets
from cbreplay.fingerprints import Fingerprint

_FLOATS = st.floats(-(2.0**100), 2.0**100, width=32)


def of_numbers(numbers: np.ndarray, pieces: int = 1) -> Fingerprint | None:
    counter = BucketCounter(float(numbers.min()), float(numbers.max()))
    for piece in np.array_split(numbers, pieces):
        counter.add(piece)
    return counter.fingerprint()


def as_tensorboard(numbers: np.ndarray) -> Fingerprint | None:
    return of_buckets(make_ndarray(histogram_pb("tag", numbers).value[0].tensor))


def of_buckets(buckets: np.ndarray) -> Fingerprint | None:
    return fingerprints_of_buckets(buckets.ravel(), np.array([len(buckets)]))[0]


@given(st.lists(_FLOATS, min_size=1, max_size=200), st.integers(1, 7))
def test_numbers_in_any_pieces_give_the_fingerprint_of_tensorboards_histogram(numbers, pieces) -> None:
    data = np.array(numbers, np.float32)
    assert as_tensorboard(data) == of_numbers(data, pieces)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.int64])
def test_every_type_of_number_is_counted_as_float64(dtype) -> None:
    data = np.arange(-60, 61).astype(dtype)
    assert as_tensorboard(data) == of_numbers(data)


def test_equal_numbers_have_no_buckets_and_zero_has_no_sign() -> None:
    assert Fingerprint(4, 0.0, 0.0, ()) == of_numbers(np.array([0.0, -0.0, 0.0, -0.0], np.float32))


def test_the_extremes_count_to_the_last_bit_and_what_lies_between_by_its_bucket() -> None:
    data = np.linspace(-1, 1, 50, dtype=np.float32)
    inside, outside = data.copy(), data.copy()
    inside[25] = np.nextafter(inside[25], np.float32(2))
    outside[-1] = np.nextafter(outside[-1], np.float32(2))
    assert [of_numbers(changed) == of_numbers(data) for changed in (inside, outside)] == [True, False]


@pytest.mark.parametrize(
    ("buckets", "fingerprint"),
    [
        ([[1.5, 2.5, 7.0]], Fingerprint(7, 2.0, 2.0, ())),  # TensorBoard until 2.4: a bucket of width 1
        ([[2.0, 2.0, 0.0], [2.0, 2.0, 7.0]], Fingerprint(7, 2.0, 2.0, ())),
        ([[0.0, 1.0, 3.0], [1.0, 2.0, 4.0]], Fingerprint(7, 0.0, 2.0, (3, 4))),
        ([[np.nan, np.nan, 0.0]], None),
        ([[0.0, np.inf, 3.0]], None),
        ([[0.0, 1.0, -3.0]], None),
        ([[0.0, 1.0, 2.5]], None),
        ([[0.0, 0.0, 0.0]], None),
        ([[0.0, 1.0, 2.0**54]], None),
        ([[0.0, 1.0, 1.0]] * 1001, None),
        (np.zeros((0, 3)), None),
    ],
)
def test_logged_buckets_that_tell_nothing_have_no_fingerprint(buckets, fingerprint) -> None:
    assert fingerprint == of_buckets(np.array(buckets))


def test_histograms_of_any_lengths_side_by_side_are_each_their_own() -> None:
    lengths = [2, 0, 1, 30, 2, 1001, 1, 30]
    made = [
        np.random.default_rng(number).integers(1, 9, (rows, 3)).astype(float) for number, rows in enumerate(lengths)
    ]
    together = fingerprints_of_buckets(np.concatenate(made).ravel(), np.array(lengths))
    assert together == [of_buckets(buckets) for buckets in made]
    assert [found is None for found in together] == [rows in (0, 1001) for rows in lengths]


def test_a_range_beyond_float64_has_no_fingerprint() -> None:
    assert BucketCounter(-1.7e308, 1.7e308).fingerprint() is None


@given(st.lists(_FLOATS, min_size=1, max_size=40))
def test_a_fingerprint_comes_back_from_json_bit_for_bit(numbers) -> None:
    import json

    made = of_numbers(np.array(numbers, np.float32))
    assert made is not None
    assert made == Fingerprint.from_list(json.loads(json.dumps(made.to_list())))
