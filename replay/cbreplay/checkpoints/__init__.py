"""Checkpoints and runs: which file a replay expects, when a file was written, whose weights it holds, which may go."""

from .finding import DiskFile, find_files
from .matching import Match
from .reconciling import ExpectedFile, Overwritten, RunCheckpoints, reconcile
from .surveying import Survey, inspect_checkpoint, match_checkpoints, match_paths, survey

__all__ = [
    "DiskFile",
    "ExpectedFile",
    "Match",
    "Overwritten",
    "RunCheckpoints",
    "Survey",
    "find_files",
    "inspect_checkpoint",
    "match_checkpoints",
    "match_paths",
    "reconcile",
    "survey",
]
