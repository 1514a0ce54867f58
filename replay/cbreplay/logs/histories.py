"""History files: what Keras' CSVLogger and ``pd.DataFrame(history.history).to_csv()`` write, and their kin.

Numbers are parsed by Python's ``float``, so that every one round-trips. The epoch column, the separator, the
encoding and the decimal sign are found in the file. A cell that is no number is missing and reported.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..damage import Damage, shortened
from ..errors import NotALogError
from ..points import Part
from .restarts import split_at_restarts

_EPOCH_NAMES = ("epoch", "epochs")
_STEP_NAMES = (
    "step", "global_step", "iteration", "training_iteration", "iter", "round", "time/total_timesteps",
    "total_timesteps", "timesteps",
)  # fmt: skip
_CATBOOST_TEST, _CATBOOST_TIME = "test_error.tsv", "time_left.tsv"
_INDEX_NAMES = ("", "unnamed: 0", "index")
_TELLING = re.compile(r"loss|acc|^val_|auc|error|mae|mse|rmse|f1|score", re.IGNORECASE)
_MISSING = frozenset({"", "na", "n/a", "null", "none", "--", "-", "<na>"})
_WINDOWS_FLOATS = {"1.#ind": math.nan, "1.#qnan": math.nan, "1.#snan": math.nan, "1.#inf": math.inf}
_NUMBER = re.compile(r"^\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*$")
_DECIMAL_COMMA = re.compile(r'(^|[;\t|]) *"?[+-]?\d*,\d+([eE][+-]?\d+)?"? *([;\t|]|\r?$)', re.MULTILINE)
#: Reports of one history file; the rest is counted.
MAX_REPORTED = 20


@dataclass(frozen=True)
class History:
    """A history file as parts: one, or more where its epochs start again or its header is repeated.

    ``axis`` says what the steps of the parts are: ``epoch`` (a column of that name), ``step`` or ``row``
    (nothing of the kind: rows are numbered from 0). ``damage`` uses 1-based lines; ``notes`` are sentences.
    """

    parts: tuple[Part, ...]
    axis: str
    damage: tuple[Damage, ...]
    notes: tuple[str, ...]


def read_history(path: Path) -> History:
    """Read one delimited text file of metrics by epoch.

    Raises OSError where it cannot be opened and :class:`NotALogError` where it is no history of a training.
    """
    if path.name == _CATBOOST_TIME:
        raise NotALogError("CatBoost's timing: it has no metrics")
    text = decode(path)
    with cells_up_to(len(text)):
        return _Table(str(path), text).read()


@contextmanager
def cells_up_to(length: int) -> Iterator[None]:
    """Let the csv module read cells of that length; what it cannot read is a :class:`NotALogError`."""
    limit = csv.field_size_limit(length + 1)
    try:
        yield
    except csv.Error as error:
        raise NotALogError(f"not readable as delimited text: {error}") from error
    finally:
        csv.field_size_limit(limit)


def decode(path: Path) -> str:
    """The text of a file, UTF-8 or (by its mark) UTF-16; binary data is a :class:`NotALogError`."""
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data[:4096]:
        raise NotALogError("binary data, not delimited text")
    return data.decode("utf-8-sig", errors="backslashreplace")


@dataclass
class _Segment:
    tag_id: array[int] = field(default_factory=lambda: array("i"))
    step: array[int] = field(default_factory=lambda: array("q"))
    value: array[float] = field(default_factory=lambda: array("d"))


class _Table:
    """The parse of one delimited text."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.damage: list[Damage] = []
        self.notes: list[str] = []
        self.segments = [_Segment()]
        self.texts: dict[int, list[tuple[int, str, int]]] = {}  # column -> (line, cell, lines) of what is no number
        self.empty = 0
        self.without_epoch = 0
        self.lines_of_row = 1

    def read(self) -> History:
        separator = _find_separator(self.text)
        rows = self._rows(separator)
        header = next((cells for _, cells in rows), None)
        if header is None:
            raise NotALogError("the file is empty")
        index, axis = self._understand(header)
        columns = [i for i in range(len(header)) if i != index and header[i]]
        columns = self._drop_repeated(header, columns)
        comma = separator != "," and _DECIMAL_COMMA.search(self.text) is not None
        self._fill(rows, header, index, axis, columns, parse_number if not comma else _parse_decimal_comma)
        return self._result(header, columns, axis)

    def _rows(self, separator: str) -> Iterator[tuple[int, list[str]]]:
        """The first line and the cells of each row; a quote that is not closed makes a row of many lines."""
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=separator, skipinitialspace=True)
        line = 1
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):  # a row of empty cells is a row of NaN
                self.lines_of_row = reader.line_num - line + 1
                yield line, [cell.strip() for cell in cells]
            line = reader.line_num + 1

    def _understand(self, header: list[str]) -> tuple[int | None, str]:
        """The column of the epochs and what it counts; refuse what is no history."""
        names = [name.lower() for name in header]
        others = [name for name in names[1:] if name]
        if all(_NUMBER.match(name) for name in names if name):
            raise NotALogError("the first line has no column names")
        if others and all(_NUMBER.match(name) for name in others):
            raise NotALogError("epochs seem to be columns and metrics rows: transpose it (a header of names is needed)")
        for known, axis in ((_EPOCH_NAMES, "epoch"), (_STEP_NAMES, "step")):
            for name in known:
                if name in names:
                    return names.index(name), axis
        if not any(_TELLING.search(name) for name in names):
            raise NotALogError("no epoch, step or loss column: not taken for the history of a training")
        return (0 if names[0] in _INDEX_NAMES else None), "row"

    def _drop_repeated(self, header: list[str], columns: list[int]) -> list[int]:
        first: dict[str, int] = {}
        for column in columns:
            if header[column] in first:
                self.notes.append(f"column {header[column]!r} occurs more than once: the first one is read")
            first.setdefault(header[column], column)
        return list(first.values())

    def _fill(
        self, rows: Iterator[tuple[int, list[str]]], header: list[str], index: int | None, axis: str,
        columns: list[int], parse: Callable[[str], float | None],
    ) -> None:  # fmt: skip
        missing = math.nan if axis == "row" else None
        row_number = 0
        ids = list(enumerate(columns))
        for line, cells in rows:
            if cells == header:
                self.notes.append(f"the header is repeated in line {line}: another training was appended")
                self.segments.append(_Segment())
                row_number = 0
                continue
            if len(cells) != len(header):
                self._bad_row(line, f"{len(cells)} cells where the header has {len(header)}")
                continue
            if axis == "row":
                if index is not None and row_number and cells[index] == "0":
                    self.segments.append(_Segment())  # the index of another frame that was appended
                    row_number = 0
                step = row_number
            else:
                if not cells[index or 0] and any(cells):
                    self.without_epoch += 1  # Lightning logs the learning rate on rows of their own
                    continue
                number = _whole(parse, cells[index or 0])
                if number is None:
                    self._bad_row(line, f"{header[index or 0]} is {cells[index or 0][:40]!r}, not a whole number")
                    continue
                step = number
            row_number += 1
            segment = self.segments[-1]
            for tag_id, column in ids:
                cell = cells[column]
                try:
                    value = parse(cell)
                except ValueError:
                    self.texts.setdefault(column, []).append((line, cell[:40], self.lines_of_row))
                    continue
                if value is None:
                    if missing is None or cell:
                        continue
                    value = missing
                    self.empty += 1
                segment.tag_id.append(tag_id)
                segment.step.append(step)
                segment.value.append(value)

    def _bad_row(self, line: int, detail: str) -> None:
        self.damage.append(Damage(self.path, line, "row", self.lines_of_row, detail))

    def _result(self, header: list[str], columns: list[int], axis: str) -> History:
        used = {tag_id for segment in self.segments for tag_id in segment.tag_id}
        wordy = [header[column] for i, column in enumerate(columns) if i not in used and column in self.texts]
        if wordy:
            self.notes.append("columns without a number are left out: " + ", ".join(repr(n[:60]) for n in wordy))
        for i, column in enumerate(columns):
            if i in used:
                for line, cell, lines in self.texts.get(column, ()):
                    detail = f"{header[column]} is {cell!r}, not a number: taken as missing"
                    self.damage.append(Damage(self.path, line, "value", lines, detail))
        if self.without_epoch:
            self.notes.append(f"{self.without_epoch} rows have no {axis}: left out")
        if self.empty:
            self.notes.append(f"{self.empty} empty cells are read as NaN, as pandas writes it")
        if self.text[-1] not in "\r\n":
            line = self.text.count("\n") + 1
            detail = "the last line has no line end: its last number may be cut off"
            self.damage.append(Damage(self.path, line, "truncated", 0, detail))
        self.damage.sort(key=lambda item: item.offset)
        if not used and self.text.count("\n") > 1:
            raise NotALogError("no column holds a usable number")
        prefix = "val_" if Path(self.path).name == _CATBOOST_TEST else ""
        tags = tuple(prefix + header[column] for column in columns)
        whole = [self._part(segment, tags) for segment in self.segments if segment.step]
        parts = tuple(piece for part in whole for piece in split_at_restarts(part))
        return History(parts, axis, shortened(self.damage, MAX_REPORTED), tuple(self.notes))

    def _part(self, segment: _Segment, tags: tuple[str, ...]) -> Part:
        step = np.array(segment.step, np.int64)
        return Part(
            path=self.path, writer="", started=None, tags=tags,
            tag_id=np.array(segment.tag_id, np.int32), step=step,
            wall_time=np.full(len(step), np.nan), value=np.array(segment.value, np.float64), exact=True,
        )  # fmt: skip


def _find_separator(text: str) -> str:
    """The separator that splits the first lines most evenly; a comma where nothing does."""
    lines = [line for line in text[:65536].splitlines() if line.strip()][:10]
    if not lines:
        return ","
    scores = {}
    for separator in (",", ";", "\t", "|"):
        counts = [len(row) for row in csv.reader(lines[: 1 if len(lines) < 3 else len(lines)], delimiter=separator)]
        even = sum(count == counts[0] for count in counts)
        scores[separator] = (counts[0] > 1, even, counts[0])
    return max(scores, key=lambda separator: scores[separator])


def parse_number(cell: str) -> float | None:
    """The number in a cell, None where it says that there is none; ValueError for any other text."""
    if "_" in cell:
        raise ValueError(cell)
    try:
        return float(cell)
    except ValueError:
        lowered = cell.lower()
        if lowered in _MISSING:
            return None
        sign, bare = (-1.0, lowered[1:]) if lowered.startswith("-") else (1.0, lowered.lstrip("+"))
        if bare in _WINDOWS_FLOATS:
            return sign * _WINDOWS_FLOATS[bare]
        raise


def _parse_decimal_comma(cell: str) -> float | None:
    return parse_number(cell.replace(",", "."))


def _whole(parse: Callable[[str], float | None], cell: str) -> int | None:
    try:
        number = parse(cell)
    except ValueError:
        return None
    if number is None or not number.is_integer() or abs(number) >= 2**53:
        return None
    return int(number)


def looks_like_history(path: Path) -> bool:
    """Whether a file of a name that promises nothing (``training.log``) starts like a history."""
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
        if b"\0" in head:
            return False
        first = os.fsdecode(head).splitlines()[:1]
        if not first:
            return False
        names = next(csv.reader(first, delimiter=_find_separator(os.fsdecode(head))), [])
    except (OSError, csv.Error):
        return False
    return len(names) > 1 and names[0].strip().lower() in (*_EPOCH_NAMES, *_STEP_NAMES)
