"""From files to runs: discover, records, events, histories, sessions, epochs, joining.

Each room takes what the one before it gives: paths -> payloads -> columns of points -> sessions of
trainings -> metrics by epoch. Only :func:`load_runs` is meant for the outside.
"""

from .loading import load_runs

__all__ = ["load_runs"]
