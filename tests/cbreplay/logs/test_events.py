"""Event files: every number as it was written, whatever its encoding, and nothing made up from damage."""

from __future__ import annotations

import json
import math
import os
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.util.tensor_util import make_ndarray
from writing import encode, keras_scalar, record, restart, simple, tensor, version, write_events

from cbreplay.errors import NotALogError
from cbreplay.logs import records
from cbreplay.logs.events import SIMPLE_VALUE, EventColumns, read_event_file, scalar_of_tensor

ROOT = Path(__file__).parents[3]
HARD = ROOT / "tests" / "data" / "hard" / "events"
EXPECTED = json.loads((HARD / "expected.json").read_text(encoding="utf-8"))["files"]
TRUTH = {name.rsplit("/", 1)[0]: case.get("truth") for name, case in EXPECTED.items()}
REAL = sorted(path for place in ("tests/data/logs", "sample_logs") for path in (ROOT / place).rglob("*tfevents*"))


def case(name: str) -> Path:
    """The event file of a case of ``hard/events``."""
    return next(HARD / file for file in EXPECTED if file.rsplit("/", 1)[0] == name)


def points(columns: EventColumns, tag: str) -> list[list[float]]:
    """[step, value] of each point of a tag, in the order of writing."""
    index = columns.tag_id == columns.tags.index(tag)
    return [list(pair) for pair in zip(columns.step[index].tolist(), columns.value[index].tolist(), strict=True)]


def bits(values) -> list[str]:
    """Numbers as text that tells apart all that are not the same, -0.0 and 0.0 too."""
    return [float(value).hex() for value in values]


def shaped(*sizes: int) -> TensorShapeProto:
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])


SCALARS = [  # DataType number, struct layout of tensor_content, field and what lies in it, the number
    pytest.param(1, "<f", 0.1, {"float_val": [0.1]}, 0.10000000149011612, id="float"),
    pytest.param(2, "<d", 0.1, {"double_val": [0.1]}, 0.1, id="double"),
    pytest.param(19, "<e", 0.1, {"half_val": [0x2E66]}, 0.0999755859375, id="half"),
    pytest.param(14, "<H", 0x3DCD, {"half_val": [0x3DCD]}, 0.10009765625, id="bfloat16"),
    pytest.param(14, "<H", 0xFF80, {"half_val": [0xFF80]}, -math.inf, id="bfloat16 infinity"),
    pytest.param(14, "<H", 0x8001, {"half_val": [0x8001]}, -(2.0**-133), id="bfloat16 denormal"),
    pytest.param(3, "<i", -(2**31), {"int_val": [-(2**31)]}, -2147483648.0, id="int32"),
    pytest.param(5, "<h", -300, {"int_val": [-300]}, -300.0, id="int16"),
    pytest.param(6, "<b", -128, {"int_val": [-128]}, -128.0, id="int8"),
    pytest.param(4, "<B", 255, {"int_val": [255]}, 255.0, id="uint8"),
    pytest.param(17, "<H", 65535, {"int_val": [65535]}, 65535.0, id="uint16"),
    pytest.param(9, "<q", -(2**53), {"int64_val": [-(2**53)]}, -9007199254740992.0, id="int64"),
    pytest.param(22, "<I", 2**32 - 1, {"uint32_val": [2**32 - 1]}, 4294967295.0, id="uint32"),
    pytest.param(23, "<Q", 2**53, {"uint64_val": [2**53]}, 9007199254740992.0, id="uint64"),
    pytest.param(10, "<?", True, {"bool_val": [True]}, 1.0, id="bool"),
]


@pytest.mark.parametrize(("dtype", "layout", "content", "field", "number"), SCALARS)
def test_every_numeric_dtype_is_read_from_content_and_from_its_field(dtype, layout, content, field, number) -> None:
    packed = TensorProto(dtype=dtype, tensor_content=struct.pack(layout, content))
    assert (number, number) == (scalar_of_tensor(packed), scalar_of_tensor(TensorProto(dtype=dtype, **field)))


@pytest.mark.parametrize(
    "proto",
    [
        *(TensorProto(dtype=1, tensor_content=struct.pack("<f", value)) for value in (1e-45, math.inf, -0.0)),
        TensorProto(dtype=19, half_val=[0x7C00]),
        TensorProto(dtype=19, half_val=[0x8000]),
        *(TensorProto(dtype=1, float_val=[0.5], tensor_shape=shaped(*sizes)) for sizes in ((1,), (1, 1))),
    ],
)
def test_special_numbers_and_one_element_of_any_rank_are_what_tensorboard_makes_of_them(proto) -> None:
    assert float(make_ndarray(proto).item()).hex() == scalar_of_tensor(proto).hex()


@pytest.mark.parametrize(
    "proto",
    [
        TensorProto(dtype=1, tensor_content=bytes(8), tensor_shape=shaped(2)),
        TensorProto(dtype=1, float_val=[1.0], tensor_shape=shaped(2)),
        TensorProto(dtype=1, tensor_shape=shaped(0)),
        TensorProto(dtype=1, tensor_content=bytes(8), tensor_shape=shaped(1, 2)),
        TensorProto(dtype=7, string_val=[b"0.5"]),
        TensorProto(dtype=8, scomplex_val=[1.0, 2.0]),
        TensorProto(dtype=1, tensor_content=bytes(3)),
        TensorProto(dtype=14, tensor_content=bytes(4)),
        TensorProto(dtype=1, float_val=[1.0, 2.0]),
        TensorProto(),
    ],
)
def test_arrays_strings_and_broken_tensors_are_no_scalars(proto: TensorProto) -> None:
    assert scalar_of_tensor(proto) is None


def test_both_encodings_keep_order_wall_time_step_and_encoding(tmp_path) -> None:
    double = TensorProto(dtype=2, double_val=[0.1])
    path = write_events(
        tmp_path,
        [simple("loss", 7, 0.5, 100.25), keras_scalar("acc", -3, 0.25, 99.0), tensor("loss", 2**40, double)],
    )
    columns = read_event_file(path)
    assert columns.tags == ("loss", "acc")
    assert columns.wall_time.tolist() == [100.25, 99.0, 1.7e9 + 2**40]
    assert columns.step.tolist() == [7, -3, 2**40]
    assert columns.tag_id.tolist() == [0, 1, 0]
    assert columns.value.tolist() == [0.5, 0.25, 0.1]
    assert columns.encoding.tolist() == [SIMPLE_VALUE, 1, 2]
    assert (columns.records, columns.first_wall_time, columns.last_wall_time) == (4, 100.25, 1.7e9 + 2**40)


def test_several_values_of_one_event_share_its_step_and_time(tmp_path) -> None:
    both = Event(wall_time=5.0, step=3, summary=Summary(value=[
        Summary.Value(tag="a", simple_value=1.0), Summary.Value(tag="b", simple_value=2.0),
    ]))  # fmt: skip
    columns = read_event_file(write_events(tmp_path, [both]))
    assert (columns.step.tolist(), columns.wall_time.tolist()) == ([3, 3], [5.0, 5.0])
    assert (points(columns, "a"), points(columns, "b")) == ([[3, 1.0]], [[3, 2.0]])


def test_what_is_no_scalar_is_counted_under_its_kind_and_not_among_the_points(tmp_path) -> None:
    vector = TensorProto(dtype=1, tensor_content=bytes(8), tensor_shape=shaped(2))
    text = TensorProto(dtype=7, string_val=[b"hello"])
    one = TensorProto(dtype=1, float_val=[1.0])
    histogram = Summary(value=[Summary.Value(tag="weights", histo=HistogramProto(min=0, max=1))])
    path = write_events(tmp_path, [
        tensor("vector", 0, vector), tensor("vector", 1, vector), tensor("note", 0, text, "text"),
        tensor("mine", 0, one, "own_plugin"), Event(step=0, summary=histogram), Event(graph_def=b"graph"),
        Event(summary=Summary(value=[Summary.Value(tag="bare")])), keras_scalar("loss", 0, 1.0),
    ])  # fmt: skip
    columns = read_event_file(path)
    assert columns.others == {
        "vector": ("tensor", 2), "note": ("text", 1), "mine": ("own_plugin", 1), "weights": ("histo", 1),
        "bare": ("empty", 1),
    }  # fmt: skip
    assert (columns.tags, len(columns.value), columns.records) == (("loss",), 1, 9)


def test_later_values_of_a_tag_need_no_metadata_of_their_own(tmp_path) -> None:
    one = TensorProto(dtype=1, float_val=[1.0])
    bare = [Event(step=s, summary=Summary(value=[Summary.Value(tag=t, tensor=one)])) for s in (1, 2) for t in "ab"]
    columns = read_event_file(write_events(tmp_path, [tensor("a", 0, one), tensor("b", 0, one, "text"), *bare]))
    assert points(columns, "a") == [[0, 1.0], [1, 1.0], [2, 1.0]]
    assert columns.others == {"b": ("text", 3)}


def test_only_a_session_log_that_starts_is_a_restart(tmp_path) -> None:
    stop = Event(step=9, session_log=SessionLog(status=SessionLog.STOP))
    path = write_events(tmp_path, [restart(4), simple("a", 4, 1.0), stop, simple("a", 5, 1.0), restart(5)])
    assert read_event_file(path).restarts == ((0, 4), (2, 5))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", REAL, ids=[f"{p.parent.relative_to(ROOT).as_posix()}:{p.name[26:]}" for p in REAL])
def test_a_real_file_holds_what_tensorboard_reads_from_it_point_for_point(path: Path) -> None:
    theirs = EventAccumulator(str(path), size_guidance={"scalars": 0, "tensors": 0, "histograms": 1, "images": 1})
    theirs.Reload()
    expected = {
        tag: [(p.wall_time, p.step, p.value.hex()) for p in theirs.Scalars(tag)] for tag in theirs.Tags()["scalars"]
    }
    for tag in theirs.Tags()["tensors"]:
        if theirs.SummaryMetadata(tag).plugin_data.plugin_name == "scalars":
            listed = [(p.wall_time, p.step, make_ndarray(p.tensor_proto)) for p in theirs.Tensors(tag)]
            assert {()} == {array.shape for _, _, array in listed}
            expected[tag] = [(when, step, float(array).hex()) for when, step, array in listed]
    ours = read_event_file(path)
    actual: dict[str, list[tuple[float, int, str]]] = {tag: [] for tag in ours.tags}
    for when, step, tag_id, value in zip(
        ours.wall_time.tolist(), ours.step.tolist(), ours.tag_id, bits(ours.value), strict=True
    ):
        actual[ours.tags[tag_id]].append((when, step, value))
    assert expected == actual
    assert ours.damage == ()
    if theirs.Tags()["histograms"]:
        assert set(theirs.Tags()["histograms"]) <= set(ours.others)


def test_the_real_files_are_there() -> None:
    assert len(REAL) > 50


@pytest.mark.parametrize(
    ("name", "key", "tag", "kinds"),
    [
        ("intact", "epoch_loss", "epoch_loss", []),
        ("truncated_last_record", "epoch_loss", "epoch_loss", ["truncated"]),
        ("truncated_in_length", "epoch_loss", "epoch_loss", ["truncated"]),
        ("flipped_byte_in_data", "epoch_loss_without_the_bad_record", "epoch_loss", ["checksum"]),
        ("zero_tail", "epoch_loss", "epoch_loss", ["length"]),
        ("huge_length_valid_crc", "epoch_loss", "epoch_loss", ["truncated"]),
        ("tag_not_utf8", "epoch_loss_without_it", "epoch_loss", ["event"]),
        ("duplicate_steps", "points", "val_loss", []),
        ("old_name", "val_loss", "val_loss", []),
    ],
)
def test_a_damaged_file_gives_exactly_what_can_still_be_read(name, key, tag, kinds) -> None:
    columns = read_event_file(case(name))
    assert TRUTH[name][key] == points(columns, tag)
    assert kinds == [item.kind for item in columns.damage]
    assert {str(case(name))} >= {item.path for item in columns.damage}


@pytest.mark.parametrize(
    "name", ["truncated_last_record", "truncated_in_length", "only_version", "zero_tail", "huge_length_valid_crc"]
)
def test_the_number_of_sound_records_is_right(name: str) -> None:
    assert TRUTH[name]["good_records"] == read_event_file(case(name)).records
    assert TRUTH["intact"]["records"] == 101


@pytest.mark.parametrize("name", ["flipped_byte_in_data", "flipped_byte_in_length", "tag_not_utf8"])
def test_one_spoilt_record_costs_one_point_and_its_offset_and_length_are_named(name: str) -> None:
    data, columns = case(name).read_bytes(), read_event_file(case(name))
    offset = 0
    for _ in range(TRUTH["flipped_byte_in_data"]["bad_record"]):
        offset += 16 + int.from_bytes(data[offset : offset + 8], "little")
    assert [(offset, 68)] == [(item.offset, item.lost) for item in columns.damage]
    assert TRUTH["tag_not_utf8"]["epoch_loss_without_it"] == points(columns, "epoch_loss")


def test_points_before_a_bad_length_and_behind_it_are_read() -> None:
    before = TRUTH["flipped_byte_in_length"]["epoch_loss_before"]
    found = points(read_event_file(case("flipped_byte_in_length")), "epoch_loss")
    assert before == found[: len(before)]
    assert TRUTH["flipped_byte_in_data"]["epoch_loss_without_the_bad_record"] == found


def test_steps_out_of_order_are_kept_in_the_order_of_writing() -> None:
    found = points(read_event_file(case("out_of_order")), "val_loss")
    assert TRUTH["out_of_order"]["by_step"] == sorted(found)
    assert found != sorted(found)


def test_both_sides_of_a_declared_restart_are_kept() -> None:
    columns = read_event_file(case("restart_session_log"))
    assert columns.restarts == ((9, 5),)
    assert [*range(9), *range(5, 12)] == columns.step.tolist()
    assert TRUTH["restart_session_log"]["after_purge"][5:] == points(columns, "val_loss")[9:]


def test_nan_infinities_minus_zero_denormal_and_largest_are_kept_to_the_bit() -> None:
    first = TRUTH["intact"]["epoch_loss"][0][1]
    written = [first, math.nan, math.inf, -math.inf, -0.0, 2.0**-149, float(np.float32(3.4e38))]
    assert bits(written) == bits(read_event_file(case("nonfinite")).value)
    assert TRUTH["nonfinite"]["n"] == len(written)


def test_nasty_tags_are_all_kept_apart_and_exact() -> None:
    columns = read_event_file(case("nasty_tags"))
    assert TRUTH["nasty_tags"]["tags"] == list(columns.tags)
    assert {TRUTH["nasty_tags"]["points_each"]} == set(np.bincount(columns.tag_id).tolist())


@pytest.mark.parametrize(
    ("name", "tags", "longest", "number"),
    [
        ("many_tags", 5000, None, 5000),
        ("tag_very_long", 1, 100_000, 3),
        ("spaces and ünï code/run #1 (%41)", 4, None, 100),
    ],
)
def test_many_tags_long_tags_and_odd_folders_are_no_trouble(name, tags, longest, number) -> None:
    columns = read_event_file(case(name))
    assert (tags, number, ()) == (len(columns.tags), len(columns.value), columns.damage)
    assert longest in (None, max(map(len, columns.tags)))


def test_an_empty_file_is_a_file_without_points() -> None:
    columns = read_event_file(case("empty"))
    assert (columns.records, len(columns.value), columns.damage, columns.first_wall_time) == (0, 0, (), None)


def test_a_file_with_nothing_but_its_version_is_a_file_without_points() -> None:
    columns = read_event_file(case("only_version"))
    assert (columns.records, len(columns.value), columns.damage) == (1, 0, ())
    assert columns.first_wall_time is not None


@pytest.mark.parametrize(
    ("name", "told"),
    [("garbage", "not an event file"), ("text", "git-LFS pointer.*git lfs pull"), ("gzipped", "gzip.*decompress")],
)
def test_what_is_no_event_file_is_refused_and_named_for_what_it_is(name: str, told: str) -> None:
    with pytest.raises(NotALogError, match=told):
        read_event_file(case(name))


def test_every_case_of_the_damaged_files_is_looked_at_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in TRUTH if not re.search(f'"{re.escape(name)}"', text)] == []


@pytest.mark.parametrize("payload", [b"\xff\xff\xff\xff", b"\x0a\x05abc"])
def test_a_sound_record_that_is_no_event_is_reported_and_passed_over(tmp_path, payload: bytes) -> None:
    head = encode([version(), simple("a", 0, 1.0)])
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(head + record(payload) + encode([simple("a", 1, 2.0)]))
    columns = read_event_file(path)
    assert points(columns, "a") == [[0, 1.0], [1, 2.0]]
    assert [(len(head), "event", len(payload) + 16)] == [(d.offset, d.kind, d.lost) for d in columns.damage]
    assert "\n" not in columns.damage[0].detail


def test_damage_of_both_kinds_is_listed_in_the_order_of_the_file(tmp_path) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(encode([version()]) + b"junk!" + record(b"\xff") + b"more junk" + encode([version()]) + b"end")
    damage = read_event_file(path).damage
    assert [item.kind for item in damage] == ["length", "event", "length", "truncated"]
    assert sorted(item.offset for item in damage) == [item.offset for item in damage]


def test_a_record_above_the_limit_is_counted_not_decoded(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(records, "MAX_PAYLOAD", 200)
    columns = read_event_file(write_events(tmp_path, [simple("x" * 300, 0, 1.0), simple("loss", 0, 1.0)]))
    assert (columns.tags, columns.records, columns.damage) == (("loss",), 3, ())
    assert list(columns.others.values()) == [("large", 1)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_before_it_can_block(tmp_path) -> None:
    os.mkfifo(tmp_path / "events.out.tfevents.1")
    with pytest.raises(OSError, match="not a regular file"):
        read_event_file(tmp_path / "events.out.tfevents.1")


@pytest.mark.parametrize(("name", "error"), [("missing", FileNotFoundError), (".", OSError)])
def test_what_cannot_be_opened_raises_what_the_system_says(tmp_path, name: str, error: type[OSError]) -> None:
    with pytest.raises(error):
        read_event_file(tmp_path / name)
