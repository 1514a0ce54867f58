"""Two checkpoints side by side: the same architecture? And how far apart are the weights, layer by layer?"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ParameterError
from ..model_files import Checkpoint, Distance, shared_reader

_NOT_ARCHITECTURE = {"name", "build_config", "registered_name", "compile_config", "module"}


@dataclass(frozen=True)
class CheckpointDiff:
    """``distances`` has one entry for each tensor of the weights; those without a counterpart come last.

    ``same_architecture`` is None where only the shapes agree, as one of the files has no configuration; names of
    layers do not count for it.
    """

    one: Checkpoint
    other: Checkpoint
    same_architecture: bool | None
    distances: tuple[Distance, ...]

    @property
    def paired(self) -> tuple[Distance, ...]:
        """The tensors that both have."""
        return tuple(item for item in self.distances if item.distance is not None)

    @property
    def largest(self) -> Distance | None:
        """The tensor that changed most in relation to its norm; None where nothing changed."""
        changed = [item for item in self.paired if item.changed]
        return max(changed, key=lambda item: _or_infinite(item.relative), default=None)

    @property
    def is_equal(self) -> bool:
        """Whether all weights are the same, number by number."""
        return len(self.paired) == len(self.distances) and not any(item.changed for item in self.distances)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {
            "one": self.one.path, "other": self.other.path, "same_architecture": self.same_architecture,
            "equal": self.is_equal, "distances": [item.to_dict() for item in self.distances],
            "largest": None if self.largest is None else self.largest.to_dict(),
        }  # fmt: skip


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None or math.isnan(value) else value


def diff_checkpoints(one: str | Path, other: str | Path) -> CheckpointDiff:
    """Compare the weights of two checkpoints.

    Raises OSError where one cannot be opened, :class:`cbreplay.NotComparableError` where they cannot be compared.
    """
    reader = shared_reader()
    if Path(one).resolve() == Path(other).resolve():
        raise ParameterError(f"{one} and {other} are the same file")
    first, second = reader.read(one, contents=False), reader.read(other, contents=False)
    distances = tuple(reader.compare(one, other))
    return CheckpointDiff(first, second, _same_architecture(first, second, distances), distances)


def _same_architecture(one: Checkpoint, other: Checkpoint, distances: tuple[Distance, ...]) -> bool | None:
    if any(item.distance is None for item in distances):
        return False
    if one.config is None or other.config is None:
        return None
    if one.keras_version != other.keras_version or one.layout != other.layout:
        return None  # releases write the same model differently
    return bool(_bare(json.loads(one.config)) == _bare(json.loads(other.config)))


def _bare(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _bare(value) for key, value in config.items() if key not in _NOT_ARCHITECTURE}
    if isinstance(config, list):
        return [_bare(item) for item in config]
    return config
