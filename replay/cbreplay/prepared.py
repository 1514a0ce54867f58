"""What ``replay`` is given, as the epochs and logs that the callbacks of each fit saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .errors import ParameterError
from .rules.base import Logs
from .run import EpochAxis, Metric, PlannedEpochs, Run

Epochs = list[tuple[int, Logs]]


class Prepared:
    """A run, and what its callbacks saw: for each fit the epochs (0-based) with their logs."""

    def __init__(self, run: Run, fits: list[Epochs]) -> None:
        self.run = run
        self.fits = fits


def prepare(run: Any, initial_epoch: int | None, planned_epochs: int | None) -> Prepared:
    """A run, a DataFrame or an iterable of logs (see :func:`cbreplay.replay`) as what the callbacks of each fit saw."""
    if isinstance(run, Run):
        if initial_epoch is not None:
            raise ParameterError("initial_epoch is for lists and DataFrames: a run knows its first epoch")
        if planned_epochs is not None:
            given = PlannedEpochs(planned_epochs, "given", "as given")
            run = replace(run, planned=given)
        return Prepared(run, run.fits())
    logs = _logs_of_frame(run) if hasattr(run, "to_dict") and hasattr(run, "columns") else [dict(row) for row in run]
    first = initial_epoch or 0
    planned = len(logs) + first if planned_epochs is None else planned_epochs
    return Prepared(_run_of_logs(logs, first, planned), [list(enumerate(logs, start=first))])


def _logs_of_frame(frame: Any) -> list[dict[str, Any]]:
    """A dict per row; None and pandas' NA are missing, NaN of a float column is a value."""
    rows: list[dict[str, Any]] = [{} for _ in range(len(frame))]
    for position, column in enumerate(frame.columns):
        series = frame.iloc[:, position]
        numpy_float = isinstance(series.dtype, np.dtype) and series.dtype.kind == "f"
        for row, value in zip(rows, series.tolist(), strict=True):
            if value is None or (not numpy_float and value is not value) or str(value) == "<NA>":
                continue
            row[str(column)] = value
    return rows


def _run_of_logs(logs: Sequence[Logs], first: int, planned: int) -> Run:
    names = dict.fromkeys(name for row in logs for name in row)
    table = {}
    for name in names:
        numbered = [
            (epoch, float(row[name]))
            for epoch, row in enumerate(logs, start=first)
            if isinstance(row.get(name), (int, float, np.number))
        ]
        if numbered:
            epoch, value = (np.array(column) for column in zip(*numbered, strict=True))
            table[name] = Metric(
                name,
                epoch.astype(np.int64),
                value.astype(np.float64),
                np.full(len(epoch), math.nan),
                name,
                True,
            )
    return Run(
        name="logs", folder="", table=table, axis=EpochAxis("epoch", first, "a row is an epoch"), sources=(),
        sessions=(), damage=(), notes=(),
        planned=PlannedEpochs(planned, "given", "lists and DataFrames count as complete"),
        fit_epochs=((first, first + len(logs)),),
    )  # fmt: skip
