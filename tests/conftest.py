"""Fixtures that several test modules use."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real and damaged logs."""
    return HERE / "data"


@pytest.fixture(scope="session")
def trainings(tmp_path_factory) -> Path:
    """The recorded trainings with their checkpoints; not to be changed."""
    from corpus import unpack

    folder = tmp_path_factory.mktemp("trainings")
    unpack(folder)
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """The sample logs of the repository."""
    return HERE.parent / "sample_logs"
