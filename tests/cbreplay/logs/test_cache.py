"""The cache of event files: whatever was kept and whatever happened since, what is read is what the file holds."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers import IS_BUILT, told_of
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from writing import encode, keras_scalar, restart, simple, tensor, version

from cbreplay.errors import NotALogError
from cbreplay.logs import cache as module
from cbreplay.logs import event_cache, events, load_runs, without_cache
from cbreplay.logs.cache import VARIABLE, EventCache
from cbreplay.logs.events import read_event_file
from cbreplay.logs.records import RecordReader
from cbreplay.scanner import VARIABLE as READER

ROOT = Path(__file__).parents[3]
FILES = sorted(
    path
    for path in (ROOT / "tests" / "data").rglob("*tfevents*")
    if path.is_file() and 0 < path.stat().st_size < 200_000
)
READERS = ("", "python") if IS_BUILT else ("python",)
TEXT = TensorProto(dtype=7, string_val=[b"words"])


@pytest.fixture
def every_file(monkeypatch):
    """Every file is kept, however small."""
    monkeypatch.setattr(module, "_SMALLEST_FILE", 0)
    monkeypatch.setattr(module, "_FILE_TO_ENTRY", 0)


@pytest.fixture
def cache(tmp_path, every_file) -> EventCache:
    return EventCache(tmp_path / "cache")


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / "events.out.tfevents.1.host"


def a_log() -> bytes:
    """Scalars in both encodings, a plugin that is named once, other values, a restart, and a damaged middle."""
    return encode([
        version(), keras_scalar("loss", 0, 0.5), tensor("text", 0, TEXT, "text"), simple("größe", 0, -0.0),
        keras_scalar("loss", 1, 0.25), restart(1), keras_scalar("loss", 1, 0.125), simple("new", 2, 1.0),
        tensor("text", 3, TEXT), Event(step=3, wall_time=float("nan")),
    ])  # fmt: skip


def made_of(path: Path, cache: EventCache | None = None) -> dict | str:
    """What is read of a file, or why it is refused."""
    try:
        return told_of(read_event_file(path, cache))
    except NotALogError as error:
        return str(error)


def test_what_was_kept_is_what_the_file_holds(cache, log) -> None:
    sound = 0
    for path in FILES:
        expected = made_of(path)
        sound += not isinstance(expected, str)
        for _ in range(2):
            assert (path, expected) == (path, made_of(path, cache))
    assert len(cache.sizes()) == sound > 50


def test_a_file_that_is_known_is_not_read_again(cache, log, monkeypatch) -> None:
    log.write_bytes(a_log())
    expected = made_of(log, cache)
    monkeypatch.setattr(events, "RecordReader", None)
    assert expected == made_of(log, cache)


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_grew_is_read_from_where_it_ended(cache, log, monkeypatch, reader: str) -> None:
    monkeypatch.setenv(READER, reader)
    content = a_log()
    log.write_bytes(content)
    expected = made_of(log)
    for cut in range(1, len(content)):
        log.write_bytes(content[:cut])
        made_of(log, cache)
        log.write_bytes(content)
        assert (cut, expected) == (cut, made_of(log, cache))
        cache.clear()


def test_only_what_is_new_is_read(cache, log, monkeypatch) -> None:
    content = a_log()
    log.write_bytes(content[:200])
    known = read_event_file(log, cache)
    assert 0 < known.end <= 200
    begins = []
    monkeypatch.setattr(events, "RecordReader", lambda *given: begins.append(given[4]) or RecordReader(*given))
    log.write_bytes(content)
    read_event_file(log, cache)
    assert [known.end] == begins


def test_the_damage_of_a_file_that_grew_is_that_of_the_whole_file(cache, log) -> None:
    content = bytearray(a_log() * 3)
    content[len(content) // 2] ^= 1
    for cut in range(len(content) // 3, len(content), 7):
        log.write_bytes(content[:cut])
        read_event_file(log, cache)
        log.write_bytes(content)
        expected = made_of(log)
        assert expected["damage"]
        assert (cut, expected) == (cut, made_of(log, cache))
        cache.clear()


PIECES = [
    encode([event])
    for event in (
        version(), keras_scalar("loss", 0, 0.5), simple("loss", 1, 2.0), tensor("text", 3, TEXT, "text"), restart(1)
    )
]  # fmt: skip


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.sampled_from([*PIECES, *(piece[:-5] for piece in PIECES), b"\0" * 40, b"garbage"]), min_size=1),
    st.data(),
)
def test_however_a_file_grows_it_is_read_as_a_whole_one(cache, log, pieces, data) -> None:
    content = b"".join(pieces)
    for cut in sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=3))):
        log.write_bytes(content[:cut])
        assert made_of(log) == made_of(log, cache)
    log.write_bytes(content)
    assert made_of(log) == made_of(log, cache)
    cache.clear()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda content: content[:-60], id="shorter"),
        pytest.param(lambda content: content[3:] + b"abc", id="another one of the same size"),
        pytest.param(lambda content: content[:20] + b"\1" + content[21:] + content, id="grown, with another beginning"),
        pytest.param(lambda content: content[:-1] + b"\1" + content, id="grown, with another end"),
        pytest.param(lambda content: b"", id="empty"),
    ],
)
def test_a_file_that_changed_is_read_anew(cache, log, change) -> None:
    content = a_log()
    log.write_bytes(content)
    read_event_file(log, cache)
    log.write_bytes(change(content))
    assert made_of(log) == made_of(log, cache)


def test_a_file_that_was_only_touched_is_read_anew(cache, log) -> None:
    log.write_bytes(a_log())
    read_event_file(log, cache)
    os.utime(log, (1, 1))
    with log.open("rb") as stream:
        assert cache.find(log, stream, log.stat()) is None


def test_two_files_with_the_same_content_have_an_entry_each(cache, tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(a_log()[:-9])
        assert read_event_file(tmp_path / name, cache).damage[0].path == str(tmp_path / name)
    assert len(cache.sizes()) == 2


def test_damage_bears_the_name_by_which_the_file_is_read_now(cache, log, monkeypatch) -> None:
    log.write_bytes(a_log()[:-9])
    read_event_file(log, cache)
    monkeypatch.chdir(log.parent)
    again = read_event_file(Path(log.name), cache)
    assert (len(cache.sizes()), again.damage[0].path) == (1, log.name)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_spoilt_entry_is_none(cache, log, data) -> None:
    if not log.exists():
        log.write_bytes(a_log())
    expected = made_of(log, cache)
    (entry,) = cache.folder.iterdir()
    content = bytearray(entry.read_bytes())
    how = data.draw(st.sampled_from(["bit", "cut", "more", "empty"]))
    if how == "bit":
        bit = data.draw(st.integers(0, 8 * len(content) - 1))
        content[bit // 8] ^= 1 << bit % 8
    elif how == "more":
        content += data.draw(st.binary(min_size=1, max_size=9))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) if how == "cut" else 0 :]
    entry.write_bytes(content)
    with log.open("rb") as stream:
        assert cache.find(log, stream, log.stat()) is None
    assert expected == made_of(log, cache)


def test_an_entry_of_another_release_is_none(cache, log, monkeypatch) -> None:
    log.write_bytes(a_log())
    with monkeypatch.context() as patch:
        patch.setattr(module, "_FORMAT", "cbreplay 0.0.0 events 0")
        read_event_file(log, cache)
    with log.open("rb") as stream:
        assert cache.find(log, stream, log.stat()) is None


def test_a_folder_that_cannot_be_written_to_costs_nothing_but_time(every_file, log, tmp_path) -> None:
    log.write_bytes(a_log())
    (tmp_path / "file").touch()
    cache = EventCache(tmp_path / "file" / "cache")
    assert made_of(log) == made_of(log, cache) == made_of(log, cache)
    assert (cache.sizes(), cache.clear()) == ([], 0)


def test_several_at_once_do_not_disturb_each_other(cache, log) -> None:
    content = a_log()
    log.write_bytes(content)
    expected = made_of(log)
    begin = threading.Barrier(8)

    def work(number: int) -> list:
        begin.wait()
        found = []
        for turn in range(30):
            found.append(made_of(log, cache))
            if (turn + number) % 5 == 0:
                cache.clear()
        return found

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(work, range(8)):
            assert found == [expected] * 30
    assert [path.suffix for path in cache.folder.iterdir()] in ([], [".events"])


def test_only_files_that_are_mostly_something_else_are_kept(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "_SMALLEST_FILE", 10_000)
    cache = EventCache(tmp_path / "cache")
    many_scalars = encode([simple("loss", step, 1.0) for step in range(400)])
    much_text = encode([simple("loss", 0, 1.0), tensor("text", 0, TensorProto(dtype=7, string_val=[b"x" * 20_000]))])
    for name, content in (("scalars", many_scalars), ("small", encode([version()])), ("text", much_text)):
        (tmp_path / name).write_bytes(content)
        read_event_file(tmp_path / name, cache)
        assert len(cache.sizes()) == (name == "text"), name


def test_entries_that_were_used_longest_ago_make_room(cache, tmp_path, monkeypatch) -> None:
    for number, name in enumerate("abcd"):
        (tmp_path / name).write_bytes(a_log())
        read_event_file(tmp_path / name, cache)
        os.utime(cache._place(tmp_path / name), (number, number))
        monkeypatch.setattr(module, "_MOST_BYTES", 3 * max(cache.sizes()))
    read_event_file(tmp_path / "b", cache)  # used again
    (tmp_path / "e").write_bytes(a_log())
    read_event_file(tmp_path / "e", cache)
    assert {cache._place(tmp_path / name) for name in "bde"} == set(cache.folder.iterdir())


def test_the_folder_and_whether_there_is_one_are_told_by_the_environment(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert event_cache().folder == tmp_path / "cbreplay-events"
    with without_cache():
        assert event_cache() is None
    assert event_cache() is not None
    for word in ("OFF", " off ", "none", "0"):
        monkeypatch.setenv(VARIABLE, word)
        assert event_cache() is None
    monkeypatch.delenv(VARIABLE)
    usual = event_cache().folder
    assert "cbreplay" in usual.parts
    monkeypatch.setenv(VARIABLE, "on")
    assert event_cache().folder == usual


def test_a_user_without_a_home_has_no_cache(monkeypatch) -> None:
    def no_home(*given, **named):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("platformdirs.user_cache_path", no_home)
    assert event_cache() is None


def test_a_file_that_is_overwritten_while_it_is_read_is_not_kept(cache, log, monkeypatch) -> None:
    log.write_bytes(encode([simple("loss", step, 1.0) for step in range(300)]))
    keep = EventCache.keep

    def overwriting(*given) -> None:
        log.write_bytes(encode([simple("loss", step, 2.0) for step in range(400)]))
        keep(*given)

    with monkeypatch.context() as patch:
        patch.setattr(EventCache, "keep", overwriting)
        read_event_file(log, cache)
    assert cache.sizes() == []
    assert made_of(log) == made_of(log, cache)


def test_an_entry_that_cannot_be_touched_still_counts(cache, log, monkeypatch) -> None:
    log.write_bytes(a_log())
    read_event_file(log, cache)

    def refused(*given):
        raise PermissionError(1, "not yours")

    monkeypatch.setattr(os, "utime", refused)
    with log.open("rb") as stream:
        assert cache.find(log, stream, log.stat()).is_whole


def test_what_is_no_entry_is_left_where_it_is(cache, log) -> None:
    log.write_bytes(a_log())
    read_event_file(log, cache)
    (cache.folder / "sub.events").mkdir()
    assert (len(cache.sizes()), cache.clear() > 0, cache.sizes()) == (1, True, [])
    assert (cache.folder / "sub.events").is_dir()


def test_an_entry_larger_than_the_whole_cache_is_not_written(cache, log, monkeypatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 100)
    log.write_bytes(a_log())
    read_event_file(log, cache)
    assert not cache.folder.exists()


def test_runs_are_the_same_the_second_time(every_file, data, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    logs = data / "logs"
    with without_cache():
        expected = [run.to_dict() for run in load_runs(logs)]
    for _ in range(2):
        assert expected == [run.to_dict() for run in load_runs(logs)]
    assert event_cache().sizes()
