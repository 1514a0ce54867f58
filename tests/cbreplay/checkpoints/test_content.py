"""Whose weights a file holds, by content alone, on histograms made for the purpose."""

from __future__ import annotations

import pytest

from cbreplay.checkpoints.content import HistogramIndex, Moment
from cbreplay.fingerprints import Fingerprint
from cbreplay.logs.histograms import LoggedHistogram
from cbreplay.model_files import Checkpoint, Tensor


def weight(number: float, elements: int = 9) -> Fingerprint:
    """A tensor that is told from others by its largest number."""
    return Fingerprint(elements, 0.0, number, (elements - 1, 1))


ZEROS, ONES = Fingerprint(4, 0.0, 0.0, ()), Fingerprint(4, 1.0, 1.0, ())


def index(*runs: list[list[Fingerprint | None]]) -> HistogramIndex:
    """A list of fingerprints for each epoch of each run."""
    made = HistogramIndex()
    for number, epochs in enumerate(runs):
        made.add(
            number,
            (
                LoggedHistogram(0, epoch, "a/histogram", fingerprint, False)
                for epoch, held in enumerate(epochs)
                for fingerprint in held
            ),
        )
    return made


def file(*fingerprints: Fingerprint) -> Checkpoint:
    tensors = tuple(
        Tensor(f"layer/{number}", (fingerprint.elements,), "float32", 4, "weights", fingerprint=fingerprint)
        for number, fingerprint in enumerate(fingerprints)
    )
    return Checkpoint("a.h5", 1, 0.0, "h5 model", tensors=tensors)


EPOCHS: list[list[Fingerprint | None]] = [[weight(e + 1), weight(e + 11, 5), ZEROS, ZEROS, ONES] for e in range(4)]


def test_all_tensors_agree_with_one_epoch_in_any_order() -> None:
    found = index(EPOCHS).match(file(ONES, ZEROS, weight(13, 5), ZEROS, weight(3)))
    assert (found.moments, found.agreeing, found.beyond, found.missing) == ((Moment(0, 0, 2),), 5, 0, 0)


def test_weights_that_do_not_change_are_those_of_every_epoch() -> None:
    found = index([EPOCHS[0], EPOCHS[0], EPOCHS[1]]).match(file(*(f for f in EPOCHS[0] if f)))
    assert found.moments == (Moment(0, 0, 0), Moment(0, 0, 1))


def test_one_changed_tensor_of_several_equal_ones_is_found() -> None:
    changed = Fingerprint(4, 0.0, 0.5, (3, 1))
    found = index(EPOCHS).match(file(weight(3), weight(13, 5), ZEROS, changed, ONES))
    assert (found.moments, found.nearest, found.differing) == ((), Moment(0, 0, 2), ("layer/3",))


def test_a_tensor_that_is_stored_once_and_logged_twice_is_not_missing() -> None:
    found = index(EPOCHS).match(file(weight(3), weight(13, 5), ZEROS, ONES))
    assert (found.moments, found.missing) == ((Moment(0, 0, 2),), 0)


@pytest.mark.parametrize(
    ("held", "beyond", "missing"),
    [
        ((weight(3), weight(13, 5), ZEROS, ZEROS, ONES, weight(99, 7)), 1, 0),
        ((weight(13, 5), ZEROS, ZEROS, ONES), 0, 1),
    ],
)
def test_more_or_fewer_tensors_than_were_logged_are_counted(held, beyond, missing) -> None:
    found = index(EPOCHS).match(file(*held))
    assert (found.moments, found.beyond, found.missing) == ((Moment(0, 0, 2),), beyond, missing)


def test_a_run_that_has_just_the_tensors_of_a_file_goes_before_one_that_has_more() -> None:
    head = [[*EPOCHS[2], weight(90 + e, 7)] for e in range(3)]
    found = index(EPOCHS, head).match(file(*(f for f in EPOCHS[2] if f)))
    assert found.moments == (Moment(0, 0, 2),)


def test_tensors_of_two_epochs_agree_with_none() -> None:
    found = index(EPOCHS).match(file(weight(2), weight(13, 5), ZEROS, ZEROS, ONES))
    assert (found.moments, found.nearest) == ((), None)


def test_frozen_tensors_tell_nothing() -> None:
    frozen: list[list[Fingerprint | None]] = [[weight(7), weight(e + 11, 5)] for e in range(3)]
    found = index(frozen).match(file(weight(7), weight(50, 5)))
    assert (found.moments, found.nearest) == ((), None)
    found = index(frozen[:1]).match(file(weight(7), weight(50, 5)))
    assert (found.moments, found.nearest) == ((), None)


@pytest.mark.parametrize("held", [(ZEROS,), (ZEROS, ONES)])
def test_untrained_tensors_alone_are_nothing_to_compare(held) -> None:
    assert not index(EPOCHS).match(file(*held)).compared


def test_without_histograms_or_fingerprints_nothing_is_compared() -> None:
    assert not index([]).match(file(weight(3))).compared
    assert not index(EPOCHS).match(file()).compared
    assert not index([[None]]).match(file(weight(3))).compared


@pytest.mark.parametrize(
    ("held", "is_other"),
    [
        ((weight(3), weight(13, 5)), False),
        ((weight(3), weight(9, 77)), True),
        ((weight(9, 77),), True),
        ((ZEROS,), False),
    ],
)
def test_sizes_tell_another_model(held, is_other) -> None:
    assert index(EPOCHS).is_of_another_model(file(*held), 0) == is_other


def test_a_last_epoch_with_the_histograms_of_an_earlier_one_looks_restored() -> None:
    made = index([EPOCHS[0], EPOCHS[1], EPOCHS[0]])
    assert [made.looks_restored(Moment(0, 0, epoch)) for epoch in range(4)] == [False, False, True, False]
