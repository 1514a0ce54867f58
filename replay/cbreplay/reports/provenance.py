"""What a report was made from, and how to make it again."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .._version import __version__
from ..files import open_regular

_PACKAGES = ("numpy", "pandas", "h5py", "tensorboard", "matplotlib")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class SourceFile:
    """A file that went into the report: its size in bytes and SHA-256, None where it cannot be read any more."""

    path: str
    bytes: int | None
    sha256: str | None

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class Provenance:
    """Versions, the command that repeats the report, and the files it rests on."""

    command: str
    versions: dict[str, str]
    files: tuple[SourceFile, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "command": self.command, "versions": dict(self.versions), "files": [item.to_dict() for item in self.files],
        }  # fmt: skip


def provenance_of(command: str, paths: Iterable[str]) -> Provenance:
    """The provenance of a report that rests on these files, each named once."""
    versions = {"cbreplay": __version__, "Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return Provenance(command, versions, tuple(_hashed(path) for path in dict.fromkeys(paths)))


def _hashed(path: str) -> SourceFile:
    digest, count = hashlib.sha256(), 0
    try:
        with open_regular(Path(path)) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                count += len(block)
    except OSError:
        return SourceFile(path, None, None)
    return SourceFile(path, count, digest.hexdigest())
