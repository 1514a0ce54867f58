"""Keras' TerminateOnNaN: training ends with the epoch in which the loss is no longer finite.

Source: ``keras/src/callbacks/terminate_on_nan.py``; the same since Keras 2.0.5, ``raise_error`` since 3.13.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import CallbackRuntimeError, ParameterError
from ...outcome import TerminateOnNaNRecord
from ..base import Callback, Logs, Rule, Setting, SimulatedTraining

if TYPE_CHECKING:
    from ..profiles import Profile


@dataclass(frozen=True)
class TerminateOnNaN(Rule):
    """Stop at once when ``loss`` of a batch is NaN or infinite.

    1. The epoch is cut short, but its validation and every callback's end of epoch still run: it is logged and saved.
    2. Only ``loss`` is watched. Without logs per batch the epoch's ``loss`` tells: a running mean that was once not
       finite stays so.
    3. ``raise_error`` (Keras 3.13 and later) raises RuntimeError instead; that epoch is not logged.
    """

    raise_error: bool = False

    def start(self, profile: Profile, setting: Setting) -> Callback:
        """A fresh TerminateOnNaN."""
        if self.raise_error and not profile.has_raise_error:
            raise ParameterError(f"TerminateOnNaN has no raise_error in {profile.name}: it came with Keras 3.13")
        return _TerminateOnNaN(self)


class _TerminateOnNaN(Callback):
    def __init__(self, rule: TerminateOnNaN) -> None:
        self.rule: TerminateOnNaN = rule
        self.stopped_epoch: int | None = None

    def on_train_begin(self, training: SimulatedTraining) -> None:
        self.stopped_epoch = None

    def on_train_batch_end(self, batch: int, logs: Logs, training: SimulatedTraining) -> None:
        self._look(logs, training)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any], training: SimulatedTraining) -> None:
        self._look(logs, training)

    def _look(self, logs: Logs, training: SimulatedTraining) -> None:
        loss = logs.get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.rule.raise_error:
            raise CallbackRuntimeError(f"NaN or Inf loss encountered. Loss value: {loss}.", epoch=training.epoch)
        if self.stopped_epoch is None:
            self.stopped_epoch = training.epoch
        training.stop_training = True

    def record(self) -> TerminateOnNaNRecord:
        return TerminateOnNaNRecord(rule=self.rule, stopped_epoch=self.stopped_epoch)
