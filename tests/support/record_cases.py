"""Records random runs of Keras' real callbacks, as cases that ``oracle.py`` compares with a replay.

    python tests/support/record_cases.py --out DIR --count N --seed S [--callback NAME ...] [--package tf_keras]
    python tests/support/record_cases.py --check FILE.jsonl.gz ... [--count N]

It needs Keras (3 with any backend, 2.x with TensorFlow, or tf_keras) and numpy, nothing else; it runs on Python 3.9
and later. The callback objects are the library's own. They are driven through its ``CallbackList``, in the order of
``fit``, on a tiny compiled model whose weights stand for the epoch that they stem from: ``save``, ``save_weights``,
``get_weights`` and ``set_weights`` only take notes. Endings that the library cannot save are found out by really
saving once with each.

``--check`` records the inputs of existing cases anew and prints where ``expect`` differs: the recorder's own test.
Cases of Keras 3 name the ``backend`` unless it is TensorFlow: NumPy compares otherwise than the others.
Without ``--callback`` a mixture of the callbacks in :data:`MIXTURE` is recorded; any pair ``A+B`` of the three
classes can be named.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import io
import json
import logging
import math
import os
import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

#: Callbacks and how often they come up.
MIXTURE = {"EarlyStopping": 40, "ModelCheckpoint": 34, "EarlyStopping+ModelCheckpoint": 16, "ReduceLROnPlateau": 10}

#: Whose ``best`` is told where there are several callbacks.
LEADING = ("EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint")

#: The metrics of the Keras 3 models by their names in the logs, as ``oracle.py`` describes them.
MODELS: dict[str, tuple[str, ...]] = {
    "none": (),
    "acc": ("accuracy",),
    "acc_str": ("acc",),
    "mae": ("mae",),
    "auc": ("auc",),
    "many": ("accuracy", "mae", "auc", "precision", "top5"),
    "custom": ("f1", "score"),
    "mse_r2": ("mse", "r2_score"),
    "two_out": ("out_a_accuracy", "out_b_mae", "accuracy", "mae"),
    "iou": ("mean_iou", "cosine"),
    "lossname": ("loss_extra",),
    "topk": ("top_k_categorical_accuracy", "sparse_categorical_crossentropy"),
}

#: Names on which Keras 2's rules for ``mode="auto"`` disagree with each other or with good sense.
NAMES = (
    "accuracy", "acc", "auc", "mae", "AUC", "Accuracy", "accuracy_1", "auc_1", "binary_accuracy", "face_loss", "vacc",
    "accelerated_loss", "acc_loss", "fmeasure", "fmeasure_macro", "my_auc", "prauc", "prauc_x", "out1_loss",
    "mean_iou", "f1", "top_k_categorical_accuracy", "balanced_acc", "lr", "perplexity", "pacc",
)  # fmt: skip

SOUND_FIELDS = (
    "{epoch}", "{epoch:02d}", "{epoch:03d}", "{epoch:>4}", "{epoch:x}", "{epoch:.1f}", "{{epoch}}", "{epoch!r:_>5}",
    "{epoch:02d}.{epoch:02d}", "{epoch:+}", "{epoch.real}", "{epoch:{epoch}d}", "{epoch:%}", "",
    "{KEY:.2f}", "{KEY:.1f}", "{KEY:.0f}", "{KEY}", "{KEY:.3e}", "{KEY:g}", "{KEY:+.2f}", "{KEY:08.3f}", "{KEY!r}",
    "{KEY!s:.4}", "{KEY:.2%}", "{KEY:,.2f}", "{KEY:.{epoch}f}", "{epoch:02d}-{KEY:.2f}", "{epoch}_{KEY:.1f}",
)  # fmt: skip
BROKEN_FIELDS = (
    "{}", "{0}", "{:d}", "{missing:.2f}", "{KEY:d}", "{KEY:s}", "{epoch:q}", "{epoch", "{epoch}}", "{epoch!z}",
    "{epoch.nothing}", "{epoch[0]}", "{KEY.nothing}", "{batch}", "{lr}", "{learning_rate:.5f}", "{monitor}",
    "{val_loss:d}", "{epoch:.1d}", "{KEY[0]}", "{epoch }", "{epoch:s}",
)  # fmt: skip
FOLDERS = ("", "", "", "m_", "w-", "ck/", "sub/deep/cp-", "d_{epoch}/", "run.")

FLOAT32_MAX = float(np.finfo(np.float32).max)
FLOAT32_TINY = float(np.finfo(np.float32).tiny)
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


# -- numbers ----------------------------------------------------------------------------------------------------------


def encoded(value: Any) -> Any:
    """A copy that JSON can hold: NaN and infinities as strings, numpy's numbers as Python's."""
    if isinstance(value, dict):
        return {key: encoded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encoded(item) for item in value]
    if isinstance(value, (bool, int, str)) or value is None:
        return value
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number


def decoded(value: Any) -> Any:
    """The opposite of :func:`encoded`."""
    if isinstance(value, dict):
        return {key: decoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decoded(item) for item in value]
    return _SPECIAL.get(value, value) if isinstance(value, str) else value


def as_float32(value: float) -> float:
    """The double that is nearest to ``value`` in float32."""
    with np.errstate(all="ignore"):
        return float(np.float32(value))


def nudged(value: float, ulps: int, single: bool) -> float:
    """``value`` moved by some units in the last place of float32 (``single``) or float64."""
    kind: Any = np.float32 if single else np.float64
    with np.errstate(all="ignore"):
        number = kind(value)
        for _ in range(abs(ulps)):
            number = np.nextafter(number, kind(math.inf if ulps > 0 else -math.inf))
    return float(number)


# -- the library ------------------------------------------------------------------------------------------------------


@dataclass
class Journal:
    """What happened to the model in one fit. Epochs are 0-based."""

    epoch: int = -1
    weights_epoch: int | None = None
    restored_epoch: int | None = None
    files: dict[str, int] = field(default_factory=dict)
    file_weights: dict[str, int | None] = field(default_factory=dict)
    writes: list[list[Any]] = field(default_factory=list)

    def write(self, name: str) -> None:
        """Note a file with the weights that the model holds now."""
        self.files.pop(name, None)
        self.files[name] = self.epoch
        self.file_weights[name] = self.weights_epoch
        self.writes.append([self.epoch, name])


@dataclass(frozen=True)
class EpochWeights:
    """Stands for a model's weights."""

    epoch: int | None


class _Ear(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


@contextmanager
def hearing() -> Iterator[list[str]]:
    """Collect the library's warnings, however it issues them; what depends on the clock or on numpy does not count."""
    heard: list[str] = []
    ear = _Ear(heard)
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl")]
    for logger in loggers:
        logger.addHandler(ear)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield heard
        finally:
            for logger in loggers:
                logger.removeHandler(ear)
            heard += [
                str(item.message)
                for item in caught
                if not issubclass(item.category, (DeprecationWarning, PendingDeprecationWarning, ResourceWarning))
                and " encountered in " not in str(item.message)
            ]
            heard[:] = [text for text in heard if "is slow compared to the batch time" not in text]


class Library:
    """An installed Keras: its classes, and models on which they can be driven."""

    def __init__(self, package: str) -> None:
        self.keras: Any = importlib.import_module(package)
        self.framework = package
        self.version = str(self.keras.__version__)
        self.is_3 = self.framework == "keras" and int(self.version.split(".")[0]) >= 3
        self.backend = str(self.keras.backend.backend()) if self.is_3 else "tensorflow"
        self.on_tensorflow = self.is_3 and self.backend == "tensorflow"
        # Keras 2.6 - 2.8 hand the class out only where it is defined.
        public = getattr(self.keras.callbacks, "CallbackList", None)
        self.callback_list: Any = public or importlib.import_module(f"{package}.callbacks").CallbackList
        self._models: dict[str, Any] = {}
        self._plain: Any = None
        self._save_errors: dict[tuple[str, bool, bool], Exception | None] = {}

    def model(self, kind: str) -> Any:
        """A compiled model with the metrics of that kind, to be told about with :meth:`intercept`."""
        if kind not in self._models:
            self._models[kind] = self._built(kind)
        return self._models[kind]

    def _built(self, kind: str) -> Any:
        keras = self.keras
        with hearing(), redirect_stdout(io.StringIO()):
            inputs = keras.layers.Input((2,))
            names = ["out_a", "out_b"] if kind == "two_out" else ["out"]
            outputs = [keras.layers.Dense(2, activation="sigmoid", name=name)(inputs) for name in names]
            model = keras.models.Model(inputs, outputs if len(outputs) > 1 else outputs[0])
            metrics: Any = self._metrics(kind) if self.is_3 else []
            model.compile(optimizer="sgd", loss="mse", metrics=metrics, run_eagerly=True)
            if self.is_3:  # metrics have names only once they are built
                target = np.array([[0.0, 1.0], [1.0, 0.0]], "float32")
                model.test_on_batch(np.ones((2, 2), "float32"), [target] * len(names) if len(names) > 1 else target)
        return model

    def _metrics(self, kind: str) -> Any:
        metrics = self.keras.metrics

        class Directionless(metrics.Metric):  # type: ignore[misc, name-defined]
            def update_state(self, *args: Any, **kwargs: Any) -> None: ...

            def result(self) -> float:
                return 0.0

        class SparseCategoricalCrossentropy(metrics.SparseCategoricalCrossentropy):  # type: ignore[misc, name-defined]
            def update_state(self, *args: Any, **kwargs: Any) -> None:
                """Take any target: the other metric of its model wants another kind."""

        table: dict[str, Callable[[], list[Any]]] = {
            "none": lambda: [],
            "acc": lambda: ["accuracy"],
            "acc_str": lambda: ["acc"],
            "mae": lambda: ["mae"],
            "auc": lambda: [metrics.AUC(name="auc")],
            "many": lambda: [
                "accuracy",
                "mae",
                metrics.AUC(name="auc"),
                metrics.Precision(name="precision"),
                metrics.TopKCategoricalAccuracy(k=2, name="top5"),
            ],
            "custom": lambda: [Directionless(name="f1"), Directionless(name="score")],
            "mse_r2": lambda: ["mse", metrics.R2Score(name="r2_score")],
            "two_out": lambda: [["accuracy"], ["mae"]],
            "iou": lambda: [metrics.MeanIoU(num_classes=2, name="mean_iou"), metrics.CosineSimilarity(name="cosine")],
            "lossname": lambda: [metrics.MeanAbsoluteError(name="loss_extra")],
            "topk": lambda: [
                metrics.TopKCategoricalAccuracy(k=2, name="top_k_categorical_accuracy"),
                SparseCategoricalCrossentropy(name="sparse_categorical_crossentropy"),
            ],
        }
        return table[kind]()

    def intercept(self, model: Any, journal: Journal, checkpoint: dict[str, Any]) -> None:
        """Make the model note what the callbacks do to it; ``checkpoint``: the arguments of ModelCheckpoint."""

        def save(filepath: Any, *args: Any, **kwargs: Any) -> None:
            name = os.fspath(filepath)
            error = self._save_error(name, checkpoint)
            if error is not None:
                raise error
            journal.write(name)

        def get_weights() -> EpochWeights:
            return EpochWeights(journal.weights_epoch)

        def set_weights(weights: Any) -> None:
            if not isinstance(weights, EpochWeights):
                type(model).set_weights(model, weights)  # raises what it raises for None
                return
            journal.weights_epoch = journal.restored_epoch = weights.epoch

        for function in (save, get_weights, set_weights):
            object.__setattr__(model, function.__name__, function)
        object.__setattr__(model, "save_weights", save)

    def _save_error(self, name: str, checkpoint: dict[str, Any]) -> Exception | None:
        key = (ending(name), bool(checkpoint.get("save_weights_only")), bool(checkpoint.get("save_best_only")))
        error = self._save_errors[key]
        if error is None:
            return None
        return type(error)(
            *(text.replace(f"probe{key[0]}", name) if isinstance(text, str) else text for text in error.args)
        )

    def learn_to_save(self, filepath: str, checkpoint: dict[str, Any]) -> None:
        """Find out, by really saving with a real ModelCheckpoint, whether names of this ending can be saved."""
        key = (ending(filepath), bool(checkpoint.get("save_weights_only")), bool(checkpoint.get("save_best_only")))
        if key in self._save_errors:
            return
        if self._plain is None:
            self._plain = self._built("none")
        self._save_errors[key] = None
        with hearing(), redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as folder:
            try:
                callback = self.keras.callbacks.ModelCheckpoint(
                    f"{folder}/probe{key[0]}",
                    monitor="loss",
                    mode="min",
                    save_weights_only=key[1],
                    save_best_only=key[2],
                )
            except Exception:
                return  # the constructor refuses by itself
            try:
                callback.set_model(self._plain)
                callback.on_train_begin({})
                callback.on_epoch_begin(0, {})
                callback.on_epoch_end(0, {"loss": 1.0})
            except Exception as error:
                error.args = tuple(
                    text.replace(f"{folder}/", "") if isinstance(text, str) else text for text in error.args
                )
                self._save_errors[key] = error

    def learning_rate(self, model: Any) -> float:
        """The optimizer's learning rate as a double."""
        rate = model.optimizer.learning_rate
        return float(self.keras.ops.convert_to_numpy(rate) if self.is_3 else self.keras.backend.get_value(rate))

    def can_compare(self, case: dict[str, Any]) -> bool:
        """Whether the backend can: TensorFlow raises above float32's range and takes subnormal numbers for 0."""
        if not self.on_tensorflow:
            return True
        plain = decoded([case["params"], case["logs"], case.get("logs2"), case.get("batch_logs")])
        numbers = {abs(number) for number in _floats(plain)}
        deltas = {abs(number) for number in _floats([_under(plain[0], "min_delta")])}
        moved = {abs(number + sign * delta) for number in numbers for delta in deltas for sign in (1, -1)}
        return all(
            not math.isfinite(number) or number == 0 or FLOAT32_TINY <= number <= FLOAT32_MAX
            for number in numbers | {as_float32(number) if number > 1 else number for number in moved}
        )


def _floats(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _floats(item)
    elif isinstance(value, float):
        yield value


def _under(value: Any, name: str) -> list[Any]:
    if not isinstance(value, dict):
        return []
    found = [float(value[name])] if name in value else []
    return found + [item for child in value.values() for item in _under(child, name)]


def ending(name: str) -> str:
    """The part of a file name from which Keras tells the format."""
    for known in (".weights.h5", ".keras", ".hdf5", ".h5", ".tf", ".ckpt"):
        if name.endswith(known):
            return known
    return ""


# -- recording --------------------------------------------------------------------------------------------------------


def record(library: Library, case: dict[str, Any]) -> dict[str, Any]:
    """What the library's callbacks do with the inputs of ``case``: the object under ``expect``."""
    names = case["callback"].split("+")
    given = decoded(case["params"] if len(names) > 1 else {case["callback"]: case["params"]})
    checkpoint = given.get("ModelCheckpoint", {})
    if "filepath" in checkpoint:
        library.learn_to_save(checkpoint["filepath"], checkpoint)
    model = library.model(case.get("model", "none") if library.is_3 else "none")
    with hearing() as heard, redirect_stdout(io.StringIO()):
        try:
            made = {name: getattr(library.keras.callbacks, name)(**given[name]) for name in case.get("order", names)}
        except Exception as error:
            expect = _told(Journal(), None, {})
            return {**expect, "error": _error(error, -1), "warned": False}
    if "lr" in case:
        model.optimizer.learning_rate = case["lr"]
    fits = [
        _fit(library, model, case, decoded(case[key]), made, checkpoint) for key in ("logs", "logs2") if key in case
    ]
    expect = {**fits[0], "ctor_warned": bool(heard)}
    if len(fits) > 1:
        expect["second_fit"] = fits[1]
    return expect


def _fit(
    library: Library,
    model: Any,
    case: dict[str, Any],
    logs: list[dict[str, Any]],
    callbacks: dict[str, Any],
    checkpoint: dict[str, Any],
) -> dict[str, Any]:
    journal = Journal()
    library.intercept(model, journal, checkpoint)
    batch_logs = decoded(case.get("batch_logs"))
    rates: list[float] = []
    failure: dict[str, Any] | None = None
    model.stop_training = False
    with hearing() as heard, redirect_stdout(io.StringIO()):
        try:
            listed = library.callback_list(
                list(callbacks.values()), add_history=False, add_progbar=False, model=model, verbose=0, epochs=len(logs)
            )
            listed.on_train_begin()
            for epoch, values in enumerate(logs):
                journal.epoch = journal.weights_epoch = epoch
                listed.on_epoch_begin(epoch)
                for batch, batch_values in enumerate(batch_logs[epoch] if batch_logs else []):
                    listed.on_train_batch_begin(batch)
                    listed.on_train_batch_end(batch, dict(batch_values))
                listed.on_epoch_end(epoch, dict(values))
                rates.append(library.learning_rate(model))
                if model.stop_training:
                    break
            listed.on_train_end()
        except Exception as error:
            failure = _error(error, journal.epoch)
    expect = _told(journal, journal.epoch if model.stop_training else None, callbacks)
    expect |= {"error": failure, "warned": bool(heard)}
    if "ReduceLROnPlateau" in callbacks:
        expect["lrs"] = rates  # those of the epochs that ended
    return expect


def _told(journal: Journal, stopped_epoch: int | None, callbacks: dict[str, Any]) -> dict[str, Any]:
    leading: Any = next((callbacks[name] for name in LEADING if name in callbacks), None)
    told = {
        "stopped_epoch": stopped_epoch,
        "best_epoch": getattr(leading, "best_epoch", None),
        "best": getattr(leading, "best", None),
        "restored_epoch": journal.restored_epoch,
        "files": journal.files,
        "writes": journal.writes,
    }
    if "EarlyStopping" in callbacks:
        told |= {"wait": leading.wait, "cb_stopped_epoch": leading.stopped_epoch}
    if len(callbacks) > 1:
        told["file_weights"] = journal.file_weights
        if "ModelCheckpoint" in callbacks:
            told["checkpoint_best"] = callbacks["ModelCheckpoint"].best
    return told


def _error(error: Exception, epoch: int) -> dict[str, Any]:
    return {"type": type(error).__name__, "message": str(error), "epoch": epoch}


# -- random inputs ----------------------------------------------------------------------------------------------------


class Inputs:
    """Random parameters and metric histories for a library."""

    def __init__(self, library: Library, seed: int) -> None:
        self.installed = library
        self.random = random.Random(f"{library.framework} {library.version} {seed}")

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self.random.random() < probability

    def case(self, callback: str) -> dict[str, Any]:
        """The inputs of one case, without ``expect``."""
        names = callback.split("+")
        case: dict[str, Any] = {
            "framework": self.installed.framework,
            "version": self.installed.version,
            "callback": callback,
        }
        if self.installed.backend != "tensorflow":
            case["backend"] = self.installed.backend
        if self.installed.is_3:
            case["model"] = self.random.choice(list(MODELS))
        if len(names) > 1:
            case["order"] = self.random.sample(names, len(names))
        keys = self._metric_names(case.get("model"))
        if len(names) > 1 and "ReduceLROnPlateau" in names:  # it adds the rate to the logs
            offered = [*keys, "learning_rate" if self.installed.is_3 else "lr"]
        else:
            offered = keys
        monitor = self._monitor(offered)
        delta = self._delta()
        length = self.random.choice((1, 2, 3, 5, 8, 8, 12, 12, 16, 24, 40))
        curve = self.curve(length, delta)
        params = {
            name: getattr(self, f"_{name}")(
                self._monitor(keys) if self.chance(0.15) else monitor, delta, curve, offered
            )
            for name in names
        }
        case["params"] = params if len(names) > 1 else params[callback]
        case["logs"] = self._logs(keys, monitor, curve)
        if type(params.get("ModelCheckpoint", {}).get("save_freq")) is int:
            case["batch_logs"] = self._batch_logs(length, keys, monitor, delta)
        elif self.chance(0.15):
            case["logs2"] = self._logs(keys, monitor, self.curve(self.random.choice((1, 3, 5, 8, 12)), delta))
        if "ReduceLROnPlateau" in names:
            case["lr"] = self.random.choice((0.1, 0.01, 0.001, 0.5, 1.0, 1e-05, 0.3))
        return {key: encoded(value) for key, value in case.items()}

    def _metric_names(self, model: str | None) -> list[str]:
        if model is not None:
            return list(MODELS[model])
        return self.random.sample(NAMES, self.random.choice((0, 1, 1, 2, 3)))

    def _monitor(self, keys: list[str]) -> str:
        options = ["val_loss", "loss"]
        options += [prefix + key for key in keys for prefix in ("", "val_", "val_")]
        if self.chance(0.06):
            options = ["nothing", "val_nothing", "learning_rate", "val_lr", "val_", "loss_", "val_val_loss", "fmeasure"]
        return self.random.choice(options)

    def _delta(self) -> float:
        pool = (0, 0, 0, 1e-07, 0.0001, 0.001, 0.005, 0.01, 0.03, 0.1, 0.1, 0.0625, 0.25, 0.5, 1.0, -0.01, -0.1, -0.25,
                1e-12, 0.3)  # fmt: skip
        return self.random.choice((math.nan, math.inf, 1e-45, 1e30)) if self.chance(0.02) else self.random.choice(pool)

    def curve(self, length: int, delta: float) -> list[float]:
        """A history with what makes decisions difficult: ties, exact boundaries, tiny steps, NaN, infinities."""
        pick = self.random
        scale = pick.choice((1.0,) * 12 + (100.0, 1e6, 1e16, 1e-6, 1e-3, 1e20, 1e-20, 1e37, 2e-38, -1.0, -1.0, -50.0))
        if not self.installed.on_tensorflow and self.chance(0.06):
            scale = pick.choice((1e-40, 1e-45, 3.4e38, 1e39, 1e300, 1e-310))
        single = self.chance(0.45)
        delta = abs(delta) if math.isfinite(delta) else 0.1
        kind = pick.choice(("boundary", "boundary", "boundary", "levels", "decay", "walk", "plateau", "tiny"))
        up = self.chance(0.4)
        value = pick.choice((1.0, 0.9, 0.3, 2.5, 0.1, 60.0, 0.0, -0.5, 0.6931471805599453)) * scale
        best, values = value, [value]
        for epoch in range(1, length):
            if kind == "levels":
                value = pick.choice((1.0, 0.9, 0.8, 0.5, 0.30000000000000004, 0.3, 0.0, -0.0)) * scale
            elif kind == "decay":
                value = (0.1 + 0.9 * math.exp(-epoch / 5) + 0.02 * pick.random()) * scale
            elif kind == "walk":
                value += pick.choice((-2, -1, -1, -1, 0, 1)) * pick.choice((delta, delta / 2, 0.01, 0.1)) * scale
            elif kind == "plateau":
                value = value if self.chance(0.75) else value - pick.choice((1, -1)) * pick.choice((0.1, delta)) * scale
            elif kind == "tiny":
                value = nudged(value, pick.choice((-3, -2, -1, -1, 0, 1, 2)), self.chance(0.5))
            else:
                towards = best + delta if up else best - delta
                towards = pick.choice((towards, towards, best, best - delta if up else best + delta))
                value = nudged(towards, pick.choice((-2, -1, -1, 0, 0, 0, 1, 1, 2)), self.chance(0.5))
                best = max(best, value) if up else min(best, value)
            values.append(value)
        if single:
            values = [as_float32(item) for item in values]
        elif self.chance(0.15):
            values = [round(item, 4) for item in values]
        return self._with_specials(values)

    def _with_specials(self, values: list[float]) -> list[float]:
        specials = (math.nan, math.nan, math.inf, -math.inf)
        if self.chance(0.10):
            values[0] = self.random.choice(specials)
        if self.chance(0.15):
            share = self.random.choice((0.1, 0.3, 0.8, 1.0))
            values = [self.random.choice(specials) if self.chance(share) else item for item in values]
        return values

    def _logs(self, keys: list[str], monitor: str, curve: list[float]) -> list[dict[str, Any]]:
        names = ["loss", "val_loss", *keys, *(f"val_{key}" for key in keys)]
        if self.chance(0.1):
            names.append(self.random.choice(("learning_rate", "lr", "nothing", "batch", "val_fmeasure")))
        columns: dict[str, list[Any]] = {name: self.curve(len(curve), 0.1) for name in names}
        if monitor in columns or self.chance(0.2):
            columns[monitor] = curve
        if self.chance(0.05):  # fit hands out floats alone, but callbacks may add what they like
            name = self.random.choice(list(columns))
            columns[name] = [self.random.choice((None, 0, 1, item, item)) for item in columns[name]]
        gaps = self._gaps(len(curve))
        return [
            {
                name: values[epoch]
                for name, values in columns.items()
                if not gaps[epoch] or not (name.startswith("val_") or name == monitor)
            }
            for epoch in range(len(curve))
        ]

    def _gaps(self, length: int) -> list[bool]:
        """In which epochs there is no validation."""
        kind = self.random.choice(("none",) * 12 + ("every", "every", "some", "first", "all"))
        period, first = self.random.choice((2, 3)), self.random.choice((1, 2, 4))
        return [
            kind == "all"
            or (kind == "every" and (epoch + 1) % period != 0)
            or (kind == "some" and self.chance(0.3))
            or (kind == "first" and epoch < first)
            for epoch in range(length)
        ]

    def _batch_logs(self, length: int, keys: list[str], monitor: str, delta: float) -> list[list[dict[str, Any]]]:
        usual = self.random.choice((1, 2, 3, 5))
        names = ["loss", *keys]
        result = []
        for _ in range(length):
            count = self.random.choice((1, 2, 4)) if self.chance(0.1) else usual
            columns = {name: self.curve(count, delta) for name in names}
            result.append([{name: values[batch] for name, values in columns.items()} for batch in range(count)])
        if monitor in names and self.chance(0.5):  # one history that goes on over the epochs
            long = self.curve(sum(map(len, result)), delta)
            for values in (values for batches in result for values in batches):
                values[monitor] = long.pop(0)
        return result

    def _mode(self) -> str:
        unknown = ("Min", "MAX", "none", "", "maximum", "best")
        return self.random.choice(unknown) if self.chance(0.04) else self.random.choice(("auto", "min", "max", "min"))

    def _near(self, curve: list[float]) -> float:
        """A number that decisions on ``curve`` hang on."""
        value = self.random.choice(curve)
        if self.chance(0.3):
            return self.random.choice((0.0, 0.5, 1.0, -1.0, 1e9, -1e9, math.nan, math.inf, -math.inf))
        return nudged(value, self.random.choice((-1, 0, 0, 0, 1)), self.chance(0.4))

    def _some(self, params: dict[str, Any], always: tuple[str, ...] = ()) -> dict[str, Any]:
        """Most of the arguments; the others keep their defaults."""
        return {name: value for name, value in params.items() if name in always or self.chance(0.85)}

    def _EarlyStopping(self, monitor: str, delta: float, curve: list[float], keys: list[str]) -> dict[str, Any]:  # noqa: N802
        pick = self.random
        params: dict[str, Any] = {
            "monitor": monitor,
            "min_delta": delta,
            "patience": pick.choice((0, 1, 1, 2, 2, 3, 5, 8)),
        }
        params["mode"] = self._mode()
        if self.chance(0.25):
            params["baseline"] = self._near(curve)
        if self.chance(0.6):
            params["restore_best_weights"] = self.chance(0.85)
        if self.chance(0.25):
            known = "start_from_epoch" in signature(self.installed.keras.callbacks.EarlyStopping).parameters
            params["start_from_epoch"] = pick.choice((1, 1, 2, 3, 5, 12, 0)[: 7 if known else 6])
        if self.chance(0.15):
            params["verbose"] = 1
        if self.chance(0.02):
            params["patience"] = pick.choice((-1, 2.5, 20))
        return self._some(params)

    def _ModelCheckpoint(self, monitor: str, delta: float, curve: list[float], keys: list[str]) -> dict[str, Any]:  # noqa: N802
        pick = self.random
        params: dict[str, Any] = {"monitor": monitor, "save_best_only": self.chance(0.75), "mode": self._mode()}
        params["save_weights_only"] = weights_only = self.chance(0.3)
        if self.chance(0.2):
            params["save_freq"] = pick.choice((1, 2, 3, 4, 5, 7, 10, 13, 0))
        elif self.chance(0.03):
            params["save_freq"] = pick.choice((2.0, "batch", "epochs"))
        if self.chance(0.2):
            params["initial_value_threshold"] = self._near(curve)
        if self.chance(0.15):
            params["verbose"] = 1
        if self.chance(0.02 if self.installed.is_3 else 0.12):
            params["period"] = pick.choice((2, 2, 3, 5, 0, 1)[: 5 if self.installed.is_3 else 6])
        params["filepath"] = self._template(keys, weights_only, "save_freq" in params)
        return self._some(params, always=("filepath", "save_freq", "save_weights_only"))

    def _template(self, keys: list[str], weights_only: bool, batches: bool) -> str:
        pick = self.random
        spec = pick.choice(BROKEN_FIELDS if self.chance(0.12) else SOUND_FIELDS)
        if batches and self.chance(0.6):
            spec = pick.choice(("{epoch}_{batch}", "b{epoch:02d}-{batch:03d}", "{batch}", "{batch}_{loss:.1f}"))
        key = pick.choice(["val_loss", "val_loss", "loss", *keys, *(f"val_{key}" for key in keys)])
        name = (pick.choice(FOLDERS) + spec.replace("KEY", "loss" if batches and self.chance(0.8) else key)) or "best"
        if self.installed.is_3 and not self.chance(0.06):
            usual: tuple[str, ...] = (".weights.h5",) if weights_only else (".keras", ".keras", ".keras", ".h5")
        else:
            usual = (".keras", ".h5", ".weights.h5", ".hdf5", ".tf", ".ckpt", "")
        return name + pick.choice(usual)

    def _ReduceLROnPlateau(self, monitor: str, delta: float, curve: list[float], keys: list[str]) -> dict[str, Any]:  # noqa: N802
        pick = self.random
        params: dict[str, Any] = {
            "monitor": monitor,
            "factor": pick.choice((0.1, 0.2, 0.5, 0.9, 0.3, 0.75)),
            "patience": pick.choice((0, 1, 1, 2, 3, 5)),
            "mode": self._mode(),
            "min_delta": delta,
            "cooldown": pick.choice((0, 0, 1, 2, 4)),
            "min_lr": pick.choice((0, 0, 0.01, 0.0001, 1e-06, 0.1, 0.02)),
        }
        if self.chance(0.15):
            params["verbose"] = 1
        if self.chance(0.03):
            params["factor"] = pick.choice((1.0, 1.5, 0.0, -0.5, 0.999999999))
        return self._some(params)


# -- command line -----------------------------------------------------------------------------------------------------


def record_random(library: Library, arguments: argparse.Namespace) -> None:
    """Write ``--count`` random cases to a file in ``--out``."""
    inputs = Inputs(library, arguments.seed)
    names = arguments.callback or list(MIXTURE)
    weights = [MIXTURE.get(name, 10) for name in names]
    arguments.out.mkdir(parents=True, exist_ok=True)
    target = arguments.out / f"{library.framework}-{library.version}-{arguments.seed}.jsonl.gz"
    tally: Counter[str] = Counter()
    with gzip.open(target, "wt", encoding="utf-8") as lines:
        while sum(tally.values()) < arguments.count:
            case = inputs.case(inputs.random.choices(names, weights)[0])
            if not library.can_compare(case):
                continue
            number = sum(tally.values())
            case = {"id": f"{library.framework}-{library.version}-s{arguments.seed}-{number:05d}", **case}
            case["expect"] = encoded(record(library, case))
            case["harness"] = "library"
            lines.write(json.dumps(case, allow_nan=False) + "\n")
            tally[case["callback"]] += 1
    print(f"{target}: {dict(sorted(tally.items()))}")


def check(library: Library, arguments: argparse.Namespace) -> bool:
    """Record existing cases anew; whether all came out as they were."""
    total, different = 0, 0
    for path in arguments.check:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                case = json.loads(line)
                if total >= arguments.count:
                    break
                if arguments.callback and case["callback"] not in arguments.callback:
                    continue
                if not library.can_compare(case):
                    continue
                total += 1
                now, before = encoded(record(library, case)), case["expect"]
                fields = sorted(key for key in {*now, *before} if now.get(key, "-") != before.get(key, "-"))
                different += bool(fields)
                for key in fields:
                    print(f"{case['id']}: {key} {now.get(key, '-')!r} instead of {before.get(key, '-')!r}")
    print(f"{library.framework} {library.version}: {total} cases recorded anew, {different} came out differently")
    return different == 0


def main() -> int:
    """Record or check, in a folder that is thrown away: Keras creates the folders of checkpoints itself."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, help="folder for the cases")
    parser.add_argument("--count", type=int, default=1000, help="how many cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--callback", nargs="+", metavar="NAME", help="a class, or two joined by +")
    parser.add_argument("--package", default="keras", choices=("keras", "tf_keras"))
    parser.add_argument("--check", type=Path, nargs="+", metavar="FILE", help="record existing cases anew")
    arguments = parser.parse_args()
    if (arguments.out is None) == (arguments.check is None):
        parser.error("give either --out or --check")
    if arguments.out is not None:
        arguments.out = arguments.out.resolve()
    arguments.check = [path.resolve() for path in arguments.check or []]
    library = Library(arguments.package)
    start = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            if arguments.out is None:
                return 0 if check(library, arguments) else 1
            record_random(library, arguments)
        finally:
            os.chdir(start)
    return 0


if __name__ == "__main__":
    sys.exit(main())
