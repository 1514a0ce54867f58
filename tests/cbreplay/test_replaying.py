"""Replay of whole runs against what really happened in them, and its verdicts."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from writing import write_keras_run

import cbreplay as cb

SIMPLE = ("EarlyStopping", "ModelCheckpoint")
DATA = Path(__file__).parents[1] / "data" / "logs"
SAMPLES = Path(__file__).parents[2] / "sample_logs"

CASES = [
    "tf221-keras3/es_basic",
    "tf221-keras3/resume",
    "tf221-keras3/nan_diverge",
    "tf221-keras3/validation_freq2",
    "tf221-keras3/custom_scalars",
    "tf221-keras3/no_validation",
    "tf221-keras3/baseline_met",
    "tf221-keras3/name_collision",
    "tf221-keras3/csv_semicolon",
    "tf221-keras3/reduce_lr",
    "tf221-keras3/batch_freq",
    "tf221-keras3/rerun_from_zero_same_dir",
    "tf221-keras3/resume_overlap",
    "tf215-keras2/es_restore",
    "tf215-keras2/resume",
    "tf215-keras2/validation_freq2",
    "tf215-keras2/nan_diverge",
    "tf212-keras2/tf1_simple_value",
    "tf212-keras2/validation_freq2",
    "keras3-torch/es_basic",
]


def number(value):
    return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(value, value)


@pytest.mark.parametrize("folder", CASES)
def test_a_real_run_ends_as_it_did(folder) -> None:
    truth = json.loads((DATA / folder / "truth.json").read_text())
    fit = truth["fits"][-1]
    rules = [getattr(cb, c["callback"])(**c["params"]) for c in fit["callbacks"] if c["callback"] in SIMPLE]
    runs = cb.load_runs(DATA / folder)
    run = next(run for run in reversed(runs) if run.name.startswith("tb")) if len(runs) > 2 else runs[-1]
    found = cb.replay(run, rules, profile=f"keras-{truth['versions']['keras']}", planned_epochs=fit["fit"]["epochs"])
    real = fit["early_stopping"][0]
    assert (real["stopped_epoch"] if fit["stopped_early"] else None) == found.stopped_epoch
    assert (found.verdict == "undecided") == ("val_loss" not in run.table)
    assert real["best_epoch"] == found.attributes["best_epoch"]
    assert real["wait_at_end"] == found.attributes["wait"]
    if real["best"] != "NaN":
        assert number(real["best"]) == found.attributes["best"]
    final = run.first_epoch + run.epochs - 1 if found.restored_epoch is None else found.restored_epoch
    assert final in fit["final_weights_equal_those_after_epoch_index"]
    on_disk = {name: item["last_written_at_epoch_index"] for name, item in fit["checkpoint_files_at_end"].items()}
    assert set(on_disk) == set(found.files)
    if len(truth["fits"]) == 1:
        assert on_disk == found.files


@pytest.mark.parametrize("name", ["stopped_early", "ran_to_end", "overfitting", "name_template"])
def test_a_sample_ends_as_it_did(name) -> None:
    truth = json.loads((SAMPLES / "what_happened.json").read_text())["runs"][name]
    callbacks = {item["class"]: item for item in truth["callbacks"]}
    rules = [getattr(cb, name)(**{k: v for k, v in callbacks[name].items() if k != "class"}) for name in SIMPLE]
    found = cb.replay(cb.load_runs(SAMPLES / name)[0], rules)
    real = truth["early_stopping"]
    assert real == {key: found.attributes[key] for key in real}
    assert {n: item["written_at_epochs"][-1] for n, item in truth["checkpoint_files"].items()} == found.files
    if callbacks["EarlyStopping"]["restore_best_weights"]:
        assert truth["final_weights_equal_epochs"] == [found.restored_epoch]


def test_a_list_a_frame_and_a_run_give_the_same_outcome(tmp_path) -> None:
    loss, val_loss = [3.0, 2.0, 1.0, 0.5], [1.0, 0.5, 0.75, 0.875]
    write_keras_run(tmp_path, loss, val_loss)
    rules = [cb.EarlyStopping(patience=2), cb.ModelCheckpoint("{epoch}-{val_loss:.2f}.h5", save_best_only=True)]
    logs = [{"loss": a, "val_loss": b} for a, b in zip(loss, val_loss, strict=True)]
    outcomes = [
        cb.replay(cb.load_runs(tmp_path)[0], rules),
        cb.replay(logs, rules),
        cb.replay(pd.DataFrame({"loss": loss, "val_loss": val_loss}), rules),
    ]
    assert [(o.stopped_epoch, o.files) for o in outcomes] == [(3, {"1-1.00.h5": 0, "2-0.50.h5": 1})] * 3


def test_nan_in_a_frame_is_a_value_and_na_is_missing() -> None:
    rule = cb.EarlyStopping(patience=2, mode="min")
    with_nan = pd.DataFrame({"val_loss": [1.0, math.nan, math.nan]})
    with_na = pd.DataFrame({"val_loss": pd.array([1.0, None, None], dtype="Float64")})
    assert (cb.replay(with_nan, rule).stopped_epoch, cb.replay(with_na, rule).stopped_epoch) == (2, None)


def test_initial_epoch_shifts_epochs_and_names() -> None:
    rules = [cb.EarlyStopping(patience=1, mode="min"), cb.ModelCheckpoint("{epoch}.h5")]
    found = cb.replay([{"val_loss": 1.0}, {"val_loss": 2.0}], rules, initial_epoch=10)
    assert (found.stopped_epoch, found.files) == (11, {"11.h5": 10, "12.h5": 11})


@pytest.mark.parametrize(
    ("planned", "patience", "verdict"),
    [(None, 2, "stopped"), (None, 9, "undecided"), (4, 9, "completed"), (5, 9, "undecided"), (4, 2, "stopped")],
)
def test_a_log_that_does_not_stop_is_complete_only_when_its_planned_end_is_known(
    tmp_path, planned, patience, verdict
) -> None:
    write_keras_run(tmp_path, [1.0] * 4, [1.0, 0.5, 0.6, 0.7])
    run = cb.load_runs(tmp_path, planned_epochs=planned)[0]
    found = cb.replay(run, cb.EarlyStopping(patience=patience))
    assert verdict == found.verdict
    assert (None if verdict == "undecided" else 0.0) == found.regret


def test_lists_count_as_complete() -> None:
    assert cb.replay([{"val_loss": 1.0}], cb.EarlyStopping(patience=5)).verdict == "completed"


def test_epochs_that_the_log_lacks_make_the_answer_undecided(tmp_path) -> None:
    (tmp_path / "training.csv").write_text("epoch,loss,val_loss\n" + "".join(f"{e},1,1\n" for e in (0, 1, 3, 4, 5)))
    run = cb.load_runs(tmp_path)[0]
    found = cb.replay(run, cb.EarlyStopping(patience=4))
    assert (found.verdict, found.stopped_epoch) == ("undecided", None)
    assert "epoch 3" in found.reason
    assert "would stop at epoch 6" in found.reason
    assert cb.replay(run, cb.EarlyStopping(patience=2, start_from_epoch=3)).stopped_epoch == 5


def test_epochs_without_validation_are_no_holes(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("epoch,loss,val_loss\n0,1,NA\n1,1,1\n2,1,NA\n3,1,2\n")
    assert cb.replay(cb.load_runs(tmp_path)[0], cb.EarlyStopping(patience=1)).stopped_epoch == 3


def test_a_resumed_run_meets_fresh_callbacks(tmp_path) -> None:
    write_keras_run(tmp_path, [1.0] * 3, [1.0, 0.25, 0.5])
    write_keras_run(tmp_path, [1.0] * 3, [0.75, 0.8, 0.9], first=3, start=1.7e9 + 100, serial=1)
    rules = [cb.EarlyStopping(patience=2), cb.ModelCheckpoint("{epoch}.h5", save_best_only=True)]
    found = cb.replay(cb.load_runs(tmp_path)[0], rules)
    assert (found.stopped_epoch, found.best_epoch, found.files) == (5, 3, {"1.h5": 0, "2.h5": 1, "4.h5": 3})
    assert found.trace["epoch"].tolist() == [0, 1, 2, 3, 4, 5]


def test_what_a_resumed_run_wrote_before_it_was_replaced_counts_for_the_files(tmp_path) -> None:
    write_keras_run(tmp_path, [1.0] * 4, [1.0, 0.5, 0.4, 0.3])
    write_keras_run(tmp_path, [1.0] * 2, [0.45, 0.2], first=2, start=1.7e9 + 100, serial=1)
    run = cb.load_runs(tmp_path)[0]
    assert [1.0, 0.5, pytest.approx(0.45), pytest.approx(0.2)] == run.values("val_loss").tolist()
    found = cb.replay(run, cb.ModelCheckpoint("{epoch}-{val_loss:.2f}.h5"))
    assert list(found.files) == ["1-1.00.h5", "2-0.50.h5", "3-0.40.h5", "4-0.30.h5", "3-0.45.h5", "4-0.20.h5"]


def test_two_fits_with_one_object_carry_over_what_the_release_carries_over() -> None:
    rule = cb.EarlyStopping(mode="min", patience=1)
    fits = [[{"val_loss": 1.0}], [{"val_loss": 3.0}, {"val_loss": 2.0}, {"val_loss": 2.5}]]
    stops = {p: cb.replay_fits(fits, rule, profile=p)[1].stopped_epoch for p in ("keras-3.14", "keras-3.15")}
    assert stops == {"keras-3.14": 1, "keras-3.15": 2}


def test_savings_and_regret_are_measured_on_the_whole_run(tmp_path) -> None:
    write_keras_run(tmp_path, [1.0] * 6, [1.0, 0.5, 0.75, 0.875, 0.25, 0.5])
    rule = cb.EarlyStopping(patience=2)
    found = cb.replay(cb.load_runs(tmp_path)[0], rule)
    assert (found.stopped_epoch, found.epochs_saved, found.seconds_saved) == (3, 2, 20.0)
    assert (found.regret, found.regret_final, found.regret_relative) == (0.25, 0.625, 0.25 / 0.75)


def test_a_pause_between_sessions_is_no_time_saved(tmp_path) -> None:
    write_keras_run(tmp_path, [1.0] * 4, [1.0, 2.0, 3.0, 4.0])
    write_keras_run(tmp_path, [1.0] * 2, [5.0, 6.0], first=4, start=1.7e9 + 100_000, serial=1)
    found = cb.replay(cb.load_runs(tmp_path)[0], cb.EarlyStopping(patience=1))
    assert (found.stopped_epoch, found.seconds_saved) == (1, 40.0)


def test_an_error_of_the_callback_carries_what_happened_before() -> None:
    with pytest.raises(cb.CallbackError) as raised:
        cb.replay([{"val_loss": 1.0}, {}], cb.ModelCheckpoint("{val_loss}.h5"))
    error = raised.value
    assert isinstance(error, KeyError)
    assert (error.type_name, error.epoch, error.outcome.files) == ("KeyError", 1, {"1.0.h5": 0})
    assert "in epoch 2 (index 1)" in str(error)


def test_what_is_no_rule_is_refused() -> None:
    with pytest.raises(cb.ParameterError, match="EarlyStopping"):
        cb.replay([], ["EarlyStopping"])


def test_a_value_that_the_log_lost_is_no_value_that_keras_did_not_have(tmp_path) -> None:
    """A killed writer: train has epoch 5, validation has not. Keras 3.15 saves where the monitor is missing."""
    write_keras_run(tmp_path, [1.0] * 5, [1.0, 0.5, 0.75, 0.875])
    run = cb.load_runs(tmp_path)[0]
    assert run.lost_epochs("val_loss") == (4,)
    rules = [cb.EarlyStopping(patience=9), cb.ModelCheckpoint("{epoch}.h5", save_best_only=True)]
    found = cb.replay(run, rules)
    assert (found.verdict, found.files) == ("undecided", {"1.h5": 0, "2.h5": 1})
    assert found.warnings == ()
    assert "val_loss of epoch 5 is not in the log: whether a file was written there cannot be told" in found.notes
    assert cb.replay(run, cb.EarlyStopping(patience=2)).stopped_epoch == 3
    assert list(cb.replay(run, cb.ModelCheckpoint("{epoch}.h5")).files) == [f"{e}.h5" for e in range(1, 6)]


def test_epochs_that_are_not_in_the_log_write_no_files(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("epoch,loss,val_loss\n" + "".join(f"{e},1,{9 - e}\n" for e in (0, 1, 2, 6, 7)))
    found = cb.replay(cb.load_runs(tmp_path)[0], cb.ModelCheckpoint("{epoch}.h5"))
    assert list(found.files) == ["1.h5", "2.h5", "3.h5", "7.h5", "8.h5"]
    assert "epoch 4, 5, 6 is not in the log" in found.notes[0]


@pytest.mark.parametrize(
    ("present", "lost"),
    [([0, 1, 2, 3], []), ([1, 3, 5, 7], []), ([0, 1, 3], [2]), ([1, 3, 7], [5]), ([0, 1, 2], [3]), ([2], []), ([], [])],
)
def test_what_was_lost_is_told_by_the_rhythm_of_the_rest(tmp_path, present, lost) -> None:
    epochs = max([3, *present]) + 1
    rows = "".join(f"{e},1,{1 if e in present else 'NA'}\n" for e in range(epochs))
    (tmp_path / "t.csv").write_text("epoch,loss,val_loss\n" + rows)
    assert list(cb.load_runs(tmp_path)[0].lost_epochs("val_loss")) == lost
