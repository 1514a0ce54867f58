"""The options of figures, as a user gives them."""

from __future__ import annotations

import re
import struct

import pytest
from calling import run


def test_analyze_writes_the_format_size_and_axis_that_are_asked_for(tmp_path, samples) -> None:
    log, out = samples / "overfitting", tmp_path / "out"
    result = run("analyze", log, "--out", out, "--figure-size", "5x3", "--dpi", 40, "--figure-style", "ggplot")
    assert result.exit_code == 0
    assert struct.unpack(">2I", (out / "overview.png").read_bytes()[16:24]) == (200, 120)
    for kind in ("svg", "pdf"):
        assert run("analyze", log, "--out", out, "--figure-format", kind, "--x-axis", "time").exit_code == 0
    assert {path.suffix for path in out.iterdir()} == {".png", ".svg", ".pdf"}


def test_tune_takes_the_same_options(tmp_path, samples) -> None:
    result = run("tune", samples, "--out", tmp_path, "--figure-format", "svg", "--patience", "0..9", "--no-compare")
    assert result.exit_code == 0
    assert "tuning-map.svg" in result.stdout
    assert {path.suffix for path in tmp_path.iterdir()} == {".svg"}


def test_options_can_be_set_by_the_environment(tmp_path, samples) -> None:
    settings = {"CBREPLAY_FIGURE_FORMAT": "pdf"}
    assert run("analyze", samples / "csv_only", "--out", tmp_path, env=settings).exit_code == 0
    assert {path.suffix for path in tmp_path.iterdir()} == {".pdf"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--figure-size", "9"], "'9' is no size such as 9x4.5"),
        (["--figure-size", "axb"], "is no size"),
        (["--figure-size", "0x3"], "too small"),
        (["--dpi", "1"], "dpi 1 is not between"),
        (["--figure-style", "missing.mplstyle"], "missing.mplstyle is neither a style file"),
    ],
)
def test_what_cannot_be_ends_with_a_sentence_before_anything_is_read(tmp_path, samples, options, sentence) -> None:
    result = run("analyze", samples, "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert sentence in re.sub(r"\s+", " ", result.stderr)
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()
