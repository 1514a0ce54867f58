"""What a notebook shows of runs, outcomes and advice: static, and nothing but text from names."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from curves import plateau, run_of
from writing import write_keras_run

import cbreplay as cb
from cbreplay.notebook import sparkline_points

TUNE = Path(__file__).parents[1] / "data" / "tune"


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.open.append(tag)
        self.seen.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_startendtag(self, tag, attrs) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


def checked(html: str) -> str:
    tags = _Tags(html)
    assert tags.open == []
    assert tags.seen <= {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td", "svg", "polyline"}
    return html


def test_runs_are_listed_with_their_curves(samples) -> None:
    html = checked(cb.load_runs(samples)._repr_html_())
    assert html.count("<svg") == 5
    assert "overfitting/logs" in html


def test_names_and_sentences_from_logs_are_text(tmp_path) -> None:
    write_keras_run(tmp_path / "<script>alert(1)<" / "script>", [1.0] * 3, [3.0, 2.0, 4.0])
    runs = cb.load_runs(tmp_path)
    outcome = cb.replay(runs[0], cb.EarlyStopping("val_<b>loss", mode="min"))
    for shown in (runs, outcome):
        assert "<script" not in checked(shown._repr_html_())
    assert "val_&lt;b&gt;loss" in outcome._repr_html_()


def test_an_outcome_tells_its_verdict_and_every_look() -> None:
    logs = [{"val_loss": value} for value in (3.0, 1.0, 2.0, 2.0)]
    html = checked(cb.replay(logs, [cb.EarlyStopping(patience=2), cb.ModelCheckpoint("a.h5")])._repr_html_())
    assert "stops at the end of epoch 4 of 4" in html
    assert "a.h5 from epoch 4" in html
    assert html.count("<tr>") == 5


def test_a_long_trace_is_cut() -> None:
    html = checked(cb.replay([{"val_loss": 1.0 / (n + 1)} for n in range(500)], cb.EarlyStopping())._repr_html_())
    assert html.count("<tr>") == 61
    assert "and 440 more" in html


@pytest.mark.parametrize("runs", [[run_of(plateau(n + 1), f"r{n}") for n in range(6)], []])
def test_an_advice_or_its_refusal_is_told(runs) -> None:
    html = checked(cb.tune(runs, min_delta=0, compare=())._repr_html_())
    assert ("EarlyStopping(" in html) if runs else ("no advice" in html)


def test_a_small_curve_has_gaps_where_nothing_was_logged() -> None:
    assert len(list(sparkline_points((1.0, 2.0, float("nan"), 1.0, 3.0), 90, 22))) == 2
    assert list(sparkline_points((1.0,), 90, 22)) == []
    (line,) = sparkline_points((0.0, 1.0), 90, 22)
    assert line == "1.0,20.0 89.0,2.0"
