"""Where, inside one file, a writer started again."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..points import Part

_MOST_CHECKS = 1_000_000


def split_at_restarts(part: Part, declared: tuple[tuple[int, int], ...] = ()) -> list[Part]:
    """Cut a part where its writer started again.

    ``declared`` are the places where the writer said so itself: (number of points before it, step). Besides,
    a restart is seen where every tag that goes on goes back, to a step that it has already written. Steps
    that are merely written out of order never repeat one; a per-epoch batch counter leaves the others going.
    """
    cuts: dict[int, int | None] = {position: step for position, step in declared if 0 < position < len(part)}
    cuts |= dict.fromkeys(_seen_restarts(part, set(cuts)))
    at_start = next((step for position, step in declared if position == 0 and step > 0), None)
    if not cuts and at_start is None:
        return [part]
    borders = [0, *sorted(cuts), len(part)]
    return [part.cut(begin, end, at_start if begin == 0 else cuts[begin]) for begin, end in pairwise(borders)]


def _seen_restarts(part: Part, declared: set[int]) -> list[int]:
    """Positions at which every continuing tag goes back to a step that it has already written."""
    if all(series.is_rising for _, series in part.by_tag):
        return []
    order = part.tag_order()
    tag, step = part.tag_id[order], part.step[order]
    back = (tag[1:] == tag[:-1]) & (step[1:] < step[:-1])
    if not back.any():
        return []
    by_tag = np.split(order, np.flatnonzero(np.diff(tag)) + 1)
    found: list[int] = []
    begin = 0
    last_word = _start_of_last_word(part.tag_id)
    candidates = sorted(order[1:][back].tolist())
    for position in candidates[: max(_MOST_CHECKS // len(by_tag), 1)]:  # a file of nothing but restarts has no runs
        begin = max([begin, *(cut for cut in declared if cut <= position)])
        if position <= begin or position in declared or position >= last_word:
            continue
        if _is_restart(part.step, by_tag, begin, position):
            found.append(position)
            begin = position
    return found


def _start_of_last_word(tag_id: npt.NDArray[np.int32]) -> int:
    """From where on some tags have one more point each: an evaluation that is logged again is no restart.

    Where all tags have one it is an epoch, and so the first of another training.
    """
    tags = int(np.count_nonzero(np.bincount(tag_id)))
    seen: set[int] = set()
    for position in range(len(tag_id) - 1, -1, -1):
        if int(tag_id[position]) in seen or len(seen) == tags - 1:
            return position + 1
        seen.add(int(tag_id[position]))
    return len(tag_id)


def _is_restart(step: npt.NDArray[np.int64], by_tag: list[npt.NDArray[np.intp]], begin: int, position: int) -> bool:
    """Whether at ``position`` every tag that goes on since ``begin`` goes back to a step of its own, and one does."""
    goes_back = False
    for where in by_tag:
        first, middle = np.searchsorted(where, [begin, position])
        before, after = step[where[first:middle]], step[where[middle:]]
        if not len(before) and len(after) and where[middle] == position:
            return False  # what went back here did so at an earlier restart
        if not len(before) or not len(after):
            continue
        if after[0] >= before[-1] or after[0] not in before:
            return False
        goes_back = True
    return goes_back
