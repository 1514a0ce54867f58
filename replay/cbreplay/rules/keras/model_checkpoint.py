"""Keras' ModelCheckpoint in every generation.

Sources as for EarlyStopping; Keras 3's is ``keras/src/callbacks/model_checkpoint.py``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import (
    CallbackAttributeError,
    CallbackIndexError,
    CallbackKeyError,
    CallbackTypeError,
    CallbackValueError,
    ParameterError,
)
from ...outcome import ModelCheckpointRecord
from ..base import Callback, Logs, Rule, Setting, SimulatedTraining, refuse_unknown_parameters
from .modes import maximizes_by_metric, maximizes_by_name
from .waiting import improves

if TYPE_CHECKING:
    from ..profiles import Profile


@dataclass(frozen=True)
class ModelCheckpoint(Rule):
    """Save the model, always or only when it is the best so far; parameters as in ``keras.callbacks``.

    1. ``{epoch}`` in ``filepath`` counts from 1; every key of the epoch's logs can stand there, too.
    2. The name is formatted on every due epoch, also where nothing is saved: a missing key is an error.
    3. ``save_best_only`` needs a strict improvement and knows no ``min_delta``.
    4. Equal names overwrite; Keras never deletes a checkpoint.
    5. In the epoch in which training stops the checkpoint is still written.
    6. ``save_freq=n`` counts batches over epochs and sees the metrics of training alone.
    7. ``period`` is Keras 2's: every so many epochs. It exists no more in Keras 3.
    """

    filepath: str
    monitor: str = "val_loss"
    verbose: int = 0
    save_best_only: bool = False
    save_weights_only: bool = False
    mode: str = "auto"
    save_freq: str | int = "epoch"
    options: Any = None
    initial_value_threshold: float | None = None
    period: int = 1

    def start(self, profile: Profile, setting: Setting) -> Callback:
        """A fresh ModelCheckpoint of the profile's release."""
        return _ModelCheckpoint(self, profile, setting)


class _ModelCheckpoint(Callback):
    def __init__(self, rule: ModelCheckpoint, profile: Profile, setting: Setting) -> None:
        era = profile.model_checkpoint
        if era.ignores_unknown_parameters:
            defaults: dict[str, Any] = {item.name: item.default for item in fields(rule)}
            rule = replace(rule, **{name: value for name, value in defaults.items() if name not in era.parameters})
        refuse_unknown_parameters(rule, era.parameters)
        self.rule: ModelCheckpoint = rule
        self.era = era
        self.setting = setting
        self.unknown_mode = rule.mode not in ("auto", "min", "max")
        self.maximize: bool | None = {"min": False, "max": True}.get(rule.mode)
        if self.maximize is None and not era.mode_resolved_at_epoch_end:
            self.maximize = maximizes_by_name(era.mode_rule, rule.monitor)
        self.can_compare = not era.mode_resolved_at_epoch_end
        self.best = rule.initial_value_threshold
        if self.best is None and not era.first_value_is_best:
            self.best = -math.inf if self.maximize else math.inf
        self.epochs_since_due = 0
        self.batches_since_save = 0
        self.last_batch = -1
        self.writes: list[tuple[int, str]] = []
        if re.search(r":[^{}]*\d{4,}", rule.filepath):
            raise ParameterError(f"a width or precision of thousands of characters in filepath {rule.filepath!r}")
        self._check_constructor()

    def _check_constructor(self) -> None:
        rule, era = self.rule, self.era
        if rule.save_freq != "epoch" and not isinstance(rule.save_freq, int):
            raise CallbackValueError(
                f"Unrecognized save_freq: {rule.save_freq}. Expected save_freq are 'epoch' or integer values"
            )
        zipped = rule.filepath.endswith(".keras")
        if era.keras_zip_refuses_options and zipped and rule.options is not None and not rule.save_weights_only:
            raise CallbackValueError("The native Keras format does not support the `options` argument.")
        if era.endings is None:
            return
        if rule.save_weights_only:
            if not rule.filepath.endswith(".weights.h5"):
                raise CallbackValueError(
                    "When using `save_weights_only=True` in `ModelCheckpoint`, the filepath provided must end in "
                    f"`.weights.h5` (Keras weights format). Received: filepath={rule.filepath}"
                )
        elif not rule.filepath.endswith(era.endings):
            raise CallbackValueError(
                f"The filepath provided must end in {' or '.join(f'`{ending}`' for ending in era.endings)} "
                f"(Keras model format). Received: filepath={rule.filepath}"
            )

    def on_train_begin(self, training: SimulatedTraining) -> None:
        self.writes = []
        if self.unknown_mode:
            training.warn(f"ModelCheckpoint mode {self.rule.mode} is unknown, fallback to auto mode.")

    def on_train_batch_end(self, batch: int, logs: Logs, training: SimulatedTraining) -> None:
        if self.rule.save_freq == "epoch":
            return
        self.batches_since_save += batch + 1 if batch <= self.last_batch else batch - self.last_batch
        self.last_batch = batch
        if self.batches_since_save >= int(self.rule.save_freq):
            self.batches_since_save = 0
            self._save(training.epoch, batch, logs, training)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any], training: SimulatedTraining) -> None:
        if self.maximize is None:
            self.maximize = maximizes_by_metric("ModelCheckpoint", self.rule.monitor, self.setting, training)
        self.can_compare = True
        self.epochs_since_due += 1
        if self.rule.save_freq == "epoch" and self.epochs_since_due >= self.rule.period:
            self.epochs_since_due = 0
            self._save(epoch, None, logs, training)

    def _save(self, epoch: int, batch: int | None, logs: Logs, training: SimulatedTraining) -> None:
        name = self._format(epoch, batch, logs)
        if not self._should_save(logs, training):
            return
        if self._fails_to_save(name):
            raise CallbackValueError(
                "The following argument(s) are not supported with the native Keras format: ['options']", epoch=epoch
            )
        training.write(name)
        self.writes.append((epoch, name))

    def _fails_to_save(self, name: str) -> bool:
        zipped = name.endswith(".keras") and not self.rule.save_weights_only
        return self.era.best_only_fails_for_keras_zip and self.rule.save_best_only and zipped

    def _should_save(self, logs: Logs, training: SimulatedTraining) -> bool:
        if not self.rule.save_best_only:
            return True
        value = logs.get(self.rule.monitor)
        if value is None:
            suffix = "." if self.era.saves_without_monitor else ", skipping."
            training.warn(f"Can save best model only with {self.rule.monitor} available{suffix}")
            return self.era.saves_without_monitor
        value = float(value)
        if self.best is not None:
            if not self.can_compare:
                raise CallbackTypeError("'NoneType' object is not callable", epoch=training.epoch)
            if not improves(value, self.best, bool(self.maximize), 0.0, self.era.compares_in_float32):
                return False
        self.best = value
        return True

    def _format(self, epoch: int, batch: int | None, logs: Logs) -> str:
        number = epoch + self.era.first_epoch_in_names
        if self.era.formats_python_floats:
            logs = {name: value.item() if isinstance(value, np.generic) else value for name, value in logs.items()}
        try:
            if batch is None or "batch" in logs or not self.era.names_have_batch:
                return self.rule.filepath.format(epoch=number, **logs)
            return self.rule.filepath.format(epoch=number, batch=batch + 1, **logs)
        except KeyError as error:
            message = str(error)
            if self.era.explains_format_errors:
                message = f'Failed to format this callback filepath: "{self.rule.filepath}". Reason: {error}'
            raise CallbackKeyError(message, epoch=epoch) from None
        except IndexError as error:
            raise CallbackIndexError(str(error), epoch=epoch) from None
        except ValueError as error:
            raise CallbackValueError(str(error), epoch=epoch) from None
        except TypeError as error:
            raise CallbackTypeError(str(error), epoch=epoch) from None
        except AttributeError as error:
            raise CallbackAttributeError(str(error), epoch=epoch) from None

    def record(self) -> ModelCheckpointRecord:
        return ModelCheckpointRecord(
            rule=self.rule,
            mode=None if self.maximize is None else ("max" if self.maximize else "min"),
            best=self.best,
            best_epoch=self.writes[-1][0] if self.rule.save_best_only and self.writes else None,
            writes=tuple(self.writes),
        )
