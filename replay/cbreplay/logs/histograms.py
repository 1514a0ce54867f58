"""The weight histograms of a run: what Keras' TensorBoard callback wrote of each weight at the end of an epoch.

They are read only where somebody asks for them: the scalars of a run are read without decoding any.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..buckets import fingerprint_of_buckets
from ..files import open_regular
from ..fingerprints import Fingerprint
from ..run import Run
from .messages import event_in
from .records import RecordReader

_SUFFIX = "/histogram"
_DT_DOUBLE = 2
_MOST_BUCKETS = 1000


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
    if run.axis.kind != "epoch" or not has_histograms(run):
        return []
    pieces: dict[str, list[tuple[float, int, int | None]]] = {}
    for part, session, cutoff in zip(run.parts, run.session_of, run.replaced_from, strict=True):
        started = -np.inf if part.started is None or part.path not in pieces else part.started
        pieces.setdefault(part.path, []).append((started, run.fit_of_session[session], cutoff))
    found: list[LoggedHistogram] = []
    for path, written in pieces.items():
        for step, wall_time, tag, fingerprint in _read_file(Path(path)):
            _, fit, cutoff = max((p for p in written if p[0] <= wall_time), default=written[0], key=lambda p: p[0])
            epoch = step - run.axis.base
            first, end = run.fit_span(fit)
            if first <= epoch < end:
                found.append(LoggedHistogram(fit, epoch, tag, fingerprint, cutoff is not None and step >= cutoff))
    return found


def has_histograms(run: Run) -> bool:
    """Whether a tag in the event files of a run may be that of a weight histogram."""
    return any(tag.endswith(_SUFFIX) for tag in run.event_tags)


def _read_file(path: Path) -> list[tuple[int, float, str, Fingerprint | None]]:
    """(step, wall time, tag, fingerprint) of each weight histogram in a file."""
    found = []
    try:
        with open_regular(path, buffering=0) as stream:
            for _, payload in RecordReader(stream, os.fstat(stream.fileno()).st_size, str(path)):
                if payload is not None and _SUFFIX.encode() in payload:
                    found += _histograms_in(payload)
    except OSError:
        return []  # it was read before, so that it has vanished is all that this can be
    return found


def _histograms_in(payload: bytes) -> list[tuple[int, float, str, Fingerprint | None]]:
    try:
        event = event_in(payload)
    except ValueError:
        return []  # reported as damage when the scalars were read
    return [
        (event.step, event.wall_time, value.tag, _fingerprint(value.tensor))
        for value in event.summary.value
        if value.tag.endswith(_SUFFIX) and value.HasField("tensor") and value.tensor.dtype == _DT_DOUBLE
    ]


def _fingerprint(tensor: Any) -> Fingerprint | None:
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    if len(shape) != 2 or shape[1] != 3 or not 0 < shape[0] <= _MOST_BUCKETS:
        return None
    if tensor.tensor_content:
        if len(tensor.tensor_content) != 8 * shape[0] * 3:
            return None
        values = np.frombuffer(tensor.tensor_content, "<f8")
    else:
        values = np.array(tensor.double_val, np.float64)
        if len(values) == 1:  # one value that stands for all
            values = np.repeat(values, shape[0] * 3)
        if len(values) != shape[0] * 3:
            return None
    return fingerprint_of_buckets(values.reshape(shape[0], 3))
