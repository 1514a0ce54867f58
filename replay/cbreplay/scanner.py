"""Whether event files are read by the compiled scanner or by Python: both give the same.

The scanner is built when the package is installed and a C compiler is there. The environment variable
``CBREPLAY_READER`` set to ``python`` has Python read them all the same. Nothing heavy is imported here.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._scanner import Collector

VARIABLE = "CBREPLAY_READER"

_FEWEST_BYTES = 40  # that a scalar takes in a record of its own
_MOST_AT_ONCE = 4_000_000  # points; memory that is not used stays the system's


def compiled_collector(size: int = 0) -> Collector | None:
    """A new collector of the compiled scanner, None where there is none or Python is asked for.

    ``size`` is the number of bytes of the file to be read: room is made for the points that it may hold.
    """
    if os.environ.get(VARIABLE) == "python":
        return None
    try:
        scanner = importlib.import_module("cbreplay._scanner")
    except ImportError:
        return None
    collector: Collector = scanner.Collector(min(size // _FEWEST_BYTES, _MOST_AT_ONCE))
    return collector


def active_reader() -> str:
    """What reads event files here: "compiled scanner" or "Python reader"."""
    return "Python reader" if compiled_collector() is None else "compiled scanner"
