"""How many steps the optimizer had made at the end of each epoch, where Keras' event files tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .points import Part
from .tags import is_iteration_tag


@dataclass(frozen=True)
class IterationMark:
    """The count of the optimizer's steps at the end of an epoch (0-based) of a fit (from 0).

    ``replaced`` tells that a later fit logged this epoch again.
    """

    fit: int
    epoch: int
    iterations: int
    replaced: bool


def iteration_marks(
    parts: Sequence[Part], fit_of: Sequence[int], replaced_from: Sequence[int | None]
) -> list[IterationMark]:
    """The marks that ``evaluation_<metric>_vs_iterations`` give, in the order of writing.

    Keras writes one at every evaluation, those of ``fit`` just before the epoch's own values; the last in front of an
    epoch's value is that of its validation.
    """
    marks = []
    for part, fit, cutoff in zip(parts, fit_of, replaced_from, strict=True):
        for tag_id, tag in enumerate(part.tags):
            epoch_tag = f"epoch_{tag.removeprefix('evaluation_').removesuffix('_vs_iterations')}"
            if not is_iteration_tag(tag) or epoch_tag not in part.tags:
                continue
            evaluations = np.flatnonzero(part.tag_id == tag_id)
            epochs = np.flatnonzero(part.tag_id == part.tags.index(epoch_tag))
            before = np.searchsorted(evaluations, epochs) - 1
            fresh = np.diff(before, prepend=-1) > 0  # each evaluation counts for one epoch
            for index, evaluation in zip(epochs[fresh].tolist(), before[fresh].tolist(), strict=True):
                step = int(part.step[index])
                iterations = int(part.step[evaluations[evaluation]])
                marks.append(IterationMark(fit, step, iterations, cutoff is not None and step >= cutoff))
            break  # the other metrics were evaluated together with this one
    return marks
