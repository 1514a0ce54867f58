"""The weight histograms of a run: what Keras' TensorBoard callback wrote of each weight at the end of an epoch.

They are read only where somebody asks for them: the scalars of a run are read without decoding any.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..buckets import MOST_BUCKETS, fingerprints_of_buckets
from ..files import open_regular
from ..fingerprints import Fingerprint
from ..run import Run
from ..scanner import compiled_collector
from .collecting import Collector, PythonCollector
from .messages import event_in
from .records import RecordReader

_SUFFIX = "/histogram"
_DT_DOUBLE = 2
_MOST_WAITING = 8 << 20


@dataclass(frozen=True)
class LoggedHistogram:
    """One weight at the end of one epoch (0-based) of one fit (from 0).

    ``fingerprint`` is None where the histogram tells nothing, as that of weights with NaN. ``replaced`` tells that a
    later fit of a resumed training logged this epoch again.
    """

    fit: int
    epoch: int
    tag: str
    fingerprint: Fingerprint | None
    replaced: bool


def read_histograms(run: Run) -> list[LoggedHistogram]:
    """All weight histograms in the event files of a run, in the order of writing.

    Keras' tags end in ``/histogram`` and their step is the epoch; others, and steps that are no epoch of the run, are
    left out. Files that have vanished meanwhile give none.
    """
    if not has_histograms(run):
        return []
    pieces: dict[str, list[tuple[float, int, int | None]]] = {}
    for part, session, cutoff in zip(run.parts, run.session_of, run.replaced_from, strict=True):
        started = -np.inf if part.started is None or part.path not in pieces else part.started
        pieces.setdefault(part.path, []).append((started, run.fit_of_session[session], cutoff))
    found: list[LoggedHistogram] = []
    spans = {fit: run.fit_span(fit) for written in pieces.values() for _, fit, _ in written}
    for path, written in pieces.items():
        piece = written[0]
        for step, wall_time, tag, fingerprint in histograms_in_file(Path(path)):
            if len(written) > 1:
                piece = max((p for p in written if p[0] <= wall_time), default=written[0], key=lambda p: p[0])
            _, fit, cutoff = piece
            epoch = step - run.axis.base
            first, end = spans[fit]
            if first <= epoch < end:
                found.append(LoggedHistogram(fit, epoch, tag, fingerprint, cutoff is not None and step >= cutoff))
    return found


def has_histograms(run: Run) -> bool:
    """Whether the event files of a run may hold weight histograms of its epochs, by their tags."""
    return run.axis.kind == "epoch" and any(tag.endswith(_SUFFIX) for tag in run.event_tags)


def histograms_in_file(path: Path) -> list[tuple[int, float, str, Fingerprint | None]]:
    """(step, wall time, tag, fingerprint) of each weight histogram in a file."""
    compiled = compiled_collector()
    reading = _Reading(PythonCollector() if compiled is None else compiled)
    scan = None if compiled is None else partial(reading.scan, compiled.scan_histograms)
    try:
        with open_regular(path, buffering=0) as stream:
            for _, payload in RecordReader(stream, os.fstat(stream.fileno()).st_size, str(path), scan):
                if payload is not None and _SUFFIX.encode() in payload:
                    reading.add(payload)
    except OSError:
        return []  # it was read before, so that it has vanished is all that this can be
    return reading.finished()


class _Reading:
    """Takes histograms out of records; their buckets make room for fingerprints every few megabytes."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._found: list[tuple[int, float, str, Fingerprint | None]] = []
        self._waiting = 0  # bytes of records whose histograms are not in ``_found`` yet

    def scan(
        self, scan: Callable[[memoryview, int, int, str], tuple[int, int]], buffer: memoryview, at: int, largest: int
    ) -> tuple[int, int]:
        """Have the compiled collector take ordinary records: see :data:`.records.Scan`."""
        behind, taken = scan(buffer, at, largest, _SUFFIX)
        self._wait(behind - at)
        return behind, taken

    def add(self, payload: bytes) -> None:
        """Take the histograms in the payload of one record."""
        try:
            event = event_in(payload)
        except ValueError:
            return  # reported as damage when the scalars were read
        for value in event.summary.value:
            if value.tag.endswith(_SUFFIX) and value.HasField("tensor") and value.tensor.dtype == _DT_DOUBLE:
                buckets = _buckets_in(value.tensor)
                self._collector.append_histogram(value.tag, event.step, event.wall_time, buckets)
        self._wait(len(payload))

    def finished(self) -> list[tuple[int, float, str, Fingerprint | None]]:
        """All that was found, in the order of writing."""
        self._empty()
        return self._found

    def _wait(self, count: int) -> None:
        self._waiting += count
        if self._waiting > _MOST_WAITING:
            self._empty()

    def _empty(self) -> None:
        self._waiting = 0
        wall_time, step, tag_id, rows, _ = self._collector.take_columns()
        tags = self._collector.tags
        fingerprints = fingerprints_of_buckets(
            np.frombuffer(self._collector.take_buckets(), "<f8"), np.frombuffer(rows, np.float64).astype(np.int64)
        )
        self._found += zip(
            np.frombuffer(step, np.int64).tolist(),
            np.frombuffer(wall_time, np.float64).tolist(),
            [tags[item] for item in np.frombuffer(tag_id, np.int32).tolist()],
            fingerprints,
            strict=True,
        )


def _buckets_in(tensor: Any) -> bytes:
    """The rows (left, right, count) of a histogram as doubles; none where it tells nothing."""
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    if len(shape) != 2 or shape[1] != 3 or not 0 < shape[0] <= MOST_BUCKETS:
        return b""
    content = bytes(tensor.tensor_content)
    if not content:
        values = np.array(tensor.double_val, "<f8")
        content = (np.repeat(values, shape[0] * 3) if len(values) == 1 else values).tobytes()  # one stands for all
    return content if len(content) == 8 * 3 * shape[0] else b""
