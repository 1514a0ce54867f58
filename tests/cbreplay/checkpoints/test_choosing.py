"""The one file to use."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import cbreplay as cb


@pytest.fixture
def copied(trainings, tmp_path):
    def copy(scenario: str) -> Path:
        return Path(shutil.copytree(trainings / scenario, tmp_path / "run"))

    return copy


def test_the_best_epoch_that_is_on_disk_is_chosen_by_its_weights_not_by_its_name(trainings) -> None:
    choice = cb.best_checkpoint(trainings / "keras2/swapped")
    run = cb.load_runs(trainings / "keras2/swapped")[0]
    held = {1: 0, 5: 1, 3: 2, 2: 4, 6: 5}  # name -> epoch, as recorded
    values = {name: run.values("val_loss")[epoch] for name, epoch in held.items()}
    best = min(values, key=values.__getitem__)
    assert (choice.path.endswith(f"ckpt-0{best}.h5"), choice.proved) == (True, True)


def test_of_equal_weights_the_file_whose_optimizer_is_of_that_epoch_is_taken(trainings) -> None:
    assert cb.best_checkpoint(trainings / "keras3/restored").path.endswith("r-03.h5")


def test_a_better_epoch_that_no_file_holds_is_said(copied) -> None:
    folder = copied("keras3/restored")
    for name in ("r-03.h5", "final.h5"):
        (folder / "ckpt" / name).unlink()
    choice = cb.best_checkpoint(folder)
    assert any("the best epoch of this run, 3 " in remark for remark in choice.remarks)


def test_a_damaged_best_is_no_choice_and_the_next_one_is_named(copied) -> None:
    folder = copied("keras3/every_epoch")
    for path in folder.glob("ckpt/*"):
        if path.suffix != ".keras":
            path.unlink()
    rule = cb.ModelCheckpoint("zip-{epoch:02d}.keras", save_best_only=False)
    best = Path(cb.best_checkpoint(folder, rule).path)
    best.write_bytes(best.read_bytes()[:-10])
    with pytest.raises(cb.NoCheckpointError, match=r"but it is damaged: .*\n  the best that is sound: "):
        cb.best_checkpoint(folder, rule)


def test_without_proof_the_replay_of_model_checkpoint_tells_and_it_is_said(copied) -> None:
    folder = copied("keras3/no_histograms")
    shutil.rmtree(folder / "tb")
    (folder / "a.csv").write_text("epoch,val_loss\n" + "".join(f"{e},{5 - e}\n" for e in range(5)), encoding="utf-8")
    shutil.copy(folder / "ckpt/n-05.weights.h5", folder / "model.weights.h5")
    shutil.rmtree(folder / "ckpt")
    choice = cb.best_checkpoint(folder, cb.ModelCheckpoint("model.weights.h5", save_best_only=True))
    assert (choice.epoch, choice.proved) == (4, False)
    assert "epoch 5 as ModelCheckpoint would have written it; no histogram proves it" in choice.remarks
    with pytest.raises(cb.NoCheckpointError):
        cb.best_checkpoint(folder, cb.ModelCheckpoint("model.weights.h5", save_best_only=True), proved=True)


def test_of_several_runs_the_best_is_taken_or_the_named_one(trainings) -> None:
    folder = trainings / "keras3/siblings"
    best = cb.best_checkpoint(folder)
    other = next(name for name in ("one/tb", "two/tb") if name != best.run)
    assert "of 2 runs with checkpoints" in best.remarks[0]
    assert cb.best_checkpoint(folder, names=[other]).run == other


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (cb.ModelCheckpoint("m.h5", monitor="val_acuracy", mode="max"), "nearest: val_accuracy"),
        (cb.ModelCheckpoint("m.h5", monitor="val_f1"), "val_f1"),
    ],
)
def test_a_monitor_that_is_not_there_is_said(trainings, rule, words) -> None:
    with pytest.raises(cb.CbreplayError, match=words):
        cb.best_checkpoint(trainings / "keras3/every_epoch", rule)


def test_no_file_at_all_is_said(copied) -> None:
    folder = copied("keras3/every_epoch")
    shutil.rmtree(folder / "ckpt")
    with pytest.raises(cb.NoCheckpointError, match="there is no checkpoint file"):
        cb.best_checkpoint(folder)
