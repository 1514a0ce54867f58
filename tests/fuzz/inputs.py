"""Where inputs come from: seeds made of real and damaged logs, and mutations of them."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from targets import LAYOUTS, chunk
from writing import NAME, record

from cbreplay.logs.records import RecordReader, masked_crc32c

HERE = Path(__file__).parent
REGRESSIONS = HERE / "regressions"
_DATA = HERE.parent / "data"
_JSON = {
    "keras.json": b'{"loss": [0.5, 0.25, 0.125], "val_loss": [0.75, 0.5, NaN]}',
    "split.json": b'{"columns": ["loss", "val_loss"], "index": [0, 1], "data": [[0.5, 0.75], [0.25, null]]}',
    "columns.json": b'{"loss": {"0": 0.5, "1": 0.25}, "val_loss": {"0": 0.75, "1": 0.5}}',
    "records.json": b'[{"epoch": 0, "loss": 0.5}, {"epoch": 1, "loss": 0.25, "val_loss": 0.5}]',
    "lines.jsonl": b'{"training_iteration": 1, "loss": 0.5}\n{"training_iteration": 2, "loss": 0.25}\n',
    "trainer_state.json": b'{"log_history": [{"epoch": 1.0, "step": 5, "loss": 0.5}, {"step": 5, "eval_loss": 0.75}]}',
    "sets.json": b'{"train": {"logloss": [0.5, 0.25]}, "valid": {"logloss": [0.75, 0.5]}}',
}
_LARGEST = 20_000  # bytes of a file that is taken for a seed


def _files(*patterns: str) -> dict[str, bytes]:
    paths = sorted({path for pattern in patterns for path in _DATA.rglob(pattern) if path.is_file()})
    small = [path for path in paths if path.stat().st_size <= _LARGEST]
    return {path.relative_to(_DATA).as_posix(): path.read_bytes() for path in small}


def _models() -> dict[str, bytes]:
    """Small model files of each layout, as Keras lays them out, with and without chunks and compression."""
    found = {}
    for number in range(24):
        memory = io.BytesIO()
        how: dict[str, Any] = {"chunks": (2, 3), "compression": 4} if number % 3 == 2 else {}
        with h5py.File(memory, "w", libver="latest" if number % 2 else "earliest") as file:
            _fill_model(file, number, how)
        found[f"{number}.h5"] = memory.getvalue()
        if number % 8 == 0:
            archive = io.BytesIO()
            with zipfile.ZipFile(archive, "w") as zipped:
                zipped.writestr("metadata.json", '{"keras_version": "3.15.1"}')
                zipped.writestr("config.json", '{"class_name": "Net", "config": {}}')
                zipped.writestr("model.weights.h5", memory.getvalue())
            found[f"{number}.keras"] = archive.getvalue()
    return found


def _fill_model(file: h5py.File, number: int, how: dict[str, Any]) -> None:
    kernel = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3) + np.float32(number)
    if number % 4 == 0:
        file.create_dataset("layers/dense/vars/0", data=kernel, **how)
        file["optimizer/vars/0"] = number
        return
    file.attrs["keras_version"] = "3.15.1"
    file.attrs["model_config"] = '{"class_name": "Net", "config": {}}'
    layer = file.create_group("model_weights/dense")
    layer.create_dataset("dense/kernel", data=kernel, **how)
    layer.attrs["weight_names"] = ["dense/kernel"]
    file["model_weights"].attrs["layer_names"] = ["dense"]


def chunks_of(content: bytes) -> bytes:
    """The ``events`` input that stands for the sound records of an event file, for the file where it has none."""
    found = RecordReader(io.BytesIO(content), len(content), "seed")
    chunks = [chunk(0, payload) for _, payload in found if payload is not None and len(payload) < 2**16]
    return b"".join(chunks) or chunk(7, content[: 2**16 - 1])


def seeds(target: str) -> dict[str, bytes]:
    """name -> input, of the small files below ``tests/data`` and the regressions of the target."""
    events, histories = _files("*tfevents*"), _files("*.csv", "*.tsv")
    histories["download.csv"] = b"Wall time,Step,Value\n1700000000.5,0,0.5\n1700000010.5,1,0.25\n"
    if target == "records":
        manners = [bytes([7 * i % 32, (0, 0, 0, 1, 127, 200, 255)[i % 7]]) for i in range(len(events))]
        found = {name: manner + content for manner, (name, content) in zip(manners, events.items(), strict=True)}
    elif target == "events":
        found = {name: chunks_of(content) for name, content in events.items()}
    elif target == "scanner":
        found = {name: bytes([n % 8]) + chunks_of(content) for n, (name, content) in enumerate(events.items())}
        found |= {f"{name} as it is": b"\x08" + content for name, content in list(events.items())[::5]}
    elif target == "history":
        found = histories
    elif target == "model":
        found = _models()
    else:
        found = {}
        for number, (layout, (place, _, _)) in enumerate(LAYOUTS.items()):
            framed = layout != "bare_events"
            files = events if NAME in place else _JSON if ".json" in place else histories
            chosen = list(files.items()) if files is _JSON else list(files.items())[number % 3 :: 3][-12:]
            for name, content in chosen:
                body = chunks_of(content) if framed and files is events else content
                found[f"{layout}/{name}"] = bytes([number]) + body
    quick = {name: data for name, data in regressions(target).items() if not name.startswith("slow_")}
    return found | quick


def regressions(target: str) -> dict[str, bytes]:
    """name -> input, of what was found earlier."""
    return {path.name: path.read_bytes() for path in sorted((REGRESSIONS / target).glob("*")) if path.is_file()}


_TEXT_PIECES = (
    b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b'"', b'""', b"\0", b" ", b"nan", b"-inf", b"1e999", b"1_0", b"0,5",
    b"9007199254740991", b"-9007199254740992", b"1e15", b"epoch", b"loss", b"val_loss", b"Unnamed: 0", b"1.#IND",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xe2\x80\xa8", b"\xc2\x85", b"\x0b", b"\x1c", b"\xd9\xa3", b"\xff",
    b"[", b"]", b"{", b"}", b":", b"null", b"NaN", b"-Infinity", b'"epoch": ', b'"step": ', b'"loss": [0.5, 1e999], ',
    b"[" * 2000, b'{"a":' * 600, b"1" * 5000, b'"\\ud800"',
    b"Wall time,Step,Value\n1.7e9,0,0.5\n", b"1.7e9,1,0.25\n", b"1e300", b"epoch,loss\n0,1\n1,2\n", b"0,1\n",
    b"epoch;loss\n0;1,5\n",
)  # fmt: skip

_VARINTS = (b"\xff" * 9 + b"\x01", b"\x7f" + b"\xff" * 8, b"\0" * 12, b"\x80" * 10, b"\x0a\0", b"\x2a\0")


def _binary_piece(rng: random.Random) -> bytes:
    """What a record, an event or a chunk of an ``events`` input consists of."""
    kind = rng.randrange(5)
    if kind == 0:
        length = struct.pack("<Q", rng.choice((0, 1, 30, 65, 5000, 2**20, 2**26, 2**26 + 1, 2**40, 2**63, 2**64 - 1)))
        return length + struct.pack("<I", masked_crc32c(length))
    if kind == 1:
        return record(rng.choice((b"", b"\xff", b"\x10\x05", b"\x3a\x02\x08\x01", rng.randbytes(80))))
    if kind == 2:
        return chunk(rng.choice((1, 1, 1, 0, 7)), rng.randbytes(rng.randrange(30)))
    if kind == 3:
        return rng.choice(
            (b"\xff" * 9 + b"\x01", b"\x7f" + b"\xff" * 8, b"\0" * 12, b"\x80" * 10, b"\x0a\0", b"\x2a\0")
        )
    return struct.pack("<d", rng.choice((float("nan"), float("inf"), -1.0, 1e308, 1.7e9)))


def mutate(data: bytes, rng: random.Random, largest: int = 32768) -> bytes:
    """``data`` after a few changes: bits, bytes, cuts, repetitions and pieces that formats are made of."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = rng.randrange(len(content) + 1)
        end = min(place + rng.choice((1, 2, 4, 8, 16, 64, 500)), len(content))
        kind = rng.randrange(8)
        if kind == 0 and place < len(content):
            content[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and place < len(content):
            content[place] = rng.randrange(256)
        elif kind == 2:
            del content[place:end]
        elif kind == 3:
            content[place:place] = bytes(content[place:end]) * rng.choice((1, 1, 2, 20))
        elif kind == 4:
            other = rng.randrange(len(content) + 1)
            content[other:other] = content[place:end]
        elif kind == 5 and rng.random() < 0.2:
            del content[place:]
        elif kind == 6:
            content[place : rng.choice((place, end))] = rng.choice(_TEXT_PIECES)
        else:
            content[place : rng.choice((place, end))] = _binary_piece(rng)
    return bytes(content[:largest])
