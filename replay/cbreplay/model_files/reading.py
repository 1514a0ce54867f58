"""One file in, one :class:`Checkpoint` out: everything that can be known and checked without a framework.

To be called where a crash costs nothing; :class:`.isolation.IsolatedReader` is how everybody else calls it.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from ..files import open_regular
from ..text import first_line, plural, printable
from . import archive, hdf5, keras_layout, structure, suspicions
from .numbers import read_numbers
from .records import Checkpoint, Finding, Severity, Tensor
from .signature import end_of_hdf5, kind_of

#: Called with the weights of an open file that may be read.
Visit = Callable[[dict[str, h5py.Dataset]], None]

_HDF5_ERRORS = (OSError, KeyError, ValueError, RuntimeError, TypeError, MemoryError, OverflowError)
_ZIP_ERRORS = (*archive.ERRORS, ValueError)


@dataclass
class _Draft:
    """A checkpoint in the making."""

    file_bytes: int
    hdf5_bytes: int  #: of the HDF5 file, which lies inside of an archive or is the file itself
    contents: bool
    fingerprints: bool
    visit: Visit | None
    facts: dict[str, Any] = field(default_factory=dict)
    tensors: list[Tensor] = field(default_factory=list)
    loss_state: dict[int, float] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    config: keras_layout.Config | None = None

    def add(self, severity: Severity, what: str) -> None:
        self.findings.append(Finding(severity, what))


def read_checkpoint(
    path: Path, *, contents: bool = True, fingerprints: bool = False, visit: Visit | None = None
) -> Checkpoint:
    """Read and check a checkpoint file; what is wrong with it is in the result.

    Without ``contents`` no weight is read, only what the file says of itself. ``fingerprints`` asks for those of all
    weights, too. ``visit`` is called with the weights that may be read, by their paths, while the file is open. Raises
    OSError where the file cannot be opened or is no regular file.
    """
    with open_regular(path) as stream:
        status = os.fstat(stream.fileno())
        draft = _Draft(status.st_size, status.st_size, contents, fingerprints, visit)
        kind = kind_of(stream)
        if kind == "hdf5":
            _read_hdf5_file(path, stream, draft)
        elif kind == "zip":
            _read_archive(stream, draft)
        else:
            draft.add("damaged", f"not a checkpoint: {kind}")
    layout = draft.facts.pop("layout", "unknown")
    if draft.config is not None:
        draft.facts["code"] = draft.config.code
        draft.facts["optimizer"] = draft.config.optimizer or draft.facts.get("optimizer")
    return Checkpoint(
        path=str(path), bytes=status.st_size, modified=status.st_mtime, layout=layout,
        has_config=draft.config is not None, tensors=tuple(draft.tensors), findings=tuple(draft.findings),
        **draft.facts,
    )  # fmt: skip


def read_release(path: Path) -> str | None:
    """The ``keras_version`` that a model file carries, None where it has none or cannot be read as such a file.

    Nothing else is looked at. Raises OSError as :func:`read_checkpoint` does.
    """
    with open_regular(path) as stream:
        kind = kind_of(stream)
        try:
            if kind == "hdf5":
                with h5py.File(path, "r", locking=False) as file:
                    version = hdf5.text_attribute(file, "keras_version")
            elif kind == "zip":
                file_bytes = os.fstat(stream.fileno()).st_size
                archive.check_directory(stream, file_bytes)
                with zipfile.ZipFile(stream) as opened:
                    member = archive.member_info(opened, archive.METADATA)
                    text = "{}" if member is None else archive.read_text(opened, member, file_bytes)
                version = json.loads(text).get("keras_version")
            else:
                return None
        except (*_HDF5_ERRORS, *_ZIP_ERRORS, AttributeError, RecursionError):
            return None  # what is wrong with it is for the inventory to say
    return version if isinstance(version, str) and keras_layout.is_release(version) else None


def _read_hdf5_file(path: Path, stream: BinaryIO, draft: _Draft) -> None:
    end = end_of_hdf5(stream)
    draft.facts["layout"] = "hdf5"
    if end is None:
        draft.add("damaged", "its superblock is damaged")
        return
    if end > draft.file_bytes:
        missing = end - draft.file_bytes
        draft.add(
            "damaged", f"truncated: {plural(missing, 'byte')} of {end:,} are missing, as after a save that broke off"
        )
        return
    if end < draft.file_bytes:
        draft.add("suspect", f"{plural(draft.file_bytes - end, 'byte')} lie behind the end that it gives")
    _read_hdf5(str(path), draft)


def _read_hdf5(source: Any, draft: _Draft) -> None:
    try:
        file = h5py.File(source, "r", locking=False) if isinstance(source, str) else h5py.File(source, "r")
    except _HDF5_ERRORS as error:
        draft.add("damaged", f"the HDF5 library cannot open it: {_why(error)}")
        return
    with file:
        try:
            _read_open_hdf5(file, draft)
        except _HDF5_ERRORS as error:
            draft.add("damaged", f"the HDF5 library cannot read it: {_why(error)}")


def _read_open_hdf5(file: h5py.File, draft: _Draft) -> None:
    found = hdf5.walk(file)
    draft.findings += found.findings
    members = {path.split("/")[0] for path in (*found.groups, *found.datasets) if path}
    layout = keras_layout.layout_of(set(file.attrs), members)
    in_zip = draft.facts.get("layout") == "keras zip"
    if not in_zip:
        draft.facts["layout"] = layout
    _read_root_texts(found, draft, layout)
    try:
        draft.findings += structure.check_names(found, layout, draft.config)
    except _HDF5_ERRORS as error:
        draft.add("damaged", f"its lists of layers and weights cannot be read: {_why(error)}")
    _read_tensors(found, draft, layout)
    if layout == "hdf5":
        draft.add("suspect", "an HDF5 file, but not laid out as Keras does it: no model that is known here")
    optimizer = draft.config.optimizer if draft.config is not None and draft.config.optimizer else None
    draft.findings += structure.check_slots(draft.tensors, optimizer or draft.facts.get("optimizer"))
    draft.findings += structure.whole_numbers(draft.tensors)
    draft.findings += hdf5.unreadable_attributes(found)


def _read_root_texts(found: hdf5.Contents, draft: _Draft, layout: str) -> None:
    texts: dict[str, str | None] = {}
    for name in ("keras_version", "backend", "model_config", "training_config"):
        holder = found.file
        if layout == "h5 model" and name not in holder.attrs and "model_weights" in found.groups:
            holder = found.group("model_weights")
        try:
            texts[name] = hdf5.text_attribute(holder, name)
        except _HDF5_ERRORS as error:
            draft.add("damaged", f"the attribute {name} cannot be read: {_why(error)}")
    version = texts.get("keras_version")
    if version is not None and not keras_layout.is_release(version):
        draft.add("damaged", f"its keras_version is none: {printable(version, 40)}")
    elif version is not None:
        draft.facts["keras_version"] = version
    if texts.get("backend"):
        draft.facts["backend"] = printable(texts["backend"] or "", 40)
    if texts.get("model_config"):
        _take_config(draft, texts["model_config"] or "", texts.get("training_config"))
    elif layout == "h5 model":
        draft.add("note", "the model's configuration is not in it: only its weights can be loaded")


def _take_config(draft: _Draft, model: str, training: str | None = None) -> None:
    try:
        draft.config = keras_layout.read_config(model, training)
    except ValueError as error:
        draft.add("damaged", f"the model's configuration does not parse: {_why(error)}")
        return
    draft.facts["config"] = model
    draft.findings += draft.config.findings


def _read_tensors(found: hdf5.Contents, draft: _Draft, layout: str) -> None:
    budget = hdf5.Budget(draft.file_bytes)
    spans: dict[str, tuple[int, int]] = {}
    readable: list[str] = []
    for path in _in_file_order(found, draft):
        dataset = found.dataset(path)
        kind = hdf5.element_kind(dataset)
        shape = tuple(int(length) for length in dataset.shape or ())
        dtype = kind if kind == "bfloat16" else str(dataset.dtype)
        part = keras_layout.part_of(path, layout, dataset.dtype.kind in "iub")
        tensor = Tensor(path, shape, dtype, math.prod(shape) * dataset.dtype.itemsize, part)
        if kind is None:
            draft.tensors.append(tensor)
            if part in ("weights", "optimizer"):
                draft.add(
                    "suspect", f"{printable(path, 80)} holds no numbers ({printable(str(dataset.dtype), 40)}): not read"
                )
            continue
        problem = hdf5.objection(dataset, draft.file_bytes, budget)
        if problem is not None:
            draft.findings.append(problem)
            draft.tensors.append(tensor)
            continue
        readable.append(path)
        if (span := hdf5.span_of(dataset)) is not None:
            spans[path] = span
        draft.tensors.append(_read_tensor(tensor, dataset, draft, layout))
    draft.findings += hdf5.overlaps(spans, found.headers, draft.hdf5_bytes)
    if draft.visit is not None:
        weights = {tensor.name for tensor in draft.tensors if tensor.part == "weights"}
        draft.visit({path: found.dataset(path) for path in readable if path in weights})
    draft.facts.setdefault("optimizer", _optimizer_name(found, layout))
    _settle_iterations(draft)
    if draft.loss_state.get(1):
        draft.facts["loss"] = float(np.float32(draft.loss_state.get(0, 0.0)) / np.float32(draft.loss_state[1]))
    draft.findings += suspicions.of_all(draft.tensors, draft.findings, draft.contents)


def _in_file_order(found: hdf5.Contents, draft: _Draft) -> list[str]:
    """The paths of the datasets as their numbers lie in the file: read so, it is read from its begin to its end."""
    places = []
    for path in found.datasets:
        try:
            span = hdf5.span_of(found.dataset(path))
        except _HDF5_ERRORS as error:
            draft.add("damaged", f"{printable(path, 80)} cannot be opened: {_why(error)}")
        else:
            places.append((0 if span is None else span[0], path))
    return [path for _, path in sorted(places)]


def _read_tensor(tensor: Tensor, dataset: h5py.Dataset, draft: _Draft, layout: str) -> Tensor:
    is_count = keras_layout.is_iterations(tensor.name, layout) and dataset.dtype.kind in "iu"
    is_rate = keras_layout.is_learning_rate(tensor.name, layout) and dataset.dtype.kind == "f"
    place = keras_layout.loss_state_place(tensor.name, layout)
    single = tensor.elements == 1
    if not draft.contents and not (single and (is_count or is_rate or place is not None)):
        return tensor
    try:
        numbers = read_numbers(dataset, with_fingerprint=draft.fingerprints and tensor.part == "weights")
    except _HDF5_ERRORS as error:
        draft.add("damaged", f"{printable(tensor.name, 80)} cannot be read: {_why(error)}")
        return tensor
    if single and numbers.smallest is not None:
        if place is not None:
            draft.loss_state[place] = numbers.smallest
        if is_count and numbers.smallest >= 0:  # beside a wrapped optimizer's own count stands an unused one
            draft.facts["iterations"] = max(int(numbers.smallest), draft.facts.get("iterations", 0))
        elif is_rate:
            draft.facts["learning_rate"] = numbers.smallest or draft.facts.get("learning_rate")
    draft.findings += suspicions.of_numbers(tensor, dataset, numbers)
    return replace(
        tensor, smallest=numbers.smallest, largest=numbers.largest, nans=numbers.nans, infinities=numbers.infinities,
        zeros=numbers.zeros, fingerprint=numbers.fingerprint,
    )  # fmt: skip


def _settle_iterations(draft: _Draft) -> None:
    """The optimizer's count as Keras itself gives it: without the batches that one step took together."""
    if draft.facts.get("iterations") is None:
        return
    optimizers = {tensor.name.split("/")[0] for tensor in draft.tensors if tensor.part == "optimizer"}
    if len(optimizers) > 1:  # whose steps those of the training are nothing tells
        draft.facts["iterations_certain"] = False
    elif draft.config is not None and draft.config.optimizer is not None:
        draft.facts["iterations"] //= draft.config.accumulated_steps
    elif keras_layout.counts_may_be_accumulated(draft.facts["optimizer"], draft.tensors):
        draft.facts["iterations_certain"] = False


def _optimizer_name(found: hdf5.Contents, layout: str) -> str | None:
    if layout == "h5 model" and "optimizer_weights" in found.groups:
        below = [path.split("/")[1] for path in found.groups if path.count("/") == 1 and path.startswith("optimizer_w")]
        return keras_layout.bare_name(below[0]) if len(below) == 1 else None
    if layout != "weights.h5" or "optimizer/vars" not in found.groups:
        return None
    try:
        name = hdf5.text_attribute(found.group("optimizer/vars"), "name")
    except _HDF5_ERRORS:
        return None  # a name for people, nothing depends on it
    return printable(keras_layout.bare_name(name), 40) if name else None


def _read_archive(stream: BinaryIO, draft: _Draft) -> None:
    draft.facts["layout"] = "keras zip"
    try:
        if behind := archive.check_directory(stream, draft.file_bytes):
            draft.add("suspect", f"{plural(behind, 'byte')} lie behind the end of the archive")
        with zipfile.ZipFile(stream) as opened:
            _read_members(opened, stream, draft)
    except archive.NotReadError as error:
        draft.add("refused", str(error))
    except _ZIP_ERRORS as error:
        draft.add("damaged", f"the zip archive cannot be read: {_why(error)}")


def _read_members(opened: zipfile.ZipFile, stream: BinaryIO, draft: _Draft) -> None:
    for info in opened.infolist():
        if info.filename.startswith(("/", "\\")) or ".." in info.filename.replace("\\", "/").split("/"):
            draft.add("refused", f"a member would be unpacked outside of its folder: {printable(info.filename, 80)}")
    texts: dict[str, str | None] = {}
    for name in (archive.METADATA, archive.CONFIG):
        try:
            member = archive.member_info(opened, name)
            texts[name] = None if member is None else archive.read_text(opened, member, draft.file_bytes)
        except archive.NotReadError as error:
            draft.add("refused", str(error))
        except _ZIP_ERRORS as error:
            draft.add("damaged", f"the member {name} cannot be read: {_why(error)}")
        else:
            if member is None:
                draft.add("damaged", f"the member {name} is missing")
    _take_metadata(draft, texts.get(archive.METADATA))
    if texts.get(archive.CONFIG):
        _take_config(draft, texts[archive.CONFIG] or "")
    _read_weights_member(opened, stream, draft)
    for info in opened.infolist():
        if info.filename in (archive.METADATA, archive.CONFIG, archive.WEIGHTS) or not draft.contents:
            continue
        problem = archive.checks_out(opened, info, draft.file_bytes)
        if problem is not None:
            draft.add("refused" if problem.endswith("not read") else "damaged", problem)


def _take_metadata(draft: _Draft, text: str | None) -> None:
    if text is None:
        return
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    version = content.get("keras_version") if isinstance(content, dict) else None
    if not isinstance(version, str) or not keras_layout.is_release(version):
        draft.add("damaged", f"{archive.METADATA} does not parse")
        return
    draft.facts["keras_version"] = printable(version, 40)


def _read_weights_member(opened: zipfile.ZipFile, stream: BinaryIO, draft: _Draft) -> None:
    try:
        member = archive.member_info(opened, archive.WEIGHTS)
        if member is None:
            draft.add("damaged", f"the member {archive.WEIGHTS} is missing")
            return
        with archive.open_member(opened, member, stream, draft.file_bytes) as weights:
            end = end_of_hdf5(weights)  # type: ignore[arg-type]
            if end is None or end > member.file_size:
                draft.add("damaged", f"{archive.WEIGHTS} in it is truncated or no HDF5 file")
                return
            weights.seek(0)
            draft.hdf5_bytes = member.file_size
            _read_hdf5(weights, draft)
    except archive.NotReadError as error:
        draft.add("refused", str(error))
    except _ZIP_ERRORS as error:
        draft.add("damaged", f"the member {archive.WEIGHTS} cannot be read: {_why(error)}")


def _why(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return f"it would take more memory than a file of its size should ({type(error).__name__})"
    return first_line(error)
