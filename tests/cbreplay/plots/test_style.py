"""One look for all figures."""

from __future__ import annotations

import matplotlib
import pytest

from cbreplay.plots import style


def test_a_run_looks_the_same_wherever_its_place_among_the_names_is_the_same() -> None:
    names = [f"r{n:02d}" for n in range(20)]
    looks = style.run_looks(reversed(names))
    assert looks == style.run_looks([*names, "r00"])
    assert len(set(looks.values())) == 20
    assert [looks[name][0] for name in names[:8]] == list(style.RUN_COLOURS)
    assert {looks[name][1] for name in names[:8]} == {"-"}
    assert looks["r08"] == (style.RUN_COLOURS[0], "--")


@pytest.mark.parametrize("name", ["x" * 300, "W" * 60, "iiii", "a\nb", "$x$ and $y$", "日本語" * 40])
def test_text_is_cut_to_its_room(name) -> None:
    wide, narrow = style.fitted(name, 5, 10), style.fitted(name, 1, 10)
    assert "\n" not in wide
    assert len(narrow) <= len(wide)
    assert len(narrow) < 40
    assert wide.count("$") == wide.count(r"\$")


def test_ink_and_paper_follow_the_style() -> None:
    assert (style.ink(1), style.ink(0), style.ink(0.733)) == ("#000000", "#ffffff", "#444444")
    with matplotlib.rc_context({"figure.facecolor": "black", "text.color": "white", "font.size": 20}):
        assert (style.ink(1), style.ink(0)) == ("#ffffff", "#000000")
        assert style.points(8) == 16
    with matplotlib.rc_context({"figure.facecolor": "none"}):
        assert style.ink(0) == "#ffffff"
