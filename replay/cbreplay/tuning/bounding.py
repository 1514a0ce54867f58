"""What a run that was cut short could still have reached, and what that makes of its regrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from ..sweeping import RunMeasures
from ..sweeping.measuring import COMPLETED, STOPPED
from .matrix import Matrix, matrix_of

Floats = npt.NDArray[np.float64]


def lowest_reach(censored: Sequence[RunMeasures], whole: Sequence[RunMeasures]) -> Floats:
    """The loss that each censored run could still have come down to, shape (censored,).

    That of the best of all runs, or what its own best comes to when it still gains, over its range, as much as the
    whole run that gained most after as many epochs; whatever is lower. Losses have their sign turned where higher is
    better.
    """
    sign = np.array([-1.0 if item.maximize else 1.0 for item in censored])
    own = np.array([item.whole_best for item in censored]) * sign
    best = min(-item.whole_best if item.maximize else item.whole_best for item in (*censored, *whole))
    gains = [(item.epochs, _gains_after(item)) for item in whole]
    gain = np.array([
        max((float(after[item.epochs - 1]) for epochs, after in gains if epochs > item.epochs), default=0.0)
        for item in censored
    ])  # fmt: skip
    spread = np.array([item.spread for item in censored])
    return np.asarray(np.minimum(best, own - gain * spread))


def _gains_after(item: RunMeasures) -> Floats:
    """What the best still gained after each epoch, over the range, shape (epochs,); nothing where there is none."""
    values = item.run.values(item.monitor)
    so_far = np.fmin.accumulate(-values if item.maximize else values)
    after = np.where(np.isnan(so_far), item.spread, so_far - so_far[-1])
    return after / item.spread if item.spread > 0 else np.zeros(len(after))


def bounded_matrices(whole: Sequence[RunMeasures], censored: Sequence[RunMeasures]) -> tuple[Matrix, Matrix]:
    """The matrix of both kinds of runs, whole ones first: as it is at worst, and as it is at best.

    At worst a censored run would still have reached :func:`lowest_reach`, and a cell that leaves it open finds
    nothing of that and trains to the planned end (to that of the log where it is not known); at best it would have
    gained nothing and ends with its log. Which run one would pick is judged by whole runs alone.
    """
    sure, cut = matrix_of(whole), matrix_of(censored)
    verdict = np.array([item.verdict for item in censored])
    known = ~np.isnan(cut.regret)
    sign = np.array([-1.0 if item.maximize else 1.0 for item in censored])
    missing = (np.array([item.whole_best for item in censored]) * sign - lowest_reach(censored, whole))[:, None]
    spread = np.array([[item.spread] for item in censored])
    still_open = known & (verdict != STOPPED) & (verdict != COMPLETED)
    total = np.array([[float(_planned_length(item))] for item in censored])
    beyond = total - cut.epochs[:, None]
    rate = np.nan_to_num(cut.seconds[:, None] / np.maximum(cut.epochs[:, None] - 1, 1))
    nowhere = np.full(cut.regret.shape, np.nan)

    def bounded(at_worst: bool) -> Matrix:
        more = missing if at_worst else np.zeros_like(missing)
        wide = np.where(spread + more > 0, spread + more, 1.0)
        saved = np.where(still_open, 0.0 if at_worst else beyond, cut.epochs_saved + beyond)
        return Matrix(
            regret=cut.regret + more,
            regret_relative=(cut.regret + more) / wide,
            regret_final=cut.regret_final + more,
            regret_final_relative=(cut.regret_final + more) / wide,
            epochs_saved=np.where(known, saved, np.nan),
            seconds_saved=np.where(known, saved * rate, np.nan),
            best_seen=nowhere,
            whole_best=nowhere[:, 0],
            epochs=total[:, 0],
            seconds=cut.seconds + (beyond * rate)[:, 0],
            first_regret=cut.first_regret + more[:, 0],
            first_regret_relative=((cut.first_regret + more[:, 0]) / wide[:, 0]),
        )

    return _joined(sure, bounded(at_worst=True)), _joined(sure, bounded(at_worst=False))


def _planned_length(item: RunMeasures) -> int:
    run = item.run
    return item.epochs if run.planned is None else max(run.planned.epochs - run.first_epoch, item.epochs)


def _joined(one: Matrix, other: Matrix) -> Matrix:
    return Matrix(*(np.concatenate([getattr(one, part.name), getattr(other, part.name)]) for part in fields(Matrix)))
