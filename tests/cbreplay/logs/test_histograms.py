"""Weight histograms of a run, with the fit and the epoch that they belong to."""

from __future__ import annotations

import numpy as np
import pytest
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from writing import keras_scalar, tensor, write_events

import cbreplay as cb
from cbreplay.fingerprints import Fingerprint
from cbreplay.logs.histograms import read_histograms
from cbreplay.scanner import VARIABLE

BUCKETS = np.array([[0.0, 1.0, 3.0], [1.0, 2.0, 4.0]])
FOUND = Fingerprint(7, 0.0, 2.0, (3, 4))


@pytest.fixture(autouse=True, params=["", "python"])
def reader(request, monkeypatch) -> None:
    """Both readers, where both are there."""
    monkeypatch.setenv(VARIABLE, request.param)


def histogram(tag: str, step: int, values=BUCKETS, *, content: bool = True, dtype: int = 2, shape=None):
    sizes = values.shape if shape is None else shape
    dims = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])
    proto = TensorProto(dtype=dtype, tensor_shape=dims)
    if content:
        proto.tensor_content = np.asarray(values, "<f8").tobytes()
    else:
        proto.double_val.extend(np.ravel(values).tolist())
    return tensor(tag, step, proto, plugin="histograms")


def run_with(tmp_path, *events):
    write_events(tmp_path / "train", [*(keras_scalar("epoch_loss", step, 1.0) for step in range(3)), *events])
    return cb.load_runs(tmp_path)[0]


def test_every_layer_may_write_the_same_tag_at_one_step(tmp_path) -> None:
    run = run_with(tmp_path, histogram("kernel/histogram", 1), histogram("kernel/histogram", 1, BUCKETS + 1))
    found = [(item.fit, item.epoch, item.tag) for item in read_histograms(run)]
    assert found == [(0, 1, "kernel/histogram")] * 2


def test_both_encodings_of_a_tensor_are_read(tmp_path) -> None:
    run = run_with(tmp_path, histogram("a/histogram", 0), histogram("b/histogram", 0, content=False))
    assert [item.fingerprint for item in read_histograms(run)] == [FOUND, FOUND]


@pytest.mark.parametrize(
    "event",
    [
        histogram("weights", 0),  # no tag of Keras
        histogram("a/histogram", 70),  # no epoch of the run
        histogram("a/histogram", 0, dtype=1),
    ],
)
def test_what_keras_does_not_write_at_an_epochs_end_is_left_out(tmp_path, event) -> None:
    assert read_histograms(run_with(tmp_path, event)) == []


@pytest.mark.parametrize(
    "event",
    [
        histogram("a/histogram", 0, BUCKETS * np.nan),
        histogram("a/histogram", 0, shape=(3, 3)),
        histogram("a/histogram", 0, shape=(2**40, 3)),
        histogram("a/histogram", 0, shape=(6,)),
    ],
)
def test_a_histogram_that_tells_nothing_is_there_without_a_fingerprint(tmp_path, event) -> None:
    assert [item.fingerprint for item in read_histograms(run_with(tmp_path, event))] == [None]


def test_histograms_are_the_same_however_many_wait_for_each_other(tmp_path, monkeypatch) -> None:
    made = [histogram(f"{number % 3}/histogram", 1, BUCKETS + number, content=number % 4 > 0) for number in range(40)]
    run = run_with(tmp_path, *made)
    expected = read_histograms(run)
    assert [item.fingerprint.smallest for item in expected] == list(range(40))
    monkeypatch.setattr("cbreplay.logs.histograms._MOST_WAITING", 100)
    assert expected == read_histograms(run)


def test_a_resumed_training_says_which_fit_wrote_it_and_what_was_replaced(tmp_path) -> None:
    for fit, (first, start) in enumerate(((0, 1.7e9), (2, 1.7e9 + 1000))):
        events = [keras_scalar("epoch_loss", first + step, 1.0, start + 10 * step) for step in range(3)]
        made = [histogram("a/histogram", first + step, BUCKETS + fit) for step in range(3)]
        for number, event in enumerate(made):
            event.wall_time = start + 10 * number
        write_events(tmp_path / "train", [*events, *made], f"events.out.tfevents.{int(start)}.host.1.{fit}.v2")
    found = [(item.fit, item.epoch, item.replaced) for item in read_histograms(cb.load_runs(tmp_path)[0])]
    assert sorted(found) == [(0, 0, False), (0, 1, False), (0, 2, True), (1, 2, False), (1, 3, False), (1, 4, False)]
