"""Where epochs lie along x."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from curves import run_of

from cbreplay.plots.along import along, elapsed_seconds


def timed(seconds, **parameters):
    return run_of(np.linspace(2, 1, 6), seconds=seconds, **parameters)


def test_epochs_count_from_1_also_outside_the_log() -> None:
    (placed,) = along([run_of([3, 2, 1])], "epoch")
    assert placed.at([0, 2, 4.5]).tolist() == [1, 3, 5.5]
    assert "counted from 1" in placed.label


@pytest.mark.parametrize(
    ("seconds", "unit", "at_last"),
    [(2, "seconds", 10), (60, "minutes", 5), (3600, "hours", 5), (86400, "days", 5)],
)
def test_time_has_a_unit_that_suits_the_longest_run(seconds, unit, at_last) -> None:
    short, long = along([timed(seconds / 10), timed(seconds)], "time")
    assert short.label == long.label == f"{unit} since the first logged epoch"
    assert long.at([0, 5]).tolist() == [0, at_last]
    assert short.at(5) == pytest.approx(at_last / 10)


def test_epochs_that_were_not_logged_take_as_long_as_a_usual_one() -> None:
    (placed,) = along([timed(2)], "time")
    assert placed.at([-1, 7]).tolist() == [-2, 14]


def test_a_run_without_times_counts_epochs_and_says_so() -> None:
    without, with_times = along([run_of([3, 2, 1]), timed(2)], "time")
    assert "the log has no times" in without.label
    assert without.at([0, 2]).tolist() == [1, 3]
    assert with_times.is_time


@pytest.mark.parametrize("run", [run_of([1.0], seconds=5), timed(0)])
def test_one_time_for_all_epochs_is_no_time(run) -> None:
    assert elapsed_seconds(run) is None


def test_a_pause_between_sessions_takes_no_more_than_a_usual_epoch() -> None:
    run = timed(2)
    times = np.array([0, 2, 4, 5000, 5002, 5004.0])
    table = {name: replace(metric, wall_time=times) for name, metric in run.table.items()}
    resumed = replace(run, table=table, fit_epochs=((0, 3), (3, 6)))
    assert elapsed_seconds(resumed).tolist() == [0, 2, 4, 6, 8, 10]
    assert "pauses between sessions left out" in along([resumed], "time")[0].label


def test_epochs_without_a_time_lie_between_their_neighbours_and_a_clock_put_back_stands_still() -> None:
    run = timed(2)
    times = np.array([np.nan, 2, np.nan, 6, 5, 8.0])
    table = {name: replace(metric, wall_time=times) for name, metric in run.table.items()}
    elapsed = elapsed_seconds(replace(run, table=table))
    assert (np.diff(elapsed) >= 0).all()
    assert elapsed.tolist() == [0, 0, 2, 4, 4, 6]
