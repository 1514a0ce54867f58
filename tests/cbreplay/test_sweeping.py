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

DATA = Path(__file__).parents[1] / "data" / "logs"
PROFILES = [profile.name for profile in cb.list_profiles()]


def assert_cells_equal_replays(runs, table, profile, **parameters) -> None:
    by_name = {run.name: run for run in runs}
    for row in table.itertuples():
        cell = {"patience": row.patience, "min_delta": row.min_delta, **parameters}
        if row.start_from_epoch:
            cell["start_from_epoch"] = row.start_from_epoch
        found = cb.replay(by_name[row.run], cb.EarlyStopping(**cell), profile=profile)
        for name in ("stopped_epoch", "best_epoch", "best", "epochs_saved", "seconds_saved", "regret", "regret_final"):
            swept, replayed = getattr(row, name), getattr(found, name)
            swept = None if swept is pd.NA or (isinstance(swept, float) and math.isnan(swept)) else swept
            replayed = None if isinstance(replayed, float) and math.isnan(replayed) else replayed
            assert swept == pytest.approx(replayed, abs=1e-9), (row, name)
        assert row.verdict == found.verdict


values = st.one_of(
    st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.625, 1.0, math.nan, math.inf]), st.floats(-2, 2, width=32), st.none()
)
curves = st.lists(values, min_size=1, max_size=14)


def run_of(values, name="a"):
    logs = [{"loss": 1.0} if value is None else {"loss": 1.0, "val_loss": value} for value in values]
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
    if not (era.missing_monitor_crashes and None in (*first, *second)):
        assert_cells_equal_replays(runs, table, profile, **extra)


@pytest.mark.parametrize("profile", ["auto", "keras-2.6", "keras-2.15"])
def test_cells_of_real_runs_equal_their_replays(profile, samples) -> None:
    for folder in (samples, DATA / "tf215-keras2" / "resume", DATA / "tf221-keras3" / "resume_overlap"):
        runs = cb.load_runs(folder)
        table = cb.sweep(runs, mode="min", patience=[0, 1, 3, 5, 8], min_delta=[0, 0.01], profile=profile)
        assert_cells_equal_replays(runs, table, profile, mode="min")


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


@pytest.mark.parametrize("wrong", [{"patience": []}, {"patience": [-1]}, {"start_from_epoch": [-1]}])
def test_an_empty_or_negative_grid_is_refused(wrong) -> None:
    with pytest.raises(cb.ParameterError):
        cb.sweep([], **wrong)


def test_no_runs_give_an_empty_table() -> None:
    assert len(cb.sweep([], patience=[1])) == 0
    assert np.array_equal(cb.sweep([], patience=[1]).columns[:2], ["run", "patience"])
