"""Real trainings whose truth is known: every file is of the epoch that it is of, and none is said to be of another."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from corpus import scenarios, truth_of

import cbreplay as cb

SCENARIOS = [f"{keras}/{name}" for keras in ("keras2", "keras3") for name in (
    "every_epoch", "every_second", "mid_epoch", "no_histograms", "not_finite", "restored", "resumed", "siblings",
    "swapped", "unchanged",
)]  # fmt: skip
#: Files of which nothing can prove or deny that early stopping had restored other weights before they were saved.
UNTOLD = {"keras2/no_histograms": {"n-05.h5", "n-05.weights.h5"}, "keras2/not_finite": {"x-04.h5"}}


def survey(folder: Path, **how) -> cb.Survey:
    return cb.survey(folder, list(cb.load_runs(folder)), **how)


def by_name(found: cb.Survey) -> dict[str, cb.Match]:
    return {Path(match.checkpoint.path).name: match for match in found.matches}


def test_the_scenarios_are_all_that_were_recorded(trainings) -> None:
    assert [folder.relative_to(trainings).as_posix() for folder in scenarios(trainings)] == SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_file_is_attributed_to_its_true_epoch(trainings, scenario) -> None:
    truth = truth_of(trainings / scenario)
    matches = {Path(m.checkpoint.path): m for m in survey(trainings / scenario).matches}
    assert truth.keys() == matches.keys()
    for path, true in truth.items():
        match = matches[path]
        found = [(match.fit or 0, epoch) for epoch in match.weights_epochs]
        assert set(found) <= set(true.weights), (path.name, match.conclusion)
        if match.likely_epoch is not None:
            assert (match.fit or 0, match.likely_epoch) in true.weights, (path.name, match.conclusion)
        if match.written_epoch is not None and true.written is not None:
            assert true.written == match.written_epoch, (path.name, match.conclusion)
        if path.name not in UNTOLD.get(scenario, ()):
            assert bool(true.weights) == (match.epoch is not None), (path.name, match.conclusion)
        assert match.mid_epoch == (true.mid_epoch and not true.weights)


@pytest.mark.parametrize("keras", ["keras2", "keras3"])
def test_where_every_epoch_was_saved_with_histograms_every_file_is_proved(trainings, keras) -> None:
    matches = survey(trainings / keras / "every_epoch").matches
    assert {("proved", (6,))} == {(match.verdict, tuple({t.elements for t in ()} or {6})) for match in matches}
    assert sum(match.written_epoch == match.weights_epochs[0] for match in matches) == 18


def test_a_conclusion_names_its_evidence(trainings) -> None:
    match = by_name(survey(trainings / "keras3/every_epoch"))["zip-03.keras"]
    assert match.conclusion == (
        "written at the end of epoch 3, whose weights it holds: the histograms of all 6 tensors agree with epoch 3; "
        "12 iterations: the end of epoch 3 (the log has that count there)"
    )
    assert [item.kind for item in match.evidence][:3] == ["histograms", "iterations", "name"]


def test_files_under_wrong_names_are_contradicted(trainings) -> None:
    matches = by_name(survey(trainings / "keras2/swapped"))
    wrong = {name: match.contradictions for name, match in matches.items() if match.contradictions}
    assert wrong == {
        "ckpt-02.h5": ("named 2, but it holds the weights of epoch 5",),
        "ckpt-04.h5": ("named 4, but it holds the weights of epoch 3",),
        "ckpt-05.h5": ("named 5, but it holds the weights of epoch 2",),
    }


@pytest.mark.parametrize(
    ("keras", "name", "written", "weights"), [("keras2", "r-04.h5", 3, (1,)), ("keras3", "r-05.h5", 4, (4,))]
)
def test_keras_2_alone_writes_restored_weights_at_the_stop(trainings, keras, name, written, weights) -> None:
    match = by_name(survey(trainings / keras / "restored"))[name]
    assert ("proved", written, weights) == (match.verdict, match.written_epoch, match.weights_epochs)


@pytest.mark.parametrize(("keras", "weights"), [("keras2", (1,)), ("keras3", (2,))])
def test_a_model_saved_after_training_holds_the_restored_weights(trainings, keras, weights) -> None:
    match = by_name(survey(trainings / keras / "restored"))["final.h5"]
    assert (weights, True) == (match.weights_epochs, "as restore_best_weights leaves them" in match.statement)


def test_weights_that_did_not_change_are_those_of_several_epochs(trainings) -> None:
    match = by_name(survey(trainings / "keras3/unchanged"))["u-04.h5"]
    assert (match.weights_epochs, match.written_epoch) == ((2, 3, 4, 5), 3)


def test_numbers_in_names_that_count_no_epochs_contradict_nothing(trainings) -> None:
    matches = by_name(survey(trainings / "keras3/siblings"))
    found = {name: (match.run, match.weights_epochs, match.verdict) for name, match in matches.items()}
    assert found == {
        "model2.h5": ("one/tb", (1,), "proved"), "model4.h5": ("one/tb", (3,), "proved"),
        "model1.h5": ("two/tb", (1,), "proved"), "model3.h5": ("two/tb", (3,), "proved"),
    }  # fmt: skip


def test_weights_that_are_not_finite_are_not_proved_to_be_of_any_epoch(trainings) -> None:
    match = by_name(survey(trainings / "keras3/not_finite"))["x-02.h5"]
    assert (match.weights_epochs, match.likely_epoch, match.verdict) == ((), 1, "likely")
    assert "weights that are not finite have none to compare" in match.conclusion


# ------------------------------------------------------------------------------------ files that were changed


@pytest.fixture
def copied(trainings, tmp_path):
    def copy(scenario: str) -> Path:
        return Path(shutil.copytree(trainings / scenario, tmp_path / "run"))

    return copy


def _datasets(group: h5py.Group) -> list[str]:
    names: list[str] = []
    group.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names


def _edit(path: Path, change) -> None:
    status = path.stat()
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        change(group, sorted(_datasets(group), key=lambda name: -group[name].size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_one_changed_extreme_of_one_weight_is_damage(copied) -> None:
    folder = copied("keras3/every_second")

    def change(group, names) -> None:
        numbers = group[names[0]][()]
        numbers.flat[np.argmax(numbers)] *= 1.01
        group[names[0]][...] = numbers

    _edit(folder / "ckpt/ckpt-03.h5", change)
    match = by_name(survey(folder))["ckpt-03.h5"]
    assert (match.status, match.weights_epochs, len(match.differing)) == ("damaged", (), 1)
    assert "the histograms of 5 tensors agree with epoch 3 alone, but not model_weights/dense" in match.conclusion


def test_a_tensor_of_another_epoch_is_damage(copied) -> None:
    folder = copied("keras2/unchanged")
    with h5py.File(folder / "ckpt/u-01.h5") as other:
        names = _datasets(other["model_weights"])
        foreign = other["model_weights"][names[0]][()]

    def change(group, _) -> None:
        group[names[0]][...] = foreign

    _edit(folder / "ckpt/u-02.h5", change)
    match = by_name(survey(folder))["u-02.h5"]
    assert (match.status, match.weights_epochs) == ("damaged", ())


def test_a_file_of_another_training_is_of_no_epoch(copied, trainings) -> None:
    folder = copied("keras3/every_second")
    shutil.copy2(trainings / "keras3/restored/ckpt/r-03.h5", folder / "ckpt/ckpt-03.h5")
    match = by_name(survey(folder))["ckpt-03.h5"]
    assert (match.weights_epochs, match.likely_epoch, match.verdict) == ((), None, "contradicted")


def test_a_file_that_is_older_than_the_training_is_not_of_it(copied) -> None:
    folder = copied("keras3/no_histograms")
    path = folder / "ckpt/n-02.h5"
    os.utime(path, (path.stat().st_mtime - 1e6,) * 2)
    match = by_name(survey(folder))["n-02.h5"]
    assert (match.likely_epoch, match.verdict, "older than this one" in match.statement) == (None, "unknown", True)


def test_without_logs_nothing_is_told_of_epochs(trainings) -> None:
    matches = cb.survey(trainings / "keras3/every_epoch", []).matches
    assert {(None, "there is no log to compare it with")} == {(match.epoch, match.conclusion) for match in matches}


def test_two_histories_of_one_training_are_one_run(copied) -> None:
    folder = copied("keras3/no_histograms")
    run = cb.load_runs(folder)[0]
    shutil.rmtree(folder / "tb")
    rows = [["epoch", "loss", "val_loss"], *([e, *map(repr, v)] for e, v in enumerate(zip(
        run.values("loss").tolist(), run.values("val_loss").tolist(), strict=True)))]  # fmt: skip
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n", encoding="utf-8")
    matches = by_name(survey(folder, steps_per_epoch=4))
    assert (matches["n-02.h5"].run, matches["n-02.h5"].likely_epoch, matches["n-02.h5"].verdict) == ("a", 1, "likely")


def test_steps_per_epoch_are_told_by_most_names_and_unmask_the_others(copied) -> None:
    folder = copied("keras3/no_histograms")
    shutil.rmtree(folder / "tb")
    (folder / "a.csv").write_text("epoch,loss\n" + "".join(f"{e},{1 / (e + 1)}\n" for e in range(5)), encoding="utf-8")
    shutil.copy2(folder / "ckpt/n-01.h5", folder / "ckpt/n-04.h5")
    match = by_name(survey(folder))["n-04.h5"]
    assert (match.verdict, match.written_epoch) == ("contradicted", 0), match.conclusion


def test_match_checkpoints_takes_one_run_and_one_outcome(trainings) -> None:
    folder = trainings / "keras3/every_epoch"
    run = cb.load_runs(folder)[0]
    outcome = cb.replay(run, cb.ModelCheckpoint("zip-{epoch:02d}.keras", save_best_only=True))
    found = cb.match_checkpoints(run, outcome, folder / "ckpt")
    assert {"as expected"} == {item.state for item in found.expected}
    assert 18 - len(found.expected) == len(found.unexpected)
    assert len(cb.match_checkpoints(run, None, folder).matches) == 18
