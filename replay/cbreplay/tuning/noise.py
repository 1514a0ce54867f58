"""How noisy a curve is, from the log alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..medians import median

Floats = npt.NDArray[np.float64]

_MAD_OF_NORMAL = 1.482602218505602


@dataclass(frozen=True)
class Noise:
    """The standard deviation of the noise of the monitor, in its unit: the median over the runs, and each run's.

    ``min_delta`` is the smallest of the swept ones that is not below it (None where all are below), ``rounded`` the
    noise rounded up to one digit: a min_delta to use where the grid has none.
    """

    deviation: float
    of_runs: dict[str, float]
    min_delta: float | None
    rounded: float

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return dict(self.__dict__)


def noise_deviation(values: Floats) -> float:
    """The standard deviation of the noise of one curve, shape (values,); NaN with fewer than three finite values.

    Each value is held against the mean of its neighbours, so that a smooth trend drops out (T. Gasser, L. Sroka and
    C. Jennen-Steinmetz, "Residual variance and residual pattern in nonlinear regression", Biometrika 73 (1986)
    625-633); the median of these residuals keeps steep first epochs and single spikes from counting.
    """
    values = values[np.isfinite(values)]
    if len(values) < 3:
        return math.nan
    residuals = ((values[:-2] + values[2:]) / 2 - values[1:-1]) * math.sqrt(2 / 3)
    return _MAD_OF_NORMAL * median(np.abs(residuals))


def estimate_noise(curves: Iterable[tuple[str, Floats]], min_deltas: Sequence[float]) -> Noise | None:
    """The noise of several runs, None where no curve is long enough."""
    of_runs = {name: deviation for name, values in curves if math.isfinite(deviation := noise_deviation(values))}
    if not of_runs:
        return None
    deviation = median(list(of_runs.values()))
    above = [delta for delta in min_deltas if delta >= deviation]
    return Noise(deviation, of_runs, min(above, default=None), rounded_up(deviation))


def rounded_up(value: float) -> float:
    """The next number with one significant digit that is not below ``value``."""
    if value <= 0 or not math.isfinite(value):
        return 0.0
    exponent = math.floor(math.log10(value))
    digit = math.ceil(value / 10.0**exponent - 1e-9)
    return float(f"{digit}e{exponent}")


def natural_min_deltas(deviation: float | None) -> tuple[float, ...]:
    """Values of min_delta to sweep where none are given: 0, and half, one, two and four times the noise."""
    scale = 0.0 if deviation is None else deviation
    return tuple(sorted({0.0, *(rounded_up(scale * times) for times in (0.5, 1, 2, 4))}))
