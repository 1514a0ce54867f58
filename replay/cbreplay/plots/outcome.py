"""One run under one policy: its curves, and where it stops, is best, is restored and is saved."""

from __future__ import annotations

from typing import overload

from matplotlib.figure import Figure, SubFigure

from ..outcome import Outcome
from . import style
from .along import XAxis, along
from .marks import draw_outcome
from .style import Place


@overload
def plot_outcome(outcome: Outcome, *, into: None = None, x_axis: XAxis = "epoch") -> Figure: ...
@overload
def plot_outcome(outcome: Outcome, *, into: Place, x_axis: XAxis = "epoch") -> Place: ...
def plot_outcome(
    outcome: Outcome, *, into: Figure | SubFigure | None = None, x_axis: XAxis = "epoch"
) -> Figure | SubFigure:
    """A figure of one outcome: train and validation curve, marks, the part after the stop shaded, what is open hatched.

    Epochs on the axis are counted from 1, as Keras prints them; with ``x_axis="time"`` it is the time since the end of
    the first logged epoch, in one unit from seconds to days (epochs where the log has no times; the axis says so).
    Draws into ``into`` and returns it, else into a new figure of 9 by 4.2 inches.
    """
    figure = style.figure(9.0, 4.2, into)
    width, height = style.inches(figure)
    axes = figure.add_subplot()
    room = 0.95 * width
    medium = style.points(10)
    if outcome.monitor not in outcome.run.table:
        axes.set_axis_off()
        said = style.fitted(outcome.reason, room, medium)
        axes.text(0.5, 0.5, said, ha="center", va="center", fontsize=medium)
    else:
        (placed,) = along([outcome.run], x_axis)
        draw_outcome(axes, outcome, placed)
        if style.legend_beside(figure):  # which begins at the top, beside the name
            room *= 0.7
        axes.set_xlabel(style.fitted(placed.label, 0.9 * room, medium))
        axes.set_ylabel(style.fitted(outcome.monitor or "", 0.7 * height, medium))
        style.tidy(axes, whole=not placed.is_time)
        axes.set_title(
            style.fitted(outcome.reason, 0.9 * room, medium), fontsize=medium, loc="left", color=style.ink(0.733)
        )
    title = style.fitted(outcome.run.name, room, style.points(12), bold=True)
    figure.suptitle(title, fontsize=style.points(12), x=0.01, ha="left", weight="bold")
    return figure
