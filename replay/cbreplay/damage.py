"""What could not be read, and what was passed over: two small records that travel with every result."""

from __future__ import annotations

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
