"""What is drawn into axes for one outcome; the same in the figure of a run and in a small panel."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from ..outcome import Outcome
from ..text import epoch_name, number, printable
from . import style

_MAX_DOTS = 60


def draw_curves(axes: Axes, outcome: Outcome) -> None:
    """The monitor and, where there is one, its counterpart from training (or validation); epochs from 1."""
    run, monitor = outcome.run, outcome.monitor or ""
    twin = monitor.removeprefix("val_") if monitor.startswith("val_") else f"val_{monitor}"
    for name, colour, width in ((twin, style.TRAIN, 1.2), (monitor, style.VALIDATION, 1.8)):
        if name not in run.table:
            continue
        metric = run.table[name]
        finite = np.isfinite(metric.value)
        label = style.plain(printable(name, 40))
        axes.plot(
            metric.epoch[finite] + 1,
            metric.value[finite],
            color=colour,
            linewidth=width,
            marker="o" if len(metric.epoch) <= _MAX_DOTS else None,
            markersize=2.5,
            label=label,
        )
        if not finite.all():
            _at_the_foot(axes, metric.epoch[~finite] + 1, "x", colour, f"{label} is not finite")
    values = run.values(monitor)
    positive = values[np.isfinite(values)]
    if len(positive) and positive.min() > 0 and positive.max() > 100 * positive.min():
        axes.set_yscale("log")
    style.epoch_axis(axes, run.first_epoch + 1, run.first_epoch + run.epochs)


def draw_stop(axes: Axes, outcome: Outcome) -> None:
    """The epoch at whose end training stops, and the shade over what lies behind it."""
    stop = outcome.stopped_epoch
    if stop is None:
        return
    last = outcome.run.first_epoch + outcome.run.epochs - 1
    axes.axvline(stop + 1, color=style.STOP, linewidth=1.5, label=f"stop: epoch {epoch_name(stop)}")
    if stop < last:
        axes.axvspan(stop + 1, last + 1, color=style.AFTER, alpha=0.35, linewidth=0, label="after the stop")


def draw_best(axes: Axes, outcome: Outcome) -> None:
    """The epoch that the rule accepted as best, and the one whose weights were restored."""
    values = outcome.run.values(outcome.monitor or "")
    for epoch, looks in (
        (outcome.best_epoch, {"marker": "*", "color": style.BEST, "markeredgecolor": "white", "zorder": 5}),
        (
            outcome.restored_epoch,
            {"marker": "o", "markerfacecolor": "none", "markeredgecolor": style.RESTORED, "markeredgewidth": 1.8},
        ),
    ):
        if epoch is None:
            continue
        value = float(values[epoch - outcome.run.first_epoch])
        best = looks["marker"] == "*"
        label = (
            f"best: {number(value)} at epoch {epoch_name(epoch)}" if best else f"restored: epoch {epoch_name(epoch)}"
        )
        axes.plot(epoch + 1, value, markersize=13, linestyle="none", label=label, **looks)  # type: ignore[arg-type]


def draw_files(axes: Axes, outcome: Outcome) -> None:
    """A mark at the foot for each epoch that wrote a file which is there at the end."""
    written = sorted(set(outcome.files.values()))
    if written:
        one = f"file written: epoch {epoch_name(written[0])}"
        _at_the_foot(
            axes,
            [epoch + 1 for epoch in written],
            "^",
            style.FILE,
            one if len(written) == 1 else f"{len(written)} files written",
        )


def draw_sessions(axes: Axes, outcome: Outcome) -> None:
    """A dotted line where a session resumed the training."""
    for number_, first in enumerate(outcome.run.session_epochs[1:]):
        label = "_" if number_ else "resumed"
        axes.axvline(first + 0.5, color=style.FILE, linewidth=0.8, linestyle=":", label=label)


def _at_the_foot(axes: Axes, epochs: object, marker: str, colour: str, label: str) -> None:
    x = np.asarray(epochs, np.float64)
    axes.plot(
        x,
        np.full(len(x), 0.02),
        marker,
        color=colour,
        markersize=5,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
        label=label,
        zorder=6,
    )
