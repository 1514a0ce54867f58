"""The compiled scanner: whatever the bytes, the same columns and the same damage as from the Python reader."""

from __future__ import annotations

import importlib
import io
import random
import struct
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import google_crc32c
import pytest
import wire
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers import IS_BUILT, differences, told
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from wire import float32, float64, key, number, sized, varint
from writing import encode, keras_scalar, record, restart, simple, tensor, version, write_events

from cbreplay.errors import NotALogError
from cbreplay.logs import events, histograms
from cbreplay.logs.collecting import PythonCollector
from cbreplay.logs.events import read_event_file
from cbreplay.logs.histograms import histograms_in_file
from cbreplay.logs.messages import event_in
from cbreplay.logs.records import RecordReader
from cbreplay.scanner import VARIABLE, active_reader, compiled_collector

needs_scanner = pytest.mark.skipif(not IS_BUILT, reason="the compiled scanner is not built")

ROOT = Path(__file__).parents[3]
FILES = sorted(
    path
    for place in (ROOT / "tests" / "data", ROOT / "sample_logs")
    for path in place.rglob("*tfevents*")
    if path.is_file()
)
SMALL = [path for path in FILES if 0 < path.stat().st_size < 12_000]
CHUNKS = (16, 20, 64, 1000)


def a_file(folder: Path, *payloads: bytes) -> Path:
    """A file of records of these payloads."""
    path = folder / "events.out.tfevents.1.host"
    path.write_bytes(b"".join(map(record, payloads)))
    return path


def left_to_python(path: Path, monkeypatch) -> int:
    """How many records the scanner leaves to Python."""
    count = 0

    def counting(collector, payload):
        nonlocal count
        count += 1
        return add(collector, payload)

    add = events._add
    with monkeypatch.context() as patch:
        patch.setattr(events, "_add", counting)
        patch.delenv(VARIABLE, raising=False)
        read_event_file(path)
    return count


def little_file() -> bytes:
    """A little of everything."""
    histogram = Summary(value=[Summary.Value(tag="w", histo=HistogramProto(min=0, max=1, bucket=[1.0, 2.0]))])
    return encode([
        version(), keras_scalar("loss", 0, 0.5), simple("größe", 1, -0.0), restart(1),
        Event(step=-5, summary=histogram),
        tensor("text", 2, TensorProto(dtype=7, string_val=[b"words"]), "text"), simple("loss", 2, 1.0),
    ])  # fmt: skip


@needs_scanner
def test_every_file_there_is_gives_the_same_from_both_readers() -> None:
    assert len(FILES) > 60
    assert {str(path): found for path in FILES if (found := differences(path))} == {}


@needs_scanner
@pytest.mark.parametrize("chunk", CHUNKS)
def test_the_size_of_the_pieces_that_are_read_changes_nothing(chunk: int) -> None:
    for path in SMALL[:: 1 if chunk > 100 else 6]:
        assert (path, differences(path, chunk)) == (path, {})


@needs_scanner
def test_a_file_cut_at_any_byte_gives_the_same(tmp_path) -> None:
    content, path = little_file(), tmp_path / "events.out.tfevents.1.host"
    for cut in range(len(content) + 1):
        path.write_bytes(content[:cut])
        assert (cut, differences(path, 64)) == (cut, {})


@needs_scanner
def test_a_flipped_bit_anywhere_gives_the_same(tmp_path) -> None:
    content, path = little_file(), tmp_path / "events.out.tfevents.1.host"
    for bit in range(8 * len(content)):
        spoilt = bytearray(content)
        spoilt[bit // 8] ^= 1 << bit % 8
        path.write_bytes(spoilt)
        assert (bit, differences(path)) == (bit, {})


@needs_scanner
def test_any_byte_of_a_payload_changed_with_its_checksum_repaired_gives_the_same(tmp_path) -> None:
    payloads = [payload for _, payload in RecordReader(io.BytesIO(little_file()), 2**20, "x") if payload]
    for chosen, payload in enumerate(payloads):
        for place in range(len(payload)):
            for value in (payload[place] ^ 1, payload[place] ^ 8, payload[place] ^ 128, 0, 255):
                changed = payload[:place] + bytes([value]) + payload[place + 1 :]
                path = a_file(tmp_path, *payloads[:chosen], changed, *payloads[chosen + 1 :])
                assert (chosen, place, value, differences(path)) == (chosen, place, value, {})


def _mutated(content: bytes, rng: random.Random) -> bytes:
    """A file after some damage: bits, cuts, repetitions, records swapped."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 3))):
        place = rng.randrange(len(data) + 1)
        end = min(place + rng.choice((1, 2, 8, 60, 400)), len(data))
        kind = rng.randrange(6)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[place:end]
        elif kind == 2:
            data[place:place] = data[place:end] * rng.choice((1, 2))
        elif kind == 3:
            other = rng.randrange(len(data) + 1)
            data[place:place] = data[other : other + end - place]
        elif kind == 4:
            data[place:end] = rng.choice((bytes(12), rng.randbytes(9), b"\n", b"\xff" * 10))
        elif rng.random() < 0.3:
            del data[place:]
    return bytes(data)


@needs_scanner
def test_mutations_of_real_files_give_the_same(tmp_path) -> None:
    rng, path = random.Random(7), tmp_path / "events.out.tfevents.1.host"
    contents = [chosen.read_bytes() for chosen in SMALL]
    for number_of_it in range(1500):
        path.write_bytes(_mutated(rng.choice(contents), rng))
        found = differences(path, rng.choice((None, None, 64, 500)), rng.choice((None, None, None, 60)))
        assert (number_of_it, found) == (number_of_it, {})


@needs_scanner
def test_mutations_of_the_payloads_of_real_files_give_the_same(tmp_path) -> None:
    rng = random.Random(8)
    sound = [
        payload
        for path in SMALL
        for _, payload in RecordReader(io.BytesIO(path.read_bytes()), path.stat().st_size, "x")
        if payload and len(payload) < 2000
    ]
    for number_of_it in range(1500):
        chosen = rng.choices(sound, k=4)
        path = a_file(tmp_path, chosen[0], *(_mutated(payload, rng) for payload in chosen), chosen[0])
        assert (number_of_it, differences(path)) == (number_of_it, {})


@needs_scanner
@settings(max_examples=1200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(wire.EVENT, min_size=1, max_size=5), st.sampled_from([None, 16, 64]))
def test_events_of_every_kind_written_field_by_field_give_the_same(tmp_path, payloads, chunk) -> None:
    assert differences(a_file(tmp_path, *payloads), chunk) == {}


def _value(*fields: bytes) -> bytes:
    return float64(1, 5.0) + number(2, 3) + sized(5, sized(1, b"".join(fields)))


TAG, POINT = sized(1, b"a"), float32(2, 0.5)
HALF = struct.pack("<f", 0.5)


def _tensor(*fields: bytes) -> bytes:
    return _value(TAG, sized(8, b"".join(fields)))


def _scalar(*fields: bytes) -> bytes:
    return _tensor(number(1, 1), *fields)


def _named(plugin: bytes, *fields: bytes) -> bytes:
    return _value(TAG, sized(9, sized(1, sized(1, plugin))), *fields)


ORDINARY = {
    "nothing": b"",
    "only a step": number(2, 7),
    "a version": float64(1, 2.0) + sized(3, b"brain.Event:2"),
    "a version with its writer": sized(3, b"brain.Event:2") + sized(10, sized(1, b"tensorflow.core.util")),
    "a graph": sized(4, b"\xff any bytes"),
    "a meta graph": sized(9, b"\xff any bytes"),
    "an empty summary": sized(5, b""),
    "a simple value": _value(TAG, POINT),
    "a value before its tag": _value(POINT, TAG),
    "no tag": _value(POINT),
    "a node name": _value(TAG, POINT, sized(7, b"node")),
    "a tag beyond ASCII": _value(sized(1, "größe/∂".encode()), POINT),
    "a negative step": number(2, -(2**63)) + sized(5, sized(1, TAG + POINT)),
    "the step behind the summary": sized(5, sized(1, TAG + POINT)) + number(2, 9),
    "minus zero": _value(TAG, float32(2, -0.0)),
    "a NaN with a payload": _value(TAG, key(2, 5) + b"\x01\x02\xc3\xff"),
    "a float of content": _scalar(sized(4, HALF)),
    "a float of one dimension": _scalar(sized(2, sized(2, number(1, 1))), sized(4, HALF)),
    "a packed float": _scalar(sized(5, HALF)),
    "a bare float": _scalar(key(5, 5) + HALF),
    "a float beside an empty pack": _scalar(sized(5, b""), sized(5, HALF), sized(5, b"")),
    "a float with empty content": _scalar(sized(4, b""), sized(5, HALF)),
    "a float whose content goes first": _scalar(sized(4, HALF), sized(5, HALF * 2)),
    "a double": _tensor(number(1, 2), sized(6, struct.pack("<d", 0.1))),
    "a bare double": _tensor(key(6, 1) + struct.pack("<d", 0.1), number(1, 2)),
    "another plugin": _named(b"histograms", sized(8, number(1, 2) + sized(4, bytes(48)))),
    "text": _named(b"text", sized(8, number(1, 7) + sized(8, b"\xff") + sized(8, b""))),
    "integers of another plugin": _named(b"own", sized(8, number(1, 3) + sized(7, b"\x80\x01\x02"))),
    "a histogram": _value(TAG, sized(5, float64(1, 0.0) + sized(6, bytes(16)) + key(7, 1) + bytes(8))),
    "an image": _value(TAG, sized(4, number(1, 8) + number(2, 8) + sized(4, b"\x89PNG"))),
    "all of the metadata": _value(
        TAG,
        sized(9, sized(1, sized(1, b"scalars") + sized(2, b"\xff")) + sized(2, b"n") + sized(3, b"d") + number(4, 1)),
        sized(8, number(1, 1) + number(3, 0) + sized(4, HALF)),
    ),
}  # fmt: skip

ODD = {
    "a wrong wire type": sized(2, b"x"),
    "an unknown field": _value(TAG, POINT) + number(12, 1),
    "a field beyond fifteen": _value(TAG, POINT) + number(300, 1),
    "an empty group": key(11, 3) + key(11, 4),
    "field number zero": b"\0\0",
    "a repeated step": number(2, 1) + number(2, 2),
    "a repeated wall time": float64(1, 1.0) + float64(1, 2.0),
    "two members of a oneof": sized(3, b"x") + _value(TAG, POINT),
    "two summaries": _value(TAG, POINT) + sized(5, sized(1, sized(1, b"b") + POINT)),
    "two values in one": _value(TAG, POINT, sized(8, number(1, 1) + sized(4, HALF))),
    "two tags": _value(TAG, sized(1, b"b"), POINT),
    "a node name beyond ASCII": _value(TAG, POINT, sized(7, "größe".encode())),
    "two node names": _value(TAG, POINT, sized(7, b"node"), sized(7, b"node")),
    "no value": _value(TAG),
    "a bad tag": _value(sized(1, b"\xff"), POINT),
    "a surrogate in a tag": _value(sized(1, b"\xed\xa0\x80"), POINT),
    "a bad plugin name": _named(b"\xff", POINT),
    "a plugin name beyond ASCII": _named("größe".encode(), sized(8, number(1, 1) + sized(4, HALF))),
    "a bad display name": _value(TAG, POINT, sized(9, sized(2, b"\xff"))),
    "a bad version": sized(3, b"\xff"),
    "a bad writer": sized(10, sized(1, b"\xff")),
    "a log message": sized(6, number(1, 20)),
    "a start": sized(7, number(1, 1)) + number(2, 4),
    "a long form of a number": key(2, 0) + varint(7, 2) + _value(TAG, POINT)[11:],
    "a number of more than 64 bits": key(2, 0) + b"\xff" * 9 + b"\x7f",
    "a number that never ends": key(2, 0) + b"\x80" * 12,
    "a body beyond the end": sized(5, b"")[:-1] + b"\x05",
    "a value beyond its summary": sized(5, key(1, 2) + b"\x09" + TAG + POINT)[:-1],
    "half a wall time": float64(1, 1.0)[:5],
    "half a simple value": _value(TAG, POINT[:3]),
    "a signalling NaN": _value(TAG, key(2, 5) + b"\x01\0\x80\x7f"),
    "a signalling NaN of content": _scalar(sized(4, b"\x01\0\xa0\xff")),
    "an integer": _tensor(number(1, 3), sized(7, varint(-3))),
    "a half": _tensor(number(1, 19), sized(13, varint(0x3C00))),
    "a vector": _scalar(sized(2, sized(2, number(1, 2))), sized(4, bytes(8))),
    "no elements": _scalar(sized(2, sized(2, b""))),
    "two floats": _scalar(sized(5, HALF * 2)),
    "two floats apart": _scalar(sized(5, HALF), key(5, 5) + HALF),
    "content of a wrong length": _scalar(sized(4, bytes(5)), sized(5, HALF)),
    "a pack of three bytes": _scalar(sized(5, bytes(3)), sized(4, HALF)),
    "a negative dtype": _tensor(number(1, -1), sized(4, HALF)),
    "a dtype that is cut to 32 bits": _tensor(number(1, 2**32 + 1), sized(4, HALF)),
    "two shapes": _scalar(sized(2, sized(2, number(1, 1))), sized(2, sized(2, number(1, 2))), sized(4, HALF)),
    "a dimension of two sizes": _scalar(sized(2, sized(2, number(1, 2) + number(1, 1))), sized(4, HALF)),
    "a named dimension": _scalar(sized(2, sized(2, number(1, 1) + sized(2, b"x"))), sized(4, HALF)),
    "a broken pack of integers": _named(b"own", sized(8, number(1, 3) + sized(7, b"\x80"))),
    "a histogram with half a bucket": _value(TAG, sized(5, sized(6, bytes(12)))),
    "an image of a wrong type": _value(TAG, sized(4, sized(1, b""))),
    "audio": _value(TAG, sized(6, b"")),
    "an old histogram": _value(TAG, sized(3, b"x")),
}

BEFORE, BEHIND = _value(sized(1, b"before"), POINT), _named(b"text", POINT) + b""


@needs_scanner
@pytest.mark.parametrize("name", ORDINARY)
def test_the_scanner_takes_what_is_ordinary_and_it_is_what_protobuf_reads(tmp_path, monkeypatch, name: str) -> None:
    path = a_file(tmp_path, BEFORE, ORDINARY[name], BEHIND, ORDINARY[name])
    assert differences(path) == {}
    assert (name, left_to_python(a_file(tmp_path, ORDINARY[name]), monkeypatch)) == (name, 0)


@needs_scanner
@pytest.mark.parametrize("name", ODD)
def test_the_scanner_leaves_the_rest_to_python_and_goes_on_behind(tmp_path, monkeypatch, name: str) -> None:
    path = a_file(tmp_path, BEFORE, ODD[name], BEHIND, ODD[name], ORDINARY["a float of content"])
    assert differences(path) == {}
    path = a_file(tmp_path, ODD[name], ORDINARY["a simple value"])
    assert (name, left_to_python(path, monkeypatch)) == (name, 1)


ROWS = sized(2, sized(2, number(1, 2)) + sized(2, number(1, 3)))
EDGES = struct.pack("<6d", 0.0, 1.0, 3.0, 1.0, 2.0, 4.0)


def _weights(*fields: bytes, plugin: bytes = b"histograms", tag: bytes = b"w/histogram") -> bytes:
    return _value(sized(1, tag), sized(9, sized(1, sized(1, plugin))), sized(8, b"".join(fields)))


WEIGHTS = {  # whether they are left to Python when histograms are read
    "rows of three": (0, _weights(number(1, 2), ROWS, sized(4, EDGES))),
    "rows behind their content": (0, _weights(sized(4, EDGES), ROWS, number(1, 2))),
    "another tag": (0, _weights(number(1, 2), ROWS, sized(4, EDGES), tag=b"w/histograms")),
    "a tag that is shorter than the ending": (0, _weights(number(1, 2), ROWS, sized(4, EDGES), tag=b"gram")),
    "a tag that is the ending": (0, _weights(number(1, 2), ROWS, sized(4, EDGES), tag=b"/histogram")),
    "floats": (0, _weights(number(1, 1), ROWS, sized(4, EDGES))),
    "a scalar": (0, _value(sized(1, b"a/histogram"), POINT)),
    "no shape": (1, _weights(number(1, 2), sized(4, EDGES))),
    "another number of rows": (1, _weights(number(1, 2), ROWS, sized(4, EDGES + EDGES))),
    "half a row": (1, _weights(number(1, 2), ROWS, sized(4, EDGES[:36]))),
    "rows of two": (
        1, _weights(number(1, 2), sized(2, sized(2, number(1, 3)) + sized(2, number(1, 2))), sized(4, EDGES)),
    ),
    "three dimensions": (1, _weights(number(1, 2), sized(2, ROWS[2:] + sized(2, number(1, 1))), sized(4, EDGES))),
    "numbers of their own": (1, _weights(number(1, 2), ROWS, sized(6, EDGES))),
    "one number for all": (1, _weights(number(1, 2), ROWS, sized(6, EDGES[8:16]))),
    "no numbers": (1, _weights(number(1, 2), ROWS)),
    "no plugin": (1, _value(sized(1, b"w/histogram"), sized(8, number(1, 2) + ROWS + sized(4, EDGES)))),
    "a bad tag beside it": (
        1,
        sized(
            5,
            sized(1, sized(1, b"\xff") + POINT)
            + sized(1, sized(1, b"w/histogram") + sized(8, number(1, 2) + ROWS + sized(4, EDGES))),
        ),
    ),
    "an odd field": (1, _weights(number(1, 2), ROWS, sized(4, EDGES)) + number(12, 1)),
}  # fmt: skip


@needs_scanner
@pytest.mark.parametrize("name", WEIGHTS)
def test_weight_histograms_are_taken_where_they_are_ordinary(tmp_path, monkeypatch, name: str) -> None:
    expected, payload = WEIGHTS[name]
    assert differences(a_file(tmp_path, BEFORE, payload, BEHIND, payload, WEIGHTS["rows of three"][1])) == {}
    left = []
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(histograms, "event_in", lambda given: left.append(given) or event_in(given))
    histograms_in_file(a_file(tmp_path, payload, BEHIND))
    assert left == [payload] * expected


@needs_scanner
def test_a_record_that_is_left_leaves_no_trace(tmp_path) -> None:
    """Its first value names a plugin, its last one is odd: protobuf refuses it, and the plugin is not known."""
    values = sized(1, TAG + sized(9, sized(1, sized(1, b"text"))) + POINT) + sized(1, sized(1, b"\xff") + POINT)
    path = a_file(tmp_path, sized(5, values), _scalar(sized(4, HALF)))
    assert differences(path) == {}
    assert (len(read_event_file(path).value), read_event_file(path).others) == (1, {})


@needs_scanner
def test_real_writers_write_ordinary_records(monkeypatch) -> None:
    damaged = ROOT / "tests" / "data" / "hard"
    left = {path: left_to_python(path, monkeypatch) for path in FILES if damaged not in path.parents}
    assert len(left) > 50
    assert {path: count for path, count in left.items() if count > 3} == {}


@needs_scanner
def test_many_values_and_many_tags_are_kept_apart(tmp_path) -> None:
    rng = random.Random(1)
    tags = [f"{'x' * (n % 50)}{n}" for n in range(5000)]
    many = [
        Event(
            step=step,
            summary=Summary(value=[Summary.Value(tag=tag, simple_value=step) for tag in rng.sample(tags, 900)]),
        )
        for step in range(12)
    ]
    path = write_events(tmp_path, many)
    assert differences(path) == {}
    assert len(read_event_file(path).value) == 12 * 900


@needs_scanner
@pytest.mark.parametrize("chunk", [None, 1000, 1 << 16])
def test_large_records_across_the_pieces_are_taken_whole(tmp_path, monkeypatch, chunk) -> None:
    big = [
        Event(
            step=n,
            summary=Summary(value=[Summary.Value(tag="i", image=Summary.Image(encoded_image_string=bytes(size)))]),
        )
        for n, size in enumerate((10, 3 << 20, 100_000, 1 << 20, 0))
    ]
    path = write_events(tmp_path, big)
    assert differences(path, chunk) == {}
    assert left_to_python(path, monkeypatch) == 0


@needs_scanner
@pytest.mark.parametrize("kind", importlib.import_module("cbreplay._scanner").crc32c_kinds() if IS_BUILT else [])
def test_every_way_to_a_checksum_gives_crc32c(kind: str) -> None:
    from cbreplay import _scanner

    data = random.Random(2).randbytes(5000)
    for size in [*range(300), *range(760, 780), 1535, 1536, 1537, 2304, 4999]:
        for begin in (0, 1, 3, 8):
            piece = data[begin : begin + size]
            assert (size, google_crc32c.value(piece)) == (size, _scanner.crc32c(piece, kind))
    assert _scanner.crc32c(b"123456789", kind) == 0xE3069283


@needs_scanner
def test_every_way_to_a_checksum_reads_the_same() -> None:
    from cbreplay import _scanner

    best = _scanner.crc32c_kinds()[0]
    assert "table" in _scanner.crc32c_kinds()
    try:
        for kind in _scanner.crc32c_kinds():
            _scanner.use_crc32c(kind)
            assert {path: found for path in SMALL[::5] if (found := differences(path))} == {}
    finally:
        _scanner.use_crc32c(best)
    with pytest.raises(ValueError, match="'md5'"):
        _scanner.use_crc32c("md5")
    with pytest.raises(ValueError, match="'md5'"):
        _scanner.crc32c(b"", "md5")


def collectors() -> list[object]:
    """A fresh collector of each kind that is there."""
    compiled = compiled_collector()
    return [PythonCollector(), *([compiled] if compiled is not None else [])]


@pytest.mark.parametrize("number_of_it", range(len(collectors())))
def test_both_collectors_have_the_same_methods(number_of_it: int) -> None:
    collector = collectors()[number_of_it]
    assert (collector.first_wall_time, collector.last_wall_time, collector.plugin_of("a")) == (None, None, None)
    for wall_time in (2.0, 1.0):
        collector.note_event(wall_time)
    for plugin in ("", "text", "scalars"):
        collector.note_plugin("größe", plugin)
    collector.append_point("größe", -(2**63), 1.5, -0.0, 255)
    collector.restart(7)
    collector.append_point("", 2**63 - 1, 2.5, 0.1, 0)
    for kind in ("histo", "text"):
        collector.count_other("w", kind)
    assert (collector.first_wall_time, collector.last_wall_time) == (2.0, 1.0)
    assert (collector.plugin_of("größe"), collector.plugin_of("")) == ("text", None)
    assert (collector.tags, collector.restarts, collector.others) == (("größe", ""), ((1, 7),), {"w": ("text", 2)})
    columns = [bytes(column) for column in collector.take_columns()]
    assert columns == [
        struct.pack("<2d", 1.5, 2.5), struct.pack("<2q", -(2**63), 2**63 - 1), struct.pack("<2i", 0, 1),
        struct.pack("<2d", -0.0, 0.1), b"\xff\0",
    ]  # fmt: skip
    with pytest.raises(OverflowError):
        collector.append_point("a", 2**63, 0.0, 0.0, 0)


@needs_scanner
def test_columns_that_were_taken_are_nobody_elses() -> None:
    collector = compiled_collector()
    assert collector is not None
    collector.scan(record(ORDINARY["a simple value"]), 0, 100)
    taken = collector.take_columns()
    collector.scan(record(ORDINARY["a simple value"]) * 500, 0, 100)
    assert [len(column) for column in taken] == [8, 8, 4, 8, 1]
    assert [len(column) for column in collector.take_columns()] == [4000, 4000, 2000, 4000, 500]


@needs_scanner
def test_wrong_arguments_are_refused() -> None:
    collector = compiled_collector()
    assert collector is not None
    for at, largest in ((-1, 10), (6, 10), (0, -1)):
        with pytest.raises(ValueError, match="outside the buffer"):
            collector.scan(b"abcde", at, largest)
    for arguments in (("abc", 0, 0), (b"", "0", 0), (b"",)):
        with pytest.raises(TypeError):
            collector.scan(*arguments)
    for call in (
        lambda: type(collector)("1"), lambda: collector.note_plugin(b"a", "b"), lambda: collector.count_other("a", 1),
        lambda: collector.plugin_of(3), lambda: collector.note_event("x"), lambda: collector.restart("x"),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            call()
    with pytest.raises(UnicodeEncodeError):
        collector.plugin_of("\ud800")
    with pytest.raises(ValueError, match="negative"):
        type(collector)(-1)
    with pytest.raises(MemoryError):
        type(collector)(sys.maxsize)


@needs_scanner
@pytest.mark.parametrize("size", [0, 40, 20_000, 10**9])
def test_room_that_is_made_beforehand_is_not_seen(size: int) -> None:
    collector = compiled_collector(size)
    assert collector is not None
    collector.scan(record(ORDINARY["a simple value"]) * 300, 0, 100)
    assert [len(column) for column in collector.take_columns()] == [2400, 2400, 1200, 2400, 300]
    collector.scan(record(ORDINARY["a simple value"]), 0, 100)
    assert [len(column) for column in collector.take_columns()] == [8, 8, 4, 8, 1]


@needs_scanner
def test_reading_again_and_again_keeps_no_memory(tmp_path) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(b"".join(record(p) for p in (*ORDINARY.values(), *ODD.values())) * 3)
    for _ in range(3):
        told(path, "")
    tracemalloc.start()
    try:
        told(path, "")
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(30):
            told(path, "")
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()


def without_memory(moment: int, call: Callable[..., Any], *given: Any) -> Any:
    """What a call gives where its allocation at ``moment`` fails; None where it raises MemoryError."""
    testing = pytest.importorskip("_testcapi")
    testing.set_nomemory(moment, moment + 1)
    try:
        return call(*given)
    except MemoryError:
        return None
    finally:
        testing.remove_mem_hooks()


@needs_scanner
def test_no_memory_at_any_moment_is_an_error_and_nothing_worse() -> None:
    content = b"".join(record(p) for p in (BEFORE, BEHIND, *ORDINARY.values()))
    rows = record(WEIGHTS["rows of three"][1]) * 9
    for moment in range(120):
        collector = compiled_collector()
        assert collector is not None
        taken = without_memory(moment, collector.scan, content, 0, 2**20)
        assert taken in (None, (len(content), len(ORDINARY) + 2))
        without_memory(moment, collector.scan_histograms, rows, 0, 2**20, "/histogram")
        without_memory(moment % 12, collector.take_buckets)
        collector.scan(content, 0, 2**20)
        assert len(collector.tags) > 2
        without_memory(moment % 12, collector.take_columns)
        collector.scan(content, 0, 2**20)
        assert (
            len({len(column) // width for column, width in zip(collector.take_columns(), (8, 8, 4, 8, 1), strict=True)})
            == 1
        )


def test_without_a_scanner_python_does_the_same_work(tmp_path, monkeypatch) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(little_file())
    expected = told(path, "")

    def missing(name: str, *more: object) -> object:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    assert active_reader() == "Python reader"
    assert expected == told(path, "")


def test_a_variable_asks_for_python(monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, "python")
    assert (active_reader(), compiled_collector()) == ("Python reader", None)
    monkeypatch.delenv(VARIABLE)
    assert active_reader() == ("compiled scanner" if IS_BUILT else "Python reader")


@pytest.mark.parametrize("reader", ["", "python"])
def test_what_is_no_event_file_is_refused_by_either(tmp_path, monkeypatch, reader: str) -> None:
    monkeypatch.setenv(VARIABLE, reader)
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(b"something else entirely")
    with pytest.raises(NotALogError):
        read_event_file(path)
