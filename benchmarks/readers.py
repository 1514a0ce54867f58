"""Readers of event files side by side: cbreplay (both readers), EventAccumulator, RustBoard, tbparse, the bare bytes.

    python benchmarks/readers.py                     # all, as in RESULTS.md
    python benchmarks/readers.py --only tensor --size tensor=100000 --repeat 3

Each reader is a process of its own, alternating with the others; the median of the repetitions is shown, with its
ratio to cbreplay and the highest memory of the process. cbreplay's time is that of the whole ``load_runs``, every
checksum verified and every value decoded ("again": with what was kept of the first time); RustBoard's from the start of
its server to the last of all scalars fetched; "bytes" reads the files and computes one CRC-32C over each. A reader that
is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from made_logs import KINDS

SIZES = {"simple": 2_000_000, "tensor": 2_000_000, "histogram": 20_000, "image": 10_000, "many": 1_000}
READERS = (
    "bytes",
    "cbreplay",
    "cbreplay-again",
    "cbreplay-python",
    "rustboard-checksum",
    "rustboard",
    "accumulator",
    "tbparse",
)
_SLOW = {"accumulator", "tbparse"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(KINDS))
    parser.add_argument("--reader", action="append", choices=READERS)
    parser.add_argument("--size", action="append", default=[], metavar="KIND=N")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--run", nargs=2, metavar=("READER", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        print(json.dumps(_run(*given.run)))
        return
    sizes = SIZES | {name: int(size) for name, size in (item.split("=") for item in given.size)}
    print(f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in given.only or KINDS:
            place = Path(folder) / kind
            KINDS[kind][1](place, sizes[kind])
            total = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
            print(f"\n{kind}: {sizes[kind]:,} {KINDS[kind][0]}, {total / 1e6:,.0f} MB")
            _compare(place, given.reader or READERS, given.repeat)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _compare(place: Path, readers: tuple[str, ...], repeat: int) -> None:
    results: dict[str, list[dict[str, float]]] = {}
    for turn in range(repeat):
        for reader in readers:
            if turn and reader in _SLOW:  # minutes each, and far from the others
                continue
            done = subprocess.run(
                [sys.executable, __file__, "--run", reader, str(place)], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                results.setdefault(reader, []).append(json.loads(done.stdout.splitlines()[-1]))
            elif not turn:
                print(f"  {reader}: left out ({done.stderr.strip().splitlines()[-1][:100]})")
    base = statistics.median(item["seconds"] for item in results["cbreplay"]) if "cbreplay" in results else None
    for reader, items in results.items():
        seconds = statistics.median(item["seconds"] for item in items)
        ratio = f"{seconds / base:8.2f}x" if base else ""
        points, memory = items[0]["points"], max(item["memory"] for item in items) / 1e6
        print(f"  {reader:20} {seconds:9.3f} s {ratio} {points:>12,.0f} scalars {memory:7,.0f} MB")


def _run(reader: str, folder: str) -> dict[str, float]:
    """One reader on one folder, in this process: seconds, scalars, peak memory in bytes."""
    read = {
        "bytes": _bytes, "cbreplay": _cbreplay, "cbreplay-again": _cbreplay_again, "cbreplay-python": _cbreplay_python,
        "rustboard": _rustboard, "rustboard-checksum": _rustboard_checksum, "accumulator": _accumulator,
        "tbparse": _tbparse,
    }[reader]  # fmt: skip
    seconds, points, *memory = read(folder)
    return {"seconds": seconds, "points": points, "memory": memory[0] if memory else _peak_memory(os.getpid())}


def _peak_memory(process: int) -> int:
    """The most memory that a process has had, bytes; 0 where the system does not tell.

    ``getrusage`` would count what the process had before it became this program, too.
    """
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _bytes(folder: str) -> tuple[float, int]:
    import google_crc32c

    began = time.perf_counter()
    for path in Path(folder).rglob("*tfevents*"):
        checksum = google_crc32c.Checksum()
        with path.open("rb", buffering=0) as file:
            while block := file.read(1 << 22):
                checksum.update(block)
    return time.perf_counter() - began, 0


def _cbreplay(folder: str) -> tuple[float, int]:
    from cbreplay.logs import without_cache

    with without_cache():
        return _load(folder)


def _cbreplay_again(folder: str) -> tuple[float, int]:
    """With what was kept of a first reading."""
    with tempfile.TemporaryDirectory() as kept:
        os.environ["CBREPLAY_CACHE"] = kept
        _load(folder)
        return _load(folder)


def _load(folder: str) -> tuple[float, int]:
    import cbreplay as cb

    cb.load_runs  # noqa: B018 - imported before the clock starts, as the others are
    began = time.perf_counter()
    runs = cb.load_runs(folder)
    seconds = time.perf_counter() - began
    return seconds, sum(len(part) for run in runs for part in run.parts)


def _cbreplay_python(folder: str) -> tuple[float, int]:
    os.environ["CBREPLAY_READER"] = "python"
    return _cbreplay(folder)


def _accumulator(folder: str) -> tuple[float, int]:
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, TENSORS, EventAccumulator

    everything = {SCALARS: 0, TENSORS: 0, "images": 1, "histograms": 1}
    began = time.perf_counter()
    points = 0
    for place in sorted({path.parent for path in Path(folder).rglob("*tfevents*")}):
        loaded = EventAccumulator(str(place), size_guidance=everything)
        loaded.Reload()
        points += sum(len(loaded.Scalars(tag)) for tag in loaded.Tags()[SCALARS])
        points += sum(len(loaded.Tensors(tag)) for tag in loaded.Tags()[TENSORS] if "histogram" not in tag)
    return time.perf_counter() - began, points


def _tbparse(folder: str) -> tuple[float, int]:
    from tbparse import SummaryReader

    began = time.perf_counter()
    found = SummaryReader(folder, event_types={"scalars", "tensors"})
    points = len(found.scalars) + sum("histogram" not in tag for tag in found.tensors.get("tag", ()))
    return time.perf_counter() - began, points


def _rustboard(folder: str) -> tuple[float, int, int]:
    return _served(folder, ())


def _rustboard_checksum(folder: str) -> tuple[float, int, int]:
    return _served(folder, ("--checksum",))


def _served(folder: str, flags: tuple[str, ...]) -> tuple[float, int, int]:
    """Load with TensorBoard's data server and fetch every scalar over its own protocol, until none is missing."""
    import grpc
    import tensorboard_data_server
    from tensorboard import context
    from tensorboard.data import grpc_provider, provider

    with tempfile.TemporaryDirectory() as scratch:
        port_file = Path(scratch) / "port"
        began = time.perf_counter()
        words = [tensorboard_data_server.server_binary(), f"--logdir={folder}", "--port=0", f"--port-file={port_file}",
                 "--samples-per-plugin=scalars=all", "--reload=once", "--die-after-stdin", *flags]  # fmt: skip
        server = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            while not port_file.exists() or not port_file.read_text().strip():
                time.sleep(0.001)
            options = [("grpc.max_receive_message_length", -1)]
            channel = grpc.insecure_channel(f"localhost:{port_file.read_text().strip()}", options=options)
            source = grpc_provider.GrpcDataProvider(f"localhost:{port_file.read_text().strip()}", _stub(channel))
            series, last_step = map(int, (Path(folder) / "expected.txt").read_text().split())
            while True:
                listed = source.list_scalars(context.RequestContext(), experiment_id="", plugin_name="scalars")
                steps = [item.max_step for tags in listed.values() for item in tags.values()]
                if len(steps) >= series and min(steps) >= last_step:
                    break
                time.sleep(0.005)
            found = source.read_scalars(
                context.RequestContext(), experiment_id="", plugin_name="scalars", downsample=2**31 - 1,
                run_tag_filter=provider.RunTagFilter(),
            )  # fmt: skip
            points = sum(len(series) for tags in found.values() for series in tags.values())
            return time.perf_counter() - began, points, _peak_memory(server.pid)
        finally:
            assert server.stdin is not None
            server.stdin.close()
            server.wait()


def _stub(channel: object) -> object:
    from tensorboard.data.proto import data_provider_pb2_grpc

    return data_provider_pb2_grpc.TensorBoardDataProviderStub(channel)


if __name__ == "__main__":
    main()
