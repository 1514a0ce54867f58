"""Trainings made up for benchmarks: fall, flatten, in part rise again, with noise, plateaus and late gains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cbreplay.prepared import prepare
from cbreplay.run import Run


def made_runs(count: int, epochs: int, seed: int = 0) -> list[Run]:
    """Runs with ``loss`` and ``val_loss``, float32 values as an event file holds them, all planned for ``epochs``."""
    rng = np.random.default_rng(seed)
    runs = []
    for number in range(count):
        values = made_curve(rng, epochs)
        logs = [{"loss": 0.9 * value, "val_loss": value} for value in values.tolist()]
        runs.append(replace(prepare(logs, None, None).run, name=f"run{number}"))
    return runs


def made_curve(rng: np.random.Generator, epochs: int) -> np.ndarray:
    """One curve of ``val_loss``, shape (epochs,), float32."""
    epoch = np.arange(epochs)
    fall = np.exp(-epoch / rng.uniform(3, 40))
    late = rng.choice([0.0, rng.uniform(0, 0.2)]) * (epoch > rng.uniform(0, epochs))
    rise = rng.choice([0.0, rng.uniform(0, 0.003)]) * np.maximum(epoch - rng.uniform(5, epochs), 0)
    return (0.3 + fall - late + rise + rng.normal(0, rng.uniform(0.002, 0.02), epochs)).astype(np.float32)
