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

_Floats = npt.NDArray[np.float64]


def fingerprint_of_buckets(buckets: _Floats) -> Fingerprint | None:
    """The fingerprint of a logged histogram: rows of left edge, right edge, count, shape (buckets, 3).

    None where it tells nothing: NaN or infinite edges, or counts that are none. Until TensorBoard 2.4 equal
    elements were one bucket of width 1 around their value.
    """
    if buckets.ndim != 2 or buckets.shape[1] != 3 or not len(buckets) or not np.isfinite(buckets).all():
        return None
    counts = buckets[:, 2]
    if (counts < 0).any() or (counts != np.floor(counts)).any() or counts.sum() > 2**53:
        return None
    elements = int(counts.sum())
    smallest, largest = float(buckets[0, 0]), float(buckets[-1, 1])
    if elements == 0:
        return None
    if len(buckets) == 1 and largest - smallest == 1.0:
        smallest = largest = (smallest + largest) / 2
    if smallest == largest:
        return Fingerprint(elements, smallest + 0.0, largest + 0.0, ())
    return Fingerprint(elements, smallest + 0.0, largest + 0.0, tuple(int(count) for count in counts))


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
