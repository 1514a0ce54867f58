"""What a figure marks, as numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from curves import run_of

import cbreplay as cb
from cbreplay.plots.landmarks import landmarks

FALLING = np.linspace(2, 1, 20)


def replayed(run, **parameters):
    rules = [cb.EarlyStopping(**{"mode": "min", "patience": 3} | parameters),
             cb.ModelCheckpoint("m.h5", save_best_only=True)]  # fmt: skip
    return landmarks(cb.replay(run, rules))


def test_a_stop_has_no_undecided_part() -> None:
    seen = replayed(run_of([3, 2, 1, 2, 2, 2, 2, 2], planned=None), restore_best_weights=True)
    assert (seen.first, seen.last, seen.stop, seen.best, seen.restored) == (0, 7, 5, 2, 2)
    assert (seen.written, seen.overwritten) == ((2,), (0, 1))
    assert (seen.undecided, seen.shown_until) == ((), 7)


@pytest.mark.parametrize(
    ("planned", "undecided", "words"),
    [
        (None, ((19, 20.2),), "not decided by the log"),
        (30, ((19, 29),), "not decided by the log (planned: epoch 30)"),
        (1000, ((19, 39),), "not decided by the log (planned: epoch 1000)"),
        (20, (), "not decided by the log"),
    ],
)
def test_what_lies_behind_the_log_is_open_up_to_the_plan_and_as_long_as_the_log_at_most(
    planned, undecided, words
) -> None:
    seen = replayed(run_of(FALLING, planned=planned))
    assert seen.undecided == undecided
    assert seen.undecided_label == words


def test_holes_that_could_change_the_answer_are_open_and_what_follows_a_stop_is_not() -> None:
    run = run_of([3, 2, 1, 2, 2, 2, 2, 2, 2, 2], planned=None)
    kept = np.array([True, True, True, False, False, True, False, True, True, True])
    table = {
        name: replace(m, epoch=m.epoch[kept], value=m.value[kept], wall_time=m.wall_time[kept])
        for name, m in run.table.items()
    }
    seen = replayed(replace(run, table=table))
    assert seen.undecided == ((2.5, 4.5), (5.5, 6.5))
    assert seen.shown_until == 9
