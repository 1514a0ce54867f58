"""Where a writer started again inside one file, and where it only wrote out of order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbreplay.logs.restarts import split_at_restarts
from cbreplay.points import Part


def part(points: list[tuple[str, int]], started: float | None = 5.0) -> Part:
    """(tag, step) of each point in the order of writing; the values count from 0, as do the seconds."""
    tags = tuple(dict.fromkeys(tag for tag, _ in points))
    count = np.arange(len(points), dtype=np.float64)
    return Part(
        path="file", writer="train", started=started, tags=tags,
        tag_id=np.array([tags.index(tag) for tag, _ in points], np.int32),
        step=np.array([step for _, step in points], np.int64), wall_time=count + 100, value=count,
    )  # fmt: skip


def of(steps, tag: str = "loss") -> list[tuple[str, int]]:
    return [(tag, step) for step in steps]


def alternating(*runs) -> list[tuple[str, int]]:
    """Two tags, each with every step of each run, one after the other."""
    return [(tag, step) for run in runs for step in run for tag in ("loss", "acc")]


def batches(epochs) -> list[tuple[str, int]]:
    """An epoch's metric, and a counter of batches that starts again with every epoch."""
    return [point for epoch in epochs for point in [*of(range(3), "batch"), ("loss", epoch)]]


@pytest.mark.parametrize(
    ("points", "declared", "expected"),
    [
        pytest.param([], (), [(0, None)], id="nothing"),
        pytest.param(of(range(5)), (), [(5, None)], id="in order"),
        pytest.param(of([0, 3, 1, 4, 2]), (), [(5, None)], id="shuffled, nothing twice: sorted later"),
        pytest.param(of([4, 3, 2, 1, 0]), (), [(5, None)], id="backwards"),
        pytest.param(of([0, 0, 1, 1, 2, 2]), (), [(6, None)], id="every step twice in a row"),
        pytest.param(of([0, 1, 2, 0, 1, 2, 3]), (), [(3, None), (4, None)], id="again from the first step"),
        pytest.param(of([0, 1, 2, 3, 2, 3, 4]), (), [(4, None), (3, None)], id="again from a later step"),
        pytest.param(of([0, 1, 0, 1, 0, 1]), (), [(2, None), (2, None), (2, None)], id="three trainings"),
        pytest.param(of([0, 1, 2, 3, 2, 3, 4, 3, 4]), (), [(4, None), (3, None), (2, None)], id="resumed twice"),
        pytest.param(alternating(range(4), range(5)), (), [(8, None), (10, None)], id="all tags go back"),
        pytest.param(batches(range(3)), (), [(12, None)], id="a counter that starts again each epoch"),
        pytest.param(
            [*batches(range(3)), *batches(range(3))], (), [(12, None), (12, None)], id="trainings with such a counter",
        ),
        pytest.param(
            [*of(range(3)), ("final", 2), *of(range(3))], (), [(4, None), (3, None)], id="a tag that does not go on"
        ),
        pytest.param(
            [*of(range(4)), ("acc", 0), ("loss", 1), ("acc", 1), ("loss", 4)], (), [(8, None)],
            id="one tag goes back, another goes on",
        ),
        pytest.param(of(range(5)), ((3, 3),), [(3, None), (2, 3)], id="declared where nothing goes back"),
        pytest.param(of([0, 1, 2, 3, 2, 3]), ((4, 2),), [(4, None), (2, 2)], id="declared where it also shows"),
        pytest.param(of([0, 1, 2, 5, 6]), ((3, 4),), [(3, None), (2, 4)], id="declared step without a point"),
        pytest.param(of([5, 6]), ((0, 5),), [(2, 5)], id="declared before the first point"),
        pytest.param(of([0, 1]), ((0, 0),), [(2, None)], id="declared at step 0 of a new file"),
        pytest.param(of([0, 1]), ((2, 1),), [(2, None)], id="declared behind the last point"),
        pytest.param(of([0, 1, 2, 0, 1, 2, 1, 2]), ((6, 1),), [(3, None), (3, None), (2, 1)], id="seen and declared"),
    ],
)  # fmt: skip
def test_a_file_is_cut_where_its_writer_started_again(points, declared, expected) -> None:
    pieces = split_at_restarts(part(points), declared)
    assert expected == [(len(piece), piece.restarts_at) for piece in pieces]
    assert list(range(len(points))) == [int(value) for piece in pieces for value in piece.value]


def test_a_piece_behind_a_restart_started_when_its_first_point_was_written() -> None:
    assert [piece.started for piece in split_at_restarts(part(of([0, 1, 2, 0, 1])))] == [5.0, 103.0]


def test_a_piece_keeps_path_writer_and_tags() -> None:
    whole = part(of([0, 1, 0, 1]))
    for piece in split_at_restarts(whole):
        assert (whole.path, whole.writer, whole.tags, whole.exact) == (
            piece.path, piece.writer, piece.tags, piece.exact,
        )  # fmt: skip
        assert not any(map(math.isnan, piece.wall_time))


@given(st.permutations(range(12)))
def test_no_order_of_different_steps_is_taken_for_a_restart(steps: list[int]) -> None:
    assert [len(piece) for piece in split_at_restarts(part(of(steps)))] == [12]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=30),
    st.lists(st.tuples(st.integers(0, 31), st.integers(0, 5)), max_size=3),
)
def test_no_point_is_lost_doubled_or_moved(points, declared) -> None:
    pieces = split_at_restarts(part(points), tuple(sorted(declared)))
    assert list(range(len(points))) == [int(value) for piece in pieces for value in piece.value]


@given(st.integers(2, 8), st.integers(0, 6), st.integers(2, 8))
def test_a_resumed_training_is_cut_exactly_where_it_resumes(before: int, first: int, more: int) -> None:
    first = min(first, before - 2)
    pieces = split_at_restarts(part(alternating(range(before), range(first, first + more))))
    assert [2 * before, 2 * more] == [len(piece) for piece in pieces]
