"""Histories in JSON: what ``json.dump(history.history)``, pandas and the trainers of other libraries write.

Read are lists by metric (Keras), lists by data set and metric (XGBoost, LightGBM, CatBoost), pandas' orients
``columns``, ``index``, ``records`` and ``split``, JSON lines (Ray Tune, Stable-Baselines3), ``trainer_state.json``
(Hugging Face) and ``catboost_training.json``. Each shape is turned into rows of named values first.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..damage import Damage, shortened
from ..errors import NotALogError
from ..points import Part
from .histories import MAX_REPORTED, History, parse_number

#: The keys that count steps, those preferred first, and the axis that each makes.
_AXES = {
    "epoch": "epoch", "epochs": "epoch", "training_iteration": "epoch", "step": "step", "global_step": "step",
    "iteration": "step", "iter": "step", "_step": "step", "time/total_timesteps": "step",
}  # fmt: skip
_WORDS = "loss|acc|error|auc|score|f1|mae|mse|reward"
_TELLING = re.compile(f"{_WORDS}|^val_", re.IGNORECASE)
_DATA_SET = re.compile(r"(train|learn|val|test|eval|dev|holdout)", re.IGNORECASE)
_ROW_KEY = re.compile(r"\d{1,15}$")
_LINE_ENDINGS = (".jsonl", ".ndjson")
_LIVE_KEYS = frozenset({"training_iteration", "time/total_timesteps"})  # of logs that may have one line so far
_MAX_BYTES = 256 * 2**20
_DECODER = json.JSONDecoder(parse_int=float)  # Python limits the digits of an int, not those of a float
_REFUSED = "not taken for the history of a training"
_NAME = rf'"[^"]{{0,60}}({_WORDS}|val_|step|epoch|iteration)[^"]{{0,60}}"\s*'
_SIGNS = (
    rf'{_NAME}:\s*(\[|\{{\s*"\d)',
    r'"(log_history|learn_metrics|training_iteration|time/total_timesteps)"\s*:',
    r'^\{\s*("columns"\s*:|"\d+"\s*:\s*\{|"[^"]+"\s*:\s*\{\s*"[^"]+"\s*:\s*\[\s*["NI\d-])',
)

_Cell = float | str | None  # a number; a few words about what is none; nothing
_Rows = list[tuple[int, dict[str, Any]]]  # (1-based line, record or row; its values by name)
_CellRows = list[tuple[int, dict[str, _Cell]]]
_Point = tuple[int, int, float]  # tag, step, value


def read_json_history(path: Path) -> list[tuple[str, History]]:
    """Read the trainings in one JSON file, each with a suffix for the run's name ("" for the usual single one).

    Suffixes are ``#1``, ``#2`` for a list of histories and ``/NAME`` for histories by name. Steps come from a key
    like ``epoch`` or ``step``, else rows are numbered from 0. A key that is absent or null is a missing value. The
    ``offset`` of a damage is a line of JSON lines, else the number of the record (from 1).

    Raises OSError where it cannot be opened and :class:`NotALogError` where it is no history of a training.
    """
    if (size := path.stat().st_size) > _MAX_BYTES:
        raise NotALogError(f"{size / 2**20:.0f} MiB of JSON: more than {_MAX_BYTES // 2**20} MiB are not read")
    text = _decode(path.read_bytes())
    if not text.strip():
        raise NotALogError("the file is empty")
    try:
        tables = _tables(path, text)
    except RecursionError:
        raise NotALogError(f"values are nested too deeply: {_REFUSED}") from None
    except json.JSONDecodeError as error:
        raise NotALogError(f"cut off or not JSON: {error}") from error
    return [(suffix, table.history()) for suffix, table in tables]


def looks_like_json_history(path: Path) -> bool:
    """Whether a file starts like a history in JSON; only its first bytes are read."""
    try:
        with path.open("rb") as stream:
            head = _decode(stream.read(65536)).lstrip()
    except OSError:
        return False
    first, _, rest = head.partition("\n")
    lines = path.suffix.lower() in _LINE_ENDINGS or (first.rstrip().endswith("}") and rest.lstrip().startswith("{"))
    if head.startswith("[") or (head.startswith("{") and lines):
        return re.search(_NAME, head, re.IGNORECASE) is not None
    return head.startswith("{") and any(re.search(sign, head, re.IGNORECASE) for sign in _SIGNS)


def _decode(data: bytes) -> str:
    return data.decode(json.detect_encoding(data), errors="replace")


def _cell(value: object) -> _Cell:
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, str):
        try:
            return parse_number(value)
        except ValueError:
            return repr(value[:40])
    return {bool: "a truth value", dict: "an object"}.get(type(value), "a list")


def _is_numeric(cells: list[_Cell]) -> bool:
    """Whether there are numbers, and no fewer than other things."""
    numbers = sum(isinstance(cell, float) for cell in cells)
    return numbers > 0 and numbers >= sum(isinstance(cell, str) for cell in cells)


def _printable(name: str) -> str:
    """The name without lone surrogates, which JSON can hold and no output can."""
    return name.encode("utf-8", "backslashreplace").decode()


def _quoted(names: list[str]) -> str:
    shown = ", ".join(repr(name[:60]) for name in names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"


@dataclass
class _Table:
    """Values by row and name as they stand in the file, and what is known about them already."""

    path: str
    rows: _Rows
    unit: str = "record"
    axes: dict[str, str] = field(default_factory=lambda: _AXES)
    is_history: bool = False  # the shape of the file tells; names need not
    null_is_nan: bool = False  # without epochs, as in a CSV: pandas writes NaN so
    damage: list[Damage] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def history(self) -> History:
        rows = [(number, {_printable(name): _cell(value) for name, value in row.items()}) for number, row in self.rows]
        columns: dict[str, list[_Cell]] = {}
        for _, row in rows:
            for name, cell in row.items():
                columns.setdefault(name, []).append(cell)
        key, axis = self._find_steps(columns)
        ids: dict[str, int] = {}
        for name, cells in columns.items():
            if name != key and _is_numeric(cells):
                ids[name] = len(ids)
            elif name != key and any(isinstance(cell, str) for cell in cells):
                self.left_out.append(name)
        if not ids:
            raise NotALogError(f"no key holds numbers: {_REFUSED}")
        if key is None and not self.is_history and not any(map(_TELLING.search, ids)):
            raise NotALogError(f"no epoch, step or loss among the keys: {_REFUSED}")
        points = self._points(rows, key, ids)
        if self.left_out:
            self.notes.append(f"left out, no series of numbers: {_quoted(self.left_out)}")
        damage = shortened(sorted(self.damage, key=lambda item: item.offset), MAX_REPORTED)
        return History(self._parts(tuple(ids), points), axis, damage, tuple(self.notes))

    def _find_steps(self, columns: dict[str, list[_Cell]]) -> tuple[str | None, str]:
        """The first of the known keys that most rows have and that is never a fraction, and its axis."""
        names = {name.strip().lower(): name for name in reversed(columns)}
        for known, axis in self.axes.items():
            cells = columns[names[known]] if known in names else []
            numbers = [cell for cell in cells if isinstance(cell, float) and math.isfinite(cell)]
            if 2 * len(numbers) > len(self.rows) and all(number.is_integer() for number in numbers):
                return names[known], axis
        return None, "row"

    def _points(self, rows: _CellRows, key: str | None, ids: dict[str, int]) -> list[_Point]:
        """The points in the order of the rows."""
        points = []
        count = nulls = 0
        for number, row in rows:
            if row.keys().isdisjoint(ids):
                continue
            step = count if key is None else row.get(key)
            if isinstance(step, str | None) or not math.isfinite(step) or abs(step) >= 2**53:
                self.report(number, "row", f"{key} is {step or 'missing'}, not a whole number")
                continue
            count += 1
            for name, cell in row.items():
                if name not in ids:
                    continue
                if cell is None and self.null_is_nan and key is None:
                    cell, nulls = math.nan, nulls + 1
                if isinstance(cell, float):
                    points.append((ids[name], int(step), cell))
                elif cell is not None:
                    self.report(number, "value", f"{name} is {cell}, not a number: taken as missing")
        if nulls:
            self.notes.append(f"{nulls} null values are read as NaN, as pandas writes it")
        return points

    def _parts(self, tags: tuple[str, ...], points: list[_Point]) -> tuple[Part, ...]:
        """A part for each stretch of steps that do not go down."""
        if not points:
            return ()
        tag_id, step, value = zip(*points, strict=True)
        whole = Part(
            path=self.path, writer="", started=None, tags=tags,
            tag_id=np.array(tag_id, np.int32), step=np.array(step, np.int64),
            wall_time=np.full(len(step), np.nan), value=np.array(value, np.float64), exact=True,
        )  # fmt: skip
        begins = (np.flatnonzero(np.diff(whole.step) < 0) + 1).tolist()
        parts = [whole.cut(begin, end, None) for begin, end in pairwise([0, *begins, len(whole)])]
        return tuple(replace(part, started=None) for part in parts)

    def report(self, number: int, kind: str, detail: str) -> None:
        self.damage.append(Damage(self.path, number, kind, 1, f"{self.unit} {number}: {detail}"))


_Found = list[tuple[str, _Table]]  # (suffix of the run's name, the table)


def _tables(path: Path, text: str) -> _Found:
    if found := _json_lines(str(path), text):
        return found
    document = _DECODER.decode(text)
    if isinstance(document, list):
        return _records(str(path), document)
    if isinstance(document, dict):
        if isinstance(log := document.get("log_history"), list):  # trainer_state.json
            return [(suffix, replace(table, axes={"step": "step"})) for suffix, table in _records(str(path), log)]
        for shape in (_catboost, _frame, _by_data_set, _by_metric):
            if found := shape(str(path), document):
                return found
        if path.suffix.lower() in _LINE_ENDINGS or _LIVE_KEYS & document.keys():
            return [("", _Table(str(path), [(1, document)], "line"))]
    raise NotALogError(f"neither metrics by epoch nor records of them: {_REFUSED}")


def _json_lines(path: str, text: str) -> _Found:
    """Objects, one a line; nothing found where the first line is none, or is all there is."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    table = _Table(path, [], "line")
    for number, line in lines if len(lines) > 1 else ():
        try:
            item = _DECODER.decode(line)
        except json.JSONDecodeError:
            item = None
        if isinstance(item, dict):
            table.rows.append((number, item))
        elif not table.rows:
            return []
        else:
            table.report(number, "truncated" if number == lines[-1][0] else "row", "cut off, or no JSON object")
    return [("", table)] if table.rows else []


def _records(path: str, items: list[Any]) -> _Found:
    """A list of records, or of histories."""
    if not items:
        raise NotALogError(f"an empty list: {_REFUSED}")
    if not all(isinstance(item, dict) for item in items):
        raise NotALogError(f"a list, but not of records: {_REFUSED}")
    histories = [_by_metric(path, item) for item in items]
    if all(histories):
        return [(f"#{n}" if len(items) > 1 else "", found[0][1]) for n, found in enumerate(histories, start=1)]
    return [("", _Table(path, list(enumerate(items, start=1))))]


def _catboost(path: str, document: dict[str, Any]) -> _Found:
    """CatBoost: ``{"meta": names, "iterations": [{"iteration": 0, "learn": [...], "test": [...]}, ...]}``."""
    rows: list[dict[str, Any]] = []
    try:
        meta = document["meta"]
        metrics = dict.fromkeys(meta["learn_sets"], meta["learn_metrics"])
        metrics |= dict.fromkeys(meta["test_sets"], meta["test_metrics"])
        for item in document["iterations"]:
            rows.append({key: value for key, value in item.items() if key not in metrics})
            for name, told in metrics.items():
                values = zip(told, item.get(name, ()), strict=False)
                rows[-1] |= {f"{name}/{metric['name']}": value for metric, value in values}
    except (KeyError, TypeError, AttributeError):
        return []
    return [("", _Table(path, list(enumerate(rows, start=1)), axes={"iteration": "step"}))]


def _frame(path: str, document: dict[str, Any]) -> _Found:
    """``DataFrame.to_json``: ``split``; ``index`` or ``columns``, whose row keys are text ("10" before "2")."""
    names, data, inner = document.get("columns"), document.get("data"), list(document.values())
    if isinstance(names, list) and isinstance(data, list):
        rows = [dict(zip(map(str, names), row, strict=False)) for row in data if isinstance(row, list)]
    elif not all(isinstance(value, dict) for value in inner):
        return []
    elif all(map(_ROW_KEY.match, document)):
        rows = [document[key] for key in sorted(document, key=int)]
    elif all(_ROW_KEY.match(key) for value in inner for key in value):
        by_key: dict[int, dict[str, Any]] = {}
        for name, value in document.items():
            for key, cell in value.items():
                by_key.setdefault(int(key), {})[name] = cell
        rows = [by_key[key] for key in sorted(by_key)]
    else:
        return []
    return [("", _Table(path, list(enumerate(rows, start=1)), "row", null_is_nan=True))]


def _by_metric(path: str, document: dict[str, Any]) -> _Found:
    """Keras: ``{"loss": [...], "val_loss": [...]}``, perhaps among other things."""
    lists = _numeric_lists(document)
    lengths = [len(values) for name, values in lists.items() if _TELLING.search(name)]
    if not lengths or (2 * len(lists) < len(document) and len(lengths) == len(set(lengths))):
        return []
    return [("", _side_by_side(path, lists, [name for name in document if name not in lists]))]


def _by_data_set(path: str, document: dict[str, Any]) -> _Found:
    """Boosting: ``{"train": {"auc": [...]}, "test": {"auc": [...]}}``; or histories by name."""
    inner = {name: _numeric_lists(value) for name, value in document.items() if isinstance(value, dict) and value}
    groups = {name: lists for name, lists in inner.items() if len(lists) == len(document[name])}
    flat = {f"{name}/{metric}": values for name, lists in groups.items() for metric, values in lists.items()}
    even = len(set(map(len, flat.values()))) == 1
    sets = any(map(_DATA_SET.match, groups))
    if 2 * len(groups) < len(document) or not (any(map(_TELLING.search, flat)) or (sets and even)):
        return []
    left_out = [name for name in document if name not in groups]
    validated = any(f"val_{metric}" in lists for lists in groups.values() for metric in lists)
    if not validated and (sets or even):
        groups = {"": flat}
    suffixes = [f"/{_printable(name)}" if len(groups) > 1 else "" for name in groups]
    tables = [_side_by_side(path, lists, left_out) for lists in groups.values()]
    return list(zip(suffixes, tables, strict=True))


def _numeric_lists(document: dict[str, Any]) -> dict[str, list[Any]]:
    lists = {name: value for name, value in document.items() if isinstance(value, list)}
    return {name: value for name, value in lists.items() if _is_numeric(list(map(_cell, value)))}


def _side_by_side(path: str, lists: dict[str, list[Any]], left_out: list[str]) -> _Table:
    """The longest list has a value for each epoch; which epochs a shorter one means is unknown."""
    told = [values for name, values in lists.items() if _TELLING.search(name)] or list(lists.values())
    length = max(map(len, told))
    whole = {name: values for name, values in lists.items() if len(values) == length}
    rows = [dict(zip(whole, values, strict=True)) for values in zip(*whole.values(), strict=True)]
    notes = []
    for other in sorted({len(values) for values in lists.values()} - {length}):
        names = [name for name, values in lists.items() if len(values) == other]
        notes.append(f"{_quoted(names)} left out: {other} values for {length} epochs, and nothing says which")
    return _Table(path, list(enumerate(rows, start=1)), "value", is_history=True, left_out=[*left_out], notes=notes)
