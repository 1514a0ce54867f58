"""The tables of a report as rows of text, for those renderers that have nothing but text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..explaining import ExplainedEpoch, explain
from ..outcome import Outcome
from ..text import epoch_name, number, printable
from ..tuning.sentences import loss, percent
from .record import Report

_MOST_FILES = 40
_MOST_LOOKS = 60


@dataclass(frozen=True)
class TextTable:
    """A head, rows of the same length, for each column whether it is a number, and its share of the width."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[bool, ...]
    widths: tuple[float, ...]


def runs_table(report: Report) -> TextTable:
    """A row for each run; epochs count from 1."""
    rows = tuple(
        (
            printable(row.name, 80), str(row.epochs), row.verdict, epoch_name(row.stopped_epoch), number(row.best),
            epoch_name(row.best_epoch), "–" if row.saved is None else str(row.saved), number(row.regret),
            printable(row.file or "–", 40), row.state or "–",
        )
        for row in report.rows
    )  # fmt: skip
    head = ("run", "epochs", "verdict", "stops at", "best", "at", "saved", "regret", "file", "on disk")
    numbers = (False, True, False, True, True, True, True, True, False, False)
    return TextTable(head, rows, numbers, (2.6, 0.8, 1.1, 0.9, 0.9, 0.6, 0.8, 1.0, 1.6, 1.4))


def front_table(report: Report) -> TextTable:
    """The best trades of saving against regret."""
    advice = report.advice
    rows = tuple(
        (
            f"{item.words} (the advice)" if advice.recommended is not None and item.cell == advice.recommended.cell
            else item.words,
            percent(item.saved.value), short_loss(report, item.regret.value), short_loss(report, item.regret.low),
            short_loss(report, item.regret.high), percent(item.missed.value), str(item.measures["undecided"]),
        )
        for item in advice.front
    )  # fmt: skip
    usable = sum(item.is_usable for item in advice.standings)
    head = ("parameters", "saved", "mean regret", "from", "to", "miss their best", f"open, of {usable}")
    return TextTable(head, rows, (False, *[True] * 6), (3.0, 0.8, 1.2, 0.9, 0.9, 1.3, 0.9))


def families_table(report: Report) -> TextTable:
    """Other rules at the cost of the advice."""
    rows = tuple(
        (
            point.family, point.words or "none is that cheap", percent(point.saved), short_loss(report, point.regret),
            "–" if point.held_out is None else short_loss(report, point.held_out.regret.value),
        )
        for point in report.advice.families
    )  # fmt: skip
    return TextTable(
        ("rule", "parameters", "saved", "mean regret", "held out"), rows, (False, False, True, True, True),
        (1.0, 3.0, 1.0, 1.2, 1.0),
    )  # fmt: skip


def short_loss(report: Report, value: float | None) -> str:
    """A regret without its unit, for columns that name it."""
    return loss(report.advice, value).removesuffix(" of a run's range")


def trace_table(report: Report, place: int) -> TextTable:
    """The decisions of the rule on one run; of very many looks those that tell."""
    outcome = report.analysis.runs[place].outcome
    rows = tuple(
        (
            epoch_name(look.epoch), number(look.value), number(look.reference), number(look.needed),
            number(look.margin), str(look.wait), look.event, printable(", ".join(look.wrote), 60),
        )
        for look in telling_looks(outcome)
    )  # fmt: skip
    head = ("epoch", "value", "best before", "had to pass", "margin", "wait", "", "writes")
    return TextTable(head, rows, (True,) * 6 + (False, False), (0.7, 1.0, 1.1, 1.1, 1.0, 0.6, 1.2, 2.0))


def telling_looks(outcome: Outcome | None) -> list[ExplainedEpoch]:
    """The looks of the first stopping rule; of very many those that tell: improvements, and what lies next to them."""
    looks = [] if outcome is None else explain(outcome)
    if len(looks) <= _MOST_LOOKS:
        return looks
    telling = [n for n, look in enumerate(looks) if look.event.startswith(("improves", "stops"))]
    near = {place + step for place in telling[-_MOST_LOOKS // 2 :] for step in (-1, 0, 1)}
    kept = near | set(range(5)) | set(range(len(looks) - 10, len(looks)))
    return [look for n, look in enumerate(looks) if n in kept]


def damage_table(report: Report) -> TextTable:
    """What could not be read and what was left out."""
    lost = tuple(
        (printable(item.path, 120), str(item.offset), printable(item.detail, 200), str(item.lost))
        for item in report.analysis.damage
    )
    left = tuple(
        (printable(item.path, 120), "–", f"left out: {printable(item.reason, 300)}", "–")
        for item in report.analysis.skipped
    )
    return TextTable(("file", "at", "what", "lost"), lost + left, (False, True, False, True), (2.5, 0.8, 3.0, 0.7))


def files_table(report: Report) -> TextTable:
    """The files that the report rests on."""
    rows = tuple(
        (printable(item.path, 160), "–" if item.bytes is None else str(item.bytes), item.sha256 or "cannot be read")
        for item in report.provenance.files
    )
    return TextTable(("file", "bytes", "SHA-256"), rows, (False, True, False), (2.6, 0.8, 3.6))


def each_run(report: Report, places: Sequence[int]) -> list[tuple[int, list[str]]]:
    """For each of these runs the sentences that stand under its figure."""
    from .record import file_lines

    told = []
    for place in places:
        item = report.analysis.runs[place]
        lines = [printable(item.problem, 400)] if item.problem else []
        if item.outcome is not None:
            lines.append(item.outcome.reason)
            files = file_lines(item)
            for file in files[:_MOST_FILES]:
                weights = f", weights of epoch {epoch_name(file.weights)}" if file.weights != file.epoch else ""
                said = f": {printable(file.sentence, 300)}" if file.sentence and file.sentence != file.state else ""
                lines.append(
                    f"{printable(file.name, 60)} from epoch {epoch_name(file.epoch)}{weights}: {file.state}{said}"
                )
            if len(files) > _MOST_FILES:
                lines.append(f"and {len(files) - _MOST_FILES} more files")
            for other in item.outcome.alternatives:
                lines.append(f"as {', '.join(other.profiles[:4])}: {other.reason}")
            lines += [printable(note, 300) for note in (*item.outcome.warnings, *item.run.notes, *item.outcome.notes)]
        told.append((place, lines))
    return told
