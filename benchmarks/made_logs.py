"""Event files as the real writers encode them, in any size: for benchmarks of readers.

The encodings are those of ``torch.utils.tensorboard`` (``simple_value``), of Keras' TensorBoard callback (rank-0
tensors with the plugin named, weight histograms as tensors of 30 x 3 doubles) and of image summaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

from cbreplay.logs.records import FOOTER, HEADER, masked_crc32c

_START = 1_700_000_000.0
_DT_FLOAT, _DT_DOUBLE = 1, 2


def write_events(path: Path, events: Iterator[Event]) -> int:
    """Write an event file; its number of bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(_framed(Event(wall_time=_START, file_version="brain.Event:2")))
        for event in events:
            file.write(_framed(event))
        return file.tell()


def _framed(event: Event) -> bytes:
    data = event.SerializeToString()
    length = len(data).to_bytes(8, "little")
    return HEADER.pack(len(data), masked_crc32c(length)) + data + FOOTER.pack(masked_crc32c(data))


def simple_values(points: int, tags: int = 4) -> Iterator[Event]:
    """``points`` scalars as PyTorch writes them, the tags in turn."""
    names = [f"metric_{number}" for number in range(tags)]
    values = _walk(points)
    for number in range(points):
        value = Summary.Value(tag=names[number % tags], simple_value=values[number])
        yield Event(wall_time=_START + number * 0.01, step=number // tags, summary=Summary(value=[value]))


def tensors(points: int, tags: int = 4) -> Iterator[Event]:
    """``points`` scalars as Keras writes them, the tags in turn."""
    names = [f"epoch_metric_{number}" for number in range(tags)]
    values = _walk(points)
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    for number in range(points):
        tensor = TensorProto(dtype=_DT_FLOAT, tensor_shape=TensorShapeProto(), tensor_content=values[number].tobytes())
        value = Summary.Value(tag=names[number % tags], tensor=tensor, metadata=metadata)
        yield Event(wall_time=_START + number * 0.01, step=number // tags, summary=Summary(value=[value]))


def histograms(epochs: int, weights: int = 20) -> Iterator[Event]:
    """Keras with ``histogram_freq=1``: two scalars and a histogram of each weight in every epoch."""
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="histograms"))
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=30), TensorShapeProto.Dim(size=3)])
    rng = np.random.default_rng(0)
    content = [rng.random((30, 3)).tobytes() for _ in range(64)]
    scalars = tensors(2 * epochs, 2)
    for epoch in range(epochs):
        yield next(scalars)
        yield next(scalars)
        for weight in range(weights):
            tensor = TensorProto(dtype=_DT_DOUBLE, tensor_shape=shape, tensor_content=content[(epoch + weight) % 64])
            value = Summary.Value(tag=f"model/layer_{weight}/kernel/histogram", tensor=tensor, metadata=metadata)
            yield Event(wall_time=_START + epoch, step=epoch, summary=Summary(value=[value]))


def images(epochs: int, size: int = 40_000) -> Iterator[Event]:
    """An image of ``size`` bytes and two scalars in every epoch."""
    pixels = np.random.default_rng(0).bytes(size)
    scalars = simple_values(2 * epochs, 2)
    for epoch in range(epochs):
        yield next(scalars)
        yield next(scalars)
        image = Summary.Image(height=100, width=100, colorspace=3, encoded_image_string=pixels)
        yield Event(wall_time=_START, step=epoch, summary=Summary(value=[Summary.Value(tag="sample", image=image)]))


def many_runs(folder: Path, runs: int, epochs: int = 100) -> None:
    """Small Keras runs: ``train`` and ``validation`` with two metrics each."""
    for number in range(runs):
        for writer in ("train", "validation"):
            name = f"events.out.tfevents.{1_700_000_000 + number}.host.{number}.0.v2"
            write_events(folder / f"run_{number:05d}" / writer / name, tensors(2 * epochs, 2))


def _walk(points: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (1.0 + np.cumsum(rng.normal(0, 1e-3, points))).astype(np.float32)


def _one_file(
    events: Callable[[int], Iterator[Event]], name: str, series: int, per_step: int
) -> Callable[[Path, int], None]:
    def write(folder: Path, size: int) -> None:
        write_events(folder / name, events(size))
        _expect(folder, series, size // per_step - 1)

    return write


def _many(folder: Path, runs: int) -> None:
    many_runs(folder, runs)
    _expect(folder, 4 * runs, 99)


def _expect(folder: Path, series: int, last_step: int) -> None:
    """What there is to find, for readers that do not say when they are done."""
    (folder / "expected.txt").write_text(f"{series} {last_step}")


#: What is measured: name -> (what it holds, how to write it into a folder in a given size).
KINDS: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    "simple": ("scalars as simple_value", _one_file(simple_values, "events.out.tfevents.1.a", 4, 4)),
    "tensor": ("scalars as tensors", _one_file(tensors, "events.out.tfevents.1.a.v2", 4, 4)),
    "histogram": ("epochs of 20 histograms", _one_file(histograms, "events.out.tfevents.1.a.v2", 2, 1)),
    "image": ("epochs of an image", _one_file(images, "events.out.tfevents.1.a", 2, 1)),
    "many": ("runs of 2 x 100 epochs", _many),
}
