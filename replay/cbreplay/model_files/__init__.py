"""Model files (``.h5``, ``.weights.h5``, ``.hdf5``, ``.keras``): a path in, what it holds and whether it is sound out.

Nothing here knows of logs or runs, and no framework is imported. Files are read in a process of their own.
"""

from .isolation import IsolatedReader, shared_reader
from .listing import (
    CHECKPOINT_FOLDERS,
    ENDINGS,
    TRASH,
    is_model_file_name,
    is_model_file_near,
    list_model_files,
)
from .records import Checkpoint, Distance, Finding, Status, Tensor

__all__ = [
    "CHECKPOINT_FOLDERS",
    "ENDINGS",
    "TRASH",
    "Checkpoint",
    "Distance",
    "Finding",
    "IsolatedReader",
    "Status",
    "Tensor",
    "is_model_file_name",
    "is_model_file_near",
    "list_model_files",
    "shared_reader",
]
