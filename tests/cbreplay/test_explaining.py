"""Every look of the rule in figures and in words."""

import pytest

import cbreplay as cb


def looks(values, rule=None, **parameters):
    logs = [{"loss": 1.0} if value is None else {"val_loss": value} for value in values]
    rule = rule or cb.EarlyStopping(**{"mode": "min", "patience": 2, **parameters})
    return cb.explain(cb.replay(logs, [rule, cb.ModelCheckpoint("{epoch}.h5", save_best_only=True)]))


def test_each_epoch_has_what_was_needed_and_by_how_much_it_fell_short() -> None:
    rows = looks([1.0, 0.5, 0.4375, 0.75], min_delta=0.125)
    assert [row.needed for row in rows] == [None, 0.875, 0.375, 0.375]
    assert [row.margin for row in rows] == [None, 0.375, -0.0625, -0.375]
    assert [row.wait for row in rows] == [0, 0, 1, 2]
    assert [row.wrote for row in rows] == [("1.h5",), ("2.h5",), ("3.h5",), ()]
    assert [row.event for row in rows] == ["improves", "improves", "waits", "stops"]


@pytest.mark.parametrize(
    ("values", "parameters", "epoch", "words"),
    [
        ([1.0], {}, 0, "val_loss is 1: the new best, the wait starts again; writes 1.h5"),
        ([1.0, 0.5], {}, 1, "val_loss is 0.5, which had to be below 1 and is, by 0.5: the new best, the wait "
         "starts again; writes 2.h5"),
        ([1.0, 1.25], {}, 1, "val_loss is 1.25, which had to be below 1 and falls short by 0.25: wait 1 of 2"),
        ([1.0, 1.0], {}, 1, "val_loss is 1, which had to be below 1 and is just equal: wait 1 of 2"),
        ([0.5, 0.5 - 1e-9], {}, 1, "val_loss is 0.5, which had to be below 0.5; as float32, in which Keras 3 "
         "compares, it is not: wait 1 of 2"),
        ([1.0, 2.0, 2.0], {}, 2, "val_loss is 2, which had to be below 1 and falls short by 1: wait 2 of 2, "
         "training stops"),
        ([1.0, None], {}, 1, "val_loss was not logged: skipped; writes 2.h5"),
        ([1.0, 2.0], {"start_from_epoch": 1}, 0, "before start_from_epoch (index 1): not looked at; writes 1.h5"),
        ([2.0, 1.5], {"baseline": 1.0}, 1, "val_loss is 1.5, which had to be below 2 and is, by 0.5: the new best, "
         "but not better than the baseline; wait 2 of 2; writes 2.h5"),
    ],
)  # fmt: skip
def test_words(values, parameters, epoch, words) -> None:
    assert looks(values, **parameters)[epoch].words == words


def test_look_back_is_explained_by_its_gain() -> None:
    rows = looks([1.0, 0.5, 0.75], cb.LookBack(patience=1))
    assert rows[1].words.startswith("val_loss is 0.5, which is 0.5 more gain than needed")
    assert rows[2].words == "val_loss is 0.75, which is 0.25 less gain than needed over 0.5: training stops"
