"""The sweep against looping over Keras' own callback, side by side on the same curves.

    pip install tensorflow-cpu && python benchmarks/sweep_against_keras.py [--runs 1000] [--sample 4]

The sweep takes all runs, the loop a sample of them (it would take hours for all) and is scaled up. Every cell of the
sample is compared. KERAS_BACKEND=numpy (with pip install keras) takes Keras' quickest backend.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
import types

import keras
import numpy as np
import pandas as pd
from made_runs import made_runs

import cbreplay as cb
from cbreplay.run import Run

PATIENCE = range(51)
MIN_DELTA = [0.0, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--sample", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    runs = made_runs(given.runs, given.epochs)
    sample = runs[:: max(given.runs // given.sample, 1)][: given.sample]
    profile = f"keras-{keras.__version__}" + ("+numpy" if keras.backend.backend() == "numpy" else "")
    swept, looped = [], []
    for _ in range(given.repeat):  # alternating
        began = time.perf_counter()
        table = cb.sweep(runs, mode="min", patience=PATIENCE, min_delta=MIN_DELTA, profile=profile)
        swept.append(time.perf_counter() - began)
        began = time.perf_counter()
        stops = [loop(run) for run in sample]
        looped.append((time.perf_counter() - began) * len(runs) / len(sample))
    cells = len(PATIENCE) * len(MIN_DELTA)
    for run, expected in zip(sample, stops, strict=True):
        found = table[table["run"] == run.name]["stopped_epoch"].tolist()
        assert expected == [None if pd.isna(stop) else stop for stop in found]
    fast, slow = statistics.median(swept), statistics.median(looped)
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, Keras {keras.__version__}"
    print(f"{platform.machine()}, {versions} on {keras.backend.backend()}")
    print(f"{len(runs)} runs x {given.epochs} epochs x {cells} cells, median of {given.repeat}")
    print(f"sweep {fast:.2f} s; Keras in a loop {slow:,.0f} s ({len(sample)} runs): {slow / fast:,.0f}x; all equal")


def loop(run: Run) -> list[int | None]:
    """The stopped epoch of every cell by Keras' own callback, an object per cell, as one would write it."""
    logs = [{"loss": loss, "val_loss": value} for loss, value in
            zip(run.values("loss").tolist(), run.values("val_loss").tolist(), strict=True)]  # fmt: skip
    return [stopped(logs, patience, delta) for delta in MIN_DELTA for patience in PATIENCE]


def stopped(logs: list[dict[str, float]], patience: int, min_delta: float) -> int | None:
    """Where Keras stops, None where it does not."""
    callback = keras.callbacks.EarlyStopping("val_loss", mode="min", patience=patience, min_delta=min_delta)
    model = types.SimpleNamespace(stop_training=False)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, seen in enumerate(logs):
        callback.on_epoch_end(epoch, seen)
        if model.stop_training:
            return epoch
    return None


if __name__ == "__main__":
    main()
