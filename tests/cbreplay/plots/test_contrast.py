"""Figures of a comparison: what is drawn is what the record says."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from curves import noisy, plateau, run_of
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import cbreplay as cb
from cbreplay.plots import FigureOptions, plot_gaps, plot_groups, plot_policies, write_comparison_figures
from cbreplay.plots.contrast import policy_looks

WAITS = (1, 3, 5, 7)
DRAW = (plot_policies, plot_groups, plot_gaps)


def policies(*patiences):
    return {
        f"patience {p}": [
            cb.EarlyStopping(mode="min", patience=p), cb.ModelCheckpoint("m.h5", mode="min", save_best_only=True)
        ] for p in patiences
    }  # fmt: skip


def compared(count, *patiences, planned="length"):
    rng = np.random.default_rng(0)
    runs = [run_of(noisy(rng), f"m{n % 3}/r{n}", planned=planned) for n in range(count)]
    return cb.compare(runs, policies(*patiences), group_by="folder")


def labels(figure):
    return [entry.get_text() for legend in figure.legends for entry in legend.get_texts()]


def draw(figure):
    """Draw as a file would be; a layout that does not fit is a warning, and so an error."""
    figure.canvas.draw()


def test_a_panel_shows_the_curve_once_and_each_stop_in_the_colour_of_its_policy() -> None:
    comparison = cb.compare([run_of(plateau(3), "a")], policies(2, 4))
    (axes,) = plot_policies(comparison).axes
    lines = axes.get_lines()
    assert [len(line.get_xdata()) for line in lines if len(line.get_xdata()) > 2] == [60]
    upright = {to_hex(line.get_color()): line.get_xdata()[0] for line in lines if line.get_ydata() is not None
               and list(line.get_ydata()) == [0, 1]}  # fmt: skip
    stops = [answer.stopped_epoch + 1 for answer in comparison.runs[0].answers]
    assert dict(zip([policy_looks(n)["color"].lower() for n in range(2)], stops, strict=True)) == upright
    assert "stops: 6, 12" in [text.get_text() for text in axes.texts]


def test_undecided_and_completed_are_marked_at_the_end_not_drawn_as_a_stop() -> None:
    runs = [run_of([3, 2, 1], "open", planned=9), run_of([3, 2, 1], "whole")]
    figure = plot_policies(cb.compare(runs, policies(2)))
    for axes in figure.axes:
        assert [line for line in axes.get_lines() if list(line.get_ydata()) == [0, 1]] == []
    assert {"undecided", "hollow: trains to its end"} < set(labels(figure))
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["stops: ?", "stops: to its end"]


@pytest.mark.parametrize(("count", "drawn"), [(1, 1), (4, 4), (12, 12), (13, 2), (40, 2), (200, 2)])
def test_few_runs_are_panels_and_many_are_rows(count, drawn) -> None:
    figure = plot_policies(compared(count, 2, 5))
    assert drawn == sum(axes.axison for axes in figure.axes)
    assert {"patience 2", "patience 5", "best in the log"} < set(labels(figure))
    draw(figure)


def test_a_row_has_a_mark_at_the_stop_of_each_policy_and_a_hollow_one_where_it_is_undecided() -> None:
    comparison = compared(20, 2, 40, planned=None)
    _, axes = plot_policies(comparison).axes
    ranked = sorted(comparison.runs, key=lambda row: (-row.spread, -row.run.epochs, row.run.name))
    for place in range(2):
        colour = policy_looks(place)["color"].lower()
        marks = [line for line in axes.get_lines() if to_hex(line.get_color()) == colour]
        filled = [line for line in marks if line.get_markerfacecolor() != "none"]
        hollow = [line for line in marks if line.get_markerfacecolor() == "none"]
        answers = [(y, row.answers[place]) for y, row in enumerate(ranked)]
        expected = [(a.stopped_epoch + 1, y) for y, a in answers if a.stopped_epoch is not None]
        assert expected == [pair for line in filled for pair in zip(line.get_xdata(), line.get_ydata(), strict=True)]
        assert [y for y, a in answers if not a.is_decided] == [y for line in hollow for y in line.get_ydata()]


def test_names_are_dropped_only_where_they_cannot_be_read() -> None:
    assert "m0/r0" in [text.get_text() for text in plot_policies(compared(40, 2)).axes[1].get_yticklabels()]
    assert plot_policies(compared(400, 2)).axes[1].get_yticklabels() == []


def test_a_group_is_its_median_thin_and_dashed_where_few_are_left() -> None:
    values = {"g/a": [4.0, 3, 2, 1], "g/b": [6.0, 5], "g/c": [5.0, 4]}
    runs = [run_of(value, name) for name, value in values.items()]
    top, below = plot_groups(cb.compare(runs, policies(2), group_by="folder")).axes
    solid, dashed = top.get_lines()
    assert (list(solid.get_xdata()), solid.get_linestyle(), dashed.get_linestyle()) == ([1, 2, 3, 4], "-", "--")
    assert np.array_equal([5, 4, np.nan, np.nan], solid.get_ydata(), equal_nan=True)
    assert np.array_equal([np.nan, 4, 2, 1], dashed.get_ydata(), equal_nan=True)
    assert dashed.get_linewidth() < solid.get_linewidth()
    assert list(below.get_lines()[0].get_ydata()) == [3, 3, 1, 1]


@pytest.mark.parametrize(("count", "axes"), [(1, 2), (4, 2), (5, 5), (12, 12), (15, 12)])
def test_few_groups_share_a_plot_and_many_have_a_panel_each(count, axes) -> None:
    runs = [run_of(plateau(2), f"g{n}/r") for n in range(count)]
    figure = plot_groups(cb.compare(runs, policies(2), group_by="folder"))
    assert axes == sum(each.axison for each in figure.axes)
    assert ("the 12 largest" in figure._suptitle.get_text()) == (count > 12)
    draw(figure)


def test_the_gap_stands_below_the_curves_it_is_taken_of() -> None:
    comparison = cb.compare([run_of(plateau(3), "a")], policies(2))
    top, below = plot_gaps(comparison).axes
    train, valid = (line.get_ydata() for line in top.get_lines()[:2])
    (gap,) = (line.get_ydata() for line in below.get_lines() if len(line.get_ydata()) == 60)
    assert (valid - train).tolist() == gap.tolist()
    assert {"loss", "val_loss", "gap: validation is worse by", "patience 2"} < set(labels(plot_gaps(comparison)))


@pytest.mark.parametrize(("count", "axes"), [(1, 2), (4, 8), (12, 24), (13, 2), (200, 2)])
def test_gaps_of_many_runs_are_bands(count, axes) -> None:
    figure = plot_gaps(compared(count, 3))
    assert axes == len(figure.axes)
    draw(figure)


@pytest.mark.parametrize(
    ("function", "sentence"), [(plot_policies, "nothing to compare"), (plot_groups, "no groups"), (plot_gaps, "no gap")]
)
def test_nothing_to_draw_is_a_sentence(function, sentence) -> None:
    comparison = cb.compare([run_of([1, 2], metric="x")], {"a": cb.EarlyStopping("val_loss")})
    assert sentence in function(comparison).axes[0].texts[0].get_text()


@pytest.mark.parametrize("function", DRAW)
def test_a_figure_can_be_drawn_into_a_part_of_a_page(function) -> None:
    page = Figure(figsize=(8, 10), layout="constrained")
    part, other = page.subfigures(1, 2)
    assert function(compared(5, 2, 3), into=part) is part
    assert part.axes
    assert not other.axes


def test_the_x_axis_can_be_time() -> None:
    runs = [run_of(plateau(3), "a", seconds=90.0)]
    (axes,) = plot_policies(cb.compare(runs, policies(2)), x_axis="time").axes
    assert axes.get_xlabel().startswith("minutes since")


def test_strange_values_and_names_are_drawn_all_the_same() -> None:
    runs = [
        run_of([np.nan, np.inf, 1e-9, 5.0], "$\\frac{<script>\x1b[31m" + "x" * 300),
        run_of([1.0], "one epoch"), run_of([np.nan] * 3, "nothing finite"),
    ]  # fmt: skip
    comparison = cb.compare(runs, policies(1, 2), group_by="seed")
    for function in DRAW:
        draw(function(comparison))


def test_files_are_named_after_what_they_show_and_the_same_each_time(tmp_path) -> None:
    comparison = compared(4, 2, 3)
    done: list[tuple[int, int]] = []
    paths = write_comparison_figures(comparison, tmp_path / "a", progress=lambda *now: done.append(now))
    assert [path.name for path in paths] == ["compare-policies.png", "compare-groups.png", "compare-gap.png"]
    assert done == [(1, 3), (2, 3), (3, 3)]
    again = write_comparison_figures(comparison, tmp_path / "b")
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
    with warnings.catch_warnings():
        svg = write_comparison_figures(comparison, tmp_path / "c", options=FigureOptions(format="svg"))
    assert all(path.read_text().startswith("<?xml") for path in svg)


def test_figures_without_anything_in_them_are_not_written(tmp_path) -> None:
    runs = [run_of([3, 2, 1], metric="val_mae")]
    paths = write_comparison_figures(cb.compare(runs, {"a": cb.EarlyStopping("val_mae", mode="min")}), tmp_path)
    assert [path.name for path in paths] == ["compare-policies.png"]


@pytest.mark.parametrize("values", [1.391 + 1e-5 * plateau(3), 1e7 * plateau(3)])
def test_no_offset_of_the_numbers_stands_where_the_titles_are(values) -> None:
    figure = plot_policies(cb.compare([run_of(values, "a")], policies(2)))
    draw(figure)
    offset = figure.axes[0].yaxis.get_offset_text()
    assert "+" not in offset.get_text()
    assert offset.get_horizontalalignment() == "right"
