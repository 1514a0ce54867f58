"""What somebody may have meant."""

from __future__ import annotations

from collections.abc import Sequence


def closest(text: str, known: Sequence[str]) -> str | None:
    """The known word that is most like a text; None where none is like it."""
    import difflib  # only where somebody has mistyped

    near = difflib.get_close_matches(text, known, n=1)
    return near[0] if near else None
