"""What is exported is what was logged, bit by bit."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import struct
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cbreplay as cb
from cbreplay import exporting
from cbreplay.exporting import (
    MissingExtraError,
    export_columns,
    export_rows,
    export_runs,
    resolve_format,
    select_runs,
    write_export,
)
from cbreplay.run import EpochAxis, Metric, Run, Runs

WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
AWKWARD = ['a "b", c', "two\nlines", "\r", "=1+1", "@x", "\t", " ", "nan", "ü☃😀"]


def run_of(table, name="a"):
    """A run from {metric: {epoch: value, or (value, wall time)}}."""
    metrics = {}
    for metric, logged in table.items():
        pairs = [cell if isinstance(cell, tuple) else (cell, math.nan) for _, cell in sorted(logged.items())]
        metrics[metric] = Metric(
            metric, np.array(sorted(logged), np.int64), np.array([p[0] for p in pairs], np.float64),
            np.array([p[1] for p in pairs], np.float64), "test", True,
        )  # fmt: skip
    return Run(name, "", metrics, EpochAxis("epoch", 0, ""), (), (), (), ())


def written(runs, file_format, wide=False):
    out = io.BytesIO()
    write_export(runs, out, file_format, wide=wide)
    return out.getvalue().decode()


def csv_rows(text):
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    return header, rows


def bits(value):
    """What makes two doubles the same: any NaN equals any NaN, -0.0 differs from 0.0."""
    return "nan" if math.isnan(value) else struct.pack("<d", value)


def logged_bits(runs):
    return {
        (run.name, epoch, name): bits(value)
        for run in runs
        for name, metric in run.table.items()
        for epoch, value in zip(metric.epoch.tolist(), metric.value.tolist(), strict=True)
    }


def read_back(runs, file_format, wide):
    """(run, epoch, metric) -> the bits of the value, of an export in text."""
    text = written(runs, file_format, wide)
    if file_format == "csv":
        header, cells = csv_rows(text)
        rows = [dict(zip(header, row, strict=True)) for row in cells]
    else:
        rows = [{k: WORDS.get(v, v) if k not in ("run", "metric") else v for k, v in row.items()} for row in
                json.loads(text)["rows"]]  # fmt: skip
    if not wide:
        return {(row["run"], int(row["epoch"]), row["metric"]): bits(float(row["value"])) for row in rows}
    return {
        (row["run"], int(row["epoch"]), name): bits(float(value))
        for row in rows
        for name, value in row.items()
        if name not in ("run", "epoch") and value not in ("", None)
    }


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8) | st.sampled_from(
    AWKWARD
)
tables = st.dictionaries(
    names.filter(lambda name: name not in ("run", "epoch", "metric")),
    st.dictionaries(st.integers(0, 6) | st.integers(0, 2**62), st.floats(), max_size=6),
    max_size=4,
)


@pytest.mark.parametrize("file_format", ["csv", "json"])
@pytest.mark.parametrize("wide", [False, True], ids=["tidy", "wide"])
@settings(deadline=None)
@given(st.dictionaries(names, tables, max_size=3))
def test_every_double_and_name_comes_back_as_it_was(file_format, wide, by_name) -> None:
    runs = [run_of(table, name) for name, table in by_name.items()]
    assert logged_bits(runs) == read_back(runs, file_format, wide)


def test_extreme_doubles_come_back() -> None:
    extremes = [-0.0, 5e-324, -5e-324, 2.2250738585072009e-308, sys.float_info.max, 0.1, 1 / 3, 1e16, math.inf]
    runs = [run_of({"loss": dict(enumerate([*extremes, -math.inf, math.nan]))})]
    for file_format in ("csv", "json"):
        assert logged_bits(runs) == read_back(runs, file_format, wide=False)


def test_tidy_csv_has_a_row_for_each_logged_value() -> None:
    run = run_of({"loss": {0: (1.5, 1.7e9), 1: (math.nan, 1.7e9 + 0.25)}, "val_loss": {1: -math.inf, 3: 0.1}})
    assert written([run], "csv").split("\n") == [
        "run,epoch,metric,value,wall_time",
        "a,0,loss,1.5,1700000000.0",
        "a,1,loss,nan,1700000000.25",
        "a,1,val_loss,-inf,",
        "a,3,val_loss,0.1,",
        "",
    ]


def test_wide_csv_has_the_metrics_of_all_runs_in_order_of_first_appearance() -> None:
    runs = [run_of({"loss": {0: 1.0, 2: math.nan}, "b": {0: 2.0}}), run_of({"a": {1: 3.0}, "loss": {1: 4.0}}, "z")]
    assert written(runs, "csv", wide=True).split("\n") == [
        "run,epoch,loss,b,a",
        "a,0,1.0,2.0,",
        "a,2,nan,,",
        "z,1,4.0,,3.0",
        "",
    ]


def test_json_says_what_it_is_and_has_words_for_what_is_no_number() -> None:
    run = run_of({"loss": {0: (math.inf, 1.7e9)}, "acc": {1: math.nan}})
    assert {
        "schema": 1,
        "cbreplay": cb.__version__,
        "epochs": "0-based",
        "rows": [
            {"run": "a", "epoch": 0, "metric": "loss", "value": "Infinity", "wall_time": 1.7e9},
            {"run": "a", "epoch": 1, "metric": "acc", "value": "NaN", "wall_time": None},
        ],
    } == json.loads(written([run], "json"))
    assert json.loads(written([run], "json", wide=True))["rows"] == [
        {"run": "a", "epoch": 0, "loss": "Infinity", "acc": None},
        {"run": "a", "epoch": 1, "loss": None, "acc": "NaN"},
    ]


@pytest.mark.parametrize("wide", [False, True])
def test_nothing_logged_is_a_table_without_rows(wide) -> None:
    runs = [run_of({}), run_of({"loss": {}}, "b")]
    header, rows = csv_rows(written(runs, "csv", wide))
    assert (list(export_columns(runs, wide)), []) == (header, rows)
    assert json.loads(written(runs, "json", wide))["rows"] == []


def test_a_metric_called_like_a_column_keeps_its_values() -> None:
    table = {"epoch": {0: 7.0}, "run": {0: 8.0}, "epoch (metric)": {0: 9.0}, "metric": {0: 10.0}}
    assert json.loads(written([run_of(table)], "json", wide=True))["rows"][0] == {
        "run": "a", "epoch": 0, "epoch (metric) (metric)": 7.0, "run (metric)": 8.0, "epoch (metric)": 9.0,
        "metric": 10.0,
    }  # fmt: skip


@pytest.mark.skipif(sys.version_info < (3, 11), reason="csv cannot read NUL before Python 3.11")
def test_a_nul_in_a_name_comes_back() -> None:
    runs = [run_of({"lo\0ss": {0: 1.0}}, "r\0")]
    for wide in (False, True):
        assert logged_bits(runs) == read_back(runs, "csv", wide)


def test_a_name_that_is_no_text_does_not_spoil_the_file() -> None:
    run = run_of({"loss": {0: 1.0}}, "r\udcff")
    assert "r\\udcff,0,loss,1.0," in written([run], "csv")
    assert json.loads(written([run], "json"))["rows"][0]["run"] == "r\udcff"


@pytest.mark.parametrize("wide", [False, True])
def test_the_samples_are_exported_whole(samples, wide) -> None:
    runs = cb.load_runs(samples)
    assert len(runs) == 5
    assert logged_bits(runs) == read_back(runs, "csv", wide) == read_back(runs, "json", wide)


def test_wall_times_of_the_samples_are_those_of_the_run(samples) -> None:
    run = cb.load_runs(samples)["overfitting/logs"]
    _, rows = csv_rows(written([run], "csv"))
    for _, epoch, metric, _, time in rows:
        at = run.table[metric].epoch.tolist().index(int(epoch))
        assert bits(run.table[metric].wall_time[at]) == bits(float(time or "nan"))


@pytest.mark.parametrize("wide", [False, True])
def test_rows_are_made_one_after_the_other(wide) -> None:
    epochs = 20_000
    metrics = {
        name: Metric(name, np.arange(epochs), np.full(epochs, 0.1), np.full(epochs, 1.7e9), "", True)
        for name in "abcde"
    }
    run = Run("a", "", metrics, EpochAxis("epoch", 0, ""), (), (), (), ())
    tracemalloc.start()
    count = sum(1 for _ in export_rows([run], wide))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == (epochs if wide else 5 * epochs)
    assert peak < 8_000_000  # the arrays have 4; a list of the rows has more than 10


@pytest.mark.parametrize(
    ("target", "given_format", "expected"),
    [
        ("a.csv", None, "csv"),
        ("a.JSON", None, "json"),
        ("a.b.csv", None, "csv"),
        ("a.txt", "csv", "csv"),
        ("a.csv", "json", "json"),
    ],
)
def test_the_ending_tells_the_format_unless_it_is_given(target, given_format, expected) -> None:
    assert expected == resolve_format(target, given_format)


@pytest.mark.parametrize(("target", "given_format"), [("a.xls", None), ("csv", None), ("a.csv", "xml")])
def test_an_unknown_format_is_an_error(target, given_format) -> None:
    with pytest.raises(cb.ParameterError, match="none of csv, json, parquet"):
        resolve_format(target, given_format)


def runs_in(folder):
    return Runs([run_of({"loss": {0: 1.0}}), run_of({"loss": {0: 2.0}}, "b")], str(folder))


def test_runs_are_selected_by_name_in_the_given_order(tmp_path) -> None:
    runs = runs_in(tmp_path)
    assert [run.name for run in select_runs(runs, ["b", "a", "b"])] == ["b", "a"]
    assert [run.name for run in select_runs(runs)] == ["a", "b"]
    with pytest.raises(cb.UnknownRunError, match="no run 'c'"):
        select_runs(runs, ["c"])


def test_a_file_is_replaced_only_by_force(tmp_path) -> None:
    runs, target = runs_in(tmp_path / "logs"), tmp_path / "out.csv"
    export_runs(runs, target)
    first = target.read_text()
    with pytest.raises(cb.ParameterError, match="exists"):
        export_runs(runs, target, names=["b"])
    assert first == target.read_text()
    export_runs(runs, target, names=["b"], force=True)
    assert target.read_text().splitlines()[1] == "b,0,loss,2.0,"
    assert [target] == list(tmp_path.iterdir())


@pytest.mark.parametrize("force", [False, True])
def test_logs_are_never_written_to(tmp_path, force) -> None:
    logs, elsewhere = tmp_path / "logs", tmp_path / "history.csv"
    (logs / "deep").mkdir(parents=True)
    elsewhere.write_text("epoch,loss\n0,1\n")
    runs = cb.load_runs(elsewhere)
    link = tmp_path / "link.csv"
    link.symlink_to(logs / "deep" / "new.csv")
    for target in (logs / "new.csv", logs / "deep" / "new.csv", tmp_path / "x" / ".." / "logs" / "new.csv", link):
        with pytest.raises(cb.ParameterError, match=r"lies inside .*logs are never written to"):
            export_runs(Runs(list(runs), str(logs)), target, force=force)
    with pytest.raises(cb.ParameterError, match="is the log"):
        export_runs(Runs(list(runs), str(logs)), elsewhere, force=force)
    assert ([logs / "deep"], "epoch,loss\n0,1\n") == (list(logs.iterdir()), elsewhere.read_text())


@pytest.mark.parametrize("before", [None, "kept"])
def test_an_interrupted_export_leaves_what_was_there(tmp_path, monkeypatch, before) -> None:
    target = tmp_path / "out.csv"
    if before:
        target.write_text(before)

    def interrupted(runs, wide):
        yield next(export_rows(runs, wide))
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "export_rows", interrupted)
    with pytest.raises(KeyboardInterrupt):
        exporting.export_runs(runs_in(tmp_path / "logs"), target, force=True)
    assert ([target] if before else []) == list(tmp_path.iterdir())
    assert before is None or target.read_text() == before


def test_a_file_that_appears_meanwhile_is_kept(tmp_path, monkeypatch) -> None:
    target = tmp_path / "out.csv"

    def slow(runs, wide):
        target.write_text("theirs")
        yield from export_rows(runs, wide)

    monkeypatch.setattr(exporting, "export_rows", slow)
    with pytest.raises(cb.ParameterError, match="exists"):
        exporting.export_runs(runs_in(tmp_path / "logs"), target)
    assert ([target], "theirs") == (list(tmp_path.iterdir()), target.read_text())


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path) -> None:
    (tmp_path / "there").mkdir()
    real, link = tmp_path / "there" / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    link.symlink_to(real)
    export_runs(runs_in(tmp_path / "logs"), link, force=True)
    assert (link.is_symlink(), real.read_text().startswith("run,epoch")) == (True, True)


def test_what_is_no_regular_file_is_never_replaced() -> None:
    with pytest.raises(cb.ParameterError, match="no regular file"):
        export_runs(runs_in("logs"), os.devnull, "csv", force=True)


def test_a_missing_folder_is_named_with_the_target(tmp_path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        export_runs(runs_in(tmp_path), tmp_path.parent / "none" / "out.csv")
    assert str(tmp_path.parent / "none" / "out.csv") == caught.value.filename


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'cbreplay\[parquet\]'"):
        export_runs(runs_in(tmp_path / "logs"), tmp_path / "out.parquet")
    assert list(tmp_path.iterdir()) == []


def parquet_columns(path: Path):
    table = pytest.importorskip("pyarrow.parquet").read_table(path)
    return table.schema, {name: table.column(name).to_pylist() for name in table.column_names}


def test_parquet_tells_nan_from_null(tmp_path) -> None:
    pytest.importorskip("pyarrow")
    table = {"loss": {0: (-0.0, 1.7e9), 2: math.nan}, "run": {0: 5e-324}, "metric": {2: -math.inf}}
    runs = Runs([run_of(table, "r\udcff")], str(tmp_path / "logs"))
    export_runs(runs, tmp_path / "tidy.parquet")
    schema, tidy = parquet_columns(tmp_path / "tidy.parquet")
    assert [str(kind) for kind in schema.types] == ["string", "int64", "string", "double", "double"]
    assert schema.metadata[b"epochs"] == b"0-based"
    assert list(zip(tidy["run"], tidy["epoch"], tidy["metric"], strict=True)) == [
        ("r\\udcff", 0, "loss"),
        ("r\\udcff", 0, "run"),
        ("r\\udcff", 2, "loss"),
        ("r\\udcff", 2, "metric"),
    ]
    assert list(map(bits, (-0.0, 5e-324, math.nan, -math.inf))) == list(map(bits, tidy["value"]))
    assert tidy["wall_time"] == [1.7e9, None, None, None]
    export_runs(runs, tmp_path / "wide.parquet", wide=True)
    schema, wide = parquet_columns(tmp_path / "wide.parquet")
    assert [str(kind) for kind in schema.types] == ["string", "int64", "double", "double", "double"]
    assert ([0, 2], [5e-324, None], [None, -math.inf]) == (wide["epoch"], wide["run (metric)"], wide["metric"])
    assert list(map(bits, (-0.0, math.nan))) == list(map(bits, wide["loss"]))


def test_parquet_of_the_samples_in_several_batches(tmp_path, samples, monkeypatch) -> None:
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(exporting, "_BATCH_CELLS", 50)
    runs = cb.load_runs(samples)
    export_runs(runs, tmp_path / "out.parquet")
    _, found = parquet_columns(tmp_path / "out.parquet")
    keys = zip(found["run"], found["epoch"], found["metric"], strict=True)
    assert logged_bits(runs) == dict(zip(keys, map(bits, found["value"]), strict=True))
