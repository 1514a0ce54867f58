"""What is known of one checkpoint file: its tensors, what it says of itself, and what is wrong with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from ..fingerprints import Fingerprint

Part = Literal["weights", "optimizer", "state", "other"]
Severity = Literal["refused", "damaged", "suspect", "note"]
Status = Literal["sound", "suspect", "damaged", "refused"]


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    ``refused``: not read, as reading it would not be safe. ``damaged``: it cannot be what was written. ``suspect``:
    readable, but not to be used without a look (numbers that are not finite, layers of nothing but zeros). ``note``:
    nothing wrong.
    """

    severity: Severity
    what: str

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {"severity": self.severity, "what": self.what}


@dataclass(frozen=True)
class Tensor:
    """One array in a checkpoint. ``name`` is its path in the HDF5 file, ``bytes`` its size without compression.

    ``part`` says what it belongs to: ``weights``, ``optimizer``, ``state`` (seeds of random generators and other
    counters that no layer calls a weight) or ``other``. ``smallest`` and ``largest`` are None where it was not read or
    has no finite number; ``fingerprint`` is None for those, and for what has NaN or infinities in it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    part: Part
    smallest: float | None = None
    largest: float | None = None
    nans: int = 0
    infinities: int = 0
    zeros: int = 0
    fingerprint: Fingerprint | None = None

    @property
    def elements(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict; the fingerprint as ``[elements, smallest, largest, counts]``."""
        return {
            "name": self.name, "shape": list(self.shape), "dtype": self.dtype, "bytes": self.bytes, "part": self.part,
            "smallest": self.smallest, "largest": self.largest, "nans": self.nans, "infinities": self.infinities,
            "zeros": self.zeros, "fingerprint": None if self.fingerprint is None else self.fingerprint.to_list(),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Tensor:
        """The reverse of :meth:`to_dict`."""
        fingerprint = fields["fingerprint"]
        return cls(**{
            **fields, "shape": tuple(fields["shape"]),
            "fingerprint": None if fingerprint is None else Fingerprint.from_list(fingerprint),
        })  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint file as it lies on disk.

    ``bytes`` is its size, ``modified`` seconds since 1970. ``layout`` says how it is built: ``h5 model`` and
    ``h5 weights`` (what Keras calls legacy HDF5), ``weights.h5`` (Keras 3, and Keras 2 from 2.12 on), ``keras zip``,
    ``hdf5`` (somebody else's) or ``unknown``. ``parameters`` counts the numbers in the weights. ``iterations`` are the
    steps that the optimizer in it has made; they are not certain where it may have counted batches whose gradients it
    accumulated. What the file does not tell is None. ``loss`` is the mean
    that the model's own metrics held when it was saved (float32). ``config`` is the model's configuration as text,
    ``code`` names what in it is program code that loading the model would run.
    """

    path: str
    bytes: int
    modified: float
    layout: str
    keras_version: str | None = None
    backend: str | None = None
    has_config: bool = False
    optimizer: str | None = None
    iterations: int | None = None
    iterations_certain: bool = True
    learning_rate: float | None = None
    loss: float | None = None
    config: str | None = field(default=None, repr=False)
    code: tuple[str, ...] = ()
    tensors: tuple[Tensor, ...] = field(default=(), repr=False)
    findings: tuple[Finding, ...] = ()

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """The tensors that are the model's weights."""
        return tuple(tensor for tensor in self.tensors if tensor.part == "weights")

    @property
    def parameters(self) -> int | None:
        """The number of numbers in the weights; None where the file could not be read so far."""
        return sum(tensor.elements for tensor in self.weights) if self.weights else None

    @property
    def weights_only(self) -> bool:
        """Whether it holds weights without the model that they belong to."""
        return bool(self.weights) and not self.has_config

    @property
    def is_finite(self) -> bool | None:
        """Whether all weights are finite numbers; None where they could not be read."""
        if not self.weights or any(t.smallest is None and not t.nans and not t.infinities and t.elements
                                   for t in self.weights):  # fmt: skip
            return None
        return not any(tensor.nans or tensor.infinities for tensor in self.weights)

    @property
    def status(self) -> Status:
        """``sound``, or the worst of what was found."""
        found = {finding.severity for finding in self.findings}
        worst: tuple[Status, ...] = ("refused", "damaged", "suspect")
        return next((severity for severity in worst if severity in found), "sound")

    def problems(self) -> list[str]:
        """What was found, the worst first, without the notes."""
        worst_first = ("refused", "damaged", "suspect")
        return [f.what for severity in worst_first for f in self.findings if f.severity == severity]

    def to_dict(self, *, tensors: bool = False) -> dict[str, Any]:
        """A JSON-ready dict; the tensors only where they are asked for."""
        told = {
            "path": self.path, "bytes": self.bytes, "modified": self.modified, "layout": self.layout,
            "keras_version": self.keras_version, "backend": self.backend, "has_config": self.has_config,
            "weights_only": self.weights_only, "parameters": self.parameters, "finite": self.is_finite,
            "optimizer": self.optimizer, "iterations": self.iterations,
            "iterations_certain": self.iterations_certain, "learning_rate": self.learning_rate,
            "loss": self.loss,
            "code": list(self.code), "status": self.status, "findings": [item.to_dict() for item in self.findings],
        }  # fmt: skip
        return {**told, "tensors": [tensor.to_dict() for tensor in self.tensors]} if tensors else told

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Checkpoint:
        """The reverse of :meth:`to_dict` with its tensors; ``config``, which that leaves out, is taken where it is."""
        derived = ("status", "finite", "parameters", "weights_only")
        fields = {name: value for name, value in told.items() if name not in derived}
        return cls(**{
            **fields, "code": tuple(fields["code"]),
            "tensors": tuple(Tensor.from_dict(tensor) for tensor in fields["tensors"]),
            "findings": tuple(Finding(item["severity"], item["what"]) for item in fields["findings"]),
        })  # fmt: skip


@dataclass(frozen=True)
class Distance:
    """How far one tensor of a checkpoint is from that of another; None for one that has no counterpart.

    ``name`` and ``other_name`` are their paths, ``distance`` is the Euclidean norm of the difference, ``norm`` that
    of the first one, ``largest`` the largest difference of two numbers; ``changed`` counts the numbers that differ.
    """

    name: str | None
    other_name: str | None
    shape: tuple[int, ...]
    changed: int
    distance: float | None
    norm: float | None
    largest: float | None

    @property
    def relative(self) -> float | None:
        """``distance`` over ``norm``; infinite where that is zero and the other is not."""
        if self.distance is None or self.norm is None:
            return None
        return self.distance / self.norm if self.norm else (math.inf if self.distance else 0.0)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict with the fields of this record."""
        return {
            "name": self.name, "other_name": self.other_name, "shape": list(self.shape), "changed": self.changed,
            "distance": self.distance, "norm": self.norm, "largest": self.largest, "relative": self.relative,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Distance:
        """The reverse of :meth:`to_dict`."""
        return cls(**{**{k: v for k, v in fields.items() if k != "relative"}, "shape": tuple(fields["shape"])})
