"""Model files of every format, as they are, damaged, and made by an enemy."""

from __future__ import annotations

import json
import os
import shutil
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import cbreplay as cb
from cbreplay.model_files import IsolatedReader
from cbreplay.model_files.reading import read_checkpoint


def severities(checkpoint) -> set[str]:
    return {finding.severity for finding in checkpoint.findings} - {"note"}


def told(checkpoint) -> str:
    return " | ".join(finding.what for finding in checkpoint.findings)


@pytest.fixture(scope="module")
def reader():
    with IsolatedReader() as made:
        yield made


# ------------------------------------------------------------------------------------------------ real files


@pytest.mark.parametrize(
    ("name", "layout", "version", "weights_only", "optimizer", "iterations"),
    [
        ("keras3/every_epoch/ckpt/ckpt-03-*.h5", "h5 model", "3.15.1", False, "Adam", 12),
        ("keras3/every_epoch/ckpt/w-03.weights.h5", "weights.h5", None, True, "adam", 12),
        ("keras3/every_epoch/ckpt/zip-03.keras", "keras zip", "3.15.1", False, "adam", 12),
        ("keras2/every_epoch/ckpt/ckpt-03-*.h5", "h5 model", "2.15.0", False, "Adam", 12),
        ("keras2/every_epoch/ckpt/w-03.weights.h5", "weights.h5", None, True, None, 12),
        ("keras2/every_epoch/ckpt/zip-03.keras", "keras zip", "2.15.0", False, "Adam", 12),
    ],
)
def test_a_real_file_tells_what_it_is(
    trainings, reader, name, layout, version, weights_only, optimizer, iterations
) -> None:
    (path,) = trainings.glob(name)
    found = reader.read(path, fingerprints=True)
    facts = (found.layout, found.keras_version, found.weights_only, found.optimizer, found.iterations)
    assert (layout, version, weights_only, optimizer, iterations) == facts
    assert (found.parameters, found.is_finite, found.status) == (146, True, "sound")
    assert all(tensor.fingerprint is not None for tensor in found.weights)


def test_all_real_files_that_are_finite_are_sound_and_the_others_are_suspect(trainings, reader) -> None:
    for path in sorted(trainings.glob("*/*/*/*.*")):
        if path.suffix in (".h5", ".keras"):
            found = reader.read(path)
            assert ("sound" if found.is_finite else "suspect") == found.status, (path, told(found))


def test_keras_2_saves_the_validation_loss_with_the_weights(trainings, reader) -> None:
    run = cb.load_runs(trainings / "keras2/every_epoch")[0]
    found = reader.read(trainings / "keras2/every_epoch/ckpt/w-03.weights.h5")
    assert run.values("val_loss")[2] == found.loss


def test_without_contents_no_weight_is_read_but_the_steps_are(trainings, reader) -> None:
    (path,) = trainings.glob("keras3/every_epoch/ckpt/ckpt-03-*.h5")
    found = reader.read(path, contents=False)
    assert (found.iterations, found.is_finite) == (12, None)


def test_gradient_accumulation_counts_steps_as_keras_does(trainings, tmp_path) -> None:
    (real,) = trainings.glob("keras3/every_epoch/ckpt/ckpt-03-*.h5")
    path = Path(shutil.copy(real, tmp_path / "a.h5"))
    with h5py.File(path, "r+") as file:
        training = json.loads(file.attrs["training_config"])
        training["optimizer_config"]["config"]["gradient_accumulation_steps"] = 5
        file.attrs["training_config"] = json.dumps(training)
    assert read_checkpoint(path).iterations == 12 // 5


def test_a_record_is_json(trainings, reader) -> None:
    found = reader.read(next(trainings.glob("keras3/every_epoch/ckpt/ckpt-03-*.h5")), fingerprints=True)
    assert found.to_dict(tensors=True)["tensors"][0]["fingerprint"]
    json.dumps(found.to_dict(tensors=True), allow_nan=False)


def test_files_of_strangers_tell_what_is_in_them(reader) -> None:
    """In the folder that CBREPLAY_STRANGERS names: model files, each with what is known of it in NAME.truth.json."""
    folder = os.environ.get("CBREPLAY_STRANGERS")
    if not folder:
        pytest.skip("no folder of other people's model files is named")
    truths = sorted(path for path in Path(folder).rglob("*.truth.json") if path.name.endswith(".h5.truth.json"))
    assert truths
    for truth in truths:
        known = json.loads(truth.read_text(encoding="utf-8"))
        found = reader.read(truth.with_name(truth.name.removesuffix(".truth.json")))
        facts = {
            "bytes": found.bytes, "keras_version": found.keras_version, "backend": found.backend,
            "datasets": len(found.tensors), "numbers": sum(tensor.elements for tensor in found.tensors),
        }  # fmt: skip
        assert ("sound", facts) == (found.status, {name: known[name] for name in facts})


# --------------------------------------------------------------------------------------------- damaged files


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("intact.h5", "sound", ""),
        ("latest_format.h5", "sound", ""),
        ("config_html.h5", "sound", ""),
        ("truncated.h5", "damaged", "29,751 bytes of 74,376 are missing"),
        ("truncated_tail.h5", "damaged", "300 bytes of 74,376 are missing"),
        ("empty.h5", "damaged", "an empty file"),
        ("text.h5", "damaged", "a text file"),
        ("lfs_pointer.h5", "damaged", "git lfs pull"),
        ("zip_named.h5", "damaged", "the zip archive cannot be read"),
        ("other_file.h5", "suspect", "not laid out as Keras does it"),
        ("sub/external_link.h5", "refused", "2 external links, not followed: abs to /etc/hostname"),
        ("soft_link_loop.h5", "refused", "3 soft links, not followed"),
        ("virtual_huge.h5", "refused", "is virtual, a view of 1,099,511,627,776 numbers"),
        ("unallocated_huge.h5", "refused", "would unpack to 34.4 GB, out of proportion"),
        ("compressed_bomb.h5", "refused", "would unpack to 268 MB, out of proportion"),
        ("non_finite.h5", "suspect", "1 NaN and 2 infinite among the weights"),
        ("odd_names.h5", "damaged", "layer_names"),
    ],
)
def test_hard_hdf5_files(data, reader, name, status, words) -> None:
    found = reader.read(data / "hard/h5" / name)
    assert (status, True) == (found.status, words in told(found)), told(found)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("intact.keras", "sound", ""),
        ("truncated.keras", "damaged", "the zip archive cannot be read"),
        ("traversal.keras", "refused", "outside of its folder: ../../evil.txt"),
        ("no_config.keras", "damaged", "the member config.json is missing"),
        ("bomb.keras", "refused", "assets/zeros.bin would unpack to 200 MB"),
    ],
)
def test_hard_archives(data, reader, name, status, words) -> None:
    found = reader.read(data / "hard/keras_zip" / name)
    assert (status, True) == (found.status, words in told(found)), told(found)
    assert (3466 if name != "truncated.keras" else None) == found.parameters


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.999])
@pytest.mark.parametrize("name", ["keras3/every_epoch/ckpt/ckpt-03-*.h5", "keras2/every_epoch/ckpt/zip-03.keras",
                                  "keras2/every_epoch/ckpt/w-03.weights.h5"])  # fmt: skip
def test_a_file_that_is_cut_off_anywhere_is_damaged(trainings, tmp_path, reader, name, share) -> None:
    (real,) = trainings.glob(name)
    content = real.read_bytes()
    path = tmp_path / f"a{real.suffix}"
    path.write_bytes(content[: int(len(content) * share)])
    assert reader.read(path).status == "damaged"


def test_the_counts_of_what_is_not_finite_are_exact(data, reader) -> None:
    found = reader.read(data / "hard/h5/non_finite.h5")
    counted = sum(tensor.nans for tensor in found.weights), sum(tensor.infinities for tensor in found.weights)
    assert (*counted, found.is_finite) == (1, 2, False)


# -------------------------------------------------------------------------- files changed one thing at a time


def _delete_bias(file) -> None:
    del file["model_weights/dense/sequential/dense/bias"]


def _delete_names(file) -> None:
    del file["model_weights"].attrs["layer_names"]


def _break_config(file) -> None:
    file.attrs["model_config"] = file.attrs["model_config"][:-1]


def _foreign_byte(file) -> None:
    file.attrs["model_config"] = file.attrs["model_config"].replace("sequential", "seq\u00fcential", 1)


def _deep_config(file) -> None:
    file.attrs["model_config"] = '{"class_name": "A", "config": ' + "[" * 20000 + "]" * 20000 + "}"


def _no_release(file) -> None:
    file.attrs["keras_version"] = "three"


def _stranger(file) -> None:
    file.attrs["model_config"] = file.attrs["model_config"].replace('"name": "dense"', '"name": "dance"')


def _external_storage(file) -> None:
    del file["model_weights/dense/sequential/dense/bias"]
    file["model_weights/dense/sequential/dense"].create_dataset(
        "bias", (32,), "f4", external=[("/etc/hostname", 0, 128)]
    )


def _virtual(file) -> None:
    group = file["model_weights/dense/sequential/dense"]
    del group["bias"]
    layout = h5py.VirtualLayout((32,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (32,))
    group.create_virtual_dataset("bias", layout)


def _unallocated(file) -> None:
    group = file["model_weights/dense/sequential/dense"]
    del group["bias"]
    group.create_dataset("bias", (32,), "f4")


def _missing_chunks(file) -> None:
    group = file["model_weights/dense/sequential/dense"]
    del group["bias"]
    group.create_dataset("bias", (32,), "f4", chunks=(8,))[:8] = 1.0


def _texts(file) -> None:
    group = file["model_weights/dense/sequential/dense"]
    del group["bias"]
    group.create_dataset("bias", data=np.array([b"a", b"b"]), dtype=h5py.string_dtype())


def _huge_number(file) -> None:
    file["model_weights/dense/sequential/dense/bias"][3] = 1e20


def _dead_layer(file) -> None:
    file["model_weights/dense_1/sequential/dense_1/kernel"][:] = 0


def _lost_block(file) -> None:
    dataset = file["model_weights/dense/sequential/dense/kernel"]
    numbers = dataset[()].reshape(-1)
    first = -(-dataset.id.get_offset() // 512) * 512 - dataset.id.get_offset()
    numbers[first // 4 : first // 4 + 256] = 0
    dataset[:] = numbers.reshape(dataset.shape)


def _slot_without_weight(file) -> None:
    group = file["optimizer_weights/adam"]
    del group["sequential_dense_bias_momentum"]
    group.create_dataset("sequential_dense_bias_momentum", data=np.ones(33, np.float32))


def _lambda(file) -> None:
    config = json.loads(file.attrs["model_config"])
    function = {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}
    config["config"]["layers"].append({"class_name": "Lambda", "config": {"name": "twice", "function": function}})
    file.attrs["model_config"] = json.dumps(config)


CHANGES = [
    (_delete_bias, "damaged", "named in its lists, but not in the file: model_weights/dense/sequential/dense/bias"),
    (_delete_names, "damaged", "layer_names"),
    (_break_config, "damaged", "configuration does not parse"),
    (_foreign_byte, "damaged", "bytes in it that Keras, which writes ASCII, does not write"),
    (_deep_config, "damaged", "nested too deeply"),
    (_no_release, "damaged", "its keras_version is none: three"),
    (_stranger, "damaged", "layers that its configuration does not know: dense"),
    (_external_storage, "refused", "keeps its numbers in another file"),
    (_virtual, "refused", "is virtual"),
    (_unallocated, "damaged", "none of its numbers is in the file"),
    (_missing_chunks, "damaged", "only 1 of 4 chunks are in the file"),
    (_texts, "suspect", "holds no numbers"),
    (_huge_number, "suspect", "has a number of 1e+20"),
    (_dead_layer, "suspect", "nothing but zeros in model_weights/dense_1/sequential/dense_1"),
    (_lost_block, "suspect", "256 numbers in a row are zero, just where a block of the disk lies"),
    (_slot_without_weight, "damaged", "the optimizer has numbers for weights that are not in the file"),
    (_lambda, "sound", "contains code, which is not run here: Lambda layer twice, a Python function as bytecode"),
]


@pytest.mark.parametrize(("change", "status", "words"), CHANGES, ids=[change[0].__name__ for change in CHANGES])
def test_one_thing_that_is_wrong_is_found(data, tmp_path, reader, change, status, words) -> None:
    path = Path(shutil.copy(data / "hard/h5/intact.h5", tmp_path / "a.h5"))
    path.chmod(0o644)
    with h5py.File(path, "r+") as file:
        change(file)
    found = reader.read(path)
    assert (status, True) == (found.status, words in told(found)), told(found)


def test_bytes_behind_the_end_are_suspect(data, tmp_path, reader) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes((data / "hard/h5/intact.h5").read_bytes() + b"more")
    assert "4 bytes lie behind the end" in told(reader.read(path))


def test_a_gap_among_numbered_arrays_is_found(trainings, tmp_path, reader) -> None:
    path = Path(shutil.copy(trainings / "keras3/every_epoch/ckpt/w-03.weights.h5", tmp_path / "a.weights.h5"))
    with h5py.File(path, "r+") as file:
        del file["layers/dense/vars/0"]
    assert "missing among the numbered arrays: layers/dense/vars/0" in told(reader.read(path))


# --------------------------------------------------------------------------------------------------- archives


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path: Path, members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", compression) as archive:
        warnings.filterwarnings("ignore", "Duplicate name", UserWarning)
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_a_compressed_archive_is_read_as_a_stored_one(data, tmp_path, reader) -> None:
    members = list(_members(data / "hard/keras_zip/intact.keras").items())
    path = _write(tmp_path / "a.keras", members, zipfile.ZIP_DEFLATED)
    found = reader.read(path, fingerprints=True)
    assert ("sound", reader.read(data / "hard/keras_zip/intact.keras", fingerprints=True).tensors) == (
        found.status, found.tensors,
    )  # fmt: skip


def test_a_flipped_byte_of_a_weight_shows_in_the_checksum_of_the_archive(data, tmp_path, reader) -> None:
    content = bytearray((data / "hard/keras_zip/intact.keras").read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / "a.keras"
    path.write_bytes(content)
    found = reader.read(path)
    assert (found.status, "Bad CRC-32" in told(found)) == ("damaged", True), told(found)


def test_a_member_that_is_there_twice_is_refused(data, tmp_path, reader) -> None:
    members = list(_members(data / "hard/keras_zip/intact.keras").items())
    found = reader.read(_write(tmp_path / "a.keras", [*members, members[-1]]))
    assert (found.status, "2 members are called" in told(found)) == ("refused", True), told(found)


def test_a_directory_of_members_out_of_proportion_is_refused_before_it_is_read(tmp_path, reader) -> None:
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(300):
            archive.writestr(f"{number:03}" + "x" * 60000, b"")
    found = reader.read(path)
    assert (found.status, "its directory of members takes" in told(found)) == ("refused", True), told(found)


def test_nothing_is_unpacked_by_a_members_name(data, tmp_path, reader, monkeypatch) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    reader.read(shutil.copy(data / "hard/keras_zip/traversal.keras", folder / "a.keras"))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.keras"]


# ------------------------------------------------------------------------------------------------ odd numbers


def _weights_file(path: Path, **tensors) -> Path:
    with h5py.File(path, "w") as file:
        for number, tensor in enumerate(tensors.values()):
            file[f"layers/dense/vars/{number}"] = tensor
    return path


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "u8"])
def test_every_type_of_number_is_read(tmp_path, dtype) -> None:
    numbers = np.arange(1, 25).reshape(2, 3, 4).astype(dtype)
    (tensor,) = read_checkpoint(_weights_file(tmp_path / "a.weights.h5", a=numbers), fingerprints=True).weights
    assert (tensor.smallest, tensor.largest, tensor.elements) == (1.0, 24.0, 24)
    assert tensor.fingerprint is not None
    assert tensor.fingerprint.elements == 24


def test_bfloat16_is_read_as_keras_stores_it(tmp_path) -> None:
    path = tmp_path / "a.weights.h5"
    bits = (np.array([1.5, -2.0, 3.0], np.float32).view(np.uint32) >> 16).astype(np.uint16)
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("layers/dense/vars/0", data=bits.view("V2"))
        dataset.attrs["dtype"] = "bfloat16"
    (tensor,) = read_checkpoint(path, fingerprints=True).weights
    assert (tensor.dtype, tensor.smallest, tensor.largest) == ("bfloat16", -2.0, 3.0)


@pytest.mark.parametrize("chunks", [None, (100, 100), (7, 1000)])
def test_a_tensor_larger_than_a_piece_has_the_same_fingerprint_in_any_storage(tmp_path, chunks) -> None:
    numbers = np.random.default_rng(0).normal(size=(3000, 1500)).astype(np.float32)
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file.create_dataset("layers/dense/vars/0", data=numbers, chunks=chunks, compression=4 if chunks else None)
    (tensor,) = read_checkpoint(tmp_path / "a.weights.h5", fingerprints=True).weights
    exact = numbers.astype(np.float64)
    width = (exact.max() - exact.min()) / 30
    counts = np.bincount(np.minimum(np.floor((exact - exact.min()) / width), 29).astype(int).ravel())
    assert tensor.fingerprint is not None
    assert (numbers.min(), numbers.max()) == (tensor.smallest, tensor.largest)
    assert (numbers.size, tuple(counts)) == (tensor.fingerprint.elements, tensor.fingerprint.counts)


def test_scalars_and_empty_tensors_are_read(tmp_path) -> None:
    path = _weights_file(tmp_path / "a.weights.h5", a=np.float32(2.5), b=np.zeros((0, 3), np.float32))
    found = {tensor.elements: tensor.smallest for tensor in read_checkpoint(path, fingerprints=True).weights}
    assert found == {1: 2.5, 0: None}


def test_a_file_like_no_other_says_what_it_is(tmp_path) -> None:
    contents = {
        b"\x80\x04x": "a Python pickle", b"<!DOCTYPE html>": "a web page", bytes(600): "zero bytes",
        b"\x1f\x8bx": "a gzip file", b"\xfe\x00\x01": "signature is unknown",
    }  # fmt: skip
    for content, words in contents.items():
        (tmp_path / "a.h5").write_bytes(content)
        assert words in told(read_checkpoint(tmp_path / "a.h5"))


def test_the_inner_file_of_an_archive_may_be_cut_off(data, tmp_path) -> None:
    members = _members(data / "hard/keras_zip/intact.keras")
    members["model.weights.h5"] = members["model.weights.h5"][:-50]
    found = read_checkpoint(_write(tmp_path / "a.keras", list(members.items())))
    assert "model.weights.h5 in it is truncated" in told(found)


def test_a_user_block_is_said_and_bytes_behind_an_archive_are_suspect(data, tmp_path, reader) -> None:
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=512) as file:
        file["x"] = 1.0
    assert "behind a user block" in told(reader.read(tmp_path / "a.h5"))
    (tmp_path / "a.keras").write_bytes((data / "hard/keras_zip/intact.keras").read_bytes() + b"more")
    assert "4 bytes lie behind the end of the archive" in told(reader.read(tmp_path / "a.keras"))


def test_state_of_trackers_and_other_optimizers_are_no_weights(tmp_path) -> None:
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        file["layers/dense/vars/0"] = np.arange(1.0, 7.0, dtype=np.float32).reshape(2, 3)
        file["total_loss_tracker/vars/0"] = np.float32(0)
        for name, count in (("optimizer", 0), ("d_optimizer", 12)):
            file[f"{name}/vars/0"] = count
            file[f"{name}/vars/1"] = np.float32(0.001)
    found = read_checkpoint(tmp_path / "a.weights.h5")
    assert (found.parameters, found.iterations, found.iterations_certain, found.status) == (6, 12, False, "sound")


def test_a_bias_of_two_dimensions_may_be_zero(tmp_path) -> None:
    recurrent = {"kernel": np.ones((2, 6)), "recurrent": np.ones((3, 6)), "bias": np.zeros((2, 6))}
    path = _weights_file(tmp_path / "a.weights.h5", **recurrent)
    assert read_checkpoint(path).status == "sound"
    path = _weights_file(tmp_path / "b.weights.h5", kernel=np.zeros((2, 6)), bias=np.ones(6))
    assert read_checkpoint(path).status == "suspect"
