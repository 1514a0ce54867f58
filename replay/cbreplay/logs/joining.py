"""Which history belongs to which event run: by place, and only when their values agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..monitors import words_of
from ..run import Metric, Run

#: Callbacks change the rate between the moment one logger reads it and the next does: never a contradiction.
_RATES = frozenset({"lr", "learning_rate"})


@dataclass(frozen=True)
class _Comparison:
    shared: int
    differing: int
    first: str  #: a sentence about the first difference
    shift: int  #: added to the epochs of the history before comparing

    @property
    def agrees(self) -> bool:
        return self.shared > 0 and self.differing == 0


def join_histories(
    event_runs: Sequence[Run], histories: Sequence[Run], given: frozenset[Path] = frozenset()
) -> list[Run]:
    """Merge each history into the event run that it belongs to; the others stay runs of their own.

    A history belongs to an event run at or below its folder when exactly one such run agrees with it: every
    value of a shared epoch is equal when rounded to float32. Where several agree, the one with just its
    epochs. A file in ``given`` may join an event run anywhere. The values of the history win: they have all
    digits.
    """
    joined = list(event_runs)
    alone: list[Run] = []
    for history in histories:
        anywhere = any(Path(source).resolve() in given for source in history.sources)
        candidates = [n for n, run in enumerate(event_runs) if anywhere or _is_below(run.folder, history.folder)]
        compared = [(number, _compare(event_runs[number], history)) for number in candidates]
        agreeing = [(number, comparison) for number, comparison in compared if comparison.agrees]
        if len(agreeing) > 1:
            same = [(n, c) for n, c in agreeing if _epochs(event_runs[n], 0) == _epochs(history, c.shift)]
            agreeing = same if len(same) == 1 else []
        if agreeing:
            number, comparison = agreeing[0]
            joined[number] = _merge(joined[number], history, comparison.shift)
        elif len(compared) == 1 and compared[0][1].shared:
            number, comparison = compared[0]
            files = f"{Path(history.sources[0]).name} and run {event_runs[number].name!r}"
            count = f"{comparison.differing} of {comparison.shared} shared values"
            note = f"{files} disagree beyond float32 rounding in {count} ({comparison.first}): not joined"
            joined[number] = replace(joined[number], notes=(*joined[number].notes, note))
            alone.append(replace(history, notes=(*history.notes, note)))
        else:
            alone.append(history)
    return [*joined, *_told_twice(alone)]


def _told_twice(histories: Sequence[Run]) -> list[Run]:
    """The histories, with a word on those of one folder that hold the same epochs and values as one before."""
    told: list[Run] = []
    known: dict[tuple[object, ...], list[int]] = {}  # places in ``told`` by what twins have in common
    for history in histories:
        values, begins_late = _first_values(history)
        place = history.folder, _epochs(history, 0)
        own = [(place, *value) for value in values]
        looked_up = [*own, (place, "late"), *([(place, "any")] if begins_late else [])]
        candidates = sorted({number for key in looked_up for number in known.get(key, ())})
        twin = next((told[n] for n in candidates if _compare_shifted(told[n], history, 0).agrees), None)
        if twin is not None:
            note = f"holds the same values as {twin.name!r}: one training, written down more than once"
            history = replace(history, notes=(*history.notes, note))
        for key in (*own, (place, "any"), *([(place, "late")] if begins_late else [])):
            known.setdefault(key, []).append(len(told))
        told.append(history)
    return told


def _first_values(history: Run) -> tuple[set[tuple[frozenset[str], object]], bool]:
    """The first value of each metric as float32, by the words of its name; and whether one begins later than the run.

    Twins share one of the values, unless a metric of one of them begins later: there it may be any.
    """
    found: set[tuple[frozenset[str], object]] = set()
    late = False
    for name, metric in history.table.items():
        if name in _RATES or not len(metric.epoch):
            continue
        with np.errstate(over="ignore"):
            value = metric.value[0].astype(np.float32)
        found.add((words_of(name), "nan" if np.isnan(value) else float(value)))
        late = late or int(metric.epoch[0]) != history.first_epoch
    return found, late


def _is_below(folder: str, above: str) -> bool:
    return Path(folder) == Path(above) or Path(above) in Path(folder).parents


def _epochs(run: Run, shift: int) -> tuple[int, int]:
    return run.first_epoch + shift, run.epochs


def _names_in(run: Run, history: Run) -> dict[str, str]:
    """What each metric of a history is called in the event files: the same, or the one name with its words."""
    by_words: dict[frozenset[str], list[str]] = {}
    for name in run.table:
        by_words.setdefault(words_of(name), []).append(name)
    names = {}
    for name in history.table:
        alike = [name] if name in run.table else by_words.get(words_of(name), [])
        if len(alike) == 1:
            names[name] = alike[0]
    return names


def _compare(run: Run, history: Run) -> _Comparison:
    """The comparison under the first shift of the history's epochs that agrees, else under no shift."""
    plain = _compare_shifted(run, history, 0)
    if plain.agrees:
        return plain
    if history.axis.kind == "epoch" and history.axis.base == 1:
        shifts = [1]  # a CSVLogger that was started with initial_epoch=1 counts from 0 all the same
    elif history.axis.sentence.startswith("no epoch column"):
        shifts = sorted({session.first_step or 0 for session in run.sessions} - {0})
    else:
        shifts = []
    found = [comparison for shift in shifts if (comparison := _compare_shifted(run, history, shift)).agrees]
    return found[0] if len(found) == 1 else plain


def _compare_shifted(run: Run, history: Run, shift: int) -> _Comparison:
    names = _names_in(run, history)
    shared = differing = 0
    first = ""
    for name, metric in history.table.items():
        known_as = names.get(name)
        if known_as is None or name in _RATES:
            continue
        other = run.table[known_as]
        epochs, mine, theirs = np.intersect1d(metric.epoch + shift, other.epoch, return_indices=True)
        with np.errstate(over="ignore", invalid="ignore"):
            a, b = metric.value[mine].astype(np.float32), other.value[theirs].astype(np.float32)
        unequal = ~((a == b) | (np.isnan(a) & np.isnan(b)))
        shared += len(epochs)
        differing += int(unequal.sum())
        if unequal.any() and not first:
            at = int(np.flatnonzero(unequal)[0])
            x, y = metric.value[mine][at], other.value[theirs][at]
            first = f"first: {name} of epoch {int(epochs[at]) + 1} is {x:.6g} there and {y:.6g} in the events"
    return _Comparison(shared, differing, first, shift)


def _merge(run: Run, history: Run, shift: int) -> Run:
    table = dict(run.table)
    filled = 0
    names = _names_in(run, history)
    for own_name, metric in history.table.items():
        name = names.get(own_name, own_name)
        moved = replace(metric, name=name, epoch=metric.epoch + shift)
        if name in table:
            table[name], new = _overlay(table[name], moved)
            filled += new
        else:
            table[name] = moved
    notes = list(dict.fromkeys([*run.notes, *history.notes]))
    if filled:
        notes.append(f"{Path(history.sources[0]).name} fills {filled} values that the event files lack")
    if shift:
        notes.append(f"the first row of {Path(history.sources[0]).name} is epoch {history.first_epoch + shift + 1}")
    return replace(
        run, table=table, sources=(*run.sources, *history.sources), notes=tuple(notes),
        damage=(*run.damage, *history.damage),
        joined_parts=(*run.joined_parts, *history.parts),
    )  # fmt: skip


def _overlay(events: Metric, text: Metric) -> tuple[Metric, int]:
    """Both as one: the digits of the text, the wall times of the events; and how many epochs were new."""
    times = dict(zip(events.epoch.tolist(), events.wall_time.tolist(), strict=True))
    values = dict(zip(events.epoch.tolist(), events.value.tolist(), strict=True))
    new = sum(epoch not in values for epoch in text.epoch.tolist())
    for epoch, value in zip(text.epoch.tolist(), text.value.tolist(), strict=True):
        values[epoch] = value
    epochs = sorted(values)
    return (
        Metric(
            events.name, np.array(epochs, np.int64), np.array([values[e] for e in epochs]),
            np.array([times.get(e, math.nan) for e in epochs]), f"{events.origin}, {text.origin}",
            exact=set(text.epoch.tolist()) >= set(epochs),
        ),
        new,
    )  # fmt: skip
