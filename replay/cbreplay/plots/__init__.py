"""Figures from outcomes and advice: matplotlib's object interface, no global state, nothing shown."""

from .comparison import plot_comparison
from .contrast import plot_policies
from .files import save_figure, write_advice_figures, write_comparison_figures, write_figures
from .gap import plot_gaps
from .grouped import plot_groups
from .options import FigureOptions
from .outcome import plot_outcome
from .tuning import plot_front, plot_survival, plot_sweep

__all__ = [
    "FigureOptions",
    "plot_comparison",
    "plot_front",
    "plot_gaps",
    "plot_groups",
    "plot_outcome",
    "plot_policies",
    "plot_survival",
    "plot_sweep",
    "save_figure",
    "write_advice_figures",
    "write_comparison_figures",
    "write_figures",
]
