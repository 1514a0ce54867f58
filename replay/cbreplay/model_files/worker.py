"""The other end of ``isolation.py``: a process that reads one checkpoint after the other and may die of it.

A request is a line of JSON on standard input, the answer a line of JSON on standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_SECONDS = 0.6  # of the processor for every file
_SECONDS_PER_BYTE = 1 / 15e6
_MEMORY = 144 << 20  # above what the process has with everything imported
_MEMORY_PER_BYTE = 0.125
_GROWTH = 48 << 20
_SMALL = 1 << 20
_LONGEST_CONFIG = 8 << 20


def main() -> None:
    """Answer requests until standard input ends."""
    from . import comparing, reading  # noqa: F401 - now, so that it takes none of a file's time and memory

    own = _address_space()
    answers = sys.stdout
    sys.stdout = sys.stderr
    answers.write("{}\n")  # ready
    answers.flush()
    for line in sys.stdin:
        answers.write(_answer(json.loads(line), own) + "\n")
        answers.flush()
        if own is not None and (_address_space() or 0) > own + _GROWTH:
            return  # what one file has left behind is not to count against the next


def _answer(request: dict[str, Any], own: int | None) -> str:
    """The answer as JSON; whatever a file can bring about is said of it, and the next one is read."""
    try:
        paths = [Path(path) for path in request["paths"]]
        _limit(sum(_stored_bytes(path) for path in paths), own)
        if len(paths) == 2:
            return json.dumps(_compare(*paths))
        return json.dumps(_release(paths[0]) if request.get("release") else _read(paths[0], request))
    except OSError as error:
        return json.dumps({"oserror": error.strerror or str(error)})
    except MemoryError:
        return json.dumps({"finding": ["refused", "reading it takes more memory than a file of its size should"]})
    except Exception as error:
        return json.dumps({"finding": ["damaged", f"it cannot be read: {type(error).__name__}: {error}"]})


def _stored_bytes(path: Path) -> int:
    """The bytes that a file has on the disk: a file of holes is as long as it likes."""
    status = path.stat()
    blocks = getattr(status, "st_blocks", 0)
    return min(status.st_size, 512 * blocks + _SMALL) if blocks else status.st_size


def _release(path: Path) -> dict[str, Any]:
    from .reading import read_release

    return {"release": read_release(path)}


def _read(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    from .reading import read_checkpoint

    checkpoint = read_checkpoint(path, contents=request["contents"], fingerprints=request["fingerprints"])
    config = checkpoint.config if len(checkpoint.config or "") <= _LONGEST_CONFIG else None
    return {**checkpoint.to_dict(tensors=True), "config": config}


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


def _address_space() -> int | None:
    """Bytes of address space that this process has; None where the system does not tell."""
    try:
        import resource

        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except (OSError, ImportError, ValueError):
        return None
