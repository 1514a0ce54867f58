"""Where logs and checkpoints are looked for beside each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from writing import write_keras_run

import cbreplay as cb
from cbreplay.checkpoints import checkpoints_near, logs_near, nearby


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


@pytest.mark.parametrize("logs", ["run/tb", "run/ckpt", "run"])
def test_logs_are_found_in_the_folder_or_in_the_one_above(tmp_path, logs) -> None:
    touch(tmp_path / "run/ckpt/a.h5")
    write_keras_run(tmp_path / logs, [1.0], [1.0])
    found = logs_near(tmp_path / "run/ckpt")
    assert found is not None
    assert found.resolve() == (tmp_path / ("run/ckpt" if logs == "run/ckpt" else "run")).resolve()


def test_a_history_counts_where_it_lies_directly_there(tmp_path) -> None:
    touch(tmp_path / "run/ckpt/a.h5", tmp_path / "run/other/table.csv")
    assert logs_near(tmp_path / "run/ckpt") is None
    (tmp_path / "run/training.csv").write_text("epoch,loss\n0,1\n", encoding="utf-8")
    assert logs_near(tmp_path / "run/ckpt/a.h5") == (tmp_path / "run").resolve()


def test_a_folder_above_that_is_too_large_to_be_a_log_folder_is_not_one(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(nearby, "_MOST_ENTRIES", 20)
    touch(tmp_path / "models/a.h5", *(tmp_path / f"much/{number}.txt" for number in range(30)))
    write_keras_run(tmp_path / "tb", [1.0], [1.0])
    assert logs_near(tmp_path / "models") is None


def test_hidden_folders_and_those_of_programs_are_not_entered(tmp_path) -> None:
    touch(tmp_path / "models/a.h5")
    write_keras_run(tmp_path / ".venv/site-packages/x", [1.0], [1.0])
    write_keras_run(tmp_path / "node_modules/x", [1.0], [1.0])
    assert logs_near(tmp_path / "models") is None


def test_checkpoints_are_looked_for_below_the_logs_beside_them_and_in_the_usual_folders(tmp_path) -> None:
    write_keras_run(tmp_path / "logs/a", [1.0], [1.0])
    names = ("logs/a/1.h5", "2.keras", "models/3.h5", "ckpt/4.hdf5", "elsewhere/5.h5", "b.txt")
    touch(*(tmp_path / name for name in names))
    runs = list(cb.load_runs(tmp_path / "logs"))
    assert sorted(path.name[0] for path in checkpoints_near(tmp_path / "logs", runs)) == ["1", "2", "3", "4"]
    assert [path.name for path in checkpoints_near(tmp_path / "logs", runs, tmp_path / "elsewhere")] == ["5.h5"]
