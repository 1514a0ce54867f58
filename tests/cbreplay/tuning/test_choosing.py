"""Which cell is taken, the front and the knee, and how a choice is tried on runs left out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import cbreplay as cb
from cbreplay.sweeping.grid import make_grid
from cbreplay.tuning.choosing import NONE, Goal, choose, distinct_cells, eager_cells, knee, pareto_front
from cbreplay.tuning.intervals import Bootstrap
from cbreplay.tuning.matrix import Matrix, cell_table, top1_regret
from cbreplay.tuning.trying import MIN_DECIDED, Chooser, hold_out, spread_of_choices

FIVE = make_grid("keras", {"patience": [1, 2, 3, 4, 5], "min_delta": 0})

shares = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
planes = st.integers(2, 9).flatmap(
    lambda runs: st.tuples(
        arrays(float, (runs, 5), elements=st.one_of(shares, st.just(np.nan))), arrays(float, (runs, 5), elements=shares)
    )
)


def matrix(regret, saved_share):
    """A matrix of runs of 100 epochs; what is undecided in the regret is so in all else."""
    saved = np.where(np.isnan(regret), np.nan, 100 * saved_share)
    runs = len(regret)
    return Matrix(
        regret,
        regret,
        regret,
        regret,
        saved,
        saved,
        regret,
        np.zeros(runs),
        np.full(runs, 100.0),
        np.full(runs, 100.0),
        np.full(runs, 0.5),
        np.full(runs, 0.5),
    )


def best_cell(goal, regret, saved):
    """By hand: the cell that a goal asks for, from one run after the other."""
    found = []
    for cell in range(regret.shape[1]):
        known = [run for run in range(len(regret)) if not np.isnan(regret[run, cell])]
        if not known or len(known) < MIN_DECIDED * len(regret):
            continue
        loss = sum(regret[run, cell] for run in known) / len(known)
        gain = sum(saved[run, cell] for run in known) / len(known)
        fits = loss <= goal.limit if goal.kind == "max_regret" else 1 - gain <= goal.limit + 1e-12
        if fits:
            found.append(((-gain, loss) if goal.kind == "max_regret" else (loss, -gain), cell))
    return min(found)[0] if found else None


@given(planes, st.sampled_from([Goal("max_regret", 0.25), Goal("budget", 0.5), Goal("max_regret", 0.0)]))
def test_the_choice_is_that_of_going_through_all_cells(plane, goal) -> None:
    regret, saved = plane
    chooser = Chooser(matrix(regret, saved), goal, FIVE)
    cell = int(chooser.choose(np.ones(len(regret)))[0])
    expected = best_cell(goal, regret, saved)
    assert (cell == NONE) == (expected is None)
    if expected is not None:
        assert best_cell(goal, regret[:, [cell]], saved[:, [cell]]) == pytest.approx(expected)


@given(planes, st.sampled_from([Goal("max_regret", 0.25), Goal("budget", 0.5)]))
def test_leaving_a_run_out_is_choosing_on_the_others_and_trying_it_there(plane, goal) -> None:
    regret, saved = plane
    runs = len(regret)
    chooser = Chooser(matrix(regret, saved), goal, FIVE)
    found = hold_out(chooser, [[run] for run in range(runs)], "run", Bootstrap(resamples=200))
    losses, gains, undecided, without = [], [], 0, 0
    for run in range(runs):
        weights = np.ones(runs)
        weights[run] = 0
        cell = int(chooser.choose(weights)[0])
        others = np.delete(np.arange(runs), run)
        if best_cell(goal, regret[others], saved[others]) is None:
            assert cell == NONE
            without += 1
        elif np.isnan(regret[run, cell]):
            undecided += 1
        else:
            losses.append(regret[run, cell])
            gains.append(saved[run, cell])
    if not losses:
        assert found is None
        return
    assert (found.runs, found.undecided, found.without) == (len(losses), undecided, without)
    assert found.regret.value == pytest.approx(np.mean(losses))
    assert found.saved.value == pytest.approx(np.mean(gains))
    assert found.missed.value == pytest.approx(np.mean([loss > goal.missed[1] for loss in losses]))


def test_among_equals_less_regret_is_taken_then_the_first() -> None:
    goal = Goal("max_regret", 0.5)
    picked = choose(goal, np.array([[0.5, 0.25, 0.25]]), np.array([[1.0, 1.0, 1.0]]), np.ones((1, 3), bool))
    assert picked.tolist() == [1]


def test_of_cells_that_decide_alike_the_plainest_stands_for_all() -> None:
    grid = make_grid("keras", {"patience": [0, 1, 2], "min_delta": [0.1, 0.0]})
    same = np.zeros((3, grid.cells))
    (cell,) = distinct_cells(grid, same)
    assert grid.parameters(int(cell)) == {"start_from_epoch": 0, "min_delta": 0.0, "patience": 1}


def test_the_cell_that_stops_sooner_has_half_the_patience_or_the_nearest_below() -> None:
    grid = make_grid("keras", {"patience": [0, 1, 2, 5, 10], "min_delta": [0, 0.1]})
    sooner = eager_cells(grid)
    pairs = [(grid.parameters(cell)["patience"], grid.parameters(int(sooner[cell]))["patience"]) for cell in range(5)]
    assert pairs == [(0, 0), (1, 1), (2, 1), (5, 2), (10, 5)]
    assert all(grid.columns["min_delta"] == grid.columns["min_delta"][sooner])


points = st.lists(st.tuples(shares, shares), min_size=1, max_size=12)


@given(points)
def test_the_front_are_the_cells_that_no_other_beats(cells) -> None:
    regret, saved = np.array(cells).T
    front = pareto_front(regret, saved, range(len(cells)))
    for cell in range(len(cells)):
        others = [o for o in range(len(cells)) if (regret[o], saved[o]) != (regret[cell], saved[cell])]
        beaten = any(regret[o] <= regret[cell] and saved[o] >= saved[cell] for o in others)
        assert beaten != any((regret[o], saved[o]) == (regret[cell], saved[cell]) for o in front)
    assert all(saved[a] > saved[b] and regret[a] > regret[b] for a, b in pairwise(front))


def test_the_knee_is_where_the_front_bends() -> None:
    saved, regret = np.array([1.0, 0.9, 0.8, 0.4, 0.0]), np.array([1.0, 0.5, 0.05, 0.04, 0.0])
    assert knee(regret, saved, [0, 1, 2, 3, 4]) == 2
    assert knee(regret, saved, [0, 4]) is None
    assert knee(np.array([1.0, 0.5, 0.0]), np.array([1.0, 0.5, 0.0]), [0, 1, 2]) is None  # a straight line has none


def test_resampled_choices_are_bounded_and_counted() -> None:
    grid = make_grid("keras", {"patience": [1, 2, 3], "min_delta": 0})
    regret = np.array([[0.4, 0.0, 0.0]] + [[0.0, 0.0, 0.0]] * 3)
    saved = np.array([[0.9, 0.5, 0.1]] * 4)
    chooser = Chooser(matrix(regret, saved), Goal("max_regret", 0.01), grid)
    bootstrap = Bootstrap(resamples=4000)
    counts = bootstrap.counts(4)
    spread = spread_of_choices(chooser, grid, 1, bootstrap)
    without_the_bad_run = (counts[:, 0] == 0).mean()
    assert spread.bounds == {"patience": (1, 2)}
    assert spread.same == pytest.approx(1 - without_the_bad_run)
    assert spread.none == 0


def test_which_run_one_would_have_picked() -> None:
    seen = np.array([[1.0, 5.0], [2.0, 3.0], [3.0, np.nan]])
    whole = np.array([1.0, 0.5, 0.0])
    made = matrix(np.zeros((3, 2)), np.zeros((3, 2)))
    made = replace(made, best_seen=seen, whole_best=whole)
    assert top1_regret(made).tolist() == [1.0, 0.0]


def test_a_cell_that_decides_nothing_has_no_measures() -> None:
    made = matrix(np.full((3, 1), np.nan), np.zeros((3, 1)))
    row = cell_table(made, np.array([3]), 3, Goal("max_regret", 0.01)).row(0)
    assert (row["decided"], row["undecided"], row["undecided_share"]) == (0, 3, 1.0)
    assert all(np.isnan(row[name]) for name in ("saved", "regret", "missed", "worst", "rank_correlation"))


@pytest.mark.parametrize(
    "wrong", [("budget", 0.0), ("budget", 1.5), ("max_regret", -0.1), ("max_regret", float("nan"))]
)
def test_a_goal_that_cannot_be_is_refused(wrong) -> None:
    with pytest.raises(cb.ParameterError):
        Goal(*wrong)
