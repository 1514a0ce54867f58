"""Figures from outcomes: matplotlib's object interface, no global state, nothing shown."""

from .comparison import plot_comparison
from .files import write_figures
from .outcome import plot_outcome

__all__ = ["plot_comparison", "plot_outcome", "write_figures"]
