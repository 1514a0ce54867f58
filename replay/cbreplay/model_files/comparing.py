"""Two checkpoints, tensor by tensor: how far apart are their weights?

To be called where a crash costs nothing, as ``reading.py``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .numbers import number_pieces, read_numbers
from .reading import read_checkpoint
from .records import Distance

_ROOTS = ("model_weights/",)


def compare_weights(one: Path, other: Path) -> dict[str, Any]:
    """``{"distances": [...]}`` with a :class:`Distance` (as a dict) for each weight, or ``{"problem": sentence}``.

    Weights pair by name; where the names of the two files differ (other formats, other releases), those of one shape
    pair where they are equal, the rest in the order in which they were written. Raises OSError where a file cannot
    be opened.
    """
    distances: list[Distance] = []

    def compare(left: dict[str, h5py.Dataset]) -> None:
        second = read_checkpoint(other, contents=False, visit=lambda right: distances.extend(_distances(left, right)))
        problems.extend(f"the second one: {problem}" for problem in second.problems())

    problems: list[str] = []
    first = read_checkpoint(one, contents=False, visit=compare)
    problems = [f"the first one: {problem}" for problem in first.problems()] + problems
    if not distances:
        return {"problem": problems[0] if problems else "there are no weights to compare"}
    return {"distances": [distance.to_dict() for distance in distances]}


def _distances(left: Mapping[str, h5py.Dataset], right: Mapping[str, h5py.Dataset]) -> list[Distance]:
    pairs = _pairs(left, right)
    found = [_distance(name, left[name], pairs[name], right[pairs[name]]) for name in left if name in pairs]
    found += [_alone(name, None, left[name]) for name in left if name not in pairs]
    taken = set(pairs.values())
    return found + [_alone(None, name, right[name]) for name in right if name not in taken]


def _alone(name: str | None, other: str | None, dataset: h5py.Dataset) -> Distance:
    return Distance(name, other, tuple(dataset.shape), 0, None, None, None)


def _pairs(left: Mapping[str, h5py.Dataset], right: Mapping[str, h5py.Dataset]) -> dict[str, str]:
    named = {_bare(name): name for name in right}
    if len(named) == len(right) and {_bare(name) for name in left} == set(named):
        by_name = {name: named[_bare(name)] for name in left}
        if all(left[a].shape == right[b].shape for a, b in by_name.items()):
            return by_name
    pairs = _equal_ones(left, right)
    taken = set(pairs.values())
    free: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for name, dataset in right.items():
        if name not in taken:
            free[dataset.shape].append(name)
    for name, dataset in left.items():
        if name not in pairs and free[dataset.shape]:
            pairs[name] = free[dataset.shape].pop(0)
    return pairs


def _equal_ones(left: Mapping[str, h5py.Dataset], right: Mapping[str, h5py.Dataset]) -> dict[str, str]:
    """Tensors of the same shape and the same numbers, by their fingerprints."""
    known: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for name, dataset in right.items():
        known[dataset.shape, read_numbers(dataset, with_fingerprint=True).fingerprint].append(name)
    pairs = {}
    for name, dataset in left.items():
        fingerprint = read_numbers(dataset, with_fingerprint=True).fingerprint
        if fingerprint is not None and known[dataset.shape, fingerprint]:
            pairs[name] = known[dataset.shape, fingerprint].pop(0)
    return pairs


def _bare(name: str) -> str:
    for root in _ROOTS:
        name = name.removeprefix(root)
    return name.removesuffix(":0")


def _distance(name: str, left: h5py.Dataset, other: str, right: h5py.Dataset) -> Distance:
    squares = norm = largest = 0.0
    changed = 0
    for a, b in zip(number_pieces(left), number_pieces(right), strict=True):
        ours = a.astype(np.float64).reshape(-1)
        theirs = b.astype(np.float64).reshape(-1)
        differs = ~((ours == theirs) | (np.isnan(ours) & np.isnan(theirs)))
        changed += int(differs.sum())
        norm += float(np.square(ours).sum())
        if differs.any():
            difference = np.abs(ours[differs] - theirs[differs])
            squares += float(np.square(difference).sum())
            largest = float(np.fmax(largest, difference.max())) if not math.isnan(largest) else largest
            if np.isnan(difference).any():
                largest = math.nan
    return Distance(name, other, tuple(left.shape), changed, math.sqrt(squares), math.sqrt(norm), largest)
