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
    from .reading import read_checkpoint

    own = _address_space()
    answers = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        path = Path(request["path"])
        try:
            size = path.stat().st_size
            _limit(size, own)
            checkpoint = read_checkpoint(
                path, contents=request["contents"], fingerprints=request["fingerprints"]
            )
            answer: dict[str, Any] = {**checkpoint.to_dict(tensors=True), "config": checkpoint.config}
        except OSError as error:
            answer = {"oserror": error.strerror or str(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


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

        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (OSError, ImportError, ValueError):
        return None
