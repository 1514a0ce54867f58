"""Fixtures that several test modules use."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

HERE = Path(__file__).parent


def _use_scanner(path: str) -> None:
    """Have this build of the scanner stand in for the installed one (``make sanitize``)."""
    loader = importlib.machinery.ExtensionFileLoader("cbreplay._scanner", path)
    spec = importlib.util.spec_from_file_location("cbreplay._scanner", path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    sys.modules["cbreplay._scanner"] = module


if "CBREPLAY_TEST_SCANNER" in os.environ:
    _use_scanner(os.environ["CBREPLAY_TEST_SCANNER"])


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
