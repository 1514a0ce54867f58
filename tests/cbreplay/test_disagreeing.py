"""Where EarlyStopping's best is not ModelCheckpoint's, the outcome says so and what one ends up with."""

import pytest

import cbreplay as cb


def notes(values, stopping, saving, accuracy=None):
    logs = [{"val_loss": v, "val_accuracy": a} for v, a in zip(values, accuracy or values, strict=True)]
    rules = [
        cb.EarlyStopping(**{"mode": "min", "patience": 2, **stopping}),
        cb.ModelCheckpoint("{epoch}.h5", **{"save_best_only": True, "mode": "min", **saving}),
    ]
    return cb.replay(logs, rules, profile="keras-3.15").notes


def test_agreement_is_not_worth_a_word() -> None:
    assert notes([1.0, 0.5, 0.75], {}, {}) == ()


@pytest.mark.parametrize(
    ("values", "stopping", "saving", "sentence"),
    [
        ([1.0, 0.95, 0.9], {"min_delta": 0.25}, {},
         "EarlyStopping's min_delta does not count for ModelCheckpoint: the one takes epoch 1 for the best, the "
         "last file written holds epoch 3; the model ends with epoch 3 (the last)"),
        ([1.0, 0.95, 0.9], {"min_delta": 0.25, "restore_best_weights": True}, {},
         "the model ends with epoch 1 (restored)"),
        ([1.0, 0.5], {}, {"monitor": "val_accuracy", "mode": "max"},
         "EarlyStopping watches 'val_loss' and ModelCheckpoint 'val_accuracy'"),
        ([1.0, 0.5], {}, {"mode": "max"}, "EarlyStopping takes 'val_loss' as min, ModelCheckpoint as max"),
        ([1.0, 0.5], {"start_from_epoch": 9}, {"monitor": "val_accuracy"}, "the one accepts none"),
    ],
)  # fmt: skip
def test_disagreements(values, stopping, saving, sentence) -> None:
    assert sentence in notes(values, stopping, saving)[0]
