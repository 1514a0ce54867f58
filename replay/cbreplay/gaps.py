"""Training against validation: by how much a model is worse on data that it has not learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .medians import median
from .monitors import counterpart, is_validation
from .run import Run

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GapCurve:
    """A metric on both sets at the epochs that have both: parallel arrays of shape (values,), ``epoch`` 0-based.

    ``training`` and ``validation`` are the names of the two metrics, ``mode`` says which direction is better.
    Keras averages a training metric over the epoch while the model still learns (and with dropout at work), so that
    a gap below zero is usual in the first epochs.
    """

    training: str
    validation: str
    mode: str
    epoch: npt.NDArray[np.int64]
    train: Floats
    valid: Floats

    @property
    def gap(self) -> Floats:
        """By how much validation is worse, in the unit of the metric: positive where it is; shape (values,)."""
        with np.errstate(invalid="ignore"):
            return self.train - self.valid if self.mode == "max" else self.valid - self.train

    def at(self, epoch: int | None) -> float | None:
        """The gap at a 0-based epoch; None where that has not both values."""
        found = self.gap[self.epoch == epoch] if epoch is not None else np.zeros(0)
        return float(found[0]) if len(found) else None

    @property
    def end(self) -> float | None:
        """The gap at the last epoch that has both values."""
        return float(self.gap[-1]) if len(self.epoch) else None


def gap_curve(run: Run, monitor: str | None, mode: str | None) -> GapCurve | None:
    """The curve of the pair that ``monitor`` belongs to, as ``val_loss`` and ``loss``.

    The other one of the pair is found as :func:`cbreplay.monitors.counterpart` does. None where the log lacks one of
    them, or where it is not known which direction is better.
    """
    if monitor is None or mode is None or monitor not in run.table:
        return None
    other = counterpart(monitor, run)
    if other is None:
        return None
    training, validation = (other, monitor) if is_validation(monitor) else (monitor, other)
    train, valid = run.table[training], run.table[validation]
    epoch, in_train, in_valid = np.intersect1d(train.epoch, valid.epoch, assume_unique=True, return_indices=True)
    return GapCurve(training, validation, mode, epoch, train.value[in_train], valid.value[in_valid])


def median_gap(gaps: Sequence[float | None]) -> float | None:
    """The median of the gaps that there are; None where there is none."""
    known = [gap for gap in gaps if gap is not None and np.isfinite(gap)]
    return median(known) if known else None
