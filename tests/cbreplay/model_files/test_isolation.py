"""A file that crashes its reader, or keeps it busy for ever, costs a sentence and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from cbreplay.model_files import IsolatedReader, isolation, shared_reader


@pytest.fixture
def reader():
    with IsolatedReader() as made:
        yield made


def _play(monkeypatch, program: str) -> None:
    """Let the other process run ``program`` for each request instead of reading."""
    ready = "print('{}', flush=True)"
    start = f"import os, sys, time, signal\n{ready}\nfor line in sys.stdin:\n    {program}"
    monkeypatch.setattr(isolation, "_START", start)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are Unix'")
def test_a_crash_is_said_of_the_file_and_the_next_one_is_read(data, reader, monkeypatch) -> None:
    with monkeypatch.context() as patched:
        _play(patched, "os.kill(os.getpid(), signal.SIGSEGV)")
        found = reader.read(data / "hard/h5/intact.h5")
    assert (found.status, found.findings[0].what) == ("damaged", "the HDF5 library crashes on it (signal 11)")
    assert reader.read(data / "hard/h5/intact.h5").status == "sound"


@pytest.mark.parametrize("name", ["crashes_hdf5.h5", "endless_hdf5.h5"])
def test_files_that_crashed_a_library_or_kept_it_busy_are_not_sound_whatever_it_does_today(data, reader, name) -> None:
    assert reader.read(data / "hard/h5" / name).status != "sound"
    assert reader.read(data / "hard/h5/intact.h5").status == "sound"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="timers of processor time are Unix'")
def test_a_file_that_takes_out_of_proportion_long_is_given_up(data, reader, monkeypatch) -> None:
    _play(monkeypatch, "signal.setitimer(signal.ITIMER_PROF, 0.1)\n    while True: pass")
    found = reader.read(data / "hard/h5/intact.h5")
    assert (
        found.status, found.findings[0].what,
    ) == ("refused", "reading it takes out of proportion long for its size, and was given up")  # fmt: skip


def test_a_reader_that_does_not_answer_is_given_up(data, reader, monkeypatch) -> None:
    _play(monkeypatch, "time.sleep(600)")
    monkeypatch.setattr(isolation, "_WALL_SECONDS", 0.5)
    assert reader.read(data / "hard/h5/intact.h5").status == "refused"


def test_a_reader_that_fails_is_said_of_the_file(data, reader, monkeypatch) -> None:
    _play(monkeypatch, "sys.exit(3)")
    assert reader.read(data / "hard/h5/intact.h5").findings[0].what == "the process that read it ended with code 3"


def test_a_reader_that_cannot_start_is_a_defect_and_no_finding(data, reader, monkeypatch) -> None:
    monkeypatch.setattr(isolation, "_START", "import nothing_of_that_name")
    with pytest.raises(RuntimeError, match="cannot start"):
        reader.read(data / "hard/h5/intact.h5")


def test_a_reader_that_ended_after_a_file_is_started_again(data, reader, monkeypatch) -> None:
    with monkeypatch.context() as patched:
        _play(patched, 'print(\'{"oserror": "played"}\', flush=True); sys.exit(0)')
        with pytest.raises(OSError, match="played"):
            reader.read(data / "hard/h5/intact.h5")
    assert reader.read(data / "hard/h5/intact.h5").status == "sound"


def test_a_file_that_is_none_is_an_oserror(tmp_path, reader) -> None:
    with pytest.raises(FileNotFoundError):
        reader.read(tmp_path / "a.h5")
    with pytest.raises(OSError, match="not a regular file"):
        reader.read(tmp_path)


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="the limit of memory is Linux'")  # noqa: PTH110
def test_memory_is_bounded_whatever_a_file_asks_for(tmp_path, reader) -> None:
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        for number in range(40):  # 160 MB of zeros in a file of 200 kB, each array within what a file may unpack to
            file.create_dataset(f"layers/dense/vars/{number}", data=np.zeros((1024, 1024), np.float32), compression=9,
                                chunks=(1024, 1024))  # fmt: skip
    found = reader.read(path, fingerprints=True)
    assert found.status == "refused"
    assert any("out of proportion" in finding.what for finding in found.findings)


def test_names_of_any_characters_come_back(tmp_path, data, reader) -> None:
    path = tmp_path / "ünï code\n #1.h5"
    path.write_bytes((data / "hard/h5/intact.h5").read_bytes())
    assert str(path) == reader.read(path).path


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is Unix'")
def test_a_forked_child_reads_in_a_process_of_its_own_and_leaves_the_parents_alone(data) -> None:
    program = (
        "import os, sys; from cbreplay.model_files import shared_reader\n"
        "read = lambda: shared_reader().read(sys.argv[1]).status\n"
        "assert read() == 'sound'\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    told = read(); shared_reader().close(); os._exit(0 if told == 'sound' else 1)\n"
        "code = os.waitpid(child, 0)[1]\n"
        "sys.exit(0 if code == 0 and read() == 'sound' else 1)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, data / "hard/h5/intact.h5"], timeout=60, check=False)
    assert done.returncode == 0


def test_there_is_one_shared_reader() -> None:
    assert shared_reader() is shared_reader()
