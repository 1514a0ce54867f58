"""Runs that belong together as one curve: the median and the middle half of each group, and how many are left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..bands import Band
from ..comparing import Comparison
from ..text import plural
from . import style
from .contrast import MAX_PANELS, nothing_to_draw
from .marks import needs_log
from .style import Place

_MOST_TOGETHER = 4
_PANEL = 3.6, 2.5  # inches


@overload
def plot_groups(comparison: Comparison, *, into: None = None) -> Figure: ...
@overload
def plot_groups(comparison: Comparison, *, into: Place) -> Place: ...
def plot_groups(comparison: Comparison, *, into: Figure | SubFigure | None = None) -> Figure | SubFigure:
    """The groups of a comparison: up to four in one plot with the runs left below, else a panel each (12 at most).

    Where fewer than half of a group's runs are left, its median is thin and dashed. Epochs count from 1. Draws into
    ``into`` and returns it, else into a new figure.
    """
    bands = [group.band for group in comparison.groups if group.band is not None]
    if not bands:
        return nothing_to_draw("no groups: no run of any has the monitored metric", into)
    figure = _together(bands, into) if len(bands) <= _MOST_TOGETHER else _panels(bands, into)
    left_out = f", the {MAX_PANELS} largest" if len(bands) > MAX_PANELS else ""
    said = f": median and middle half of {plural(len(bands), 'group')}{left_out}"
    width = style.inches(figure)[0]
    title = style.fitted(" / ".join(dict.fromkeys(band.metric for band in bands)), 0.9 * width - 3, style.points(11))
    figure.suptitle(title + said, fontsize=style.points(11))
    return figure


def draw_band(axes: Axes, band: Band, colour: str, label: str | None = None) -> None:
    """The median with the middle half around it; thin and dashed where fewer than half of the runs are left."""
    known = band.values > 0
    x, thin = band.epoch[known] + 1, band.is_thin[known]
    low, median, high = band.low[known], band.median[known], band.high[known]
    # The dashed line begins where the solid one ends.
    near = thin | np.append(thin[1:], False) | np.append(False, thin[:-1])
    axes.fill_between(x, low, high, where=~thin, color=colour, alpha=0.22, linewidth=0)
    axes.fill_between(x, low, high, where=near, color=colour, alpha=0.08, linewidth=0)
    axes.plot(x, np.where(thin, np.nan, median), color=colour, linewidth=1.9, label=label)
    if thin.any():
        axes.plot(x, np.where(near, median, np.nan), color=colour, linewidth=0.9, linestyle="--")


def band_handles(bands: Sequence[Band]) -> list[Line2D | Patch]:
    """What the looks of a band mean, those that are there."""
    grey = style.ink(0.6)
    made: list[Line2D | Patch] = [Patch(color=grey, alpha=0.3, linewidth=0, label="25 to 75 % of the runs")]
    if any(band.is_thin.any() for band in bands):
        made.append(
            Line2D([], [], color=grey, linewidth=0.9, linestyle="--", label="fewer than half of the runs are left")
        )
    return made


def _limits(axes: Axes, bands: Sequence[Band]) -> None:
    style.epoch_axis(axes, min(int(b.epoch[0]) for b in bands) + 1, max(int(b.epoch[-1]) for b in bands) + 1)


def _scale(axes: Axes, bands: Sequence[Band]) -> None:
    curves = [values[band.values > 0] for band in bands for values in (band.low, band.median)]
    if needs_log(curves):
        axes.set_yscale("log")


def _together(bands: Sequence[Band], into: Figure | SubFigure | None) -> Figure | SubFigure:
    figure = style.figure(8.0, 5.0, into)
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    handles: list[Line2D | Patch] = []
    for band, colour in zip(bands, style.RUN_COLOURS, strict=False):
        draw_band(top, band, colour)
        below.plot(band.epoch + 1, band.running, drawstyle="steps-mid", color=colour, linewidth=1.4)
        label = f"{style.fitted(band.name, 2.2, style.points(8))} ({plural(len(band.runs), 'run')})"
        handles.append(Line2D([], [], color=colour, linewidth=1.9, label=label))
    _scale(top, bands)
    top.set_ylabel(style.fitted(bands[0].metric, 2.5, style.points(9)), fontsize=style.points(9))
    top.tick_params(labelbottom=False)
    below.set_ylim(0, 1.1 * max(len(band.runs) for band in bands))
    below.set_ylabel("runs left", fontsize=style.points(9))
    below.set_xlabel("epoch (counted from 1, as Keras prints it)", fontsize=style.points(9))
    for axes in (top, below):
        style.tidy(axes)
        _limits(axes, bands)
    below.yaxis.get_major_locator().set_params(integer=True)
    style.legend_below(figure, [*handles, *band_handles(bands)], entry=2.6)
    return figure


def _panels(bands: Sequence[Band], into: Figure | SubFigure | None) -> Figure | SubFigure:
    largest = sorted(range(len(bands)), key=lambda place: -len(bands[place].runs))[:MAX_PANELS]
    shown = [bands[place] for place in sorted(largest)]
    columns = 3
    if into is not None:
        columns = max(1, min(columns, int(style.inches(into)[0] / 2.2)))
    rows = -(-len(shown) // columns)
    figure = style.figure(_PANEL[0] * columns + 0.4, _PANEL[1] * rows + 0.9, into)
    width = 0.86 * style.inches(figure)[0] / columns
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes, band in zip(grid.flat, shown, strict=False):
        for other in shown:
            if other is not band:
                axes.plot(other.epoch[other.values > 0] + 1, other.median[other.values > 0], color=style.ink(0.2),
                          linewidth=0.7, zorder=1)  # fmt: skip
        draw_band(axes, band, style.VALIDATION)
        said = f" ({plural(len(band.runs), 'run')})"
        name = style.fitted(band.name, width - 0.6, style.points(9), bold=True)
        axes.set_title(name + said, fontsize=style.points(9), loc="left", weight="bold")
        axes.tick_params(labelsize=style.points(7))
        style.tidy(axes)
    _scale(grid.flat[0], shown)
    _limits(grid.flat[0], shown)
    for axes in list(grid.flat)[len(shown) :]:
        axes.set_axis_off()
    for index in range(max(len(shown) - columns, 0), len(shown)):
        grid.flat[index].set_xlabel("epoch (from 1)", fontsize=style.points(8))
        grid.flat[index].tick_params(labelbottom=True)
    others = Line2D([], [], color=style.ink(0.2), linewidth=0.7, label="medians of the other groups")
    median = Line2D([], [], color=style.VALIDATION, linewidth=1.9, label="median")
    style.legend_below(figure, [median, *band_handles(shown), others], entry=2.6)
    return figure
