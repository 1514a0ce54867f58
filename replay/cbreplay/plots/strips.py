"""Many runs on one page: a strip per run, ranked by what an earlier stop saves."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from ..outcome import Outcome
from ..text import plural
from . import style
from .along import Along, XAxis, along
from .landmarks import Landmarks, landmarks
from .marks import undecided_looks
from .panels import draw_title

_ROW = 0.17  # inches a run, as long as the page is not too high
_HIGHEST_WITH_NAMES = 15.0
_HIGHEST = 10.0
_LOWEST = 3.4
_SHORTEST_TAIL = 0.015  # of the axis: a run of seconds beside one of hours is still seen to be open
_READABLE = 4.9  # points: smaller names cannot be read at 120 dpi
_AROUND = 1.4  # inches above and below the strips

Floats = npt.NDArray[np.float64]


def draw_strips(outcomes: Sequence[Outcome], into: Figure | SubFigure | None, x_axis: XAxis) -> Figure | SubFigure:
    """A strip per outcome: epochs used, epochs after the stop, what is open, best and stop.

    On top is what saves most; runs that end without a stop follow, the longest first, and then those left undecided.
    """
    figure = style.figure(9.0, strips_height(len(outcomes)), into)
    width, height = style.inches(figure)
    places, label = _one_axis(outcomes, x_axis)
    order = sorted(range(len(outcomes)), key=lambda i: _rank(outcomes[i], places[i]), reverse=True)
    ranked, places = [outcomes[i] for i in order], [places[i] for i in order]
    marks = [landmarks(outcome) for outcome in ranked]
    axes = figure.add_subplot()
    row_points = 72 * max(height - _AROUND, 0.5) / (len(ranked) + 1)
    axes.set_ylim(len(ranked), -1)
    _limits(axes, marks, places)
    _draw(axes, marks, places, row_points)
    _tell_groups(axes, [outcome.verdict for outcome in ranked])
    axes.set_xlabel(style.fitted(label, 0.6 * width, style.points(10)))
    unit = "time" if places[0].is_time else "epochs"
    said = (f"most {unit} saved on top,", "undecided at the bottom")
    size = style.points(9)
    axes.set_ylabel("\n".join(style.fitted(line, 0.7 * height, size) for line in said), fontsize=size)
    name_rows(axes, [outcome.run.name for outcome in ranked], min(style.points(7), 0.8 * row_points), 0.3 * width)
    style.tidy(axes, whole=not places[0].is_time)
    axes.grid(False, axis="y")
    draw_title(figure, ranked)
    handles = [copy(handle) for handle in axes.get_legend_handles_labels()[0]]
    for handle in handles:
        if isinstance(handle, Line2D):  # the marks of 300 strips are too small to be told apart by
            handle.set_markersize(8)
    style.legend_below(figure, handles)
    return figure


def strips_height(count: int) -> float:
    """Inches: as much as names need, up to a limit; without names (above some 150 runs) no more than a page."""
    wanted = max(_ROW * count + _AROUND, _LOWEST)
    if 72 * (_HIGHEST_WITH_NAMES - _AROUND) / (count + 1) * 0.8 >= _READABLE:
        return min(wanted, _HIGHEST_WITH_NAMES)
    return min(wanted, _HIGHEST)


def _one_axis(outcomes: Sequence[Outcome], x_axis: XAxis) -> tuple[list[Along], str]:
    """One kind of x for all runs: a time only where each of them has times; and the words below the axis."""
    runs = [outcome.run for outcome in outcomes]
    places = along(runs, x_axis)
    timeless = sum(not placed.is_time for placed in places)
    if x_axis == "epoch" or not timeless:
        return places, places[0].label
    return along(runs, "epoch"), f"epoch (counted from 1; {timeless} of {plural(len(runs), 'run')} without times)"


def _rank(outcome: Outcome, placed: Along) -> tuple[int, float, float, str]:
    run = outcome.run
    last = run.first_epoch + run.epochs - 1
    taken = float(placed.at(last) - placed.at(run.first_epoch))
    if outcome.stopped_epoch is None:
        return int(outcome.verdict != "undecided"), taken, 0.0, run.name
    return 2, float(placed.at(last) - placed.at(outcome.stopped_epoch)), taken, run.name


def _draw(axes: Axes, marks: Sequence[Landmarks], places: Sequence[Along], row_points: float) -> None:
    """Strips run from half an epoch before the first epoch to half an epoch behind their last."""
    rows = np.arange(len(marks), dtype=np.float64)
    # Gaps between strips of less than two pixels only make a pattern of their own.
    tall = 0.75 if row_points > 5 else 1.0
    first = _x(places, [seen.first - 0.5 for seen in marks])
    ends = _x(places, [seen.last + 0.5 for seen in marks])
    stops = _x(places, [(seen.last if seen.stop is None else seen.stop) + 0.5 for seen in marks])
    _bars(axes, rows, first, stops, tall, facecolor=style.VALIDATION, alpha=0.55, label="trained")
    after = stops < ends
    if after.any():
        _bars(axes, rows[after], stops[after], ends[after], tall, facecolor=style.AFTER, alpha=0.6,
              label="after the stop")  # fmt: skip
    tails = [(row, stretch) for row, seen in enumerate(marks) for stretch in seen.undecided]
    if tails:
        where = np.array([row for row, _ in tails], np.float64)
        bounds = np.array([places[row].at(stretch) for row, stretch in tails])
        behind = np.array([stretch[0] == marks[row].last for row, stretch in tails])
        starts = np.where(behind, ends[where.astype(int)], bounds[:, 0])
        least = starts + _SHORTEST_TAIL * float(np.ptp(axes.get_xlim()))
        _bars(axes, where, starts, np.maximum(bounds[:, 1], least), tall, label="not decided by the log",
              **undecided_looks())  # fmt: skip
    size = float(np.clip(row_points * 0.62, 2.4, 6))
    for name, looks in (
        ("stop", {"marker": "|", "color": style.STOP, "markersize": size, "markeredgewidth": min(2.0, size / 2)}),
        ("best", {"marker": "*" if size > 3 else "o", "color": style.BEST, "markersize": size,
                  "markeredgecolor": "none"}),
    ):  # fmt: skip
        found = [(row, epoch) for row, seen in enumerate(marks) if (epoch := getattr(seen, name)) is not None]
        if found:
            x = [float(places[row].at(epoch)) for row, epoch in found]
            axes.plot(x, [row for row, _ in found], linestyle="none", label=name, **looks)


def _tell_groups(axes: Axes, verdicts: Sequence[str]) -> None:
    """A line between those that stop, that do not and that may, and beside each group how many they are."""
    start = 0
    for verdict, words, aligned in (("stopped", "stop", "top"), ("completed", "to the end", "center"),
                                    ("undecided", "undecided", "bottom")):  # fmt: skip
        count = verdicts.count(verdict)
        if not count:
            continue
        if start:
            axes.axhline(start - 0.5, color=style.ink(0.4), linewidth=0.8)
        # At the outer ends of small groups, so that two words never meet.
        y = {"top": start - 0.5, "center": start + (count - 1) / 2, "bottom": start + count - 0.5}[aligned]
        axes.text(1.01, y, f"{count:,} {words}", transform=axes.get_yaxis_transform(), va=aligned,
                  fontsize=style.points(8), color=style.ink(0.733))  # fmt: skip
        start += count


def _x(places: Sequence[Along], epochs: Sequence[float]) -> Floats:
    return np.array([float(placed.at(epoch)) for placed, epoch in zip(places, epochs, strict=True)])


def _bars(axes: Axes, rows: Floats, starts: Floats, ends: Floats, tall: float, **looks: Any) -> None:
    """Horizontal bars as one artist: a patch each would take seconds for thousands of runs."""
    low, high = rows - tall / 2, rows + tall / 2
    corners = np.stack([np.stack([starts, ends, ends, starts], 1), np.stack([low, low, high, high], 1)], 2)
    axes.add_collection(PolyCollection(list(corners), **({"linewidth": 0} | looks)), autolim=False)


def _limits(axes: Axes, marks: Sequence[Landmarks], places: Sequence[Along]) -> None:
    low = min(float(placed.at(seen.first)) for placed, seen in zip(places, marks, strict=True))
    high = max(float(placed.at(seen.shown_until)) for placed, seen in zip(places, marks, strict=True))
    if places[0].is_time:
        axes.set_xlim(low, high + 0.02 * (high - low))
    else:
        style.epoch_axis(axes, low, high)


def name_rows(axes: Axes, names: Sequence[str], size: float, width: float) -> None:
    """The runs' names, unless they are too small to be read."""
    if size < _READABLE:
        axes.set_yticks([])
        return
    fitting = [style.fitted(name, width, size) for name in names]
    axes.set_yticks(np.arange(len(names)), fitting, fontsize=size)
    axes.tick_params(axis="y", length=0)
