"""One look for all figures: colours that colour-blind eyes can tell apart (Okabe & Ito), and quiet axes.

What is neither a curve nor a mark takes its colour and size from matplotlib's settings, so that a style file changes
it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, overload

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator

from ..text import printable

VALIDATION = "#0072B2"
TRAIN = "#999999"
STOP = "#D55E00"
BEST = "#009E73"
RESTORED = "#CC79A7"
AFTER = "#BBBBBB"

#: Okabe & Ito's eight ("Color Universal Design", 2008), with grey for black, which a dark style would hide, and a
#: yellow dark enough for a line on white.
RUN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#BFAE00")
#: A figure, or a part of one.
Place = TypeVar("Place", Figure, SubFigure)

_LINE_STYLES = ("-", "--", ":", "-.")
_SHORTEST = 8
_COLUMN_SPACING = 1.4  # in font sizes, as matplotlib counts
_AROUND_LABEL = 2.0 + 0.8 + _COLUMN_SPACING  # the sign, what lies between it and its label, and behind the label
_NARROW = 6.5  # inches: below that a legend at the side leaves no room for the curves


@overload
def figure(width: float, height: float, into: None = None) -> Figure: ...
@overload
def figure(width: float, height: float, into: Place) -> Place: ...
@overload
def figure(width: float, height: float, into: Figure | SubFigure | None) -> Figure | SubFigure: ...
def figure(width: float, height: float, into: Figure | SubFigure | None = None) -> Figure | SubFigure:
    """Where to draw: ``into``, or else a new figure of that size in inches, drawn by Agg."""
    if into is not None:
        return into
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def inches(drawn: Figure | SubFigure) -> tuple[float, float]:
    """Width and height of a figure, or of the part of a page that it takes, in inches."""
    return float(drawn.bbox.width / drawn.dpi), float(drawn.bbox.height / drawn.dpi)


def legend_beside(drawn: Figure | SubFigure) -> bool:
    """Draw the legend of all axes at the right side; or below, and False, where that would leave them too little."""
    handles = [handle for axes in drawn.axes for handle in axes.get_legend_handles_labels()[0]]
    width = inches(drawn)[0]
    beside = width >= _NARROW and max(_entries(handles), default=0.0) <= 0.4 * width
    if beside:
        drawn.legend(loc="outside right upper", fontsize=points(8), frameon=False)
    else:
        legend_below(drawn, handles)
    return beside


def legend_below(drawn: Figure | SubFigure, handles: Sequence[Any], entry: float = 1.2) -> None:
    """Draw a legend below all axes, in as few rows as have room, with at least ``entry`` inches for each column."""
    wide = [max(entry, needed) for needed in _entries(handles)]
    for rows in range(1, len(handles) + 1):
        columns = -(-len(handles) // rows)
        # matplotlib fills a column before it begins the next.
        if columns == 1 or sum(part.max() for part in np.array_split(wide, columns)) <= inches(drawn)[0]:
            drawn.legend(handles=handles, loc="outside lower center", ncols=columns, columnspacing=_COLUMN_SPACING,
                         fontsize=points(8), frameon=False)  # fmt: skip
            return


def _entries(handles: Sequence[Any]) -> list[float]:
    """Inches that each of these takes in a legend, with its sign and what lies between two."""
    return [_width(str(handle.get_label()), points(8)) + points(8) * _AROUND_LABEL / 72 for handle in handles]


def run_looks(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Run name -> (colour, line style), by its place among the sorted names: the same in every figure of these runs.

    Beyond 8 runs the line style tells those of one colour apart, beyond 32 both come again.
    """
    count = len(RUN_COLOURS)
    return {
        name: (RUN_COLOURS[place % count], _LINE_STYLES[place // count % len(_LINE_STYLES)])
        for place, name in enumerate(sorted(set(names)))
    }


def tidy(axes: Axes, *, whole: bool = True) -> None:
    """Whole numbers along x (unless not ``whole``), a light grid, no box."""
    if whole:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(True, color=ink(0.098), linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def ink(share: float) -> str:
    """The colour of text, thinned with that of the paper: 1 is text, 0 is paper."""
    paper, text = to_rgba(rcParams["figure.facecolor"]), to_rgba(rcParams["text.color"])
    if not paper[3]:  # a transparent figure is mostly laid on white
        paper = (1.0, 1.0, 1.0, 1.0)
    red, green, blue = (share * t + (1 - share) * p for t, p in zip(text[:3], paper[:3], strict=True))
    return to_hex((red, green, blue))


def points(size: float) -> float:
    """A font size that follows ``font.size`` (10 by default)."""
    return size * float(rcParams["font.size"]) / 10


def plain(text: str) -> str:
    """Text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")


def fitted(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """Text from a log, harmless and plain, cut in the middle until it takes at most ``width`` inches at ``size``."""
    limit = 200
    while True:
        safe = printable(text, limit)
        needed = _width(safe, size, bold=bold)
        if needed <= width or limit <= _SHORTEST:
            return plain(safe)
        shorter = int(min(limit, len(safe)) * width / needed)
        limit = max(_SHORTEST, min(limit - 1, shorter))


def _width(text: str, size: float, *, bold: bool = False) -> float:
    """Inches that a line takes in the font it is drawn in: a count of letters is no width."""
    properties = FontProperties(size=size, weight="bold" if bold else "normal")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # whoever draws it hears of that
        return float(text_to_path.get_text_width_height_descent(text, properties, False)[0]) / 72


def epoch_axis(axes: Axes, first: float, last: float) -> None:
    """Limits that show epochs ``first`` to ``last`` (counted from 1) and no epoch 0."""
    pad = max((last - first) * 0.02, 0.6)
    axes.set_xlim(max(first - pad, 0.4), last + pad)
