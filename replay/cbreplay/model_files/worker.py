"""The other end of ``isolation.py``: a process that reads one checkpoint after the other and may die of it.

A request is a line of JSON on standard input, the answer a line of JSON on standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_SECONDS = 1.0  # of the processor for every file
_SECONDS_PER_BYTE = 1 / 15e6
_MEMORY = 192 << 20  # above what the process has with everything imported
_MEMORY_PER_BYTE = 0.25


def main() -> None:
    """Answer requests until standard input ends."""
    own = _address_space_with_everything_imported()
    answers = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        paths = [Path(path) for path in request["paths"]]
        try:
            _limit(sum(path.stat().st_size for path in paths), own)
            answer = _compare(*paths) if len(paths) == 2 else _read(paths[0], request)
        except OSError as error:
            answer = {"oserror": error.strerror or str(error)}
        except MemoryError:
            answer = {"finding": ["refused", "reading it takes more memory than a file of its size should"]}
        except Exception as error:  # whatever a file can bring about: it is said of the file, and the next one is read
            answer = {"finding": ["damaged", f"it cannot be read: {type(error).__name__}: {error}"]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _read(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    from .reading import read_checkpoint

    checkpoint = read_checkpoint(path, contents=request["contents"], fingerprints=request["fingerprints"])
    return {**checkpoint.to_dict(tensors=True), "config": checkpoint.config}


def _compare(one: Path, other: Path) -> dict[str, Any]:
    from .comparing import compare_weights

    return compare_weights(one, other)


def _limit(file_bytes: int, own: int | None) -> None:
    """Bound processor time and memory in proportion to the file; where the platform has no such limits, not."""
    try:
        import resource
        import signal
    except ImportError:  # Windows: the time is bounded from outside
        return
    signal.setitimer(signal.ITIMER_PROF, _SECONDS + file_bytes * _SECONDS_PER_BYTE)  # SIGPROF ends the process
    if own is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = own + _MEMORY + int(file_bytes * _MEMORY_PER_BYTE)
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))


def _address_space_with_everything_imported() -> int | None:
    """Bytes of address space that this process has; None where the system does not tell."""
    from . import comparing, reading  # noqa: F401 - so that importing them takes none of a file's time and memory

    try:
        import resource

        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (OSError, ImportError, ValueError):
        return None
