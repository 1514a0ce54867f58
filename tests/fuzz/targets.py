"""What is fuzzed: each target takes any bytes, hands them to one reader and checks what that reader promises.

Nothing here needs a fuzzer. A target returns where every promise holds and raises where one is broken:
:class:`BrokenPromiseError` from the checks below, or whatever the reader raised against its documentation.
Warnings count as raised. The formats of the inputs:

``records``  two bytes of knobs (how the stream is handed out, how its size is misstated), then the stream.
``events``   chunks: a kind, a length (two bytes, little-endian) and a body. The kinds: a payload to be framed with
             right checksums; an event to be built from the body; bytes that stand between two records.
``scanner``  a byte of knobs (how much is read at a time, what is a large record, whether chunks follow or the file
             itself), then as said.
``history``  the file itself.
``model``    the file itself.
``folder``   a byte that chooses the folder's layout, then the fuzzed file: chunks where it is an event file (but
             the file itself in the layout ``bare_events``), else the text.
"""

from __future__ import annotations

import contextlib
import csv
import io
import struct
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import h5py  # noqa: F401  (what a reader would load takes no part of its memory)
from readers import differences
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from writing import NAME, encode, keras_scalar, record, version

from cbreplay.damage import Damage
from cbreplay.errors import NotALogError
from cbreplay.jsonable import to_json
from cbreplay.logs import load_runs, records
from cbreplay.logs.events import read_event_file
from cbreplay.logs.histories import read_history
from cbreplay.model_files import shared_reader
from cbreplay.model_files.signature import end_of_hdf5
from cbreplay.points import Part
from cbreplay.run import Run

try:
    import resource
except ImportError:  # Windows has none: the memory bound is not checked there
    resource = None  # type: ignore[assignment]

#: A reader may take this much processor time for an input, in seconds, and one more for each further MiB.
SECONDS = 2.0
#: The process may map this many MiB more than it has while a reader reads an input.
MEBIBYTES = 512
_STATM = Path("/proc/self/statm")


class BrokenPromiseError(Exception):
    """A reader did not keep what its documentation promises."""


def expect(holds: bool, promise: str) -> None:
    """Raise :class:`BrokenPromiseError` unless ``holds``."""
    if not holds:
        raise BrokenPromiseError(promise)


@contextlib.contextmanager
def _little_memory() -> Iterator[None]:
    """The process may map only ``MEBIBYTES`` more in here: whoever asks for more gets MemoryError (Linux only)."""
    if resource is None or not _STATM.exists():
        yield
        return
    limits = resource.getrlimit(resource.RLIMIT_AS)
    mapped = int(_STATM.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + (MEBIBYTES << 20), limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


@contextlib.contextmanager
def bounded(size: int) -> Iterator[None]:
    """Nothing may be warned about in here, and time and memory are bounded for an input of ``size`` bytes."""
    limit, begin = csv.field_size_limit(), time.process_time()
    with warnings.catch_warnings(), _little_memory():
        warnings.simplefilter("error")
        yield
    seconds = time.process_time() - begin
    allowed = SECONDS + size / 2**20
    expect(seconds <= allowed, f"{size} bytes took {seconds:.1f} seconds, {allowed:.1f} are allowed")
    expect(limit == csv.field_size_limit(), "the process-wide field size limit of csv is left as it was")


# --------------------------------------------------------------------------------------------------- records

_READ_SIZES = (0, 7, 100, 5000)  # bytes that the stream hands out at a time at the most; 0: as many as asked for
_CHUNKS = (1 << 20, 4096, 64, 16)  # what the reader asks for at a time


class _Stream(io.BytesIO):
    """Bytes that are handed out in short pieces, and what was asked for."""

    def __init__(self, data: bytes, at_once: int) -> None:
        super().__init__(data)
        self.at_once = at_once
        self.largest = 0
        self.handed_out = 0

    def read(self, size: int | None = -1) -> bytes:
        """At most ``at_once`` bytes, whatever is asked for."""
        wanted = -1 if size is None else size
        expect(wanted >= 0, "a number of bytes is asked for, not the whole rest")
        self.largest = max(self.largest, wanted)
        piece = super().read(min(wanted, self.at_once) if self.at_once else wanted)
        self.handed_out += len(piece)
        return piece


@dataclass(frozen=True)
class _Read:
    found: list[tuple[int, bytes | None]]
    damage: list[Damage]


def _read_records(data: bytes, size: int, at_once: int, chunk: int, largest: int) -> _Read:
    stream = _Stream(data, at_once)
    window = min(records._FIRST_WINDOW, chunk)  # pieces smaller than the usual ones: more borders to go wrong at
    with mock.patch.multiple(records, _CHUNK=chunk, _FIRST_WINDOW=window, MAX_PAYLOAD=largest):
        reader = records.RecordReader(stream, size, "x")
        found = list(reader)
    expect(reader.records == len(found), "records counts the sound ones")
    bound = max(largest + records.OVERHEAD, chunk)
    expect(stream.largest <= bound, f"{stream.largest} bytes are asked for at once, {bound} are the most")
    expect(stream.handed_out <= size, "no more than size bytes are read")
    return _Read(found, reader.damage)


def fuzz_records(data: bytes) -> None:
    """Any bytes, in a stream of any manners whose size is stated rightly or not: sound records, and no error."""
    knobs, data = (*data[:2], 0, 0)[:2], data[2:]
    at_once, chunk = _READ_SIZES[knobs[0] & 3], _CHUNKS[knobs[0] >> 2 & 3]
    largest = 64 if knobs[0] & 16 else records.MAX_PAYLOAD
    off = knobs[1] - 256 if knobs[1] > 127 else knobs[1]
    size = 2**62 if off == 127 else max(len(data) + off * abs(off), 0)
    with bounded(len(data)):
        plain = _read_records(data, size, 0, records._CHUNK, largest)
        other = _read_records(data, size, at_once, chunk, largest)
    expect(plain.found == other.found, "how the stream hands out its bytes changes no record")
    expect(plain.damage == other.damage, "how the stream hands out its bytes changes no damage")
    spans = [(item.offset, item.offset + item.lost) for item in plain.damage]
    for offset, payload in plain.found:
        length, length_crc = records.HEADER.unpack_from(data, offset)
        body = data[offset + records.HEADER.size : offset + records.HEADER.size + length]
        (body_crc,) = records.FOOTER.unpack_from(data, offset + records.HEADER.size + length)
        expect(records.masked_crc32c(data[offset : offset + 8]) == length_crc, "the length of a record is sound")
        expect(records.masked_crc32c(body) == body_crc, "the payload of a record is sound")
        expect(payload == (body if length <= largest else None), "the payload is that of the file, None when large")
        spans.append((offset, offset + length + records.OVERHEAD))
    end = 0
    for begin, after in sorted(spans):
        expect(begin == end and after > begin, f"bytes {end} to {begin} are in one record or one damage")
        end = after
    expect(end == min(size, len(data)), f"the bytes from {end} on are in one record or one damage")


# ---------------------------------------------------------------------------------------------------- events

_TAGS = (
    "epoch_loss", "epoch_accuracy", "loss", "val_loss", "evaluation_loss_vs_iterations", "batch_loss",
    "epoch_learning_rate", "eval/loss", "", "a/b", "dense/kernel/histogram", "train/dense/kernel_0/histogram",
)  # fmt: skip
_STEPS = (0, 1, 2**31, 2**53, 2**63 - 1, -1, -(2**63), 2**40)
_FIELDS = ("float_val", "double_val", "int_val", "int64_val", "bool_val", "half_val", "uint32_val", "uint64_val")
_PLUGINS = ("scalars", "scalars", "", "histograms", "own")


class _Cursor:
    """Takes numbers from bytes; zeros behind the end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def __bool__(self) -> bool:
        return self.at < len(self.data)

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes, fewer at the end."""
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, layout: str) -> Any:
        """The next number of a struct layout."""
        size = struct.calcsize("<" + layout)
        return struct.unpack("<" + layout, self.take(size).ljust(size, b"\0"))[0]

    def pick(self, choices: tuple[Any, ...]) -> Any:
        """One of ``choices``."""
        return choices[self.number("B") % len(choices)]

    def step(self) -> int:
        """A step: near the last ones, at the borders of the type, or any."""
        kind = self.number("B")
        if kind < 192:
            return kind
        return int(self.pick(_STEPS)) if kind < 240 else int(self.number("q"))


def _built_tensor(cursor: _Cursor) -> TensorProto:
    proto = TensorProto(dtype=cursor.number("B") % 32)
    shape = cursor.number("B")
    if shape >= 128:
        sizes = [1, cursor.pick((1, 1, 0, 2, -1, 2**62))][: 1 + shape % 2]
        proto.tensor_shape.CopyFrom(TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes]))
    if shape & 1:
        proto.tensor_content = cursor.take(cursor.number("B") % 17)
    for _ in range(shape >> 1 & 3):
        name = cursor.pick(_FIELDS)
        layouts = {"float_val": "f", "double_val": "d", "int64_val": "q", "uint32_val": "I", "uint64_val": "Q"}
        value = cursor.number(layouts.get(name, "i"))
        getattr(proto, name).append(bool(value) if name == "bool_val" else value)
    return proto


def _built_event(body: bytes) -> Event:
    """An event made of the bytes, so that a fuzzer reaches what protobuf's own framing would hide from it."""
    cursor = _Cursor(body)
    kind, step = cursor.number("B"), cursor.step()
    wall_time = cursor.number("d") if kind & 64 else 1.7e9 + step
    event = Event(wall_time=wall_time, step=step)
    if kind % 8 == 0:
        event.session_log.status = cursor.pick((SessionLog.START, SessionLog.STOP, SessionLog.CHECKPOINT))
        return event
    while cursor:
        choice = cursor.number("B")
        tag = cursor.pick(_TAGS) if choice < 224 else cursor.take(cursor.number("B") % 20).decode("utf-8", "replace")
        value = Summary.Value(tag=tag)
        if choice % 4 == 0:
            value.simple_value = cursor.number("f")
        elif choice % 4 == 3:
            value.histo.min = cursor.number("d")
        else:
            value.tensor.CopyFrom(_built_tensor(cursor))
        if plugin := cursor.pick(_PLUGINS):
            value.metadata.CopyFrom(SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin)))
        event.summary.value.append(value)
    return event


def chunk(kind: int, body: bytes) -> bytes:
    """One chunk of an ``events`` input."""
    return struct.pack("<BH", kind, len(body)) + body


def event_file(data: bytes) -> bytes:
    """The event file that an ``events`` input stands for; every input stands for one."""
    cursor = _Cursor(data)
    pieces = []
    while cursor:
        kind, length = cursor.number("B"), cursor.number("H")
        body = cursor.take(length)
        if kind % 8 == 7:
            pieces.append(body)
        else:
            pieces.append(record(body if kind % 2 == 0 else _built_event(body).SerializeToString()))
    return b"".join(pieces)


def fuzz_events(data: bytes) -> None:
    """Sound records with any payloads and junk between them: columns of one length, or NotALogError."""
    content = event_file(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        path.write_bytes(content)
        with bounded(len(content)):
            try:
                columns = read_event_file(path)
            except NotALogError as error:
                _expect_sentence(error)
                return
    count = len(columns.step)
    for name in ("wall_time", "step", "tag_id", "value", "encoding"):
        expect(getattr(columns, name).shape == (count,), f"{name} is parallel to the steps")
    expect(len(set(columns.tags)) == len(columns.tags), "every tag has one number")
    expect(set(columns.tag_id.tolist()) == set(range(len(columns.tags))), "every tag has points, every point a tag")
    places = [place for place, _ in columns.restarts]
    expect(places == sorted(places) and all(0 <= place <= count for place in places), "restarts lie between points")
    expect((columns.first_wall_time is None) == (columns.last_wall_time is None), "the times are of the same events")
    expect([d.offset for d in columns.damage] == sorted(d.offset for d in columns.damage), "damage is in order")
    expect(sum(d.kind == "event" for d in columns.damage) <= columns.records, "a bad event is a sound record")
    for item in columns.damage:
        expect(0 <= item.offset < len(content) and item.lost > 0, "damage lies in the file")
        expect(len(item.detail.splitlines()) == 1, "damage is told in one line")


# --------------------------------------------------------------------------------------------------- scanner


def fuzz_scanner(data: bytes) -> None:
    """Any event file: the compiled scanner and the Python reader give the same."""
    knobs, data = (*data[:1], 0)[0], data[1:]
    content = data if knobs & 8 else event_file(data)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        path.write_bytes(content)
        with bounded(2 * len(content)):
            found = differences(path, _CHUNKS[knobs & 3], 64 if knobs & 4 else None)
    expect(not found, f"the readers agree: {found}")


# --------------------------------------------------------------------------------------------------- history


def _expect_sentence(error: Exception) -> None:
    expect(len(str(error).splitlines()) == 1, f"an error is told in one line: {str(error)!r}")


def _expect_parallel(part: Part) -> None:
    for array in (part.wall_time, part.tag_id, part.value):
        expect(array.shape == part.step.shape, "the arrays of a part are parallel")
    if len(part):
        expect(part.tag_id.min() >= 0 and part.tag_id.max() < len(part.tags), "every point has a tag")


def fuzz_history(data: bytes) -> None:
    """Any bytes in a file of that name: a history, or NotALogError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training.csv"
        path.write_bytes(data)
        with bounded(len(data)):
            try:
                history = read_history(path)
            except NotALogError as error:
                _expect_sentence(error)
                return
    for part in history.parts:
        expect(len(part) > 0, "a part has points")
        _expect_parallel(part)
        expect(len(set(part.tags)) == len(part.tags), "a part names every column once")
    expect(history.axis in ("epoch", "step", "row"), "the axis is one of three")
    expect([d.offset for d in history.damage] == sorted(d.offset for d in history.damage), "damage is in order")
    for item in history.damage:
        expect(1 <= item.offset <= len(data) + 1 and item.lost >= 0, "damage lies in the file")


# ---------------------------------------------------------------------------------------------------- folder

#: layout -> (path of the fuzzed file below the log folder, whether sound files lie beside it, what is read)
LAYOUTS: dict[str, tuple[str, bool, str]] = {
    "events": (NAME, False, ""),
    "train": (f"train/{NAME}", True, ""),
    "validation": (f"validation/{NAME}", True, ""),
    "further_writer": (f"further/{NAME}", True, ""),
    "same_folder": (f"train/z.{NAME}", True, ""),
    "single_events": (NAME, False, NAME),
    "bare_events": (f"train/{NAME}", True, ""),
    "csv": ("run 1/training.csv", False, ""),
    "csv_beside_events": ("training.csv", True, ""),
    "tsv": ("training.tsv", True, ""),
    "log": ("training.log", True, ""),
    "download": ("run-a_train-tag-epoch_loss.csv", True, ""),
    "json": ("history.json", True, ""),
    "json_lines": ("result.jsonl", True, ""),
    "single_csv": ("training.csv", False, "training.csv"),
}
_SOUND_TEXT = "epoch,loss,val_loss\n0,0.5,0.75\n1,0.25,0.5\n2,0.125,0.625\n"
_SOUND = {
    f"{writer}/{NAME}": encode([version(), *(keras_scalar("epoch_loss", i, v) for i, v in enumerate(values))])
    for writer, values in (("train", (0.5, 0.25, 0.125)), ("validation", (0.75, 0.5, 0.625)))
} | {"training.csv": _SOUND_TEXT.encode()}


def layout_of(data: bytes) -> str:
    """The layout that a ``folder`` input chooses."""
    return list(LAYOUTS)[data[0] % len(LAYOUTS) if data else 0]


def _expect_metrics(run: Run) -> None:
    for name, metric in run.table.items():
        expect(metric.epoch.shape == metric.value.shape == metric.wall_time.shape, "the arrays are parallel")
        steps = pairwise(metric.epoch.tolist())
        expect(all(later > earlier for earlier, later in steps), f"the epochs of {name!r} strictly increase")


def fuzz_folder(data: bytes) -> None:
    """One file of any content in a log folder, alone or beside sound ones: runs, and no error."""
    layout = layout_of(data)
    place, beside, name = LAYOUTS[layout]
    framed = NAME in place and layout != "bare_events"
    content = event_file(data[1:]) if framed else data[1:]
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above) / "logs"
        for path, sound in {**(_SOUND if beside else {}), place: content}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(sound)
        with bounded(len(content)):
            runs = load_runs(folder / name)
        for run in runs:
            _expect_metrics(run)
            for part in run.parts:
                _expect_parallel(part)
            expect(len(run.parts) == len(run.session_of) == len(run.replaced_from), "every part has a session")
        names = [run.name for run in runs]
        expect(len(set(names)) == len(names), f"every run has a name of its own: {names}")
        read = {source for run in runs for source in run.sources} | {item.path for item in runs.skipped}
        expect(not content or not framed or str(folder / place) in read, "an event file is read or skipped")


# ----------------------------------------------------------------------------------------------------- model

_MODEL_SECONDS = 3.0  # of the clock, for the process that reads it, and its start where the one before has crashed


def fuzz_model(data: bytes) -> None:
    """A model file of any content: a record with a state, in bounded time, and the next file is read as ever."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        path.write_bytes(data)
        begin = time.monotonic()
        found = shared_reader().read(path, fingerprints=True)
        seconds = time.monotonic() - begin
    expect(seconds <= _MODEL_SECONDS + len(data) / 2**20, f"{len(data)} bytes took {seconds:.1f} seconds")
    expect(found.status in ("sound", "suspect", "damaged", "refused"), "every file has a state")
    expect(found.status == "sound" or bool(found.problems()), "a file that is not sound says why")
    expect(found.bytes == len(data), "the size is that of the file")
    to_json(found.to_dict(tensors=True))
    end = end_of_hdf5(io.BytesIO(data))
    expect(end is None or end <= len(data) or found.status == "damaged", "a file that is cut off is damaged")
    if found.status == "sound":
        expect(bool(found.weights) and found.is_finite is True, "a sound file has weights, and they are finite")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "records": fuzz_records,
    "events": fuzz_events,
    "scanner": fuzz_scanner,
    "history": fuzz_history,
    "folder": fuzz_folder,
    "model": fuzz_model,
}
