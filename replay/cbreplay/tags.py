"""Which metric of Keras' ``logs`` a tag in an event file is, and on which axis its steps count."""

from __future__ import annotations

import re

#: Folders that hold the validation half of a run when a ``train`` folder lies beside them.
VALIDATION_FOLDERS = ("validation", "val", "valid", "eval", "test")

_OFF_AXIS = re.compile(r"^(batch_.*|evaluation_.*_vs_iterations)$")
_PREFIX = "epoch_"


def counts_epochs(tag: str) -> bool:
    """False for Keras' tags whose steps are batches or optimizer iterations."""
    return _OFF_AXIS.match(tag) is None


def is_iteration_tag(tag: str) -> bool:
    """Whether Keras writes the tag once an evaluation, its step being the number of optimizer steps so far."""
    return tag.startswith("evaluation_") and tag.endswith("_vs_iterations")


def is_keras_epoch_tag(tag: str) -> bool:
    """Whether Keras' TensorBoard callback writes the tag once an epoch, its step being the 0-based epoch."""
    return tag.startswith(_PREFIX)


def metric_name(writer: str, tag: str) -> str:
    """The name in Keras' ``logs`` of a tag that ``writer`` wrote ("" is the root of the run).

    ``epoch_loss`` of ``train`` is ``loss`` and that of ``validation`` is ``val_loss``; Keras itself takes
    the prefix ``val_`` off (``keras/src/callbacks/tensorboard.py``). Tags of further writers keep the name
    of their folder in front.
    """
    bare = tag[len(_PREFIX) :] if is_keras_epoch_tag(tag) else tag
    if writer in ("", "train"):
        return bare
    if writer in VALIDATION_FOLDERS:
        return bare if bare.startswith("val_") else "val_" + bare
    return f"{writer}/{tag}"
