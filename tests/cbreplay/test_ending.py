"""What can have ended a run, on real runs whose end is known and on constructed ones."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writing import write_keras_run

import cbreplay as cb
from cbreplay.ending import describe

DATA = Path(__file__).parents[1] / "data" / "logs"


def fits(ending, monitor, patience, min_delta=0.0):
    return any(
        policy.monitor == monitor
        and policy.patience_from <= patience <= policy.patience
        and policy.min_delta_from <= min_delta
        and (policy.min_delta_below is None or min_delta < policy.min_delta_below)
        for policy in ending.fitting
    )


@pytest.mark.parametrize(
    "folder",
    [
        "tf221-keras3/es_basic", "tf221-keras3/validation_freq2", "tf221-keras3/custom_scalars",
        "tf221-keras3/resume", "tf221-keras3/nan_diverge", "tf215-keras2/es_restore", "tf215-keras2/resume",
        "tf215-keras2/nan_diverge", "tf212-keras2/tf1_simple_value", "keras3-torch/es_basic",
    ],
)  # fmt: skip
def test_the_early_stopping_that_really_ended_a_run_is_among_those_that_fit(folder) -> None:
    truth = json.loads((DATA / folder / "truth.json").read_text())
    used = next(c["params"] for c in truth["fits"][-1]["callbacks"] if c["callback"] == "EarlyStopping")
    ending = cb.infer_ending(cb.load_runs(DATA / folder)[-1], f"keras-{truth['versions']['keras']}")
    assert fits(ending, used.get("monitor", "val_loss"), used["patience"], used.get("min_delta", 0.0))


@pytest.mark.parametrize("folder", ["tf221-keras3/nan_terminate", "tf215-keras2/nan_terminate"])
def test_a_run_that_broke_down_is_seen_to_have(folder) -> None:
    ending = cb.infer_ending(cb.load_runs(DATA / folder)[0])
    assert any("TerminateOnNaN" in cause for cause in ending.other_causes)
    assert not fits(ending, "val_loss", 6)


curves = st.lists(st.sampled_from([0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0]), min_size=2, max_size=12)


@settings(deadline=None)
@given(curves, st.sampled_from(["keras-3.15", "keras-2.15", "keras-2.6", "keras-2.0"]))
def test_a_policy_fits_just_when_its_replay_stops_at_the_last_epoch(curve, profile) -> None:
    run = cb.replay([{"val_loss": value} for value in curve], cb.EarlyStopping(mode="min")).run
    ending = cb.infer_ending(run, profile)
    for patience in range(8):
        for min_delta in (0.0, 0.0625, 0.1875, 0.3, 2.0):
            rule = cb.EarlyStopping(mode="min", patience=patience, min_delta=min_delta)
            stopped = cb.replay(run, rule, profile=profile).stopped_epoch
            assert (stopped == len(curve) - 1) == fits(ending, "val_loss", patience, min_delta)


def test_a_run_that_ends_with_its_best_epoch_was_not_stopped_early() -> None:
    run = cb.replay([{"val_loss": value} for value in (3.0, 2.0, 1.0)], cb.EarlyStopping()).run
    ending = cb.infer_ending(run, "keras-3.15")
    assert not fits(ending, "val_loss", 1)
    assert not any(policy.min_delta_from == 0 for policy in ending.fitting)


def test_a_cut_file_tells_that_the_run_was_killed(tmp_path) -> None:
    write_keras_run(tmp_path, [3.0, 2.0, 1.0], [3.0, 2.0, 1.0])
    (event,) = (tmp_path / "train").iterdir()
    event.write_bytes(event.read_bytes()[:-5])
    assert any("killed" in cause for cause in cb.infer_ending(cb.load_runs(tmp_path)[0]).other_causes)


def test_short_of_the_planned_end_and_without_a_fit_it_was_interrupted(tmp_path) -> None:
    write_keras_run(tmp_path, [math.e] * 1, [1.0])
    ending = cb.infer_ending(cb.load_runs(tmp_path, planned_epochs=9)[0])
    assert ending.conclusion == "no early stopping fits and 9 epochs were planned: it was interrupted"


def test_fits_are_described_by_monitor(samples) -> None:
    ending = cb.infer_ending(cb.load_runs(samples)["stopped_early/logs"])
    assert describe(ending.fitting)[0].startswith("'val_loss' (min): patience 5 and min_delta below 0.001073;")
    assert "the log alone cannot tell that from" in ending.conclusion
