"""How many epochs a training was to run: given, or inferred from its siblings, never assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

from ..run import PlannedEpochs, Run


def with_planned_epochs(runs: Sequence[Run], given: int | None) -> list[Run]:
    """The runs, each with its planned epochs where something tells.

    Early stopping rarely ends several trainings at the same epoch, ``epochs=`` does. So the longest length
    among different runs with the same metrics is taken for planned when three of them end there (of very many runs
    three times as many as at any other length on average), or two at a multiple of ten. Runs with equal values count
    once.
    """
    if given is not None:
        planned = PlannedEpochs(given, "given", "as given")
        return [replace(run, planned=planned) for run in runs]
    families: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        if run.epochs:
            families.setdefault(_family(run), []).append(run)
    ends = {family: _ends(members) for family, members in families.items()}
    return [_with_inferred(run, ends.get(_family(run), [])) for run in runs]


def _ends(runs: Sequence[Run]) -> list[int]:
    """The epoch behind the last of each run, those with equal values once."""
    return list({_fingerprint(run): _end(run) for run in runs}.values()) if len(runs) > 1 else [_end(runs[0])]


def _with_inferred(run: Run, ends: list[int]) -> Run:
    longest = max(ends, default=0)
    count = ends.count(longest)
    shorter = [end for end in ends if end != longest]
    by_chance = len(shorter) / len(set(shorter)) if shorter else 1.0
    stands_out = count >= 3 * by_chance or (count == 2 and longest % 10 == 0 and by_chance <= 1.5)
    if run.planned is not None or not run.epochs or not stands_out:
        return run
    sentence = f"inferred: {count} of {len(ends)} runs with the same metrics end there"
    return replace(run, planned=PlannedEpochs(longest, "siblings", sentence))


def _end(run: Run) -> int:
    return run.first_epoch + run.epochs


def _family(run: Run) -> tuple[str, ...]:
    return tuple(sorted(run.table))


def _fingerprint(run: Run) -> tuple[object, ...]:
    return tuple((name, blake2b(metric.value.data).digest()) for name, metric in sorted(run.table.items()))
