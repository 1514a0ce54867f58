"""What gathers the points of one event file: the interface, and the collector in Python.

The compiled scanner's ``Collector`` has the same methods, so that whatever it leaves to Python is added to the
same columns by the same code.
"""

from __future__ import annotations

from array import array
from typing import Any, Protocol


class Collector(Protocol):
    """Columns of scalar points that grow, and what is known of each tag."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that have points, by their ids."""

    @property
    def others(self) -> dict[str, tuple[str, int]]:
        """Tag -> (plugin or kind of the last one, number of values) of what is no scalar."""

    @property
    def restarts(self) -> tuple[tuple[int, int], ...]:
        """(number of points before it, step) of each restart."""

    @property
    def first_wall_time(self) -> float | None:
        """Seconds since 1970 of the first event, None before it."""

    @property
    def last_wall_time(self) -> float | None:
        """Seconds since 1970 of the last event, None before it."""

    def note_event(self, wall_time: float, /) -> None:
        """Note that an event was read."""

    def restart(self, step: int, /) -> None:
        """Note that a writer goes on from ``step`` here."""

    def note_plugin(self, tag: str, plugin: str, /) -> None:
        """Note the plugin of a tag: the first one that is named holds, an empty name names none."""

    def plugin_of(self, tag: str, /) -> str | None:
        """The plugin of a tag, None as long as no value of it has named one."""

    def append_point(self, tag: str, step: int, wall_time: float, value: float, encoding: int, /) -> None:
        """Append one scalar point."""

    def append_histogram(self, tag: str, step: int, wall_time: float, buckets: bytes, /) -> None:
        """Append a histogram, rows of three doubles, as a point: its value is the number of its rows."""

    def count_other(self, tag: str, kind: str, /) -> None:
        """Count a value that is no scalar."""

    def take_columns(self) -> tuple[Any, Any, Any, Any, Any]:
        """Wall time (float64), step (int64), tag id (int32), value (float64) and encoding (uint8) as buffers.

        There are no points afterwards; the tags keep their ids.
        """

    def take_buckets(self) -> Any:
        """The rows of all histograms, one behind the other, as a buffer; there are none afterwards."""


class PythonCollector:
    """The collector in Python."""

    def __init__(self) -> None:
        self.others: dict[str, tuple[str, int]] = {}
        self.first_wall_time: float | None = None
        self.last_wall_time: float | None = None
        self._buckets = bytearray()
        self._clear()
        self._ids: dict[str, int] = {}
        self._plugins: dict[str, str] = {}
        self._restarts: list[tuple[int, int]] = []

    def _clear(self) -> None:
        self._wall_time = array("d")
        self._step = array("q")
        self._tag_id = array("i")
        self._value = array("d")
        self._encoding = array("B")

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that have points, by their ids."""
        return tuple(self._ids)

    @property
    def restarts(self) -> tuple[tuple[int, int], ...]:
        """(number of points before it, step) of each restart."""
        return tuple(self._restarts)

    def note_event(self, wall_time: float, /) -> None:
        """Note that an event was read."""
        if self.first_wall_time is None:
            self.first_wall_time = wall_time
        self.last_wall_time = wall_time

    def restart(self, step: int, /) -> None:
        """Note that a writer goes on from ``step`` here."""
        self._restarts.append((len(self._step), step))

    def note_plugin(self, tag: str, plugin: str, /) -> None:
        """Note the plugin of a tag: the first one that is named holds, an empty name names none."""
        if plugin:
            self._plugins.setdefault(tag, plugin)

    def plugin_of(self, tag: str, /) -> str | None:
        """The plugin of a tag, None as long as no value of it has named one."""
        return self._plugins.get(tag)

    def append_point(self, tag: str, step: int, wall_time: float, value: float, encoding: int, /) -> None:
        """Append one scalar point."""
        self._wall_time.append(wall_time)
        self._step.append(step)
        self._tag_id.append(self._ids.setdefault(tag, len(self._ids)))
        self._value.append(value)
        self._encoding.append(encoding)

    def append_histogram(self, tag: str, step: int, wall_time: float, buckets: bytes, /) -> None:
        """Append a histogram, rows of three doubles, as a point: its value is the number of its rows."""
        self.append_point(tag, step, wall_time, len(buckets) // 24, 0)
        self._buckets += buckets

    def count_other(self, tag: str, kind: str, /) -> None:
        """Count a value that is no scalar."""
        self.others[tag] = (kind, self.others.get(tag, (kind, 0))[1] + 1)

    def take_columns(self) -> tuple[Any, Any, Any, Any, Any]:
        """Wall time (float64), step (int64), tag id (int32), value (float64) and encoding (uint8) as buffers."""
        taken = self._wall_time, self._step, self._tag_id, self._value, self._encoding
        self._clear()
        return taken

    def take_buckets(self) -> Any:
        """The rows of all histograms, one behind the other, as a buffer; there are none afterwards."""
        taken, self._buckets = self._buckets, bytearray()
        return taken
