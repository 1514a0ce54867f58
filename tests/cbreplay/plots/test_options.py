"""How figures are written: what can be asked for, what cannot, and the same bytes each time."""

from __future__ import annotations

import struct

import matplotlib
import pytest
from curves import plateau, run_of

import cbreplay as cb
from cbreplay.plots import FigureOptions, write_advice_figures, write_figures

STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def outcomes():
    runs = [run_of(plateau(wait), f"r{wait}", planned=None, seconds=7) for wait in (2, 9)]
    return [cb.replay(run, [cb.EarlyStopping(mode="min", patience=5), cb.ModelCheckpoint("m.h5")]) for run in runs]


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_every_format_has_the_same_bytes_each_time(tmp_path, kind) -> None:
    options = FigureOptions(kind, dpi=40, x_axis="time")
    advice = cb.tune([run_of(plateau(w), f"r{w}") for w in (2, 3, 4, 5, 7)], min_delta=[0, 0.1], compare=())
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_figures(outcomes(), folder, options=options)
        write_advice_figures(advice, outcomes(), folder, options=options)
    written = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(written) == 7
    for name in written:
        data = (tmp_path / "a" / name).read_bytes()
        assert data.startswith(STARTS[kind])
        assert data == (tmp_path / "b" / name).read_bytes(), name


def test_a_figure_has_the_size_and_resolution_that_were_asked_for(tmp_path) -> None:
    path = write_figures(outcomes(), tmp_path, options=FigureOptions(dpi=50, size=(6, 4)), each=False)[0]
    assert struct.unpack(">2I", path.read_bytes()[16:24]) == (300, 200)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"format": "jpg"}, "format 'jpg' is not known; there are: png, svg, pdf"),
        ({"x_axis": "step"}, "x axis 'step' is not known"),
        ({"dpi": 0}, "dpi 0 is not between 20 and 1200"),
        ({"dpi": 10**9}, "is not between"),
        ({"size": (0, 4)}, "too small: at least 3 by 2.5"),
        ({"size": (float("nan"), 4)}, "too small"),
        ({"size": (61, 4)}, "too large"),
        ({"size": (50, 4), "dpi": 1200}, "more than 32,767 pixels"),
        ({"style": "no-such-style"}, "no-such-style is neither a style file nor a style of matplotlib's"),
        ({"style": "https://example.org/a.mplstyle"}, "is neither a style file"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(given, sentence) -> None:
    with pytest.raises(cb.ParameterError, match=sentence):
        FigureOptions(**given)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"font.size: large-ish\n", "Could not convert 'large-ish'"),
        (b"no.such.setting: 1\n", "Bad key no.such.setting"),
        (b"just words\n", "Missing colon"),
        (b"\xff\xfe\x00binary\n", "is no style file of matplotlib's"),
    ],
)
def test_a_broken_style_file_is_named_and_nothing_is_logged(tmp_path, caplog, content, sentence) -> None:
    path = tmp_path / "own.mplstyle"
    path.write_bytes(content)
    with pytest.raises(cb.ParameterError, match=sentence) as raised:
        FigureOptions(style=path)
    assert str(path) in str(raised.value)
    assert caplog.text == ""


def test_a_style_changes_the_figure_and_nothing_else(tmp_path) -> None:
    path = tmp_path / "own.mplstyle"
    path.write_text("figure.facecolor: black\ntext.color: white\ntext.usetex: True\nbackend: TkAgg\nsvg.hashsalt: x\n")
    before = dict(matplotlib.rcParams.items())
    drawn = {
        style: write_figures(outcomes(), tmp_path / name, options=FigureOptions("svg", style=style), each=False)[0]
        for style, name in ((None, "plain"), (path, "own"), ("dark_background", "dark"))
    }
    assert len({file.read_bytes() for file in drawn.values()}) == 3
    assert before == dict(matplotlib.rcParams.items())
    with FigureOptions(style=path).applied():
        assert matplotlib.rcParams["text.usetex"] is False  # names from logs are never given to LaTeX
