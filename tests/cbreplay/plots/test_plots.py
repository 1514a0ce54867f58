"""Figures: what is marked in them, and the names of their files."""

import pytest
from matplotlib.colors import to_hex

import cbreplay as cb
from cbreplay.plots import plot_comparison, plot_outcome, style, write_figures
from cbreplay.plots.files import file_stem


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


@pytest.mark.parametrize("count", [1, 4, 12, 13, 200])
def test_a_comparison_has_panels_for_few_runs_and_strips_for_many(count) -> None:
    figure = plot_comparison([outcome([3, 2, 1, 2, 3, 4], patience=2)] * count)
    drawn = [axes for axes in figure.axes if axes.axison]
    assert (count if count <= 12 else 1) == len(drawn)


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
