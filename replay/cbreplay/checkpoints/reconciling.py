"""What a replay expects on disk against what is there: per run, file by file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..outcome import ModelCheckpointRecord, Outcome
from ..text import number, printable
from .evidence import epoch_list
from .verdicts import Match

State = Literal["as expected", "unproved", "later", "stale", "foreign", "damaged", "missing"]


@dataclass(frozen=True)
class ExpectedFile:
    """A file that the replay leaves behind, and what is there in its place. Epochs are 0-based.

    ``epoch`` is the one that last writes it, ``weights_epoch`` whose weights it then holds (None: a save in the
    middle of an epoch). ``state``: ``as expected`` (its content agrees), ``unproved`` (nothing speaks against it),
    ``later`` (the training went on behind the replayed stop), ``stale`` (it holds another epoch), ``foreign`` (of
    another run), ``damaged``, ``missing``. ``sentence`` says so for people.
    """

    name: str
    epoch: int
    weights_epoch: int | None
    path: str | None
    state: State
    sentence: str
    match: Match | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether a file is there that is not what it should be."""
        return self.state in ("stale", "foreign", "damaged")

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "name": self.name, "epoch": self.epoch, "weights_epoch": self.weights_epoch, "path": self.path,
            "state": self.state, "sentence": self.sentence,
            "match": None if self.match is None else self.match.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True)
class Overwritten:
    """A better epoch (0-based) that ``save_best_only`` had written to a file before a worse one replaced it.

    It does so after a resume: a new ModelCheckpoint knows nothing of the best before. ``kept_in`` is the path of
    another file that holds the same weights, None where they are lost.
    """

    name: str
    lost_epoch: int
    lost_value: float
    epoch: int
    value: float
    kept_in: str | None

    @property
    def sentence(self) -> str:
        """The loss, for people; epochs count from 1."""
        rest = f"still in {printable(self.kept_in, 80)}" if self.kept_in else "it is lost"
        return (
            f"{printable(self.name, 60)} held epoch {self.lost_epoch + 1} ({number(self.lost_value)}) "
            f"until the resumed training overwrote that best with epoch {self.epoch + 1} ({number(self.value)}): {rest}"
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "name": self.name, "lost_epoch": self.lost_epoch, "lost_value": self.lost_value, "epoch": self.epoch,
            "value": self.value, "kept_in": self.kept_in, "sentence": self.sentence,
        }  # fmt: skip


@dataclass(frozen=True)
class RunCheckpoints:
    """The files of one run: those that the replay expects, those that are there besides, and what was overwritten.

    ``matches`` are all files that were looked at for this run; ``unexpected`` those of its own that the replay does not
    leave behind.
    """

    run: str
    expected: tuple[ExpectedFile, ...]
    unexpected: tuple[Match, ...]
    overwritten: tuple[Overwritten, ...]
    matches: tuple[Match, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict; ``missing`` and ``stale`` repeat the names of the expected files in these states."""
        return {
            "run": self.run, "expected": [item.to_dict() for item in self.expected],
            "missing": [item.name for item in self.expected if item.state == "missing"],
            "stale": [item.name for item in self.expected if item.state in ("stale", "foreign")],
            "unexpected": [
                {"path": match.checkpoint.path, **match.to_dict()} for match in self.unexpected
            ],
            "overwritten": [item.to_dict() for item in self.overwritten],
        }  # fmt: skip


def reconcile(outcome: Outcome, places: dict[str, Path], matches: Sequence[Match]) -> RunCheckpoints:
    """The files that ``outcome`` leaves behind against ``matches``; ``places`` has the path of each that is on disk."""
    own = [match for match in matches if match.run == outcome.run.name]
    if not _can_expect(outcome):
        return RunCheckpoints(outcome.run.name, (), (), (), tuple(own))
    by_path = {Path(match.checkpoint.path).resolve(): match for match in matches}
    writes = [(fit, *write) for fit, write in zip(outcome.fits_of_writes, outcome.writes, strict=True)]
    expected = []
    for name, epoch in outcome.files.items():
        path = places.get(name)
        match = None if path is None else by_path.get(path.resolve())
        fit = next((f for f, _, written in reversed(writes) if written == name), 0)
        state, sentence = _state(outcome, name, path, match, fit)
        expected.append(
            ExpectedFile(
                name, epoch, outcome.file_weights[name], None if path is None else str(path), state, sentence, match
            )
        )
    taken = {path.resolve() for path in places.values()}
    unexpected = tuple(match for match in own if Path(match.checkpoint.path).resolve() not in taken)
    return RunCheckpoints(
        outcome.run.name, tuple(expected), unexpected, tuple(_overwritten(outcome, writes, own)), tuple(own)
    )


def _can_expect(outcome: Outcome) -> bool:
    """Whether the log has what ModelCheckpoint decides by: without the monitor nothing can be said of the best."""
    rules = [r.rule.parameters() for r in outcome.callbacks if isinstance(r, ModelCheckpointRecord)]
    return all(not rule["save_best_only"] or rule["monitor"] in outcome.run.table for rule in rules)


def _state(
    outcome: Outcome, name: str, path: Path | None, match: Match | None, fit: int
) -> tuple[State, str]:  # fmt: skip
    if path is None:
        return "missing", "not on disk"
    if match is None:
        return "unproved", "not looked into"
    if match.status in ("damaged", "refused"):
        return "damaged", match.problems[0]
    wanted = outcome.file_weights[name]
    if match.run is not None and match.run != outcome.run.name:
        return "foreign", f"of another run, {printable(match.run, 40)}: {match.conclusion}"
    if match.weights_epochs:
        sessions = len(outcome.run.session_epochs) > 1
        if wanted in match.weights_epochs and not (sessions and match.fit not in (None, fit)):
            return "as expected", f"holds the weights of epoch {epoch_list(match.weights_epochs)}"
        return _other_epoch(
            outcome, match.weights_epochs, f"but holds those of epoch {epoch_list(match.weights_epochs)}"
        )
    if wanted is None and match.mid_epoch and match.written_epoch == outcome.files[name]:
        return "as expected", f"written in the middle of epoch {match.written_epoch + 1}"
    if match.mid_epoch and match.written_epoch is not None:
        return _other_epoch(
            outcome, (match.written_epoch,), f"but was written in the middle of epoch {match.written_epoch + 1}"
        )
    if match.likely_epoch is not None and match.likely_epoch != wanted and match.verdict != "named":
        return _other_epoch(outcome, (match.likely_epoch,), f"but is likely of epoch {match.likely_epoch + 1}")
    if match.verdict == "contradicted":
        return "stale", match.contradictions[0]
    return "unproved", match.conclusion


def _other_epoch(outcome: Outcome, found: Sequence[int], what: str) -> tuple[State, str]:
    stop = outcome.stopped_epoch
    if stop is not None and min(found) > stop:
        return "later", f"{what}: training went on behind this stop"
    return "stale", what


def _overwritten(
    outcome: Outcome, writes: Sequence[tuple[int, int, str]], own: Sequence[Match]
) -> list[Overwritten]:  # fmt: skip
    fits = outcome.run.fits()
    found = []
    for record in outcome.callbacks:
        if not isinstance(record, ModelCheckpointRecord) or not record.rule.parameters()["save_best_only"]:
            continue
        monitor = str(record.rule.parameters()["monitor"])
        names = dict.fromkeys(name for _, name in record.writes)
        values = [{epoch: logs.get(monitor) for epoch, logs in fit} for fit in fits]
        for name in names:
            history = [(s, e, value) for s, e, written in writes if written == name
                       and s < len(values) and (value := values[s].get(e)) is not None and value == value]  # fmt: skip
            if len(history) < 2:
                continue
            best = (max if record.mode == "max" else min)(history, key=lambda item: item[2])
            last = history[-1]
            if best[2] != last[2] and best[0] != last[0]:
                kept = next(
                    (m.checkpoint.path for m in own if best[1] in m.weights_epochs and m.fit in (None, best[0])), None
                )
                found.append(Overwritten(name, best[1], float(best[2]), last[1], float(last[2]), kept))
    return found
