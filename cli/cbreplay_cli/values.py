"""Options that take several numbers, or a share."""

from __future__ import annotations

from typing import Any

import click


class Numbers(click.ParamType):  # type: ignore[type-arg]
    """``5``, ``1,2,5`` or, for whole numbers, ``0..50`` and ``0..100..10``: both ends count."""

    name = "numbers"

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, ...]:
        """The numbers, in the order given."""
        if isinstance(value, tuple):
            return value
        try:
            found = [number for piece in str(value).split(",") for number in self._piece(piece.strip())]
        except ValueError:
            example = "5, 1,2,5 or 0..50" if self._whole else "0, 1e-3 or 0,1e-4,1e-3"
            self.fail(f"{value!r} is no list of numbers such as {example}", parameter, context)
        if len(found) > 100_000:
            self.fail(f"{value!r} are {len(found):,} numbers, more than can be swept", parameter, context)
        return tuple(found)

    def _piece(self, text: str) -> list[float]:
        if not self._whole:
            return [float(text)]
        first, *rest = (int(part) for part in text.split(".."))
        if not rest:
            return [first]
        last, step = rest[0], (rest[1] if len(rest) > 1 else 1)
        if len(rest) > 2 or step < 1 or last < first or (last - first) // step > 100_000:
            raise ValueError(text)
        return list(range(first, last + 1, step))


class Share(click.ParamType):  # type: ignore[type-arg]
    """``1%`` or ``0.01``; above ``most`` it is taken for a percentage without its sign, and refused with that hint."""

    name = "share"

    def __init__(self, most: float = float("inf")) -> None:
        self._most = most

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """The share as a number from 0 on."""
        text = str(value).strip()
        try:
            share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
        except ValueError:
            self.fail(f"{value!r} is no share such as 1% or 0.01", parameter, context)
        if share > self._most:
            self.fail(f"{text} is more than all: did you mean {text.rstrip('%')}%?", parameter, context)
        return share
