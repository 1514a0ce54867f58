"""The figures of a comparison as files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..comparing import Comparison
from .contrast import plot_policies
from .files import _DEFAULT, _Draw, _write
from .gap import plot_gaps
from .grouped import plot_groups
from .options import FigureOptions


def write_comparison_figures(
    comparison: Comparison,
    folder: Path,
    *,
    options: FigureOptions = _DEFAULT,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write ``compare-policies``, ``compare-groups`` (where there are groups) and ``compare-gap`` into ``folder``.

    The last one only where some run has the monitored metric of both training and validation. Returns the paths; raises
    OSError where the folder cannot be written.
    """
    jobs: list[tuple[str, _Draw]] = [
        ("compare-policies", partial(plot_policies, comparison, x_axis=options.x_axis)),
    ]
    if comparison.groups:
        jobs.append(("compare-groups", partial(plot_groups, comparison)))
    if any(answer.gaps is not None for row in comparison.runs for answer in row.answers):
        jobs.append(("compare-gap", partial(plot_gaps, comparison)))
    return _write(jobs, folder, options, progress)
