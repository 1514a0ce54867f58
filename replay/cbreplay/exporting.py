"""Every logged value of every run as a table: csv, json or parquet, for other programs to read.

1. Epochs are 0-based; wall times are in seconds since 1970.
2. A *tidy* table has a row for each logged value: run, epoch, metric, value, wall_time. A *wide* one has a row
   for each epoch of which anything was logged, and a column for each metric of any run, in the order of first
   appearance. Rows are in the order of the runs, then of the epochs, then of the metrics of the run.
3. A value that was not logged is no row (tidy), or an empty cell or null (wide). So is an unknown wall time.
4. A logged NaN or infinity is ``nan``, ``inf``, ``-inf`` in csv, the words ``"NaN"``, ``"Infinity"``,
   ``"-Infinity"`` in json, and itself in parquet, where it differs from null.
5. Values are exact: ``float(text)`` gives the same double. (pandas needs ``float_precision="round_trip"`` for that.)
6. Names are exact, and quoted as :mod:`csv` reads them back (with a NUL in them from Python 3.11 on). They come
   from logs: a spreadsheet may take one that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, so import such
   a file as text. Only what no UTF-8 has (parts of file names that are no text) is ``\\udc..`` in csv and parquet.
7. In a wide table a metric that is called ``run`` or ``epoch`` is ``run (metric)`` or ``epoch (metric)``.
"""

from __future__ import annotations

import csv
import importlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ._version import __version__
from .errors import CbreplayError, ParameterError
from .files import replacing
from .jsonable import jsonable
from .run import Run, Runs

#: The version of the object that :func:`write_json` writes.
SCHEMA = 1

#: The formats by name; each is also the ending of its files.
FORMATS = ("csv", "json", "parquet")

#: The cells of a table in the order of its columns: None is a missing value, NaN one that was logged as NaN.
Row = tuple[str | int | float | None, ...]

#: The name of each column and the type of its cells: str, int or float.
Columns = Mapping[str, type]

_CHUNK = 4096  # values of a run that are Python objects at the same time
_BATCH_CELLS = 1 << 18  # cells of a row group of parquet


class MissingExtraError(CbreplayError, ImportError):
    """A format needs a package that is not installed; the message says which extra brings it."""


def export_columns(runs: Sequence[Run], wide: bool = False) -> dict[str, type]:
    """The columns of the rows of :func:`export_rows`, name -> type of the cells."""
    if not wide:
        return {"run": str, "epoch": int, "metric": str, "value": float, "wall_time": float}
    return {"run": str, "epoch": int, **dict.fromkeys(_wide_names(runs).values(), float)}


def export_rows(runs: Sequence[Run], wide: bool = False) -> Iterator[Row]:
    """The rows of the table, one after the other: epochs 0-based, wall times in seconds since 1970.

    Beside the runs themselves memory takes a few arrays of the size of the largest run.
    """
    if not wide:
        for run in runs:
            yield from _tidy_rows(run)
        return
    place = {metric: number for number, metric in enumerate(_wide_names(runs))}
    for run in runs:
        for epoch, logged in groupby(_tidy_rows(run), key=lambda row: row[1]):
            cells: list[float | None] = [None] * len(place)
            for _, _, metric, value, _ in logged:
                cells[place[metric]] = value
            yield (run.name, epoch, *cells)


def _tidy_rows(run: Run) -> Iterator[tuple[str, int, str, float, float | None]]:
    names, metrics = list(run.table), list(run.table.values())
    if not metrics:
        return
    epoch = np.concatenate([metric.epoch for metric in metrics])
    value = np.concatenate([metric.value for metric in metrics])
    time = np.concatenate([metric.wall_time for metric in metrics])
    owner = np.repeat(np.arange(len(metrics)), [len(metric.epoch) for metric in metrics])
    order = np.argsort(epoch, kind="stable")
    for start in range(0, len(order), _CHUNK):
        at = order[start : start + _CHUNK]
        cells = zip(epoch[at].tolist(), owner[at].tolist(), value[at].tolist(), time[at].tolist(), strict=True)
        for when, number, logged, second in cells:
            yield run.name, when, names[number], logged, None if math.isnan(second) else second


def _wide_names(runs: Sequence[Run]) -> dict[str, str]:
    """Metric -> its column in a wide table, in the order of first appearance."""
    metrics = dict.fromkeys(name for run in runs for name in run.table)
    taken = {"run", "epoch", *metrics}
    columns = {}
    for metric in metrics:
        column = metric
        while metric in ("run", "epoch") and column in taken:
            column += " (metric)"
        columns[metric] = column
        taken.add(column)
    return columns


def write_csv(columns: Columns, rows: Iterable[Row], out: BinaryIO) -> None:
    """Write UTF-8 text with a header: separator ``,``, lines end with a line feed, quotes where they are needed."""
    writer = csv.writer(_Lines(out))
    writer.writerow(columns)
    writer.writerows(rows)


class _Lines:
    """Where :func:`csv.writer` writes: its own line end makes it quote both CR and LF; ours is LF."""

    def __init__(self, out: BinaryIO) -> None:
        self.out = out

    def write(self, line: str) -> None:
        self.out.write(_encode(line[:-2] + "\n"))


def _encode(text: str) -> bytes:
    return text.encode("utf-8", errors="backslashreplace")


def write_json(columns: Columns, rows: Iterable[Row], out: BinaryIO) -> None:
    """Write one object, ``{"schema": 1, "cbreplay": VERSION, "epochs": "0-based", "rows": [{column: cell}, ...]}``.

    Each row is a line of its own; every column is in it, null where the value is missing.
    """
    head = json.dumps({"schema": SCHEMA, "cbreplay": __version__, "epochs": "0-based", "rows": []})
    out.write(head.removesuffix("]}").encode())
    encode = json.JSONEncoder(allow_nan=False).encode  # one encoder: json.dumps would make one a row
    separator = "\n"
    for row in rows:
        cells = [
            cell if cell is None or isinstance(cell, str) or math.isfinite(cell) else jsonable(cell) for cell in row
        ]
        out.write((separator + encode(dict(zip(columns, cells, strict=True)))).encode())
        separator = ",\n"
    out.write(b"\n]}\n")


def write_parquet(columns: Columns, rows: Iterable[Row], out: BinaryIO) -> None:
    """Write a parquet file: string, int64 and float64 columns; raises :class:`MissingExtraError` without pyarrow.

    Its metadata have ``cbreplay`` (the version) and ``epochs`` (``0-based``).
    """
    arrow, parquet = _pyarrow()
    kinds = {str: arrow.string(), int: arrow.int64(), float: arrow.float64()}
    schema = arrow.schema(
        [(_encode(name).decode(), kinds[kind]) for name, kind in columns.items()],
        metadata={"cbreplay": __version__, "epochs": "0-based"},
    )
    many = max(1, _BATCH_CELLS // len(columns))
    remaining = iter(rows)
    with parquet.ParquetWriter(out, schema) as writer:
        while batch := list(islice(remaining, many)):
            cells = zip(*batch, strict=True)
            arrays = [
                arrow.array(
                    [_utf8(cell) for cell in column] if kind is str else column, type=kinds[kind], from_pandas=False
                )
                for kind, column in zip(columns.values(), cells, strict=True)
            ]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))


def _utf8(text: Any) -> str:
    return _encode(text).decode()


def _pyarrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtraError(
            f"parquet needs pyarrow, which cannot be imported ({error}): "
            "pip install 'cbreplay[parquet]', or export csv or json"
        ) from error


_WRITERS: dict[str, Callable[[Columns, Iterable[Row], BinaryIO], None]] = {
    "csv": write_csv,
    "json": write_json,
    "parquet": write_parquet,
}


def resolve_format(target: str | Path, file_format: str | None = None) -> str:
    """The format that is given, else that of the ending of ``target``: ``csv``, ``json`` or ``parquet``.

    Raises :class:`ParameterError` where neither tells, :class:`MissingExtraError` for parquet without pyarrow.
    """
    chosen = file_format or Path(target).suffix.lower().removeprefix(".")
    if chosen not in FORMATS:
        what = f"format {chosen!r}" if file_format else f"the ending of {str(target)!r}"
        raise ParameterError(
            f"{what} is none of {', '.join(FORMATS)}: give --format (file_format=), or a file that ends so"
        )
    if chosen == "parquet":
        _pyarrow()
    return chosen


def select_runs(runs: Runs, names: Sequence[str] = ()) -> Runs:
    """The runs of the given names, in that order; all without any. Raises :class:`UnknownRunError`."""
    return Runs([runs[name] for name in dict.fromkeys(names)], runs.logdir, runs.skipped) if names else runs


def write_export(runs: Sequence[Run], out: BinaryIO, file_format: str = "csv", *, wide: bool = False) -> None:
    """Write all metrics of the runs by epoch (0-based) to an open binary stream; parquet needs one that can tell."""
    _WRITERS[resolve_format("", file_format)](export_columns(runs, wide), export_rows(runs, wide), out)


def export_runs(
    runs: Runs, target: str | Path, file_format: str | None = None, *, names: Sequence[str] = (), wide: bool = False,
    force: bool = False,
) -> None:  # fmt: skip
    """Write all metrics by epoch (0-based) of the runs, or of those in ``names``, to the file ``target``.

    The file is there when it is complete: an export that ends before leaves what was there. Raises
    :class:`ParameterError` for a target that :func:`check_target` refuses, :class:`UnknownRunError`, OSError, and
    what :func:`resolve_format` raises.
    """
    chosen = resolve_format(target, file_format)
    selected = select_runs(runs, names)
    logs = [runs.logdir, *(source for run in runs for source in run.sources)]
    check_target(target, logs, force=force)
    with replacing(Path(target), through_links=True) as out:
        write_export(selected, out, chosen, wide=wide)
        check_target(target, (), force=force)  # another program may have made it meanwhile


def check_target(target: str | Path, logs: Iterable[str | Path], *, force: bool = False) -> None:
    """Raise :class:`ParameterError` where ``target`` is not to be written.

    That is: one of ``logs`` (files, and folders with all below them), ever; what is no regular file, ever; and a
    file that exists, unless ``force``.
    """
    given = Path(target)
    refuse_among_logs(given, logs)
    if given.exists() and not given.is_file():
        raise ParameterError(f"{given} is no regular file: name one to write")
    if given.exists() and not force:
        raise ParameterError(f"{given} exists: name another file, or give --force (force=True) to replace it")


def refuse_among_logs(target: str | Path, logs: Iterable[str | Path]) -> None:
    """Raise :class:`ParameterError` where ``target`` is one of ``logs`` or lies in one of them, by whatever name."""
    given, real = Path(target), Path(os.path.realpath(target))
    places = {_identity(place) for place in (real, *real.parents) if place.exists()}
    for log in map(Path, logs):
        if log.exists() and _identity(log) in places:
            relation = f"lies inside {log}" if log.is_dir() else f"is the log {log}"
            raise ParameterError(f"{given} {relation}: logs are never written to")


def _identity(path: Path) -> tuple[int, int]:
    """What a file is, however it is named: upper and lower case, links and mounts do not hide it."""
    status = path.stat()
    return status.st_dev, status.st_ino
