"""The median, without what ``numpy.median`` imports for it: ``numpy.ma`` takes longer than to read a small log."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def median(numbers: npt.ArrayLike) -> float:
    """The median of at least one number, none of them NaN; the mean of the middle two where their count is even."""
    ordered = np.sort(np.asarray(numbers, np.float64))
    return float((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2)
