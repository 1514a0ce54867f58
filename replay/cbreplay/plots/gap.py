"""Training against validation: both curves and the gap between them, for each of a few runs or as bands of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..answers import ComparedRun
from ..comparing import Comparison
from ..gaps import GapCurve
from ..text import number, plural
from . import style
from .along import Along, along
from .contrast import (
    MAX_PANELS,
    draw_stops,
    nothing_to_draw,
    policy_handles,
    policy_looks,
)
from .grouped import band_handles, draw_band
from .marks import needs_log
from .panels import plain_ticks, title_panel
from .style import Place

_PANEL = 3.6, 3.2  # inches
_ALONE = 6.8, 4.4


@overload
def plot_gaps(comparison: Comparison, *, into: None = None) -> Figure: ...
@overload
def plot_gaps(comparison: Comparison, *, into: Place) -> Place: ...
def plot_gaps(comparison: Comparison, *, into: Figure | SubFigure | None = None) -> Figure | SubFigure:
    """Training, validation and the gap of each run with the stops of the policies; of more than 12 runs their bands.

    The gap is above 0 where validation is worse. Epochs count from 1. Draws into ``into`` and returns it, else into a
    new figure.
    """
    rows = [(row, curve) for row in comparison.runs if (curve := _curve(row)) is not None]
    if not rows:
        return nothing_to_draw("no gap: no run has the monitored metric of both training and validation", into)
    if len(rows) <= MAX_PANELS:
        return _panels(comparison, rows, into)
    return _bands(comparison, rows, into)


def _gap_colour() -> str:
    return style.ink(0.85)


def _curve(row: ComparedRun) -> GapCurve | None:
    return next((a.gaps for a in row.answers if a.gaps is not None and len(a.gaps.epoch)), None)


def _panels(
    comparison: Comparison, rows: Sequence[tuple[ComparedRun, GapCurve]], into: Figure | SubFigure | None
) -> Figure | SubFigure:
    columns = min(3, len(rows))
    if into is not None:
        columns = max(1, min(columns, int(style.inches(into)[0] / 2.2)))
    lines = -(-len(rows) // columns)
    size = _ALONE if len(rows) == 1 else (_PANEL[0] * columns + 0.4, _PANEL[1] * lines + 1.0)
    figure = style.figure(*size, into)
    width = 0.86 * style.inches(figure)[0] / columns
    grid = figure.add_gridspec(lines, columns)
    places = along([row.run for row, _ in rows], "epoch")
    for index, ((row, curve), placed) in enumerate(zip(rows, places, strict=True)):
        parts = grid[index // columns, index % columns].subgridspec(2, 1, height_ratios=(2, 1), hspace=0.01)
        top = figure.add_subplot(parts[0])
        below = figure.add_subplot(parts[1], sharex=top)
        _draw_run(top, below, row, curve, placed, width)
        if index % columns == 0:
            below.set_ylabel("gap", fontsize=style.points(8))
        if index + columns >= len(rows):
            below.set_xlabel(style.fitted(placed.short, width, style.points(8)), fontsize=style.points(8))
    _title(figure, [curve for _, curve in rows])
    handles = [*_legend([curve for _, curve in rows]), *policy_handles(comparison, markers=False)]
    kept = Line2D([], [], marker="o", markersize=5, linestyle="none", color=style.ink(0.6), markerfacecolor="none",
                  label="kept weights")  # fmt: skip
    style.legend_below(figure, [*handles, kept], entry=1.7)
    return figure


def _draw_run(top: Axes, below: Axes, row: ComparedRun, curve: GapCurve, placed: Along, width: float) -> None:
    x = placed.at(curve.epoch)
    train, valid, gap = (np.where(np.isfinite(v), v, np.nan) for v in (curve.train, curve.valid, curve.gap))
    top.plot(x, train, color=style.TRAIN, linewidth=1.3)
    top.plot(x, valid, color=style.VALIDATION, linewidth=1.8)
    top.fill_between(x, train, valid, color=style.ink(0.6), alpha=0.12, linewidth=0)
    if needs_log([v[np.isfinite(v)] for v in (train, valid)]):
        top.set_yscale("log")
    below.axhline(0, color=style.ink(0.4), linewidth=0.8)
    below.plot(x, gap, color=_gap_colour(), linewidth=1.5)
    for axes in (top, below):
        draw_stops(axes, row, placed)
        style.tidy(axes)
    for place, answer in enumerate(row.answers):
        if answer.gap_kept is not None and answer.kept_epoch is not None:
            below.plot(placed.at([answer.kept_epoch]), [answer.gap_kept], marker="o", linestyle="none",
                       markersize=4 + 2 * place, markerfacecolor="none", markeredgecolor=policy_looks(place)["color"],
                       zorder=5)  # fmt: skip
    top.tick_params(labelbottom=False)
    title_panel(top, row.run.name, f"gap at the end {number(curve.end)}", width)
    plain_ticks(below)
    placed.limit(top, row.run.first_epoch, row.run.first_epoch + row.run.epochs - 1)


def _title(figure: Figure | SubFigure, curves: Sequence[GapCurve]) -> None:
    pairs = " / ".join(dict.fromkeys(f"{curve.validation} and {curve.training}" for curve in curves))
    said = f": generalisation gap of {plural(len(curves), 'run')}"
    title = style.fitted(pairs, 0.9 * style.inches(figure)[0] - 3.2, style.points(11)) + said
    figure.suptitle(title, fontsize=style.points(11))


def _legend(curves: Sequence[GapCurve]) -> list[Line2D | Patch]:
    pairs = {(curve.training, curve.validation) for curve in curves}
    names = pairs.pop() if len(pairs) == 1 else ("training", "validation")
    train, valid = (style.fitted(name, 1.5, style.points(8)) for name in names)
    return [
        Line2D([], [], color=style.TRAIN, linewidth=1.3, label=train),
        Line2D([], [], color=style.VALIDATION, linewidth=1.8, label=valid),
        Line2D([], [], color=_gap_colour(), linewidth=1.5, label="gap: validation is worse by"),
    ]


def _bands(
    comparison: Comparison, rows: Sequence[tuple[ComparedRun, GapCurve]], into: Figure | SubFigure | None
) -> Figure | SubFigure:
    """Median and middle half of all runs; below, the gap of each run and theirs."""
    bands = comparison.gap_bands()
    if bands is None:
        return nothing_to_draw("no gap: no run has a finite value of both training and validation", into)
    train, valid, gap = bands
    figure = style.figure(8.0, 6.0, into)
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1))
    draw_band(top, train, style.ink(0.5))
    draw_band(top, valid, style.VALIDATION)
    if needs_log([band.median[band.values > 0] for band in (train, valid)]):
        top.set_yscale("log")
    lines = [np.column_stack([curve.epoch + 1, curve.gap])[np.isfinite(curve.gap)] for _, curve in rows]
    opacity = max(0.08, min(0.5, 12 / len(lines)))
    below.add_collection(LineCollection(lines, colors=_gap_colour(), linewidths=0.6, alpha=opacity, zorder=1))
    draw_band(below, gap, _gap_colour())
    below.axhline(0, color=style.ink(0.4), linewidth=0.8)
    _limit_to_most(below, np.concatenate([line[:, 1] for line in lines]))
    top.set_ylabel("training and validation", fontsize=style.points(9))
    below.set_ylabel("gap", fontsize=style.points(9))
    below.set_xlabel("epoch (counted from 1, as Keras prints it)", fontsize=style.points(9))
    top.tick_params(labelbottom=False)
    for axes in (top, below):
        style.tidy(axes)
    style.epoch_axis(top, int(gap.epoch[0]) + 1, int(gap.epoch[-1]) + 1)
    _title(figure, [curve for _, curve in rows])
    one = Line2D([], [], color=_gap_colour(), linewidth=0.6, alpha=0.6, label="gap of one run")
    curves = [curve for _, curve in rows]
    handles = _legend(curves)
    handles[0] = Line2D([], [], color=style.ink(0.5), linewidth=1.3, label=handles[0].get_label())
    style.legend_below(figure, [*handles, one, *band_handles(bands)], entry=2.4)
    return figure


def _limit_to_most(axes: Axes, values: np.ndarray) -> None:
    """Limits that show all but the most extreme hundredth at each side: one diverged run would flatten the others."""
    if len(values):
        low, high = np.quantile(values, [0.01, 0.99])
        pad = 0.08 * (high - low) or 1.0
        axes.set_ylim(min(low, 0) - pad, max(high, 0) + pad)
