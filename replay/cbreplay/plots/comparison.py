"""All runs under one policy at a glance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..outcome import Outcome
from ..text import epoch_name, plural, printable
from . import style
from .marks import draw_best, draw_curves, draw_stop

_MAX_PANELS = 12


def plot_comparison(outcomes: Sequence[Outcome]) -> Figure:
    """Small multiples for up to 12 runs, one strip per run above that; the same marks in both."""
    drawable = [outcome for outcome in outcomes if outcome.monitor is not None and outcome.run.epochs]
    if not drawable:
        figure = style.figure(8.0, 2.0)
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.text(0.5, 0.5, "nothing to compare: no run has the monitored metric", ha="center", va="center")
        return figure
    if len(drawable) <= _MAX_PANELS:
        return _panels(drawable)
    return _strips(drawable)


def _legend() -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=style.VALIDATION, label="monitor"),
        Line2D([], [], color=style.TRAIN, label="its counterpart"),
        Line2D([], [], color=style.BEST, marker="*", linestyle="none", markersize=10, label="best"),
        Line2D([], [], color=style.STOP, label="stop"),
        Patch(color=style.AFTER, alpha=0.35, label="after the stop"),
    ]


def _panels(outcomes: Sequence[Outcome]) -> Figure:
    columns = min(3, len(outcomes))
    rows = -(-len(outcomes) // columns)
    figure = style.figure(3.6 * columns + 0.4, 2.6 * rows + 0.9)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, outcome in zip(grid.flat, outcomes, strict=False):
        if outcome.monitor in outcome.run.table:
            for draw in (draw_curves, draw_stop, draw_best):
                draw(axes, outcome)
        name = style.plain(printable(outcome.run.name, 34))
        axes.set_title(f"{name}\n", fontsize=9, loc="left", weight="bold")
        axes.text(0, 1.02, _short_verdict(outcome), transform=axes.transAxes, fontsize=8, color="#444444")
        axes.tick_params(labelsize=7)
        style.tidy(axes)
    for axes in list(grid.flat)[len(outcomes) :]:
        axes.set_axis_off()
    for axes in grid[-1]:
        axes.set_xlabel("epoch (from 1)", fontsize=8)
    monitors = {str(outcome.monitor) for outcome in outcomes}
    title = printable(" / ".join(sorted(monitors)), 60)
    figure.suptitle(style.plain(f"{title}: {plural(len(outcomes), 'run')} under one policy"), fontsize=11)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    return figure


def _short_verdict(outcome: Outcome) -> str:
    if outcome.stopped_epoch is not None:
        return f"stops at {epoch_name(outcome.stopped_epoch)}, best at {epoch_name(outcome.best_epoch)}"
    if outcome.best_epoch is not None:
        return f"{outcome.verdict}, best at {epoch_name(outcome.best_epoch)}"
    return outcome.verdict


def _strips(outcomes: Sequence[Outcome]) -> Figure:
    """A strip per run, the longest on top: epochs used, epochs after the stop, best."""
    ranked = sorted(outcomes, key=lambda outcome: (outcome.run.epochs, outcome.run.name))
    height = min(0.17 * len(ranked) + 1.4, 30.0)
    figure = style.figure(9.0, height)
    axes = figure.add_subplot()
    places = np.arange(len(ranked))
    first = np.array([outcome.run.first_epoch for outcome in ranked])
    ends = np.array([outcome.run.first_epoch + outcome.run.epochs for outcome in ranked])
    stops = np.array([e if o.stopped_epoch is None else o.stopped_epoch + 1 for o, e in zip(ranked, ends, strict=True)])
    axes.barh(places, stops - first, left=first + 0.5, height=0.75, color=style.VALIDATION, alpha=0.55, label="trained")
    axes.barh(places, ends - stops, left=stops + 0.5, height=0.75, color=style.AFTER, alpha=0.6, label="after the stop")
    stopped = [i for i, outcome in enumerate(ranked) if outcome.stopped_epoch is not None]
    axes.plot(stops[stopped], places[stopped], "|", color=style.STOP, markersize=6, markeredgewidth=2, label="stop")
    best = [(o.best_epoch + 1, i) for i, o in enumerate(ranked) if o.best_epoch is not None]
    if best:
        x, y = zip(*best, strict=True)
        axes.plot(x, y, "*", color=style.BEST, markersize=6, markeredgecolor="none", label="best")
    if len(ranked) <= 150:
        axes.set_yticks(places, [style.plain(printable(o.run.name, 40)) for o in ranked], fontsize=6)
    else:
        axes.set_yticks([])
        axes.set_ylabel(f"{len(ranked)} runs, longest on top")
    axes.set_ylim(-1, len(ranked))
    style.epoch_axis(axes, int(first.min()) + 1, int(ends.max()))
    axes.set_xlabel("epoch (counted from 1, as Keras prints it)")
    style.tidy(axes)
    figure.legend(loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    return figure
