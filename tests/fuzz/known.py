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

    ``function`` is empty where the broken promise is one of time.
    """

    raised: str
    function: str
    reason: str


_SECONDS = "BrokenPromiseError"

#: (target, name of the regression input) -> the defect
KNOWN: dict[tuple[str, str], Known] = {
    ("folder", "signalling_nan"): Known(
        "RuntimeWarning", "_compare_shifted", "a signalling NaN is cast to float32 with only overflow ignored"
    ),
    ("folder", "epoch_tag_beyond_int64"): Known(
        "RuntimeWarning", "_by_epoch_tag", "values of the tag epoch are cast to int64 whatever their size"
    ),
    ("folder", "download_step_beyond_int64"): Known(
        "OverflowError", "read_download", "any whole number is taken for a step"
    ),
    ("folder", "download_long_cell"): Known(
        "Error", "read_download", "csv.Error is not caught, and the field size limit is the default one"
    ),
    ("history", "slow_empty_lines"): Known(
        _SECONDS, "", "the search for decimal commas is quadratic in a run of blank lines"
    ),
    ("history", "slow_tabs"): Known(_SECONDS, "", "the search for decimal commas is quadratic in a run of tabs"),
    ("folder", "slow_restarts"): Known(_SECONDS, "", "every piece behind a restart looks at all tags of its file"),
}


def known_defect(target: str, error: BaseException) -> str | None:
    """The name of the known defect that raised ``error`` in a target, None for a new one."""
    functions = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
    for (where, name), known in KNOWN.items():
        if where == target and known.raised == type(error).__name__ and known.function in functions:
            return name
    return None
