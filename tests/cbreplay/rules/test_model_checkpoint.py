"""ModelCheckpoint: names, what is saved when, and what is an error in which release."""

from __future__ import annotations

import math

import pytest

import cbreplay as cb

CURVE = [0.5, 0.4, 0.45, 0.31, 0.32]


def logs(values=CURVE):
    return [{"loss": value / 2, "val_loss": value} for value in values]


def replay(rule, values=CURVE, profile="keras-3.15", **more):
    return cb.replay(logs(values), rule, profile=profile, **more)


@pytest.mark.parametrize(
    ("filepath", "best_only", "files"),
    [
        ("model_ckpt.h5", True, {"model_ckpt.h5": 3}),
        ("model_ckpt.h5", False, {"model_ckpt.h5": 4}),
        ("m-{epoch:02d}.h5", True, {"m-01.h5": 0, "m-02.h5": 1, "m-04.h5": 3}),
        ("m-{val_loss:.1f}.h5", False, {"m-0.5.h5": 2, "m-0.4.h5": 1, "m-0.3.h5": 4}),  # round(0.45, 1) is 0.5
        ("{{epoch}}-{loss:.2f}.h5", True, {"{epoch}-0.25.h5": 0, "{epoch}-0.20.h5": 1, "{epoch}-0.15.h5": 3}),
    ],
)
def test_files_are_a_simulated_folder(filepath, best_only, files) -> None:
    found = replay(cb.ModelCheckpoint(filepath, save_best_only=best_only))
    assert files == found.files
    assert found.files == dict(zip([n for _, n in found.writes], [e for e, _ in found.writes], strict=True))


@pytest.mark.parametrize(
    ("profile", "parameters", "type_name", "epoch"),
    [
        ("keras-3.15", {"filepath": "m.hdf5"}, "ValueError", -1),
        ("keras-3.7", {"filepath": "m.h5"}, "ValueError", -1),
        ("keras-3.15", {"filepath": "m.h5", "save_weights_only": True}, "ValueError", -1),
        ("keras-3.15", {"filepath": "m.h5", "period": 2}, "TypeError", -1),
        ("keras-2.3.1", {"filepath": "m.h5", "save_freq": 2}, "TypeError", -1),
        ("keras-2.15", {"filepath": "m.h5", "save_freq": "batch"}, "ValueError", -1),
        ("keras-3.15", {"filepath": "{f1}.h5"}, "KeyError", 0),
        ("keras-3.15", {"filepath": "{}.h5"}, "IndexError", 0),
        ("keras-3.15", {"filepath": "{loss:d}.h5"}, "ValueError", 0),
        ("keras-3.15", {"filepath": "{loss.nothing}.h5"}, "AttributeError", 0),
        ("keras-2.13", {"filepath": "m.keras", "save_best_only": True}, "ValueError", 0),
    ],
)
def test_what_the_release_refuses_is_refused(profile, parameters, type_name, epoch) -> None:
    with pytest.raises(cb.CallbackError) as raised:
        replay(cb.ModelCheckpoint(**parameters), profile=profile)
    assert (type_name, epoch) == (raised.value.type_name, raised.value.epoch)
    assert raised.value.outcome is not None


@pytest.mark.parametrize(
    ("profile", "values", "epochs"),
    [
        ("keras-3.15", [math.nan, 1.0], [0]),  # NaN is the best for good
        ("keras-3.10", [math.nan, 1.0], [1]),
        ("keras-3.15", [0.1, 0.1 - 1e-9], [0]),  # equal as float32
        ("keras-3.10", [0.1, 0.1 - 1e-9], [0, 1]),
    ],
)
def test_save_best_only_compares_as_the_release_does(profile, values, epochs) -> None:
    found = replay(cb.ModelCheckpoint("m.h5", save_best_only=True), values, profile)
    assert epochs == [epoch for epoch, _ in found.writes]


@pytest.mark.parametrize(("profile", "epochs"), [("keras-3.9", []), ("keras-3.10", [0, 1])])
def test_a_missing_monitor_skips_or_saves(profile, epochs) -> None:
    rule = cb.ModelCheckpoint("m.h5", save_best_only=True)
    found = cb.replay([{"loss": 1.0}, {"loss": 2.0}], rule, profile=profile)
    assert epochs == [epoch for epoch, _ in found.writes]
    assert "only with val_loss available" in found.warnings[0]


def test_the_epoch_in_which_training_stops_is_still_saved() -> None:
    rules = [cb.EarlyStopping(patience=1, mode="min"), cb.ModelCheckpoint("{epoch}.h5")]
    found = cb.replay(logs([1, 2, 3]), rules)
    assert (found.stopped_epoch, found.files) == (1, {"1.h5": 0, "2.h5": 1})


@pytest.mark.parametrize(
    ("profile", "order", "weights"),
    [("keras-2.15", 1, 0), ("keras-2.15", -1, 2), ("keras-3.15", 1, 2)],
)
def test_a_file_written_behind_a_restore_holds_the_restored_weights(profile, order, weights) -> None:
    rules = [cb.EarlyStopping(patience=2, mode="min", restore_best_weights=True), cb.ModelCheckpoint("m.h5")]
    found = cb.replay(logs([1, 2, 3, 4]), rules[::order], profile=profile)
    assert ({"m.h5": 2}, {"m.h5": weights}) == (found.files, found.file_weights)


def test_epoch_in_the_name_counts_from_zero_in_keras_1() -> None:
    found = replay(cb.ModelCheckpoint("{epoch}.h5"), profile="keras-1.2")
    assert list(found.files) == ["0.h5", "1.h5", "2.h5", "3.h5", "4.h5"]


def test_period_saves_every_so_many_epochs() -> None:
    found = replay(cb.ModelCheckpoint("{epoch}.h5", period=2), profile="keras-2.3.1")
    assert found.files == {"2.h5": 1, "4.h5": 3}


def test_initial_value_threshold_is_the_best_to_begin_with() -> None:
    found = replay(cb.ModelCheckpoint("{epoch}.h5", save_best_only=True, initial_value_threshold=0.42))
    assert found.files == {"2.h5": 1, "4.h5": 3}


def test_a_batch_frequency_needs_to_know_the_batches() -> None:
    rule = cb.ModelCheckpoint("{epoch}-{batch}.h5", save_freq=4)
    with pytest.raises(cb.ParameterError, match="steps_per_epoch"):
        replay(rule)
    assert replay(rule, steps_per_epoch=6).files == {
        "1-4.h5": 0,
        "2-2.h5": 1,
        "2-6.h5": 1,
        "3-4.h5": 2,
        "4-2.h5": 3,
        "4-6.h5": 3,
        "5-4.h5": 4,
    }
    with pytest.raises(cb.ParameterError, match="batch_logs"):
        replay(cb.ModelCheckpoint("{loss:.2f}.h5", save_freq=4), steps_per_epoch=6)
