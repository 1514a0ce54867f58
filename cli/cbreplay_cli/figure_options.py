"""The options of commands that write figures: format, size, resolution, style and the x axis."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .options import option

if TYPE_CHECKING:
    from cbreplay.plots import FigureOptions


class Inches(click.ParamType):  # type: ignore[type-arg]
    """``9x4.5``: width and height."""

    name = "WxH"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, float]:
        """The two numbers; whether a figure can be that large is checked where it is made."""
        try:
            width, height = (float(part) for part in (value if isinstance(value, (tuple, list)) else value.split("x")))
        except (AttributeError, TypeError, ValueError):
            self.fail(f"{value!r} is no size such as 9x4.5 (inches)", parameter, context)
        return width, height


_OPTIONS = (
    option(
        "--figure-format", type=click.Choice(["png", "svg", "pdf"]), default="png", show_default=True,
        help="The format of the figures.",
    ),
    option(
        "--figure-size", type=Inches(), metavar="WxH",
        help="Width and height of each figure in inches, e.g. 9x4.5.  [default: as its content needs]",
    ),
    option("--dpi", type=int, default=120, show_default=True, help="Dots per inch of PNG figures."),
    option(
        "--figure-style", metavar="FILE",
        help="A matplotlib style file for the figures, or the name of a style that matplotlib has.",
    ),
    option(
        "--x-axis", type=click.Choice(["epoch", "time"]), default="epoch", show_default=True,
        help="What runs along the x axis: epochs as Keras prints them, or the time since the first logged one.",
    ),
)  # fmt: skip


def figure_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as one argument ``figures``.

    That is a function which makes :class:`cbreplay.plots.FigureOptions` of them (and raises
    :class:`cbreplay.ParameterError` for what cannot be): to be called before any work, but only where figures are
    wanted, as it imports matplotlib.
    """

    @functools.wraps(command)
    def with_figures(
        *args: Any, figure_format: Any, figure_size: Any, dpi: int, figure_style: str | None, x_axis: Any, **given: Any
    ) -> Any:
        def figures() -> FigureOptions:
            from cbreplay.plots import FigureOptions

            return FigureOptions(figure_format, dpi, figure_size, figure_style, x_axis)

        return command(*args, figures=figures, **given)

    decorated: Callable[..., Any] = with_figures
    for add in reversed(_OPTIONS):
        decorated = add(decorated)
    return decorated
