"""Figures beside pictures of how they are to look: everything but text, which no two releases of freetype draw alike.

After a change that is wanted, and looked at: python tests/cbreplay/plots/test_reference.py writes the pictures again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text
from matplotlib.ticker import NullFormatter

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

from curves import noisy, plateau, run_of

import cbreplay as cb
from cbreplay.plots import plot_comparison, plot_outcome, plot_survival, plot_sweep, style
from cbreplay.tuning import Survival

REFERENCE = Path(__file__).parent / "reference"
_TOLERANCE = 3.0  # root mean square over the pixels, of 255; a mark that is one epoch off makes more


def outcome(values, name="a", *, patience=3, planned="length", seconds=None):
    rules = [cb.EarlyStopping(mode="min", patience=patience, restore_best_weights=True),
             cb.ModelCheckpoint("m.h5", save_best_only=True)]  # fmt: skip
    return cb.replay(run_of(values, name, planned=planned, seconds=seconds), rules)


def several(count, **parameters):
    rng = np.random.default_rng(7)
    planned = (None, 25, 50)
    return [
        outcome(noisy(rng, length=20 + 3 * (n % 5)), f"r{n}", patience=2 + n % 6, planned=planned[n % 3], **parameters)
        for n in range(count)
    ]


def swept():
    runs = [run_of(plateau(wait)[: 60 - 40 * (wait == 7)], f"r{wait}", planned=60) for wait in (1, 2, 3, 4, 5, 7)]
    return cb.sweep(runs, mode="min", patience=range(12), min_delta=[0, 0.1, 0.6])


def survival():
    """By hand: what advice says of runs may change, how it is drawn does not with it."""
    steps = np.array([0, 10, 20, 30.0])
    logged = Survival("as logged", np.array([0, 60.0]), np.array([1.0, 0]), np.zeros(0))
    return [logged, Survival("patience 3", steps, np.array([1, 0.75, 0.5, 0.25]), np.array([15.0, 40]))]


def stopped(into, patience=3):
    return plot_outcome(outcome([3, 2, 1.5, 1, np.nan, 2, 2.5, 2.6, 2.8], patience=patience), into=into)


FIGURES = {
    "stopped": stopped,
    "undecided": lambda into: plot_outcome(outcome([9, 4, 2, 1, 0.05], planned=8), into=into),
    "time": lambda into: plot_outcome(outcome(plateau(2, length=20), seconds=600), into=into, x_axis="time"),
    "panels": lambda into: plot_comparison(several(4), into=into),
    "strips": lambda into: plot_comparison(several(20), into=into),
    "strips_time": lambda into: plot_comparison(several(20, seconds=60), into=into, x_axis="time"),
    "sweep": lambda into: plot_sweep(swept(), into=into),
    "survival": lambda into: plot_survival(survival(), into=into),
}


def picture(draw, path):
    """Draw without a word of text, so that neither letters nor the room that they take matter."""
    figure = draw(style.figure(5, 4))
    figure.set_layout_engine("none")
    for text in figure.findobj(Text):
        text.set_visible(False)
    for legend in figure.legends:
        legend.remove()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        axis.set_major_formatter(NullFormatter())
        axis.set_minor_formatter(NullFormatter())
    figure.savefig(path, dpi=60, metadata={"Software": None})
    return path


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_looks_like_its_picture(tmp_path, name) -> None:
    drawn = picture(FIGURES[name], tmp_path / f"{name}.png")
    assert compare_images(str(REFERENCE / f"{name}.png"), str(drawn), _TOLERANCE) is None


def test_a_stop_that_is_one_epoch_off_is_noticed(tmp_path) -> None:
    drawn = picture(lambda into: stopped(into, patience=4), tmp_path / "stopped.png")
    assert compare_images(str(REFERENCE / "stopped.png"), str(drawn), _TOLERANCE) is not None


if __name__ == "__main__":
    REFERENCE.mkdir(exist_ok=True)
    for name_, draw_ in FIGURES.items():
        print(picture(draw_, REFERENCE / f"{name_}.png"))
