"""A report as PDF, drawn by matplotlib: A4 pages of real text, then pages of figures."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import lru_cache

import matplotlib
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from ..plots import FigureOptions
from ..text import printable
from ..tuning.sentences import answer_lines, basis_lines, note_lines, other_lines
from .pictures import Picture, detailed_runs, overview_of, picture_of, tuning_pictures
from .record import GLOSSARY, Report
from .tables import TextTable, damage_table, each_run, families_table, files_table, front_table, runs_table, trace_table

_WIDTH, _HEIGHT = 8.27, 11.69  # inches
_MARGIN = 0.7
_POINTS = 72.0
_INK, _SOFT, _RULE = "#1b1e24", "#565d69", "#d9dce2"
_RUNS_ON_A_PAGE = 3
_MOST_TRACED = 12


class _Pages:
    """Text that flows from page to page; positions in inches from the top left corner."""

    def __init__(self, pdf: PdfPages, title: str) -> None:
        self._pdf, self._title = pdf, title
        self._count = 0
        self._page: Figure | None = None
        self._y = 0.0

    def close(self) -> None:
        """Write the page at hand."""
        if self._page is not None:
            self._pdf.savefig(self._page)  # type: ignore[no-untyped-call]
            self._page = None

    def new_page(self) -> Figure:
        """An empty page, with its footer."""
        self.close()
        self._count += 1
        self._page = Figure(figsize=(_WIDTH, _HEIGHT))
        self._y = _MARGIN
        self._put(_MARGIN, _HEIGHT - 0.4, self._title, 7, color=_SOFT)
        self._put(_WIDTH - _MARGIN, _HEIGHT - 0.4, str(self._count), 7, color=_SOFT, align="right")
        return self._page

    def room(self, height: float) -> None:
        """Go to a new page where less than ``height`` inches are left."""
        if self._page is None or self._y + height > _HEIGHT - _MARGIN:
            self.new_page()

    def space(self, height: float) -> None:
        """Leave some room."""
        self._y += height

    def heading(self, text: str, size: float = 13) -> None:
        """A heading that never stands alone at the foot of a page."""
        self.room(1.2)
        self.space(0.15)
        self.paragraph(text, size, weight="bold")
        self.space(0.05)

    def paragraph(
        self, text: str, size: float = 9, color: str = _INK, indent: float = 0.0, weight: str = "normal"
    ) -> None:
        """Text wrapped to the width of the page."""
        for piece in _wrapped(text, _WIDTH - 2 * _MARGIN - indent, size, weight):
            self.room(size * 1.4 / _POINTS)
            self._put(_MARGIN + indent, self._y, piece, size, color=color, weight=weight)
            self._y += size * 1.4 / _POINTS

    def table(self, table: TextTable, size: float = 7) -> None:
        """A table whose head is repeated on each page."""
        total = sum(table.widths)
        widths = [(_WIDTH - 2 * _MARGIN) * width / total for width in table.widths]
        self._row(table.head, widths, table.numbers, size, "bold")
        for row in table.rows:
            if self._y + self._height_of(row, widths, size) > _HEIGHT - _MARGIN:
                self.new_page()
                self._row(table.head, widths, table.numbers, size, "bold")
            self._row(row, widths, table.numbers, size, "normal")

    def _height_of(self, row: Sequence[str], widths: Sequence[float], size: float) -> float:
        lines = max(len(_wrapped(c, w - 0.08, size, "normal")) for c, w in zip(row, widths, strict=True))
        return lines * size * 1.3 / _POINTS + 0.06

    def _row(
        self, row: Sequence[str], widths: Sequence[float], numbers: Sequence[bool], size: float, weight: str
    ) -> None:
        self.room(0.3)
        assert self._page is not None
        x, deepest = _MARGIN, self._y
        for cell, width, is_number in zip(row, widths, numbers, strict=True):
            y = self._y
            for piece in [cell] if is_number else _wrapped(cell, width - 0.08, size, weight):
                at, align = (x + width - 0.08, "right") if is_number else (x, "left")
                self._put(at, y, piece, size, weight=weight, align=align)
                y += size * 1.3 / _POINTS
            deepest = max(deepest, y)
            x += width
        self._y = deepest + 0.03
        line = 1 - self._y / _HEIGHT
        ends = [_MARGIN / _WIDTH, 1 - _MARGIN / _WIDTH]
        self._page.add_artist(Line2D(ends, [line, line], color=_RULE, linewidth=0.5))
        self._y += 0.03

    def _put(self, x: float, y: float, text: str, size: float, color: str = _INK, weight: str = "normal",
             align: str = "left") -> None:  # fmt: skip
        assert self._page is not None
        self._page.text(
            x / _WIDTH, 1 - y / _HEIGHT, text, fontsize=size, color=color, weight=weight, ha=align, va="top",
            parse_math=False,
        )  # fmt: skip

    def pictures(self, pictures: Sequence[Picture], step: Callable[[], None]) -> None:
        """A page of figures, one below the other."""
        page = self.new_page()
        inner = page.subfigures(len(pictures), 1, squeeze=False, hspace=0.04)[:, 0]
        page.set_layout_engine("constrained", rect=(0.06, 0.06, 0.9, 0.9))
        for picture, place in zip(pictures, inner, strict=True):
            picture.draw(into=place)
            step()


@lru_cache(maxsize=20_000)
def _width(text: str, size: float, weight: str) -> float:
    """The width of text in inches."""
    width, _, _ = text_to_path.get_text_width_height_descent(
        text, FontProperties(size=size, weight=weight), ismath=False
    )
    return float(width) / _POINTS


def _wrapped(text: str, room: float, size: float, weight: str) -> list[str]:
    """Lines of at most ``room`` inches; a word that is too long is cut."""
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if _width(longer, size, weight) <= room:
            line = longer
            continue
        if line:
            lines.append(line)
        while _width(word, size, weight) > room and len(word) > 1:
            fits = max(1, int(len(word) * room / _width(word, size, weight)))
            while fits > 1 and _width(word[:fits], size, weight) > room:
                fits -= 1
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    return [*lines, line]


def render_pdf(report: Report, progress: Callable[[int, int], None] | None = None) -> bytes:
    """The report as the bytes of a PDF; the same report gives the same bytes."""
    options = FigureOptions(format="pdf")
    metadata = {"Title": printable(report.title, 200), "Creator": "cbreplay", "CreationDate": None}
    buffer = io.BytesIO()
    with options.applied(), matplotlib.rc_context({"pdf.fonttype": 42}), PdfPages(buffer, metadata=metadata) as pdf:
        pages = _Pages(pdf, printable(report.title, 100))
        _write(report, pages, progress)
        pages.close()
    return buffer.getvalue()


def _write(report: Report, pages: _Pages, progress: Callable[[int, int], None] | None) -> None:
    analysis, advice = report.analysis, report.advice
    detailed = detailed_runs(report)
    overview = [overview_of(report)] if report.analysis.outcomes else []
    of_runs = [picture for place in detailed if (picture := picture_of(report, place, f"run-{place + 1}"))]
    tuning = tuning_pictures(report)
    total, done = len(overview) + len(of_runs) + len(tuning), 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    pages.new_page()
    pages.paragraph(printable(report.title, 120), 18, weight="bold")
    pages.space(0.08)
    for rule in (analysis.early_stopping, analysis.model_checkpoint):
        pages.paragraph(rule.call(), 9)
    logdir = printable(analysis.logdir, 200)
    pages.paragraph(f"{logdir} · rules of {report.rules} · epochs count from 1, as Keras prints them", 8, _SOFT)
    pages.heading("The answer")
    for fact in report.facts:
        pages.paragraph(f"{fact.label}: {printable(fact.answer, 80)}", 11, weight="bold")
        pages.paragraph(printable(fact.detail, 400), 9, _SOFT)
        pages.space(0.06)
    if report.attention:
        pages.heading("Look at this", 11)
        for text in report.attention:
            pages.paragraph(f"• {printable(text, 400)}", 9)
    pages.heading("Runs")
    pages.table(runs_table(report))
    for picture in overview:
        pages.pictures([picture], step)
    for first in range(0, len(of_runs), _RUNS_ON_A_PAGE):
        pages.pictures(of_runs[first : first + _RUNS_ON_A_PAGE], step)
    pages.new_page()
    pages.heading("Run by run")
    for place, lines in each_run(report, detailed):
        pages.heading(printable(analysis.runs[place].run.name, 80), 10)
        for text in lines:
            pages.paragraph(text, 8.5, indent=0.1)
        trace = trace_table(report, place)
        if trace.rows and len(detailed) <= _MOST_TRACED:
            pages.table(trace, 6)
    if len(detailed) > _MOST_TRACED:
        pages.paragraph("Of so many runs every decision stands in the report as HTML or JSON.", 8, _SOFT)
    pages.heading("Tuning")
    for line in [*basis_lines(advice), *answer_lines(advice), *other_lines(advice), *note_lines(advice)]:
        weight = "bold" if line.kind in ("good", "doubtful") else "normal"
        pages.paragraph(f"{line.label}: {printable(line.text, 600)}" if line.label else printable(line.text, 600), 9,
                        weight=weight)  # fmt: skip
    if advice.code is not None:
        for line_of_code in advice.code.split("\n"):
            pages.paragraph(line_of_code.replace(" ", "\u00a0"), 8)
    for table in (front_table(report), families_table(report)):
        if table.rows:
            pages.space(0.1)
            pages.table(table)
    for first in range(0, len(tuning), 2):
        pages.pictures(tuning[first : first + 2], step)
    pages.new_page()
    pages.heading("Damage and warnings")
    damage = damage_table(report)
    if damage.rows:
        pages.table(damage)
    else:
        pages.paragraph("All files were read whole.")
    pages.heading("Words")
    for word, meaning in GLOSSARY:
        pages.paragraph(f"{word}: {meaning}", 8)
    pages.heading("Provenance")
    if report.provenance.command:
        pages.paragraph(report.provenance.command)
    pages.paragraph(" · ".join(f"{name} {version}" for name, version in report.provenance.versions.items()), 8, _SOFT)
    for name, reason in report.reasons:
        pages.paragraph(f"rules of {name}: {printable(reason, 200)}", 8, _SOFT)
    pages.table(files_table(report), 5.5)
