"""Checkpoints are read in a process of their own, so that a file that crashes the HDF5 library costs a sentence.

HDF5 files that were damaged at random make the library crash about once in 3,000 (measured with HDF5 2.0), and some
keep it busy for ever. The process has a limit of processor time and of memory in proportion to each file.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import NotComparableError
from .records import Checkpoint, Distance, Finding

_START = "import sys; sys.path[:] = sys.argv[1:]; from cbreplay.model_files.worker import main; main()"
_WALL_SECONDS = 60.0  # for a file on a disk that sleeps; the worker bounds its own processor time
_WALL_SECONDS_PER_BYTE = 1 / 1e6


class IsolatedReader:
    """Reads checkpoints in another process, which is started when the first is asked for and again after a crash.

    Can be used from several threads; they wait for each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._is_ready = False
        self._owner = os.getpid()
        self._answers: queue.Queue[str] = queue.Queue()

    def __enter__(self) -> IsolatedReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, path: str | Path, *, contents: bool = True, fingerprints: bool = False) -> Checkpoint:
        """:func:`.reading.read_checkpoint` in the other process; raises OSError as that does."""
        status = _regular(path)
        answer = self._ask([path], status.st_size, contents=contents, fingerprints=fingerprints)
        if isinstance(answer, Finding):
            return Checkpoint(str(path), status.st_size, status.st_mtime, "unknown", findings=(answer,))
        return Checkpoint.from_dict({**answer, "path": str(path)})

    def release(self, path: str | Path) -> str | None:
        """:func:`.reading.read_release` in the other process; None also where reading it had to be given up."""
        answer = self._ask([path], _regular(path).st_size, release=True)
        return None if isinstance(answer, Finding) else answer["release"]

    def compare(self, one: str | Path, other: str | Path) -> list[Distance]:
        """:func:`.comparing.compare_weights` in the other process.

        Raises OSError where a file cannot be opened, :class:`NotComparableError` where they cannot be compared.
        """
        answer = self._ask([one, other], _regular(one).st_size + _regular(other).st_size)
        if isinstance(answer, Finding):
            raise NotComparableError(f"{one} and {other}: {answer.what}")
        if "problem" in answer:
            raise NotComparableError(f"{one} and {other}: {answer['problem']}")
        return [Distance.from_dict(fields) for fields in answer["distances"]]

    def start(self) -> None:
        """Start the other process already, so that it is ready when the first file is asked for."""
        with self._lock:
            self._running()

    def interrupt(self) -> None:
        """End the other process though another thread may be waiting for it, which learns that it has ended."""
        process = self._process
        if process is not None and self._owner == os.getpid():
            process.kill()

    def close(self) -> None:
        """End the other process."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._process is None or self._owner != os.getpid():
            return
        self._process.kill()  # first of all: the thread that reads its answers holds on to its output until it ends
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # a request that it did not take any more
                    stream.close()
        self._process = None

    def _ask(self, paths: Sequence[str | Path], file_bytes: int, **wishes: bool) -> dict[str, Any] | Finding:
        request = json.dumps({"paths": [str(Path(path).absolute()) for path in paths], **wishes})
        with self._lock:
            answer = self._answer(request, _WALL_SECONDS + file_bytes * _WALL_SECONDS_PER_BYTE)
        if isinstance(answer, dict) and "oserror" in answer:
            raise OSError(None, answer["oserror"], str(paths[0]))
        return answer

    def _answer(self, request: str, seconds: float) -> dict[str, Any] | Finding:
        for _ in range(2):  # again where the process had ended by itself, after a file that left much behind
            process = self._running()
            self._await_ready()
            assert process.stdin is not None
            try:
                process.stdin.write(request + "\n")
                process.stdin.flush()
                line = self._answers.get(timeout=seconds)
            except queue.Empty:
                self._stop()
                return Finding("refused", f"reading it took longer than {seconds:.0f} s and was given up")
            except OSError:
                line = ""
            if line:
                told: dict[str, Any] = json.loads(line)
                return Finding(*told["finding"]) if "finding" in told else told
            code = process.wait()
            self._stop()
            if code:
                return _end_of_process(code)
        raise RuntimeError("the process that reads checkpoints ends without an answer")

    def _running(self) -> subprocess.Popen[str]:
        if self._owner != os.getpid():  # forked meanwhile: the process is that of the parent
            self._process = None
        elif self._process is not None and self._process.poll() is not None:
            self._stop()
        if self._process is None:
            self._answers = queue.Queue()
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, *sys.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
            )  # fmt: skip
            threading.Thread(target=_forward, args=(self._process, self._answers), daemon=True).start()
            self._is_ready = False
        return self._process

    def _await_ready(self) -> None:
        """Wait until the other process has everything imported. Raises RuntimeError where it cannot."""
        if not self._is_ready:
            if self._answers.get() != "{}\n":
                code = self._process.wait() if self._process is not None else None
                self._stop()
                raise RuntimeError(f"the process that reads checkpoints cannot start (code {code})")
            self._is_ready = True


def _regular(path: str | Path) -> os.stat_result:
    status = Path(path).stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(None, "not a regular file", str(path))
    return status


@lru_cache(maxsize=1)
def shared_reader() -> IsolatedReader:
    """The one reader of this process; it ends with it."""
    reader = IsolatedReader()
    atexit.register(reader.close)
    return reader


def _forward(process: subprocess.Popen[str], answers: queue.Queue[str]) -> None:
    assert process.stdout is not None
    with contextlib.suppress(ValueError):  # closed while it was waited for
        for line in process.stdout:
            answers.put(line)
    answers.put("")


def _end_of_process(code: int) -> Finding:
    if code == -getattr(signal, "SIGPROF", 0):
        return Finding("refused", "reading it takes out of proportion long for its size, and was given up")
    if code > 0:
        return Finding("refused", f"the process that read it ended with code {code}")
    return Finding("damaged", f"the HDF5 library crashes on it (signal {-code})")
