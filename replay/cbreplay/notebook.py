"""Results as a notebook shows them: static HTML that an exported notebook keeps; names from logs are text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .text import epoch_name, listed, number, plural, printable

if TYPE_CHECKING:
    from .outcome import Outcome
    from .run import Run, Runs
    from .tuning import Advice

_MOST_ROWS = 60
_WIDTH, _HEIGHT = 110, 24


def runs_html(runs: Runs) -> str:
    """The runs of a folder: what each has, its curve, and what was damaged."""
    rows = [
        (_name(run.name), str(run.epochs), _curve(run), escape(_metrics(run)), _damage(run))
        for run in runs[:_MOST_ROWS]
    ]
    title = f"{plural(len(runs), 'run')} in {printable(runs.logdir, 200)}"
    skipped = f"{plural(len(runs.skipped), 'file')} left out" if runs.skipped else ""
    return _block(title, _table(("run", "epochs", "", "metrics", "damage"), rows), len(runs) - len(rows), skipped)


def outcome_html(outcome: Outcome) -> str:
    """The verdict, the files, and what the rule saw at each epoch (counted from 1)."""
    record = outcome.early_stopping
    trace = () if record is None else record.trace
    shown = trace if len(trace) <= _MOST_ROWS else (*trace[:5], *trace[5 - _MOST_ROWS :])
    rows = [
        (
            epoch_name(row.epoch),
            number(row.value),
            number(row.best),
            str(row.wait),
            number(row.margin),
            escape(row.event),
        )
        for row in shown
    ]
    files = ", ".join(f"{printable(name, 60)} from epoch {epoch_name(epoch)}" for name, epoch in outcome.files.items())
    head = ("epoch (from 1)", "value", "best", "wait", "margin", "")
    title = f"{printable(outcome.run.name, 80)}: {printable(outcome.reason, 300)}"
    kept = f"keeps {files}" if files else "keeps no file"
    return _block(title, _table(head, rows), len(trace) - len(shown), kept)


def advice_html(advice: Advice) -> str:
    """The advice in sentences, and the best trades of saving against regret."""
    from .tuning.sentences import answer_lines, basis_lines, loss, note_lines, other_lines, percent

    lines = [*basis_lines(advice), *answer_lines(advice), *other_lines(advice), *note_lines(advice)]
    told = _table(("", ""), [(escape(line.label), escape(printable(line.text, 600))) for line in lines])
    rows = [
        (escape(item.words), percent(item.saved.value), escape(loss(advice, item.regret.value)),
         percent(item.missed.value))
        for item in advice.front
    ]  # fmt: skip
    front = _table(("parameters", "saved", "mean regret", "miss their best"), rows) if rows else ""
    return _block(f"Advice on {printable(advice.monitor, 80)}", told + front, 0, "")


def _block(title: str, body: str, left_out: int, remark: str) -> str:
    more = f"<p>and {left_out} more</p>" if left_out > 0 else ""
    return f"<div><p><b>{escape(title)}</b></p>{body}{more}" + (f"<p>{escape(remark)}</p>" if remark else "") + "</div>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the cells are HTML already."""
    top = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _name(name: str) -> str:
    return escape(printable(name, 80))


def _metrics(run: Run) -> str:
    return listed(sorted(run.table), 6, 30)


def _damage(run: Run) -> str:
    return plural(len(run.damage), "place") if run.damage else ""


def _curve(run: Run) -> str:
    name = next((name for name in ("val_loss", "loss") if name in run.table), next(iter(sorted(run.table)), None))
    if name is None:
        return ""
    stretches = "".join(
        f'<polyline points="{points}" fill="none" stroke="#0072B2" stroke-width="1.3"/>'
        for points in sparkline_points(run.values(name), _WIDTH, _HEIGHT)
    )
    label = escape(f"{printable(name, 40)} by epoch", quote=True)
    return f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{label}">{stretches}</svg>'


def sparkline_points(curve: Iterable[float], width: float, height: float) -> list[str]:
    """The stretches of a small curve as the points of SVG polylines; a gap where nothing was logged."""
    values = np.fromiter(curve, np.float64)
    if len(values) > 200:  # what one can see of it
        values = values[np.linspace(0, len(values) - 1, 200).astype(int)]
    finite = values[np.isfinite(values)]
    if len(finite) < 2:
        return []
    low, span = float(finite.min()), float(np.ptp(finite)) or 1.0
    x = np.linspace(1, width - 1, len(values))
    y = height - 2 - (height - 4) * (values - low) / span
    known = np.isfinite(y)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    return [
        " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[first:end], y[first:end], strict=True))
        for first, end in zip(edges[::2], edges[1::2], strict=True)
    ]
