"""A sweep equals the replay of each cell by itself."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writing import write_keras_run

import cbreplay as cb
from cbreplay.rules import STOPPING_RULES

DATA = Path(__file__).parents[1] / "data" / "logs"
PROFILES = [profile.name for profile in cb.list_profiles()]


AXES = ("patience", "min_delta", "start_from_epoch", "smoothing", "alpha", "strip_length", "strips")
MEASURES = ("stopped_epoch", "best_epoch", "best", "epochs_saved", "seconds_saved", "regret", "regret_final",
            "regret_relative")  # fmt: skip


def cell_of(row) -> dict:
    """The parameters of a row, those left out that its rule does not have or that are the default."""
    cell = {name: getattr(row, name) for name in AXES if hasattr(row, name) and not pd.isna(getattr(row, name))}
    return {name: value for name, value in cell.items() if name != "start_from_epoch" or value}


def assert_cells_equal_replays(runs, table, profile, **parameters) -> None:
    by_name = {run.name: run for run in runs}
    for row in table.itertuples():
        rule = STOPPING_RULES[row.rule](**cell_of(row), **parameters)
        try:
            found = cb.replay(by_name[row.run], rule, profile=profile)
        except cb.CbreplayError:
            assert row.verdict == "undecided", row
            continue
        for name in MEASURES:
            swept, replayed = getattr(row, name), getattr(found, name)
            swept = None if swept is pd.NA or (isinstance(swept, float) and math.isnan(swept)) else swept
            replayed = None if isinstance(replayed, float) and math.isnan(replayed) else replayed
            assert swept == (replayed if replayed is None else pytest.approx(replayed, abs=1e-9)), (row, name)
        assert row.verdict == found.verdict


values = st.one_of(
    st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.625, 1.0, math.nan, math.inf]), st.floats(-2, 2, width=32), st.none()
)
curves = st.lists(values, min_size=1, max_size=14)


def run_of(values, name="a", training=()):
    training = [*training, *[1.0] * len(values)]
    logs = [
        {"loss": loss} if value is None else {"loss": loss, "val_loss": value}
        for value, loss in zip(values, training, strict=False)
    ]
    return replace(cb.replay(logs, cb.EarlyStopping()).run, name=name)


@settings(deadline=None, max_examples=60)
@given(curves, curves, st.sampled_from(PROFILES), st.booleans(), st.sampled_from([None, 0.3]))
def test_every_cell_equals_its_replay(first, second, profile, restore, baseline) -> None:
    runs = [run_of(first, "a"), run_of(second, "b")]
    era = cb.resolve_profile(profile).early_stopping
    starts = [0, 2] if "start_from_epoch" in era.parameters else [0]
    extra = {"mode": "min"}
    if restore and era.restores == "at_train_end":
        extra["restore_best_weights"] = True
    if baseline is not None and "baseline" in era.parameters:
        extra["baseline"] = baseline
    table = cb.sweep(runs, patience=range(4), min_delta=[0, 0.125], start_from_epoch=starts, profile=profile, **extra)
    assert_cells_equal_replays(runs, table, profile, **extra)


@settings(deadline=None, max_examples=60)
@given(
    curves, curves, st.sampled_from(["keras-3.15", "keras-3.0", "keras-2.11", "keras-2.3", "keras-1.2"]),
    st.sampled_from(["lookback", "smoothed", "gl", "pq", "up"]), st.sampled_from(["min", "max"]),
)  # fmt: skip
def test_every_cell_of_the_other_rules_equals_its_replay(first, second, profile, rule, mode) -> None:
    training = [*range(5, 9), math.nan, 2.0, 2.0, 2.0, 2.0, 1.5, 1.0, 0.0, -1.0, 3.0]
    runs = [run_of(first, "a", training), run_of(second, "b", training)]
    table = cb.sweep(
        runs, rule=rule, mode=mode, patience=[0, 1, 2, 4], min_delta=[-0.125, 0, 0.125], start_from_epoch=[0, 2],
        smoothing=[0, 0.5], alpha=[0, 0.5, 25, 100], strip_length=[1, 2, 3], strips=[1, 2, 3], profile=profile,
    )  # fmt: skip
    assert_cells_equal_replays(runs, table, profile, mode=mode)


@pytest.mark.parametrize("profile", ["auto", "keras-2.6", "keras-2.15"])
def test_cells_of_real_runs_equal_their_replays(profile, samples) -> None:
    for folder in (samples, DATA / "tf215-keras2" / "resume", DATA / "tf221-keras3" / "resume_overlap"):
        runs = cb.load_runs(folder)
        table = cb.sweep(
            runs, mode="min", rule=list(STOPPING_RULES), patience=[0, 1, 3, 5, 8], min_delta=[0, 0.01],
            smoothing=0.6, alpha=[0.5, 2], strips=[1, 2], strip_length=3, profile=profile,
        )  # fmt: skip
        assert_cells_equal_replays(runs, table, profile, mode="min")


def test_a_start_behind_a_hole_is_not_touched_by_it(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("epoch,val_loss\n0,1\n2,3\n3,2\n4,1\n")
    runs = cb.load_runs(tmp_path, planned_epochs=5)
    table = cb.sweep(runs, patience=[3], start_from_epoch=[0, 1, 2])
    assert table["verdict"].tolist() == ["undecided", "undecided", "completed"]
    assert_cells_equal_replays(runs, table, "auto", mode="min")


def test_a_release_without_start_from_epoch_leaves_such_cells_open() -> None:
    table = cb.sweep([run_of([1, 2, 3])], patience=1, start_from_epoch=[0, 1], profile="keras-2.9")
    assert table["verdict"].tolist() == ["stopped", "undecided"]


def test_portions_hold_the_same_rows_as_the_whole() -> None:
    runs = [run_of([1, 2, 3], str(number)) for number in range(5)]
    parts = list(cb.iter_sweep(runs, monitor=["val_loss", "loss"], mode="min", rule=["keras", "up"], patience=[1, 2]))
    whole = cb.sweep(runs, monitor=["val_loss", "loss"], mode="min", rule=["keras", "up"], patience=[1, 2])
    assert len(parts) == 4
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


def test_a_log_with_holes_is_undecided_from_the_hole_on(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("epoch,val_loss\n0,1\n1,2\n2,3\n4,4\n")
    table = cb.sweep(cb.load_runs(tmp_path), patience=[1, 2, 3])
    assert table["verdict"].tolist() == ["stopped", "stopped", "undecided"]


def test_the_table_is_tidy_and_typed(tmp_path) -> None:
    write_keras_run(tmp_path / "a", [1.0] * 5, [1.0, 0.5, 0.75, 0.75, 0.25])
    write_keras_run(tmp_path / "b", [1.0] * 2, [1.0, 0.5])
    table = cb.sweep(cb.load_runs(tmp_path), patience=[2, 9], min_delta=[0, 0.1])
    assert len(table) == 8
    assert table["stopped_epoch"].dtype == "Int64"
    assert table["stopped_epoch"].tolist()[:2] == [3, pd.NA]
    assert table["regret"].tolist()[0] == 0.25
    assert table["verdict"].tolist() == ["stopped", "undecided"] * 2 + ["undecided"] * 4


def test_runs_without_the_monitor_are_undecided(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("epoch,loss\n0,1\n")
    table = cb.sweep(cb.load_runs(tmp_path), patience=[1])
    assert table["verdict"].tolist() == ["undecided"]


@pytest.mark.parametrize("wrong", [
    {"patience": []}, {"patience": [-1]}, {"start_from_epoch": [-1]}, {"patience": [1.5]}, {"min_delta": [math.nan]},
    {"rule": "smoothed", "smoothing": 1}, {"rule": "gl", "alpha": -1}, {"rule": "other"},
])  # fmt: skip
def test_an_empty_or_negative_grid_is_refused(wrong) -> None:
    with pytest.raises(cb.ParameterError):
        cb.sweep([], **wrong)


def test_no_runs_give_an_empty_table() -> None:
    assert len(cb.sweep([], patience=[1])) == 0
    assert np.array_equal(cb.sweep([], patience=[1]).columns[:2], ["run", "patience"])
