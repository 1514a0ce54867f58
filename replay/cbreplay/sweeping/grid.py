"""The cells of a sweep: one rule, and a list of values for each of its parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from ..rules import STOPPING_RULES, Rule

#: For each rule its parameters, slowest in the order of cells first, and the one of which a pass gives all values.
_PARAMETERS: dict[str, tuple[tuple[str, ...], str]] = {
    "keras": (("start_from_epoch", "min_delta", "patience"), "patience"),
    "smoothed": (("smoothing", "start_from_epoch", "min_delta", "patience"), "patience"),
    "lookback": (("start_from_epoch", "min_delta", "patience"), "min_delta"),
    "gl": (("start_from_epoch", "alpha"), "alpha"),
    "pq": (("start_from_epoch", "strip_length", "alpha"), "alpha"),
    "up": (("start_from_epoch", "strip_length", "strips"), "strips"),
}
_WHOLE_FROM = {"patience": 0, "start_from_epoch": 0, "strips": 1, "strip_length": 1}

#: What a parameter takes where nothing is given.
DEFAULTS: dict[str, tuple[float, ...]] = {
    "start_from_epoch": (0,),
    "min_delta": (0.0,),
    "patience": tuple(range(51)),
    "smoothing": (0.3, 0.6, 0.8, 0.9),
    "alpha": (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 15, 20, 30, 50, 75, 100),
    "strip_length": (5,),
    "strips": tuple(range(1, 11)),
}


@dataclass(frozen=True)
class Grid:
    """The cells of one rule, in order: the last of ``axes`` varies fastest."""

    rule: str
    axes: dict[str, tuple[float, ...]]
    threshold: str  #: the axis of which all values come from one pass

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The number of values along each axis."""
        return tuple(len(values) for values in self.axes.values())

    @property
    def cells(self) -> int:
        """The number of cells."""
        return math.prod(self.shape)

    @cached_property
    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """For each parameter its value in every cell, shape (cells,)."""
        spread = np.meshgrid(*(np.array(values) for values in self.axes.values()), indexing="ij")
        return {name: values.ravel() for name, values in zip(self.axes, spread, strict=True)}

    @property
    def lane_axes(self) -> list[str]:
        """The axes besides the threshold."""
        return [name for name in self.axes if name != self.threshold]

    @cached_property
    def lanes(self) -> list[dict[str, Any]]:
        """The parameters besides the threshold, in every combination, the last varying fastest."""
        names = self.lane_axes
        return [dict(zip(names, picked, strict=True)) for picked in product(*(self.axes[name] for name in names))]

    def by_cell(self, of_lanes: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """An array of shape (..., lanes, thresholds) in the order of cells, shape (..., cells)."""
        outer = of_lanes.shape[:-2]
        spread = of_lanes.reshape(*outer, *(len(self.axes[name]) for name in self.lane_axes), of_lanes.shape[-1])
        at = len(outer) + list(self.axes).index(self.threshold)
        return np.moveaxis(spread, -1, at).reshape(*outer, self.cells)

    def parameters(self, cell: int) -> dict[str, Any]:
        """The parameters of one cell, as Python numbers."""
        return {name: values[cell].item() for name, values in self.columns.items()}

    def rule_of(self, cell: int, **fixed: Any) -> Rule:
        """The rule of one cell; ``fixed`` are the parameters that the grid does not vary (monitor, mode, ...)."""
        return STOPPING_RULES[self.rule](**fixed, **self.parameters(cell))


def make_grid(rule: str, given: Mapping[str, float | Iterable[float] | None]) -> Grid:
    """A grid of that rule; of ``given`` the rule takes what it has, for the rest :data:`DEFAULTS`.

    Raises :class:`ParameterError` for an unknown rule, an empty axis and a value that the rule cannot have.
    """
    if rule not in _PARAMETERS:
        raise ParameterError(f"unknown rule {rule!r}; there are: {', '.join(_PARAMETERS)}")
    names, threshold = _PARAMETERS[rule]
    axes: dict[str, tuple[float, ...]] = {}
    for name in names:
        values = given.get(name)
        listed = DEFAULTS[name] if values is None else _listed(values)
        if rule == "lookback" and name == "patience":
            listed = tuple(value for value in listed if value != 0)  # it has none, Keras' rule has
        if not listed:
            raise ParameterError(f"{name} of the sweep is empty")
        axes[name] = tuple(_checked(name, value) for value in listed)
    return Grid(rule, axes, threshold)


def _listed(values: float | Iterable[float]) -> tuple[float, ...]:
    return tuple(values) if isinstance(values, Iterable) else (values,)


def _checked(name: str, value: float) -> float:
    if name in _WHOLE_FROM:
        if not math.isfinite(value) or value != int(value):
            raise ParameterError(f"{name} of the sweep must be whole numbers, got {value!r}")
        if value < _WHOLE_FROM[name]:
            raise ParameterError(f"{name} of the sweep must not be below {_WHOLE_FROM[name]}, got {value!r}")
        return int(value)
    if not math.isfinite(value) or (name == "smoothing" and not 0 <= value < 1) or (name == "alpha" and value < 0):
        raise ParameterError(f"{name} of the sweep cannot be {value!r}")
    return float(value)
