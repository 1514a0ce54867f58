"""The release that wrote a run, from what it left."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from writing import write_keras_run

import cbreplay as cb
from cbreplay.logs.release import keras_version
from cbreplay.rules.profiles import profile_for

DATA = Path(__file__).parents[2] / "data" / "logs"


def write_h5(path, version):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version


@pytest.mark.parametrize(
    ("version", "profile"),
    [
        ("3.15.1", "keras-3.15.1"),
        ("2.15.0", "keras-2.15.0"),
        ("2.16.0", "tf_keras-2.16.0"),
        ("2.2.4-tf", "tf.keras-2.0"),
        ("2.3.0-tf", "tf.keras-2.2"),
        ("2.4.0", "keras-2.4.0"),
        ("1.2.2", "keras-1.2.2"),
    ],
)
@pytest.mark.parametrize("place", ["logs", ".", "checkpoints"])
def test_a_checkpoint_names_it(tmp_path, version, profile, place) -> None:
    write_keras_run(tmp_path / "logs", [1.0], [1.0])
    write_h5(tmp_path / place / "model.h5", version)
    run = cb.load_runs(tmp_path / "logs")[0]
    taken, why = profile_for("auto", run.release)
    assert (taken.name, why) == (profile, f"model.h5 says keras_version {version}")


def test_a_keras_archive_names_it(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.11.0"}))
    assert keras_version(tmp_path / "m.keras") == "3.11.0"


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04 no zip", b"\x89HDF\r\n\x1a\n cut"])
def test_what_is_no_model_file_names_nothing(tmp_path, content) -> None:
    (tmp_path / "m.h5").write_bytes(content)
    assert keras_version(tmp_path / "m.h5") is None


def test_an_attribute_that_is_no_short_text_names_nothing(tmp_path) -> None:
    write_h5(tmp_path / "long.h5", "3." * 10_000)
    write_h5(tmp_path / "array.h5", np.zeros(4))
    assert [keras_version(tmp_path / name) for name in ("long.h5", "array.h5")] == [None, None]


def test_checkpoints_that_disagree_name_nothing(tmp_path) -> None:
    write_keras_run(tmp_path / "logs", [1.0], [1.0])
    write_h5(tmp_path / "a.h5", "3.15.1")
    write_h5(tmp_path / "b.h5", "2.15.0")
    assert cb.load_runs(tmp_path / "logs")[0].release is None


@pytest.mark.parametrize(
    ("folder", "profile", "sentence"),
    [
        ("tf221-keras3/es_basic", "keras-3.15.1", "Keras 3.14 or later; the newest of those"),
        ("tf215-keras2/es_restore", "keras-2.15", "Keras 2's; the newest of those"),
        ("keras3-torch/es_basic", "keras-3.15.1", "the newest, as nothing tells the release"),
    ],
)
def test_tags_and_columns_leave_a_range(folder, profile, sentence) -> None:
    taken, why = profile_for("auto", cb.load_runs(DATA / folder)[0].release)
    assert taken.name == profile
    assert sentence in why


def test_the_name_of_the_rate_tells_the_generation(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("epoch,loss,lr\n0,1,0.1\n")
    (tmp_path / "b.csv").write_text("epoch,learning_rate,loss\n0,0.1,1\n")
    names = [profile_for("auto", run.release)[0].name for run in cb.load_runs(tmp_path)]
    assert names == ["keras-2.15", "keras-3.15.1"]


def test_generations_that_decide_otherwise_are_shown_where_the_release_is_open(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("epoch,loss,val_loss\n0,1,nan\n1,1,0.5\n2,1,0.25\n3,1,0.125\n")
    outcome = cb.replay(cb.load_runs(tmp_path)[0], cb.EarlyStopping(mode="min", patience=2))
    assert (outcome.profile.name, outcome.stopped_epoch) == ("keras-3.15.1", 2)
    (other,) = outcome.alternatives
    assert {"keras-3.0", "keras-2.15", "tf_keras-2.16"} <= set(other.profiles)
    assert (other.verdict, other.stopped_epoch, other.best_epoch) == ("undecided", None, 3)


def test_a_known_release_leaves_no_alternative(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("epoch,loss,val_loss\n0,1,nan\n1,1,0.5\n2,1,0.25\n")
    write_h5(tmp_path / "m.h5", "3.15.1")
    rule = cb.EarlyStopping(mode="min", patience=2)
    assert cb.replay(cb.load_runs(tmp_path)[0], rule).alternatives == ()
    assert cb.replay(cb.load_runs(tmp_path)[0], rule, profile="keras-2.15").alternatives == ()
