"""Where policies differ: a run's curve once with the stop of every policy, or a row of marks for each of many runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from ..answers import Answer, ComparedRun
from ..comparing import Comparison
from ..text import epoch_name, plural
from . import style
from .along import Along, XAxis, along
from .marks import needs_log
from .panels import title_panel
from .strips import name_rows, strips_height
from .style import Place

MAX_PANELS = 12

_PANEL = 3.6, 2.6  # inches
_ALONE = 6.4, 3.6
_ABOVE = 1.7  # inches for the share of runs that still train
#: Blue is the curve of validation where both are drawn, so that it comes last.
_COLOURS = (*style.RUN_COLOURS[1:6], style.RUN_COLOURS[7], style.RUN_COLOURS[6], style.RUN_COLOURS[0])
_MARKERS = ("o", "s", "D", "^", "v", "P", "X", "h")
_LINES = ("-", "--", ":", "-.")
_MOST_RINGS = 6


def policy_looks(place: int) -> dict[str, Any]:
    """Colour, line style and marker of the policy at a place, the same in every figure of a comparison."""
    turned = place + place // len(_COLOURS)  # the second round of colours has other lines and markers
    return {
        "color": _COLOURS[place % len(_COLOURS)], "linestyle": _LINES[turned % len(_LINES)],
        "marker": _MARKERS[turned % len(_MARKERS)],
    }  # fmt: skip


@overload
def plot_policies(comparison: Comparison, *, into: None = None, x_axis: XAxis = "epoch") -> Figure: ...
@overload
def plot_policies(comparison: Comparison, *, into: Place, x_axis: XAxis = "epoch") -> Place: ...
def plot_policies(
    comparison: Comparison, *, into: Figure | SubFigure | None = None, x_axis: XAxis = "epoch"
) -> Figure | SubFigure:
    """Small multiples for up to 12 runs, above that a row per run, those on which the policies differ most on top.

    ``x_axis`` as for :func:`cbreplay.plot_outcome`; rows share one axis and always count epochs. Draws into ``into``
    and returns it, else into a new figure whose size follows the number of runs.
    """
    rows = [row for row in comparison.runs if drawn_answer(row) is not None and row.run.epochs]
    if not rows:
        return nothing_to_draw("nothing to compare: no run has the monitored metric", into)
    if len(rows) <= MAX_PANELS:
        return _panels(comparison, rows, into, x_axis)
    return _rows(comparison, rows, into)


def drawn_answer(row: ComparedRun) -> Answer | None:
    """The first answer whose monitor is in the log: its curve stands for the run."""
    return next((a for a in row.answers if a.outcome is not None and a.outcome.monitor in a.outcome.run.table), None)


def nothing_to_draw(sentence: str, into: Figure | SubFigure | None) -> Figure | SubFigure:
    """A figure that says why there is nothing in it."""
    figure = style.figure(8.0, 2.0, into)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.text(0.5, 0.5, sentence, ha="center", va="center", fontsize=style.points(10))
    return figure


def policy_handles(comparison: Comparison, *, markers: bool = True) -> list[Line2D]:
    """A legend's entry for each policy."""
    made = []
    for place, policy in enumerate(comparison.policies):
        looks = policy_looks(place)
        if not markers:
            looks["marker"] = None
        made.append(Line2D([], [], label=style.fitted(policy.name, 2.2, style.points(8)), markersize=6, **looks))
    return made


def draw_stops(axes: Axes, row: ComparedRun, placed: Along) -> None:
    """A line at the stop of each policy, in its colour and style."""
    for place, answer in enumerate(row.answers):
        if answer.stopped_epoch is not None:
            looks = policy_looks(place)
            axes.axvline(float(placed.at(answer.stopped_epoch)), color=looks["color"], linestyle=looks["linestyle"],
                         linewidth=1.5)  # fmt: skip


def _panels(
    comparison: Comparison, rows: Sequence[ComparedRun], into: Figure | SubFigure | None, x_axis: XAxis
) -> Figure | SubFigure:
    columns = min(3, len(rows))
    if into is not None:
        columns = max(1, min(columns, int(style.inches(into)[0] / 2.2)))
    lines = -(-len(rows) // columns)
    size = _ALONE if len(rows) == 1 else (_PANEL[0] * columns + 0.4, _PANEL[1] * lines)
    figure = style.figure(size[0], size[1] + 1.1, into)
    width = 0.86 * style.inches(figure)[0] / columns
    grid = figure.subplots(lines, columns, squeeze=False)
    for index, (row, placed) in enumerate(zip(rows, along([row.run for row in rows], x_axis), strict=True)):
        axes = grid.flat[index]
        _draw_panel(axes, row, placed, width)
        if index + columns >= len(rows):
            axes.set_xlabel(style.fitted(placed.short, width, style.points(8)), fontsize=style.points(8))
    for axes in list(grid.flat)[len(rows) :]:
        axes.set_axis_off()
    _title(figure, comparison, rows)
    style.legend_below(figure, [*policy_handles(comparison), *_legend(rows)], entry=1.6)
    return figure


def _title(figure: Figure | SubFigure, comparison: Comparison, rows: Sequence[ComparedRun]) -> None:
    count = len(comparison.policies)
    said = f": {plural(len(rows), 'run')} under {count} {'policy' if count == 1 else 'policies'}"
    monitors = " / ".join(comparison.monitors)
    title = style.fitted(monitors, 0.9 * style.inches(figure)[0] - 2.4, style.points(11)) + said
    figure.suptitle(title, fontsize=style.points(11))


def _draw_panel(axes: Axes, row: ComparedRun, placed: Along, width: float) -> None:
    drawn = drawn_answer(row)
    assert drawn is not None
    assert drawn.outcome is not None
    run = drawn.outcome.run
    metric = run.table[drawn.outcome.monitor or ""]
    finite = np.isfinite(metric.value)
    axes.plot(placed.at(metric.epoch[finite]), metric.value[finite], color=style.ink(0.55), linewidth=1.4)
    if needs_log([metric.value[finite]]):
        axes.set_yscale("log")
    if drawn.whole_best is not None and drawn.whole_best_epoch is not None:
        axes.plot(placed.at([drawn.whole_best_epoch]), [drawn.whole_best], zorder=6,
                  **_BEST | {"color": style.ink(0.867)})  # fmt: skip
    draw_stops(axes, row, placed)
    last = run.first_epoch + run.epochs - 1
    step = min(0.09, 0.8 / len(row.answers))
    for place, answer in enumerate(row.answers):
        looks = policy_looks(place) | {"linestyle": "none", "clip_on": False, "zorder": 5, "markersize": 5.5}
        at = last if answer.stopped_epoch is None else answer.stopped_epoch
        kind = {"stopped": {}, "completed": _TO_END, "undecided": _UNDECIDED}[answer.verdict]
        # One below the other, so that policies with the same stop can all be seen.
        axes.plot(placed.at([at]), [0.95 - step * place], transform=axes.get_xaxis_transform(),
                  **looks | kind)  # fmt: skip
        kept = metric.epoch == answer.kept_epoch
        if kept.any() and len(row.answers) <= _MOST_RINGS:
            axes.plot(placed.at(metric.epoch[kept]), metric.value[kept], marker="o", markersize=5 + 3 * place,
                      linestyle="none", markerfacecolor="none", markeredgecolor=looks["color"],
                      markeredgewidth=1.1)  # fmt: skip
    title_panel(axes, row.run.name, "stops: " + ", ".join(_stop(answer) for answer in row.answers), width)
    style.tidy(axes, whole=not placed.is_time)
    placed.limit(axes, run.first_epoch, last)


_BEST: dict[str, Any] = {"marker": "*", "markersize": 9, "linestyle": "none", "markeredgecolor": "none"}
_TO_END: dict[str, Any] = {"markerfacecolor": "none"}
_UNDECIDED: dict[str, Any] = {"marker": "$?$", "markersize": 7}


def _stop(answer: Answer) -> str:
    return {"completed": "to its end", "undecided": "?"}.get(answer.verdict, epoch_name(answer.stopped_epoch))


def _legend(rows: Sequence[ComparedRun]) -> list[Line2D]:
    """What the marks mean that are there, whatever the policy."""
    verdicts = {answer.verdict for row in rows for answer in row.answers}
    grey = {"color": style.ink(0.733), "linestyle": "none"}
    made = [Line2D([], [], label="best in the log", **_BEST | {"color": style.ink(0.867)})]
    if len(rows[0].answers) <= _MOST_RINGS:
        made.append(Line2D([], [], marker="o", markersize=8, label="kept weights", **grey | _TO_END))
    if "completed" in verdicts:
        made.append(Line2D([], [], marker="s", markersize=5.5, label="hollow: trains to its end", **grey | _TO_END))
    if "undecided" in verdicts:
        made.append(Line2D([], [], label="undecided", **grey | _UNDECIDED))
    return made


def _rows(comparison: Comparison, rows: Sequence[ComparedRun], into: Figure | SubFigure | None) -> Figure | SubFigure:
    """A row per run below the share of runs that each policy still trains."""
    figure = style.figure(9.0, strips_height(len(rows)) + _ABOVE, into)
    width, height = style.inches(figure)
    above = min(_ABOVE, 0.3 * height)
    top, axes = figure.subplots(2, 1, sharex=True, height_ratios=(above, height - above))
    _draw_shares(top, comparison)
    ranked = sorted(rows, key=lambda row: (-row.spread, -row.run.epochs, row.run.name))
    row_points = 72 * max(height - above - 1.4, 0.5) / (len(ranked) + 1)
    axes.set_ylim(len(ranked), -1)
    first = min(row.run.first_epoch for row in ranked)
    end = max(row.run.first_epoch + row.run.epochs for row in ranked)
    _draw_rows(axes, ranked, row_points, 0.011 * (end - first))
    style.epoch_axis(axes, first + 1, end + 0.011 * (end - first) * len(comparison.policies))
    axes.set_xlabel("epoch (counted from 1, as Keras prints it)", fontsize=style.points(10))
    said = f"{plural(len(ranked), 'run')}: on top those where the policies differ most"
    axes.set_ylabel(style.fitted(said, 0.8 * (height - above), style.points(9)), fontsize=style.points(9))
    name_rows(axes, [row.run.name for row in ranked], min(style.points(7), 0.8 * row_points), 0.3 * width)
    style.tidy(axes)
    axes.grid(False, axis="y")
    _title(figure, comparison, ranked)
    handles = [
        *policy_handles(comparison), Line2D([], [], label="best in the log", **_BEST | {"color": style.ink(0.867)}),
        Line2D([], [], color=style.ink(0.25), label="logged"),
    ]  # fmt: skip
    if any(answer.verdict == "undecided" for row in ranked for answer in row.answers):
        handles.append(Line2D([], [], marker="o", label="hollow, at the end: undecided", linestyle="none",
                              color=style.ink(0.733), markerfacecolor="none"))  # fmt: skip
    style.legend_below(figure, handles, entry=2.0)
    return figure


def _draw_shares(axes: Axes, comparison: Comparison) -> None:
    curves = comparison.survival()
    last = max(float(max(curve.epochs[-1], curve.censored.max(initial=0))) for curve in curves)
    for place, curve in enumerate(curves):
        looks = policy_looks(place) | {"marker": None}
        axes.plot(np.append(curve.epochs, last), np.append(curve.share, curve.share[-1]), drawstyle="steps-post",
                  linewidth=1.6, **looks)  # fmt: skip
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylabel("runs still training", fontsize=style.points(9))
    axes.tick_params(labelbottom=False)
    style.tidy(axes)


def _draw_rows(axes: Axes, rows: Sequence[ComparedRun], row_points: float, step: float) -> None:
    spans = [[(row.run.first_epoch + 1, y), (row.run.first_epoch + row.run.epochs, y)] for y, row in enumerate(rows)]
    axes.add_collection(LineCollection(spans, colors=style.ink(0.25), linewidths=min(1.0, row_points / 6), zorder=1))
    size = float(np.clip(0.62 * row_points, 3.3, 6.5))
    found = [(epoch + 1, y) for y, row in enumerate(rows)
             if (a := drawn_answer(row)) is not None and (epoch := a.whole_best_epoch) is not None]  # fmt: skip
    axes.plot([x for x, _ in found], [y for _, y in found], "*", color=style.ink(0.867), markersize=size + 0.5,
              markeredgecolor="none", zorder=2)  # fmt: skip
    count = len(rows[0].answers)
    for place in range(count):
        looks = policy_looks(place) | {"linestyle": "none", "zorder": 3 + place}
        # Later ones are smaller, so that what lies below can still be seen.
        looks["markersize"] = size * (1 - 0.2 * place / max(count - 1, 1))
        answers = [(y, row.run, row.answers[place]) for y, row in enumerate(rows)]
        stops = [(a.stopped_epoch + 1, y) for y, _, a in answers if a.stopped_epoch is not None]
        axes.plot([x for x, _ in stops], [y for _, y in stops], markeredgecolor="none", **looks)
        ends = [(run.first_epoch + run.epochs + step * (place + 1), y) for y, run, a in answers if not a.is_decided]
        axes.plot([x for x, _ in ends], [y for _, y in ends], markerfacecolor="none", markeredgewidth=0.7,
                  **looks | {"markersize": 0.8 * size})  # fmt: skip
