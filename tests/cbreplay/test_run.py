"""Run and Runs: one training by epoch, what its fits saw, and where each value came from."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writing import keras_scalar, simple, write_events, write_keras_run

import cbreplay as cb
from cbreplay.jsonable import to_json
from cbreplay.run import EpochAxis, Metric, Runs, nearest

LOGS = Path(__file__).parents[1] / "data" / "logs"
SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def truth(name: str) -> list[list[tuple[int, dict[str, float]]]]:
    """(epoch, logs) of each epoch of each fit, as they were seen."""
    return [
        [(log["epoch"], {k: SPECIAL.get(v, v) for k, v in log.items() if k != "epoch"}) for log in fit["epoch_logs"]]
        for fit in json.loads((LOGS / name / "truth.json").read_text())["fits"]
    ]


def run_of(curves: dict[str, dict[int, float]], name: str = "run", times: float = math.nan) -> cb.Run:
    """A run with these values by epoch, ``times`` seconds after the other."""
    table = {
        key: Metric(
            key, np.array(list(values), np.int64), np.array(list(values.values()), np.float64),
            np.array(list(values), np.float64) * times, key, True,
        )
        for key, values in curves.items()
    }  # fmt: skip
    return cb.Run(name, "logs", table, EpochAxis("epoch", 0, "the axis"), (), (), (), ())


HOLES = {"loss": {2: 1.0, 3: 0.5, 6: 0.25}, "val_loss": {3: math.nan, 6: math.inf}}


# By epoch


def test_metrics_are_a_column_each_by_0_based_epoch_with_nan_where_nothing_is_logged() -> None:
    frame = run_of(HOLES).metrics
    expected = pd.DataFrame(
        {"loss": [1.0, 0.5, np.nan, np.nan, 0.25], "val_loss": [np.nan, np.nan, np.nan, np.nan, np.inf]},
        index=pd.RangeIndex(2, 7, name="epoch"),
    )
    pd.testing.assert_frame_equal(expected, frame)


def test_logs_have_only_what_was_logged_nan_included() -> None:
    rows = run_of(HOLES).logs()
    assert [list(row) for row in rows] == [["loss"], ["loss", "val_loss"], [], [], ["loss", "val_loss"]]
    assert [str(value) for row in rows for value in row.values()] == ["1.0", "0.5", "nan", "0.25", "inf"]


def test_epochs_are_counted_from_the_first_logged_to_the_last_holes_included() -> None:
    run = run_of(HOLES)
    assert (run.first_epoch, run.epochs, run.unlogged_epochs) == (2, 5, (4, 5))


def test_a_run_without_values_has_no_epochs() -> None:
    for run in (run_of({}), run_of({"loss": {}})):
        assert (run.first_epoch, run.epochs, run.unlogged_epochs, run.logs(), len(run.metrics)) == (0, 0, (), [], 0)
        assert run.wall_times().tolist() == []


def test_values_are_spread_over_the_epochs_of_the_run() -> None:
    np.testing.assert_array_equal([1, 0.5, np.nan, np.nan, 0.25], run_of(HOLES).values("loss"))


def test_an_epoch_was_logged_when_its_last_metric_was() -> None:
    run = run_of(HOLES, times=10.0)
    np.testing.assert_array_equal([20, 30, np.nan, np.nan, 60], run.wall_times())
    run.table["late"] = Metric("late", np.array([3]), np.array([0.0]), np.array([35.0]), "late", True)
    np.testing.assert_array_equal([20, 35, np.nan, np.nan, 60], run.wall_times())


def test_times_are_unknown_where_only_text_is_read(tmp_path) -> None:
    (tmp_path / "h.csv").write_text("epoch,loss\n0,1\n1,2\n")
    (run,) = cb.load_runs(tmp_path)
    assert np.isnan(run.wall_times()).tolist() == [True, True]


def test_an_epoch_far_away_costs_no_memory(tmp_path) -> None:
    (tmp_path / "h.csv").write_text(f"epoch,loss\n0,1\n{10**20},2\n{10**14},3\n")
    (run,) = cb.load_runs(tmp_path)
    assert run.metrics["loss"].dropna().tolist() == [1, 3]  # 10**20 is no epoch: reported


@pytest.mark.parametrize("name", ["tf221-keras3/validation_freq2", "tf215-keras2/validation_freq2"])
def test_a_real_run_validated_every_second_epoch_keeps_its_holes(name: str) -> None:
    (run,) = cb.load_runs(LOGS / name / "tb")
    (fit,) = truth(name)
    assert [sorted(k for k in log if k.startswith("val_")) for _, log in fit] == [
        sorted(k for k in log if k.startswith("val_")) for log in run.logs()
    ]
    assert run.unlogged_epochs == ()


def test_steps_per_epoch_are_known_where_keras_counts_iterations() -> None:
    (run,) = cb.load_runs(LOGS / "tf221-keras3/batch_freq")
    assert run.steps_per_epoch == 6
    assert run_of(HOLES).steps_per_epoch is None


@pytest.mark.parametrize(("first", "expected"), [(3, [40, 30, 20, 10, 0]), (2, [30, 20, 10, 0])])
def test_seconds_to_the_end_count_a_pause_between_fits_as_one_epoch(tmp_path, first: int, expected) -> None:
    write_keras_run(tmp_path, [1, 1, 1], [1, 1, 1])
    write_keras_run(tmp_path, [1, 1], [1, 1], first, start=1.7e9 + 1000, serial=1)
    (run,) = cb.load_runs(tmp_path)
    assert expected == run.seconds_after().tolist()


# Fits


@pytest.mark.parametrize(
    ("name", "spans"),
    [
        ("tf221-keras3/resume", ((0, 8), (8, 16))),
        ("tf215-keras2/resume", ((0, 8), (8, 15))),
        ("tf221-keras3/resume_overlap", ((0, 10), (6, 18))),
    ],
)
@pytest.mark.parametrize("part", ["", "tb"])
def test_each_fit_of_a_real_resumed_run_saw_what_it_saw(name: str, spans, part: str) -> None:
    run = cb.load_runs(LOGS / name / part)[(part and ".") or "tb"]
    expected = truth(name)
    known = set(expected[0][0][1])
    assert expected == [[(e, {k: v for k, v in log.items() if k in known}) for e, log in f] for f in run.fits()]
    assert (spans, tuple(first for first, _ in spans)) == (run.fit_epochs, run.session_epochs)


def test_each_fit_of_a_real_csv_with_an_overlap_saw_what_it_saw() -> None:
    (run,) = cb.load_runs(LOGS / "tf221-keras3/resume_overlap/training.csv")
    assert truth("tf221-keras3/resume_overlap") == run.fits()


def test_a_run_of_one_fit_is_that_fit() -> None:
    (fit,) = run_of({"loss": {2: 1.0, 4: 0.5}}).fits()
    assert fit == [(2, {"loss": 1.0}), (3, {}), (4, {"loss": 0.5})]


def test_a_fit_that_was_resumed_from_and_outrun_by_nobody_saw_all_its_epochs(tmp_path) -> None:
    write_keras_run(tmp_path, range(10), range(10))
    write_keras_run(tmp_path, [15, 16], [15, 16], first=5, start=1.7e9 + 1000, serial=1)
    (run,) = cb.load_runs(tmp_path)
    assert [list(range(10)), [15, 16]] == [[log["val_loss"] for _, log in fit] for fit in run.fits()]
    assert run.fit_epochs == ((0, 10), (5, 7))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=3))
def test_any_row_of_resumed_fits_saw_what_each_of_them_wrote(later: list[tuple[int, int]]) -> None:
    written = []
    with tempfile.TemporaryDirectory() as folder:
        for serial, (first, count) in enumerate([(0, 6), *later]):
            values = [10.0 * serial + i for i in range(count)]
            write_keras_run(Path(folder), values, values, first, start=1.7e9 + 1000 * serial, serial=serial)
            written.append([(first + i, {"loss": value, "val_loss": value}) for i, value in enumerate(values)])
        (run,) = cb.load_runs(folder)
    assert written == run.fits()


def test_three_fits_see_their_own_epochs_and_the_run_those_written_last(tmp_path) -> None:
    for serial, (first, count) in enumerate([(0, 6), (4, 3), (5, 2)]):
        values = [10.0 * serial + i for i in range(count)]
        write_keras_run(tmp_path, values, values, first, start=1.7e9 + 100 * serial, serial=serial)
    (run,) = cb.load_runs(tmp_path)
    assert [[log["val_loss"] for _, log in fit] for fit in run.fits()] == [[0, 1, 2, 3, 4, 5], [10, 11, 12], [20, 21]]
    assert run.values("val_loss").tolist() == [0, 1, 2, 3, 10, 20, 21]
    assert [[epoch for epoch, _ in fit] for fit in run.fits()] == [[0, 1, 2, 3, 4, 5], [4, 5, 6], [5, 6]]


def test_fits_of_a_resumed_run_with_a_counter_of_batches_beside_it(tmp_path) -> None:
    for serial, first in enumerate([0, 2]):
        write_keras_run(tmp_path, [1, 2, 3], [1, 2, 3], first, start=1.7e9 + 100 * serial, serial=serial)
        steps = range(40 * serial, 40 * serial + 40)
        write_events(
            tmp_path / "custom", [simple("x", i, i, 1.7e9 + 100 * serial + i % 40) for i in steps],
            f"events.out.tfevents.{1700000000 + 100 * serial}.host.1.9",
        )  # fmt: skip
    (run,) = cb.load_runs(tmp_path)
    assert [[epoch for epoch, _ in fit] for fit in run.fits()] == [[0, 1, 2], [2, 3, 4]]


# Points


@pytest.fixture
def resumed(tmp_path) -> cb.Run:
    """Epochs 0 to 3, then 2 to 4 again; a third writer; batches."""
    write_keras_run(tmp_path, [0, 1, 2, 3], [5, 6, 7, 8])
    write_keras_run(tmp_path, [12, 13, 14], [17, 18, 19], first=2, start=1.7e9 + 100, serial=1)
    write_events(tmp_path / "custom", [keras_scalar("epoch_loss", 0, 0.5), keras_scalar("gap", 0, 0.25)])
    (run,) = cb.load_runs(tmp_path)
    return run


@pytest.mark.parametrize("tag", ["val_loss", "validation/epoch_loss"])
def test_points_are_every_value_ever_logged_with_step_time_session_and_file(resumed: cb.Run, tag: str) -> None:
    points = resumed.points(tag)
    assert list(points.columns) == ["step", "wall_time", "value", "session", "replaced", "source"]
    assert points["step"].tolist() == [0, 1, 2, 3, 2, 3, 4]
    assert points["value"].tolist() == [5, 6, 7, 8, 17, 18, 19]
    assert points["session"].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert points["replaced"].tolist() == [False, False, True, True, False, False, False]
    assert (points["wall_time"] - 1.7e9).tolist() == [1, 11, 21, 31, 101, 111, 121]
    assert [list(points["source"]).count(source) for source in dict.fromkeys(points["source"])] == [4, 3]


@pytest.mark.parametrize(("name", "replaced"), [("resume", 0), ("resume_overlap", 4)])
def test_points_whose_steps_are_iterations_are_not_replaced_by_an_epoch(name: str, replaced: int) -> None:
    (run,) = cb.load_runs(LOGS / "tf221-keras3" / name / "tb")
    assert replaced == run.points("val_loss")["replaced"].sum()
    assert run.points("evaluation_loss_vs_iterations")["replaced"].sum() == 0


@pytest.mark.parametrize(
    ("tag", "values"), [("loss", [0, 1, 2, 3, 12, 13, 14]), ("gap", [0.25]), ("custom/gap", [0.25])]
)
def test_points_are_found_by_metric_by_tag_and_by_a_tag_of_one_writer(resumed: cb.Run, tag: str, values) -> None:
    assert values == resumed.points(tag)["value"].tolist()


def test_a_tag_of_several_writers_and_one_of_nobody_are_refused(resumed: cb.Run) -> None:
    with pytest.raises(cb.UnknownMetricError, match="written by several: custom/epoch_loss, train/epoch_loss, val"):
        resumed.points("epoch_loss")
    with pytest.raises(cb.UnknownMetricError, match="no tag 'nothing'"):
        resumed.points("nothing")


def test_points_of_a_history_have_all_its_rows(tmp_path) -> None:
    (tmp_path / "h.csv").write_text("epoch,loss\n1,0.1\n1,0.2\n3,0.3\n")
    (run,) = cb.load_runs(tmp_path)
    assert [run.points("loss")[column].tolist() for column in ("step", "value")] == [[1, 1, 3], [0.1, 0.2, 0.3]]


def test_points_of_a_metric_that_only_the_joined_history_has(tmp_path) -> None:
    write_keras_run(tmp_path / "tb", [1, 0.5], [1, 0.75])
    (tmp_path / "h.csv").write_text("epoch,loss,lr\n0,1,0.1\n1,0.5,0.2\n")
    (run,) = cb.load_runs(tmp_path)
    assert run.values("lr").tolist() == run.points("lr")["value"].tolist()


# Names


@pytest.mark.parametrize(
    ("name", "among", "expected"),
    [
        ("val_los", ["loss", "val_loss", "accuracy"], "val_loss"),
        ("val_acc", ["val_loss", "val_accuracy", "loss"], "val_accuracy"),
        ("acc", ["loss", "accuracy", "val_accuracy"], "accuracy"),
        ("Loss", ["loss", "val_loss"], "loss"),
        ("run_03", ["run_01", "run_02", "run_30"], "run_30"),
    ],
)
def test_the_nearest_names_come_first(name: str, among: list[str], expected: str) -> None:
    found = nearest(name, among)
    assert expected == found[0]
    assert (set(found) <= set(among), len(found) <= 3) == (True, True)


def test_nothing_is_near_to_a_name_like_no_other() -> None:
    assert nearest("zzzz", ["loss", "accuracy"]) == []


def test_an_unknown_metric_is_an_error_of_ours_and_a_key_error_with_a_sentence() -> None:
    for call in (run_of(HOLES).metric, run_of(HOLES).values):
        with pytest.raises(cb.UnknownMetricError) as caught:
            call("val_los")
        assert str(caught.value) == "run 'run' has no metric 'val_los'; nearest: val_loss, loss"
        assert isinstance(caught.value, KeyError)
        assert isinstance(caught.value, cb.CbreplayError)


# Runs


def test_runs_are_a_sequence_and_looked_up_by_name() -> None:
    a, b = run_of(HOLES, "a"), run_of({}, "b/c")
    runs = Runs([a, b], "logs")
    assert (2, [a, b], a, b, b, (a,)) == (len(runs), list(runs), runs[0], runs[-1], runs["b/c"], tuple(runs[:1]))
    assert a in runs
    assert repr(runs) == "Runs('logs': a, b/c)"


@pytest.mark.parametrize(
    ("names", "key", "told"),
    [
        (["fold_1", "fold_2", "x"], "fold_3", "no run 'fold_3' in logs; there are: fold_"),
        (["a", "b"], "zzz", "no run 'zzz' in logs; there are: a, b"),
        ([], "zzz", "no run 'zzz' in logs"),
    ],
)
def test_an_unknown_run_is_told_with_the_names_that_there_are(names, key, told) -> None:
    runs = Runs([run_of({}, name) for name in names], "logs")
    with pytest.raises(cb.UnknownRunError) as caught:
        runs[key]
    assert str(caught.value).startswith(told)
    assert isinstance(caught.value, KeyError)


def test_a_position_out_of_range_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        Runs([], "logs")[0]


# For others


@pytest.mark.parametrize(
    "name",
    [
        "logs/tf221-keras3/resume_overlap/tb", "logs/tf221-keras3/nan_terminate", "hard/events",
        "hard/csv",
    ],
)  # fmt: skip
def test_every_record_is_ready_for_json(data, name: str) -> None:
    runs = cb.load_runs(data / name)
    records = [item.to_dict() for item in (*runs, *runs.damage, *runs.skipped)]
    assert records == json.loads(json.dumps(records, allow_nan=False))
    assert records == json.loads(to_json(records))


def test_a_run_as_a_record_says_what_is_there_and_how_it_was_read(resumed: cb.Run) -> None:
    told = resumed.to_dict()
    assert told.items() >= {
        "name": ".", "epochs": 5, "first_epoch": 0, "axis": "the step is Keras' 0-based epoch", "unlogged_epochs": [],
        "planned_epochs": None, "damage": [], "notes": list(resumed.notes), "sources": list(resumed.sources),
        "metrics": ["custom/epoch_loss", "custom/gap", "loss", "val_loss"],
    }.items()  # fmt: skip
    assert [(s["first_step"], s["last_step"], s["replaced"]) for s in told["sessions"]] == [(0, 3, 4), (2, 4, 0)]


def test_a_notebook_shows_names_from_logs_as_text_only() -> None:
    shown = run_of({"<script>alert(1)</script>": {0: 1.0}})._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
