"""The looks of a rule as a table, or one of them in words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from cbreplay.explaining import ExplainedEpoch, conclusion
from cbreplay.outcome import Outcome
from cbreplay.text import number, printable

from .terminal import console, line, table

_STYLES = {"improves": "green", "stops": "bold red", "no value": "dim", "not looked at yet": "dim"}


def print_looks(outcome: Outcome, looks: Sequence[ExplainedEpoch], *, in_words: bool) -> None:
    """A row per epoch (or a sentence per epoch), then the verdict."""
    out = console()
    out.print(f"{printable(outcome.run.name, 60)}", style="bold cyan")
    for number_, record in enumerate(outcome.callbacks):
        line(out, "" if number_ else "policy", record.rule.call())
    line(out, "rules", f"{outcome.profile.name} ({outcome.profile_reason})")
    out.print()
    if in_words:
        for look in looks:
            line(out, f"epoch {look.epoch + 1}", printable(look.words), style=_STYLES.get(look.event, ""))
    else:
        rows = table(
            ("epoch", "right"),
            ("index", "right"),
            (printable(outcome.monitor or "value", 14), "right"),
            ("best before", "right"),
            ("to pass", "right"),
            ("margin", "right"),
            ("wait", "right"),
            ("", "left"),
            ("writes", "left"),
        )
        for look in looks:
            rows.add_row(
                str(look.epoch + 1),
                str(look.epoch),
                number(look.value),
                number(look.reference),
                number(look.needed),
                "–" if look.margin is None else f"{look.margin:+.3g}",
                str(look.wait),
                Text(look.event, style=_STYLES.get(look.event, "")),
                ", ".join(printable(name, 40) for name in look.wrote),
            )
        out.print(rows)
        out.print(Text("epoch counts from 1, as Keras prints it; index from 0, as callbacks and JSON do", style="dim"))
        out.print()
    line(out, "verdict", conclusion(outcome), style="bold")
    if outcome.restored_epoch is not None:
        line(out, "restores", f"the weights of epoch {outcome.restored_epoch + 1} (index {outcome.restored_epoch})")
    for note in (*outcome.warnings, *outcome.notes):
        line(out, "note", printable(note, 300))
