"""TensorBoard's own CSV download: one tag per file, its name in that of the file, steps and wall times within."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..damage import Damage
from ..points import Part
from ..tags import TRAIN_FOLDERS, VALIDATION_FOLDERS
from .histories import cells_up_to, decode, parse_number

_HEADER = ["wall time", "step", "value"]
_NAME = re.compile(r"^(?:run-)?(?P<run>.*?)-tag-(?P<tag>.+)$")
_HALF = re.compile(rf"^(?P<base>.*?)[_\-. ]?(?P<half>{'|'.join((*TRAIN_FOLDERS, *VALIDATION_FOLDERS))})$")


def is_download(path: Path) -> bool:
    """Whether the file starts with the header ``Wall time,Step,Value``."""
    try:
        with path.open("rb") as stream:
            first = stream.readline(64)
    except OSError:
        return False
    return [cell.strip().lower() for cell in first.decode("utf-8-sig", "replace").split(",")] == _HEADER


def run_of_download(path: Path) -> tuple[str, str, str]:
    """The run, the writer and the tag in the file's name: ``run-logs_train-tag-epoch_loss.csv`` is of ``logs``."""
    match = _NAME.match(path.stem)
    if match is None:
        return path.stem, "", path.stem
    half = _HALF.match(match["run"])
    if half is None:
        return match["run"], "", match["tag"]
    return half["base"] or ".", half["half"], match["tag"]


def read_download(path: Path) -> tuple[Part, tuple[Damage, ...]]:
    """The points of one file; lines that are not three numbers are reported. Raises OSError and NotALogError."""
    _, writer, tag = run_of_download(path)
    rows: list[tuple[float, int, float]] = []
    damage: list[Damage] = []
    text = decode(path)
    with cells_up_to(len(text)):
        reader = csv.reader(io.StringIO(text, newline=""))
        next(reader, None)
        for cells in reader:
            row = _row(cells)
            if row is None:
                damage.append(Damage(str(path), reader.line_num, "row", 1, "not a wall time, a step and a value"))
            else:
                rows.append(row)
    wall_time, step, value = zip(*rows, strict=True) if rows else ((), (), ())
    part = Part(
        path=str(path),
        writer=writer,
        started=wall_time[0] if rows else None,
        tags=(tag,),
        tag_id=np.zeros(len(rows), np.int32),
        step=np.array(step, np.int64),
        wall_time=np.array(wall_time, np.float64),
        value=np.array(value, np.float64),
    )
    return part, tuple(damage)


def _row(cells: list[str]) -> tuple[float, int, float] | None:
    try:
        wall_time, step, value = (parse_number(cell.strip()) for cell in cells)
    except ValueError:
        return None
    if wall_time is None or step is None or value is None or not abs(step) < 2**53 or step % 1:
        return None
    return wall_time, int(step), value


def of_one_writer(parts: Sequence[Part]) -> list[Part]:
    """The downloads of a run, those of one writer as one part in order of time, as its event file had them."""
    by_writer: dict[str, list[Part]] = {}
    for part in parts:
        by_writer.setdefault(part.writer, []).append(part)
    return [_merged(group) for group in by_writer.values()]


def _merged(parts: list[Part]) -> Part:
    wall_time = np.concatenate([part.wall_time for part in parts])
    order = np.argsort(wall_time, kind="stable")
    numbers = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts])
    return replace(
        parts[0],
        started=min((part.started for part in parts if part.started is not None), default=None),
        tags=tuple(part.tags[0] for part in parts),
        tag_id=numbers[order],
        step=np.concatenate([part.step for part in parts])[order],
        wall_time=wall_time[order],
        value=np.concatenate([part.value for part in parts])[order],
    )
