"""Text for the terminal, from records: blocks for a few runs, a table for many."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cbreplay.damage import Damage, Skipped
from cbreplay.text import duration, plural, printable

if TYPE_CHECKING:
    from cbreplay.run import Run

_MAX_LISTED = 8
_LABEL_WIDTH = 11


def console() -> Console:
    """Plain text into a pipe, colours only on a terminal; markup in names means nothing."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 100
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=False, width=width)


def table(*columns: tuple[str, str]) -> Table:
    """An empty borderless table; each column is (title, ``left`` or ``right``)."""
    made = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for title, side in columns:
        made.add_column(title, justify="right" if side == "right" else "left", overflow="fold")
    return made


def line(out: Console, label: str, text: str, style: str = "") -> None:
    """Print an indented line: a short label, then the text, wrapped under itself on a terminal."""
    room = max(out.width - _LABEL_WIDTH - 1, 20)
    pieces = textwrap.wrap(text, room, break_on_hyphens=False) if out.is_terminal else [text]
    for number, piece in enumerate(pieces or [""]):
        made = Text()
        made.append(f"  {label if number == 0 else '':<{_LABEL_WIDTH - 2}}", style="dim")
        made.append(piece, style=style)
        out.print(made, soft_wrap=True)


def print_heading(out: Console, run: Run) -> None:
    """The line above a block of text on a run: its name, how many epochs, how long they took."""
    heading = Text(printable(run.name, 60), style="bold cyan")
    heading.append(f"  {plural(run.epochs, 'epoch')}", style="default")
    times = run.wall_times()
    if len(times) > 1 and times[-1] > times[0]:
        heading.append(f" · {duration(float(times[-1] - times[0]))}", style="dim")
    out.print()
    out.print(heading)


def print_damage(out: Console, damage: Sequence[Damage], skipped: Sequence[Skipped]) -> None:
    """What could not be read and what was left out; nothing where all is well."""
    for title, texts in (
        (
            "damaged",
            [f"{printable(d.path)} at {_place(d)}: {printable(d.detail)} ({_lost(d)})" for d in damage],
        ),
        ("skipped", [f"{printable(item.path)}: {printable(item.reason)}" for item in skipped]),
    ):
        if not texts:
            continue
        out.print()
        out.print(Text(f"{title}: {len(texts)}", style="yellow bold"))
        for text in texts[:_MAX_LISTED]:
            out.print(Text(f"  {text}"), soft_wrap=True)
        if len(texts) > _MAX_LISTED:
            out.print(Text(f"  and {len(texts) - _MAX_LISTED} more (--json lists all)"))


def _is_text(item: Damage) -> bool:
    return item.kind in ("row", "value") or item.path.lower().endswith((".csv", ".tsv", ".log", ".txt"))


def _place(item: Damage) -> str:
    return f"line {item.offset}" if _is_text(item) else f"byte {item.offset}"


def _lost(item: Damage) -> str:
    if not item.lost:
        return "nothing lost"
    return f"{plural(item.lost, 'line' if _is_text(item) else 'byte')} lost"
