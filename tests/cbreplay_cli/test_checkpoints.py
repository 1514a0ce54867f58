"""``cbreplay checkpoints`` and ``cbreplay best`` as a user sees them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from calling import run

from cbreplay.model_files import TRASH


@pytest.fixture
def folder(trainings, tmp_path) -> Path:
    return Path(shutil.copytree(trainings / "keras3/every_second", tmp_path / "run"))


def best_of(folder: Path) -> Path:
    return Path(run("best", folder).stdout.strip())


def test_the_inventory_names_the_best_and_has_a_row_for_each_file(folder) -> None:
    told = run("checkpoints", folder)
    assert (told.exit_code, told.stderr) == (0, "")
    lines = told.stdout.splitlines()
    assert lines[0].startswith(f"{folder}: 5 model files, ")
    assert any(line.startswith("  best") and line.endswith("in tb, proved") for line in lines)
    assert sum("sound" in line for line in lines if line.startswith("ckpt/")) == 5
    assert sum("← best" in line for line in lines) == 1


def test_each_piece_of_evidence_is_shown_on_request(folder) -> None:
    told = run("checkpoints", folder, "--evidence").stdout
    assert "weights  the histograms of all 6 tensors agree with epoch 3" in told
    assert "weights  none was logged for epoch 2; those of the 3 others differ" in told
    assert "steps    12 iterations: the end of epoch 3 (the log has that count there)" in told
    assert "name     named 3" in told


def test_the_json_has_everything(folder) -> None:
    told = json.loads(run("checkpoints", folder, "--json").stdout)
    assert (told["schema"], told["monitor"], len(told["files"])) == (1, "val_loss", 5)
    assert set(told["files"][0]) >= {"path", "layout", "keras_version", "parameters", "iterations", "status", "match"}
    assert told["files"][0]["match"]["weights_epochs"] == [0]
    assert told["best"]["path"] == str(best_of(folder))


def test_verify_fails_where_a_file_is_damaged_misnamed_or_missing(folder) -> None:
    assert run("checkpoints", folder, "--verify").exit_code == 0
    given = ("checkpoints", folder, "--verify", "--no-save-best-only", "--filepath", "ckpt/ckpt-{epoch:02d}.h5")
    assert run(*given).exit_code == 0
    (folder / "ckpt/ckpt-05.h5").unlink()
    assert (run("checkpoints", folder, "--verify").exit_code, run(*given).exit_code) == (0, 1)
    shutil.copy2(folder / "ckpt/ckpt-01.h5", folder / "ckpt/ckpt-03.h5")
    told = run("checkpoints", folder, "--verify")
    assert (told.exit_code, "named 3, but it holds the weights of epoch 1" in told.stdout) == (1, True)


def test_verify_fails_where_there_is_nothing(tmp_path) -> None:
    told = run("checkpoints", tmp_path, "--verify")
    assert (told.exit_code, told.stdout.splitlines()[0]) == (1, f"{tmp_path}: 0 model files, 0 B")


def test_a_damaged_file_is_a_row_and_a_sentence_and_the_others_are_read(folder) -> None:
    path = folder / "ckpt/ckpt-03.h5"
    path.write_bytes(path.read_bytes()[:-8])
    told = run("checkpoints", folder).stdout
    assert "truncated: 8 bytes of 33,128 are missing" in told
    assert sum("sound" in line for line in told.splitlines() if line.startswith("ckpt/")) == 4


def test_a_plan_is_shown_carried_out_and_undone(folder) -> None:
    shown = run("checkpoints", folder, "--prune")
    assert "nothing was touched" in shown.stdout
    assert len(list(folder.glob("ckpt/*"))) == 5
    done = run("checkpoints", folder, "--prune", "--apply")
    assert (done.exit_code, " moved to " in done.stdout) == (0, True)
    left = len(list(folder.glob("ckpt/*")))
    assert left < 5
    assert "nothing to do" in run("checkpoints", folder, "--prune", "--apply").stdout
    (trash,) = (folder / TRASH).iterdir()
    shutil.copytree(trash / "files", folder, dirs_exist_ok=True)
    assert len(list(folder.glob("ckpt/*"))) == 5
    assert run("checkpoints", folder, "--prune", "--apply", "--delete", "--json").exit_code == 0
    assert len(list(folder.glob("ckpt/*"))) == left


def test_a_plan_by_a_monitor_that_is_not_there_is_refused(folder) -> None:
    told = run("checkpoints", folder, "--prune", "--apply", "--monitor", "val_acuracy", "--mode", "max")
    assert (told.exit_code, "nearest: val_accuracy" in told.stderr) == (2, True)
    assert len(list(folder.glob("ckpt/*"))) == 5


@pytest.mark.parametrize(
    "arguments",
    [("--apply",), ("--include", "x.h5"), ("--keep-best", "2"), ("--prune", "--delete"), ("--diff", "a", "b")],
)
def test_options_that_do_not_go_together_are_wrong_usage(folder, arguments) -> None:
    assert run("checkpoints", folder, *arguments).exit_code == 2


def test_a_file_is_included_by_its_path_below_the_folder(folder) -> None:
    path = folder / "ckpt/ckpt-04.h5"
    path.write_bytes(b"")
    assert "not touched unless named with --include" in run("checkpoints", folder, "--prune").stdout
    run("checkpoints", folder, "--prune", "--apply", "--include", "ckpt/ckpt-04.h5")
    assert not path.exists()


def test_two_files_are_compared_layer_by_layer(folder) -> None:
    told = run("checkpoints", folder, "--diff", "ckpt/ckpt-01.h5", "ckpt/ckpt-05.h5")
    assert (told.exit_code, "architecture: the same" in told.stdout) == (0, True)
    assert told.stdout.count("\nmodel_weights/") + told.stdout.count("\n…") == 6
    assert "  largest  model_weights/" in told.stdout
    same = json.loads(run("checkpoints", folder, "--diff", "ckpt/ckpt-01.h5", "ckpt/ckpt-05.h5", "--json").stdout)
    assert (same["equal"], same["same_architecture"], same["largest"]["changed"] > 0) == (False, True, True)


def test_formats_of_one_model_compare_as_equal(trainings) -> None:
    folder = trainings / "keras3/every_epoch/ckpt"
    (h5,) = folder.glob("ckpt-02-*.h5")
    told = run("checkpoints", folder, "--diff", h5.name, "w-02.weights.h5")
    assert "equal, all 6 tensors" in told.stdout
    told = run("checkpoints", folder, "--diff", "zip-02.keras", "w-02.weights.h5")
    assert "equal, all 6 tensors" in told.stdout


def test_a_damaged_file_cannot_be_compared(folder) -> None:
    path = folder / "ckpt/ckpt-03.h5"
    path.write_bytes(path.read_bytes()[:-8])
    told = run("checkpoints", folder, "--diff", "ckpt/ckpt-03.h5", "ckpt/ckpt-05.h5")
    assert (told.exit_code, "the first one: truncated" in told.stderr) == (2, True)


def test_best_prints_one_path_and_nothing_else_on_stdout(folder, monkeypatch) -> None:
    told = run("best", folder)
    assert (told.exit_code, told.stdout.count("\n")) == (0, 1)
    assert Path(told.stdout.strip()).is_file()
    monkeypatch.chdir(folder.parent)
    folder.rename("-odd")
    assert run("best", "./-odd").stdout.startswith("./-odd/")


def test_best_fails_with_the_reason_where_the_file_is_damaged(folder) -> None:
    best = best_of(folder)
    best.write_bytes(best.read_bytes()[:-8])
    rule = ("--filepath", "ckpt/ckpt-{epoch:02d}.h5", "--no-save-best-only")
    told = run("best", folder, *rule)
    assert (told.exit_code, told.stdout) == (1, "")
    assert "but it is damaged: truncated" in told.stderr
    assert "the best that is sound: " in told.stderr
    reason = json.loads(run("best", folder, *rule, "--json").stdout)
    assert (reason["path"], "truncated" in reason["reason"]) == (None, True)


def test_best_fails_where_there_is_no_file(folder) -> None:
    shutil.rmtree(folder / "ckpt")
    told = run("best", folder)
    assert (told.exit_code, told.stdout) == (1, "")
    assert "there is no checkpoint file" in told.stderr


@pytest.mark.parametrize("width", ["80", "100", "140"])
def test_rows_fit_the_terminal_and_names_keep_their_end(trainings, tmp_path, monkeypatch, width) -> None:
    deep = tmp_path / ("a long name of a folder " * 3)
    shutil.copytree(trainings / "keras3/siblings", deep / "run")
    monkeypatch.setenv("COLUMNS", width)
    lines = run("checkpoints", deep).stdout.splitlines()
    rows = [line for line in lines if "sound" in line and "model" in line]
    assert len(rows) == 4
    assert all(len(line.rstrip()) <= int(width) for line in rows)
    assert all(any(f"model{number}.h5" in line for line in rows) for number in (1, 2, 3, 4))


def test_names_that_speak_to_the_terminal_are_harmless(folder) -> None:
    os.link(folder / "ckpt/ckpt-01.h5", folder / "ckpt/\x1b[2Jodd\n.h5")
    told = run("checkpoints", folder, "--evidence").stdout
    assert "\x1b" not in told
    assert "\\x1b[2Jodd\\x0a.h5" in told


def test_analyze_says_in_one_line_that_the_file_is_proved(folder) -> None:
    told = run("analyze", folder, "--no-plots", "--filepath", "ckpt/ckpt-{epoch:02d}.h5", "--no-save-best-only").stdout
    assert "ckpt-05.h5, 33.1 kB, proved by its weights" in told
    shutil.copy2(folder / "ckpt/ckpt-01.h5", folder / "ckpt/ckpt-05.h5")
    told = run("analyze", folder, "--no-plots", "--filepath", "ckpt/ckpt-{epoch:02d}.h5", "--no-save-best-only").stdout
    assert "stale: but holds those of epoch 1" in told
