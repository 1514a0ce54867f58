"""Figures as files: names from logs are made harmless, never used as paths."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from ..outcome import Outcome
from ..tuning import Advice
from .comparison import plot_comparison
from .outcome import plot_outcome
from .tuning import plot_front, plot_survival, plot_sweep


def write_figures(
    outcomes: Sequence[Outcome],
    folder: Path,
    *,
    dpi: int = 120,
    each: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write ``overview.png`` and (unless ``each`` is False) one PNG per outcome into ``folder``; the paths.

    ``progress`` is called with (figures written, figures in all). Raises OSError where the folder cannot be
    written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = {"overview"}
    jobs: list[tuple[Path, Callable[[], Figure]]] = [(folder / "overview.png", partial(plot_comparison, outcomes))]
    for outcome in outcomes if each else ():
        stem = file_stem(outcome.run.name, taken)
        taken.add(stem.lower())
        jobs.append((folder / f"{stem}.png", partial(plot_outcome, outcome)))
    return _write(jobs, dpi, progress)


def write_advice_figures(
    advice: Advice,
    outcomes: Sequence[Outcome],
    folder: Path,
    *,
    dpi: int = 120,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write ``tuning-map.png``, ``tuning-front.png``, ``tuning-training.png`` and ``tuning-runs.png`` into ``folder``.

    The last one is of the outcomes of the advised policy. Returns the paths; raises OSError where the folder cannot
    be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs: list[tuple[Path, Callable[[], Figure]]] = [
        (folder / "tuning-map.png", partial(plot_sweep, advice)),
        (folder / "tuning-front.png", partial(plot_front, advice)),
    ]
    if advice.used:
        jobs.append((folder / "tuning-training.png", partial(plot_survival, advice.survival())))
    if outcomes:
        jobs.append((folder / "tuning-runs.png", partial(plot_comparison, outcomes)))
    return _write(jobs, dpi, progress)


def _write(
    jobs: Sequence[tuple[Path, Callable[[], Figure]]], dpi: int, progress: Callable[[int, int], None] | None
) -> list[Path]:
    for done, (path, draw) in enumerate(jobs, start=1):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")  # run names in any script
            draw().savefig(path, dpi=dpi, metadata={"Software": None})
        if progress is not None:
            progress(done, len(jobs))
    return [path for path, _ in jobs]


def file_stem(name: str, taken: set[str]) -> str:
    """A file name for a run: letters, digits, dot, dash; a digest where that loses or repeats something."""
    stem = re.sub(r"[^A-Za-z0-9._=+-]+", "-", name).strip("-.")[:80] or "run"
    if stem.lower() in taken or stem in ("con", "nul", "aux", "prn"):
        stem = f"{stem}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return stem
