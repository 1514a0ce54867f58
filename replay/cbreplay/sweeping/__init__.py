"""Runs x grid -> table: every threshold of a rule comes from one pass over the curve.

``grid`` says which cells there are, ``curves`` what the rule sees of a run, ``passes`` where each cell stops,
``measuring`` what that saves and costs, ``tables`` makes the DataFrame.
"""

from .grid import Grid
from .measuring import RunMeasures, Sweep, sweep_runs
from .tables import iter_sweep, sweep

__all__ = ["Grid", "RunMeasures", "Sweep", "iter_sweep", "sweep", "sweep_runs"]
