"""Trainings made up for tests of tuning: curves of which the right patience is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import cbreplay as cb
from cbreplay.run import PlannedEpochs


def run_of(values, name="a", *, planned="length", metric="val_loss", seconds=None):
    """A run with these values of one metric. ``planned`` is a number of epochs, None, or the length of the values."""
    logs = [{"loss": 1.0, metric: float(value)} for value in values]
    run = replace(cb.replay(logs, cb.EarlyStopping(metric, mode="min")).run, name=name)
    if planned != "length":
        known = None if planned is None else PlannedEpochs(planned, "given", "as given")
        run = replace(run, planned=known, sources=("made.csv",))
    if seconds is not None:
        table = {key: replace(found, wall_time=1e9 + seconds * (found.epoch + 1)) for key, found in run.table.items()}
        run = replace(run, table=table)
    return run


def plateau(wait, *, length=60, gain=0.5, start=3):
    """A curve that falls to 1, does not improve for ``wait`` epochs, falls by ``gain`` once, and rises to its end.

    Patience up to ``wait`` stops on the plateau and loses ``gain``; one more finds the best.
    """
    values = np.full(length, 3.0)
    values[: start + 1] = np.linspace(2.0, 1.0, start + 1)
    values[start + 1 : start + 1 + wait] = 1.5
    values[start + 1 + wait] = 1.0 - gain
    return values


def noisy(rng, *, length=80):
    """A curve as of a real training: falls, flattens, in part rises again, with noise."""
    epoch = np.arange(length)
    fall = np.exp(-epoch / rng.uniform(3, 15))
    rise = rng.choice([0.0, 1.0]) * np.maximum(epoch - rng.uniform(10, length), 0) * 0.002
    return (0.3 + fall + rise + rng.normal(0, 0.01, length)).astype(np.float32)
