"""What a file's name says, and what it does not."""

from __future__ import annotations

import pytest
from writing import write_keras_run

import cbreplay as cb
from cbreplay.checkpoints.names import epochs_of_name, epochs_with_value, parse_name


@pytest.mark.parametrize(
    ("name", "epoch", "values", "is_marked"),
    [
        ("ckpt-03-1.09.h5", 3, ("1.09",), True),
        ("weights.03-0.56.hdf5", 3, ("0.56",), True),
        ("w-3.weights.h5", 3, (), False),
        ("2.keras", 2, (), False),
        ("cp-0003.h5", 3, (), True),
        ("best_e12_val0.123.keras", 12, ("0.123",), True),
        ("epoch=3-step=400.h5", 3, (), True),
        ("run2-ckpt-5.h5", 5, (), True),
        ("ckpt5.h5", 5, (), True),
        ("acc0.96.h5", None, ("0.96",), False),
        ("model_ckpt.h5", None, (), False),
        ("resnet50.h5", None, (), False),
        ("model1.h5", None, (), False),
        ("model_v2.h5", None, (), False),
        ("conv2d.h5", None, (), False),
        ("model-2-05.h5", None, (), False),
        ("ckpt_20260101-1200.h5", None, (), False),
        ("m-1.2.3.h5", None, (), False),
    ],
)
def test_a_number_is_an_epoch_only_where_it_can_be_no_other(name, epoch, values, is_marked) -> None:
    found = parse_name(f"some/folder-7/{name}")
    assert (found.epoch, found.values, found.is_marked) == (epoch, values, is_marked)


def test_names_of_one_template_share_a_pattern() -> None:
    assert parse_name("ckpt-03-1.09.h5").pattern == parse_name("ckpt-12-0.87.h5").pattern


@pytest.fixture
def run(tmp_path) -> cb.Run:
    write_keras_run(tmp_path, [3.0, 2.0, 1.0], [0.5, -0.25, 0.5])
    return cb.load_runs(tmp_path)[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [("0.50", {"val_loss": (0, 2)}), ("0.25", {"val_loss": (1,)}), ("2.00", {"loss": (1,)}), ("9.99", {}), ("0.5", {})],
)
def test_a_rounded_value_names_the_epochs_that_round_to_it(run, text, found) -> None:
    assert epochs_with_value(run, text) == found


@pytest.mark.parametrize(
    ("template", "name", "epochs"),
    [
        ("dir/c-{epoch:02d}.h5", "c-02.h5", (1,)),
        ("c-{val_loss:.1f}.h5", "c-0.5.h5", (0, 2)),
        ("c-{epoch:02d}.h5", "d-02.h5", ()),
        ("c-{auc:.1f}.h5", "c-0.5.h5", ()),
        ("model.h5", "model.h5", None),
    ],
)
def test_a_known_template_names_the_epochs_that_give_the_name(run, template, name, epochs) -> None:
    assert epochs_of_name(run, template, name) == epochs
