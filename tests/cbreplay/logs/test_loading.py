"""A folder in, runs out: against what was seen in real trainings, and with whatever else lies in a folder."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writing import NAME, encode, keras_scalar, restart, simple, version, write_events, write_keras_run

import cbreplay as cb
from cbreplay.logs import events as events_module

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data"
LOGS = DATA / "logs"
REAL = sorted(path.parent for path in LOGS.glob("*/*/truth.json"))
EVENTS = json.loads((DATA / "hard/events/expected.json").read_text(encoding="utf-8"))["files"]
SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
Logs = dict[int, dict[str, str]]


def seen(folder: Path, name: str, *, float32: bool = False) -> dict[str, Logs]:
    """The logs of each epoch as the truth has them: the trainings of a folder by the names that they should have."""
    found: dict[str, list[Logs]] = {}
    for fit in json.loads((folder / "truth.json").read_text())["fits"]:
        key = "/".join(filter(None, [name if "sibling" not in fit or name != "." else "", fit.get("sibling")]))
        logs: Logs = {}
        for log in fit["epoch_logs"]:
            numbers = {k: float(SPECIAL.get(v, v)) for k, v in log.items() if k != "epoch"}
            logs[log["epoch"]] = {k: float(np.float32(v) if float32 else v).hex() for k, v in numbers.items()}
        trainings = found.setdefault(key, [])
        if trainings and min(logs) > min(trainings[-1]):
            trainings[-1] = {e: row for e, row in trainings[-1].items() if e < min(logs)} | logs
        else:
            trainings.append(logs)
    return {
        key if len(several) == 1 else f"{key}#{number}": logs for key, several in found.items()
        for number, logs in enumerate(several, start=1)
    }  # fmt: skip


def read(runs: cb.Runs, like: dict[str, Logs]) -> dict[str, Logs]:
    """What was read of the runs and metrics that ``like`` has."""
    result = {}
    for run in runs:
        known = {name for row in like.get(run.name, {}).values() for name in row}
        rows = enumerate(run.logs(), start=run.first_epoch)
        if known:
            result[run.name] = {e: {k: v.hex() for k, v in row.items() if k in known} for e, row in rows}
    return result


def curve(run: cb.Run, metric: str = "loss") -> dict[int, float]:
    found = run.metric(metric)
    return dict(zip(found.epoch.tolist(), found.value.tolist(), strict=True))


def names(runs: cb.Runs) -> list[str]:
    return [run.name for run in runs]


def reasons(runs: cb.Runs, folder: Path) -> dict[str, str]:
    return {Path(item.path).relative_to(folder).as_posix(): item.reason for item in runs.skipped}


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


# Real trainings


@pytest.mark.parametrize("folder", REAL, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_real_run_holds_the_logs_of_every_epoch_with_all_digits(folder: Path) -> None:
    expected = seen(folder, "tb" if (folder / "tb").exists() else "training")
    runs = cb.load_runs(folder)
    assert expected == read(runs, expected)
    assert (runs.damage, runs.skipped) == ((), ())


@pytest.mark.parametrize(
    "folder", [f for f in REAL if (f / "tb").exists()], ids=lambda folder: f"{folder.parent.name}/{folder.name}"
)
def test_its_event_files_alone_hold_the_same_as_float32(folder: Path) -> None:
    expected = seen(folder, ".", float32=True)
    runs = cb.load_runs(folder / "tb")
    assert expected == read(runs, expected)
    assert list(expected) == sorted(names(runs), key=list(expected).index)
    assert not any(name.startswith(("batch_", "evaluation_")) for run in runs for name in run.table)


def test_real_resumed_and_repeated_runs_are_named_and_noted() -> None:
    notes = {
        name: " ".join(note for run in cb.load_runs(LOGS / "tf221-keras3" / name / "tb") for note in run.notes)
        for name in ("resume", "resume_overlap", "rerun_from_zero_same_dir")
    }
    assert notes["resume"] == "session 2 resumes at epoch 9 (step 8), where callbacks start afresh"
    assert "resumes at epoch 7 (step 6), where callbacks start afresh; it replaces 20 points" in notes["resume_overlap"]
    assert notes["rerun_from_zero_same_dir"] == ("training 1 of 2 in the same place training 2 of 2 in the same place")


def test_real_batch_and_iteration_tags_are_points_and_no_metrics() -> None:
    (run,) = cb.load_runs(LOGS / "tf221-keras3" / "batch_freq" / "tb")
    assert run.epochs == 11
    assert len(run.points("train/batch_loss")) == 66
    assert run.points("evaluation_loss_vs_iterations")["step"].tolist() == list(range(6, 67, 6))


def test_the_samples_are_five_runs_each_with_its_csv(samples: Path) -> None:
    runs = cb.load_runs(samples)
    happened = json.loads((samples / "what_happened.json").read_text())
    assert ["csv_only/history", *(f"{n}/logs" for n in ("name_template", "overfitting", "ran_to_end", "stopped_early"))
            ] == names(runs)  # fmt: skip
    assert all(run.sources[-1].endswith(".csv") for run in runs)
    assert (runs.damage, runs.skipped) == ((), ())
    text = json.dumps(happened)
    assert all(repr(value) in text for run in runs for value in run.values("val_loss").tolist())


def test_reading_changes_nothing_on_disk(tmp_path, samples: Path) -> None:
    folder = shutil.copytree(samples, tmp_path / "samples")

    def state() -> list[tuple[str, float, str]]:
        return [
            (str(p), p.stat().st_mtime, hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "")
            for p in sorted(folder.rglob("*"))
        ]

    before = state()
    cb.load_runs(folder)
    assert before == state()


# Names


@pytest.mark.parametrize(
    ("path", "load", "expected"),
    [
        (NAME, ".", ["."]),
        (f"a/{NAME}", ".", ["a"]),
        (f"a/b c/{NAME}", ".", ["a/b c"]),
        (f"a/b/{NAME}", "a", ["b"]),
        (f"a/train/{NAME}", ".", ["a"]),
        (f"a/train/{NAME}", "a", ["."]),
        (f"a/train/{NAME}", "a/train", ["."]),
        (f"a/{NAME}", f"a/{NAME}", [Path(NAME).stem]),
        (f"a/train/{NAME}", f"a/train/{NAME}", [Path(NAME).stem]),
    ],
)
def test_a_run_is_named_for_its_place_below_the_folder(tmp_path, path: str, load: str, expected: list[str]) -> None:
    write_events((tmp_path / path).parent, [keras_scalar("epoch_loss", 0, 0.5)])
    assert expected == names(cb.load_runs(tmp_path / load))


@pytest.mark.parametrize(("half", "metric"), [("train", "loss"), ("validation", "val_loss")])
def test_a_half_that_is_named_itself_keeps_its_metrics_names(tmp_path, half: str, metric: str) -> None:
    write_keras_run(tmp_path, [0.5], [0.5])
    for path in (tmp_path / half, next((tmp_path / half).iterdir())):
        (run,) = cb.load_runs(path)
        assert [metric] == list(run.table)


@pytest.mark.parametrize(
    ("files", "load", "expected"),
    [
        (["h.csv"], ".", ["h"]), (["a/h.csv"], ".", ["a/h"]), (["a/h.csv"], "a/h.csv", ["h"]),
        (["h.csv", "h.tsv"], ".", ["h", "h.tsv"]), (["run_10.csv", "run_2.csv"], ".", ["run_2", "run_10"]),
        (["a.b.csv"], ".", ["a.b"]), (["x.log", "y.txt"], ".", ["x", "y"]), (["any.dat"], "any.dat", ["any"]),
    ],
)  # fmt: skip
def test_a_history_is_named_for_its_stem(tmp_path, files: list[str], load: str, expected: list[str]) -> None:
    for number, file in enumerate(files):
        sep = "\t" if file.endswith(".tsv") else ","
        write((tmp_path / file).parent, Path(file).name, f"epoch{sep}loss\n0{sep}{number}\n")
    assert expected == names(cb.load_runs(tmp_path / load))


def test_a_history_beside_a_folder_of_its_name_keeps_its_ending(tmp_path) -> None:
    write_keras_run(tmp_path / "a", [0.5], [0.5])
    write(tmp_path, "a.csv", "epoch,loss\n0,9\n")
    assert names(cb.load_runs(tmp_path)) == ["a", "a.csv"]


def test_a_folder_that_is_called_like_a_second_training_hides_none(tmp_path) -> None:
    for serial in (0, 1):
        write_keras_run(tmp_path / "run", [serial], [1], start=1.7e9 + 1000 * serial, serial=serial)
    write_keras_run(tmp_path / "run#1", [5], [5])
    runs = cb.load_runs(tmp_path)
    assert sorted(curve(run)[0] for run in runs) == [0, 1, 5]
    assert len(set(names(runs))) == 3


# Trainings in one place


rows_of_fits = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), min_size=1, max_size=4)


def fits(spans: list[tuple[int, int]]) -> list[dict[int, float]]:
    """For (first epoch, number of epochs) of each fit, its values by epoch: no two are equal."""
    return [{first + i: float(100 * serial + i) for i in range(n)} for serial, (first, n) in enumerate(spans)]


def by_policy(written: list[dict[int, float]], start: str) -> dict[str, dict[int, float]]:
    """The trainings that fits in one place are, by name: the policy in a few lines."""
    expected: list[dict[int, float]] = []
    for logs in written:
        if expected and min(logs) > min(expected[-1]):
            expected[-1] = {e: v for e, v in expected[-1].items() if e < min(logs)} | logs
        else:
            expected.append(logs)
    return {f"{start}#{n}" if len(expected) > 1 else start: logs for n, logs in enumerate(expected, start=1)}


@settings(max_examples=25, deadline=None)
@given(rows_of_fits)
def test_any_row_of_fits_is_grouped_by_the_policy(spans: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for serial, logs in enumerate(written := fits(spans)):
            values = list(logs.values())
            write_keras_run(Path(folder), values, values, min(logs), start=1.7e9 + 1000 * serial, serial=serial)
        runs = cb.load_runs(folder)
    assert by_policy(written, ".") == {run.name: curve(run) for run in runs}
    assert by_policy(written, ".") == {run.name: curve(run, "val_loss") for run in runs}


@settings(max_examples=50, deadline=None)
@given(rows_of_fits)
def test_any_row_of_fits_in_one_csv_is_grouped_by_the_same_policy(spans: list[tuple[int, int]]) -> None:
    spans = [(0, n) if serial == 0 else (first, n) for serial, (first, n) in enumerate(spans)]
    written: list[dict[int, float]] = []
    for logs in fits(spans):  # the file shows a fit only where the epoch column goes back to one that it has had
        if written and not min(written[-1]) <= min(logs) < max(written[-1]):
            continue
        written.append(logs)
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"{epoch},{value}\n" for logs in written for epoch, value in logs.items()]
        write(Path(folder), "h.csv", "epoch,loss\n" + "".join(lines))
        runs = cb.load_runs(folder)
    assert by_policy(written, "h") == {run.name: curve(run) for run in runs}


@pytest.mark.parametrize(
    ("case", "metric", "truth", "first"),
    [
        ("restart_session_log", "val_loss", "after_purge", 0),
        ("out_of_order", "val_loss", "by_step", 0),
        ("old_name", "val_loss", "val_loss", 1),
        ("zero_tail", "loss", "epoch_loss", 0),
    ],
)
def test_odd_files_give_the_curve_that_they_should(case: str, metric: str, truth: str, first: int) -> None:
    name = next(name for name in EVENTS if name.startswith(case))
    (run,) = cb.load_runs((DATA / "hard/events" / name).parent)
    assert {int(step) - first: value for step, value in EVENTS[name]["truth"][truth]} == curve(run, metric)


@pytest.mark.parametrize(
    "case",
    [
        "append_no_header",
        "header_repeated_append",
    ],
)
def test_trainings_appended_to_one_csv_are_numbered_in_their_order(case: str) -> None:
    truth = json.loads((DATA / "hard/csv/expected.json").read_text())["files"]
    epochs = [truth[f"{case}.csv"]["truth"][run] for run in ("run1", "run2")]
    runs = cb.load_runs(DATA / "hard/csv" / f"{case}.csv")
    assert {f"{case}#{n}": count for n, count in enumerate(epochs, start=1)} == {run.name: run.epochs for run in runs}
    first, second = (curve(run) for run in runs)
    assert first.items() <= second.items()


def test_of_two_values_of_a_step_the_last_counts_and_it_is_said() -> None:
    (run,) = cb.load_runs(DATA / "hard/events/duplicate_steps")
    name = next(name for name in EVENTS if name.startswith("duplicate_steps"))
    assert {int(step): value for step, value in EVENTS[name]["truth"]["points"]} == curve(run, "val_loss")
    assert run.notes == ("6 steps were written more than once: the value written last counts",)


def test_of_two_values_of_an_epoch_in_a_csv_the_last_counts_and_it_is_said(tmp_path) -> None:
    write(tmp_path, "h.csv", "epoch,loss\n0,1\n0,2\n1,3\n")
    (run,) = cb.load_runs(tmp_path)
    assert curve(run) == {0: 2, 1: 3}
    assert any("written more than once" in note for note in run.notes)


def test_a_writer_that_purges_when_it_goes_on_is_taken_at_its_word(tmp_path) -> None:
    write_events(tmp_path, [keras_scalar("epoch_loss", i, i) for i in range(8)])
    later = [restart(5, 1.8e9), *(keras_scalar("epoch_loss", i, 10 + i, 1.8e9 + i) for i in (6, 7, 8))]
    write_events(tmp_path, later, "events.out.tfevents.1800000000.host.2.0")
    (run,) = cb.load_runs(tmp_path)
    assert curve(run) == {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 6: 16, 7: 17, 8: 18}
    assert [int(note.split("replaces ")[1].split()[0]) for note in run.notes if "replaces" in note] == [3]


def test_a_restart_that_wrote_nothing_removes_nothing_without_a_word(tmp_path) -> None:
    write_events(tmp_path, [simple("loss", i, i) for i in range(8)])
    write_events(tmp_path, [restart(5, 1.8e9)], "events.out.tfevents.1800000000.host.2.0")
    (run,) = cb.load_runs(tmp_path)
    assert len(curve(run)) == 8 or any("3 points" in note for note in run.notes)


def test_a_file_of_0_bytes_does_not_change_what_the_others_are(tmp_path) -> None:
    folder = shutil.copytree(LOGS / "tf221-keras3/rerun_from_zero_same_dir", tmp_path / "run")
    (folder / "tb/train/events.out.tfevents.1600000000.vm.1.0.v2").touch()
    expected = seen(folder, "tb")
    assert expected == read(cb.load_runs(folder), expected)


def test_a_session_that_died_at_once_changes_no_curve(tmp_path) -> None:
    write_events(tmp_path / "train", [], "events.out.tfevents.1600000000.host.1.0.v2")
    write_keras_run(tmp_path, [1, 0.5], [1, 0.75])
    (run,) = cb.load_runs(tmp_path)
    assert (curve(run), curve(run, "val_loss")) == ({0: 1, 1: 0.5}, {0: 1, 1: 0.75})


# Writers of one run


def test_train_validation_and_writers_beside_them_are_one_run(tmp_path) -> None:
    write_keras_run(tmp_path / "a", [1, 0.5], [1, 0.75])
    write_events(tmp_path / "a" / "custom", [simple("gap", i, i, 1.7e9 + 10 * i) for i in range(2)])
    write_events(tmp_path / "a" / "custom" / "deeper", [simple("x", 0, 1.0)])
    runs = cb.load_runs(tmp_path)
    assert names(runs) == ["a", "a/custom/deeper"]
    assert {"loss", "val_loss", "custom/gap"} == set(runs[0].table)
    assert len(runs[0].sources) == 3


def test_a_writer_of_another_time_is_a_run_of_its_own(tmp_path) -> None:
    write_keras_run(tmp_path, [1, 0.5], [1, 0.75])
    write_events(tmp_path / "other", [simple("x", i, i, 1.6e9) for i in range(2)])
    runs = cb.load_runs(tmp_path)
    assert [names(runs), list(runs["other"].table)] == [[".", "other"], ["x"]]


def test_folders_without_halves_are_runs_of_their_own(tmp_path) -> None:
    for folder in (".", "a", "a/b", "val"):
        write_events(tmp_path / folder, [simple("loss", i, i) for i in range(2)])
    assert names(cb.load_runs(tmp_path)) == [".", "a", "a/b", "val"]


@pytest.mark.parametrize("first", [0, 20, 30])
def test_a_counter_of_batches_beside_a_resumed_run_changes_nothing(tmp_path, first: int) -> None:
    for serial, (begin, count) in enumerate([(0, 4), (3, 3)]):
        values = [float(10 * serial + i) for i in range(count)]
        write_keras_run(tmp_path, values, values, begin, start=1.7e9 + 100 * serial, serial=serial)
        steps = range(30) if serial == 0 else range(first, first + 30)
        write_events(
            tmp_path / "custom", [simple("x", i, i, 1.7e9 + 100 * serial + i) for i in steps],
            f"events.out.tfevents.{1700000000 + 100 * serial}.host.1.9",
        )  # fmt: skip
    (run,) = cb.load_runs(tmp_path)
    assert curve(run) == {0: 0, 1: 1, 2: 2, 3: 10, 4: 11, 5: 12}
    assert run.fit_epochs == ((0, 4), (3, 6))
    assert [n[n.index("replaces") :][:17] for n in run.notes if "replaces" in n] == ["replaces 2 points"]


@pytest.mark.parametrize(("train", "val"), [("train", "val"), ("train", "validation"), ("train", "test")])
@pytest.mark.parametrize(
    ("steps", "kind"), [([0, 1, 2], "epoch"), ([1, 2, 3], "epoch"), ([100, 200, 300], "evaluation")]
)
def test_halves_of_other_frameworks_are_on_the_axis_that_their_steps_tell(tmp_path, train, val, steps, kind) -> None:
    for folder in (train, val):
        write_events(tmp_path / folder, [simple("loss", step, i, 1.7e9 + i) for i, step in enumerate(steps)])
    (run,) = cb.load_runs(tmp_path)
    assert kind == run.axis.kind
    assert [0, 1, 2] == list(curve(run)) == list(curve(run, "val_loss"))


@pytest.mark.parametrize("first", [0, 1])
def test_a_record_that_is_lost_leaves_a_hole_and_moves_no_epoch(tmp_path, first: int) -> None:
    whole = [simple("val_loss", first + i, i / 8) for i in range(20)]
    data = bytearray(encode([version(), *whole]))
    data[len(encode([version(), *whole[:5]])) + 20] ^= 1
    (tmp_path / NAME).write_bytes(data)
    (run,) = cb.load_runs(tmp_path)
    assert {i: i / 8 for i in range(20) if i != 5} == curve(run, "val_loss")


# Histories beside event files


def test_a_csv_with_the_same_values_joins_and_gives_all_digits(tmp_path) -> None:
    write_keras_run(tmp_path / "tb", [0.1, 0.2], [0.3, 0.4])
    write(tmp_path, "training.csv", "epoch,loss,val_loss,lr\n0,0.1,0.3,1e-3\n1,0.2,0.4,1e-4\n")
    (run,) = cb.load_runs(tmp_path)
    assert (run.name, curve(run), curve(run, "lr")) == ("tb", {0: 0.1, 1: 0.2}, {0: 1e-3, 1: 1e-4})
    assert [Path(source).name for source in run.sources[2:]] == ["training.csv"]


def test_a_csv_fills_what_the_event_files_lack_and_says_so(tmp_path) -> None:
    write_events(tmp_path / "train", [keras_scalar("epoch_loss", step, step / 8) for step in (0, 3)])
    write(tmp_path, "training.csv", "epoch,loss\n" + "".join(f"{e},{e / 8}\n" for e in range(4)))
    (run,) = cb.load_runs(tmp_path)
    assert {e: e / 8 for e in range(4)} == curve(run)
    assert "training.csv fills 2 values that the event files lack" in run.notes


def test_a_csv_that_disagrees_is_a_run_of_its_own_and_both_say_so(tmp_path) -> None:
    write_keras_run(tmp_path / "tb", [0.1, 0.2], [0.3, 0.4])
    write(tmp_path, "training.csv", "epoch,loss\n0,0.1\n1,0.25\n")
    runs = cb.load_runs(tmp_path)
    assert names(runs) == ["tb", "training"]
    assert all("disagree beyond float32 rounding in 1 of 2 shared values" in run.notes[-1] for run in runs)


@pytest.mark.parametrize("given", [True, False])
def test_a_history_that_lies_elsewhere_joins_when_it_is_given(tmp_path, given: bool) -> None:
    write_keras_run(tmp_path / "logs", [0.1, 0.2], [0.3, 0.4])
    csv = write(tmp_path / "other", "h.csv", "epoch,loss,acc\n0,0.1,1\n1,0.2,2\n")
    (run,) = cb.load_runs(tmp_path / "logs", histories=[csv] if given else [])
    assert given is ("acc" in run.table)


def test_a_history_that_was_found_and_given_is_read_once(tmp_path, monkeypatch) -> None:
    csv = write(tmp_path / "logs", "h.csv", "epoch,loss\n0,1\n")
    monkeypatch.chdir(tmp_path)
    assert names(cb.load_runs("logs", histories=[csv])) == ["h"]


def test_given_histories_of_one_name_are_all_runs_with_names_of_their_own(tmp_path) -> None:
    given = [write(tmp_path / name, "training.csv", f"epoch,loss\n0,{i}\n") for i, name in enumerate("abc")]
    write_keras_run(tmp_path / "logs", [9.0], [9.0])
    runs = cb.load_runs(tmp_path / "logs", histories=given)
    assert len(set(names(runs))) == 4


def test_two_trainings_in_one_csv_join_the_two_of_the_event_files(tmp_path) -> None:
    for serial, values in enumerate([[1, 2], [3, 4, 5]]):
        write_keras_run(tmp_path / "tb", values, values, start=1.7e9 + 1000 * serial, serial=serial)
    write(tmp_path, "t.csv", "epoch,loss,acc\n0,1,1\n1,2,1\n0,3,2\n1,4,2\n2,5,2\n")
    runs = cb.load_runs(tmp_path)
    assert {"tb#1": {1.0}, "tb#2": {2.0}} == {run.name: set(curve(run, "acc").values()) for run in runs}


def test_an_empty_history_is_a_run_without_epochs(tmp_path) -> None:
    write(tmp_path, "h.csv", "epoch,loss\n")
    (run,) = cb.load_runs(tmp_path)
    assert (run.name, run.epochs, run.table) == ("h", 0, {})


# Damage, and what is no log


def test_every_damaged_file_is_reported_and_every_other_one_read() -> None:
    folder = DATA / "hard/events"
    runs = cb.load_runs(folder)
    refused = {"garbage": "not an event file", "gzipped": "gzip", "text": "git-LFS pointer"}
    assert sorted(refused) == sorted(name.split("/")[0] for name in reasons(runs, folder))
    assert all(refused[name.split("/")[0]] in reason for name, reason in reasons(runs, folder).items())
    assert {name.rsplit("/", 1)[0] for name in EVENTS} - set(refused) == set(names(runs))
    assert {run.name: item.kind for run in runs for item in run.damage} == {
        "truncated_last_record": "truncated", "truncated_in_length": "truncated", "flipped_byte_in_data": "checksum",
        "flipped_byte_in_length": "length", "zero_tail": "length", "huge_length_valid_crc": "truncated",
        "tag_not_utf8": "event",
    }  # fmt: skip
    assert [item for run in runs for item in run.damage] == list(runs.damage)


def test_every_history_is_read_or_refused_by_name() -> None:
    folder = DATA / "hard/csv"
    runs = cb.load_runs(folder)
    assert {"binary.csv", "empty.csv", "transposed.csv"} == set(reasons(runs, folder))
    stems = {path.stem for path in folder.iterdir() if path.suffix in (".csv", ".tsv")}
    assert stems - {"binary", "empty", "transposed"} == {run.name.partition("#")[0] for run in runs}
    assert {"cut_mid_number", "no_final_newline", "nonfinite_spellings", "ragged"} == {
        run.name for run in runs if run.damage
    }


def test_damage_of_a_file_of_two_trainings_is_told_once() -> None:
    part = b"".join(encode([simple("loss", i, i) for i in range(3)]) for _ in range(2))
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / NAME).write_bytes(encode([version()]) + part + b"torn")
        runs = cb.load_runs(name)
    assert [len(runs[0].damage), len(runs[1].damage), len(runs.damage)] == [1, 1, 1]


def test_a_file_that_cannot_be_read_is_reported_and_the_others_are_read(tmp_path, monkeypatch) -> None:
    write_keras_run(tmp_path / "a", [1], [1])
    closed = write_events(tmp_path / "b", [simple("loss", 0, 1)])
    real = events_module.open_regular

    def refuse(path: Path, **how: int):
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return real(path, **how)

    monkeypatch.setattr(events_module, "open_regular", refuse)
    runs = cb.load_runs(tmp_path)
    assert (["a"], {f"b/{NAME}": "cannot be read: Permission denied"}) == (names(runs), reasons(runs, tmp_path))


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may read everything")
def test_files_and_folders_without_permission_are_reported(tmp_path) -> None:
    write_keras_run(tmp_path / "a", [1], [1])
    write_events(tmp_path / "b", [simple("loss", 0, 1)]).chmod(0)
    write(tmp_path, "h.csv", "epoch,loss\n0,1\n").chmod(0)
    write_events(tmp_path / "c", [simple("loss", 0, 1)])
    (tmp_path / "c").chmod(0)
    try:
        runs = cb.load_runs(tmp_path)
    finally:
        (tmp_path / "c").chmod(0o700)
    assert names(runs) == ["a"]
    assert {"c", "h.csv", f"b/{NAME}"} == set(reasons(runs, tmp_path))
    assert all("Permission denied" in reason for reason in reasons(runs, tmp_path).values())


def test_a_folder_full_of_traps_is_read_once_and_reported(tmp_path) -> None:
    write_keras_run(tmp_path / "run_a", [1, 0.5], [1, 0.75])
    links = {"run_a/up": "..", "self": ".", "l1": "l2", "l2": "l1", "latest": "run_a", "fs": "/"}
    for link, target in links.items():
        (tmp_path / link).symlink_to(target)
    for folder in "bcd":
        (tmp_path / f"run_{folder}").mkdir()
    (tmp_path / "run_b" / NAME).symlink_to(f"../run_a/train/{NAME}")
    (tmp_path / "run_c" / NAME).mkdir()
    os.mkfifo(tmp_path / "run_d" / NAME)
    (tmp_path / "run_d" / "dangling.csv").symlink_to("missing")
    runs = cb.load_runs(tmp_path)
    assert (names(runs), len(runs[0].sources)) == (["run_a"], 2)
    assert {"run_a/up", "self", "latest", "fs", f"run_b/{NAME}", f"run_d/{NAME}", "run_d/dangling.csv"} == set(
        reasons(runs, tmp_path)
    )


def test_a_file_that_vanishes_meanwhile_is_reported(tmp_path) -> None:
    write_keras_run(tmp_path / "a", [1], [1])
    gone = write_events(tmp_path / "b", [simple("loss", 0, 1)])
    runs = cb.load_runs(tmp_path, progress=lambda done, total: gone.unlink(missing_ok=True))
    assert (["a"], {f"b/{NAME}"}) == (names(runs), set(reasons(runs, tmp_path)))


def test_a_log_that_is_still_being_written_is_read_as_far_as_it_goes(tmp_path) -> None:
    write_keras_run(tmp_path, [1, 0.5], [1, 0.75])
    path = next((tmp_path / "train").iterdir())
    path.write_bytes(path.read_bytes() + struct.pack("<Q", 60))
    (run,) = cb.load_runs(tmp_path)
    assert (curve(run), [item.kind for item in run.damage]) == ({0: 1, 1: 0.5}, ["truncated"])


# The call


def test_a_folder_without_logs_has_no_runs(tmp_path) -> None:
    write(tmp_path, "README.md", "nothing here")
    runs = cb.load_runs(tmp_path)
    assert (len(runs), runs.damage, runs.skipped) == (0, (), ())


@pytest.mark.parametrize("kind", [str, Path])
def test_a_missing_path_raises_an_error_of_ours_that_names_it(tmp_path, kind) -> None:
    with pytest.raises(cb.LogNotFoundError, match="nowhere: no such file or folder"):
        cb.load_runs(kind(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"h\.csv: no such history file"):
        cb.load_runs(kind(tmp_path), histories=[kind(tmp_path / "h.csv")])


def test_progress_counts_every_file_up_to_all_of_them(tmp_path) -> None:
    write_keras_run(tmp_path / "a", [1], [1])
    write(tmp_path, "h.csv", "epoch,loss\n0,7\n")
    write(tmp_path, "broken.csv", "")
    calls: list[tuple[int, int]] = []
    cb.load_runs(tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_planned_epochs_are_given_or_inferred_from_siblings(tmp_path) -> None:
    for name, count in (("a", 20), ("b", 20), ("c", 7)):
        values = [ord(name) + i for i in range(count)]
        write_keras_run(tmp_path / name, values, values)
    assert [(r.planned.epochs, r.planned.known_from) for r in cb.load_runs(tmp_path)] == [(20, "siblings")] * 3
    assert [(r.planned.epochs, r.planned.known_from) for r in cb.load_runs(tmp_path, planned_epochs=50)] == [
        (50, "given")
    ] * 3


def test_runs_are_in_natural_order_of_their_names(tmp_path) -> None:
    for name in ("run_10", "run_2", "run_1/fold_10", "run_1/fold_9", "b", "10", "9"):
        write_events(tmp_path / name, [simple("loss", 0, 1)])
    assert names(cb.load_runs(tmp_path)) == ["9", "10", "b", "run_1/fold_9", "run_1/fold_10", "run_2", "run_10"]


def test_a_given_epoch_axis_holds_for_event_files_and_epoch_columns_and_leaves_rows_alone(tmp_path) -> None:
    write_keras_run(tmp_path / "a", [3, 2, 1], [3, 2, 1])
    write(tmp_path, "b.csv", "epoch,loss\n1,7\n2,6\n")
    write(tmp_path, "c.csv", "loss,val_loss\n7,7\n6,6\n")
    axes = {run.name: run.axis.sentence for run in cb.load_runs(tmp_path, epoch_axis="from-0")}
    assert axes == {
        "a": "as given, the step counts epochs from 0",
        "b": "as given, the step counts epochs from 0",
        "c": "no epoch column: rows are numbered from 0",
    }
    assert [run.first_epoch for run in cb.load_runs(tmp_path / "b.csv", epoch_axis="from-0")] == [1]


def test_an_unknown_epoch_axis_is_refused_with_the_known_ones(tmp_path) -> None:
    with pytest.raises(cb.ParameterError, match="epoch_axis must be one of auto, from-0, from-1, evaluations, got 'x'"):
        cb.load_runs(tmp_path, epoch_axis="x")
