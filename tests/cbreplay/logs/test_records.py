"""Framing: which records come back from bytes that are sound, cut, flipped or made up."""

from __future__ import annotations

import io
import struct
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from writing import record

from cbreplay.logs import records
from cbreplay.logs.records import HEADER, OVERHEAD, RecordReader, masked_crc32c

PAYLOADS = [b"first", b"", b"x" * 300, b"the last one"]
FILE = b"".join(map(record, PAYLOADS))
STARTS = [sum(len(payload) + OVERHEAD for payload in PAYLOADS[:n]) for n in range(5)]

payload_lists = st.lists(st.binary(max_size=40), max_size=6)
chunks = st.sampled_from([1, 7, 64, 1 << 20])


def header(length: int) -> bytes:
    """The head of a record of ``length`` bytes, its checksum right."""
    packed = struct.pack("<Q", length)
    return packed + struct.pack("<I", masked_crc32c(packed))


#: Bytes as they may lie in a file: sound records, heads without a body, anything.
pieces = st.one_of(
    st.binary(max_size=30), st.binary(max_size=30).map(record), st.integers(0, 2**64 - 1).map(header),
    st.integers(0, 80).map(header), st.integers(1, 40).map(bytes),
)  # fmt: skip
files = st.lists(pieces, max_size=8).map(b"".join)


def read(data: bytes, size: int | None = None, stream: io.RawIOBase | None = None):
    """What the reader finds in ``data``: (offset, payload) of each record, and the damage."""
    reader = RecordReader(stream or io.BytesIO(data), len(data) if size is None else size, "file")
    found = list(reader)
    assert len(found) == reader.records
    return found, reader.damage


def payloads(data: bytes) -> list[bytes | None]:
    return [payload for _, payload in read(data)[0]]


def assert_every_byte_is_accounted_for(size: int, found, damage) -> None:
    """Records and damage lie side by side from the first byte to the last."""
    spans = [(offset, len(payload) + OVERHEAD) for offset, payload in found]
    spans = sorted(spans + [(item.offset, item.lost) for item in damage])
    ends = [offset + length for offset, length in spans]
    assert [0, *ends][: len(spans)] == [offset for offset, _ in spans]
    assert size == (ends[-1] if ends else 0)


class Dribble(io.BytesIO):
    """A stream that gives at most three bytes at a time, and notes what it was asked for."""

    largest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size >= 0
        self.largest = max(self.largest, size)
        return super().read(min(size, 3))


@given(files, chunks)
@example(header(2**40), 1 << 20)
@example(bytes(100), 1)
def test_any_bytes_are_read_to_the_end_and_accounted_for(data: bytes, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_CHUNK", chunk)
        found, damage = read(data)
    assert_every_byte_is_accounted_for(len(data), found, damage)
    assert found == [(offset, data[offset + HEADER.size :][: len(payload)]) for offset, payload in found]


@given(payload_lists, chunks)
def test_a_sound_file_gives_its_payloads_back_and_no_damage(written: list[bytes], chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_CHUNK", chunk)
        found, damage = read(b"".join(map(record, written)))
    assert (written, []) == ([payload for _, payload in found], damage)


def test_a_file_cut_anywhere_keeps_every_whole_record_and_says_truncated() -> None:
    for cut in range(len(FILE)):
        whole = max(n for n in range(5) if STARTS[n] <= cut)
        rest = [(STARTS[whole], "truncated", cut - STARTS[whole])] if cut > STARTS[whole] else []
        found, damage = read(FILE[:cut])
        assert (cut, PAYLOADS[:whole]) == (cut, [payload for _, payload in found])
        assert (cut, rest) == (cut, [(d.offset, d.kind, d.lost) for d in damage])


def test_a_flipped_byte_anywhere_costs_exactly_the_record_it_is_in() -> None:
    for position in range(len(FILE)):
        spoilt = bytearray(FILE)
        spoilt[position] ^= 1 + position % 255
        hit = max(n for n in range(4) if STARTS[n] <= position)
        kind = "length" if position - STARTS[hit] < HEADER.size else "checksum"
        lost = [(STARTS[hit], kind, STARTS[hit + 1] - STARTS[hit])]
        found, damage = read(bytes(spoilt))
        assert (position, PAYLOADS[:hit] + PAYLOADS[hit + 1 :]) == (position, [payload for _, payload in found])
        assert (position, lost) == (position, [(d.offset, d.kind, d.lost) for d in damage])


@given(payload_lists, st.integers(0, 400), st.integers(1, 255), st.integers(0, 400))
def test_a_flip_and_a_cut_leave_every_other_record_in_order(
    written: list[bytes], position: int, flip: int, cut: int
) -> None:
    data = bytearray(b"".join(map(record, written)))[:cut]
    if position < len(data):
        data[position] ^= flip
    expected, begin = [], 0
    for payload in written:
        end = begin + len(payload) + OVERHEAD
        expected += [payload] if end <= cut and not begin <= position < end else []
        begin = end
    found, damage = read(bytes(data))
    assert expected == [payload for _, payload in found]
    assert_every_byte_is_accounted_for(len(data), found, damage)


@pytest.mark.parametrize(
    ("between", "kinds"),
    [
        (b"garbage " * 5, ["length"]),
        (b"!", ["length"]),
        (bytes(4096), ["length"]),
        (header(2**40), ["length"]),
        (header(2**64 - 1), ["length"]),
        (record(b"spoilt")[:-1] + b"?", ["checksum"]),
        pytest.param(record(b"\n" * 30).replace(b"\n", b"\r\n"), None, id="line ends translated to longer ones"),
        pytest.param(
            header(60), None, id="a head that claims the records behind it",
        ),
        pytest.param(
            record(b"torn" * 10)[:30], None, id="a torn record, then more appended",
        ),
        pytest.param(
            record(b"\r\n" * 30).replace(b"\r\n", b"\n"), None, id="line ends translated to shorter ones",
        ),
    ],
)  # fmt: skip
def test_reading_goes_on_at_the_next_sound_record(between: bytes, kinds: list[str] | None) -> None:
    behind = [b"one", b"two", b"three", b"x" * 50]
    found, damage = read(record(b"before") + between + b"".join(map(record, behind)))
    assert [b"before", *behind] == [payload for _, payload in found]
    assert kinds is None or [(kinds[0], len(between))] == [(d.kind, d.lost) for d in damage]


def test_zeros_at_the_end_are_reported_as_such_and_never_taken_for_empty_records() -> None:
    found, damage = read(FILE + bytes(3 << 20))
    assert [payload for _, payload in found] == PAYLOADS
    assert [(len(FILE), 3 << 20)] == [(d.offset, d.lost) for d in damage]
    assert "only zero bytes follow" in damage[0].detail


def test_a_sound_record_far_behind_garbage_is_found() -> None:
    data = b"\xff" * ((1 << 20) - 5) + record(b"found")
    assert payloads(data) == [b"found"]


def test_much_damage_costs_time_in_proportion_to_the_file() -> None:
    spoilt = bytearray(record(b"x" * 60))
    spoilt[3] ^= 1
    began = time.process_time()
    assert payloads((bytes(spoilt) + record(b"x" * 60)) * 1000) == [b"x" * 60] * 1000
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("spoil", "expected", "kinds"),
    [
        (lambda big: big, [b"a", None, b"b"], []),
        (lambda big: big[:20] + b"?" + big[21:], [b"a", b"b"], ["checksum"]),
        (lambda big: b"?" + big[1:], [b"a", b"b"], ["length"]),
    ],
    ids=["sound", "spoilt body", "spoilt length"],
)
@pytest.mark.parametrize("chunk", [16, 1 << 20])
def test_a_record_above_the_limit_is_checked_and_passed_over(monkeypatch, chunk, spoil, expected, kinds) -> None:
    monkeypatch.setattr(records, "MAX_PAYLOAD", 100)
    monkeypatch.setattr(records, "_CHUNK", chunk)
    big = spoil(record(b"y" * 101))
    found, damage = read(record(b"a") + big + record(b"b"))
    assert expected == [payload for _, payload in found]
    assert [(17, kind, len(big)) for kind in kinds] == [(d.offset, d.kind, d.lost) for d in damage]


def test_a_claim_of_a_terabyte_is_never_asked_for_at_once() -> None:
    stream = Dribble(header(2**40) + b"z" * 500)
    found, damage = read(b"", size=2**41, stream=stream)
    assert (found, [(d.offset, d.kind, d.lost) for d in damage]) == ([], [(0, "truncated", 512)])
    assert stream.largest <= 1 << 20


@pytest.mark.parametrize("data", [FILE, FILE[:-7], FILE[:40] + b"?" + FILE[41:] + bytes(50)])
def test_a_stream_of_short_reads_gives_the_same(data: bytes) -> None:
    assert read(data) == read(data, stream=Dribble(data))


@pytest.mark.parametrize("limit", [1 << 20, 100])
def test_a_file_shorter_than_announced_is_read_as_far_as_it_goes(monkeypatch, limit: int) -> None:
    monkeypatch.setattr(records, "MAX_PAYLOAD", limit)
    for cut in range(len(FILE)):
        found, damage = read(FILE[:cut], size=len(FILE))
        found = [(offset, PAYLOADS[2] if payload is None else payload) for offset, payload in found]
        assert PAYLOADS[: len(found)] == [payload for _, payload in found]
        assert {"truncated"} >= {item.kind for item in damage}
        assert_every_byte_is_accounted_for(cut, found, damage)


def test_what_is_written_while_we_read_is_left_for_the_next_time() -> None:
    found, damage = read(FILE + record(b"later"), size=len(FILE) + 3)
    assert [payload for _, payload in found] == PAYLOADS
    assert [(len(FILE), "truncated", 3)] == [(d.offset, d.kind, d.lost) for d in damage]


@settings(max_examples=50)
@given(st.binary(max_size=100))
def test_the_checksum_is_the_masked_crc32c_of_tfrecord(data: bytes) -> None:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    assert ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) % 2**32 == masked_crc32c(data)
