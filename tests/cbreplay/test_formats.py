"""Logs that other libraries really wrote, against what was seen while they were written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import cbreplay as cb
from cbreplay.monitors import with_monitors

OTHER = Path(__file__).parents[1] / "data" / "other"


def truth(folder):
    return json.loads((OTHER / folder / "truth.json").read_text())


def only(folder, name=None):
    runs = cb.load_runs(OTHER / folder)
    return runs[0] if name is None else runs[name]


@pytest.mark.parametrize(
    ("folder", "name", "val_loss", "val_acc"),
    [
        ("torch_summarywriter/s3", "runs/exp_lr0.3", "Loss/val", "Accuracy/val"),
        ("tensorboardX/s4", "runs/exp_lr0.1", "Loss/val", "Accuracy/val"),
    ],
)
def test_a_torch_writer_is_one_run_by_epoch_with_its_offshoots(folder, name, val_loss, val_acc) -> None:
    told = truth(folder)["history"]
    (run,) = cb.load_runs(OTHER / folder)
    assert (run.name, run.epochs) == (name, len(told))
    for metric, key in ((val_loss, "val_loss"), (val_acc, "val_acc"), ("Loss/train", "train_loss")):
        assert run.values(metric).tolist() == [float(np.float32(row[key])) for row in told]
    assert not any("hparam" in metric for metric in run.table)


@pytest.mark.parametrize(("name", "exact"), [("csv/version_0/metrics", True), ("tb/version_0", False)])
def test_lightning_is_read_by_epoch_from_both_of_its_loggers(name, exact) -> None:
    told = truth("lightning/s3")["validation"]
    run = only("lightning/s3", name)
    assert run.epochs == len(told)
    wanted = [row["val_loss"] for row in told]
    assert run.values("val_loss").tolist() == (wanted if exact else [float(np.float32(v)) for v in wanted])


def test_hugging_face_evaluations_are_counted_and_checkpoints_do_not_repeat_them() -> None:
    told = [row["eval_loss"] for row in truth("hf_trainer/s3")["log_history"] if "eval_loss" in row]
    runs = cb.load_runs(OTHER / "hf_trainer" / "s3")
    assert [run.name for run in runs] == ["out/trainer_state", "tb"]
    assert runs["out/trainer_state"].values("eval_loss").tolist() == told
    assert runs["tb"].values("eval/loss").tolist() == [float(np.float32(value)) for value in told]
    for run in runs:
        assert cb.replay(run, cb.EarlyStopping(mode="min", patience=3)).best == pytest.approx(min(told))


def test_a_purged_restart_of_torch_is_one_run_with_the_values_that_count() -> None:
    told = {row["epoch"]: row["val_loss"] for row in truth("torch_restart_purge/s3")["history"]}
    run = only("torch_restart_purge/s3")
    assert run.values("loss/val").tolist() == [float(np.float32(told[epoch])) for epoch in range(20)]
    assert any("replaces 8 points" in note for note in run.notes)


def test_catboost_halves_are_one_run() -> None:
    told = json.loads((OTHER / "catboost/s3/evals_result.json").read_text())
    run = only("catboost/s3", "catboost_info")
    assert run.values("val_MultiClass") == pytest.approx(told["validation"]["MultiClass"])
    assert run.values("MultiClass") == pytest.approx(told["learn"]["MultiClass"])


@pytest.mark.parametrize(
    ("folder", "name", "metric", "dataset", "key"),
    [
        ("xgboost/s3", "evals_result", "eval-logloss", "eval", "logloss"),
        ("xgboost/s3", "evals_result.json", "eval/logloss", "eval", "logloss"),
        ("lightgbm/s3", "evals_result", "valid_1 multi_logloss", "valid_1", "multi_logloss"),
        ("lightgbm/s3", "evals_result.json", "valid_1/multi_logloss", "valid_1", "multi_logloss"),
    ],
)
def test_boosting_evaluations_are_read_exactly(folder, name, metric, dataset, key) -> None:
    told = json.loads((OTHER / folder / "evals_result.json").read_text())
    assert only(folder, name).values(metric).tolist() == told[dataset][key]


def test_fastai_and_sklearn_curves_are_read_exactly() -> None:
    told = truth("fastai/s3")
    column = told["metric_names"].index("valid_loss") - 1
    assert only("fastai/s3").values("valid_loss").tolist() == [row[column] for row in told["values"]]
    assert only("sklearn_mlp/s3").epochs == truth("sklearn_mlp/s3")["n_iter"]


def test_ray_tune_is_one_run_a_trial_with_its_events_csv_and_json() -> None:
    (run,) = cb.load_runs(OTHER / "ray_tune" / "s3")
    assert (run.epochs, len(run.sources)) == (20, 3)
    assert run.values("val_loss").min() <= truth("ray_tune/s3")["best"]["val_loss"]


def test_stable_baselines_evaluations_are_counted() -> None:
    told = truth("sb3/s3")
    run = only("sb3/s3", "log")
    assert run.axis.kind == "evaluation"
    assert run.epochs == told["evaluations"]
    assert run.values("eval/mean_reward").max() == pytest.approx(told["best_mean_reward"])


def write(folder, columns):
    names = ",".join(f'"{name}"' for name in columns)
    (folder / "log.csv").write_text(f"epoch,{names}\n0," + ",".join("1" for _ in columns) + "\n")
    return cb.load_runs(folder)[0]


@pytest.mark.parametrize(
    ("columns", "taken"),
    [
        (["val_loss", "Loss/val"], None),  # the exact name needs nothing
        (["Loss/val"], "Loss/val"),
        (["eval/loss", "train/loss"], "eval/loss"),
        (["valid_loss"], "valid_loss"),
        (["Validation Loss"], "Validation Loss"),
        (["ValLoss"], "ValLoss"),
        (["test_loss"], "test_loss"),
        (["test_loss", "valid_loss"], "valid_loss"),
        (["val_loss_x"], None),
        (["train_loss"], None),
        (["Loss/val", "eval_loss"], None),  # two have the words: neither
    ],
)
def test_a_monitor_is_found_by_its_words_or_not_at_all(tmp_path, columns, taken) -> None:
    run = write(tmp_path, columns)
    found = with_monitors(run, ["val_loss"])
    notes = [note for note in found.notes if "is taken from" in note]
    assert notes == ([] if taken is None else [f"'val_loss' is taken from {taken!r}"])
    assert ("val_loss" in found.table) == (taken is not None or "val_loss" in columns)


def test_several_metrics_with_the_words_are_named(tmp_path) -> None:
    (note,) = with_monitors(write(tmp_path, ["Loss/val", "eval_loss"]), ["val_loss"]).notes
    assert note == "'val_loss' could be 'Loss/val' or 'eval_loss': say which (--metric val_loss=NAME)"


def test_the_metric_to_take_can_be_said(tmp_path) -> None:
    run = write(tmp_path, ["Loss/val", "eval_loss"])
    outcome = cb.replay(run, cb.EarlyStopping(mode="min"), metrics={"val_loss": "eval_loss"})
    assert outcome.best == 1.0
    assert "'val_loss' is taken from 'eval_loss'" in outcome.run.notes
    with pytest.raises(cb.UnknownMetricError, match="nearest"):
        cb.replay(run, cb.EarlyStopping(), metrics={"val_loss": "evil_loss"})


def test_downloads_of_tensorboard_make_one_run(tmp_path) -> None:
    for half, values in (("train", [3.0, 2.0]), ("validation", [1.0, 0.5])):
        rows = "".join(f"{1.7e9 + e},{e},{v}\n" for e, v in enumerate(values))
        (tmp_path / f"run-logs_{half}-tag-epoch_loss.csv").write_text("Wall time,Step,Value\n" + rows)
    (tmp_path / "run-logs_train-tag-epoch_accuracy.csv").write_text("Wall time,Step,Value\n1.7e9,0,0.5\nx,1,2\n")
    (run,) = cb.load_runs(tmp_path)
    assert run.name == "logs"
    assert {name: run.values(name).tolist()[:2] for name in ("loss", "val_loss")} == {
        "loss": [3, 2],
        "val_loss": [1, 0.5],
    }
    assert run.wall_times().tolist() == [1.7e9, 1.7e9 + 1]
    assert [(item.kind, item.offset) for item in run.damage] == [("row", 3)]
