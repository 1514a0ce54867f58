"""The main job as a record, and its JSON."""

from __future__ import annotations

import json
import shutil

import pytest
from writing import write_keras_run

import cbreplay as cb
from cbreplay.jsonable import to_json

TOP = ["schema", "cbreplay", "logdir", "profile", "policy", "runs", "damage", "skipped"]
RUN = [
    "name", "epochs", "monitor", "mode", "verdict", "stopped_epoch", "best_epoch", "best", "restored_epoch",
    "epochs_saved", "seconds_saved", "regret", "files", "on_disk", "sources", "damage", "warnings",
]  # fmt: skip


def test_the_samples_give_the_documented_object(samples) -> None:
    told = json.loads(to_json(cb.analyze(samples).to_dict()))
    assert set(TOP) <= set(told)
    assert told["schema"] == 1
    assert all(set(RUN) <= set(run) for run in told["runs"])
    runs = {run["name"]: run for run in told["runs"]}
    assert list(runs) == [
        "csv_only/history",
        "name_template/logs",
        "overfitting/logs",
        "ran_to_end/logs",
        "stopped_early/logs",
    ]
    early = runs["stopped_early/logs"]
    assert (
        early["verdict"], early["stopped_epoch"], early["best_epoch"], early["files"],
    ) == ("stopped", 25, 20, {"model_ckpt.h5": 20})  # fmt: skip
    assert [str(samples / "stopped_early" / "model_ckpt.h5")] == [item["path"] for item in early["on_disk"]]
    assert runs["ran_to_end/logs"]["verdict"] == "completed"
    assert runs["overfitting/logs"]["best_accuracy"]["epoch"] == 11


def test_a_file_that_several_runs_could_have_written_is_nobodys(tmp_path) -> None:
    for name in ("a", "b"):
        write_keras_run(tmp_path / "logs" / name, [1.0], [1.0])
    (tmp_path / "model_ckpt.h5").write_bytes(b"x")
    disk = [item.on_disk[0] for item in cb.analyze(tmp_path / "logs").runs]
    assert [item.also for item in disk] == [("b",), ("a",)]


@pytest.mark.parametrize("place", ["given", "logs/a", "logs", "."])
def test_files_are_looked_for_in_the_documented_order(tmp_path, place) -> None:
    write_keras_run(tmp_path / "logs" / "a", [1.0], [1.0])
    order = ["given", "logs/a", "logs", "."]
    for folder in order[order.index(place) :]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "model_ckpt.h5").write_bytes(b"x")
    given = tmp_path / "given" if place == "given" else None
    found = cb.analyze(tmp_path / "logs", checkpoints=given).runs[0].on_disk[0]
    assert (tmp_path / place / "model_ckpt.h5").resolve() == __import__("pathlib").Path(found.path).resolve()


def test_a_run_without_the_monitor_does_not_stop_the_others(tmp_path) -> None:
    write_keras_run(tmp_path / "good", [1.0] * 9, [1.0] * 9)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "training.csv").write_text("epoch,loss,my_val_loss\n0,1,1\n")
    analysis = cb.analyze(tmp_path)
    assert [item.outcome.verdict for item in analysis.runs] == ["undecided", "stopped"]
    assert "nearest: my_val_loss" in analysis.runs[0].outcome.reason
    assert "val_loss" in analysis.runs[0].outcome.warnings[0]


def test_a_policy_that_the_release_refuses_is_a_problem_of_each_run(samples) -> None:
    analysis = cb.analyze(samples, profile="keras-3.5")
    assert all("must end in `.keras`" in item.problem for item in analysis.runs)
    json.loads(to_json(analysis.to_dict()))


def test_a_direction_that_cannot_be_known_is_a_problem_of_each_run(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("epoch,loss,my_score\n0,1,1\n")
    analysis = cb.analyze(tmp_path, cb.EarlyStopping(monitor="my_score"))
    assert all("mode='min' or mode='max'" in item.problem for item in analysis.runs)
    assert all(item.outcome is None for item in analysis.runs)
    json.loads(to_json(analysis.to_dict()))


def test_nothing_readable_says_what_was_looked_for(tmp_path) -> None:
    (tmp_path / "events.out.tfevents.1.host").write_bytes(b"no event file")
    with pytest.raises(cb.NothingReadableError, match="tfevents") as raised:
        cb.analyze(tmp_path)
    assert "no sound record" in str(raised.value)


def test_logs_are_not_changed(tmp_path, samples) -> None:
    copy = shutil.copytree(samples, tmp_path / "logs")
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in copy.rglob("*") if path.is_file()}
    cb.analyze(copy)
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in copy.rglob("*") if path.is_file()}


def test_a_monitor_that_is_not_there_is_said_before_its_direction_is_asked_for(samples) -> None:
    analysis = cb.analyze(samples, cb.EarlyStopping(monitor="val_los"))
    assert {item.problem for item in analysis.runs} == {"'val_los' is not in the log; nearest: val_loss, loss"}
