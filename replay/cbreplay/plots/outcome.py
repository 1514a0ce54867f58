"""One run under one policy: its curves, and where it stops, is best, is restored and is saved."""

from __future__ import annotations

from matplotlib.figure import Figure

from ..outcome import Outcome
from ..text import printable
from . import style
from .marks import draw_best, draw_curves, draw_files, draw_sessions, draw_stop


def plot_outcome(outcome: Outcome) -> Figure:
    """A figure of one outcome: train and validation curve, marks, and the part after the stop shaded.

    Epochs on the axis are counted from 1, as Keras prints them.
    """
    figure = style.figure(9.0, 4.2)
    axes = figure.add_subplot()
    if outcome.monitor not in outcome.run.table:
        axes.set_axis_off()
        axes.text(0.5, 0.5, style.plain(printable(outcome.reason, 90)), ha="center", va="center", wrap=True)
    else:
        for draw in (draw_curves, draw_sessions, draw_stop, draw_best, draw_files):
            draw(axes, outcome)
        axes.set_xlabel("epoch (counted from 1, as Keras prints it)")
        axes.set_ylabel(style.plain(printable(outcome.monitor or "", 40)))
        figure.legend(loc="outside right upper", fontsize=8, frameon=False)
        style.tidy(axes)
        axes.set_title(style.plain(printable(outcome.reason, 100)), fontsize=10, loc="left", color="#444444")
    figure.suptitle(style.plain(printable(outcome.run.name, 70)), fontsize=12, x=0.01, ha="left", weight="bold")
    return figure
