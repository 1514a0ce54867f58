"""A report as one HTML file: no network, no other file, readable without scripts."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from ..notebook import sparkline_points
from ..text import epoch_name, number, printable
from ..tuning.sentences import answer_lines, basis_lines, note_lines, other_lines, percent
from .pictures import (
    Picture,
    detailed_runs,
    inline_svg,
    overview_of,
    picture_of,
    tuning_pictures,
)
from .record import GLOSSARY, Report, file_lines
from .tables import short_loss, telling_looks

_HERE = Path(__file__).parent


def render_html(report: Report, progress: Callable[[int, int], None] | None = None) -> str:
    """The page. ``progress`` is called with (figures drawn, figures in all)."""
    detailed = detailed_runs(report)
    runs = report.analysis.runs
    pictures = {place: picture_of(report, place, f"run-{place + 1}") for place in detailed}
    total = sum(picture is not None for picture in pictures.values()) + 1 + len(tuning_pictures(report))
    drawn = 0

    def svg(picture: Picture, prefix: str) -> Markup:
        nonlocal drawn
        text = Markup(inline_svg(picture, prefix))
        drawn += 1
        if progress is not None:
            progress(drawn, total)
        return text

    script, style = (_text(name) for name in ("script.js", "style.css"))
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "safe_name": printable, "epoch": epoch_name, "number": number, "percent": percent, "svg": svg,
        "short_loss": partial(short_loss, report), "spark": _spark, "sort_key": _sort_key, "state_kind": _state_kind,
        "event_kind": _event_kind,
    }  # fmt: skip
    outcomes = report.analysis.outcomes
    return environment.get_template("template.html").render(
        report=report, analysis=report.analysis, advice=report.advice, rows=report.rows,
        detailed=detailed, all_detailed=len(detailed) == len(runs), pictures=pictures,
        traces={place: telling_looks(runs[place].outcome) for place in detailed},
        file_lines={place: file_lines(runs[place]) for place in detailed},
        overview=overview_of(report) if outcomes else None, tuning=tuning_pictures(report),
        advice_lines=[*basis_lines(report.advice), *answer_lines(report.advice), *other_lines(report.advice),
                      *note_lines(report.advice)],
        glossary=GLOSSARY, usable=sum(item.is_usable for item in report.advice.standings),
        unit="" if report.advice.goal.absolute else " (of a run's range)", rules=report.rules, reasons=report.reasons,
        style=Markup(style), script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )  # fmt: skip


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8").strip()


def _spark(curve: tuple[float, ...]) -> Markup:
    lines = "".join(f'<polyline points="{points}"/>' for points in sparkline_points(curve, 90, 22))
    return Markup(f'<svg viewBox="0 0 90 22" aria-hidden="true" focusable="false">{lines}</svg>')


def _sort_key(value: float | None) -> str:
    """What the page sorts by: a number with all its digits, nothing where there is none."""
    if value is None or math.isnan(value):
        return ""
    return repr(float(value)) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def _state_kind(state: str) -> str:
    if state == "proved":
        return "good"
    return "bad" if state in ("damaged", "stale", "of another run") else ""


def _event_kind(event: str) -> str:
    return {"stops": "stops", "improves": "improves"}.get(event, "")
