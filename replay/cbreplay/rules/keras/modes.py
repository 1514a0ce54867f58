"""Whether a monitor is to be minimised or maximised: ``mode="auto"`` in every generation."""

from __future__ import annotations

import re

from ...errors import CallbackValueError, ParameterError
from ..base import Setting, SimulatedTraining

#: Keras 3's built-in metrics and their ``_direction`` (3.15.1); for models that are not known.
_DIRECTIONS = {
    **dict.fromkeys(
        ("accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "acc",
         "top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy", "auc", "precision", "recall",
         "precision_at_recall", "recall_at_precision", "sensitivity_at_specificity",
         "specificity_at_sensitivity", "f1_score", "fbeta_score", "binary_io_u", "io_u", "mean_io_u",
         "one_hot_io_u", "one_hot_mean_io_u", "cosine_similarity", "r2_score", "pearson_correlation",
         "concordance_correlation"),
        "up",
    ),
    **dict.fromkeys(
        ("mean_squared_error", "mse", "mean_absolute_error", "mae", "mean_absolute_percentage_error", "mape",
         "mean_squared_logarithmic_error", "msle", "root_mean_squared_error", "logcosh", "hinge",
         "squared_hinge", "categorical_hinge", "binary_crossentropy", "bce", "categorical_crossentropy",
         "sparse_categorical_crossentropy", "kl_divergence", "poisson"),
        "down",
    ),
}  # fmt: skip


def maximizes_by_name(rule: str, monitor: str) -> bool:
    """The rules of Keras 1 and 2, which look at the monitor's name alone."""
    if rule == "suffix":
        return monitor.endswith(("acc", "accuracy", "auc"))
    return "acc" in monitor or (rule == "acc_or_fmeasure" and monitor.startswith("fmeasure"))


def maximizes_by_metric(owner: str, monitor: str, setting: Setting, training: SimulatedTraining) -> bool:
    """Keras 3's rule: ask the model's compiled metrics, by the name without ``val_``.

    Raises what Keras raises where it cannot tell, and :class:`ParameterError` where the model is not known
    and the name is not one of Keras' own metrics.
    """
    name = monitor.removeprefix("val_")
    compiled = setting.compiled_metrics
    if compiled is None:
        if name == "loss":
            return False
        direction = _DIRECTIONS.get(re.sub(r"_\d+$", "", name))
        if direction is None:
            raise ParameterError(
                f"whether {monitor!r} is to be minimised or maximised depends on the model's metrics, "
                "which a log does not hold: give mode='min' or mode='max' (--mode)"
            )
        training.note(
            f"mode of {monitor!r} taken from its name ({'max' if direction == 'up' else 'min'}): Keras 3 asks the model"
        )
        return direction == "up"
    found = compiled.get(name)
    if found is not None:
        return found == "up"
    if name == "loss":
        return False
    raise CallbackValueError(
        f"{owner} callback received monitor={monitor}, but Keras isn't able to automatically determine whether "
        "that metric should be maximized or minimized. Pass `mode='max'` in order to monitor based on the "
        "highest metric value, or pass `mode='min'` in order to use the lowest value.",
        epoch=training.epoch,
    )
