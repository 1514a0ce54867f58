"""How many epochs a training was to run: given, inferred from siblings, or unknown."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from cbreplay.logs.planned import with_planned_epochs
from cbreplay.run import EpochAxis, Metric, PlannedEpochs, Run

SERIAL = count(1000)


def run(epochs: int, first: int = 0, names: tuple[str, ...] = ("loss",), seed: int | None = None) -> Run:
    """A run with ``epochs`` epochs from ``first`` on; no two have the same values unless they share a seed."""
    rng = np.random.default_rng(next(SERIAL) if seed is None else seed)
    epoch, unknown = np.arange(first, first + epochs), np.full(epochs, np.nan)
    table = {name: Metric(name, epoch, rng.random(epochs), unknown, name, True) for name in names if epochs}
    return Run("run", ".", table, EpochAxis("epoch", 0, ""), (), (), (), ())


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        pytest.param([], [], id="no runs"),
        pytest.param([run(20)], [None], id="one run"),
        pytest.param([run(20), run(20)], [20, 20], id="two at a multiple of ten"),
        pytest.param([run(17), run(17)], [None, None], id="two at another number"),
        pytest.param([run(17), run(17), run(17)], [17, 17, 17], id="three at any number"),
        pytest.param([run(20), run(20), run(9)], [20, 20, 20], id="also for the one that stopped before"),
        pytest.param([run(20), run(20), run(21)], [None, None, None], id="not where one ran longer"),
        pytest.param([run(20, seed=1), run(20, seed=1)], [None, None], id="copies count once"),
        pytest.param([run(20, seed=1), run(20, seed=1), run(20)], [20, 20, 20], id="a copy is planned as its twin is"),
        pytest.param([run(20), run(20, names=("loss", "acc"))], [None, None], id="other metrics are another family"),
        pytest.param(
            [run(20), run(20), run(8, names=("acc",))], [20, 20, None], id="nothing is said of another family"
        ),
        pytest.param([run(12, first=8), run(20)], [20, 20], id="the end counts, not the length"),
        pytest.param([run(0), run(0), run(0)], [None, None, None], id="empty runs tell nothing"),
        pytest.param([run(30), run(30), run(0)], [30, 30, None], id="nothing is said of an empty run"),
    ],
)
def test_planned_epochs_are_inferred_only_where_siblings_end_together(runs, expected) -> None:
    assert expected == [item.planned_epochs for item in with_planned_epochs(runs, None)]


def test_it_is_said_how_it_is_known() -> None:
    inferred = with_planned_epochs([run(20), run(20), run(9)], None)[0].planned
    assert inferred is not None
    assert (inferred.known_from, "2 of 3 runs" in inferred.sentence) == ("siblings", True)
    given = with_planned_epochs([run(9)], 60)[0].planned
    assert given is not None
    assert (given.epochs, given.known_from, "given" in given.sentence) == (60, "given", True)


def test_what_is_given_holds_for_all_and_what_a_file_says_is_not_overruled_by_siblings() -> None:
    known = PlannedEpochs(50, "file", "the file says so")
    runs = [replace(run(20), planned=known), run(20), run(20)]
    assert [item.planned_epochs for item in with_planned_epochs(runs, None)] == [50, 20, 20]
    assert [item.planned_epochs for item in with_planned_epochs(runs, 70)] == [70, 70, 70]
