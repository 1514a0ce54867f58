"""What is drawn into axes for one outcome; the same in the figure of a run and in a small panel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from ..monitors import counterpart
from ..outcome import Outcome
from ..text import epoch_name, number, plural
from . import style
from .along import Along
from .landmarks import Landmarks, landmarks

_MAX_DOTS = 60
_LABEL = 2.2  # inches that the name of a metric may take in a legend
_LOG_FROM = 100

#: Looks of each mark, so that a legend of its own shows what the axes show.
LOOKS: dict[str, dict[str, Any]] = {
    "best": {"marker": "*", "markersize": 13, "color": style.BEST, "linestyle": "none", "zorder": 5},
    "restored": {"marker": "o", "markersize": 13, "markerfacecolor": "none", "markeredgecolor": style.RESTORED,
                 "markeredgewidth": 1.8, "linestyle": "none"},
    "stop": {"color": style.STOP, "linewidth": 1.5},
    "after": {"color": style.AFTER, "alpha": 0.35, "linewidth": 0},
    "monitor": {"color": style.VALIDATION, "linewidth": 1.8},
    "twin": {"color": style.TRAIN, "linewidth": 1.2},
}  # fmt: skip


def file_looks(*, kept: bool) -> dict[str, Any]:
    """Looks of the epochs that wrote a file: a triangle where it is left at the end, a dash where it is not."""
    marker = {"marker": "^", "markersize": 5} if kept else {"marker": "|", "markersize": 6, "markeredgewidth": 1}
    return marker | {"color": style.ink(0.867), "linestyle": "none"}


def undecided_looks() -> dict[str, Any]:
    """Looks of a stretch that the log does not decide: hatched, no fill."""
    return {"facecolor": "none", "edgecolor": style.ink(0.4), "hatch": "///", "linewidth": 0}


def draw_outcome(axes: Axes, outcome: Outcome, along: Along, *, overwritten: bool = True) -> None:
    """Everything of an outcome whose monitor is in the log: curves, sessions, and each landmark.

    Without ``overwritten`` only the writes that are left at the end: in a small panel the others are but noise.
    """
    seen = landmarks(outcome)
    draw_curves(axes, outcome, along)
    for number_, first in enumerate(outcome.run.session_epochs[1:]):
        label = "_" if number_ else "resumed"
        x = float(along.at(first - 0.5))
        axes.axvline(x, color=style.ink(0.867), linewidth=0.8, linestyle=":", label=label)
    draw_stop(axes, seen, along)
    draw_undecided(axes, seen, along)
    draw_best(axes, outcome, seen, along)
    draw_files(axes, seen if overwritten else replace(seen, overwritten=()), along)
    along.limit(axes, seen.first, seen.shown_until)


def draw_curves(axes: Axes, outcome: Outcome, along: Along) -> None:
    """The monitor and, where there is one, its counterpart from training (or validation)."""
    run, monitor = outcome.run, outcome.monitor or ""
    shown = []
    for name, looks in ((counterpart(monitor, run), LOOKS["twin"]), (monitor, LOOKS["monitor"])):
        if name is None or name not in run.table:
            continue
        metric = run.table[name]
        finite = np.isfinite(metric.value)
        label = style.fitted(name, _LABEL, style.points(8))
        dots = "o" if len(metric.epoch) <= _MAX_DOTS else None
        axes.plot(along.at(metric.epoch[finite]), metric.value[finite], marker=dots, markersize=2.5, label=label,
                  **looks)  # fmt: skip
        shown.append(metric.value[finite])
        if not finite.all():
            not_finite = {"marker": "x", "markersize": 5, "color": looks["color"], "linestyle": "none"}
            _at_the_foot(axes, along.at(metric.epoch[~finite]), not_finite, f"{label} is not finite")
    if not any(len(values) for values in shown):
        axes.set_yticks([])  # there is no value that they could tell
    if needs_log(shown):
        axes.set_yscale("log")


def needs_log(curves: list[npt.NDArray[np.float64]]) -> bool:
    """Whether the last curve spans two decades, and none would lose values that are not positive."""
    values = np.concatenate(curves) if curves else np.zeros(0)
    if not len(values) or not len(curves[-1]) or values.min() <= 0:
        return False
    return bool(curves[-1].max() / _LOG_FROM > curves[-1].min())


def draw_stop(axes: Axes, seen: Landmarks, along: Along) -> None:
    """The epoch at whose end training stops, and the shade over what lies behind it."""
    if seen.stop is None:
        return
    stop, end = along.at([seen.stop, seen.last])
    axes.axvline(stop, label=f"stop: epoch {epoch_name(seen.stop)}", **LOOKS["stop"])
    if seen.stop < seen.last:
        axes.axvspan(stop, end, label="after the stop", **LOOKS["after"])


def draw_undecided(axes: Axes, seen: Landmarks, along: Along) -> None:
    """A hatched stretch over each part that the log does not decide."""
    for place, stretch in enumerate(seen.undecided):
        start, end = along.at(stretch)
        axes.axvspan(start, end, label="_" if place else seen.undecided_label, **undecided_looks())


def draw_best(axes: Axes, outcome: Outcome, seen: Landmarks, along: Along) -> None:
    """The epoch that the rule accepted as best, and the one whose weights were restored."""
    values = outcome.run.values(outcome.monitor or "")
    for name, epoch in (("best", seen.best), ("restored", seen.restored)):
        if epoch is None:
            continue
        value = float(values[epoch - seen.first])
        said = f"{number(value)} at epoch" if name == "best" else "epoch"
        edge = {"markeredgecolor": style.ink(0)} if name == "best" else {}
        axes.plot(along.at([epoch]), [value], label=f"{name}: {said} {epoch_name(epoch)}", **LOOKS[name] | edge)


def draw_files(axes: Axes, seen: Landmarks, along: Along) -> None:
    """A mark at the foot for each epoch that wrote a file: a triangle where it is there at the end."""
    if seen.overwritten:
        label = f"{plural(len(seen.overwritten), 'earlier write')}, overwritten"
        _at_the_foot(axes, along.at(seen.overwritten), file_looks(kept=False), label)
    if seen.written:
        one = f"file written: epoch {epoch_name(seen.written[0])}"
        label = one if len(seen.written) == 1 else f"{len(seen.written)} files written"
        _at_the_foot(axes, along.at(seen.written), file_looks(kept=True), label)


def _at_the_foot(axes: Axes, x: npt.NDArray[np.float64], looks: dict[str, Any], label: str) -> None:
    axes.plot(x, np.full(len(x), 0.02), transform=axes.get_xaxis_transform(), clip_on=False, label=label, zorder=6,
              **looks)  # fmt: skip
