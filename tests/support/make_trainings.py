"""Train small models with a real Keras and record which checkpoint holds which epoch's weights: tests/data/trainings.

Run it in an environment with TensorFlow, once for Keras 3 and once for Keras 2, then pack the folder:

    python tests/support/make_trainings.py FOLDER
    tar -C FOLDER --sort=name -cJf tests/data/trainings.tar.xz .

Every scenario is a folder ``<framework>/<scenario>`` with ``tb/``, ``ckpt/`` and ``truth.json``: for each file the
epoch (0-based) that wrote it last (null: after training), whether in the middle of it, and [fit, epoch] of all
recorded weights that its own weights equal, found by loading the file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

IS_KERAS_2 = keras.__version__.startswith("2.")
NAME = "keras2" if IS_KERAS_2 else "keras3"
STEPS = 4


class Recorder(keras.callbacks.Callback):
    """The weights after each epoch (it stands first, so before anything is restored), and who wrote which file when."""

    def __init__(self, training: Training) -> None:
        super().__init__()
        self.training = training

    def on_train_begin(self, logs: Any = None) -> None:
        self.training.fit += 1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.training.scan(epoch - 1, False)
        self.training.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.training.scan(epoch, True)  # what is there before any other callback of this epoch's end
        self.training.weights[self.training.fit, epoch] = self.training.bytes_of(self.model)

    def on_train_end(self, logs: Any = None) -> None:
        self.training.scan(self.training.epoch, False)


class Training:
    """One folder: what was trained into it, and what is true of its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "ckpt").mkdir(parents=True)
        self.fit, self.epoch = -1, -1
        self.weights: dict[tuple[int, int], bytes] = {}
        self.seen: dict[str, int] = {}
        self.truth: dict[str, dict[str, Any]] = {}

    @staticmethod
    def bytes_of(model: Any) -> bytes:
        return b"".join(np.asarray(weight).tobytes() for weight in model.get_weights())

    def scan(self, epoch: int, mid_epoch: bool) -> None:
        """Note the files that were written since the last look."""
        for path in sorted((self.folder / "ckpt").iterdir()):
            changed = path.stat().st_mtime_ns
            if self.seen.get(path.name) != changed:
                self.seen[path.name] = changed
                self.truth[f"ckpt/{path.name}"] = {"written": epoch, "mid_epoch": mid_epoch, "fit": self.fit}

    def run(self, model: Any, epochs: int, callbacks: list[Any], histograms: int = 1, first: int = 0, lr: float = 0.01,
            seed: int = 0) -> None:  # fmt: skip
        keras.utils.set_random_seed(seed)
        x, y = data()
        model.compile(keras.optimizers.Adam(lr), "sparse_categorical_crossentropy", metrics=["accuracy"])
        board = keras.callbacks.TensorBoard(str(self.folder / "tb"), histogram_freq=histograms, write_graph=False)
        model.fit(
            x[:32], y[:32], validation_data=(x[32:], y[32:]), epochs=epochs, initial_epoch=first, batch_size=8,
            verbose=0, callbacks=[Recorder(self), *callbacks, board],
        )  # fmt: skip

    def finish(self, build: Any) -> None:
        """Load every file and write truth.json."""
        for path in sorted((self.folder / "ckpt").iterdir()):
            told = self.truth.setdefault(f"ckpt/{path.name}", {"written": None, "mid_epoch": False, "fit": self.fit})
            if path.name.endswith(".weights.h5"):
                model = build()
                model.load_weights(str(path))
            else:
                model = keras.models.load_model(str(path), compile=False)
            held = self.bytes_of(model)
            told["weights"] = [list(moment) for moment, weights in self.weights.items() if weights == held]
        self.write()

    def write(self) -> None:
        told = {"keras": keras.__version__, "steps_per_epoch": STEPS, "files": dict(sorted(self.truth.items()))}
        (self.folder / "truth.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def data() -> tuple[Any, Any]:
    """Forty examples of two classes that overlap, so that a small network overfits."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 40)
    return (random.normal(size=(40, 6)) + 0.7 * y[:, None]).astype("float32"), y


def dense() -> Any:
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(8, "relu"), layers.Dense(2, "softmax")]
    )


def frozen() -> Any:
    layers = keras.layers
    still = layers.Dense(8, "relu", trainable=False)
    return keras.Sequential([keras.Input((6,)), still, layers.BatchNormalization(), layers.Dense(2, "softmax")])


def saver(training: Training, name: str, **how: Any) -> Any:
    return keras.callbacks.ModelCheckpoint(str(training.folder / "ckpt" / name), **how)


def every_epoch(training: Training) -> Any:
    """Each epoch in each format."""
    training.run(dense(), 6, [
        saver(training, "ckpt-{epoch:02d}-{val_loss:.2f}.h5"), saver(training, "zip-{epoch:02d}.keras"),
        saver(training, "w-{epoch:02d}.weights.h5", save_weights_only=True),
    ])  # fmt: skip
    return dense


def restored(training: Training) -> Any:
    """Early stopping restores before ModelCheckpoint saves; the model is saved again after training."""
    model = dense()
    stop = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    training.run(model, 30, [stop, saver(training, "r-{epoch:02d}.h5")], lr=0.05)
    model.save(str(training.folder / "ckpt" / "final.h5"))
    return dense


def resumed(training: Training) -> Any:
    """A second fit from the last file, with a fresh ModelCheckpoint and too high a rate: the best is overwritten."""
    training.run(dense(), 5, [
        saver(training, "model_ckpt.h5", save_best_only=True), saver(training, "a-{epoch:02d}.h5"),
    ])  # fmt: skip
    model = keras.models.load_model(str(training.folder / "ckpt" / "a-04.h5"), compile=False)
    training.run(model, 6, [
        saver(training, "model_ckpt.h5", save_best_only=True), saver(training, "b-{epoch:02d}.h5"),
    ], first=4, lr=0.5, seed=1)  # fmt: skip
    return dense


def mid_epoch(training: Training) -> Any:
    """Saved every three batches of epochs of four."""
    training.run(dense(), 6, [saver(training, "b-{epoch:02d}-{batch}.h5", save_freq=3)])
    return dense


def swapped(training: Training) -> Any:
    """Two files have changed places, and one bears the name of an epoch that it is not of."""
    training.run(frozen(), 6, [saver(training, "ckpt-{epoch:02d}.h5")])
    folder = training.folder / "ckpt"
    one, other, held = folder / "ckpt-02.h5", folder / "ckpt-05.h5", folder / "held.h5"
    one.rename(held)
    other.rename(one)
    held.rename(other)
    told = training.truth
    told["ckpt/ckpt-02.h5"], told["ckpt/ckpt-05.h5"] = told["ckpt/ckpt-05.h5"], told["ckpt/ckpt-02.h5"]
    shutil.copy2(folder / "ckpt-03.h5", folder / "ckpt-04.h5")
    told["ckpt/ckpt-04.h5"] = dict(told["ckpt/ckpt-03.h5"])
    return frozen


def no_histograms(training: Training) -> Any:
    """Nothing but the optimizer's steps, names and times can tell."""
    training.run(dense(), 5, [
        saver(training, "n-{epoch:02d}.h5"), saver(training, "n-{epoch:02d}.weights.h5", save_weights_only=True),
    ], histograms=0)  # fmt: skip
    return dense


def every_second(training: Training) -> Any:
    """Histograms of every second epoch only."""
    training.run(dense(), 5, [saver(training, "ckpt-{epoch:02d}.h5")], histograms=2)
    return dense


def unchanged(training: Training) -> Any:
    """A rate of zero from the fourth epoch on."""
    rate = keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 if epoch < 3 else 0.0)
    training.run(dense(), 6, [rate, saver(training, "u-{epoch:02d}.h5")])
    return dense


def not_finite(training: Training) -> Any:
    """A rate that makes the weights NaN."""
    training.run(dense(), 4, [saver(training, "x-{epoch:02d}.h5")], lr=1e38)
    return dense


def siblings(folder: Path) -> None:
    """Two trainings of one architecture, and copies of their files in one folder under names that say nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    truth: dict[str, Any] = {}
    (folder / "models").mkdir(parents=True)
    for number, name in enumerate(("one", "two")):
        training = Training(folder / name)
        training.run(dense(), 4, [saver(training, "ckpt-{epoch:02d}.h5")], seed=number)
        training.finish(dense)
        for epoch in (2, 4):
            copy = f"models/model{epoch - number}.h5"
            shutil.copy2(folder / name / "ckpt" / f"ckpt-{epoch:02d}.h5", folder / copy)
            truth[copy] = {**training.truth[f"ckpt/ckpt-{epoch:02d}.h5"], "run": name}
        shutil.rmtree(folder / name / "ckpt")
        (folder / name / "truth.json").unlink()
    (folder / "truth.json").write_text(json.dumps({"keras": keras.__version__, "files": truth}, indent=1) + "\n")


SCENARIOS = (
    every_epoch, restored, resumed, mid_epoch, swapped, no_histograms, every_second, unchanged, not_finite,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder / NAME
    for scenario in SCENARIOS:
        training = Training(folder / scenario.__name__)
        training.finish(scenario(training))
        print(scenario.__name__, len(training.truth), "files", file=sys.stderr)
    siblings(folder / "siblings")


if __name__ == "__main__":
    main()
