"""Numbers in, fingerprints out: the buckets of a logged histogram, and numbers counted into the same ones.

The rule is that of ``tf.summary.histogram`` (tensorboard ``plugins/histogram/summary_v2.py``): 30 buckets of equal
width from the smallest number to the largest, in float64.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .fingerprints import Fingerprint

#: How many buckets TensorBoard makes where it is not told otherwise, which Keras never does.
BUCKETS = 30

#: A histogram with more is none that Keras wrote.
MOST_BUCKETS = 1000

_Floats = npt.NDArray[np.float64]


def fingerprints_of_buckets(buckets: _Floats, rows: npt.NDArray[np.int64]) -> list[Fingerprint | None]:
    """Those of logged histograms: ``buckets`` are left edge, right edge and count, ``rows`` how many each has.

    None where one tells nothing: NaN or infinite edges, counts that are none, no rows or far too many. Until
    TensorBoard 2.4 equal elements were one bucket of width 1 around their value.
    """
    found: list[Fingerprint | None] = [None] * len(rows)
    begins = 3 * (np.cumsum(rows) - rows)
    for count in np.unique(rows).tolist():
        if 0 < count <= MOST_BUCKETS:
            which = np.flatnonzero(rows == count)
            alike = buckets[begins[which, np.newaxis] + np.arange(3 * count)].reshape(-1, count, 3)
            for place, fingerprint in zip(which.tolist(), _of_equal_length(alike), strict=True):
                found[place] = fingerprint
    return found


def _of_equal_length(buckets: _Floats) -> list[Fingerprint | None]:
    """The fingerprints of histograms with the same number of buckets, shape (histograms, buckets, 3)."""
    counts = buckets[:, :, 2]
    with np.errstate(invalid="ignore", over="ignore"):
        elements = counts.sum(axis=1)
        sound = np.isfinite(buckets).all(axis=(1, 2)) & (elements > 0) & (elements <= 2**53)
        sound &= (counts >= 0).all(axis=1) & (counts == np.floor(counts)).all(axis=1)
        smallest, largest = buckets[:, 0, 0] + 0.0, buckets[:, -1, 1] + 0.0  # no negative zero
        if buckets.shape[1] == 1:
            middle = np.where(largest - smallest == 1.0, (smallest + largest) / 2, np.nan)
            is_one_value = ~np.isnan(middle)
            smallest[is_one_value] = largest[is_one_value] = middle[is_one_value]
    found: list[Fingerprint | None] = [None] * len(buckets)
    which = np.flatnonzero(sound)
    columns = (which, elements[which], smallest[which], largest[which], counts[which].astype(np.int64))
    for place, number, low, high, in_each in zip(*(column.tolist() for column in columns), strict=True):
        found[place] = Fingerprint(int(number), low, high, () if low == high else tuple(in_each))
    return found


class BucketCounter:
    """Counts numbers that come in pieces into the buckets between ``smallest`` and ``largest`` (both finite)."""

    def __init__(self, smallest: float, largest: float) -> None:
        self._smallest = smallest + 0.0  # no negative zero
        self._largest = largest + 0.0
        self._width = (self._largest - self._smallest) / BUCKETS
        self._counts = np.zeros(BUCKETS, np.int64)
        self._elements = 0

    def add(self, numbers: npt.NDArray[Any]) -> None:
        """Count a piece; integers and floats of any width are taken as float64, as TensorBoard takes them."""
        self._elements += numbers.size
        if not self._is_divided:
            return
        offsets = numbers.astype(np.float64).ravel()
        offsets -= self._smallest
        offsets /= self._width
        index = np.floor(offsets, out=offsets).astype(np.int32)
        np.minimum(index, BUCKETS - 1, out=index)
        self._counts += np.bincount(index, minlength=BUCKETS)

    @property
    def _is_divided(self) -> bool:
        return self._width > 0 and math.isfinite(self._width)

    def fingerprint(self) -> Fingerprint | None:
        """That of all that was added; None where the range is beyond float64."""
        if self._smallest == self._largest:
            return Fingerprint(self._elements, self._smallest, self._largest, ())
        if not self._is_divided:
            return None
        return Fingerprint(self._elements, self._smallest, self._largest, tuple(self._counts.tolist()))
