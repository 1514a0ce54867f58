"""From files to runs: discover, records, events, histories, sessions, epochs, joining.

Each room takes what the one before it gives: paths -> payloads -> columns of points -> sessions of
trainings -> metrics by epoch. Only :func:`load_runs`, and the cache that it uses, are meant for the outside.
"""

from .cache import event_cache, without_cache
from .loading import load_runs

__all__ = ["event_cache", "load_runs", "without_cache"]
