"""What is built is what is here, and works from anywhere."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOTS = {"cbreplay": ROOT / "replay", "cbreplay_cli": ROOT / "cli"}


def packages() -> set[str]:
    """Every folder of Python files below the two source roots, as a dotted name."""
    return {
        ".".join(path.parent.relative_to(root).parts)
        for name, root in ROOTS.items()
        for path in (root / name).rglob("*.py")
    }


def test_setup_cfg_lists_every_package() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert packages() == set(config["options"]["packages"].split())


def test_every_package_has_an_init_file() -> None:
    for name in packages():
        folder = ROOTS[name.split(".")[0]].joinpath(*name.split("."))
        assert (folder / "__init__.py").is_file(), name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel as pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


def test_the_wheel_holds_both_packages_their_types_and_the_licence(wheel) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {
        path.relative_to(root).as_posix() for name, root in ROOTS.items() for path in (root / name).rglob("*.py")
    }
    assert sources <= names
    assert {"cbreplay/py.typed", "cbreplay_cli/py.typed"} <= names
    assert any(name.endswith("LICENSE") for name in names)
    assert not any(name.startswith(("replay/", "cli/", "tests/")) for name in names)


def test_the_wheel_works_outside_the_checkout(wheel, tmp_path) -> None:
    target = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    code = "import cbreplay, cbreplay_cli.main as m, sys; print(cbreplay.__file__); m.cli(['runs', sys.argv[1]])"
    told = subprocess.run(
        [sys.executable, "-c", code, str(ROOT / "sample_logs")],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(target)},
    ).stdout
    assert told.startswith(str(target))
    assert "5 runs in" in told


def test_an_installation_without_a_compiler_reads_with_python(tmp_path) -> None:
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(".*", "build", "tests", "*.so", "*.pyd", "*.egg-info")
    shutil.copytree(ROOT, source, ignore=ignored)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
    ]
    subprocess.run(
        [*command, str(source)], check=True, capture_output=True, env={**os.environ, "CC": "no-such-compiler"}
    )
    (built,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(built).extractall(tmp_path / "site")
    assert list((tmp_path / "site").rglob("_scanner.*")) == []
    code = "import sys; sys.meta_path = [finder for finder in sys.meta_path if 'editable' not in repr(finder)]\n"
    code += "import cbreplay, cbreplay_cli.main as m; print(cbreplay.__file__); m.cli(['--version'])"
    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
    ).stdout.splitlines()
    assert told[0].startswith(str(tmp_path))
    assert told[1].endswith("(Python reader)")


def test_the_sources_of_the_scanner_are_all_named_and_go_into_the_source_distribution() -> None:
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    folder = ROOT / "replay" / "scanner"
    assert sorted(folder.iterdir()) == sorted([*folder.glob("*.c"), *folder.glob("*.h")])
    assert [path.name for path in folder.iterdir() if f'"{path.stem}"' not in text] == []
    assert "recursive-include replay/scanner *.c *.h" in (ROOT / "MANIFEST.in").read_text(encoding="utf-8")


def test_the_public_names_are_sorted_and_all_there() -> None:
    import cbreplay

    assert sorted(cbreplay.__all__) == list(cbreplay.__all__)
    assert all(getattr(cbreplay, name) is not None for name in cbreplay.__all__)
