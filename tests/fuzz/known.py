"""Defects that fuzzing has found and that are still there: an entry each, taken out with the defect.

The regression input of the same name is expected to fail as long as the entry is here; other inputs that run
into the same defect are passed over.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """A defect: the type of what is raised, the function of the package that raises it, and why.

    Where the broken promise is one of time, ``raised`` is ``BrokenPromiseError`` and ``function`` is empty: other
    slow inputs are not passed over then.
    """

    raised: str
    function: str
    reason: str


#: (target, name of the regression input) -> the defect
KNOWN: dict[tuple[str, str], Known] = {}


def known_defect(target: str, error: BaseException) -> str | None:
    """The name of the known defect that raised ``error`` in a target, None for a new one."""
    functions = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
    for (where, name), known in KNOWN.items():
        if where == target and known.raised == type(error).__name__ and known.function in functions:
            return name
    return None
