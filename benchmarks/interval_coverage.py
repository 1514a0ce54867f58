"""Do the intervals hold what they promise, and the held-out estimate? By simulation from a population that is known.

    python benchmarks/interval_coverage.py [--population 20000] [--samples 1000]

A population of made-up trainings is swept once. Samples of n runs are drawn from it; for each the 95 % intervals of
saving and regret at a fixed cell are held against the population's, and the regret that the advice promises (in the
sample, and held out) against what its cell really loses over the population.
"""

from __future__ import annotations

import argparse

import numpy as np
from made_runs import made_runs

from cbreplay.sweeping import sweep_runs
from cbreplay.sweeping.grid import make_grid
from cbreplay.tuning.choosing import NONE, Goal
from cbreplay.tuning.intervals import Bootstrap
from cbreplay.tuning.matrix import matrix_of
from cbreplay.tuning.trying import Chooser, hold_out, usual_loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--population", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=1000)
    given = parser.parse_args()
    grid = make_grid("keras", {"patience": range(1, 51), "min_delta": (0.0, 0.01)})
    runs = made_runs(given.population, 100)
    everyone = matrix_of([*sweep_runs(runs, grid, {"monitor": "val_loss", "mode": "min"})])
    goal = Goal("max_regret", 0.01)
    truth = everyone.regret_relative.mean(axis=0)
    cells = {patience: int(np.flatnonzero((grid.columns["patience"] == patience) & (grid.columns["min_delta"] == 0))[0])
             for patience in (5, 10, 20)}  # fmt: skip
    saved = everyone.epochs_saved.sum(axis=0) / everyone.epochs.sum()
    for patience, cell in cells.items():
        print(f"patience {patience}: over {given.population} runs regret {truth[cell]:.4f}, saved {saved[cell]:.4f}")
    print("share of the intervals that hold the truth, for patience 5, 10, 20; regret of the advice at a limit of 0.01")
    print("runs |  regret (plain)     |  regret             |  saved              | promised | held out | really lost")
    rng = np.random.default_rng(1)
    bootstrap = Bootstrap()
    for size in (5, 8, 14, 30, 100):
        ones = np.ones(size)
        covered = np.zeros((3, len(cells)))
        regrets = []
        for _ in range(given.samples):
            sample = everyone.of(rng.choice(given.population, size, replace=False))
            chooser = Chooser(sample, goal, grid)
            for at, cell in enumerate(cells.values()):
                lost = sample.regret_relative[:, cell]
                unseen = usual_loss(chooser.regret_of_sooner(cell))
                for kind, (interval, true) in enumerate((
                    (bootstrap.ratio(lost, ones), truth[cell]),
                    (bootstrap.regret(lost, ones, unseen), truth[cell]),
                    (bootstrap.ratio(sample.epochs_saved[:, cell], sample.epochs), saved[cell]),
                )):  # fmt: skip
                    covered[kind, at] += interval.low <= true <= interval.high
            picked = int(chooser.choose(ones)[0])
            tried = hold_out(chooser, [[run] for run in range(size)], "run", Bootstrap(resamples=100))
            if picked != NONE and tried is not None:
                regrets.append((sample.regret_relative[:, picked].mean(), tried.regret.value, truth[picked]))
        shares = " | ".join(" ".join(f"{share:6.1%}" for share in row / given.samples) for row in covered)
        promised, held_out, lost = np.mean(regrets, axis=0)
        print(f"{size:4} | {shares} | {promised:8.4f} | {held_out:8.4f} | {lost:11.4f}")


if __name__ == "__main__":
    main()
