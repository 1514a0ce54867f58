"""The distribution of a weight tensor as TensorBoard logs it, from either side: an event file or the numbers.

The rule is that of ``tf.summary.histogram`` (tensorboard ``plugins/histogram/summary_v2.py``): 30 buckets of equal
width from the smallest number to the largest, in float64. Two tensors with the same fingerprint have the same number
of elements, the same smallest and largest number to the last bit, and as many numbers in each bucket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``elements`` in all, the ``smallest`` and the ``largest``, and how many lie in each bucket between them.

    ``counts`` is empty where all elements are equal (or there is none): then there is nothing to divide.
    """

    elements: int
    smallest: float
    largest: float
    counts: tuple[int, ...]

    def to_list(self) -> list[Any]:
        """The fields in order, for JSON: every float comes back bit for bit."""
        return [self.elements, self.smallest, self.largest, list(self.counts)]

    @classmethod
    def from_list(cls, fields: list[Any]) -> Fingerprint:
        """The reverse of :meth:`to_list`."""
        elements, smallest, largest, counts = fields
        return cls(int(elements), float(smallest), float(largest), tuple(int(count) for count in counts))
