"""What a replay expects on disk against what is there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import cbreplay as cb


def held(folder: Path, *rules) -> cb.RunCheckpoints:
    runs = cb.load_runs(folder)
    outcomes = [cb.replay(run, list(rules)) for run in runs]
    return cb.survey(folder, [outcome.run for outcome in outcomes], outcomes).runs[0]


def states(found: cb.RunCheckpoints) -> dict[str, str]:
    return {item.name: item.state for item in found.expected}


def test_a_resumed_training_loses_the_best_that_it_had(trainings) -> None:
    found = held(trainings / "keras2/resumed", cb.ModelCheckpoint("model_ckpt.h5", save_best_only=True))
    assert states(found) == {"model_ckpt.h5": "as expected"}
    (lost,) = found.overwritten
    assert lost.lost_value < lost.value
    assert lost.kept_in is not None
    assert lost.kept_in.endswith(f"a-{lost.lost_epoch + 1:02d}.h5")
    assert "until the resumed training overwrote that best" in lost.sentence


def test_a_best_that_no_other_file_holds_is_lost(trainings, tmp_path) -> None:
    folder = Path(shutil.copytree(trainings / "keras2/resumed", tmp_path / "run"))
    for path in folder.glob("ckpt/a-*.h5"):
        path.unlink()
    (lost,) = held(folder, cb.ModelCheckpoint("model_ckpt.h5", save_best_only=True)).overwritten
    assert (lost.kept_in, "it is lost" in lost.sentence) == (None, True)


def test_every_state_of_an_expected_file(trainings, tmp_path) -> None:
    folder = Path(shutil.copytree(trainings / "keras3/every_epoch", tmp_path / "run"))
    files = {epoch: next(folder.glob(f"ckpt/zip-0{epoch}.keras")) for epoch in range(1, 7)}
    files[2].unlink()
    shutil.copy2(files[1], files[3])
    files[4].write_bytes(files[4].read_bytes()[:-100])
    shutil.copy2(next(trainings.glob("keras3/restored/ckpt/final.h5")), folder / "ckpt/other.h5")
    found = held(folder, cb.ModelCheckpoint("ckpt/zip-{epoch:02d}.keras"))
    assert states(found) == {
        "ckpt/zip-01.keras": "as expected", "ckpt/zip-02.keras": "missing", "ckpt/zip-03.keras": "stale",
        "ckpt/zip-04.keras": "damaged", "ckpt/zip-05.keras": "as expected", "ckpt/zip-06.keras": "as expected",
    }  # fmt: skip
    told = found.to_dict()
    assert (told["missing"], told["stale"]) == (["ckpt/zip-02.keras"], ["ckpt/zip-03.keras"])
    assert len(found.unexpected) == 13


def test_a_file_from_behind_the_replayed_stop_is_later_not_stale(trainings, tmp_path) -> None:
    folder = Path(shutil.copytree(trainings / "keras3/every_epoch", tmp_path / "run"))
    shutil.copy2(folder / "ckpt/zip-06.keras", folder / "ckpt/model.keras")
    found = held(folder, cb.EarlyStopping(patience=1, min_delta=9), cb.ModelCheckpoint("ckpt/model.keras"))
    assert states(found) == {"ckpt/model.keras": "later"}
    assert "training went on behind this stop" in found.expected[0].sentence


def test_a_file_of_a_sibling_in_the_place_of_ones_own_is_foreign(trainings, tmp_path) -> None:
    folder = Path(shutil.copytree(trainings / "keras3/siblings", tmp_path / "logs"))
    (folder / "one/ckpt").mkdir()
    shutil.copy2(folder / "models/model3.h5", folder / "one/ckpt/ckpt-04.h5")
    found = held(folder, cb.ModelCheckpoint("ckpt/ckpt-{epoch:02d}.h5"))
    assert states(found)["ckpt/ckpt-04.h5"] == "foreign"


def test_restored_weights_are_expected_where_the_release_saves_them(trainings) -> None:
    rules = [cb.EarlyStopping(patience=2, restore_best_weights=True), cb.ModelCheckpoint("ckpt/r-{epoch:02d}.h5")]
    for keras in ("keras2", "keras3"):
        found = held(trainings / keras / "restored", *rules)
        assert set(states(found).values()) == {"as expected"}, keras


def test_a_save_in_the_middle_of_an_epoch_is_expected_there(trainings) -> None:
    found = held(trainings / "keras3/mid_epoch", cb.ModelCheckpoint("ckpt/b-{epoch:02d}-{batch}.h5", save_freq=3))
    assert set(states(found).values()) == {"as expected"}


def test_without_the_monitor_nothing_is_expected(trainings) -> None:
    rule = cb.ModelCheckpoint("ckpt/zip-{epoch:02d}.keras", monitor="val_auc", mode="max", save_best_only=True)
    found = held(trainings / "keras3/every_epoch", rule)
    assert (found.expected, len(found.matches)) == ((), 18)


@pytest.mark.parametrize("scenario", ["keras2/resumed", "keras3/resumed"])
def test_analyze_says_which_files_are_proved(trainings, scenario) -> None:
    analysis = cb.analyze(trainings / scenario)
    (run,) = analysis.runs
    told = run.to_dict()["checkpoints"]
    assert told["expected"][0]["match"]["verdict"] == "proved"
    assert told["overwritten"][0]["lost_epoch"] < told["overwritten"][0]["epoch"]
