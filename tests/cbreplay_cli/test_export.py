"""``cbreplay export`` as a user calls it: the file, the streams, the exit codes."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys

import pytest
from click.testing import CliRunner
from writing import write_keras_run

import cbreplay as cb
from cbreplay_cli.main import cli


@pytest.fixture(autouse=True)
def only_export(monkeypatch) -> None:
    monkeypatch.setattr("cbreplay_cli.main._COMMANDS", ("export",))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with the logs of two runs."""
    monkeypatch.chdir(tmp_path)
    write_keras_run(tmp_path / "logs" / "one", [1.0, 0.5], [1.5, math.nan])
    write_keras_run(tmp_path / "logs" / "two", [0.25], [0.125])
    return tmp_path


def export(*arguments, **settings):
    return CliRunner().invoke(cli, ["export", *map(str, arguments)], **settings)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_tidy_csv_goes_to_stdout_and_nothing_else(here) -> None:
    result = export("logs")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [(row["run"], row["epoch"], row["metric"], row["value"]) for row in rows_of(result.stdout)] == [
        ("one", "0", "loss", "1.0"),
        ("one", "0", "val_loss", "1.5"),
        ("one", "1", "loss", "0.5"),
        ("one", "1", "val_loss", "nan"),
        ("two", "0", "loss", "0.25"),
        ("two", "0", "val_loss", "0.125"),
    ]
    assert result.stdout == export("logs", "-o", "-", "--tidy", "--format", "csv").stdout
    assert [path.name for path in here.iterdir()] == ["logs"]


def test_wide_has_a_column_for_each_metric(here) -> None:
    result = export("--logdir", "logs", "--wide")
    assert result.stdout == "run,epoch,loss,val_loss\none,0,1.0,1.5\none,1,0.5,nan\ntwo,0,0.25,0.125\n"


def test_the_samples_match_their_runs(here, samples) -> None:
    found = {(r["run"], r["epoch"], r["metric"]): r["value"] for r in rows_of(export(samples).stdout)}
    expected = {
        (run.name, str(epoch), name): repr(value)
        for run in cb.load_runs(samples)
        for name, metric in run.table.items()
        for epoch, value in zip(metric.epoch.tolist(), metric.value.tolist(), strict=True)
    }
    assert expected == found


def test_the_ending_tells_the_format_and_stdout_stays_empty(here) -> None:
    for name, first in (("out.csv", "run,epoch"), ("out.json", "{")):
        result = export("logs", "-o", name)
        assert (result.exit_code, result.stdout) == (0, "")
        assert f"{name}: 6 values of 2 runs" in result.stderr
        assert (here / name).read_text().startswith(first)


def test_format_goes_before_the_ending(here) -> None:
    assert export("logs", "-o", "out.csv", "--format", "json").exit_code == 0
    assert json.loads((here / "out.csv").read_text())["epochs"] == "0-based"


def test_json_is_short_for_its_format(here) -> None:
    told = json.loads(export("logs", "--json", "--wide").stdout)
    assert (told["schema"], told["cbreplay"]) == (1, cb.__version__)
    assert told["rows"][1] == {"run": "one", "epoch": 1, "loss": 0.5, "val_loss": "NaN"}
    assert export("logs", "--json", "--format", "json").exit_code == 0
    result = export("logs", "--json", "--format", "csv")
    assert (result.exit_code, "contradict" in result.stderr) == (2, True)


def test_runs_can_be_chosen(here) -> None:
    assert {"two"} == {row["run"] for row in rows_of(export("logs", "--run", "two").stdout)}
    both = [row["run"] for row in rows_of(export("logs", "--run", "two", "--run", "one", "--wide").stdout)]
    assert both == ["two", "one", "one"]


@pytest.mark.parametrize("target", ["-", "out.csv"])
def test_an_unknown_run_is_an_error_with_the_nearest_names(here, target) -> None:
    result = export("logs", "--run", "on", "-o", target)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no run 'on' in logs; there are: one" in result.stderr
    assert [path.name for path in here.iterdir()] == ["logs"]


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("target", ["logs/out.csv", "logs/one/train/out.csv", "sub/../logs/x.json"])
def test_logdir_is_never_written_to(here, target, force) -> None:
    (here / "sub").mkdir()
    before = sorted(here.rglob("*"))
    result = export("logs", "-o", target, *force)
    assert (result.exit_code, "lies inside logs: logs are never written to" in result.stderr) == (2, True)
    assert before == sorted(here.rglob("*"))


def test_a_log_that_is_a_single_file_is_never_replaced(here, samples) -> None:
    text = (samples / "csv_only" / "history.csv").read_text()
    for name in ("a.csv", "b.csv"):
        (here / name).write_text(text)
    for logdir, *options in (("a.csv",), ("logs", "--history", "a.csv")):
        result = export(logdir, *options, "-o", "a.csv", "--force")
        assert (result.exit_code, "is the log a.csv" in result.stderr) == (2, True)
    assert export("a.csv", "-o", "b.csv", "--force").exit_code == 0
    assert (here / "a.csv").read_text() == text


def test_a_file_is_replaced_only_by_force(here) -> None:
    (here / "out.csv").write_text("mine")
    result = export("logs", "-o", "out.csv")
    assert (result.exit_code, "out.csv exists: name another file, or give --force" in result.stderr) == (2, True)
    assert (here / "out.csv").read_text() == "mine"
    assert export("logs", "-o", "out.csv", "--force").exit_code == 0
    assert (here / "out.csv").read_text().startswith("run,")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("-o", "out.xls"), "'out.xls' is none of csv, json, parquet: give --format"),
        (("-o", "none/out.csv"), "none/out.csv: No such file or directory"),
        (("-o", "logs"), "is a directory"),
        (("--format", "parquet"), "parquet cannot be written to stdout: name a file with --output"),
    ],
)
def test_what_cannot_be_written_is_said_in_a_sentence(here, options, sentence) -> None:
    result = export("logs", *options)
    assert (result.exit_code, sentence in result.stderr) == (2, True)
    assert [path.name for path in here.iterdir()] == ["logs"]


def test_parquet_without_pyarrow_says_what_to_install(here, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = export("logs", "-o", "out.parquet")
    assert (result.exit_code, "pip install 'cbreplay[parquet]'" in result.stderr) == (2, True)


def test_parquet_is_read_by_pandas(here) -> None:
    pytest.importorskip("pyarrow")
    import pandas as pd

    assert export("logs", "-o", "out.parquet", "--wide").exit_code == 0
    frame = pd.read_parquet(here / "out.parquet")
    assert (list(frame.columns), frame["loss"].tolist()) == (["run", "epoch", "loss", "val_loss"], [1.0, 0.5, 0.25])


def test_a_damaged_log_is_exported_as_far_as_it_goes_and_that_is_said(here) -> None:
    (event,) = (here / "logs" / "one" / "train").iterdir()
    data = bytearray(event.read_bytes())
    data[60] ^= 1
    event.write_bytes(data)
    (here / "logs" / "notes.csv").write_text("some,words\nand,more\n")
    result = export("logs")
    assert result.exit_code == 0
    assert result.stderr == "the logs have 1 damaged place and 1 skipped file: see cbreplay runs logs\n"
    assert rows_of(result.stdout)


def test_nothing_readable_is_an_error_and_leaves_no_file(here) -> None:
    (here / "empty").mkdir()
    result = export("empty", "-o", "out.csv")
    assert (result.exit_code, "no readable log" in result.stderr, (here / "out.csv").exists()) == (2, True, False)


def test_a_reader_that_stops_early_is_no_error(here) -> None:
    write_keras_run(here / "logs" / "long", [0.1] * 4000, [0.2] * 4000)
    code = "import cbreplay_cli.main as m; m._COMMANDS = ('export',); m.cli(['export', 'logs'])"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"run,epoch,metric,value,wall_time\n"
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (0, b"")
