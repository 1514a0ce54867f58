"""Numbers and names for people: short, safe to print, and with the base of every epoch clear."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_BARS = "▁▂▃▄▅▆▇█"


def printable(name: str, limit: int | None = None) -> str:
    """A name from a log as harmless text: what is not to be seen is escaped, long names are cut in the middle."""
    safe = "".join(
        character if character.isprintable() else _escaped(character)
        for character in (name if limit is None or len(name) <= 4 * limit else name[: 2 * limit] + name[-2 * limit :])
    )
    if limit is None or len(safe) <= limit:
        return safe
    head = (limit - 1) // 2
    return f"{safe[:head]}…{safe[len(safe) - (limit - 1 - head) :]}"


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def number(value: float | None) -> str:
    """A metric's value with four significant digits."""
    return "–" if value is None else f"{value:.4g}"


def epoch_name(epoch: int | None) -> str:
    """A 0-based epoch as Keras prints it, counted from 1."""
    return "–" if epoch is None else str(epoch + 1)


def duration(seconds: float | None) -> str:
    """Seconds in the unit that people would use."""
    if seconds is None:
        return ""
    for limit, unit, divisor in ((120, "s", 1), (7200, "min", 60), (172800, "h", 3600)):
        if seconds < limit:
            return f"{seconds / divisor:.3g} {unit}"
    return f"{seconds / 86400:.3g} days"


def size(count: int) -> str:
    """Bytes in decimal units."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"


def plural(count: int, noun: str) -> str:
    """``1 epoch``, ``2 epochs``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def listed(names: Sequence[object], most: int = 4, limit: int = 80) -> str:
    """The first ``most`` names, each as :func:`printable` gives it, and how many more there are."""
    shown = ", ".join(printable(str(name), limit) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def first_line(error: BaseException, limit: int = 200) -> str:
    """What an error says in its first line; what kind it is where it says nothing."""
    return printable(str(error).split("\n")[0] or type(error).__name__, limit)


def sparkline(values: Sequence[float] | npt.NDArray[np.float64], width: int) -> str:
    """A curve in at most ``width`` characters: the mean of each slice; a dot where nothing was logged."""
    data = np.asarray(values, np.float64)
    if not len(data):
        return ""
    slices = np.array_split(data, min(width, len(data)))
    with np.errstate(all="ignore"):
        means = [float(np.mean(s[np.isfinite(s)])) if np.isfinite(s).any() else math.nan for s in slices]
    finite = [mean for mean in means if math.isfinite(mean)]
    if not finite:
        return "·" * len(means)
    low, span = min(finite), max(finite) - min(finite)
    return "".join(
        "·" if not math.isfinite(mean) else _BARS[int((mean - low) / span * (len(_BARS) - 1) + 0.5) if span > 0 else 0]
        for mean in means
    )
