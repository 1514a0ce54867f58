"""Tuning in pictures: what each cell saves and loses, the front with the advice on it, who is still training."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import PercentFormatter

from ..sweeping import Grid
from ..text import number, plural
from ..tuning import Advice, Survival
from . import style
from .style import Place

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

_COLOURS = "cividis"
_MUCH = 0.2
_MAX_TICKS = 14


@dataclass(frozen=True)
class Surface:
    """Two parameters and what their cells save and lose, arrays of shape (y, x): shares, regret over the run's range.

    ``undecided`` is the share of runs that a cell leaves open; ``marked`` the place (y, x) of the advice.
    """

    x_name: str
    y_name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    saved: Floats
    regret: Floats
    undecided: Floats
    title: str
    limit: float | None = None
    marked: tuple[int, int] | None = None


def surface_of_advice(advice: Advice) -> Surface:
    """The cells of an advice over patience and min_delta (or the like); of further parameters the advised values."""
    grid, cells = advice.grid, advice.cells
    cell = 0 if advice.recommended is None else advice.recommended.cell
    x_name, y_name = _axes_of(grid)
    place = np.unravel_index(cell, grid.shape)
    names = list(grid.axes)
    index = tuple(slice(None) if name in (x_name, y_name) else int(place[at]) for at, name in enumerate(names))
    x, y = grid.axes[x_name], grid.axes.get(y_name, (0.0,))
    flip = names.index(x_name) < (names.index(y_name) if y_name in names else -1)

    def plane(values: Any) -> Floats:
        cut = np.asarray(values, np.float64).reshape(grid.shape)[index]
        return np.asarray(cut.T if flip else cut).reshape(len(y), len(x))

    at_limit = advice.goal.limit if advice.goal.kind == "max_regret" and not advice.goal.absolute else None
    regret = cells.regret_final_relative if advice.goal.final else cells.regret_relative
    fixed = [f"{name} {number(grid.axes[name][int(place[at])])}" for at, name in enumerate(names)
             if name not in (x_name, y_name) and len(grid.axes[name]) > 1]  # fmt: skip
    marked = None
    if advice.recommended is not None:
        marked = int(place[names.index(y_name)]) if y_name in names else 0, int(place[names.index(x_name)])
    title = f"{advice.monitor}: {plural(len(advice.used), 'run')}" + (f", at {', '.join(fixed)}" if fixed else "")
    undecided = plane(cells.undecided_share)
    return Surface(x_name, y_name, x, y, plane(cells.saved), plane(regret), undecided, title, at_limit, marked)


def _axes_of(grid: Grid) -> tuple[str, str]:
    """The parameters along x and y: the threshold or patience, and the one of the others with the most values."""
    x_name = "patience" if "patience" in grid.axes else grid.threshold
    others = [name for name in grid.axes if name != x_name]
    preferred = "min_delta" if "min_delta" in others else max(others, key=lambda name: len(grid.axes[name]), default="")
    return x_name, preferred


def surface_of_frame(sweep: pd.DataFrame) -> Surface:
    """The means over the runs of what :func:`cbreplay.sweep` gave, over patience and min_delta."""
    decided = sweep[sweep["verdict"] != "undecided"]
    keys = ["min_delta", "patience"]
    x, y = (tuple(sorted(sweep[name].unique().tolist())) for name in ("patience", "min_delta"))

    def plane(series: Any) -> Floats:
        return np.asarray(series.unstack("patience").reindex(index=y, columns=x).to_numpy(np.float64))

    sums = (
        decided.assign(epochs_saved=decided["epochs_saved"].fillna(0)).groupby(keys)[["epochs_saved", "epochs"]].sum()
    )
    is_open = (sweep["verdict"] == "undecided").groupby([sweep[key] for key in keys]).mean()
    names = ", ".join(map(str, sweep["monitor"].unique()))
    return Surface(
        "patience", "min_delta", x, y, plane(sums["epochs_saved"] / sums["epochs"]),
        plane(decided.groupby(keys)["regret_relative"].mean()), plane(is_open),
        f"{names}: {plural(sweep['run'].nunique(), 'run')}",
    )  # fmt: skip


@overload
def plot_sweep(sweep: pd.DataFrame | Advice, *, into: None = None) -> Figure: ...
@overload
def plot_sweep(sweep: pd.DataFrame | Advice, *, into: Place) -> Place: ...
def plot_sweep(sweep: pd.DataFrame | Advice, *, into: Figure | SubFigure | None = None) -> Figure | SubFigure:
    """Two maps of patience by min_delta: the regret, and the epochs saved; cells that leave runs open are hatched."""
    surface = surface_of_advice(sweep) if isinstance(sweep, Advice) else surface_of_frame(sweep)
    figure = style.figure(9.0, 2.6 + 0.26 * max(len(surface.y), 3) * 2, into)
    both = figure.subplots(2, 1, sharex=True)
    _map(figure, both[0], surface, surface.regret, "mean regret (of a run's range)", upper=True)
    _map(figure, both[1], surface, surface.saved, "epochs saved", upper=False)
    both[1].set_xlabel(surface.x_name)
    handles: list[Any] = []
    if (surface.undecided > 0).any():
        handles.append(Patch(facecolor="white", edgecolor=style.ink(0.733), hatch="//", label="leaves some runs open"))
    if (surface.undecided >= _MUCH).any():
        handles.append(
            Patch(facecolor="white", edgecolor=style.ink(0.733), hatch="xxx", label=f"{_MUCH:.0%} of the runs or more")
        )
    if surface.limit is not None:
        handles.append(
            Patch(facecolor="none", edgecolor=style.STOP, label=f"mean regret up to {100 * surface.limit:.3g}%")
        )
    if handles:
        style.legend_below(figure, handles)
    title = style.fitted(surface.title, 0.95 * style.inches(figure)[0], style.points(11), bold=True)
    figure.suptitle(title, fontsize=style.points(11), x=0.01, ha="left", weight="bold")
    return figure


def _map(figure: Figure | SubFigure, axes: Axes, surface: Surface, values: Floats, label: str, *, upper: bool) -> None:
    known = values[np.isfinite(values)]
    ceiling = 0.0 if not len(known) else float(np.quantile(known, 0.95) if upper else known.max())
    low = 0.0 if upper or not len(known) else float(known.min())
    mesh = axes.pcolormesh(
        np.arange(len(surface.x) + 1) - 0.5, np.arange(len(surface.y) + 1) - 0.5, np.ma.masked_invalid(values),
        cmap=_COLOURS, vmin=low, vmax=max(ceiling, low + 1e-9), rasterized=True,
    )  # fmt: skip
    bar = figure.colorbar(
        mesh, ax=axes, format=PercentFormatter(1.0, decimals=None), extend="max" if upper else "neither", pad=0.01
    )
    bar.set_label(label, fontsize=style.points(8))
    bar.ax.tick_params(labelsize=style.points(7))
    _hatch(axes, surface.undecided)
    if surface.limit is not None:
        axes.add_collection(
            LineCollection(_border(surface.regret <= surface.limit), colors=style.STOP, linewidths=1.6, zorder=4)
        )
    if surface.marked is not None:
        y, x = surface.marked
        axes.plot(x, y, "*", color="white", markeredgecolor="black", markersize=15, zorder=5)
    axes.set_ylabel(surface.y_name)
    _label_ticks(axes, surface)


def _label_ticks(axes: Axes, surface: Surface) -> None:
    step = -(-len(surface.x) // _MAX_TICKS)
    places = np.arange(0, len(surface.x), step)
    axes.set_xticks(places, [number(surface.x[place]) for place in places], fontsize=style.points(8))
    step = -(-len(surface.y) // _MAX_TICKS)
    places = np.arange(0, len(surface.y), step)
    axes.set_yticks(places, [number(surface.y[place]) for place in places], fontsize=style.points(8))


def _hatch(axes: Axes, undecided: Floats) -> None:
    """One rectangle for each stretch of neighbours in a row that are hatched alike."""
    kind = np.where(undecided >= _MUCH, 2, np.where(undecided > 0, 1, 0))
    for y, row in enumerate(kind):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row, [0]]))).tolist()
        for first, end in itertools.pairwise(edges):
            if row[first]:
                axes.add_patch(
                    Rectangle((first - 0.5, y - 0.5), end - first, 1, fill=False, linewidth=0, edgecolor="#ffffff",
                              hatch="xxx" if row[first] == 2 else "//")
                )  # fmt: skip


def _border(inside: npt.NDArray[np.bool_]) -> list[list[tuple[float, float]]]:
    """The edges between cells that are inside and those that are not."""
    padded = np.pad(inside, 1)
    lines = []
    for y, x in zip(*np.nonzero(padded[:, 1:] != padded[:, :-1]), strict=True):
        lines.append([(x - 0.5, y - 1.5), (x - 0.5, y - 0.5)])
    for y, x in zip(*np.nonzero(padded[1:, :] != padded[:-1, :]), strict=True):
        lines.append([(x - 1.5, y - 0.5), (x - 0.5, y - 0.5)])
    return lines


@overload
def plot_front(advice: Advice, *, into: None = None) -> Figure: ...
@overload
def plot_front(advice: Advice, *, into: Place) -> Place: ...
def plot_front(advice: Advice, *, into: Figure | SubFigure | None = None) -> Figure | SubFigure:
    """Regret against the share of epochs trained: every cell, the front, the advice with its intervals."""
    figure = style.figure(8.0, 4.8, into)
    axes = figure.add_subplot()
    goal = advice.goal
    regret = np.asarray(getattr(advice.cells, goal.regret))
    trained = 1 - advice.cells.saved
    axes.plot(trained, regret, ".", color=style.AFTER, markersize=4, label=f"{advice.grid.cells} cells", zorder=1)
    if advice.front:
        axes.plot(
            [1 - item.saved.value for item in advice.front], [item.regret.value for item in advice.front],
            drawstyle="steps-post", color=style.VALIDATION, linewidth=1.4, label="front: nothing is better in both",
        )  # fmt: skip
    if goal.kind == "max_regret":
        axes.axhline(goal.limit, color=style.STOP, linewidth=1, linestyle="--", label="limit")
    else:
        axes.axvline(goal.limit, color=style.STOP, linewidth=1, linestyle="--", label="budget")
    for item, name, marker, colour in (
        (advice.half, "at half the limit", "<", style.RESTORED),
        (advice.double, "at double the limit", ">", style.RESTORED),
        (advice.knee, "knee", "D", style.ink(0.867)),
        (advice.current, "today", "s", style.ink(0.867)),
    ):
        if item is not None:
            axes.plot(1 - item.saved.value, item.regret.value, marker, color=colour, markersize=7, linestyle="none",
                      markerfacecolor="none", markeredgewidth=1.6, label=f"{name}: {item.words}", zorder=4)  # fmt: skip
    taken = advice.recommended
    if taken is not None:
        axes.errorbar(
            1 - taken.saved.value, taken.regret.value, xerr=_bars(taken.saved), yerr=_bars(taken.regret)[::-1],
            fmt="*", color=style.BEST, markersize=15, capsize=4, elinewidth=1.4,
            label=f"advice: {taken.words} ({advice.confidence:.0%} intervals)", zorder=5,
        )  # fmt: skip
    _draw_families(axes, advice)
    _front_axes(axes, advice, regret)
    title = f"{advice.monitor}: {plural(len(advice.used), 'run')}, {advice.grid.rule}"
    width = style.inches(figure)[0] * (0.55 if style.legend_beside(figure) else 0.85)
    title = style.fitted(title, width, style.points(11), bold=True)
    axes.set_title(title, fontsize=style.points(11), loc="left", weight="bold")
    return figure


def _bars(interval: Any) -> list[list[float]]:
    """Distances to the bounds, as matplotlib takes them: below, above (for a share trained the other way round)."""
    low = interval.value if interval.low is None else interval.low
    high = interval.value if interval.high is None else interval.high
    return [[high - interval.value], [interval.value - low]]


def _draw_families(axes: Axes, advice: Advice) -> None:
    markers = {"keras": "o", "lookback": "v", "smoothed": "^", "gl": "P", "pq": "X", "up": "d"}
    for point in advice.families:
        if point.rule is not None and point.family != advice.grid.rule:
            axes.plot(1 - point.saved, point.regret, markers[point.family], color="none", markeredgecolor="black",
                      markersize=6, linestyle="none", label=f"{point.family} at that cost", zorder=6)  # fmt: skip


def _front_axes(axes: Axes, advice: Advice, regret: Floats) -> None:
    """Axes that show the part where one decides: up to some times the limit, the rest is said."""
    known = regret[np.isfinite(regret)]
    shown = [item.regret.high or item.regret.value for item in (advice.recommended, advice.current) if item is not None]
    shown += [point.regret for point in advice.families if point.rule is not None]
    if advice.goal.kind == "max_regret":
        shown.append(6 * advice.goal.limit)
    elif not shown:
        shown += [item.regret.value for item in advice.front]
    top = min(max(shown, default=0.0), float(known.max())) if len(known) else 0.0
    if top > 0:
        axes.set_ylim(-0.03 * top, 1.1 * top)
        above = int((known > 1.1 * top).sum())
        if above:
            axes.annotate(f"{plural(above, 'cell')} above", (0.01, 0.985), xycoords="axes fraction", va="top",
                          fontsize=style.points(7), color=style.ink(0.733))  # fmt: skip
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("share of the epochs trained")
    if not advice.goal.absolute:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    unit = style.fitted(advice.monitor, 1.6, style.points(10)) if advice.goal.absolute else "of a run's range"
    kind = "mean regret of the final weights" if advice.goal.final else "mean regret"
    axes.set_ylabel(f"{kind} ({unit})")
    axes.grid(True, color=style.ink(0.098), linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


@overload
def plot_survival(curves: Sequence[Survival], *, into: None = None) -> Figure: ...
@overload
def plot_survival(curves: Sequence[Survival], *, into: Place) -> Place: ...
def plot_survival(curves: Sequence[Survival], *, into: Figure | SubFigure | None = None) -> Figure | SubFigure:
    """The share of runs that are still training at each epoch, a step curve for each policy."""
    figure = style.figure(8.0, 3.8, into)
    axes = figure.add_subplot()
    colours = (style.AFTER, style.BEST, style.RESTORED, style.STOP, style.VALIDATION)
    last = max((float(max(curve.epochs[-1], curve.censored.max(initial=0))) for curve in curves), default=1.0)
    for number_, curve in enumerate(curves):
        colour, dashes = colours[number_ % len(colours)], ("-", "-", "--", ":", "-.")[number_ % 5]
        x, y = np.append(curve.epochs, last), np.append(curve.share, curve.share[-1])
        label = style.fitted(curve.name, 3, style.points(8))
        axes.plot(x, y, drawstyle="steps-post", color=colour, linestyle=dashes, linewidth=1.8, label=label)
        if len(curve.censored):
            place = np.searchsorted(curve.epochs, curve.censored, side="right") - 1
            axes.plot(curve.censored, curve.share[place], "|", color=colour, markersize=9, markeredgewidth=1.5)
    axes.set_xlabel("epochs trained")
    axes.set_ylabel("runs still training")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(0, 1.03)
    axes.set_xlim(0, last)
    style.tidy(axes)
    style.legend_below(figure, axes.get_legend_handles_labels()[0])
    return figure
