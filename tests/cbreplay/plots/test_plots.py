"""Figures: what is marked in them, and the names of their files."""

import io

import numpy as np
import pytest
from curves import run_of
from matplotlib.colors import to_hex

import cbreplay as cb
from cbreplay.plots import plot_comparison, plot_outcome, plot_survival, style, write_figures
from cbreplay.plots.files import file_stem
from cbreplay.tuning import Survival

STRANGE = [
    "x" * 300,
    "a\nb\tc",
    "$\\frac{1}{0}$ $x",
    "<script>alert(1)</script>",
    "W" * 120,
    "تجربة",
    "",
    "%s {0} \\ #^~",
]


def outcome(values, **parameters):
    rules = [cb.EarlyStopping(mode="min", **parameters), cb.ModelCheckpoint("{epoch}.h5", save_best_only=True)]
    return cb.replay([{"loss": v / 2, "val_loss": v} for v in values], rules)


def labels(figure):
    return [entry.get_text() for legend in figure.legends for entry in legend.get_texts()]


def test_a_stopped_run_shows_both_curves_and_every_mark() -> None:
    figure = plot_outcome(outcome([3, 2, 1, 2, 3, 4], patience=2, restore_best_weights=True))
    expected = ["loss", "val_loss", "stop: epoch 5", "after the stop", "best: 1 at epoch 3", "restored: epoch 3"]
    assert [*expected, "3 files written"] == labels(figure)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert list(lines["val_loss"].get_xdata()) == [1, 2, 3, 4, 5, 6]
    assert list(lines["stop: epoch 5"].get_xdata()) == [5, 5]
    assert style.STOP.lower() == to_hex(lines["stop: epoch 5"].get_color())


def test_a_run_without_its_monitor_says_so_instead_of_a_curve() -> None:
    figure = plot_outcome(cb.replay([{"loss": 1.0}], cb.EarlyStopping()))
    assert list(figure.axes[0].get_lines()) == []
    assert figure.axes[0].texts


def test_values_that_are_not_finite_are_marked_at_the_foot() -> None:
    figure = plot_outcome(outcome([3, float("nan"), 1], patience=5))
    assert "val_loss is not finite" in labels(figure)


def test_writes_that_were_overwritten_are_told_from_the_file_that_is_left() -> None:
    rules = [cb.EarlyStopping(mode="min", patience=2), cb.ModelCheckpoint("m.h5", save_best_only=True)]
    figure = plot_outcome(cb.replay([{"val_loss": v} for v in (3, 2, 1, 2, 3)], rules))
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert lines["2 earlier writes, overwritten"].get_xdata().tolist() == [1, 2]
    assert lines["file written: epoch 3"].get_xdata().tolist() == [3]


def test_what_the_log_does_not_decide_is_hatched_up_to_the_planned_end() -> None:
    figure = plot_outcome(cb.replay(run_of([3, 2, 1], planned=6), cb.EarlyStopping(mode="min", patience=2)))
    assert "not decided by the log (planned: epoch 6)" in labels(figure)
    (tail,) = (patch for patch in figure.axes[0].patches if patch.get_hatch())
    assert (tail.get_extents().transformed(figure.axes[0].transData.inverted()).intervalx).tolist() == [3, 6]
    assert figure.axes[0].get_xlim()[1] > 6


def test_the_x_axis_can_be_the_time_that_training_took() -> None:
    values = [3, 2, 1, 2, 3, 4]
    with_times = cb.replay(run_of(values, seconds=600), cb.EarlyStopping(mode="min", patience=2))
    figure = plot_outcome(with_times, x_axis="time")
    assert figure.axes[0].get_xlabel() == "minutes since the first logged epoch"
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert lines["val_loss"].get_xdata().tolist() == [0, 10, 20, 30, 40, 50]
    assert list(lines["stop: epoch 5"].get_xdata()) == [40, 40]
    without = plot_outcome(outcome(values, patience=2), x_axis="time")
    assert without.axes[0].get_xlabel() == "epoch (counted from 1; the log has no times)"


@pytest.mark.parametrize(
    ("values", "scale"),
    [([3, 2, 1], "linear"), ([300, 3, 0.02], "log"), ([300, 3, 0], "linear"), ([300, float("nan"), 0.02], "log")],
)
def test_the_scale_is_logarithmic_where_values_span_decades_and_none_would_be_lost(values, scale) -> None:
    assert plot_outcome(outcome(values, patience=5)).axes[0].get_yscale() == scale


def test_everything_can_be_drawn_into_parts_of_one_page() -> None:
    page = style.figure(8, 11)
    parts = page.subfigures(4, 1)
    few, many = ([outcome([3, 2, 1, 2, 3, 4], patience=2)] * count for count in (3, 20))
    assert plot_outcome(few[0], into=parts[0]) is parts[0]
    assert plot_comparison(few, into=parts[1]) is parts[1]
    assert plot_comparison(many, into=parts[2]) is parts[2]
    curve = Survival("as logged", np.array([0, 5.0]), np.array([1, 0.5]), np.zeros(0))
    assert plot_survival([curve], into=parts[3]) is parts[3]
    page.savefig(io.BytesIO(), format="pdf")


@pytest.mark.parametrize("count", [3, 12, 40])
def test_strange_and_long_names_leave_the_axes_their_room(count) -> None:
    names = (STRANGE * 5)[:count]
    rules = cb.EarlyStopping(mode="min", patience=2)
    drawn, plain = (
        plot_comparison([cb.replay(run_of([3, 2, 1, 2, 3, 4], name), rules) for name in chosen])
        for chosen in (names, ["a"] * count)
    )
    for figure in (drawn, plain):
        figure.draw_without_rendering()
    for strange, usual in zip(drawn.axes, plain.axes, strict=True):
        assert strange.get_position().height == pytest.approx(usual.get_position().height, rel=0.05)
        assert strange.get_position().width > 0.6 * usual.get_position().width


@pytest.mark.parametrize("count", [1, 4, 12, 13, 200])
def test_a_comparison_has_panels_for_few_runs_and_strips_for_many(count) -> None:
    figure = plot_comparison([outcome([3, 2, 1, 2, 3, 4], patience=2)] * count)
    drawn = [axes for axes in figure.axes if axes.axison]
    assert (count if count <= 12 else 1) == len(drawn)


@pytest.mark.parametrize(
    ("size", "shape"), [((11, 6), (2, 3)), ((20, 3), (1, 5)), ((3, 12), (5, 1)), ((4, 3), None), ((12, 2.5), (1, 5))]
)
def test_panels_are_laid_out_for_the_place_they_have_and_are_strips_where_there_is_none(size, shape) -> None:
    figure = plot_comparison([outcome([3, 2, 1, 2, 3, 4], patience=2)] * 5, into=style.figure(*size))
    grids = {axes.get_gridspec().get_geometry() for axes in figure.axes}
    assert grids == {shape or (1, 1)}


@pytest.mark.parametrize("width", [3, 5, 9])
def test_a_legend_stays_inside_its_figure(width) -> None:
    figure = plot_outcome(outcome([3, 2, 1, 2, 3, 4], patience=2), into=style.figure(width, 4))
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width


@pytest.mark.parametrize("values", [[1e-7, 2e-7, 1e-7], [1000.00001, 1000.00002, 1000.00001]])
def test_no_offset_of_the_numbers_along_y_stands_on_the_title_of_a_panel(values) -> None:
    figure = plot_comparison([outcome(values, patience=2)] * 2)
    figure.draw_without_rendering()
    for axes in figure.axes:
        offset = axes.yaxis.get_offset_text()
        assert "+" not in offset.get_text()
        room, taken = axes.get_window_extent(), offset.get_window_extent()
        assert taken.x0 > (room.x0 + room.x1) / 2


def test_a_comparison_of_nothing_is_a_sentence() -> None:
    assert "nothing to compare" in plot_comparison([]).axes[0].texts[0].get_text()


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("run_a", "run_a"),
        ("../../etc/passwd", "etc-passwd"),
        ("a/b c", "a-b-c"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        (".", "run"),
        ("x" * 300, "x" * 80),
    ],
)
def test_a_name_from_a_log_is_a_harmless_file_name(name, stem) -> None:
    assert stem == file_stem(name, set())


def test_names_that_collide_get_a_digest() -> None:
    first, second = file_stem("a/b", set()), file_stem("a b", {"a-b"})
    assert first == "a-b"
    assert second.startswith("a-b-")


def test_figures_are_written_and_their_names_stay_in_the_folder(tmp_path) -> None:
    done = []
    outcomes = [outcome([3, 2, 1], patience=2)] * 2
    paths = write_figures(outcomes, tmp_path / "new", progress=lambda *told: done.append(told))
    assert len(set(paths)) == 3
    assert all(path.parent == tmp_path / "new" and path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_the_same_outcome_gives_the_same_bytes(tmp_path) -> None:
    drawn = [write_figures([outcome([3, 2, 1], patience=2)], tmp_path / name) for name in "ab"]
    assert [p.read_bytes() for p in drawn[0]] == [p.read_bytes() for p in drawn[1]]
