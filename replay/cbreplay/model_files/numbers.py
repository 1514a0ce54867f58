"""The numbers of one tensor, read piece by piece: their range, what is not finite, zeros, and the fingerprint."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ..buckets import BucketCounter
from ..fingerprints import Fingerprint
from . import hdf5

_KEPT = 4 * hdf5.PIECE  # bytes of a tensor that are kept for the second look


@dataclass
class Numbers:
    """``smallest`` and ``largest`` of the finite ones (None where there is none), and counts of the rest.

    ``zero_block`` is (first, end) of the longest stretch of zeros, in elements; only kept where it has every zero of
    the tensor in it.
    """

    elements: int = 0
    smallest: float | None = None
    largest: float | None = None
    nans: int = 0
    infinities: int = 0
    zeros: int = 0
    zero_block: tuple[int, int] | None = None
    fingerprint: Fingerprint | None = None


def read_numbers(dataset: h5py.Dataset, *, with_fingerprint: bool) -> Numbers:
    """All numbers of a dataset; raises what h5py raises where they cannot be read."""
    found = Numbers()
    kept: list[npt.NDArray[np.generic]] | None = []
    held = 0
    first_zero, last_zero = -1, -1
    for piece in number_pieces(dataset):
        flat = piece.reshape(-1)
        _add_range(found, flat)
        zeros = np.flatnonzero(flat == 0) if len(flat) else np.zeros(0, np.int64)
        if len(zeros):
            first_zero = found.elements + int(zeros[0]) if first_zero < 0 else first_zero
            last_zero = found.elements + int(zeros[-1])
            found.zeros += len(zeros)
        found.elements += len(flat)
        held += flat.nbytes
        if kept is not None:
            kept.append(flat)
            kept = kept if held <= _KEPT else None
    if found.zeros and last_zero - first_zero + 1 == found.zeros:
        found.zero_block = (first_zero, last_zero + 1)
    if with_fingerprint and found.smallest is not None and found.largest is not None and (
        not found.nans and not found.infinities
    ):  # fmt: skip
        counter = BucketCounter(found.smallest, found.largest)
        for flat in kept if kept is not None else (piece.reshape(-1) for piece in number_pieces(dataset)):
            for begin in range(0, len(flat), hdf5.PIECE // 8):
                counter.add(flat[begin : begin + hdf5.PIECE // 8])
        found.fingerprint = counter.fingerprint()
    return found


def number_pieces(dataset: h5py.Dataset) -> Iterator[npt.NDArray[Any]]:
    """:func:`.hdf5.pieces`, bfloat16 as float32."""
    widened = hdf5.element_kind(dataset) == "bfloat16"
    for piece in hdf5.pieces(dataset):
        yield (piece.view(np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32) if widened else piece


def _add_range(found: Numbers, flat: npt.NDArray[np.generic]) -> None:
    if not len(flat):
        return
    low, high = float(flat.min()), float(flat.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        numbers = flat.astype(np.float64)
        found.nans += int(np.isnan(numbers).sum())
        found.infinities += int(np.isinf(numbers).sum())
        numbers = numbers[np.isfinite(numbers)]
        if not len(numbers):
            return
        low, high = float(numbers.min()), float(numbers.max())
    found.smallest = low if found.smallest is None else min(found.smallest, low)
    found.largest = high if found.largest is None else max(found.largest, high)
