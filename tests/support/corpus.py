"""The recorded trainings of ``tests/data/trainings.tar.xz``, unpacked, with the truth about their checkpoints."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ARCHIVE = Path(__file__).parent.parent / "data" / "trainings.tar.xz"


@dataclass(frozen=True)
class Truth:
    """Of one file: [fit, epoch] of all weights that it holds, and the epoch that wrote it (None: after training)."""

    path: Path
    weights: tuple[tuple[int, int], ...]
    written: int | None
    mid_epoch: bool


def unpack(target: Path) -> None:
    """All trainings below ``target``, with the times of their files."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(target, filter="data")


def scenarios(root: Path) -> list[Path]:
    """The folders of the trainings."""
    return sorted(path.parent for path in root.glob("*/*/truth.json"))


def truth_of(folder: Path) -> dict[Path, Truth]:
    """path -> truth, of every checkpoint of a training."""
    told: dict[str, Any] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["files"]
    return {
        folder / name: Truth(
            folder / name, tuple((fit, epoch) for fit, epoch in item["weights"]), item["written"], item["mid_epoch"]
        )
        for name, item in told.items()
    }
