"""HDF5 files without trust: no link is followed, nothing is unpacked beyond what the file's size can justify.

Only to be used where a crash of the HDF5 library costs nothing (see ``isolation.py``): on files that were damaged or
made by an enemy the library can crash or run for ever.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ..text import first_line, listed, plural, printable, size
from .limits import LARGEST_TEXT, unpacked_bytes_allowed
from .records import Finding, Severity

#: Bytes that a piece of a tensor may have in memory.
PIECE = 8 << 20
_MOST_OBJECTS = 200_000
_LARGEST_CHUNK = 24 << 20
_MOST_NAMES = 100_000
_KNOWN_FILTERS = {1, 2, 3, 4, 5, 6, 32000}  # deflate, shuffle, fletcher32, szip, nbit, scale-offset, lzf


@dataclass
class Contents:
    """What a walk over a file found: references to its datasets and groups by path, and what was wrong on the way.

    They are opened when they are asked for: thousands of open objects would take more memory than what is in them.
    """

    file: h5py.File
    datasets: dict[str, h5py.Reference] = field(default_factory=dict)
    groups: dict[str, h5py.Reference] = field(default_factory=dict)
    headers: set[int] = field(default_factory=set)  #: where in the file the headers of these objects begin
    findings: list[Finding] = field(default_factory=list)

    def add(self, severity: Severity, what: str) -> None:
        """Note a finding."""
        self.findings.append(Finding(severity, what))

    def dataset(self, path: str) -> h5py.Dataset:
        """The dataset at ``path``; raises what h5py raises."""
        return self.file[self.datasets[path]]

    def group(self, path: str) -> h5py.Group:
        """The group at ``path``; raises what h5py raises."""
        return self.file[self.groups[path]]


def walk(file: h5py.File) -> Contents:
    """All groups and datasets that hard links reach, each once; soft and external links are named, not followed."""
    found = Contents(file)
    links: dict[str, list[str]] = {}
    seen = {h5py.h5o.get_info(file.id).addr: ""}
    pending: list[tuple[str, h5py.Reference]] = [("", file.ref)]
    while pending:
        path, reference = pending.pop()
        group = file[reference]
        found.groups[path] = reference
        for name in _names_in(group, path, found):
            below = f"{path}/{name}" if path else name
            if not name.isprintable():
                found.add("suspect", f"a name that Keras does not give: {printable(below, 80)}")
            try:
                link = group.get(name, getlink=True)
                if isinstance(link, h5py.ExternalLink):
                    links.setdefault("external link", []).append(f"{below} to {link.filename}")
                    continue
                if not isinstance(link, h5py.HardLink):
                    links.setdefault("soft link", []).append(below)
                    continue
                item = group[name]
                address = h5py.h5o.get_info(item.id).addr
                kind, own = type(item), item.ref if isinstance(item, (h5py.Group, h5py.Dataset)) else None
            except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
                found.add("damaged", f"{printable(below, 80)} cannot be opened: {first_line(error, 160)}")
                continue
            if address in seen:
                other = printable(seen[address], 80) or "the root"
                found.add("damaged", f"{printable(below, 80)} is the same object as {other}, which no writer makes it")
                continue
            seen[address] = below
            if len(seen) > _MOST_OBJECTS:
                found.add("refused", f"more than {_MOST_OBJECTS:,} objects in one file")
                return found
            if kind is h5py.Group:
                pending.append((below, own))
            elif kind is h5py.Dataset:
                found.datasets[below] = own
    found.headers.update(seen)
    for kind_of_link, where in links.items():
        found.add("refused", f"{plural(len(where), kind_of_link)}, not followed: {listed(where, 5)}")
    try:
        file.visit(lambda name: None)
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        found.add("damaged", f"its objects cannot all be visited: {first_line(error, 160)}")
    return found


def _names_in(group: h5py.Group, path: str, found: Contents) -> list[str]:
    try:
        if len(group) > _MOST_OBJECTS:
            found.add("refused", f"{printable(path, 80) or '/'} has {len(group):,} members")
            return []
        return sorted(group)
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        found.add("damaged", f"the group {printable(path, 80) or '/'} cannot be listed: {first_line(error, 160)}")
        return []


def unreadable_attributes(found: Contents) -> list[Finding]:
    """Attributes of groups and datasets that cannot be read; their values are of no interest here."""
    findings = []
    for path, reference in (*found.groups.items(), *found.datasets.items()):
        try:
            holder = found.file[reference]
            names = list(holder.attrs) if len(holder.attrs) <= _MOST_NAMES else []
            for name in names:
                attribute = holder.attrs.get_id(name)
                if attribute.dtype.kind != "O" and attribute.dtype.itemsize > LARGEST_TEXT:
                    raise ValueError("it is too long")
                if attribute.shape is not None and int(np.prod(attribute.shape, dtype=np.float64)) <= _MOST_NAMES:
                    _ = holder.attrs[name]
        except (OSError, KeyError, RuntimeError, TypeError, ValueError, MemoryError) as error:
            where = printable(path, 80) or "the root"
            findings.append(Finding("damaged", f"an attribute of {where} cannot be read: {first_line(error, 160)}"))
    return findings


def text_attribute(holder: h5py.Group, name: str) -> str | None:
    """A text attribute of one value, None where there is none. ValueError for one of another kind or too long."""
    if name not in holder.attrs:
        return None
    attribute = holder.attrs.get_id(name)
    if attribute.shape != () or attribute.get_storage_size() > LARGEST_TEXT:
        raise ValueError(f"the attribute {name} is no single text")
    value = holder.attrs[name]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if not isinstance(value, str):
        raise ValueError(f"the attribute {name} is no text")
    return value


def names_attribute(holder: h5py.Group, name: str) -> list[str] | None:
    """A list of names that Keras put into an attribute, or into several (``name0``, ``name1``) where it was too long.

    None where there is none (``keras/src/legacy/saving/legacy_h5_format.py``). Raises ValueError for what is no list.
    """
    if name in holder.attrs:
        keys = [name]
    else:
        keys = []
        while f"{name}{len(keys)}" in holder.attrs:
            keys.append(f"{name}{len(keys)}")
    if not keys:
        return None
    names: list[str] = []
    for key in keys:
        attribute = holder.attrs.get_id(key)
        if len(attribute.shape) != 1 or attribute.shape[0] > _MOST_NAMES:
            raise ValueError(f"the attribute {key} is no list of names")
        if not attribute.shape[0]:
            continue
        if attribute.get_storage_size() > LARGEST_TEXT:
            raise ValueError(f"the attribute {key} is too long")
        names += [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in holder.attrs[key]]
    return names


def element_kind(dataset: h5py.Dataset) -> str | None:
    """``number`` (integers, floats, bool), ``bfloat16``, or None for what is no number."""
    kind = dataset.dtype.kind
    if kind in "fiub":
        return "number"
    if kind == "V" and dataset.dtype.itemsize == 2 and _says_bfloat16(dataset):
        return "bfloat16"
    return None


def _says_bfloat16(dataset: h5py.Dataset) -> bool:
    try:
        return text_attribute(dataset, "dtype") == "bfloat16"
    except (OSError, ValueError, KeyError, RuntimeError):
        return False


class Budget:
    """How many bytes a file may unpack to, and how many it has."""

    def __init__(self, file_bytes: int) -> None:
        self._allowed = unpacked_bytes_allowed(file_bytes)

    def take(self, count: int) -> bool:
        """Whether ``count`` bytes more are allowed."""
        self._allowed -= count
        return self._allowed >= 0


def objection(dataset: h5py.Dataset, file_bytes: int, budget: Budget) -> Finding | None:
    """Why the numbers of a dataset are not read; None where nothing speaks against it. Reads none of them."""
    name = printable(dataset.name or "?", 80)
    count = dataset.size
    if count is None:
        return Finding("damaged", f"{name} holds nothing at all")
    total = count * dataset.dtype.itemsize
    properties = dataset.id.get_create_plist()
    layout = properties.get_layout()
    if dataset.dtype.kind in "fiu" and not dataset.id.get_type().equal(h5py.h5t.py_create(dataset.dtype)):
        return Finding("damaged", f"{name} has a type of number that no computer uses")
    if layout == h5py.h5d.VIRTUAL:
        return Finding("refused", f"{name} is virtual, a view of {plural(count, 'number')} in other files: not read")
    if properties.get_external_count():
        return Finding("refused", f"{name} keeps its numbers in another file: not read")
    filters = [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]
    unknown = [number for number in filters if number not in _KNOWN_FILTERS]
    if unknown:
        return Finding("refused", f"{name} is packed with filter {unknown[0]}, which needs a plug-in: not read")
    if not budget.take(total):
        return Finding(
            "refused",
            f"{name} would unpack to {size(total)}, out of proportion to a file of {size(file_bytes)}: not read",
        )
    if layout == h5py.h5d.CHUNKED:
        return _chunk_objection(dataset, name)
    stored = dataset.id.get_storage_size()
    if count and stored != total and layout == h5py.h5d.CONTIGUOUS:
        what = "none of its numbers is in the file" if not stored else f"has {size(stored)} of {size(total)}"
        return Finding("damaged", f"{name} {what}")
    return None


def _chunk_objection(dataset: h5py.Dataset, name: str) -> Finding | None:
    chunk = dataset.chunks
    chunk_bytes = int(np.prod(chunk, dtype=np.float64)) * dataset.dtype.itemsize
    if chunk_bytes > _LARGEST_CHUNK:
        return Finding("refused", f"{name} has chunks of {size(chunk_bytes)}: not read")
    wanted = 1
    for length, step in zip(dataset.shape, chunk, strict=True):
        wanted *= -(-length // step)
    stored = dataset.id.get_num_chunks()
    if stored < wanted:
        what = "none of its numbers is" if not stored else f"only {stored:,} of {wanted:,} chunks are"
        return Finding("damaged", f"{name}: {what} in the file")
    return None


def span_of(dataset: h5py.Dataset) -> tuple[int, int] | None:
    """The bytes of the file in which the numbers of a dataset lie; None where they do not lie in one stretch."""
    offset = dataset.id.get_offset()
    return None if offset is None or not dataset.size else (int(offset), int(offset) + dataset.id.get_storage_size())


def overlaps(spans_by_path: Mapping[str, tuple[int, int]], headers: set[int], file_bytes: int) -> list[Finding]:
    """Datasets whose numbers share bytes with others' or with ``headers``, or lie behind the end of the file."""
    spans = sorted((begin, end, path) for path, (begin, end) in spans_by_path.items())
    ordered = sorted(headers)
    found = [
        Finding("damaged", f"the numbers of {printable(path, 80)} would lie behind the end of the file")
        for _, end, path in spans
        if end > file_bytes
    ]
    last_end, last_path = -1, ""
    for begin, end, path in spans:
        at = bisect_left(ordered, begin)
        if at < len(ordered) and ordered[at] < end:
            found.append(Finding("damaged", f"the numbers of {printable(path, 80)} lie where the file's structure is"))
        if begin < last_end:
            found.append(Finding("damaged", f"{printable(path, 80)} and {printable(last_path, 80)} share bytes"))
        if end > last_end:
            last_end, last_path = end, path
    return found


def pieces(dataset: h5py.Dataset) -> Iterator[npt.NDArray[Any]]:
    """The numbers of a dataset in the order of the file, about ``PIECE`` bytes at most; raises what h5py raises."""
    if dataset.shape == ():
        yield np.asarray(dataset[()])
    elif dataset.chunks is not None:
        for selection in dataset.iter_chunks():
            yield dataset[selection]
    elif dataset.size:
        for selection in _slabs(dataset.shape, dataset.dtype.itemsize):
            yield dataset[selection]


def _slabs(shape: tuple[int, ...], itemsize: int) -> Iterator[tuple[Any, ...]]:
    row = itemsize
    for length in shape[1:]:
        row *= length
    if row <= PIECE:
        step = max(PIECE // max(row, 1), 1)
        for begin in range(0, shape[0], step):
            yield (slice(begin, min(begin + step, shape[0])),)
        return
    for index in range(shape[0]):
        for rest in _slabs(shape[1:], itemsize):
            yield (index, *rest)
