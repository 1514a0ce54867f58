"""The figures of a report: which there are, what they show in words, and how they come into a page."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import matplotlib

from ..analysis import RunAnalysis
from ..plots import FigureOptions, plot_comparison, plot_front, plot_outcome, plot_survival, plot_sweep
from ..text import epoch_name, number, plural, printable
from ..tuning import MIN_RUNS
from ..tuning.sentences import loss, percent
from .record import Report

#: Above so many runs only those that somebody would look for have a part of their own.
MOST_DETAILED = 60

_INK = {"#000000": "var(--ink)", "#444444": "var(--soft)", "#e6e6e6": "var(--rule)", "#222222": "var(--ink)"}


@dataclass(frozen=True)
class Picture:
    """A figure with the name of its file (without ending) and what it shows, for those who do not see it.

    ``draw`` makes it, into what is given as ``into``, or as a figure of its own.
    """

    key: str
    title: str
    alt: str
    draw: Callable[..., Any]


def overview_of(report: Report) -> Picture:
    """All runs at a glance."""
    outcomes = report.analysis.outcomes
    stopped = sum(outcome.verdict == "stopped" for outcome in outcomes)
    alt = f"{plural(len(outcomes), 'run')} under the policy; {stopped} of them stop early"
    return Picture("overview", "All runs at a glance", alt, partial(plot_comparison, outcomes, x_axis=report.x_axis))


def tuning_pictures(report: Report) -> list[Picture]:
    """The front, the map and the share of runs still training; none where too few runs bear witness."""
    advice = report.advice
    if len(advice.used) < MIN_RUNS:
        return []
    taken = advice.recommended
    advised = "no cell is recommended"
    if taken is not None:
        regret = loss(advice, taken.regret.value)
        advised = f"recommended: {taken.words}, which saves {percent(taken.saved.value)} with a mean regret of {regret}"
    shown = f"Mean regret of each cell against the share of epochs trained; {advised}"
    made = [
        Picture("tuning-front", "Regret against cost", shown, partial(plot_front, advice)),
        Picture("tuning-map", "Every patience and min_delta",
                f"Maps of mean regret and of epochs saved over the grid; {advised}", partial(plot_sweep, advice)),
    ]  # fmt: skip
    if advice.used:
        curves = advice.survival()
        alt = f"Share of {plural(len(advice.used), 'run')} still training at each epoch, as logged and under the advice"
        made.append(Picture("tuning-training", "Who is still training", alt, partial(plot_survival, curves)))
    return made


def picture_of(report: Report, place: int, key: str) -> Picture | None:
    """The figure of the run at a place; None where there is nothing to draw."""
    item = report.analysis.runs[place]
    outcome = item.outcome
    if outcome is None or outcome.monitor not in item.run.table:
        return None
    best = f", best {number(outcome.best)} at epoch {epoch_name(outcome.best_epoch)}"
    alt = f"{printable(outcome.monitor or '', 40)} of {printable(item.run.name, 80)} by epoch: {outcome.reason}{best}"
    return Picture(key, item.run.name, alt, partial(plot_outcome, outcome, x_axis=report.x_axis))


def detailed_runs(report: Report) -> list[int]:
    """The places of the runs that have a part of their own: all, or of very many those with something to say.

    Those are the best ones, those that lose most, and those with a problem or damage.
    """
    runs = report.analysis.runs
    if len(runs) <= MOST_DETAILED:
        return list(range(len(runs)))
    rows = report.rows
    troubled = [n for n, item in enumerate(runs) if item.problem or item.run.damage or _is_wrong(item)]
    known = [n for n, row in enumerate(rows) if row.best is not None]
    maximize = any(outcome.mode == "max" for outcome in report.analysis.outcomes)
    best = sorted(known, key=lambda n: (rows[n].best or 0.0) * (-1 if maximize else 1))
    losing = sorted((n for n in known if rows[n].regret), key=lambda n: -(rows[n].regret or 0.0))
    picked = dict.fromkeys([*troubled[: MOST_DETAILED // 3], *best[: MOST_DETAILED // 3], *losing])
    return sorted(list(picked)[:MOST_DETAILED])


def _is_wrong(item: RunAnalysis) -> bool:
    return item.checkpoints is not None and any(file.is_wrong for file in item.checkpoints.expected)


def _own_id(name: str, prefix: str, seen: Counter[str]) -> str:
    """An id that no other element of the page has; of equal images each has the same in matplotlib's file."""
    seen[name] += 1
    return f"{prefix}-{name}" if seen[name] == 1 else f"{prefix}-{name}-{seen[name]}"


def inline_svg(picture: Picture, prefix: str) -> str:
    """The figure as an ``<svg>`` element to stand in a page: ids of its own, the page's colours for ink, real text."""
    options = FigureOptions(format="svg")
    buffer = io.StringIO()
    with options.applied(), matplotlib.rc_context({"svg.fonttype": "none"}):
        picture.draw().savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    seen: Counter[str] = Counter()

    def in_tag(found: re.Match[str]) -> str:
        """A tag with ids that are its own in the page: the text between tags is names, and stays as it is."""
        tag = re.sub(r'\bid="([^"]+)"', lambda named: f'id="{_own_id(named[1], prefix, seen)}"', found[0])
        tag = tag.replace("url(#", f"url(#{prefix}-").replace('href="#', f'href="#{prefix}-')
        return re.sub("|".join(_INK), lambda colour: _INK[colour[0]], tag)

    text = re.sub(r"<[^>]*>", in_tag, text)
    opening = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>')
    return opening.sub(r'<svg viewBox="\1" aria-hidden="true" focusable="false">', text, count=1).strip()
