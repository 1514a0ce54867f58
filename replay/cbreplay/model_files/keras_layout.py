"""How Keras lays a model out in HDF5, in every format: which array is what, and what has to be there.

Sources: ``keras/src/legacy/saving/legacy_h5_format.py`` (``h5 model``, ``h5 weights``; Keras 2:
``keras/src/saving/legacy/hdf5_format.py``) and ``keras/src/saving/saving_lib.py`` (``weights.h5``, also inside a zip).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..text import listed
from .records import Finding, Part, Tensor

_ITERATIONS = re.compile(r"(^|[/_])(iterations?|iter)(:0)?$")
_RATE = re.compile(r"(^|[/_])(learning_rate|lr)(:0)?$")
_NUMBERED = re.compile(r"_\d+$")
_RELEASE = re.compile(r"\d+(\.[0-9A-Za-z]+)*(-\w+)?")
_STATE = {"seed_generator", "metrics", "_metrics", "compile_metrics", "loss_tracker", "_loss_tracker"}
_WEIGHTED = {
    "BatchNormalization", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
    "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "EinsumDense", "Embedding", "GRU", "LSTM", "MultiHeadAttention",
    "SeparableConv1D", "SeparableConv2D", "SimpleRNN",
}  # fmt: skip
_SLOTS = dict.fromkeys(("adam", "adamw", "nadam", "adamax", "adadelta", "ftrl", "lamb"), 2)  # numbers for each weight


def layout_of(root_attributes: set[str], root_members: set[str]) -> str:
    """The layout that an HDF5 file has, by what lies at its root."""
    if "model_weights" in root_members or "model_config" in root_attributes:
        return "h5 model"
    if root_attributes & {"layer_names", "layer_names0"}:
        return "h5 weights"
    if root_members & {"layers", "_layer_checkpoint_dependencies", "vars", "optimizer"}:
        return "weights.h5"
    return "hdf5"


def part_of(path: str, layout: str, is_integer: bool) -> Part:
    """What the array at ``path`` belongs to."""
    pieces = path.split("/")
    if layout == "h5 model":
        return {"model_weights": "weights", "optimizer_weights": "optimizer"}.get(pieces[0], "other")  # type: ignore[return-value]
    if layout == "h5 weights":
        return "weights"
    if layout == "weights.h5":
        if pieces[0].endswith("optimizer"):
            return "optimizer"
        if _STATE & set(pieces) or pieces[0].endswith(("_tracker", "_metric", "_metrics")):
            return "state"
        return "weights" if "vars" in pieces else "other"
    return "other" if is_integer else "weights"


def is_iterations(path: str, layout: str) -> bool:
    """Whether the array at ``path`` is named as optimizers name the count of their steps."""
    if layout == "weights.h5":
        return path.split("/")[0].endswith("optimizer") and path.endswith("vars/0")
    return path.startswith("optimizer_weights/") and _ITERATIONS.search(path) is not None


def is_learning_rate(path: str, layout: str) -> bool:
    """Whether the array at ``path`` is named as optimizers name their learning rate."""
    if layout == "weights.h5":
        return path.split("/")[0].endswith("optimizer") and path.endswith("vars/1")
    return path.startswith("optimizer_weights/") and _RATE.search(path) is not None


def loss_state_place(path: str, layout: str) -> int | None:
    """0 for the sum and 1 for the count of the loss in the model's own metrics, None for every other array.

    Keras 2 saves the state of metrics with the weights: after a validation that is the validation's.
    """
    return {"metrics/mean/vars/0": 0, "metrics/mean/vars/1": 1}.get(path) if layout == "weights.h5" else None


def is_release(text: str) -> bool:
    """Whether a text is a release as Keras writes it: ``2.2.4-tf``, ``3.15.1``, ``3.0.0.dev2024``."""
    return _RELEASE.fullmatch(text) is not None


def bare_name(name: str) -> str:
    """A name without the number that Keras hangs on (``adam_15``)."""
    return _NUMBERED.sub("", name)


def counts_may_be_accumulated(optimizer: str | None, tensors: Iterable[Tensor]) -> bool:
    """Whether an optimizer keeps more for each weight than it needs: perhaps accumulated gradients.

    Then its count of steps may be one of batches (``keras/src/optimizers/base_optimizer.py``, ``iterations``).
    """
    tensors = list(tensors)
    weights = sum(tensor.elements for tensor in tensors if tensor.part == "weights")
    slots = sum(tensor.elements for tensor in tensors if tensor.part == "optimizer" and tensor.elements > 1)
    needed = _SLOTS.get((optimizer or "").lower().removeprefix("legacy_"), 1)
    return bool(weights) and slots > needed * weights


@dataclass(frozen=True)
class Config:
    """What a model's configuration tells. ``layers`` are the names at its top level, ``weighted`` those of them that
    cannot be without weights; ``is_nested`` tells whether one of them is a model.

    ``accumulated_steps`` is how many counts of the optimizer Keras 3 takes for one step (gradient accumulation).
    """

    class_name: str
    layers: tuple[str, ...]
    weighted: tuple[str, ...]
    is_nested: bool
    optimizer: str | None
    accumulated_steps: int
    code: tuple[str, ...]
    findings: tuple[Finding, ...]


def read_config(model: str, training: str | None = None) -> Config:
    """The configuration of a model as JSON text, and that of its training where it is a text of its own.

    Nothing is built from it. Raises ValueError where it is no model's configuration.
    """
    if not (model.isascii() and (training or "").isascii()):
        raise ValueError("it has bytes in it that Keras, which writes ASCII, does not write")
    content = _parse(model)
    inner = content.get("config")
    class_name = content.get("class_name")
    if not isinstance(class_name, str) or not isinstance(inner, (dict, list)):
        raise ValueError("it names no class with a config")
    described = inner.get("layers", []) if isinstance(inner, dict) else inner
    layers = [
        layer for layer in (described if isinstance(described, list) else [])
        if isinstance(layer, dict) and isinstance(layer.get("config"), dict)
    ]  # fmt: skip
    compiled = _parse(training) if training else content.get("compile_config")
    optimizer = None
    accumulated = 1
    if isinstance(compiled, dict):
        told = compiled.get("optimizer_config", compiled.get("optimizer"))
        optimizer = told.get("class_name") if isinstance(told, dict) else told if isinstance(told, str) else None
        for item in _objects(told):
            steps = item.get("gradient_accumulation_steps")
            accumulated = steps if isinstance(steps, int) and steps > 1 else accumulated
    code, own = _code_in(content)
    findings = []
    if code:
        findings.append(Finding("note", f"contains code, which is not run here: {listed(code)}"))
    if own:
        findings.append(Finding("note", f"needs classes of its author: {listed(own)}"))
    return Config(
        class_name=class_name,
        layers=tuple(str(layer["config"].get("name", "")) for layer in layers),
        weighted=tuple(str(layer["config"].get("name", "")) for layer in layers if _must_have_weights(layer)),
        is_nested=any("layers" in layer["config"] for layer in layers),
        optimizer=str(optimizer).rpartition(">")[2] if optimizer else None,
        accumulated_steps=accumulated,
        code=tuple(code),
        findings=tuple(findings),
    )


def _must_have_weights(layer: dict[str, Any]) -> bool:
    """Whether a layer, or one that is nested in it, is of a class that always has weights."""
    return any(item.get("class_name") in _WEIGHTED for item in _objects(layer))


def _parse(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    return content


def _code_in(config: Any) -> tuple[list[str], list[str]]:
    """Names of Lambda layers and pickled functions, and of classes that are registered by their author."""
    code: dict[str, None] = {}
    own: dict[str, None] = {}
    for item in _objects(config):
        class_name, inner = item.get("class_name"), item.get("config")
        if class_name == "Lambda":
            name = inner.get("name") if isinstance(inner, dict) else None
            code[f"Lambda layer {name}" if name else "Lambda layer"] = None
        elif class_name == "__lambda__":
            code.setdefault("a Python function as bytecode", None)
        registered = item.get("registered_name")
        if isinstance(registered, str) and ">" in registered and not registered.startswith(("keras", "builtins")):
            own[registered] = None
    return list(code), list(own)


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    pending = [config]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield item
            pending += item.values()
        elif isinstance(item, list):
            pending += item
