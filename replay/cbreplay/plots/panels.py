"""Small multiples: a panel for each of a few runs, with one legend for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import ScalarFormatter

from ..monitors import counterpart
from ..outcome import Outcome
from ..text import epoch_name, plural
from . import style
from .along import Along, XAxis, along
from .landmarks import landmarks
from .marks import LOOKS, draw_outcome, file_looks, undecided_looks

_PANEL = 3.6, 2.6  # inches
_ALONE = 6.0, 3.4
_NARROWEST, _FLATTEST = 2.2, 1.2


def panels_in(count: int, into: Figure | SubFigure | None) -> tuple[int, int] | None:
    """Rows and columns for that many panels; None where the place is too small for them."""
    if into is None:
        columns = min(3, count)
        return -(-count // columns), columns
    width, height = style.inches(into)
    choices = []
    for columns in range(1, max(1, min(count, int(width / _NARROWEST))) + 1):
        rows = -(-count // columns)
        # The choice in which panels have about the shape that they have in a figure of their own.
        choices.append((min(width / columns / _PANEL[0], height / rows / _PANEL[1]), rows, columns))
    _, rows, columns = max(choices)
    return (rows, columns) if (height - 0.9) / rows >= _FLATTEST or count == 1 else None


def draw_panels(
    outcomes: Sequence[Outcome], shape: tuple[int, int], into: Figure | SubFigure | None, x_axis: XAxis
) -> Figure | SubFigure:
    """A panel per outcome, in ``shape``: rows and columns, as :func:`panels_in` gives them."""
    rows, columns = shape
    size = _ALONE if len(outcomes) == 1 else (_PANEL[0] * columns + 0.4, _PANEL[1] * rows)
    figure = style.figure(size[0], size[1] + 0.9, into)
    panel = 0.86 * style.inches(figure)[0] / columns  # inches that a panel is wide
    grid = figure.subplots(rows, columns, squeeze=False)
    places = along([outcome.run for outcome in outcomes], x_axis)
    below = [placed.short if o.monitor in o.run.table else "" for o, placed in zip(outcomes, places, strict=True)]
    for index, (outcome, placed) in enumerate(zip(outcomes, places, strict=True)):
        _draw_panel(grid.flat[index], outcome, placed, panel)
        # Also above an empty place of the last row, and where a run counts something else than the one below it.
        if below[index : index + 1] != below[index + columns : index + columns + 1]:
            label = style.fitted(below[index], panel, style.points(8))
            grid.flat[index].set_xlabel(label, fontsize=style.points(8))
    for axes in list(grid.flat)[len(outcomes) :]:
        axes.set_axis_off()
    draw_title(figure, outcomes)
    style.legend_below(figure, _legend(outcomes))
    return figure


def draw_title(figure: Figure | SubFigure, outcomes: Sequence[Outcome]) -> None:
    """What is compared, above all axes."""
    size = style.points(11)
    said = f": {plural(len(outcomes), 'run')} under one policy"
    monitors = " / ".join(sorted({str(outcome.monitor) for outcome in outcomes}))
    figure.suptitle(style.fitted(monitors, max(0.9 * style.inches(figure)[0] - 2.4, 1), size) + said, fontsize=size)


def title_panel(axes: Axes, name: str, told: str, width: float) -> None:
    """The name of a run above its panel of ``width`` inches, and below that what is told of it."""
    small = style.points(8)
    axes.set_title(f"{style.fitted(name, width, style.points(9), bold=True)}\n", fontsize=style.points(9), loc="left",
                   weight="bold")  # fmt: skip
    axes.annotate(style.fitted(told, width, small), (0, 1), xycoords="axes fraction", xytext=(0, 3),
                  textcoords="offset points", fontsize=small, color=style.ink(0.733))  # fmt: skip
    plain_ticks(axes)


def plain_ticks(axes: Axes) -> None:
    """Small numbers along y, a power of ten of them at the right end, where no title stands, and never an offset."""
    axes.tick_params(labelsize=style.points(7))
    formatter = axes.yaxis.get_major_formatter()
    if isinstance(formatter, ScalarFormatter):
        formatter.set_useOffset(False)
        axes.yaxis.set_offset_position("right")
        axes.yaxis.get_offset_text().set_fontsize(style.points(7))


def _draw_panel(axes: Axes, outcome: Outcome, placed: Along, width: float) -> None:
    small = style.points(8)
    if outcome.monitor in outcome.run.table:
        draw_outcome(axes, outcome, placed, overwritten=False)
    else:
        said = style.fitted(outcome.reason, 0.95 * width, small)
        axes.text(0.5, 0.5, said, ha="center", va="center", fontsize=small, transform=axes.transAxes, in_layout=False)
        axes.set_axis_off()
    title_panel(axes, outcome.run.name, _short_verdict(outcome), width)
    if outcome.monitor in outcome.run.table:
        style.tidy(axes, whole=not placed.is_time)


def _short_verdict(outcome: Outcome) -> str:
    if outcome.stopped_epoch is not None:
        return f"stops at {epoch_name(outcome.stopped_epoch)}, best at {epoch_name(outcome.best_epoch)}"
    if outcome.best_epoch is not None:
        return f"{outcome.verdict}, best at {epoch_name(outcome.best_epoch)}"
    return outcome.verdict


def _legend(outcomes: Sequence[Outcome]) -> list[Line2D | Patch]:
    """An entry for each thing that at least one panel shows; the files of all runs together."""
    shown = [outcome for outcome in outcomes if outcome.monitor in outcome.run.table]
    marks = [landmarks(outcome) for outcome in shown]
    monitors = {str(outcome.monitor) for outcome in shown}
    one = monitors.pop() if len(monitors) == 1 else None
    twins = {counterpart(str(outcome.monitor), outcome.run) for outcome in shown} - {None}
    other = str(next(iter(twins))) if len(twins) == 1 else "its counterpart"
    names = ("monitor" if one is None else one, other)
    infinite = any(not np.isfinite(outcome.run.table[str(outcome.monitor)].value).all() for outcome in shown)
    cross = {"marker": "x", "markersize": 5, "color": style.VALIDATION, "linestyle": "none"}
    small = style.points(8)
    lines: list[tuple[str, dict[str, Any], bool]] = [
        (style.fitted(names[0], 1.6, small), LOOKS["monitor"], bool(shown)),
        (style.fitted(names[1], 1.6, small), LOOKS["twin"], bool(twins)),
        ("best", LOOKS["best"] | {"markersize": 10}, any(seen.best is not None for seen in marks)),
        ("restored", LOOKS["restored"] | {"markersize": 10}, any(seen.restored is not None for seen in marks)),
        ("file written", file_looks(kept=True), any(seen.written for seen in marks)),
        ("not finite", cross, infinite),
        ("stop", LOOKS["stop"], any(seen.stop is not None for seen in marks)),
    ]
    entries: list[Line2D | Patch] = [Line2D([], [], label=label, **looks) for label, looks, there in lines if there]
    if any(seen.stop is not None and seen.stop < seen.last for seen in marks):
        entries.append(Patch(label="after the stop", **LOOKS["after"]))
    if any(seen.undecided for seen in marks):
        entries.append(Patch(label="not decided by the log", **undecided_looks()))
    return entries
