"""The median is numpy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbreplay.medians import median


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
def test_it_is_that_of_numpy(numbers) -> None:
    assert np.median(numbers) == median(numbers)


@pytest.mark.parametrize(("numbers", "expected"), [([1e308, math.inf, -3.0], 1e308), ([3, 1, 2], 2.0), ([4], 4.0)])
def test_one_in_the_middle_is_taken_as_it_is(numbers, expected) -> None:
    assert expected == median(numbers)
