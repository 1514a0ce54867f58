"""``cbreplay cache`` and ``--no-cache``."""

from __future__ import annotations

import pytest
from calling import run
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from writing import encode, keras_scalar, tensor


@pytest.fixture
def logs(here, monkeypatch):
    """A folder with a run whose file is kept, and a cache of its own."""
    monkeypatch.setenv("CBREPLAY_CACHE", str(here / "kept"))
    monkeypatch.setattr("cbreplay.logs.cache._SMALLEST_FILE", 10_000)
    text = TensorProto(dtype=7, string_val=[b"x" * 20_000])
    events = [keras_scalar("epoch_loss", epoch, 1.0 / (1 + epoch)) for epoch in range(3)]
    folder = here / "logs" / "train"
    folder.mkdir(parents=True)
    (folder / "events.out.tfevents.1.host").write_bytes(encode([*events, tensor("text", 0, text, "text")]))
    return here / "logs"


def test_what_is_kept_is_shown_and_cleared(logs, here) -> None:
    assert f"{here / 'kept' / 'cbreplay-events'}: 0 event files, 0 B\n" == run("cache").stdout
    first = run("runs", logs).stdout
    assert f"{here / 'kept' / 'cbreplay-events'}: 1 event file, " in run("cache").stdout
    assert first == run("runs", logs).stdout
    assert run("cache", "clear").stdout.startswith("freed ")
    assert f"{here / 'kept' / 'cbreplay-events'}: 0 event files, 0 B\n" == run("cache").stdout


def test_a_settings_file_can_say_so_for_every_command(logs, here) -> None:
    (here / "cbreplay.toml").write_text("no_cache = true\n")
    for command in (["runs"], ["tune", "--monitor", "loss", "--no-plots"]):
        run(*command, logs)
        assert not (here / "kept").exists(), command


def test_clearing_touches_nothing_that_is_somebody_elses(logs, here, monkeypatch) -> None:
    monkeypatch.setenv("CBREPLAY_CACHE", str(here))
    (here / "meeting.events").write_text("precious")
    run("runs", logs)
    assert run("cache", "clear").stdout.startswith("freed ")
    assert (here / "meeting.events").read_text() == "precious"


@pytest.mark.parametrize("command", [["runs"], ["analyze", "--no-plots", "--monitor", "loss"], ["export"]])
def test_nothing_is_kept_where_nobody_wants_it(logs, here, command) -> None:
    assert run(*command, logs, "--no-cache").exit_code == 0
    assert not (here / "kept").exists()
    assert run(*command, logs).exit_code == 0
    assert (here / "kept").exists()


def test_the_environment_can_say_off(logs, here, monkeypatch) -> None:
    monkeypatch.setenv("CBREPLAY_CACHE", "off")
    run("runs", logs)
    assert run("cache").stdout == run("cache", "clear").stdout
    assert run("cache").stdout.startswith("off: CBREPLAY_CACHE says so")
    assert not (here / "kept").exists()
