"""How the name of a monitor finds its metric: exactly, else by the words in it, never by a silent guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from .run import Metric, Run

#: Words that mean the same; "" are words that say nothing.
_SAME = {
    **dict.fromkeys(("val", "valid", "validation", "eval", "evaluation", "dev"), "val"),
    **dict.fromkeys(("train", "training", "learn", "epoch", "metrics", "metric", "scalars"), ""),
    "acc": "accuracy",
}
_TEST = {"test": "val"}


def with_monitors(run: Run, monitors: Iterable[str], given: Mapping[str, str] | None = None) -> Run:
    """``run`` with a metric of each monitor's name, where one can be found, and a note of what was taken.

    1. ``given`` maps a monitor to the metric to take; an unknown one raises :class:`UnknownMetricError`.
    2. A metric of just that name needs nothing.
    3. Else the one metric with the same words: ``val_loss`` is ``Loss/val``, ``eval/loss``, ``valid_loss`` or
       ``Validation Loss``; ``test_loss`` only where none of these is there. Where several have them, none is taken.
    """
    for monitor in dict.fromkeys(monitors):
        taken = (given or {}).get(monitor)
        if taken is not None:
            run.metric(taken)
        elif monitor not in run.table:
            taken, note = _by_words(monitor, run)
            if note:
                run = replace(run, notes=(*run.notes, note))
        if taken is not None and taken != monitor:
            run = _named(run, monitor, taken)
    return run


def _by_words(monitor: str, run: Run) -> tuple[str | None, str]:
    wanted = words_of(monitor)
    for also in ({}, _TEST):
        same = [name for name in run.table if wanted and words_of(name, also) == wanted]
        if len(same) == 1:
            return same[0], ""
        if same:
            return None, f"{monitor!r} could be {' or '.join(map(repr, same[:4]))}: say which (--metric {monitor}=NAME)"
    return None, ""


def counterpart(monitor: str, run: Run) -> str | None:
    """The metric of the other kind of data: ``loss`` for ``val_loss`` and the other way round.

    By words where the log has other names (``train_loss`` for ``eval/loss``); None where none or several could be.
    """
    words = words_of(monitor)
    if monitor.startswith("val_"):
        other = monitor.removeprefix("val_")
    else:
        other = " ".join(sorted(words - {"val"})) if is_validation(monitor) else f"val_{monitor}"
    return other if other in run.table else _by_words(other, run)[0]


def is_validation(monitor: str) -> bool:
    """Whether a metric's name says that it is of validation data."""
    return "val" in words_of(monitor)


def words_of(name: str, also: Mapping[str, str] | None = None) -> frozenset[str]:
    """The words of a metric's name that say something: ``val`` and ``loss`` of ``Loss/val``."""
    split = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", name).lower())
    return frozenset(_SAME.get(word, (also or {}).get(word, word)) for word in split) - {""}


def _named(run: Run, monitor: str, taken: str) -> Run:
    def renamed(table: dict[str, Metric]) -> dict[str, Metric]:
        return {**table, monitor: replace(table[taken], name=monitor)} if taken in table else table

    note = f"{monitor!r} is taken from {taken!r}"
    return replace(run, table=renamed(run.table), replaced=tuple(map(renamed, run.replaced)), notes=(*run.notes, note))
