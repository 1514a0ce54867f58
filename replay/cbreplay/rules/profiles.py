"""Profiles: whose rules, and which release's."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

from ..errors import UnknownProfileError
from ..run import ReleaseEvidence
from .keras.eras import (
    EARLY_STOPPING,
    MODEL_CHECKPOINT,
    REDUCE_LR,
    EarlyStoppingEra,
    ModelCheckpointEra,
    ReduceLROnPlateauEra,
    Version,
)

#: The newest release that was compared with the original; ``auto`` falls back on it.
NEWEST = "keras-3.15.1"

_PATTERN = re.compile(r"^(keras|tf_keras|tf\.keras|tensorflow)-(\d+(?:\.\d+)*)(?:\+(tensorflow|jax|torch|numpy))?$")
_Era = TypeVar("_Era")


@dataclass(frozen=True)
class Profile:
    """A framework's release and the eras of its callbacks. ``name`` is as it was asked for."""

    name: str
    early_stopping: EarlyStoppingEra
    model_checkpoint: ModelCheckpointEra
    reduce_lr: ReduceLROnPlateauEra
    has_raise_error: bool = False  #: of TerminateOnNaN
    hands_out_floats: bool = False  #: whole numbers in the logs reach callbacks as floats

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dict: the name and the codes of the eras."""
        return {
            "name": self.name,
            "early_stopping": self.early_stopping.code,
            "model_checkpoint": self.model_checkpoint.code,
            "reduce_lr_on_plateau": self.reduce_lr.code,
        }


@lru_cache(maxsize=256)
def resolve_profile(name: str) -> Profile:
    """The profile ``framework-version``: ``keras-3.15.1``, ``keras-2.9``, ``tf_keras-2.16``, ``tf.keras-2.3.0``.

    Any version works; it is resolved to its era. ``keras-3.15+numpy`` is Keras 3 on the NumPy backend, which
    compares in float64; on TensorFlow, JAX and PyTorch it compares in float32. Raises :class:`UnknownProfileError`.
    """
    match = _PATTERN.match(name.strip().lower())
    if match is None:
        raise UnknownProfileError(
            f"unknown profile {name!r}; write framework-version, e.g. keras-3.15, tf_keras-2.16, tf.keras-2.3"
        )
    framework = match[1].replace("tensorflow", "tf.keras")
    version = tuple(int(piece) for piece in match[2].split("."))
    if framework == "tf.keras" and version >= (2, 16):
        raise UnknownProfileError(f"{name}: TensorFlow 2.16 and later use Keras 3; name its release, e.g. keras-3.3")
    if framework == "tf.keras" and version >= (2, 6):
        framework = "keras"  # TensorFlow 2.6 - 2.15 hand out the keras package of the same number
    if match[3] and (framework != "keras" or version < (3,)):
        raise UnknownProfileError(f"{name}: only Keras 3 has backends")
    profile = Profile(
        name,
        _era(name, EARLY_STOPPING[framework], version),
        _era(name, MODEL_CHECKPOINT[framework], version),
        _era(name, REDUCE_LR[framework], version),
        has_raise_error=framework == "keras" and version >= (3, 13),
        hands_out_floats=framework == "keras" and version >= (3, 7),
    )
    return _in_float64(profile) if match[3] == "numpy" else profile


def _in_float64(profile: Profile) -> Profile:
    return replace(
        profile,
        early_stopping=replace(profile.early_stopping, compares_in_float32=False),
        model_checkpoint=replace(profile.model_checkpoint, compares_in_float32=False),
        reduce_lr=replace(profile.reduce_lr, compares_in_float32=False),
    )


def profile_for(name: str, evidence: ReleaseEvidence | None = None) -> tuple[Profile, str]:
    """The profile of that name, or for ``auto`` the one that the evidence points at, and the sentence that says why.

    Where the evidence leaves a range, the newest release in it; where there is none, the newest of all.
    """
    if name != "auto":
        profile = resolve_profile(name)
        newer = name.startswith("keras-") and _version(name)[:2] > _version(NEWEST)[:2]
        return profile, f"as given; newer than {NEWEST}, the newest that was compared" if newer else "as given"
    if evidence is None:
        return resolve_profile(NEWEST), "the newest, as nothing tells the release"
    if evidence.release is not None:
        try:
            return resolve_profile(evidence.release), evidence.sentence
        except UnknownProfileError:
            return resolve_profile(NEWEST), f"the newest, though {evidence.sentence}"
    newest = next((n for n in (NEWEST, "keras-3.13", "keras-2.15") if _within(n, evidence)), NEWEST)
    return resolve_profile(newest), f"{evidence.sentence}; the newest of those"


def other_profiles(taken: Profile, evidence: ReleaseEvidence | None) -> list[Profile]:
    """The generations that could have written a run besides ``taken``: Keras' own first, newest first.

    None where the release is known. Keras 1 counts only where the evidence leaves nothing else: it stops an epoch
    later than all others.
    """
    if evidence is not None and evidence.release is not None:
        return []
    others = [
        profile
        for profile in reversed(list_profiles())
        if _eras_of(profile) != _eras_of(taken) and _version(profile.name) >= (2,) and _within(profile.name, evidence)
    ]
    return sorted(others, key=lambda profile: not profile.name.startswith("keras-"))


def _eras_of(profile: Profile) -> tuple[str, str, str]:
    return profile.early_stopping.code, profile.model_checkpoint.code, profile.reduce_lr.code


def _version(name: str) -> Version:
    return tuple(int(piece) for piece in name.split("-")[-1].split("+")[0].split("."))


def _within(name: str, evidence: ReleaseEvidence | None) -> bool:
    if evidence is None:
        return True
    version = _version(name)
    return version >= evidence.first and (evidence.before is None or version < evidence.before)


def _era(name: str, eras: tuple[tuple[Version, _Era], ...], version: Version) -> _Era:
    for first, era in eras:
        if version >= first:
            return era
    oldest = ".".join(map(str, eras[-1][0]))
    raise UnknownProfileError(f"{name}: no rules are known before release {oldest}")


def list_profiles() -> list[Profile]:
    """A profile for each generation in which a decision differs, oldest first."""
    names = []
    for framework, eras in EARLY_STOPPING.items():
        firsts = {first for first, _ in eras} | {first for first, _ in MODEL_CHECKPOINT[framework]}
        oldest = max(eras[-1][0], MODEL_CHECKPOINT[framework][-1][0])
        names += [f"{framework}-{'.'.join(map(str, first))}" for first in sorted(firsts) if first >= oldest]
    return [resolve_profile(name) for name in names]
