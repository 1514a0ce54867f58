"""One run under one policy: its curves, and where it stops, is best, is restored and is saved."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..outcome import Outcome
from ..text import epoch_name, number, printable
from . import style


def plot_outcome(outcome: Outcome) -> Figure:
    """A figure of one outcome: train and validation curve, marks, and the part after the stop shaded.

    Epochs on the axis are counted from 1, as Keras prints them.
    """
    figure = style.figure(9.0, 4.2)
    axes = figure.add_subplot()
    if outcome.monitor is None or outcome.monitor not in outcome.run.table:
        axes.set_axis_off()
        axes.text(0.5, 0.5, style.plain(printable(outcome.reason, 90)), ha="center", va="center", wrap=True)
    else:
        draw_curves(axes, outcome)
        draw_marks(axes, outcome)
        axes.set_xlabel("epoch (counted from 1, as Keras prints it)")
        axes.set_ylabel(style.plain(printable(outcome.monitor, 40)))
        figure.legend(loc="outside right upper", fontsize=8, frameon=False)
        style.tidy(axes)
        low, high = outcome.run.first_epoch + 1, outcome.run.first_epoch + outcome.run.epochs
        pad = max((high - low) * 0.03, 0.5)
        axes.set_xlim(low - pad, high + pad)
    figure.suptitle(style.plain(printable(outcome.run.name, 70)), fontsize=12, x=0.01, ha="left", weight="bold")
    axes.set_title(style.plain(printable(outcome.reason, 100)), fontsize=10, loc="left", color="#444444")
    return figure


def draw_curves(axes: Axes, outcome: Outcome) -> None:
    """The monitor and, where there is one, its counterpart from training (or validation)."""
    run, monitor = outcome.run, outcome.monitor
    assert monitor is not None
    twin = monitor.removeprefix("val_") if monitor.startswith("val_") else f"val_{monitor}"
    for name, colour, width in ((twin, style.TRAIN, 1.2), (monitor, style.VALIDATION, 1.8)):
        if name not in run.table:
            continue
        metric = run.table[name]
        marker = "o" if len(metric.epoch) <= 60 else None
        finite = np.isfinite(metric.value)
        axes.plot(
            metric.epoch[finite] + 1, metric.value[finite], color=colour, linewidth=width, marker=marker,
            markersize=2.5, label=style.plain(printable(name, 40)),
        )  # fmt: skip
        if not finite.all():
            at = metric.epoch[~finite] + 1
            axes.plot(
                at, np.zeros(len(at)), "x", color=colour, transform=axes.get_xaxis_transform(),
                clip_on=False, label=style.plain(f"{printable(name, 40)} is not finite"),
            )  # fmt: skip
    _use_log_scale(axes, outcome)


def _use_log_scale(axes: Axes, outcome: Outcome) -> None:
    values = outcome.run.values(outcome.monitor or "")
    finite = values[np.isfinite(values)]
    if len(finite) and finite.min() > 0 and finite.max() > 100 * finite.min():
        axes.set_yscale("log")


def draw_marks(axes: Axes, outcome: Outcome) -> None:
    """Best, stop, restored weights, written files and resumed sessions; what lies behind the stop is shaded."""
    run = outcome.run
    for first in run.session_epochs[1:]:
        label = "resumed" if first == run.session_epochs[1] else "_"
        axes.axvline(first + 0.5, color=style.FILE, linewidth=0.8, linestyle=":", label=label)
    last = run.first_epoch + run.epochs - 1
    stop = outcome.stopped_epoch
    if stop is not None:
        axes.axvline(stop + 1, color=style.STOP, linewidth=1.5, label=f"stop: epoch {epoch_name(stop)}")
        if stop < last:
            axes.axvspan(stop + 1, last + 1, color=style.AFTER, alpha=0.35, linewidth=0, label="after the stop")
    values = run.values(outcome.monitor or "")
    if outcome.best_epoch is not None:
        at = values[outcome.best_epoch - run.first_epoch]
        axes.plot(
            outcome.best_epoch + 1, at, marker="*", markersize=13, color=style.BEST, linestyle="none",
            markeredgecolor="white", label=f"best: {number(at)} at epoch {epoch_name(outcome.best_epoch)}", zorder=5,
        )  # fmt: skip
    if outcome.restored_epoch is not None:
        axes.plot(
            outcome.restored_epoch + 1, values[outcome.restored_epoch - run.first_epoch], marker="o", markersize=13,
            markerfacecolor="none", markeredgecolor=style.RESTORED, markeredgewidth=1.8, linestyle="none",
            label=f"restored: epoch {epoch_name(outcome.restored_epoch)}", zorder=4,
        )  # fmt: skip
    written = sorted(set(outcome.files.values()))
    if written:
        which = (
            f"file written: epoch {epoch_name(written[0])}" if len(written) == 1 else f"{len(written)} files written"
        )
        axes.plot(
            [epoch + 1 for epoch in written], np.full(len(written), 0.02), "^", color=style.FILE, markersize=5,
            transform=axes.get_xaxis_transform(), clip_on=False, label=which, zorder=6,
        )  # fmt: skip
