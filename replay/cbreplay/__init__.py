"""Replay training callbacks on existing logs: where training would have stopped, and which file would be kept.

Everything public is here; modules below it are not part of the interface. Epochs are 0-based.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .analysis import Analysis, RunAnalysis, analyze
    from .answers import Answer, ComparedRun, Policy
    from .best import best_checkpoint
    from .checkpoints import (
        CheckpointDiff,
        Choice,
        Match,
        PrunePlan,
        RunCheckpoints,
        Survey,
        apply_plan,
        choose_checkpoint,
        diff_checkpoints,
        inspect_checkpoint,
        match_checkpoints,
        plan_pruning,
        survey,
    )
    from .comparing import Comparison, compare
    from .damage import Damage, Skipped
    from .ending import Ending, infer_ending
    from .errors import (
        CallbackError,
        CbreplayError,
        CurveError,
        LogNotFoundError,
        NoCheckpointError,
        NotALogError,
        NotComparableError,
        NothingReadableError,
        ParameterError,
        UnknownMetricError,
        UnknownProfileError,
        UnknownRunError,
    )
    from .explaining import explain
    from .logs import load_runs
    from .model_files import Checkpoint, Distance, Finding, Tensor
    from .outcome import EarlyStoppingRecord, ModelCheckpointRecord, Outcome, TraceRow
    from .plots import (
        plot_comparison,
        plot_front,
        plot_gaps,
        plot_groups,
        plot_outcome,
        plot_policies,
        plot_survival,
        plot_sweep,
    )
    from .replaying import replay, replay_fits
    from .rules import (
        EarlyStopping,
        GeneralizationLoss,
        LookBack,
        ModelCheckpoint,
        ProductivityQuotient,
        Profile,
        ReduceLROnPlateau,
        SmoothedEarlyStopping,
        SuccessiveIncreases,
        TerminateOnNaN,
        list_profiles,
        resolve_profile,
    )
    from .run import Run, Runs
    from .sweeping import iter_sweep, sweep
    from .tuning import Advice, Recommendation, tune

_HOMES = {
    "analysis": ("Analysis", "RunAnalysis", "analyze"),
    "answers": ("Answer", "ComparedRun", "Policy"),
    "best": ("best_checkpoint",),
    "checkpoints": (
        "CheckpointDiff", "Choice", "Match", "PrunePlan", "RunCheckpoints", "Survey", "apply_plan", "choose_checkpoint",
        "diff_checkpoints", "inspect_checkpoint", "match_checkpoints", "plan_pruning", "survey",
    ),
    "comparing": ("Comparison", "compare"),
    "damage": ("Damage", "Skipped"),
    "ending": ("Ending", "infer_ending"),
    "errors": (
        "CallbackError", "CbreplayError", "CurveError", "LogNotFoundError", "NoCheckpointError", "NotALogError",
        "NotComparableError", "NothingReadableError", "ParameterError", "UnknownMetricError", "UnknownProfileError",
        "UnknownRunError",
    ),
    "explaining": ("explain",),
    "logs": ("load_runs",),
    "model_files": ("Checkpoint", "Distance", "Finding", "Tensor"),
    "outcome": ("EarlyStoppingRecord", "ModelCheckpointRecord", "Outcome", "TraceRow"),
    "plots": (
        "plot_comparison", "plot_front", "plot_gaps", "plot_groups", "plot_outcome", "plot_policies", "plot_survival",
        "plot_sweep",
    ),
    "replaying": ("replay", "replay_fits"),
    "rules": (
        "EarlyStopping", "GeneralizationLoss", "LookBack", "ModelCheckpoint", "ProductivityQuotient", "Profile",
        "ReduceLROnPlateau", "SmoothedEarlyStopping", "SuccessiveIncreases", "TerminateOnNaN", "list_profiles",
        "resolve_profile",
    ),
    "run": ("Run", "Runs"),
    "sweeping": ("iter_sweep", "sweep"),
    "tuning": ("Advice", "Recommendation", "tune"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Advice",
    "Analysis",
    "Answer",
    "CallbackError",
    "CbreplayError",
    "Checkpoint",
    "CheckpointDiff",
    "Choice",
    "ComparedRun",
    "Comparison",
    "CurveError",
    "Damage",
    "Distance",
    "EarlyStopping",
    "EarlyStoppingRecord",
    "Ending",
    "Finding",
    "GeneralizationLoss",
    "LogNotFoundError",
    "LookBack",
    "Match",
    "ModelCheckpoint",
    "ModelCheckpointRecord",
    "NoCheckpointError",
    "NotALogError",
    "NotComparableError",
    "NothingReadableError",
    "Outcome",
    "ParameterError",
    "Policy",
    "ProductivityQuotient",
    "Profile",
    "PrunePlan",
    "Recommendation",
    "ReduceLROnPlateau",
    "Run",
    "RunAnalysis",
    "RunCheckpoints",
    "Runs",
    "Skipped",
    "SmoothedEarlyStopping",
    "SuccessiveIncreases",
    "Survey",
    "Tensor",
    "TerminateOnNaN",
    "TraceRow",
    "UnknownMetricError",
    "UnknownProfileError",
    "UnknownRunError",
    "__version__",
    "analyze",
    "apply_plan",
    "best_checkpoint",
    "choose_checkpoint",
    "compare",
    "diff_checkpoints",
    "explain",
    "infer_ending",
    "inspect_checkpoint",
    "iter_sweep",
    "list_profiles",
    "load_runs",
    "match_checkpoints",
    "plan_pruning",
    "plot_comparison",
    "plot_front",
    "plot_gaps",
    "plot_groups",
    "plot_outcome",
    "plot_policies",
    "plot_survival",
    "plot_sweep",
    "replay",
    "replay_fits",
    "resolve_profile",
    "survey",
    "sweep",
    "tune",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that ``import cbreplay`` costs nothing."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
