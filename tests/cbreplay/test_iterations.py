"""The optimizer's steps at the end of each epoch, from the evaluations in the event files."""

from __future__ import annotations

import pytest
from writing import keras_scalar, write_events

import cbreplay as cb


def marks(tmp_path, events):
    write_events(tmp_path / "train", [keras_scalar("epoch_loss", step, 1.0) for step in range(4)])
    write_events(tmp_path / "validation", [keras_scalar(tag, step, 1.0) for tag, step in events])
    run = cb.load_runs(tmp_path)[0]
    return [(mark.epoch, mark.iterations) for mark in run.iteration_marks], run.steps_per_epoch


EVALUATION, EPOCH = "evaluation_loss_vs_iterations", "epoch_loss"


@pytest.mark.parametrize(
    ("events", "found", "steps"),
    [
        ([(EVALUATION, 5), (EPOCH, 0), (EVALUATION, 10), (EPOCH, 1)], [(0, 5), (1, 10)], 5),
        # validation every second epoch
        ([(EVALUATION, 10), (EPOCH, 1), (EVALUATION, 20), (EPOCH, 3)], [(1, 10), (3, 20)], 5),
        # evaluate() by itself in between: the last evaluation in front of the epoch's value counts
        ([(EVALUATION, 5), (EPOCH, 0), (EVALUATION, 5), (EVALUATION, 10), (EPOCH, 1)], [(0, 5), (1, 10)], 5),
        # an evaluation was lost: its epoch has no mark
        ([(EVALUATION, 5), (EPOCH, 0), (EPOCH, 1), (EVALUATION, 15), (EPOCH, 2)], [(0, 5), (2, 15)], 5),
        # a fresh optimizer after a resume: no common number of steps
        ([(EVALUATION, 5), (EPOCH, 0), (EVALUATION, 5), (EPOCH, 1)], [(0, 5), (1, 5)], None),
        ([(EPOCH, 0), (EPOCH, 1)], [], None),
    ],
)
def test_each_evaluation_marks_the_epoch_that_it_stands_in_front_of(tmp_path, events, found, steps) -> None:
    assert (found, steps) == marks(tmp_path, events)
