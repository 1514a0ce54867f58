"""How figures are written: format, size, resolution, style and the x axis, checked before anything is read."""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import matplotlib
import matplotlib.style
from matplotlib.font_manager import fontManager

from ..errors import ParameterError
from ..text import first_line, printable
from .along import XAxis

Format = Literal["png", "svg", "pdf"]

_DPI = 20, 1200
_SMALLEST = 3.0, 2.5
_LARGEST = 60.0
_MOST_PIXELS = 32_767

#: What keeps the bytes the same when a figure is written again.
_METADATA: dict[Format, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}

#: Goes before a style: names from logs are never given to LaTeX, a figure is one file, and ids in it do not vary.
_FIXED = {"text.usetex": False, "text.parse_math": True, "svg.image_inline": True, "svg.hashsalt": "cbreplay"}

#: Fonts that know what DejaVu does not, asked for signs that the others lack; those that are there.
_MORE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "PingFang SC", "Hiragino Sans", "Microsoft YaHei",
    "Yu Gothic", "Malgun Gothic", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "Noto Sans Arabic",
    "Noto Sans Devanagari", "Noto Sans Hebrew", "Arial Unicode MS",
)  # fmt: skip


@dataclass(frozen=True)
class FigureOptions:
    """How to write figures. Raises :class:`cbreplay.ParameterError` for what cannot be.

    ``size`` is (width, height) in inches, None lets each figure have its own; ``dpi`` counts for PNG, and for maps of
    colours inside SVG and PDF; ``style`` is the path of a matplotlib style file or the name of one that matplotlib
    has; ``x_axis`` is that of :func:`cbreplay.plot_outcome`.
    """

    format: Format = "png"
    dpi: int = 120
    size: tuple[float, float] | None = None
    style: str | Path | None = None
    x_axis: XAxis = "epoch"

    def __post_init__(self) -> None:
        for what, value, known in (("format", self.format, Format), ("x axis", self.x_axis, XAxis)):
            if value not in get_args(known):
                raise ParameterError(f"{what} {value!r} is not known; there are: {', '.join(get_args(known))}")
        if not _DPI[0] <= self.dpi <= _DPI[1]:
            raise ParameterError(f"dpi {self.dpi!r} is not between {_DPI[0]} and {_DPI[1]}")
        if self.size is not None:
            self._check_size(*self.size)
        _ = self.settings

    def _check_size(self, width: float, height: float) -> None:
        said = f"a figure of {width:g} by {height:g} inches"
        if not (math.isfinite(width) and math.isfinite(height)) or width < _SMALLEST[0] or height < _SMALLEST[1]:
            raise ParameterError(f"{said} is too small: at least {_SMALLEST[0]:g} by {_SMALLEST[1]:g}")
        if max(width, height) > _LARGEST:
            raise ParameterError(f"{said} is too large: at most {_LARGEST:g} by {_LARGEST:g}")
        if self.format == "png" and max(width, height) * self.dpi > _MOST_PIXELS:
            raise ParameterError(f"{said} at {self.dpi} dpi has more than {_MOST_PIXELS:,} pixels to a side")

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the style sets, by the names of matplotlib's settings."""
        return {} if self.style is None else _read_style(self.style)

    @property
    def metadata(self) -> dict[str, Any]:
        """What ``savefig`` has to leave out of the file."""
        return _METADATA[self.format]

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """matplotlib's settings as these options want them, as long as the context lasts."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Style includes a parameter")  # a whole matplotlibrc is welcome
            # Names of runs in any script, and sizes that leave the axes no room, are no reason to trouble anybody.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            warnings.filterwarnings("ignore", message="constrained_layout not applied")
            with matplotlib.style.context([self.settings, _FIXED]):
                families = matplotlib.rcParams["font.family"]
                there = set(fontManager.get_font_names())
                matplotlib.rcParams["font.family"] = [*families, *(name for name in _MORE_FONTS if name in there)]
                yield


class _Complaints(logging.Handler):
    """Keeps the first thing that matplotlib says against a style file: it says so in its log and goes on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what is said, if it is the first."""
        self.first = self.first or " ".join(record.getMessage().split("You probably")[0].split())


def _read_style(named: str | Path) -> dict[str, Any]:
    """The settings of a style file, or of a style that matplotlib knows by name; never those of an address."""
    shown = printable(str(named), 200)
    if not Path(named).is_file():
        if str(named) in matplotlib.style.library:
            return dict(matplotlib.style.library[str(named)].items())
        known = ", ".join(name for name in matplotlib.style.available if not name.startswith("_"))
        raise ParameterError(f"{shown} is neither a style file nor a style of matplotlib's; those are: {known}")
    complaints, log = _Complaints(), logging.getLogger("matplotlib")
    propagates, log.propagate = log.propagate, False
    log.addHandler(complaints)
    try:
        found = matplotlib.rc_params_from_file(Path(named).resolve(), fail_on_error=True, use_default_template=False)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise ParameterError(f"{shown} is no style file of matplotlib's: {first_line(error)}") from error
    finally:
        log.removeHandler(complaints)
        log.propagate = propagates
    if complaints.first is not None:
        raise ParameterError(f"{shown} is no style file of matplotlib's: {printable(complaints.first, 200)}")
    return dict(found.items())
