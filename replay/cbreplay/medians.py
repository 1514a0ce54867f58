"""The median, without what ``numpy.median`` imports for it: ``numpy.ma`` takes longer than to read a small log."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def median(numbers: npt.ArrayLike) -> float:
    """The median of at least one number, none of them NaN; the mean of the middle two where their count is even."""
    ordered = np.sort(np.asarray(numbers, np.float64))
    low, high = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    return low if low == high else (low + high) / 2
