"""Where epochs lie along x: counted as Keras prints them, or by the time that training took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from ..medians import median
from ..run import Run
from . import style

XAxis = Literal["epoch", "time"]
Floats = npt.NDArray[np.float64]

_UNITS = ((120.0, "seconds", 1.0), (7200.0, "minutes", 60.0), (172800.0, "hours", 3600.0), (np.inf, "days", 86400.0))


@dataclass(frozen=True)
class Along:
    """The x of 0-based epochs: their number from 1, or the time since the first logged epoch in units of ``label``.

    ``elapsed`` has the x of each logged epoch from ``first`` on, shape (epochs,), not falling; None counts epochs.
    ``step`` is what a usual epoch takes, for epochs that were not logged.
    """

    label: str
    short: str
    first: int = 0
    elapsed: Floats | None = None
    step: float = 1.0

    @property
    def is_time(self) -> bool:
        """Whether x is a time."""
        return self.elapsed is not None

    def at(self, epochs: npt.ArrayLike) -> Floats:
        """The x of epochs (0-based, fractions and epochs outside the log allowed), of the same shape."""
        wanted = np.asarray(epochs, np.float64)
        if self.elapsed is None:
            return wanted + 1
        last = self.first + len(self.elapsed) - 1
        inside = np.interp(wanted, np.arange(self.first, last + 1), self.elapsed)
        outside = np.minimum(wanted - self.first, 0) + np.maximum(wanted - last, 0)
        return np.asarray(inside + outside * self.step)

    def limit(self, axes: Axes, first: float, last: float) -> None:
        """Limits that show the epochs ``first`` to ``last`` (0-based)."""
        low, high = (float(x) for x in self.at([first, last]))
        if self.elapsed is None:
            style.epoch_axis(axes, low, high)
        else:
            pad = 0.02 * (high - low) or self.step
            axes.set_xlim(low - pad, high + pad)


def along(runs: Sequence[Run], x_axis: XAxis) -> list[Along]:
    """How each of these runs lies along x in one figure: times have one unit, runs without times count epochs."""
    if x_axis == "epoch":
        return [Along("epoch (counted from 1, as Keras prints it)", "epoch (from 1)")] * len(runs)
    seconds = [elapsed_seconds(run) for run in runs]
    longest = max((float(taken[-1]) for taken in seconds if taken is not None), default=0.0)
    unit, divisor = next((name, size) for limit, name, size in _UNITS if longest < limit)
    result = []
    for run, taken in zip(runs, seconds, strict=True):
        if taken is None:
            result.append(Along("epoch (counted from 1; the log has no times)", "epoch (from 1): no times"))
            continue
        elapsed = taken / divisor
        usual = median(np.diff(elapsed))
        pauses = ", pauses between sessions left out" if len(run.session_epochs) > 1 else ""
        result.append(
            Along(f"{unit} since the first logged epoch{pauses}", f"{unit} since the first epoch", run.first_epoch,
                  elapsed, usual or float(elapsed[-1]) / (len(elapsed) - 1))
        )  # fmt: skip
    return result


def elapsed_seconds(run: Run) -> Floats | None:
    """Seconds from the end of the first logged epoch to that of each, shape (epochs,); None where no times tell.

    Counted as :meth:`Run.seconds_after` does, so that a pause between two sessions does not squeeze the rest. Epochs
    without a time lie between their neighbours; a clock that was put back stands still.
    """
    left = run.seconds_after()
    known = np.flatnonzero(np.isfinite(left))
    if len(known) < 2:
        return None
    elapsed = np.maximum.accumulate(left[known[0]] - left[known])
    if not elapsed[-1] > 0:
        return None
    return np.asarray(np.interp(np.arange(len(left)), known, elapsed))
