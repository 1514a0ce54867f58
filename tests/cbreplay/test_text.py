"""Text for people, and JSON for machines."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbreplay import text
from cbreplay.jsonable import jsonable, to_json


@pytest.mark.parametrize(
    ("name", "limit", "shown"),
    [
        ("val_loss", None, "val_loss"),
        ("\x1b[31mred\x1b[0m", None, "\\x1b[31mred\\x1b[0m"),
        ("a\nb\rc\td", None, "a\\x0ab\\x0dc\\x09d"),
        ("a\u202eb", None, "a\\u202eb"),
        ("abcdefghij", 5, "ab…ij"),
        ("t" * 100_000, 9, "tttt…tttt"),
        ("größe 学习", None, "größe 学习"),
    ],
)
def test_names_are_harmless_and_short(name, limit, shown) -> None:
    assert shown == text.printable(name, limit)


@given(st.text(), st.integers(5, 40))
def test_a_printable_name_has_no_control_characters_and_fits(name, limit) -> None:
    shown = text.printable(name, limit)
    assert len(shown) <= limit
    assert all(character.isprintable() for character in shown)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, ""), (0.442, "0.442 s"), (119, "119 s"), (600, "10 min"), (9000, "2.5 h"), (864000, "10 days")],
)
def test_durations_have_a_fitting_unit(seconds, shown) -> None:
    assert shown == text.duration(seconds)


@pytest.mark.parametrize(("count", "shown"), [(0, "0 B"), (999, "999 B"), (52_000, "52 kB"), (3_000_000, "3 MB")])
def test_sizes_have_a_fitting_unit(count, shown) -> None:
    assert shown == text.size(count)


@pytest.mark.parametrize(
    ("values", "width", "curve"),
    [
        ([], 5, ""),
        ([1, 2, 3], 5, "▁▅█"),
        ([1, math.nan, 3], 5, "▁·█"),
        ([math.nan, math.inf], 5, "··"),
        ([2, 2], 5, "▁▁"),
        (range(100), 4, "▁▃▆█"),
    ],
)
def test_sparklines(values, width, curve) -> None:
    assert curve == text.sparkline(np.array(list(values), float), width)


def test_epochs_for_people_count_from_one() -> None:
    assert (text.epoch_name(0), text.epoch_name(None)) == ("1", "–")


def test_json_has_words_for_what_has_no_number() -> None:
    value = {"a": [math.nan, math.inf, -math.inf, np.float32(0.5), np.int64(3), np.array([1.0])], 2: None}
    assert jsonable(value) == {"a": ["NaN", "Infinity", "-Infinity", 0.5, 3, [1.0]], "2": None}
    assert jsonable(value) == json.loads(to_json(value))
