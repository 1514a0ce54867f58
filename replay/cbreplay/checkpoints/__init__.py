"""Checkpoints and runs: which file a replay expects, when a file was written, whose weights it holds, which may go."""

from .choosing import Choice, choose_checkpoint, mode_of, monitored_value
from .diffing import CheckpointDiff, diff_checkpoints
from .finding import DiskFile, find_files
from .nearby import checkpoints_near, logs_near
from .pruning import PrunePlan, PruneResult, PruneStep, apply_plan, plan_pruning, trash_of
from .reconciling import ExpectedFile, Overwritten, RunCheckpoints, reconcile
from .surveying import Survey, inspect_checkpoint, match_checkpoints, match_paths, places_of, survey
from .verdicts import Match

__all__ = [
    "CheckpointDiff",
    "Choice",
    "DiskFile",
    "ExpectedFile",
    "Match",
    "Overwritten",
    "PrunePlan",
    "PruneResult",
    "PruneStep",
    "RunCheckpoints",
    "Survey",
    "apply_plan",
    "checkpoints_near",
    "choose_checkpoint",
    "diff_checkpoints",
    "find_files",
    "inspect_checkpoint",
    "logs_near",
    "match_checkpoints",
    "match_paths",
    "mode_of",
    "monitored_value",
    "places_of",
    "plan_pruning",
    "reconcile",
    "survey",
    "trash_of",
]
