"""Numbers that can be read, but that no sound training leaves behind."""

from __future__ import annotations

from collections.abc import Sequence

import h5py

from ..text import listed, printable
from . import hdf5
from .numbers import Numbers
from .records import Finding, Severity, Tensor

_IMPLAUSIBLE = 1e10
_BLOCK = 512  # bytes: what a disk loses at least
_LEAST = 32  # bytes of a tensor that such a block covers, when it reaches into its neighbour


def of_numbers(tensor: Tensor, dataset: h5py.Dataset, numbers: Numbers) -> list[Finding]:
    """What is wrong with the numbers of one tensor: too few, too large, or zero where a block of the disk was lost."""
    if tensor.part == "state":
        return []
    name = printable(tensor.name, 80)
    found = []
    if numbers.elements != tensor.elements:
        found.append(Finding("damaged", f"{name}: {numbers.elements:,} of {tensor.elements:,} numbers could be read"))
    largest = max(abs(numbers.smallest or 0.0), abs(numbers.largest or 0.0))
    if largest >= _IMPLAUSIBLE and dataset.dtype.kind == "f":
        found.append(Finding("suspect", f"{name} has a number of {largest:.3g}, which no sound training gives"))
    if _lost_block(tensor, dataset, numbers):
        begin, end = numbers.zero_block or (0, 0)
        where = "just where a block of the disk lies, and no other is"
        found.append(Finding("suspect", f"{name}: {end - begin:,} numbers in a row are zero, {where}"))
    return found


def _lost_block(tensor: Tensor, dataset: h5py.Dataset, numbers: Numbers) -> bool:
    """Whether all zeros of a tensor are one stretch from the border of a disk block to another, or to the tensor's own.

    Embeddings are left out: rows of words that never came may be zero.
    """
    span = hdf5.span_of(dataset)
    if numbers.zero_block is None or span is None or "embedding" in tensor.name.lower():
        return False
    begin, end = numbers.zero_block
    width = dataset.dtype.itemsize
    least = _LEAST if tensor.part == "weights" else _BLOCK
    if end - begin == tensor.elements or (end - begin) * width < least:
        return False
    first, last = span[0] + begin * width, span[0] + end * width
    starts = begin == 0 or first % _BLOCK == 0
    ends = end == tensor.elements or last % _BLOCK == 0
    return bool(starts and ends and (first % _BLOCK == 0 or last % _BLOCK == 0))


def of_all(tensors: Sequence[Tensor], earlier: Sequence[Finding], contents: bool) -> list[Finding]:
    """What only all tensors together show: none at all, numbers that are not finite, layers of nothing but zeros."""
    weights = [tensor for tensor in tensors if tensor.part == "weights"]
    if not weights:
        told = any(finding.severity in ("refused", "damaged") for finding in earlier)
        return [] if told else [Finding("suspect", "there are no weights in it")]
    found = []
    kinds: tuple[tuple[str, str, Severity], ...] = (
        ("weights", "weights", "suspect"), ("optimizer", "numbers of the optimizer", "note"),
    )  # fmt: skip
    for part, noun, severity in kinds:
        own = [tensor for tensor in tensors if tensor.part == part]
        nans, infinities = sum(t.nans for t in own), sum(t.infinities for t in own)
        where = [t.name for t in own if t.nans or t.infinities]
        if where:
            counted = [f"{n:,} {what}" for n, what in ((nans, "NaN"), (infinities, "infinite")) if n]
            text = f"{' and '.join(counted)} among the {noun}: {listed(where, 1, 60)}"
            found.append(Finding(severity, text))
    dead = [name for name, own in _by_layer(weights).items() if contents and _is_dead(own)]
    if dead:
        found.append(Finding("suspect", f"nothing but zeros in {listed(dead, limit=60)}"))
    return found


def _by_layer(weights: Sequence[Tensor]) -> dict[str, list[Tensor]]:
    layers: dict[str, list[Tensor]] = {}
    for tensor in weights:
        layers.setdefault(tensor.name.rpartition("/")[0], []).append(tensor)
    return layers


def _multiplies(tensor: Tensor) -> bool:
    """Whether it is no bias, by its name or number: those of attention and recurrent layers have two dimensions."""
    name = tensor.name.rpartition("/")[2]
    return name == "0" if name.isdecimal() else "bias" not in name


def _is_dead(tensors: Sequence[Tensor]) -> bool:
    """Whether a layer's arrays are all zero, or one that multiplies (of two dimensions or more) is."""
    zero = [tensor for tensor in tensors if tensor.elements and tensor.zeros == tensor.elements]
    if any(len(tensor.shape) >= 2 and _multiplies(tensor) for tensor in zero):
        return True
    numbers = [tensor for tensor in zero if tensor.dtype.startswith(("float", "bfloat")) and tensor.elements > 1]
    return len(zero) == len(tensors) and bool(numbers)
