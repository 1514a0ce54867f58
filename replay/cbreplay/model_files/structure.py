"""What has to be in a model file by its own word: lists of names, the configuration, the optimizer's slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ..text import listed
from . import hdf5
from .keras_layout import Config
from .records import Finding, Tensor

_BUILT = ("Sequential", "Functional", "Model")
_OTHER_SHAPES = ("adafactor", "muon", "shampoo")  # optimizers that do not keep an array of each weight's shape
_PAIRS = ("adam", "adamw", "nadam", "adamax")


def check_names(found: hdf5.Contents, layout: str, config: Config | None) -> list[Finding]:
    """Arrays that lists or numbers name and that are not there, and the other way round. Raises what h5py raises."""
    if layout == "weights.h5":
        return [*_check_numbers(set(found.datasets)), *_check_layers_of_archive(set(found.datasets), config)]
    if layout not in ("h5 model", "h5 weights"):
        return []
    base = "model_weights" if layout == "h5 model" else ""
    if base not in found.groups:
        return [Finding("damaged", "it has no group model_weights")]
    names = hdf5.names_attribute(found.group(base), "layer_names")
    if names is None:
        return [Finding("damaged", "the list of its layers (layer_names) is missing")]
    layers = {name: _weight_names(found, f"{base}/{name}" if base else name) for name in names}
    extra = "top_level_model_weights"
    if extra not in layers and (f"{base}/{extra}" if base else extra) in found.groups:
        layers[extra] = _weight_names(found, f"{base}/{extra}" if base else extra)
    findings = _check_lists(layers, base, set(found.datasets))
    if "optimizer_weights" in found.groups:
        listed_slots = _weight_names(found, "optimizer_weights")
        findings += _check_lists({"optimizer_weights": listed_slots}, "", set(found.datasets))
    return findings + _check_config(layers, config)


def _weight_names(found: hdf5.Contents, path: str) -> list[str] | None:
    return (hdf5.names_attribute(found.group(path), "weight_names") or []) if path in found.groups else None


def _check_lists(layers: Mapping[str, list[str] | None], base: str, datasets: set[str]) -> list[Finding]:
    prefix = f"{base}/" if base else ""
    named = {f"{prefix}{name}/{weight}" for name, weights in layers.items() for weight in weights or ()}
    absent = [f"{prefix}{name}" for name, weights in layers.items() if weights is None] + sorted(named - datasets)
    within = tuple(f"{prefix}{name}/" for name in layers) if len(layers) == 1 and not base else (prefix,)
    unnamed = sorted(path for path in datasets - named if path.startswith(within))
    findings = []
    if absent:
        findings.append(Finding("damaged", f"named in its lists, but not in the file: {listed(absent)}"))
    if unnamed:
        findings.append(Finding("damaged", f"in the file, but in none of its lists: {listed(unnamed)}"))
    return findings


def _check_config(layers: Mapping[str, list[str] | None], config: Config | None) -> list[Finding]:
    if config is None or config.class_name not in _BUILT or not config.layers:
        return []
    findings = []
    strangers = [name for name, weights in layers.items() if weights and name not in config.layers]
    strangers = [name for name in strangers if name != "top_level_model_weights"]
    if strangers:
        findings.append(
            Finding("damaged", f"has weights of layers that its configuration does not know: {listed(strangers)}")
        )
    bare = [name for name in config.weighted if not layers.get(name)]
    if bare:
        findings.append(Finding("damaged", f"has no weights of layers that must have some: {listed(bare)}"))
    return findings


def _check_layers_of_archive(datasets: set[str], config: Config | None) -> list[Finding]:
    """A ``weights.h5`` names layers by their classes: with the configuration beside it they can be counted."""
    if config is None or config.class_name not in _BUILT or config.is_nested:
        return []  # a layer that a nested model shares is stored once
    there = {path.split("/")[1] for path in datasets if path.startswith("layers/") and path.count("/") > 1}
    if len(there) >= len(config.weighted):
        return []
    told = f"has weights of {len(there)} layers, and its configuration {len(config.weighted)} that must have some"
    return [Finding("damaged", told)]


def _check_numbers(datasets: set[str]) -> list[Finding]:
    """Gaps in the numbered arrays (``vars/0``, ``vars/1``, ...) of a ``weights.h5`` file."""
    numbered: dict[str, set[int]] = {}
    strange = []
    for path in sorted(datasets):
        folder, _, name = path.rpartition("/")
        if folder.split("/")[-1] != "vars":
            continue
        if not name.isdecimal():
            strange.append(path)
        else:
            numbered.setdefault(folder, set()).add(int(name))
    gaps = [
        f"{folder}/{min(set(range(len(numbers))) - numbers)}"
        for folder, numbers in sorted(numbered.items())
        if numbers != set(range(len(numbers)))
    ]
    findings = []
    if strange:
        findings.append(Finding("damaged", f"among the numbered arrays, but without a number: {listed(strange)}"))
    if gaps:
        findings.append(Finding("damaged", f"missing among the numbered arrays: {listed(gaps)}"))
    return findings


def check_slots(tensors: Sequence[Tensor], optimizer: str | None) -> list[Finding]:
    """Arrays of the optimizer that have the shape of no weight, or an odd one where it keeps them in pairs."""
    name = (optimizer or "").lower()
    shapes = {tensor.shape for tensor in tensors if tensor.part == "weights"}
    own = [tensor for tensor in tensors if tensor.part == "optimizer"]
    slots = [tensor for tensor in own if tensor.elements > 1]
    alone = [tensor.name for tensor in slots if tensor.shape not in shapes]
    if alone and shapes and not name.startswith(_OTHER_SHAPES) and (name in _PAIRS or 4 * len(alone) <= len(slots)):
        return [Finding("damaged", f"the optimizer has numbers for weights that are not in the file: {listed(alone)}")]
    counts = Counter(tensor.shape for tensor in slots)
    if name in _PAIRS and any(count % 2 and count % 3 for count in counts.values()):
        return [Finding("damaged", "the optimizer keeps its arrays in pairs, and one is missing")]
    return []


def whole_numbers(tensors: Sequence[Tensor]) -> list[Finding]:
    """Tables of whole numbers where weights should be: a bit of a type has changed. Quantized ones have 8 bits."""
    weights = [tensor for tensor in tensors if tensor.part == "weights" and len(tensor.shape) >= 2]
    whole = [t.name for t in weights if t.dtype.startswith(("int", "uint")) and not t.dtype.endswith("int8")]
    if not whole:
        return []
    return [Finding("suspect", f"whole numbers where there should be weights: {listed(whole)}")]
