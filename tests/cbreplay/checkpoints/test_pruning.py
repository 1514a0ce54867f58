"""What a plan keeps and removes, and that its execution touches nothing else."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

import cbreplay as cb
from cbreplay.checkpoints import trash_of
from cbreplay.model_files import TRASH


@pytest.fixture
def copied(trainings, tmp_path):
    def copy(scenario: str) -> Path:
        return Path(shutil.copytree(trainings / scenario, tmp_path / "run"))

    return copy


def plan_of(folder: Path, **how) -> cb.PrunePlan:
    runs = list(cb.load_runs(folder))
    return cb.plan_pruning(cb.survey(folder, runs), runs, **how)


def names(steps) -> list[str]:
    return [Path(step.path).name for step in steps]


def kept(plan: cb.PrunePlan) -> dict[str, str]:
    return {Path(step.path).name: "; ".join(step.reasons) for step in plan.steps if step.action == "keep"}


def test_the_best_epochs_and_the_last_are_kept_with_reasons(copied) -> None:
    folder = copied("keras3/every_second")
    values = cb.load_runs(folder)[0].values("val_loss")
    order = (np.argsort(values) + 1).tolist()
    plan = plan_of(folder, keep_best=2)
    assert set(kept(plan)) == {f"ckpt-0{epoch}.h5" for epoch in {*order[:2], 5}}
    assert kept(plan)[f"ckpt-0{order[0]}.h5"].startswith("best of run tb: val_loss ")
    assert kept(plan)[f"ckpt-0{order[1]}.h5"].startswith("number 2 of run tb: val_loss ")
    assert "last of run tb: epoch 5" in kept(plan)["ckpt-05.h5"]
    assert plan.freed == sum(Path(step.path).stat().st_size for step in plan.removed)


def test_one_file_of_an_epoch_is_enough(copied) -> None:
    plan = plan_of(copied("keras3/every_epoch"), keep_last=False)
    assert len(kept(plan)) == 1


def test_the_last_epochs_weights_are_kept_and_so_is_the_model_saved_after_training(copied) -> None:
    reasons = kept(plan_of(copied("keras3/restored")))
    assert reasons["r-05.h5"] == "last of run tb: epoch 5"
    assert reasons["final.h5"] == "written last of run tb"


def test_what_the_policy_would_leave_is_kept(copied) -> None:
    folder = copied("keras3/every_second")
    run = cb.load_runs(folder)[0]
    outcome = cb.replay(run, cb.ModelCheckpoint("ckpt/ckpt-{epoch:02d}.h5"))
    found = cb.survey(folder, [run], [outcome])
    assert not cb.plan_pruning(found, [run]).removed
    assert cb.plan_pruning(found, [run], keep_policy=False).removed


def _foreign(folder: Path) -> str:
    with h5py.File(folder / "ckpt/pretrained.weights.h5", "w") as file:
        file["layers/dense/vars/0"] = np.arange(35.0, dtype=np.float32)
        file["optimizer/vars/0"] = 6
    return "pretrained.weights.h5"


def _truncated(folder: Path) -> str:
    path = folder / "ckpt/ckpt-02.h5"
    path.write_bytes(path.read_bytes()[:-9])
    return path.name


def _edited(folder: Path) -> str:
    with h5py.File(folder / "ckpt/ckpt-03.h5", "r+") as file:
        group = file["model_weights"][file["model_weights"].attrs["layer_names"][0]]
        group[group.attrs["weight_names"][0]][...] *= 1.5
    return "ckpt-03.h5"


def _no_model(folder: Path) -> str:
    (folder / "ckpt/data.h5").write_bytes(b"not a model at all")
    return "data.h5"


def _other_hdf5(folder: Path) -> str:
    with h5py.File(folder / "ckpt/data.h5", "w") as file:
        file["x"] = np.arange(9.0)
    return "data.h5"


def _embeddings(folder: Path) -> str:
    name = "keras_embedding.ckpt-2.weights.h5"
    shutil.copy2(folder / "ckpt/ckpt-03.h5", folder / "tb/train" / name)
    return name


def _linked(folder: Path) -> str:
    (folder / "final.h5").symlink_to("ckpt/ckpt-03.h5")
    return "ckpt-03.h5"


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (_foreign, "its epoch is not known"), (_truncated, "damaged (truncated"), (_edited, "damaged"),
        (_no_model, "damaged (not a checkpoint"), (_other_hdf5, "suspect (an HDF5 file"),
        (_embeddings, "TensorBoard's projector reads it"), (_linked, "a link leads to it: final.h5"),
    ],
)  # fmt: skip
def test_what_is_not_sound_not_matched_or_used_elsewhere_is_never_removed(copied, prepare, words) -> None:
    folder = copied("keras3/every_second")
    name = prepare(folder)
    reasons = kept(plan_of(folder, keep_best=0, keep_last=False))
    assert words in reasons[name]


def test_files_from_the_middle_of_an_epoch_are_not_matched_to_one(copied) -> None:
    plan = plan_of(copied("keras3/mid_epoch"), keep_best=0, keep_last=False)
    assert names(plan.removed) == ["b-03-4.h5", "b-06-4.h5"]


def test_a_named_file_may_go_whatever_it_is(copied) -> None:
    folder = copied("keras3/every_second")
    name = _truncated(folder)
    plan = plan_of(folder, keep_best=9, include=[folder / "ckpt" / name])
    assert names(plan.removed) == [name]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"monitor": "val_los"}, "is in none of the logs, so nothing tells which epoch is best; nearest: val_loss"),
        ({"mode": "auto"}, "mode must be 'min' or 'max'"),
        ({"keep_best": -1}, "keep_best must be 0 or more, got -1"),
        ({"include": ["/elsewhere/model.h5"]}, "named, but no checkpoint below"),
    ],
)
def test_a_plan_that_could_be_wrong_is_refused(trainings, how, words) -> None:
    with pytest.raises(cb.ParameterError, match=words):
        plan_of(trainings / "keras3/every_second", **how)


def test_without_logs_nothing_may_go(trainings) -> None:
    found = cb.survey(trainings / "keras3/every_second", [])
    assert not cb.plan_pruning(found, []).removed


def test_another_name_of_the_same_file_frees_nothing(copied) -> None:
    folder = copied("keras3/every_second")
    plan = plan_of(folder, keep_last=False)
    os.link(plan.removed[0].path, folder / "again.bin")
    again = plan_of(folder, keep_last=False)
    assert again.freed == plan.freed - plan.removed[0].bytes


def test_a_plan_touches_nothing_until_it_is_applied_and_then_nothing_else(copied) -> None:
    folder = copied("keras3/every_second")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    plan = plan_of(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    results = cb.apply_plan(plan)
    trash = trash_of(results)
    assert trash is not None
    assert (trash.parent, json.loads((trash / "plan.json").read_text())["freed"]) == (folder / TRASH, plan.freed)
    gone = {Path(step.path) for step in plan.removed}
    assert {path for path in before if not path.exists()} == gone
    assert {trash / "files" / path.relative_to(folder): before[path] for path in gone} == {
        path: path.read_bytes() for path in (trash / "files").rglob("*") if path.is_file()
    }
    assert not plan_of(folder).removed
    shutil.copytree(trash / "files", folder, dirs_exist_ok=True)
    assert {path: path.read_bytes() for path in before} == before


def test_with_delete_the_files_are_gone(copied) -> None:
    folder = copied("keras3/every_second")
    plan = plan_of(folder)
    assert {result.moved_to for result in cb.apply_plan(plan, delete=True)} == {None}
    assert not any(Path(step.path).exists() for step in plan.removed)
    assert not (folder / TRASH).exists()


def test_a_file_that_has_changed_meanwhile_or_lies_elsewhere_is_left_alone(copied, tmp_path) -> None:
    folder = copied("keras3/every_second")
    plan = plan_of(folder, keep_best=0, keep_last=False)
    one, two, three, *_ = (Path(step.path) for step in plan.removed)
    one.write_bytes(one.read_bytes() + b"more")
    elsewhere = tmp_path / "elsewhere.h5"
    two.rename(elsewhere)
    two.symlink_to(elsewhere)
    three.unlink()
    problems = {Path(result.path): result.problem for result in cb.apply_plan(plan)}
    assert problems[one] == "has changed since the plan was made: left alone"
    assert problems[two] == problems[three] == "not there any more as a file: left alone"
    assert elsewhere.exists()


def test_parts_that_are_saved_beside_the_whole_model_are_kept_for_themselves(copied) -> None:
    folder = copied("keras3/no_histograms")
    for epoch in range(1, 6):
        whole = folder / f"ckpt/n-{epoch:02d}.weights.h5"
        part = Path(shutil.copy2(whole, folder / f"ckpt/part-{epoch:02d}.weights.h5"))
        status = part.stat()
        with h5py.File(part, "r+") as file:
            del file["layers/dense_2"]
            del file["optimizer"]
        os.utime(part, ns=(status.st_atime_ns, status.st_mtime_ns))
    found = kept(plan_of(folder))
    assert {name[:4] for name in found if name.startswith("part-")} == {"part"}
    assert any(name.startswith("n-") for name in found)


def test_a_larger_model_around_the_logged_one_is_not_removed(copied) -> None:
    folder = copied("keras3/every_epoch")
    path = Path(shutil.copy2(folder / "ckpt/w-02.weights.h5", folder / "ckpt/head-02.weights.h5"))
    with h5py.File(path, "r+") as file:
        file["layers/head/vars/0"] = np.arange(12.0, dtype=np.float32)
    assert "only a part of it is known" in kept(plan_of(folder))["head-02.weights.h5"]
    (match,) = cb.survey(path, list(cb.load_runs(folder))).matches
    assert (match.weights_epochs, match.likely_epoch, match.is_part, match.verdict) == ((), 1, True, "likely")


def test_a_file_that_vanishes_while_the_plan_is_made_does_not_end_it(copied) -> None:
    folder = copied("keras3/every_second")
    runs = list(cb.load_runs(folder))
    found = cb.survey(folder, runs)
    shutil.rmtree(folder / "ckpt")
    plan = cb.plan_pruning(found, runs)
    assert {result.problem for result in cb.apply_plan(plan)} == {"not there any more as a file: left alone"}
