"""Whose weights a file holds, by content alone: its tensors against the weight histograms in the event files.

Names count for nothing: a tensor agrees with a histogram that has its number of elements, its smallest and largest
number to the last bit, and its count in every bucket.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..fingerprints import Fingerprint
from ..logs.histograms import LoggedHistogram
from ..model_files import Checkpoint


@dataclass(frozen=True, order=True)
class Moment:
    """The end of an epoch (0-based) in a fit (from 0) of a run, by its place among the runs."""

    run: int
    fit: int
    epoch: int


@dataclass(frozen=True)
class ContentMatch:
    """What the histograms say of one file.

    ``moments`` are all whose histograms agree. ``agreeing`` tensors agree there, ``beyond`` more are in the file
    than were logged, ``missing`` (distinct ones) were logged and are not in it. Where none agrees, ``nearest`` may
    be the one with the most tensors that tell it from other moments, and ``differing`` names tensors that are not
    what they were there. ``compared`` is False where there was nothing to compare. ``other_model`` tells that the
    sizes of its tensors are those of another model, so that it cannot be of that run.
    """

    moments: tuple[Moment, ...] = ()
    agreeing: int = 0
    beyond: int = 0
    missing: int = 0
    nearest: Moment | None = None
    differing: tuple[str, ...] = ()
    compared: bool = True
    other_model: bool = False


Fingerprints = Counter[Fingerprint]


@dataclass
class HistogramIndex:
    """The weight histograms of several runs, to look tensors up in."""

    _at: dict[Moment, Fingerprints] = field(default_factory=dict)
    _where: dict[Fingerprint, set[Moment]] = field(default_factory=dict)
    _untold: set[Moment] = field(default_factory=set)
    replaced: set[Moment] = field(default_factory=set)

    def add(self, run: int, histograms: Iterable[LoggedHistogram]) -> None:
        """Take in the histograms of the run at place ``run``."""
        for histogram in histograms:
            moment = Moment(run, histogram.fit, histogram.epoch)
            if histogram.replaced:
                self.replaced.add(moment)
            if histogram.fingerprint is None:
                self._untold.add(moment)
                continue
            self._at.setdefault(moment, Counter())[histogram.fingerprint] += 1
            self._where.setdefault(histogram.fingerprint, set()).add(moment)

    def __bool__(self) -> bool:
        return bool(self._at or self._untold)

    def runs(self) -> set[int]:
        """The places of the runs that have weight histograms."""
        return {moment.run for moment in (*self._at, *self._untold)}

    def is_of_another_model(self, checkpoint: Checkpoint, run: int) -> bool:
        """Whether a file has tensors of sizes that the run has not, and the run of sizes that the file has not.

        False where not all sizes are known.
        """
        logged = {fp.elements for moment, held in self._at.items() if moment.run == run for fp in held}
        own = {tensor.elements for tensor in checkpoint.weights if tensor.elements}
        untold = any(moment.run == run for moment in self._untold)
        return bool(logged - own) and bool(own - logged) and not untold

    def epochs(self, run: int) -> set[int]:
        """The epochs of a run that have weight histograms."""
        return {moment.epoch for moment in (*self._at, *self._untold) if moment.run == run}

    def looks_restored(self, moment: Moment) -> bool:
        """Whether the histograms of a moment are those of an earlier one of its fit: its own weights are not logged."""
        own = self._at.get(moment)
        return own is not None and any(
            (other.run, other.fit) == (moment.run, moment.fit) and other.epoch < moment.epoch and logged == own
            for other, logged in self._at.items()
        )

    def match(self, checkpoint: Checkpoint) -> ContentMatch:
        """The moments whose histograms agree with the weights of a file."""
        held: Fingerprints = Counter()
        names: dict[Fingerprint, list[str]] = {}
        for tensor in checkpoint.weights:
            if tensor.fingerprint is not None:
                held[tensor.fingerprint] += 1
                names.setdefault(tensor.fingerprint, []).append(tensor.name)
        if not self._at or all(_is_trivial(fingerprint) for fingerprint in held):
            return ContentMatch(compared=False)
        moments = {moment for fingerprint in held for moment in self._where.get(fingerprint, ())}
        shared = {moment: held & self._at[moment] for moment in moments}
        full = [moment for moment, agreeing in shared.items() if self._is_full(moment, agreeing, held)]
        if not full:
            return self._nearest(shared, held, names)
        found = {m: ((held - shared[m]).total(), len(self._at[m].keys() - held.keys())) for m in full}
        best = min(found.values())  # nothing beyond and nothing missing goes before either
        return ContentMatch(
            tuple(sorted(moment for moment in full if found[moment] == best)), shared[full[0]].total(), *best
        )

    def _is_full(self, moment: Moment, agreeing: Fingerprints, held: Fingerprints) -> bool:
        """Whether nothing speaks against a moment, and something that is not trivial for it."""
        only_held, only_logged = held - agreeing, self._at[moment] - agreeing
        if only_held and (only_logged or moment in self._untold):
            return False
        return any(not _is_trivial(fingerprint) for fingerprint in agreeing)

    def _nearest(
        self, shared: dict[Moment, Fingerprints], held: Fingerprints, names: dict[Fingerprint, list[str]]
    ) -> ContentMatch:
        """The moment that a changed file was of: most of what changes in training agrees with it alone."""
        telling = {
            moment: {fp for fp in agreeing if self._tells(fp, moment.run)} for moment, agreeing in shared.items()
        }
        most = max((len(found) for found in telling.values()), default=0)
        best = sorted(moment for moment, found in telling.items() if len(found) == most)
        if not most or any(self._at[moment] != self._at[best[0]] for moment in best):
            return ContentMatch()
        moment = best[0]
        lost = {fingerprint.elements for fingerprint in self._at[moment] - shared[moment]}
        differing = sorted(
            name for fp, count in (held - shared[moment]).items() if fp.elements in lost for name in names[fp][-count:]
        )
        if not differing or len(differing) > most:
            return ContentMatch()
        return ContentMatch(agreeing=shared[moment].total(), nearest=moment, differing=tuple(differing))

    def _tells(self, fingerprint: Fingerprint, run: int) -> bool:
        """Whether a histogram tells epochs of a run apart, as that of a frozen or untrained layer does not."""
        logged = sum(moment.run == run for moment in self._at)
        return not _is_trivial(fingerprint) and sum(m.run == run for m in self._where[fingerprint]) < logged


def _is_trivial(fingerprint: Fingerprint) -> bool:
    """Whether it is that of many untrained tensors: nothing but zeros or nothing but ones."""
    return fingerprint.smallest == fingerprint.largest and fingerprint.smallest in (0.0, 1.0)
