"""Which history belongs to which event run, and what the two are together."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cbreplay.damage import Damage
from cbreplay.logs.joining import join_histories
from cbreplay.run import EpochAxis, Metric, Run, Session

LOSS = {"loss": {0: 0.1, 1: 0.2, 2: 0.3}}
FOUR = {"loss": {**LOSS["loss"], 3: 0.4}}
COLUMN, ROWS = "the epoch column counts from 0", "no epoch column: rows are numbered from 0"


def run(
    name: str, table: dict[str, dict[int, float]], folder: str, *, exact: bool, axis: EpochAxis | None = None,
    sessions: tuple[int, ...] = (0,), notes: tuple[str, ...] = (),
) -> Run:  # fmt: skip
    metrics = {
        key: Metric(
            key, np.array(list(values), np.int64), np.array(list(values.values()), np.float64),
            np.full(len(values), math.nan) if exact else np.arange(len(values)) + 100.0, f"{name}:{key}", exact,
        )
        for key, values in table.items()
    }  # fmt: skip
    source = f"{folder}/{name}.csv" if exact else f"{folder}/events"
    return Run(
        name=name, folder=folder, table=metrics, axis=axis or EpochAxis("epoch", 0, COLUMN), sources=(source,),
        sessions=tuple(Session((source,), None, None, first, first) for first in sessions), notes=notes,
        damage=(Damage(source, 0, "row", 1, ""),),
    )  # fmt: skip


def events(name: str, table: dict[str, dict[int, float]], folder: str | None = None, **more) -> Run:
    """An event run: its values are float32."""
    rounded = {key: {e: float(np.float32(v)) for e, v in values.items()} for key, values in table.items()}
    return run(name, rounded, folder or f"logs/{name}", exact=False, **more)


def history(table: dict[str, dict[int, float]], folder: str = "logs", name: str = "training", **more) -> Run:
    return run(name, table, folder, exact=True, **more)


def names(runs: list[Run]) -> list[str]:
    """The name of each run, with a plus for each history that joined it."""
    return [run.name + "+" * (len(run.sources) - 1) for run in runs]


def values(run: Run, name: str = "loss") -> dict[int, float]:
    return dict(zip(run.table[name].epoch.tolist(), run.table[name].value.tolist(), strict=True))


@pytest.mark.parametrize(
    ("folder", "joins"),
    [("logs", True), ("logs/a", True), (".", True), ("logs/a/train", False), ("logs/b", False), ("lo", False)],
)
def test_a_history_joins_a_run_at_or_below_its_folder(folder: str, joins: bool) -> None:
    assert ["a+"] if joins else names(join_histories([events("a", LOSS)], [history(LOSS, folder)])) == ["a", "training"]


def test_a_history_that_was_given_joins_a_run_anywhere() -> None:
    far = history(LOSS, "elsewhere")
    assert names(join_histories([events("a", LOSS)], [far])) == ["a", "training"]
    given = frozenset(Path(source).resolve() for source in far.sources)
    assert names(join_histories([events("a", LOSS)], [far], given)) == ["a+"]


@pytest.mark.parametrize(
    ("runs", "table", "expected"),
    [
        pytest.param([("a", LOSS)], LOSS, ["a+"], id="equal to float32"),
        pytest.param([("a", LOSS)], {"loss": {0: 0.1, 1: 0.2, 2: 0.30001}}, ["a", "training"], id="one value differs"),
        pytest.param([("a", LOSS)], {"loss": {7: 0.1}}, ["a", "training"], id="no epoch in common"),
        pytest.param([("a", LOSS)], {"acc": LOSS["loss"]}, ["a", "training"], id="no metric in common"),
        pytest.param([("a", LOSS)], {}, ["a", "training"], id="an empty history"),
        pytest.param([("a", LOSS)], FOUR, ["a+"], id="a longer history"),
        pytest.param([("a", FOUR)], LOSS, ["a+"], id="a shorter history"),
        pytest.param([("a", LOSS), ("b", {"loss": {0: 5.0}})], LOSS, ["a+", "b"], id="one of two agrees"),
        pytest.param([("a", LOSS), ("b", LOSS)], LOSS, ["a", "b", "training"], id="two agree alike"),
        pytest.param([("a", LOSS), ("b", FOUR)], FOUR, ["a", "b+"], id="of two that agree the one with its epochs"),
        pytest.param([], LOSS, ["training"], id="no event run at all"),
    ],
)
def test_a_history_joins_the_one_run_whose_values_it_has(runs, table, expected) -> None:
    assert expected == names(join_histories([events(name, has) for name, has in runs], [history(table)]))


@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf, 1e39])
def test_nan_infinities_and_what_is_too_large_for_float32_agree_with_themselves(special: float) -> None:
    table = {"loss": {0: special, 1: 1.0}}
    with np.errstate(over="ignore"):
        assert names(join_histories([events("a", table)], [history(table)])) == ["a+"]


def test_nan_disagrees_with_a_number() -> None:
    runs = join_histories([events("a", LOSS)], [history({"loss": {0: math.nan, 1: 0.2}})])
    assert names(runs) == ["a", "training"]


@pytest.mark.parametrize("rate", ["lr", "learning_rate"])
def test_a_rate_that_two_callbacks_saw_differently_is_no_contradiction(rate: str) -> None:
    (both,) = join_histories([events("a", {**LOSS, rate: {0: 0.5}})], [history({**LOSS, rate: {0: 0.25}})])
    assert names([both]) == ["a+"]
    assert names(join_histories([events("a", {rate: {0: 0.5}})], [history({rate: {0: 0.5}})])) == ["a", "training"]


@given(st.lists(st.floats(), min_size=1, max_size=6), st.lists(st.floats(), min_size=1, max_size=6))
def test_histories_join_exactly_when_all_shared_values_round_to_the_same(mine, theirs) -> None:
    with np.errstate(over="ignore"):
        ours = events("a", {"loss": dict(enumerate(mine))})
        shared = [np.float32([x, y]) for x, y in zip(mine, theirs, strict=False)]
    agree = all(x == y or (np.isnan(x) and np.isnan(y)) for x, y in shared)
    runs = join_histories([ours], [history({"loss": dict(enumerate(theirs))})])
    assert (["a+"] if agree else ["a", "training"]) == names(runs)


@given(st.lists(st.floats(width=64), min_size=1, max_size=8), st.sets(st.integers(0, 7)))
def test_joined_values_have_all_digits_and_fill_the_holes(written: list[float], holes: set[int]) -> None:
    left = {epoch: value for epoch, value in enumerate(written) if epoch not in holes}
    assume(left)
    with np.errstate(over="ignore"):
        ours = events("a", {"loss": left})
    (joined,) = join_histories([ours], [history({"loss": dict(enumerate(written))})])
    np.testing.assert_array_equal(written, list(values(joined).values()))
    assert list(range(len(written))) == list(values(joined))
    filled = len(written) - len(left)
    assert [f"training.csv fills {filled} values that the event files lack"] * (filled > 0) == list(joined.notes)


def test_a_joined_run_has_digits_of_the_text_and_times_of_the_events() -> None:
    (joined,) = join_histories([events("a", {"loss": {0: 0.1, 2: 0.3}})], [history({**LOSS, "acc": {0: 1.0}})])
    loss = joined.table["loss"]
    assert loss.value.tolist() == [0.1, 0.2, 0.3]
    np.testing.assert_array_equal([100.0, math.nan, 101.0], loss.wall_time)
    assert (loss.origin, loss.exact) == ("a:loss, training:loss", True)
    assert {"loss", "acc"} == set(joined.table)
    assert ("logs/a/events", "logs/training.csv") == joined.sources == tuple(d.path for d in joined.damage)


def test_values_of_epochs_that_the_text_lacks_stay_and_are_not_called_exact() -> None:
    (joined,) = join_histories([events("a", FOUR)], [history(LOSS)])
    assert {0: 0.1, 1: 0.2, 2: 0.3, 3: float(np.float32(0.4))} == values(joined)
    assert not joined.table["loss"].exact


def test_several_histories_join_one_run() -> None:
    runs = join_histories([events("a", LOSS)], [history(LOSS), history({**LOSS, "acc": {0: 1.0}}, name="history")])
    assert names(runs) == ["a++"]
    assert {"loss", "acc"} == set(runs[0].table)


def test_a_disagreement_is_told_on_both_sides_with_the_first_value_in_question() -> None:
    a, alone = join_histories([events("a", LOSS)], [history({"loss": {0: 0.1, 1: 0.25, 2: 0.5}}, notes=("before",))])
    told = (
        "training.csv and run 'a' disagree beyond float32 rounding in 2 of 3 shared values "
        "(first: loss of epoch 2 is 0.25 there and 0.2 in the events): not joined"
    )
    assert ((told,), ("before", told)) == (a.notes, alone.notes)


def test_a_history_that_fits_none_of_several_runs_is_a_run_of_its_own() -> None:
    runs = join_histories([events("a", LOSS), events("b", LOSS)], [history({"loss": {0: 5.0}})])
    assert names(runs) == ["a", "b", "training"]
    assert values(runs[2]) == {0: 5.0}


@pytest.mark.parametrize(
    ("table", "sessions", "axis", "expected"),
    [
        pytest.param({0: 0.3, 1: 0.4}, (0, 2), ROWS, {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4}, id="rows of a resumed fit"),
        pytest.param({0: 0.2, 1: 0.3}, (1,), ROWS, {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4}, id="rows of a fit from epoch 1"),
        pytest.param({0: 0.3, 1: 0.4}, (0, 2), COLUMN, None, id="a column of epochs means what it says"),
        pytest.param({0: 0.3, 1: 0.4}, (0,), ROWS, None, id="rows of no known fit"),
    ],
)
def test_rows_without_epochs_are_put_where_a_fit_began(table, sessions, axis, expected) -> None:
    rows = history({"loss": table}, axis=EpochAxis("epoch", 0, axis))
    runs = join_histories([events("a", FOUR, sessions=sessions)], [rows])
    if expected is None:
        assert names(runs) == ["a", "training"]
    else:
        assert {e: round(v, 6) for e, v in values(runs[0]).items()} == expected
        assert [f"the first row of training.csv is epoch {sessions[-1] + 1}"] == list(runs[0].notes)


def test_a_column_that_begins_with_1_may_be_0_based_after_all() -> None:
    one = EpochAxis("epoch", 1, "the epoch column counts from 1")
    csv = history({"loss": {0: 0.1, 1: 0.2}}, axis=one)
    (joined,) = join_histories([events("a", {"loss": {1: 0.1, 2: 0.2}})], [csv])
    assert values(joined) == {1: 0.1, 2: 0.2}


def test_a_note_of_both_stands_once() -> None:
    (joined,) = join_histories([events("a", LOSS, notes=("n",))], [history(LOSS, notes=("n", "m"))])
    assert joined.notes == ("n", "m")


def test_the_given_runs_are_left_as_they_were() -> None:
    a, csv = events("a", LOSS), history(LOSS)
    join_histories([a], [csv])
    assert {0: float(np.float32(0.1))}.items() <= values(a).items()
    assert (1, Path("logs/training.csv").as_posix()) == (len(a.sources), csv.sources[0])
