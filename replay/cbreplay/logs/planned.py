"""How many epochs a training was to run: given, or inferred from its siblings, never assumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ..run import PlannedEpochs, Run


def with_planned_epochs(runs: Sequence[Run], given: int | None) -> list[Run]:
    """The runs, each with its planned epochs where something tells.

    Early stopping rarely ends several trainings at the same epoch, ``epochs=`` does: three different runs
    that end alike, or two at a multiple of ten, show the planned number. Runs with equal values count once.
    A run that ends before such a number is taken to have been planned for the lowest of them.
    """
    if given is not None:
        planned = PlannedEpochs(given, "given", f"{given} planned epochs, as given")
        return [replace(run, planned=planned) for run in runs]
    different = {_fingerprint(run): run for run in runs if run.epochs}
    ends = Counter(run.first_epoch + run.epochs for run in different.values())
    common = sorted(end for end, count in ends.items() if count >= 3 or (count == 2 and end % 10 == 0))
    result = []
    for run in runs:
        end = run.first_epoch + run.epochs
        number = next((candidate for candidate in common if run.epochs and candidate >= end), None)
        if run.planned is None and number is not None:
            sentence = f"{number} planned epochs, inferred: {ends[number]} of {len(different)} runs end there"
            run = replace(run, planned=PlannedEpochs(number, "siblings", sentence))
        result.append(run)
    return result


def _fingerprint(run: Run) -> tuple[object, ...]:
    return tuple((name, metric.value.tobytes()) for name, metric in sorted(run.table.items()))
