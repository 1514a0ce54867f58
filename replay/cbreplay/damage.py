"""What could not be read, and what was passed over: two small records that travel with every result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Damage:
    """A part of a log that could not be read; what lies around it was.

    ``offset`` and ``lost`` are bytes for event files; for text files ``offset`` is the 1-based line and
    ``lost`` a number of lines. ``kind`` is one of ``truncated``, ``length``, ``checksum``, ``event``,
    ``value``, ``row`` and ``read``.
    """

    path: str
    offset: int
    kind: str
    lost: int
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "path": self.path,
            "offset": self.offset,
            "kind": self.kind,
            "lost": self.lost,
            "detail": self.detail,
        }


@dataclass(frozen=True)
class Skipped:
    """A file or folder that was left out as a whole, and why."""

    path: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {"path": self.path, "reason": self.reason}


def shortened(damage: Sequence[Damage], most: int) -> tuple[Damage, ...]:
    """At most ``most`` reports of one file, the rest as one that counts them and what they lost."""
    if len(damage) <= most:
        return tuple(damage)
    rest = damage[most:]
    detail = f"{len(rest)} more like these"
    return (*damage[:most], Damage(rest[0].path, rest[0].offset, rest[0].kind, sum(d.lost for d in rest), detail))
