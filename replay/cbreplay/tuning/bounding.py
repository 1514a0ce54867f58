"""What a run that was cut short could still have gained, bounded by what whole runs did gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from ..sweeping import RunMeasures
from .matrix import Matrix, matrix_of

Floats = npt.NDArray[np.float64]

_MIN_LONGER_RUNS = 3


def unseen_gains(censored: Sequence[RunMeasures], whole: Sequence[RunMeasures]) -> Floats:
    """For each censored run the most that a whole run still gained after as many epochs, over its range; (censored,).

    Infinity where fewer than three whole runs are longer: nothing bounds it then.
    """
    gains = [(item.epochs, _gains_after(item)) for item in whole]
    found = []
    for item in censored:
        later = [float(after[item.epochs - 1]) for epochs, after in gains if epochs > item.epochs]
        found.append(max(later) if len(later) >= _MIN_LONGER_RUNS else np.inf)
    return np.array(found)


def _gains_after(item: RunMeasures) -> Floats:
    """What the best still gained after each epoch, over the range, shape (epochs,); nothing where there is none."""
    values = item.run.values(item.monitor)
    so_far = np.fmin.accumulate(-values if item.maximize else values)
    after = np.where(np.isnan(so_far), np.inf, so_far - so_far[-1])
    return after / item.spread if item.spread > 0 else np.zeros(len(after))


def bounded_matrices(whole: Sequence[RunMeasures], censored: Sequence[RunMeasures]) -> tuple[Matrix, Matrix]:
    """The matrix of both kinds of runs, whole ones first: as it is at worst, and as it is at best.

    At worst a censored run still gains what :func:`unseen_gains` allows, and a cell that leaves it open trains to the
    planned end (to the end of the log where that is not known); at best it gains nothing and ends with its log.
    Which run one would pick is judged by whole runs alone.
    """
    sure, cut = matrix_of(whole), matrix_of(censored)
    gain = unseen_gains(censored, whole)[:, None]
    spread = np.array([[item.spread] for item in censored])
    open_cells = np.isnan(cut.regret)
    total = np.array([[float(_planned_length(item))] for item in censored])
    beyond = total - cut.epochs[:, None]
    rate = np.nan_to_num(cut.seconds[:, None] / np.maximum(cut.epochs[:, None] - 1, 1))
    nowhere = np.full(cut.regret.shape, np.nan)

    def bounded(at_worst: bool) -> Matrix:
        more = gain if at_worst else np.zeros_like(gain)
        saved = 0.0 if at_worst else beyond
        return Matrix(
            regret=np.where(open_cells, 0.0, cut.regret) + more * spread,
            regret_relative=np.where(open_cells, 0.0, cut.regret_relative) + more,
            regret_final=np.where(open_cells, 0.0, cut.regret_final) + more * spread,
            regret_final_relative=np.where(open_cells, 0.0, cut.regret_final_relative) + more,
            epochs_saved=np.where(open_cells, saved, cut.epochs_saved + beyond),
            seconds_saved=np.where(open_cells, saved * rate, cut.seconds_saved + beyond * rate),
            best_seen=nowhere,
            whole_best=nowhere[:, 0],
            epochs=total[:, 0],
            seconds=cut.seconds + (beyond * rate)[:, 0],
        )

    return _joined(sure, bounded(at_worst=True)), _joined(sure, bounded(at_worst=False))


def _planned_length(item: RunMeasures) -> int:
    run = item.run
    return item.epochs if run.planned is None else max(run.planned.epochs - run.first_epoch, item.epochs)


def _joined(one: Matrix, other: Matrix) -> Matrix:
    return Matrix(*(np.concatenate([getattr(one, part.name), getattr(other, part.name)]) for part in fields(Matrix)))
