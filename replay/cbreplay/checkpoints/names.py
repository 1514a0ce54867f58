"""What the name of a checkpoint says: an epoch as Keras prints it, and rounded values of metrics."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from ..model_files import ENDINGS
from ..run import Run

#: What TensorBoard's callback names its own checkpoints of embeddings.
EMBEDDINGS = "keras_embedding.ckpt-"

_NUMBER = re.compile(r"(?<!\d)(?<!\d\.)(\d+)(\.\d+)?(?!\.?\d)")
_EPOCH_WORD = re.compile(r"(?<![A-Za-z])(epochs?|ep|e)[-_=. ]*$", re.IGNORECASE)
_OTHER_WORD = re.compile(
    r"(?<![A-Za-z])(fold|run|seed|trial|exp|experiment|version|v|rank|part|shard|gpu|job|id|try|dropout|lr|bs)"
    r"[-_=. ]*$",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{8}[-_T]$")
_CHECKPOINT_WORD = re.compile(r"(?<![A-Za-z])(ckpt|cp|checkpoint|chkpt|snapshot)[-_=. ]*$", re.IGNORECASE)
_FEWEST_DIGITS = 2
_LONGEST_EPOCH = 6  # digits; more are dates and times


@dataclass(frozen=True)
class NameParts:
    """``epoch`` counts from 1, as in the name; ``values`` are the decimals in it, as text without a sign.

    ``is_marked`` tells that the number is written as epochs are: behind a word for it, or with zeros in front.
    ``pattern`` is the name with a ``#`` for each number: names that one template gives share it.
    """

    epoch: int | None
    values: tuple[str, ...]
    is_marked: bool
    pattern: str


def parse_name(path: str) -> NameParts:
    """The epoch and the decimals in a file's name; no epoch where several numbers could be it.

    A number with the word epoch in front is the epoch. Else it is the only whole number that no other word runs into
    (``resnet50``, ``run2``, ``v3`` are names) and that is no date.
    """
    name = PurePath(path).name
    ending = next((ending for ending in ENDINGS if name.lower().endswith(ending)), "")
    stem = name[: len(name) - len(ending)]
    named: list[re.Match[str]] = []
    possible: list[re.Match[str]] = []
    values: list[str] = []
    for match in _NUMBER.finditer(stem):
        before, behind = stem[: match.start()], stem[match.end() :]
        if match[2]:
            values.append(match[0])
        elif len(match[1]) > _LONGEST_EPOCH or _DATE.search(before) or behind[:1].isalpha():
            continue
        elif _EPOCH_WORD.search(before):
            named.append(match)
        elif _OTHER_WORD.search(before):
            continue
        elif not before[-1:].isalpha() or _CHECKPOINT_WORD.search(before):
            possible.append(match)
    found = named or possible
    pattern = _NUMBER.sub("#", stem) + ending
    if len(found) != 1:
        return NameParts(None, tuple(values), False, pattern)
    (match,) = found
    marked = bool(named) or match[1].startswith("0") or _CHECKPOINT_WORD.search(stem[: match.start()]) is not None
    return NameParts(int(match[1]), tuple(values), marked, pattern)


def epochs_with_value(run: Run, text: str) -> dict[str, tuple[int, ...]]:
    """The metrics that round to ``text`` at some epochs (0-based), each with these epochs.

    A minus sign in front of the number is taken for the hyphen that it mostly is, and for a sign.
    """
    digits = len(text.partition(".")[2])
    if digits < _FEWEST_DIGITS:
        return {}  # too many epochs round to it
    found = {}
    for name, metric in run.table.items():
        if name in ("learning_rate", "lr", "epoch"):
            continue
        near = np.flatnonzero(np.abs(np.abs(metric.value) - float(text)) <= 10.0**-digits)
        epochs = [int(metric.epoch[i]) for i in near if f"{abs(metric.value[i]):.{digits}f}" == text]
        if epochs:
            found[name] = tuple(epochs)
    return found


def epochs_of_name(run: Run, template: str, name: str) -> tuple[int, ...] | None:
    """The epochs (0-based) of a run at which ModelCheckpoint's ``template`` gives ``name``; None where it has no epoch.

    Only the last parts of the two paths are compared.
    """
    wanted, bare = PurePath(name).name, PurePath(template).name
    if "{" not in bare:
        return None
    found = []
    for epoch, logs in enumerate(run.logs(), start=run.first_epoch):
        try:
            given = bare.format(epoch=epoch + 1, **logs)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError):
            continue  # no file of that epoch could bear a name of this template
        if given == wanted:
            found.append(epoch)
    return tuple(found)
