"""Make the sample logs: five small real trainings and a record of each.

Every run trains a small dense Keras model on data that comes with
scikit-learn, inside a folder of its own which is the working folder of that
training, so the files are named exactly as the callbacks name them:

    stopped_early   the classic four callbacks; EarlyStopping stops the run
    ran_to_end      the classic four callbacks; EarlyStopping never fires
    overfitting     the same, with a patience that the run cannot use up
    name_template   a checkpoint name with {epoch} and {val_loss} in it, and
                    restore_best_weights=True
    csv_only        no callbacks at all; history.history saved with pandas

A watching callback, always last in the list and only reading, notes what
really happened after every epoch: the logs, the state of EarlyStopping and
ModelCheckpoint, and which checkpoint files were created or rewritten. The
notes go to what_happened.json beside this script.

Only the five run folders and what_happened.json are replaced. Usage:

    python sample_logs/make_samples.py
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

# Both must be set before TensorFlow is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import absl.logging
import h5py
import keras
import numpy as np
import pandas as pd
import sklearn
import tensorflow as tf
from keras.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, TensorBoard
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).resolve().parent
RECORD = HERE / "what_happened.json"
NOTE = (
    "Epoch numbers here are 0-based, as Keras counts them inside callbacks and as "
    "TensorBoard and CSVLogger write them. In checkpoint file names Keras puts "
    "epoch + 1. The state of a callback is the one it had after its on_epoch_end."
)


class Data(NamedTuple):
    """Training and validation arrays."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray


@dataclass(frozen=True)
class Plan:
    """What one run trains, and how."""

    dataset: str
    train_size: int
    val_size: int
    label_noise: float
    hidden: tuple[int, ...]
    dropout: float
    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    seed: int


class FileState(NamedTuple):
    """Enough of a file to tell whether it was written again."""

    mtime_ns: int
    size: int
    sha256: str


def classic_callbacks() -> list[keras.callbacks.Callback]:
    """The four callbacks of the classic example, in its order."""
    return [
        EarlyStopping(monitor="val_loss", mode="min", patience=5),
        ModelCheckpoint("model_ckpt.h5", monitor="val_loss", mode="min", save_best_only=True),
        TensorBoard(log_dir="logs", histogram_freq=1),
        CSVLogger("training.csv"),
    ]


def patient_callbacks() -> list[keras.callbacks.Callback]:
    """The classic four with a patience as long as the whole training."""
    return [
        EarlyStopping(monitor="val_loss", mode="min", patience=40),
        ModelCheckpoint("model_ckpt.h5", monitor="val_loss", mode="min", save_best_only=True),
        TensorBoard(log_dir="logs", histogram_freq=1),
        CSVLogger("training.csv"),
    ]


def template_callbacks() -> list[keras.callbacks.Callback]:
    """A checkpoint file per improvement, and the best weights put back."""
    return [
        EarlyStopping(monitor="val_loss", mode="min", patience=5, restore_best_weights=True),
        ModelCheckpoint("ckpt-{epoch:02d}-{val_loss:.2f}.h5", save_best_only=True),
        TensorBoard(log_dir="logs", histogram_freq=1),
        CSVLogger("training.csv"),
    ]


def no_callbacks() -> list[keras.callbacks.Callback]:
    """For the run that only keeps its history."""
    return []


RUNS: dict[str, tuple[Plan, Callable[[], list[keras.callbacks.Callback]]]] = {
    "stopped_early": (
        Plan(
            dataset="digits", train_size=600, val_size=300, label_noise=0.15,
            hidden=(32,), dropout=0.3, optimizer="adam", learning_rate=0.005,
            batch_size=16, epochs=60, seed=21,
        ),
        classic_callbacks,
    ),
    "ran_to_end": (
        Plan(
            dataset="digits", train_size=600, val_size=300, label_noise=0.10,
            hidden=(24,), dropout=0.5, optimizer="adam", learning_rate=0.002,
            batch_size=16, epochs=40, seed=6,
        ),
        classic_callbacks,
    ),
    "overfitting": (
        Plan(
            dataset="digits", train_size=200, val_size=300, label_noise=0.25,
            hidden=(48, 24), dropout=0.0, optimizer="adam", learning_rate=0.005,
            batch_size=16, epochs=40, seed=13,
        ),
        patient_callbacks,
    ),
    "name_template": (
        Plan(
            dataset="digits", train_size=400, val_size=300, label_noise=0.15,
            hidden=(24,), dropout=0.5, optimizer="adam", learning_rate=0.015,
            batch_size=16, epochs=40, seed=14,
        ),
        template_callbacks,
    ),
    "csv_only": (
        Plan(
            dataset="breast_cancer", train_size=250, val_size=200, label_noise=0.10,
            hidden=(16,), dropout=0.3, optimizer="adam", learning_rate=0.002,
            batch_size=16, epochs=40, seed=9,
        ),
        no_callbacks,
    ),
}  # fmt: skip


def load_data(plan: Plan) -> Data:
    """Split, scale and, by label noise, spoil the plan's data set."""
    bunch = load_digits() if plan.dataset == "digits" else load_breast_cancer()
    x_train, x_val, y_train, y_val = train_test_split(
        bunch.data.astype("float32"),
        bunch.target.astype("int32"),
        train_size=plan.train_size,
        test_size=plan.val_size,
        stratify=bunch.target,
        random_state=plan.seed,
    )
    if plan.dataset == "digits":
        x_train, x_val = x_train / 16, x_val / 16
    else:
        scaler = StandardScaler().fit(x_train)
        x_train, x_val = scaler.transform(x_train), scaler.transform(x_val)
    rng = np.random.default_rng(plan.seed)
    classes = len(bunch.target_names)

    def spoil(labels: np.ndarray) -> np.ndarray:
        wrong = rng.random(len(labels)) < plan.label_noise
        shift = rng.integers(1, classes, len(labels))
        return np.where(wrong, (labels + shift) % classes, labels).astype("int32")

    return Data(x_train, spoil(y_train), x_val, spoil(y_val))


def build_model(plan: Plan, data: Data) -> keras.Model:
    """A small dense classifier, compiled."""
    classes = int(data.y_train.max()) + 1
    binary = classes == 2
    layers: list[keras.Layer] = [keras.Input((data.x_train.shape[1],))]
    for width in plan.hidden:
        layers.append(keras.layers.Dense(width, activation="relu"))
        if plan.dropout:
            layers.append(keras.layers.Dropout(plan.dropout))
    if binary:
        layers.append(keras.layers.Dense(1, activation="sigmoid"))
    else:
        layers.append(keras.layers.Dense(classes, activation="softmax"))
    model = keras.Sequential(layers)
    optimizer = keras.optimizers.get(plan.optimizer)
    optimizer.learning_rate = plan.learning_rate
    model.compile(
        optimizer=optimizer,
        loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=False,
    )
    return model


def checkpoint_files() -> dict[str, FileState]:
    """The state of every checkpoint file in the working folder."""
    states = {}
    for path in sorted(Path().glob("*.h5")):
        stat = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        states[path.name] = FileState(stat.st_mtime_ns, stat.st_size, digest)
    return states


def same_weights(left: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> bool:
    """Whether two lists of weights are equal, bit for bit."""
    return len(left) == len(right) and all(map(np.array_equal, left, right))


class Watcher(keras.callbacks.Callback):
    """Notes what the callbacks before it did. It changes nothing itself.

    It must stand last in the list: each epoch's notes are then taken after all
    the watched callbacks have had their turn.
    """

    def __init__(self, watched: Sequence[keras.callbacks.Callback]) -> None:
        super().__init__()
        self.early_stopping = next((c for c in watched if isinstance(c, EarlyStopping)), None)
        self.checkpoint = next((c for c in watched if isinstance(c, ModelCheckpoint)), None)
        self.epochs: list[dict[str, Any]] = []
        self.weights: list[list[np.ndarray]] = []
        self._before: dict[str, FileState] = {}

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._before = checkpoint_files()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        after = checkpoint_files()
        note: dict[str, Any] = {
            "epoch": epoch,
            "logs": {name: float(value) for name, value in (logs or {}).items()},
        }
        if self.early_stopping is not None:
            note["early_stopping"] = {
                "wait": self.early_stopping.wait,
                "best": float(self.early_stopping.best),
                "best_epoch": self.early_stopping.best_epoch,
                "stop_training": bool(self.model.stop_training),
            }
        if self.checkpoint is not None:
            note["checkpoint"] = {
                "best": float(self.checkpoint.best),
                "created": sorted(after.keys() - self._before.keys()),
                "rewritten": sorted(
                    name for name in after.keys() & self._before.keys()
                    if after[name] != self._before[name]
                ),
                "removed": sorted(self._before.keys() - after.keys()),
            }  # fmt: skip
        self.epochs.append(note)
        self.weights.append([weight.copy() for weight in self.model.get_weights()])

    def epochs_with_weights(self, weights: Sequence[np.ndarray]) -> list[int]:
        """The epochs whose weights, at their end, were these."""
        return [n for n, kept in enumerate(self.weights) if same_weights(kept, weights)]

    def checkpoint_summary(self) -> dict[str, dict[str, Any]]:
        """For each checkpoint file: when it was written, and what it holds now."""
        summary = {}
        for name, state in checkpoint_files().items():
            saved = keras.models.load_model(name, compile=False)
            summary[name] = {
                "written_at_epochs": [
                    note["epoch"] for note in self.epochs
                    if name in note["checkpoint"]["created"] + note["checkpoint"]["rewritten"]
                ],
                "holds_weights_of_epochs": self.epochs_with_weights(saved.get_weights()),
                "size": state.size,
                "sha256": state.sha256,
            }  # fmt: skip
        return summary


def describe(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """A callback's class and the parameters that decide what it does."""
    names = {
        EarlyStopping: (
            "monitor", "mode", "min_delta", "patience", "baseline",
            "restore_best_weights", "start_from_epoch",
        ),
        ModelCheckpoint: (
            "filepath", "monitor", "mode", "save_best_only", "save_weights_only", "save_freq",
        ),
        TensorBoard: ("log_dir", "histogram_freq", "write_graph", "update_freq"),
        CSVLogger: ("filename", "append"),
    }[type(callback)]  # fmt: skip
    parameters = {name: getattr(callback, name) for name in names}
    if "min_delta" in parameters:  # Keras keeps it negated in 'min' mode.
        parameters["min_delta"] = abs(parameters["min_delta"])
    return {"class": type(callback).__name__, **parameters}


@contextlib.contextmanager
def fresh_folder(folder: Path) -> Iterator[None]:
    """Work inside a new, empty folder, then go back."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with contextlib.chdir(folder):
        yield


def train(plan: Plan, make_callbacks: Callable[[], list[keras.callbacks.Callback]]) -> dict[str, Any]:
    """Train once in the working folder and tell what happened."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(plan.seed)
    data = load_data(plan)
    model = build_model(plan, data)
    callbacks = make_callbacks()
    described = [describe(callback) for callback in callbacks]
    watcher = Watcher(callbacks)
    history = model.fit(
        data.x_train,
        data.y_train,
        validation_data=(data.x_val, data.y_val),
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        callbacks=[*callbacks, watcher],
        verbose=0,
    )
    if not callbacks:
        pd.DataFrame(history.history).to_csv("history.csv")
    shutil.rmtree("logs/train/plugins", ignore_errors=True)

    happened: dict[str, Any] = {
        "plan": {**asdict(plan), "parameters": model.count_params()},
        "callbacks": described,
        "epochs_run": len(history.epoch),
        "final_weights_equal_epochs": watcher.epochs_with_weights(model.get_weights()),
    }
    if watcher.early_stopping is not None:
        happened["early_stopping"] = {
            "stopped_epoch": watcher.early_stopping.stopped_epoch,
            "best": float(watcher.early_stopping.best),
            "best_epoch": watcher.early_stopping.best_epoch,
            "wait": watcher.early_stopping.wait,
        }
    if watcher.checkpoint is not None:
        happened["checkpoint_files"] = watcher.checkpoint_summary()
    happened["epochs"] = watcher.epochs
    return happened


def to_text(value: Any, indent: str = "", width: int = 420) -> str:
    """JSON with everything that fits the width on a line of its own."""
    line = json.dumps(value, allow_nan=False)
    if len(line) <= width or not isinstance(value, (dict, list)):
        return line
    inner = indent + " "
    if isinstance(value, dict):
        opening, closing = "{}"
        rows = [f"{json.dumps(key)}: {to_text(item, inner)}" for key, item in value.items()]
    else:
        opening, closing = "[]"
        rows = [to_text(item, inner) for item in value]
    body = ",\n".join(inner + row for row in rows)
    return f"{opening}\n{body}\n{indent}{closing}"


def main() -> None:
    """Make all five runs and write down what happened in them."""
    absl.logging.set_verbosity(absl.logging.ERROR)
    tf.config.experimental.enable_op_determinism()
    record: dict[str, Any] = {
        "note": NOTE,
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "h5py": h5py.__version__,
            "numpy": np.__version__,
            "pandas": pd.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "runs": {},
    }
    for name, (plan, make_callbacks) in RUNS.items():
        with fresh_folder(HERE / name):
            happened = train(plan, make_callbacks)
        record["runs"][name] = happened
        stopping = happened.get("early_stopping", {})
        print(
            f"{name}: {happened['epochs_run']} of {plan.epochs} epochs,",
            f"stopped_epoch {stopping.get('stopped_epoch')},",
            f"best_epoch {stopping.get('best_epoch')},",
            f"final weights of epoch {happened['final_weights_equal_epochs']}",
        )
    RECORD.write_text(to_text(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
