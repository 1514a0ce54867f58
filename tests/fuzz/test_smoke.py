"""Every target on real files, on what was found earlier and on a few thousand mutations, without a fuzzer."""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
from pathlib import Path

import inputs
import pytest
import targets
from known import KNOWN, known_defect
from targets import TARGETS

HERE = Path(__file__).parent
MUTATIONS = {"records": 300, "events": 600, "scanner": 900, "history": 900, "folder": 300, "model": 300}
FOUND = [(target, name) for target in TARGETS for name in inputs.regressions(target)]
#: What an input may take that was found for its slowness, in seconds: much less than it took then.
SECONDS = {"records": 1.2, "history": 0.2, "folder": 0.25}


def failure(target: str, data: bytes) -> str | None:
    """What an input shows that is neither promised nor known."""
    try:
        TARGETS[target](data)
    except Exception as error:
        return None if known_defect(target, error) else f"{type(error).__name__}: {error}"
    return None


@pytest.mark.parametrize("target", TARGETS)
def test_real_and_damaged_files_keep_every_promise(target: str) -> None:
    seeds = inputs.seeds(target)
    assert len(seeds) > 20
    assert {name: told for name, data in seeds.items() if (told := failure(target, data))} == {}


@pytest.mark.parametrize("target", TARGETS)
def test_mutations_of_them_keep_every_promise(target: str) -> None:
    rng = random.Random(0)
    seeds = list(inputs.seeds(target).values())
    for _ in range(MUTATIONS[target]):
        data = inputs.mutate(rng.choice(seeds), rng)
        told = failure(target, data)
        assert told is None, f"{told}\n{data!r}"


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\xff" * 40, bytes(range(256))], ids=["nothing", "a zero", "ones", "every byte"]
)
@pytest.mark.parametrize("target", TARGETS)
def test_any_bytes_are_an_input(target: str, data: bytes) -> None:
    assert failure(target, data) is None


@pytest.mark.parametrize(("target", "name"), FOUND)
def test_what_was_found_keeps_every_promise_now(target: str, name: str, request, monkeypatch) -> None:
    if (target, name) in KNOWN:
        request.applymarker(pytest.mark.xfail(strict=True, reason=KNOWN[target, name].reason))
    if name.startswith("slow_"):
        TARGETS[target](b"")  # what is only done once is not counted
        monkeypatch.setattr(targets, "SECONDS", SECONDS[target])
    TARGETS[target](inputs.regressions(target)[name])


def test_every_known_defect_has_an_input() -> None:
    assert set(KNOWN) <= set(FOUND)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
@pytest.mark.parametrize("target", TARGETS)
def test_the_fuzzer_runs_and_finds_nothing_new(target: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, str(HERE / "run.py"), "--target", target, "--seconds", "5", "--seed", "1",
            "--corpus", str(tmp_path / "corpus"), "--artifacts", str(tmp_path / "found"),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, f"{target}: " in done.stdout) == (0, True), done.stdout + done.stderr
