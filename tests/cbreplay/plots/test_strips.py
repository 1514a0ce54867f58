"""Many runs on one page: the order of the strips, what they show, and when they have names."""

from __future__ import annotations

import numpy as np
import pytest
from curves import run_of

import cbreplay as cb
from cbreplay.plots import plot_comparison
from cbreplay.plots.along import along
from cbreplay.plots.strips import draw_strips

RULES = cb.EarlyStopping(mode="min", patience=2)


def outcome(name, length, *, stop=None, planned="length", seconds=None):
    """A run of that many epochs that falls to the end, or until two epochs before ``stop`` (counted from 1)."""
    values = np.arange(length, 0, -1.0)
    if stop is not None:
        values[stop - 2 :] = length
    return cb.replay(run_of(values, name, planned=planned, seconds=seconds), RULES)


SOME = [
    outcome("to the end", 9),
    outcome("open", 7, planned=12),
    outcome("saves 2", 12, stop=10),
    outcome("saves 5", 9, stop=4),
    outcome("open, longer", 8, planned=None),
]


def bars(axes, label):
    """What the strips of one kind cover: row -> (from, to)."""
    (found,) = (artist for artist in axes.collections if artist.get_label() == label)
    boxes = [path.get_extents() for path in found.get_paths()]
    return {round((box.y0 + box.y1) / 2): (box.x0, pytest.approx(box.x1)) for box in boxes}


def test_what_saves_most_is_on_top_and_what_is_open_at_the_bottom() -> None:
    (axes,) = draw_strips(SOME, None, "epoch").axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["saves 5", "saves 2", "to the end", "open, longer", "open"]
    assert axes.get_ylabel() == "most epochs saved on top,\nundecided at the bottom"
    assert [text.get_text() for text in axes.texts] == ["2 stop", "1 to the end", "2 undecided"]
    top, bottom = axes.transData.transform([(1, 0), (1, 4)])[:, 1]
    assert top > bottom


def test_a_strip_shows_what_was_trained_what_lies_behind_the_stop_and_what_is_open() -> None:
    (axes,) = draw_strips(SOME, None, "epoch").axes
    assert bars(axes, "trained") == {0: (0.5, 4.5), 1: (0.5, 10.5), 2: (0.5, 9.5), 3: (0.5, 8.5), 4: (0.5, 7.5)}
    assert bars(axes, "after the stop") == {0: (4.5, 9.5), 1: (10.5, 12.5)}
    assert bars(axes, "not decided by the log") == {3: (8.5, 9.0), 4: (7.5, 12.0)}
    marks = {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}
    assert marks["stop"] == [[4, 0], [10, 1]]
    assert marks["best"] == [[2, 0], [8, 1], [9, 2], [8, 3], [7, 4]]


def test_in_time_the_order_is_that_of_the_time_saved() -> None:
    slow, fast = outcome("slow", 9, stop=8, seconds=600), outcome("fast", 9, stop=4, seconds=1)
    (axes,) = draw_strips([fast, slow], None, "time").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["slow", "fast"]
    assert axes.get_xlabel() == "minutes since the first logged epoch"
    assert axes.get_ylabel().startswith("most time saved")


def test_one_run_without_times_makes_all_count_epochs() -> None:
    (axes,) = draw_strips([outcome("a", 5, seconds=600), outcome("b", 5)], None, "time").axes
    assert axes.get_xlabel() == "epoch (counted from 1; 1 of 2 runs without times)"
    assert along([SOME[0].run], "epoch")[0].at(0) == 1


@pytest.mark.parametrize(("count", "named"), [(13, True), (40, True), (150, True), (300, False), (2000, False)])
def test_names_go_where_they_cannot_be_read_and_no_page_is_higher_than_15_inches(count, named) -> None:
    figure = plot_comparison([SOME[n % 5] for n in range(count)])
    (axes,) = figure.axes
    assert bool(len(axes.get_yticks())) == named
    assert figure.get_size_inches()[1] <= 15
    assert all(label.get_fontsize() >= 4.9 for label in axes.get_yticklabels())
