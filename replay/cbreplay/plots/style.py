"""One look for all figures: colours that colour-blind eyes can tell apart (Okabe & Ito), and quiet axes."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

VALIDATION = "#0072B2"
TRAIN = "#999999"
STOP = "#D55E00"
BEST = "#009E73"
RESTORED = "#CC79A7"
FILE = "#222222"
AFTER = "#BBBBBB"


def figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, drawn by Agg."""
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def tidy(axes: Axes) -> None:
    """Whole epochs, a light grid, no box."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(True, color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def plain(text: str) -> str:
    """Text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")


def epoch_axis(axes: Axes, first: int, last: int) -> None:
    """Limits that show epochs ``first`` to ``last`` (counted from 1) and no epoch 0."""
    pad = max((last - first) * 0.02, 0.6)
    axes.set_xlim(max(first - pad, 0.4), last + pad)
