"""Figures as files: names from logs are made harmless, never used as paths."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from ..comparing import Comparison
from ..files import write_anew
from ..outcome import Outcome
from ..tuning import Advice
from . import style
from .comparison import plot_comparison
from .contrast import plot_policies
from .gap import plot_gaps
from .grouped import plot_groups
from .options import FigureOptions
from .outcome import plot_outcome
from .tuning import plot_front, plot_survival, plot_sweep

_DEFAULT = FigureOptions()

#: Draws into the figure that it is given, or into one of its own size.
_Draw = Callable[..., Figure]


def write_figures(
    outcomes: Sequence[Outcome],
    folder: Path,
    *,
    options: FigureOptions = _DEFAULT,
    each: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write ``overview`` and (unless ``each`` is False) one figure per outcome into ``folder``; the paths.

    ``progress`` is called with (figures written, figures in all). Raises OSError where the folder cannot be
    written. The same outcomes and options give the same bytes.
    """
    taken = {"overview"}
    jobs: list[tuple[str, _Draw]] = [("overview", partial(plot_comparison, outcomes, x_axis=options.x_axis))]
    for outcome in outcomes if each else ():
        stem = file_stem(outcome.run.name, taken)
        taken.add(stem.lower())
        jobs.append((stem, partial(plot_outcome, outcome, x_axis=options.x_axis)))
    return _write(jobs, folder, options, progress)


def write_advice_figures(
    advice: Advice,
    outcomes: Sequence[Outcome],
    folder: Path,
    *,
    options: FigureOptions = _DEFAULT,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write ``tuning-map``, ``tuning-front``, ``tuning-training`` and ``tuning-runs`` into ``folder``; the paths.

    The last one is of the outcomes of the advised policy, and the only one with the x axis of ``options``. Raises
    OSError where the folder cannot be written.
    """
    jobs: list[tuple[str, _Draw]] = [
        ("tuning-map", partial(plot_sweep, advice)),
        ("tuning-front", partial(plot_front, advice)),
    ]
    if advice.used:
        jobs.append(("tuning-training", partial(plot_survival, advice.survival())))
    if outcomes:
        jobs.append(("tuning-runs", partial(plot_comparison, outcomes, x_axis=options.x_axis)))
    return _write(jobs, folder, options, progress)


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


def _write(
    jobs: Sequence[tuple[str, _Draw]],
    folder: Path,
    options: FigureOptions,
    progress: Callable[[int, int], None] | None,
) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with options.applied():
        for done, (stem, draw) in enumerate(jobs, start=1):
            figure = draw(into=None if options.size is None else style.figure(*options.size))
            path = folder / f"{stem}.{options.format}"
            save_figure(figure, path, options)
            paths.append(path)
            if progress is not None:
                progress(done, len(jobs))
    return paths


def save_figure(figure: Figure, path: Path, options: FigureOptions) -> None:
    """Write a figure in one step; what stood at ``path``, a link to a log say, is replaced and not written into."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=options.format, dpi=options.dpi, metadata=options.metadata)
    write_anew(path, buffer.getvalue())


def file_stem(name: str, taken: set[str]) -> str:
    """A file name for a run: letters, digits, dot, dash; a digest where that loses or repeats something."""
    stem = re.sub(r"[^A-Za-z0-9._=+-]+", "-", name).strip("-.")[:80] or "run"
    if stem.lower() in taken or stem in ("con", "nul", "aux", "prn"):
        stem = f"{stem}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return stem
