"""What a replay found: one record per callback, the trace, and the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from .rules.base import Rule
    from .rules.profiles import Profile
    from .run import Run

Verdict = Literal["stopped", "completed", "undecided"]


@dataclass(frozen=True)
class TraceRow:
    """What a rule saw and decided at one epoch (0-based).

    ``best`` and ``wait`` are those after the epoch; ``margin`` is by how much the value was better than it
    had to be, negative where it fell short, None where there was nothing to compare with. ``reference`` is what it
    was held against: the best before, or the value that the look-back rule compares with.
    """

    epoch: int
    value: float | None
    best: float | None
    wait: int
    margin: float | None
    event: str
    reference: float | None = None


@dataclass(frozen=True)
class EarlyStoppingRecord:
    """What one EarlyStopping (or LookBack) did. Epochs are 0-based, None where there is none.

    ``best_epoch`` is the epoch that it accepted as best; ``attributes`` is what the real object shows.
    """

    rule: Rule
    mode: str | None
    stopped_epoch: int | None
    best_epoch: int | None
    best: float | None
    restored_epoch: int | None
    attributes: dict[str, Any]
    trace: tuple[TraceRow, ...] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict without the trace."""
        return {
            "rule": self.rule.to_dict(), "mode": self.mode, "stopped_epoch": self.stopped_epoch,
            "best_epoch": self.best_epoch, "best": self.best, "restored_epoch": self.restored_epoch,
            "attributes": dict(self.attributes),
        }  # fmt: skip


@dataclass(frozen=True)
class ModelCheckpointRecord:
    """What one ModelCheckpoint did: ``writes`` are (0-based epoch, file name) in order."""

    rule: Rule
    mode: str | None
    best: float | None
    best_epoch: int | None
    writes: tuple[tuple[int, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {
            "rule": self.rule.to_dict(),
            "mode": self.mode,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "writes": [list(write) for write in self.writes],
        }


@dataclass(frozen=True)
class ReduceLROnPlateauRecord:
    """What one ReduceLROnPlateau did: ``learning_rates`` are those after each epoch, as float32 holds them."""

    rule: Rule
    mode: str | None
    best: float | None
    wait: int
    learning_rates: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {
            "rule": self.rule.to_dict(),
            "mode": self.mode,
            "best": self.best,
            "wait": self.wait,
            "learning_rates": list(self.learning_rates),
        }


@dataclass(frozen=True)
class TerminateOnNaNRecord:
    """What one TerminateOnNaN did: the 0-based epoch that it ended, None where it did not."""

    rule: Rule
    stopped_epoch: int | None

    @property
    def mode(self) -> None:
        """It watches no metric that could be better or worse."""
        return None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {"rule": self.rule.to_dict(), "stopped_epoch": self.stopped_epoch}


@dataclass(frozen=True)
class Alternative:
    """Another answer on the same run: that of the generations named by ``profiles``, newest first."""

    profiles: tuple[str, ...]
    verdict: Verdict
    stopped_epoch: int | None
    best_epoch: int | None
    restored_epoch: int | None
    files: dict[str, int]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "profiles": list(self.profiles),
            "verdict": self.verdict,
            "stopped_epoch": self.stopped_epoch,
            "best_epoch": self.best_epoch,
            "restored_epoch": self.restored_epoch,
            "files": dict(self.files),
            "reason": self.reason,
        }


CallbackRecord = EarlyStoppingRecord | ModelCheckpointRecord | ReduceLROnPlateauRecord | TerminateOnNaNRecord


@dataclass(frozen=True)
class Outcome:
    """The result of replaying callbacks on one run. Every epoch in it is 0-based.

    ``files`` maps each file at the end to the epoch that last wrote it, ``file_weights`` to the epoch whose
    weights it holds. ``warnings`` are the original callbacks' own, ``notes`` what the replay had to assume.
    ``alternatives`` are the answers of other generations where the release is not known and they differ.
    """

    run: Run = field(repr=False)
    profile: Profile
    profile_reason: str
    verdict: Verdict
    reason: str
    callbacks: tuple[CallbackRecord, ...]
    restored_epoch: int | None
    files: dict[str, int]
    file_weights: dict[str, int | None]
    writes: tuple[tuple[int, str], ...]
    deletes: tuple[tuple[int, str], ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    alternatives: tuple[Alternative, ...] = ()
    fits_of_writes: tuple[int, ...] = ()  #: for each write the fit of a resumed training that made it, from 0

    @cached_property
    def early_stopping(self) -> EarlyStoppingRecord | None:
        """The record of the first EarlyStopping, None where there is none."""
        return next((record for record in self.callbacks if isinstance(record, EarlyStoppingRecord)), None)

    @cached_property
    def checkpoint(self) -> ModelCheckpointRecord | None:
        """The record of the first ModelCheckpoint, None where there is none."""
        return next((record for record in self.callbacks if isinstance(record, ModelCheckpointRecord)), None)

    @property
    def stopped_epoch(self) -> int | None:
        """The epoch at whose end training stops, None where it does not or where that cannot be told."""
        if self.verdict != "stopped":
            return None
        stops = [r.stopped_epoch for r in self.callbacks if isinstance(r, (EarlyStoppingRecord, TerminateOnNaNRecord))]
        return min((epoch for epoch in stops if epoch is not None), default=None)

    @property
    def best_epoch(self) -> int | None:
        """The epoch that the first EarlyStopping accepted as best."""
        return None if self.early_stopping is None else self.early_stopping.best_epoch

    @property
    def best(self) -> float | None:
        """The value that the first EarlyStopping accepted as best."""
        return None if self.early_stopping is None else self.early_stopping.best

    @property
    def attributes(self) -> dict[str, Any]:
        """What the first real EarlyStopping object would show after the fit."""
        return {} if self.early_stopping is None else dict(self.early_stopping.attributes)

    @cached_property
    def monitor(self) -> str | None:
        """The monitor of the first callback that has one."""
        monitors = (record.rule.parameters().get("monitor") for record in self.callbacks)
        return next((str(monitor) for monitor in monitors if monitor is not None), None)

    @cached_property
    def mode(self) -> str | None:
        """``min`` or ``max``, None where no callback came to decide it."""
        return next((record.mode for record in self.callbacks if record.mode is not None), None)

    @property
    def epochs_saved(self) -> int | None:
        """Logged epochs after the stop; None where training does not stop."""
        stop = self.stopped_epoch
        return None if stop is None else self.run.first_epoch + self.run.epochs - 1 - stop

    @cached_property
    def seconds_saved(self) -> float | None:
        """Seconds from the end of the stop epoch to the last logged one, as :meth:`Run.seconds_after` counts them.

        None where training does not stop or the log has no times.
        """
        stop = self.stopped_epoch
        if stop is None:
            return None
        seconds = float(self.run.seconds_after()[stop - self.run.first_epoch])
        return seconds if np.isfinite(seconds) else None

    @cached_property
    def regret(self) -> float | None:
        """How much worse the best monitored value up to the stop is than that of the whole run (>= 0)."""
        return self._regret(self._best_up_to_stop())

    @cached_property
    def regret_final(self) -> float | None:
        """The same for the weights that the model ends with: restored ones, or those of the last epoch."""
        if self.stopped_epoch is None and self.verdict == "undecided":
            return None
        final = self.restored_epoch
        if final is None:
            final = self.run.first_epoch + self.run.epochs - 1 if self.stopped_epoch is None else self.stopped_epoch
        if self.monitor not in self.run.table:
            return None
        return self._regret(float(self.run.values(self.monitor)[final - self.run.first_epoch]))

    @cached_property
    def regret_relative(self) -> float | None:
        """``regret`` over the range of the monitored values of the whole run."""
        if self.regret is None or self.monitor is None:
            return None
        values = self.run.values(self.monitor)
        finite = values[np.isfinite(values)]
        spread = float(finite.max() - finite.min()) if len(finite) else 0.0
        return self.regret / spread if spread else 0.0

    def _best_up_to_stop(self) -> float:
        if self.monitor not in self.run.table:
            return math.nan
        values = self.run.values(self.monitor)
        if self.stopped_epoch is not None:
            values = values[: self.stopped_epoch - self.run.first_epoch + 1]
        return self._best_of(values)

    def _best_of(self, values: Any) -> float:
        known = values[~np.isnan(values)]
        if not len(known):
            return math.nan
        return float(known.max() if self.mode == "max" else known.min())

    def _regret(self, got: float) -> float | None:
        if self.verdict == "undecided" or self.mode is None or self.monitor not in self.run.table:
            return None
        best = self._best_of(self.run.values(self.monitor))
        regret = best - got if self.mode == "max" else got - best
        return None if math.isnan(regret) else max(regret, 0.0)

    @cached_property
    def trace(self) -> pd.DataFrame:
        """What the first EarlyStopping saw, a row an epoch (0-based): value, best, wait, margin, event, files."""
        import pandas as pd

        rows = [] if self.early_stopping is None else self.early_stopping.trace
        written: dict[int, list[str]] = {}
        for epoch, name in self.writes:
            written.setdefault(epoch, []).append(name)
        columns = ["epoch", "value", "best", "wait", "margin", "event", "files"]
        return pd.DataFrame(
            [[r.epoch, r.value, r.best, r.wait, r.margin, r.event, ", ".join(written.get(r.epoch, []))] for r in rows],
            columns=columns,
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict: the schema of ``runs`` in ``cbreplay analyze --json``, and more."""
        return {
            "name": self.run.name, "epochs": self.run.epochs, "first_epoch": self.run.first_epoch,
            "monitor": self.monitor, "mode": self.mode, "profile": self.profile.name,
            "profile_reason": self.profile_reason,
            "verdict": self.verdict, "reason": self.reason,
            "stopped_epoch": self.stopped_epoch, "best_epoch": self.best_epoch, "best": self.best,
            "restored_epoch": self.restored_epoch, "epochs_saved": self.epochs_saved,
            "seconds_saved": self.seconds_saved, "regret": self.regret,
            "regret_relative": self.regret_relative, "regret_final": self.regret_final,
            "attributes": self.attributes, "files": dict(self.files), "file_weights": dict(self.file_weights),
            "writes": [list(write) for write in self.writes], "deletes": [list(d) for d in self.deletes],
            "planned_epochs": self.run.planned_epochs,
            "alternatives": [item.to_dict() for item in self.alternatives],
            "callbacks": [record.to_dict() for record in self.callbacks],
            "sources": list(self.run.sources), "damage": [item.to_dict() for item in self.run.damage],
            "warnings": list(self.warnings), "notes": [*self.run.notes, *self.notes],
        }  # fmt: skip

    def _repr_html_(self) -> str:
        from .notebook import outcome_html

        return outcome_html(self)
