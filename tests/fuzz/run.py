"""Fuzz one target: ``python tests/fuzz/run.py --target records --seconds 30``.

Needs `atheris <https://github.com/google/atheris>`_. The fuzzer runs in a process of its own, so that a hang or
a crash of the interpreter is a finding too. One finding does not end it: each kind (what was raised, and where)
is kept with its shortest input. Exit codes: 0 nothing new was found (``known.py`` lists what is known), 1 something
was, 2 it could not be run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NAMES = ("records", "events", "scanner", "history", "folder", "model")
_HANG = 30  # seconds for one input, after which the fuzzer is ended
_MEBIBYTES = 2048
_SLOW = 1.0  # seconds from which on an input is told and kept, though it is no finding
_LARGEST = 32768

sys.path[:0] = [str(HERE), str(HERE.parent / "support")]


def main() -> int:
    """Run the fuzzer, tell what it did; the exit code."""
    parser = argparse.ArgumentParser(description="Fuzz one reader of cbreplay.")
    parser.add_argument("--target", required=True, choices=NAMES)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to fuzz (default: %(default)s)")
    parser.add_argument("--corpus", type=Path, help="a folder of inputs to start from and to add to")
    parser.add_argument("--artifacts", type=Path, default=Path("fuzz-artifacts"), help="where findings are written")
    parser.add_argument("--seed", type=int, default=0, help="of the fuzzer's random numbers; 0: another each time")
    parser.add_argument("--replay", type=Path, nargs="+", help="run these inputs instead, without a fuzzer")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replay:
        return _replay(options.target, options.replay)
    if options.child:
        _fuzz(options)
    try:
        import atheris  # noqa: F401
    except ImportError:
        print("atheris is not installed: python -m pip install atheris", file=sys.stderr)
        return 2
    return _run_child(options)


def _replay(target: str, paths: list[Path]) -> int:
    from targets import TARGETS

    failed = 0
    for path in paths:
        begin = time.process_time()
        try:
            TARGETS[target](path.read_bytes())
            told = "as promised"
        except Exception as error:
            failed += 1
            traceback.print_exc()
            told = f"{type(error).__name__}: {error}"
        print(f"{path.name}: {told} ({time.process_time() - begin:.2f} seconds)")
    return 1 if failed else 0


def _run_child(options: argparse.Namespace) -> int:
    options.artifacts.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch) / "result.json"
        log = Path(scratch) / "log.txt"
        arguments = [
            sys.executable, str(Path(__file__).resolve()), "--child", str(result), "--target", options.target,
            "--seconds", str(options.seconds), "--artifacts", str(options.artifacts.resolve()),
            "--seed", str(options.seed), "--corpus", str((options.corpus or Path(scratch) / "corpus").resolve()),
        ]  # fmt: skip
        before = set(options.artifacts.iterdir())
        with log.open("wb") as stream:
            done = subprocess.run(
                arguments, stdout=stream, stderr=stream, env={**os.environ, "TMPDIR": scratch}, check=False
            )
        if result.exists():
            return _tell(options, json.loads(result.read_text(encoding="utf-8")))
        new = sorted(str(path) for path in set(options.artifacts.iterdir()) - before)
        print("\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:]))
        kept = [path for path in new if Path(path).name.startswith(("timeout-", "oom-", "crash-", "finding-"))]
        print(f"{options.target}: the fuzzer ended with {done.returncode}; inputs: {', '.join(kept) or 'none'}")
        return 1 if kept else 2


def _tell(options: argparse.Namespace, result: dict[str, Any]) -> int:
    findings = result["findings"]
    new = [finding for finding in findings.values() if not finding["known"]]
    for finding in findings.values():
        known = f" (known: {finding['known']})" if finding["known"] else ""
        print(f"{options.target}: {finding['times']} times {finding['error']}{known}")
        print(f"  at {finding['place']}; {finding['size']} bytes in {finding['file']}")
    for slow in result["slow"]:
        print(f"{options.target}: slow, {slow['seconds']:.1f} seconds for {slow['size']} bytes in {slow['file']}")
    print(
        f"{options.target}: {result['inputs']} inputs in {result['seconds']:.0f} seconds, "
        f"{len(new)} findings, {len(findings) - len(new)} known defects, "
        f"the slowest input took {result['slowest']:.2f} seconds"
    )
    return 1 if new else 0


def _place(error: BaseException) -> str:
    """Where something was raised: the innermost line in the package, else in the checks."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "cbreplay" in Path(frame.filename).parts and "fuzz" not in frame.filename]
    frame = (ours or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"


class _Observer:
    """Runs a target on each input and keeps what was found."""

    def __init__(self, target: str, artifacts: Path) -> None:
        from targets import TARGETS

        self.target = target
        self.check = TARGETS[target]
        self.artifacts = artifacts
        self.inputs = 0
        self.slowest = 0.0
        self.findings: dict[str, dict[str, Any]] = {}
        self.slow: list[dict[str, Any]] = []

    def run(self, data: bytes) -> None:
        """One input."""
        self.inputs += 1
        begin = time.process_time()
        try:
            self.check(data)
        except Exception as error:
            self._found(error, data)
        seconds = time.process_time() - begin
        if seconds > max(_SLOW, self.slowest):
            file = self._keep("slow", data)
            self.slow.append({"seconds": seconds, "size": len(data), "file": file})
        self.slowest = max(self.slowest, seconds)

    def _found(self, error: Exception, data: bytes) -> None:
        from known import known_defect

        place = _place(error)
        key = f"{type(error).__name__} {place}"
        known = self.findings.get(key)
        if known is not None:
            known["times"] += 1
            if len(data) >= known["size"]:
                return
            Path(known["file"]).unlink(missing_ok=True)
        else:
            traceback.print_exc()
        told = f"{type(error).__name__}: {str(error)[:300]}"
        kind = "known" if (name := known_defect(self.target, error)) else "finding"
        times = known["times"] if known else 1
        self.findings[key] = {
            "error": told, "place": place, "size": len(data), "times": times, "known": name,
            "file": self._keep(kind, data),
        }  # fmt: skip

    def _keep(self, kind: str, data: bytes) -> str:
        path = self.artifacts / f"{kind}-{hashlib.sha256(data).hexdigest()[:16]}"
        path.write_bytes(data)
        return str(path)

    def result(self) -> dict[str, Any]:
        """What is told in the end."""
        return {"inputs": self.inputs, "slowest": self.slowest, "findings": self.findings, "slow": self.slow}


def _fuzz(options: argparse.Namespace) -> None:
    """Fuzz in this process and leave it when the time is over; what was found is in ``options.child``."""
    import atheris

    with atheris.instrument_imports(include=["cbreplay"], enable_loader_override=False):
        import cbreplay.logs.loading  # noqa: F401
    import inputs

    folder = options.child.parent / "seeds"
    for path in (folder, options.corpus):
        path.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(inputs.seeds(options.target).values()):
        (folder / f"{number:04}").write_bytes(content)
    observer = _Observer(options.target, options.artifacts)
    begin = time.monotonic()

    def one_input(data: bytes) -> None:
        observer.run(data)
        seconds = time.monotonic() - begin
        if seconds > options.seconds:
            options.child.write_text(json.dumps({**observer.result(), "seconds": seconds}), encoding="utf-8")
            os._exit(0)

    def mutator(data: bytes, largest: int, seed: int) -> bytes:
        if seed & 1:
            return bytes(atheris.Mutate(data, largest))
        return inputs.mutate(data, random.Random(seed), largest)

    arguments = [
        sys.argv[0], str(options.corpus), str(folder), f"-artifact_prefix={options.artifacts}{os.sep}",
        f"-timeout={_HANG}", f"-rss_limit_mb={_MEBIBYTES}", f"-max_len={_LARGEST}", f"-seed={options.seed}",
    ]  # fmt: skip
    atheris.Setup(arguments, one_input, custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
