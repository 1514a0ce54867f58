"""Which files of a folder may be logs; nothing is followed, entered or opened that should not be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cbreplay.errors import LogNotFoundError
from cbreplay.logs import discover as module
from cbreplay.logs.discover import discover, is_event_file_name

EVENTS = "events.out.tfevents.1700000000.host.1.0.v2"


def make(root: Path, *paths: str, text: str = "epoch,loss\n0,1\n") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def below(root: Path, paths) -> list[str]:
    return [Path(path).relative_to(root).as_posix() for path in paths]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (EVENTS, True), ("events.out.tfevents", True), ("x.tfevents.gz", True),
        ("events.out.tfevents.1.h.suffix", True), ("events.out.tfevents.1.h.profile-empty", False),
        ("events.log", False), ("tfevent", False),
    ],
)  # fmt: skip
def test_event_files_are_known_by_their_name(name: str, expected: bool) -> None:
    assert expected is is_event_file_name(name)


def test_candidates_are_listed_by_kind_and_sorted(tmp_path) -> None:
    make(tmp_path, f"b/{EVENTS}", f"a/train/{EVENTS}", "z.CSV", "a/h.tsv", "a/x.log", "a/y.txt", "README.md", "m.h5")
    found = discover(tmp_path)
    assert [f"a/train/{EVENTS}", f"b/{EVENTS}"] == below(tmp_path, found.event_files)
    assert below(tmp_path, found.histories) == ["a/h.tsv", "a/x.log", "a/y.txt", "z.CSV"]
    assert (tmp_path, ()) == (found.root, found.skipped)


def test_a_text_of_a_name_that_promises_nothing_counts_only_when_it_starts_like_a_history(tmp_path) -> None:
    make(tmp_path, "stdout.log", "notes.txt", text="Epoch 1/10, loss 0.5\n")
    assert discover(tmp_path).histories == ()


def test_hidden_folders_and_those_of_programs_are_not_entered(tmp_path) -> None:
    make(tmp_path, f".git/{EVENTS}", "node_modules/x.csv", "__pycache__/x.csv", "lib/site-packages/x.csv")
    found = discover(tmp_path)
    assert (found.event_files, found.histories, found.skipped) == ((), (), ())


@pytest.mark.parametrize(("name", "events"), [(EVENTS, True), ("h.csv", False), ("anything.dat", False)])
def test_a_single_file_is_taken_at_its_word(tmp_path, name: str, events: bool) -> None:
    make(tmp_path, name)
    found = discover(tmp_path / name)
    wanted = ((tmp_path / name,), ()) if events else ((), (tmp_path / name,))
    assert (tmp_path, wanted) == (found.root, (found.event_files, found.histories))


@pytest.mark.parametrize("name", ["missing", "missing/deeper"])
def test_a_path_that_is_not_there_is_said_to_be_missing(tmp_path, name: str) -> None:
    with pytest.raises(LogNotFoundError, match="no such file or folder"):
        discover(tmp_path / name)


def test_a_dangling_link_and_a_loop_are_no_paths(tmp_path) -> None:
    (tmp_path / "dangling").symlink_to("missing")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("dangling", "loop"):
        with pytest.raises(LogNotFoundError):
            discover(tmp_path / name)


def test_a_link_to_a_folder_or_a_file_may_be_named_itself(tmp_path) -> None:
    make(tmp_path, f"real/{EVENTS}")
    (tmp_path / "latest").symlink_to("real")
    (tmp_path / "h.csv").symlink_to("missing.csv")
    assert [f"latest/{EVENTS}"] == below(tmp_path, discover(tmp_path / "latest").event_files)


def test_links_loops_pipes_and_folders_named_like_files_are_reported_not_followed(tmp_path) -> None:
    make(tmp_path, f"run_a/train/{EVENTS}")
    (tmp_path / f"run_c/{EVENTS}").mkdir(parents=True)
    for link, target in [
        ("run_a/up", ".."), ("self", "."), ("loop1", "loop2"), ("loop2", "loop1"), ("latest", "run_a"),
        ("root", "/"), ("dangling", "missing"), ("dangling.csv", "missing"), ("loop.csv", "loop.csv"),
        (EVENTS, f"run_a/train/{EVENTS}"),
    ]:  # fmt: skip
        (tmp_path / link).symlink_to(target)
    os.mkfifo(tmp_path / "pipe.csv")
    os.mkfifo(tmp_path / "pipe.log")
    found = discover(tmp_path)
    assert [f"run_a/train/{EVENTS}"] == below(tmp_path, found.event_files)
    assert found.histories == ()
    reasons = {below(tmp_path, [item.path])[0]: item.reason for item in found.skipped}
    followed = {"run_a/up", "self", "latest", "root"}
    assert {*followed, "dangling.csv", EVENTS, "loop.csv", "pipe.csv"} == set(reasons)
    assert followed == {name for name, reason in reasons.items() if "a link to a folder, not followed" in reason}
    assert reasons["pipe.csv"] == "not a regular file"
    assert sorted(reasons) == list(reasons)


def test_a_folder_that_cannot_be_listed_is_reported_and_the_others_are_walked(tmp_path, monkeypatch) -> None:
    make(tmp_path, f"open/{EVENTS}", f"closed/{EVENTS}")
    scandir = os.scandir

    def refuse(folder):
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(module.os, "scandir", refuse)
    found = discover(tmp_path)
    assert [f"open/{EVENTS}"] == below(tmp_path, found.event_files)
    assert [(below(tmp_path, [item.path])[0], item.reason) for item in found.skipped] == [
        ("closed", "cannot be listed: Permission denied")
    ]
    with pytest.raises(PermissionError):
        discover(tmp_path / "closed")


def test_names_that_are_no_text_are_found_all_the_same(tmp_path) -> None:
    raw = os.fsencode(tmp_path) + b"/events.out.tfevents.1.\xff"
    try:
        Path(os.fsdecode(raw)).touch()
    except OSError:
        pytest.skip("this file system wants names that are text")
    assert [raw] == [os.fsencode(path) for path in discover(tmp_path).event_files]
