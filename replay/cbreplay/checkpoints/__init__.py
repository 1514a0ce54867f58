"""Checkpoint files on disk: where those that a replay expects lie."""

from .finding import DiskFile, find_files

__all__ = ["DiskFile", "find_files"]
