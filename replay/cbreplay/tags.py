"""Which metric of Keras' ``logs`` a tag in an event file is, and on which axis its steps count."""

from __future__ import annotations

import re

#: Folders that hold the training half of a run; CatBoost calls it ``learn``.
TRAIN_FOLDERS = ("train", "learn")

#: Folders that hold the validation half of a run when a training half lies beside them.
VALIDATION_FOLDERS = ("validation", "val", "valid", "eval", "test")

_OFF_AXIS = re.compile(r"^(batch_.*|evaluation_.*_vs_iterations|hparam/.*|hp_metric)$")
_STEPWISE = re.compile(r"(^|[/_\-. ])(steps?|batch|batches|iters?|iterations?)([/_\-. ]|$)", re.IGNORECASE)
_PREFIX = "epoch_"
_RAY_PREFIX = "ray/tune/"


def counts_epochs(tag: str) -> bool:
    """False for tags whose steps are batches or optimizer iterations, and for hyper-parameters."""
    return _OFF_AXIS.match(tag) is None


def names_steps(tag: str) -> bool:
    """Whether a name speaks of steps, batches or iterations (``Loss/train_step``)."""
    return _STEPWISE.search(tag) is not None


def is_iteration_tag(tag: str) -> bool:
    """Whether Keras writes the tag once an evaluation, its step being the number of optimizer steps so far."""
    return tag.startswith("evaluation_") and tag.endswith("_vs_iterations")


def is_keras_epoch_tag(tag: str) -> bool:
    """Whether Keras' TensorBoard callback writes the tag once an epoch, its step being the 0-based epoch."""
    return tag.startswith(_PREFIX)


def is_offshoot(writer: str, tags: set[str]) -> bool:
    """Whether a folder below a run is no run of its own: ``add_scalars`` of PyTorch, or hyper-parameters.

    ``add_scalars("losses", {"train": ...})`` writes the one tag ``losses`` into ``losses_train`` (torch) or
    ``losses/train`` (tensorboardX); ``add_hparams`` writes ``hparam/...`` tags.
    """
    if tags and all(tag.startswith("hparam/") for tag in tags):
        return True
    return len(tags) == 1 and _names_folder(writer, next(iter(tags)))


def _names_folder(writer: str, tag: str) -> bool:
    return writer != tag and (writer.startswith(f"{tag}/") or writer.startswith(tag.replace("/", "_") + "_"))


def metric_name(writer: str, tag: str) -> str:
    """The name in Keras' ``logs`` of a tag that ``writer`` wrote ("" is the root of the run).

    ``epoch_loss`` of ``train`` is ``loss`` and that of ``validation`` is ``val_loss``; Keras itself takes
    the prefix ``val_`` off (``keras/src/callbacks/tensorboard.py``). Ray Tune's prefix is taken off. Tags of
    further writers keep the name of their folder in front.
    """
    bare = tag[len(_PREFIX) :] if is_keras_epoch_tag(tag) else tag.removeprefix(_RAY_PREFIX)
    if writer == "" or writer in TRAIN_FOLDERS:
        return bare
    if writer in VALIDATION_FOLDERS:
        return bare if bare.startswith("val_") else "val_" + bare
    return writer if _names_folder(writer, tag) else f"{writer}/{tag}"
