"""All runs under one policy at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from matplotlib.figure import Figure, SubFigure

from ..outcome import Outcome
from . import style
from .along import XAxis
from .panels import draw_panels, panels_in
from .strips import draw_strips
from .style import Place

_MAX_PANELS = 12


@overload
def plot_comparison(outcomes: Sequence[Outcome], *, into: None = None, x_axis: XAxis = "epoch") -> Figure: ...
@overload
def plot_comparison(outcomes: Sequence[Outcome], *, into: Place, x_axis: XAxis = "epoch") -> Place: ...
def plot_comparison(
    outcomes: Sequence[Outcome], *, into: Figure | SubFigure | None = None, x_axis: XAxis = "epoch"
) -> Figure | SubFigure:
    """Small multiples for up to 12 runs that have room, else one strip per run; the same marks in both.

    ``x_axis`` as for :func:`cbreplay.plot_outcome`; strips share one axis, so that they all count epochs where one run
    has no times. Draws into ``into`` and returns it, else into a new figure whose size follows the number of runs.
    """
    drawable = [outcome for outcome in outcomes if outcome.monitor is not None and outcome.run.epochs]
    if not drawable:
        figure = style.figure(8.0, 2.0, into)
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.text(0.5, 0.5, "nothing to compare: no run has the monitored metric", ha="center", va="center")
        return figure
    shape = panels_in(len(drawable), into)
    if shape is not None and len(drawable) <= _MAX_PANELS:
        return draw_panels(drawable, shape, into, x_axis)
    return draw_strips(drawable, into, x_axis)
