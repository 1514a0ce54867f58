"""Post-hoc tuning: what another patience would have saved and cost over past runs, and how sure that is.

``standing`` says which runs can bear witness, ``matrix`` puts all runs in all cells, ``choosing`` picks a cell for a
goal, ``trying`` and ``intervals`` say how sure the choice is, ``case`` and ``advising`` put it together.
"""

from .advising import tune
from .case import MIN_RUNS
from .intervals import Interval
from .records import Advice, FamilyPoint, HeldOut, Recommendation, Spread
from .survival import Survival, still_training

__all__ = [
    "MIN_RUNS",
    "Advice",
    "FamilyPoint",
    "HeldOut",
    "Interval",
    "Recommendation",
    "Spread",
    "Survival",
    "still_training",
    "tune",
]
