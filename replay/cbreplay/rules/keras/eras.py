"""What differs between the generations of Keras' callbacks, as data.

Boundaries were found by comparing the classes of every release. An era's flags are the only thing that the
implementations in this package ask; no rule exists twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_ES_1 = ("monitor", "min_delta", "patience", "verbose", "mode")
_ES_BASELINE = (*_ES_1, "baseline")
_ES_RESTORE = (*_ES_BASELINE, "restore_best_weights")
_ES_START = (*_ES_RESTORE, "start_from_epoch")

_MC_1 = ("filepath", "monitor", "verbose", "save_best_only", "save_weights_only", "mode", "period")
_MC_FREQ = (*_MC_1, "save_freq")
_MC_OPTIONS = (*_MC_FREQ, "options")
_MC_THRESHOLD = (*_MC_OPTIONS, "initial_value_threshold")
_MC_3 = tuple(name for name in _MC_THRESHOLD if name not in ("period", "options"))


@dataclass(frozen=True)
class EarlyStoppingEra:
    """One generation of EarlyStopping; the defaults are those of the newest (Keras 3.15)."""

    code: str
    releases: str
    differs: str
    parameters: tuple[str, ...] = _ES_START
    mode_rule: str = "compiled"  #: acc_or_fmeasure | acc | suffix | compiled
    unknown_mode_crashes: bool = False
    missing_monitor_crashes: bool = False
    keeps_sign_of_min_delta: bool = False
    compares_in_float32: bool = True
    best_starts_at_baseline: bool = False
    first_value_is_best: bool = True  #: even NaN and infinity
    best_survives_fit: bool = False
    tests_wait_before_counting: bool = False
    improving_epoch_can_stop: bool = False
    never_stops_at_epoch_0: bool = True
    restores: str = "at_train_end"  #: never | when_stopping | at_train_end
    first_weights_are_fallback: bool = True
    fallback_sets_best_epoch: bool = True
    best_weights_survive_fit: bool = False
    has_best_epoch: bool = True
    resets_stopped_epoch: bool = True


@dataclass(frozen=True)
class ModelCheckpointEra:
    """One generation of ModelCheckpoint; the defaults are those of the newest (Keras 3.11 on)."""

    code: str
    releases: str
    differs: str
    parameters: tuple[str, ...] = _MC_3
    mode_rule: str = "compiled"  #: acc_or_fmeasure | compiled
    mode_resolved_at_epoch_end: bool = True
    compares_in_float32: bool = True
    first_value_is_best: bool = True
    saves_without_monitor: bool = True
    first_epoch_in_names: int = 1
    explains_format_errors: bool = True
    names_have_batch: bool = True
    endings: tuple[str, ...] | None = (".keras", ".h5")  #: of whole models; None: any
    best_only_fails_for_keras_zip: bool = False
    keras_zip_refuses_options: bool = False
    ignores_unknown_parameters: bool = False
    formats_python_floats: bool = True


_D4 = EarlyStoppingEra("D4", "Keras 3.15 on", "best is forgotten at the start of each fit again")
_D3 = replace(
    _D4, code="D3", releases="Keras 3.11 - 3.14", best_survives_fit=True,
    differs="as 3.7, but a second fit keeps the best of the first",
)  # fmt: skip
_D2 = replace(
    _D4, code="D2", releases="Keras 3.7 - 3.10",
    differs="the first value always counts as best, even NaN: nothing is better than that",
)  # fmt: skip
_D1 = replace(
    _D4, code="D1", releases="Keras 3.0 - 3.6", first_value_is_best=False, best_survives_fit=True,
    differs="compares in float32; restores at the end of training, stopped or not; "
    "auto mode from the compiled metrics; a second fit keeps the best of the first",
)  # fmt: skip
_C_PRIME = replace(
    _D1, code="C'", releases="tf_keras 2.16 on", mode_rule="suffix", compares_in_float32=False,
    best_survives_fit=False,
    differs="restores at the end of training, stopped or not",
)  # fmt: skip
_C = replace(
    _C_PRIME, code="C", releases="Keras 2.12 - 2.15", restores="when_stopping", fallback_sets_best_epoch=False,
    differs="an epoch that improves never stops training",
)  # fmt: skip
_B3 = replace(_C, code="B3", releases="Keras 2.11", improving_epoch_can_stop=True, differs="adds start_from_epoch")
_B2 = replace(
    _B3, code="B2", releases="Keras 2.7 - 2.10", parameters=_ES_RESTORE,
    differs="never stops at the first epoch; auto mode looks at the end of the name",
)  # fmt: skip
_B1 = replace(
    _B2, code="B1", releases="Keras 2.6", mode_rule="acc", never_stops_at_epoch_0=False, has_best_epoch=False,
    differs="a baseline only delays the reset of the wait; without an improvement the first weights are restored",
)  # fmt: skip
_A3 = replace(
    _B1, code="A3", releases="tf.keras 2.3 - 2.5", improving_epoch_can_stop=False, best_starts_at_baseline=True,
    first_weights_are_fallback=False, differs="min_delta loses its sign; best weights are forgotten per fit",
)  # fmt: skip
_A3_OLD = replace(
    _A3, code="A3-", releases="tf.keras 1.15 - 2.2", best_weights_survive_fit=True,
    differs="min_delta loses its sign",
)  # fmt: skip
_A2 = replace(
    _A3_OLD, code="A2", releases="Keras 2.2.3 - 2.3.1", keeps_sign_of_min_delta=True,
    differs="adds restore_best_weights (only when it stops)",
)  # fmt: skip
_A2_BASELINE = replace(
    _A2, code="A2-", releases="Keras 2.2.0 - 2.2.2", parameters=_ES_BASELINE, restores="never",
    differs="adds baseline: best starts there",
)  # fmt: skip
_A1 = replace(
    _A2_BASELINE, code="A1", releases="Keras 2.0 - 2.1", parameters=_ES_1,
    differs="counts the bad epoch before it looks at the patience; warns where the monitor is missing",
)  # fmt: skip
_A0 = replace(
    _A1, code="A0", releases="Keras 1", mode_rule="acc_or_fmeasure", unknown_mode_crashes=True,
    missing_monitor_crashes=True, tests_wait_before_counting=True, resets_stopped_epoch=False,
    differs="stops one bad epoch later than every later release; a missing monitor is a crash",
)  # fmt: skip

_M3_11 = ModelCheckpointEra(
    "M8",
    "Keras 3.11 on",
    "the first value is always saved, even NaN; compares in float32; auto mode from the compiled metrics",
)
_M3_10 = replace(
    _M3_11, code="M7", releases="Keras 3.10", mode_rule="acc_or_fmeasure", mode_resolved_at_epoch_end=False,
    compares_in_float32=False, first_value_is_best=False,
    differs="saves although save_best_only finds no monitor",
)  # fmt: skip
_M3_8 = replace(
    _M3_10,
    code="M6",
    releases="Keras 3.8 - 3.9",
    saves_without_monitor=False,
    differs="whole models may end in .h5",
)
_M3_0 = replace(
    _M3_8, code="M5", releases="Keras 3.0 - 3.7", endings=(".keras",),
    differs="whole models must end in .keras, weights in .weights.h5",
)  # fmt: skip
_M2_15 = replace(
    _M3_0, code="M4", releases="Keras 2.15, tf_keras", parameters=_MC_THRESHOLD, endings=None,
    keras_zip_refuses_options=True, ignores_unknown_parameters=True,
    differs=".keras files with save_best_only work again",
)  # fmt: skip
_M2_13 = replace(
    _M2_15, code="M3", releases="Keras 2.13 - 2.14", best_only_fails_for_keras_zip=True,
    differs=".keras files with save_best_only fail at the first save",
)  # fmt: skip
_M2_8 = replace(
    _M2_15, code="M2", releases="Keras 2.8 - 2.12", keras_zip_refuses_options=False,
    differs="adds initial_value_threshold",
)  # fmt: skip
_M2_6 = replace(
    _M2_8,
    code="M1",
    releases="Keras 2.6 - 2.7",
    parameters=_MC_OPTIONS,
    formats_python_floats=False,
    differs="{batch} in names",
)
_MTF = replace(
    _M2_6, code="M0+", releases="tf.keras 1.15 - 2.5", names_have_batch=False,
    differs="adds save_freq; a missing key in the name is explained",
)  # fmt: skip
_M2_0 = replace(
    _MTF, code="M0", releases="Keras 2.0 - 2.3.1", parameters=_MC_1, explains_format_errors=False,
    ignores_unknown_parameters=False, differs="{epoch} in names counts from 1",
)  # fmt: skip
_M1 = replace(_M2_0, code="M0-", releases="Keras 1", first_epoch_in_names=0, differs="{epoch} in names counts from 0")

_R_EPSILON = ("monitor", "factor", "patience", "verbose", "mode", "cooldown", "min_lr")
_R_DELTA = (*_R_EPSILON, "min_delta")


@dataclass(frozen=True)
class ReduceLROnPlateauEra:
    """One generation of ReduceLROnPlateau; the defaults are those of the newest (Keras 3.15)."""

    code: str
    releases: str
    differs: str
    parameters: tuple[str, ...] = _R_DELTA
    mode_rule: str = "compiled"  #: acc | compiled
    compares_in_float32: bool = True
    first_value_is_best: bool = True
    adds_delta_to_value: bool = True  #: else to the best, which rounds in another place, and with its sign
    best_survives_fit: bool = False
    log_key: str = "learning_rate"
    compares_rate_with_float32: bool = True
    tests_wait_before_counting: bool = False
    has_rate_epsilon: bool = False


_R3_15 = ReduceLROnPlateauEra("R6", "Keras 3.15 on", "best is forgotten at the start of each fit again")
_R3_11 = replace(
    _R3_15, code="R5", releases="Keras 3.11 - 3.14", best_survives_fit=True,
    differs="compares in float32; the first value is best, even NaN; a second fit keeps it",
)  # fmt: skip
_R3_0 = replace(
    _R3_15, code="R4", releases="Keras 3.0 - 3.10", mode_rule="acc", compares_in_float32=False,
    first_value_is_best=False, adds_delta_to_value=False, differs="logs learning_rate instead of lr",
)  # fmt: skip
_R2_6 = replace(
    _R3_0, code="R3", releases="Keras 2.6 - 2.15, tf_keras, tf.keras", log_key="lr",
    differs="holds the rate against min_lr as float32",
)  # fmt: skip
_R2_1_6 = replace(
    _R2_6, code="R2", releases="Keras 2.1.6 - 2.3.1", compares_rate_with_float32=False,
    differs="counts the bad epoch before it looks at the patience; min_delta instead of epsilon",
)  # fmt: skip
_R2_1_3 = replace(
    _R2_1_6, code="R1", releases="Keras 2.1.3 - 2.1.5", parameters=_R_EPSILON, tests_wait_before_counting=True,
    differs="reduces at every rate above min_lr",
)  # fmt: skip
_R1 = replace(
    _R2_1_3, code="R0", releases="Keras 1 - 2.1.2", has_rate_epsilon=True,
    differs="reduces one bad epoch later than from 2.1.6 on",
)  # fmt: skip

Version = tuple[int, ...]

#: (first release, era), newest first, per framework.
EARLY_STOPPING: dict[str, tuple[tuple[Version, EarlyStoppingEra], ...]] = {
    "keras": (
        ((3, 15), _D4), ((3, 11), _D3), ((3, 7), _D2), ((3, 0), _D1), ((2, 12), _C), ((2, 11), _B3),
        ((2, 7), _B2), ((2, 6), _B1), ((2, 4), _A3), ((2, 2, 3), _A2), ((2, 2), _A2_BASELINE), ((2, 0), _A1),
        ((1, 0), _A0),
    ),
    "tf_keras": (((2, 16), _C_PRIME), ((2, 15), _C)),
    "tf.keras": (((2, 3), _A3), ((1, 13), _A3_OLD)),
}  # fmt: skip
MODEL_CHECKPOINT: dict[str, tuple[tuple[Version, ModelCheckpointEra], ...]] = {
    "keras": (
        ((3, 11), _M3_11), ((3, 10), _M3_10), ((3, 8), _M3_8), ((3, 0), _M3_0), ((2, 15), _M2_15),
        ((2, 13), _M2_13), ((2, 8), _M2_8), ((2, 6), _M2_6), ((2, 4), _MTF), ((2, 0), _M2_0), ((1, 0), _M1),
    ),
    "tf_keras": (((2, 15), _M2_15),),
    "tf.keras": (((1, 13), _MTF),),
}  # fmt: skip
REDUCE_LR: dict[str, tuple[tuple[Version, ReduceLROnPlateauEra], ...]] = {
    "keras": (
        ((3, 15), _R3_15), ((3, 11), _R3_11), ((3, 0), _R3_0), ((2, 4), _R2_6), ((2, 1, 6), _R2_1_6),
        ((2, 1, 3), _R2_1_3), ((1, 0), _R1),
    ),
    "tf_keras": (((2, 15), _R2_6),),
    "tf.keras": (((1, 13), _R2_6),),
}  # fmt: skip
