"""Figures of tuning: what is drawn is what the advice says."""

from __future__ import annotations

import io

import numpy as np
import pytest
from curves import noisy, plateau, run_of
from matplotlib.colors import to_hex

import cbreplay as cb
from cbreplay.plots import plot_front, plot_survival, plot_sweep, style, write_advice_figures
from cbreplay.plots.tuning import surface_of_advice, surface_of_frame
from cbreplay.tuning import still_training

WAITS = (1, 2, 3, 4, 5, 7)


@pytest.fixture(scope="module")
def advice():
    runs = [run_of(plateau(wait), f"r{number}") for number, wait in enumerate(WAITS)]
    return cb.tune(runs, max_regret=0.04, min_delta=[0, 0.1, 0.6], patience=range(12),
                   current=cb.EarlyStopping(mode="min", patience=2))  # fmt: skip


def labels(figure):
    return [entry.get_text() for legend in figure.legends for entry in legend.get_texts()]


def test_the_map_holds_the_measures_of_each_cell_and_marks_the_advice(advice) -> None:
    surface = surface_of_advice(advice)
    table = advice.to_frame()
    for y, delta in enumerate(surface.y):
        for x, patience in enumerate(surface.x):
            row = table[(table["min_delta"] == delta) & (table["patience"] == patience)].iloc[0]
            assert surface.saved[y, x] == pytest.approx(row["saved"])
            assert surface.regret[y, x] == pytest.approx(row["regret_relative"])
    y, x = surface.marked
    assert (surface.x[x], surface.y[y]) == (advice.recommended.rule.patience, advice.recommended.rule.min_delta)
    figure = plot_sweep(advice)
    assert "mean regret up to 4%" in labels(figure)
    upper = figure.axes[0]
    assert upper.get_lines()[0].get_xydata().tolist() == [[x, y]]


def test_a_swept_table_gives_the_same_map(advice) -> None:
    runs = [item.run for item in advice.measured]
    table = cb.sweep(runs, mode="min", patience=range(12), min_delta=[0, 0.1, 0.6])
    drawn, expected = surface_of_frame(table), surface_of_advice(advice)
    assert (drawn.x, drawn.y) == (expected.x, expected.y)
    for name in ("saved", "regret", "undecided"):
        assert getattr(drawn, name) == pytest.approx(getattr(expected, name), nan_ok=True)
    assert len(plot_sweep(table).axes) == 4


def test_cells_that_leave_runs_open_are_hatched() -> None:
    runs = [run_of(plateau(wait)[:20], f"r{n}", planned=60 if n == 0 else 20) for n, wait in enumerate(WAITS)]
    figure = plot_sweep(cb.tune(runs, min_delta=[0, 0.1], compare=()))
    assert "leaves some runs open" in labels(figure)
    assert {patch.get_hatch() for patch in figure.axes[0].patches} == {"//"}


@pytest.mark.parametrize("rule", ["keras", "lookback", "smoothed", "gl", "pq", "up"])
def test_every_rule_has_a_map_and_a_front(rule) -> None:
    rng = np.random.default_rng(0)
    advice = cb.tune([run_of(noisy(rng), f"r{n}") for n in range(6)], rule=rule, budget=0.9, start_from_epoch=[0, 5])
    for draw in (plot_sweep, plot_front):
        draw(advice).savefig(io.BytesIO(), format="png")


def test_the_front_shows_the_advice_with_its_intervals_and_what_else_there_is(advice) -> None:
    figure = plot_front(advice)
    told = labels(figure)
    for start in ("36 cells", "front: nothing is better in both", "limit", "at half the limit: patience",
                  "at double the limit: patience", "today: patience 2", "advice: patience"):  # fmt: skip
        assert any(label.startswith(start) for label in told), start
    container = figure.axes[0].containers[0]
    point = container.lines[0]
    assert point.get_xydata()[0] == pytest.approx([1 - advice.recommended.saved.value, advice.recommended.regret.value])
    assert to_hex(point.get_color()) == style.BEST.lower()


def test_the_share_still_training_falls_where_runs_stop(advice) -> None:
    logged, advised = advice.survival()[:2]
    assert (logged.epochs.tolist(), logged.share.tolist()) == ([0.0, 60.0], [1.0, 0.0])
    stops = sorted(item.stopped_epoch[advice.recommended.cell] + 1 for item in advice.measured)
    assert advised.epochs.tolist() == [0.0, *np.unique(stops)]
    assert advised.share[-1] == 0
    assert labels(plot_survival([logged, advised]))[0] == "as logged"


def test_a_run_that_the_cell_leaves_open_drops_out_where_its_log_ends() -> None:
    runs = [run_of(plateau(wait), f"r{n}", planned=None) for n, wait in enumerate(WAITS)]
    runs.append(run_of(np.linspace(2, 1, 30), "falling", planned=None))
    advice = cb.tune(runs, min_delta=0, compare=())
    advised = still_training("advice", advice.measured, advice.recommended.cell)
    assert advised.censored.tolist() == [30.0]
    assert len(plot_survival([advised]).axes[0].get_lines()) == 2


def test_figures_are_written_also_where_there_is_no_advice(tmp_path, advice) -> None:
    paths = write_advice_figures(advice, [], tmp_path / "a")
    assert [path.name for path in paths] == ["tuning-map.png", "tuning-front.png", "tuning-training.png"]
    nothing = cb.tune([], min_delta=0)
    assert [path.name for path in write_advice_figures(nothing, [], tmp_path / "b")] == [
        "tuning-map.png",
        "tuning-front.png",
    ]


def test_the_same_advice_gives_the_same_bytes(tmp_path, advice) -> None:
    drawn = [write_advice_figures(advice, [], tmp_path / name) for name in "ab"]
    assert [path.read_bytes() for path in drawn[0]] == [path.read_bytes() for path in drawn[1]]
