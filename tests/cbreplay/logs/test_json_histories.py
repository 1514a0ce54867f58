"""JSON histories: what every library's file says, to the last bit, and a sentence about what it does not."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbreplay.errors import NotALogError
from cbreplay.logs import json_histories
from cbreplay.logs.histories import History
from cbreplay.logs.json_histories import looks_like_json_history, read_json_history

DATA = Path(__file__).parents[2] / "data"
HARD = DATA / "json"
OTHER = DATA / "other_json"
CASES = json.loads((HARD / "expected.json").read_text(encoding="utf-8"))["files"]
HISTORY = CASES["intact.json"]["truth"]["history"]
LIBRARY_FILES = [
    "xgboost/evals_result.json",
    "lightgbm/evals_result.json",
    "catboost/evals_result.json",
    "catboost/catboost_training.json",
    "hf_trainer/trainer_state.json",
    "ray_tune/result.json",
    "sb3/progress.json",
]
NAN, INF = math.nan, math.inf


def bits(values) -> list[str]:
    """Numbers as text that tells apart all that are not the same."""
    return [float(value).hex() for value in values]


def read_one(path: Path) -> History:
    """The history of a file that holds a single training."""
    ((suffix, history),) = read_json_history(path)
    assert suffix == ""
    return history


def columns(history: History) -> dict[str, tuple[list[int], list[float]]]:
    """The steps and the values of each metric, over all parts."""
    table: dict[str, tuple[list[int], list[float]]] = {}
    for part in history.parts:
        for tag_id, step, value in zip(part.tag_id, part.step.tolist(), part.value.tolist(), strict=True):
            steps, values = table.setdefault(part.tags[tag_id], ([], []))
            steps.append(step)
            values.append(value)
    return table


def values(history: History) -> dict[str, list[str]]:
    return {name: bits(found) for name, (_, found) in columns(history).items()}


def steps(history: History) -> list[list[int]]:
    """The steps of each part, each once."""
    return [sorted(set(part.step.tolist())) for part in history.parts]


def refused(path: Path) -> str:
    with pytest.raises(NotALogError) as caught:
        read_json_history(path)
    return str(caught.value)


@pytest.fixture
def written(tmp_path):
    """Write text, bytes or any JSON value as a file."""

    def write(content: object, name: str = "history.json") -> Path:
        path = tmp_path / name
        if not isinstance(content, bytes):
            content = (content if isinstance(content, str) else json.dumps(content)).encode()
        path.write_bytes(content)
        return path

    return write


def last(found: list[float]) -> float:
    return found[-1]


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


# The files that were damaged on purpose


@pytest.mark.parametrize("name", [*(name for name, told in CASES.items() if told.get("truth")), "strings.json"])
def test_every_form_gives_all_numbers_of_the_training(name: str) -> None:
    history = read_one(HARD / name)
    assert {key: bits(column) for key, column in HISTORY.items()} == values(history)
    assert [list(range(25))] == steps(history)
    assert ("epoch" if name in ("lines.jsonl", "pandas_records.json") else "row") == history.axis
    assert (history.damage, history.notes) == ((), ())


def test_the_parts_are_plain_exact_and_without_wall_times() -> None:
    (part,) = read_one(HARD / "intact.json").parts
    assert (str(HARD / "intact.json"), "", None, True, None) == (
        part.path, part.writer, part.started, part.exact, part.restarts_at,
    )  # fmt: skip
    assert (np.int32, np.int64, np.float64) == (part.tag_id.dtype, part.step.dtype, part.value.dtype)
    assert np.isnan(part.wall_time).all()
    assert part.step.tolist() == sorted(part.step.tolist())


def test_python_spellings_of_nan_and_infinity_are_what_they_say() -> None:
    history = read_one(HARD / "nan_tokens.json")
    assert {"loss": bits([1.0, NAN, INF]), "val_loss": bits([-INF, 0.5, 0.4])} == values(history)


def test_a_shorter_list_is_never_paired_with_epochs() -> None:
    history = read_one(HARD / "uneven_lists.json")
    assert {"loss": bits(HISTORY["loss"])} == values(history)
    assert history.notes == ("'val_loss' left out: 13 values for 25 epochs, and nothing says which",)


def test_a_file_that_was_cut_off_is_refused_with_the_place() -> None:
    assert "cut off or not JSON: Expecting ',' delimiter: line 1 column 2025" in refused(HARD / "truncated.json")


@pytest.mark.parametrize("name", ["deep.json", "deep.jsonl"])
@pytest.mark.parametrize("opened", ["[", '{"loss":', '{"a": 1}\n{"loss":' + "["])
def test_a_hundred_thousand_nested_values_do_not_crash(written, opened: str, name: str) -> None:
    told = refused(written(opened * 100_000, name))
    assert "nested too deeply" in told or "numbers" in told or "no epoch" in told


# The files of other libraries


@pytest.mark.parametrize(
    ("name", "axis", "metric", "points", "best", "step", "value"),
    [
        ("xgboost/evals_result.json", "row", "eval/logloss", 24, min, 13, 0.3311745786810653),
        ("lightgbm/evals_result.json", "row", "valid_1/multi_logloss", 22, min, 13, 0.7941725210376464),
        ("catboost/evals_result.json", "row", "validation/Accuracy", 19, max, 6, 0.9074074074074074),
        ("catboost/catboost_training.json", "step", "test/Accuracy", 19, max, 6, 0.9074074074),
        ("hf_trainer/trainer_state.json", "step", "eval_loss", 5, min, 18, 0.6819087862968445),
        ("ray_tune/result.json", "epoch", "val_loss", 20, last, 20, 0.2792493402957916),
        ("sb3/progress.json", "step", "eval/mean_reward", 10, max, 3072, 174.0),
    ],
)
def test_the_best_value_that_the_library_reported_is_found_at_its_step(
    name, axis, metric, points, best, step, value
) -> None:
    history = read_one(OTHER / name)
    steps_of, values_of = columns(history)[metric]
    assert (axis, points, ()) == (history.axis, len(values_of), history.damage)
    assert (value, step) == (best(values_of), steps_of[values_of.index(best(values_of))])
    assert len(history.parts) == 1


def test_a_trainer_state_keeps_every_record_and_the_fraction_of_the_epoch() -> None:
    table = columns(read_one(OTHER / "hf_trainer" / "trainer_state.json"))
    assert (table["loss"][0], table["epoch"][1][0]) == ([5, 10, 15, 20, 25, 30, 35, 40, 45], 0.5555555555555556)
    assert table["eval_accuracy"][0] == [9, 18, 27, 36, 45]
    assert table["train_runtime"] == ([45], [1.003])


def test_the_keys_of_ray_that_hold_no_series_are_named_once() -> None:
    history = read_one(OTHER / "ray_tune" / "result.json")
    assert list(history.notes) == [
        "left out, no series of numbers: 'done', 'trial_id', 'date', 'hostname', 'node_ip', 'config'"
    ]  # fmt: skip
    assert "checkpoint_dir_name" not in columns(history)


def test_sparse_records_are_missing_values_not_nan() -> None:
    table = columns(read_one(OTHER / "sb3" / "progress.json"))
    assert not any(math.isnan(value) for _, column in table.values() for value in column)
    assert 10 == len(table["eval/mean_reward"][1]) < len(table["train/loss"][1])


@pytest.mark.parametrize("path", ["catboost/truth.json", "hf_trainer/config.json", "ray_tune/params.json"])
def test_a_file_about_a_training_is_not_its_history(path: str) -> None:
    assert "not taken for the history of a training" in refused(OTHER / path)
    assert not looks_like_json_history(OTHER / path)


# Steps


@pytest.mark.parametrize(
    ("records", "axis", "expected"),
    [
        ([{"epoch": 1, "loss": 1}, {"epoch": 2, "loss": 2}], "epoch", [1, 2]),
        ([{"Epoch": "3", "loss": 1}, {"Epoch": "4", "loss": 2}], "epoch", [3, 4]),
        ([{"epoch": 1.0, "loss": 1}, {"epoch": 2.0, "loss": 2}], "epoch", [1, 2]),
        ([{"epoch": 0.5, "step": 10, "loss": 1}, {"epoch": 1.0, "step": 20, "loss": 2}], "step", [10, 20]),
        ([{"epoch": 0.5, "loss": 1}, {"epoch": 1.0, "loss": 2}], "row", [0, 1]),
        ([{"training_iteration": 1, "loss": 1}, {"training_iteration": 2, "loss": 2}], "epoch", [1, 2]),
        ([{"global_step": 5, "reward": 1}, {"global_step": 9, "reward": 2}], "step", [5, 9]),
        ([{"iteration": 0, "x": 1}, {"iteration": 1, "x": 2}], "step", [0, 1]),
        ([{"time/total_timesteps": 256, "x": 1}, {"time/total_timesteps": 512, "x": 2}], "step", [256, 512]),
        ([{"val_loss": 1}, {"val_loss": 2}], "row", [0, 1]),
        ([{"config": {"lr": 1}}, {"loss": 1}, {"loss": 2}], "row", [0, 1]),
    ],
)
@pytest.mark.parametrize("as_lines", [True, False])
def test_the_key_that_counts_decides_the_axis(written, records, axis, expected, as_lines) -> None:
    history = read_one(written(lines(*records) if as_lines else records))
    assert (axis, [expected], ()) == (history.axis, steps(history), history.damage)


def test_lists_beside_a_list_of_epochs_are_counted_by_it(written) -> None:
    history = read_one(written({"epoch": [1, 2, 1], "loss": [3, 2, 4], "best": 2}))
    assert (history.axis, steps(history)) == ("epoch", [[1, 2], [1]])
    assert history.notes == ("left out, no series of numbers: 'best'",)


def test_a_step_that_goes_down_begins_a_new_part(written) -> None:
    records = [{"epoch": epoch, "loss": loss} for loss, epoch in enumerate([0, 1, 1, 2, 1, 2, 0])]
    history = read_one(written(lines(*records), "log.jsonl"))
    assert steps(history) == [[0, 1, 2], [1, 2], [0]]
    assert [part.value.tolist() for part in history.parts] == [[0, 1, 2, 3], [4, 5], [6]]
    assert all(part.started is None for part in history.parts)


def test_a_record_without_a_usable_step_is_reported(written) -> None:
    records = [{"epoch": 0, "loss": 1}, {"epoch": "x", "loss": 2}, {"loss": 3}, {"epoch": 1e300, "loss": 4}]
    records += [{"epoch": epoch, "loss": 5} for epoch in range(1, 5)]
    history = read_one(written(records))
    assert steps(history) == [[0, 1, 2, 3, 4]]
    assert [(item.offset, item.kind) for item in history.damage] == [(2, "row"), (3, "row"), (4, "row")]
    assert history.damage[1].detail == "record 3: epoch is missing, not a whole number"


def test_many_reports_become_a_few(written) -> None:
    records = [{"epoch": n if n < 60 else None, "loss": n} for n in range(100)]
    history = read_one(written(records))
    assert (len(history.damage), sum(item.lost for item in history.damage)) == (21, 40)


# Values


def test_null_and_absent_keys_are_missing_and_text_is_reported(written) -> None:
    history = read_one(written(lines(
        {"epoch": 0, "loss": 1.0, "val_loss": None, "ok": True},
        {"epoch": 1, "loss": "diverged", "val_loss": 0.5, "ok": False},
        {"epoch": 2, "loss": "nan"},
    )))  # fmt: skip
    assert {"loss": ([0, 2], bits([1.0, NAN])), "val_loss": ([1], bits([0.5]))} == {
        name: (at, bits(column)) for name, (at, column) in columns(history).items()
    }
    assert [(item.offset, item.kind, item.detail) for item in history.damage] == [
        (2, "value", "line 2: loss is 'diverged', not a number: taken as missing")
    ]
    assert history.notes == ("left out, no series of numbers: 'ok'",)


def test_null_in_a_list_is_an_epoch_without_the_value(written) -> None:
    history = read_one(written({"loss": [3, 2, 1], "val_loss": [None, 0.5, None]}))
    assert columns(history) == {"loss": ([0, 1, 2], [3, 2, 1]), "val_loss": ([1], [0.5])}


def test_integers_beyond_the_range_of_a_float_are_infinite(written) -> None:
    history = read_one(written(f'{{"loss": [1, {"9" * 5000}, -{"9" * 400}]}}'))
    assert {"loss": bits([1, INF, -INF])} == values(history)


def test_of_duplicate_keys_the_last_wins(written) -> None:
    assert {"loss": bits([2.0])} == values(read_one(written('{"loss": [1.0], "loss": [2.0]}')))


def test_fifty_keys_left_out_are_not_all_named(written) -> None:
    history = read_one(written(lines(*[{"epoch": 0, "loss": 1} | {f"text{n}": "x" for n in range(50)}] * 2)))
    assert history.notes[0].endswith("'text7' and 42 more")


def test_a_lone_surrogate_in_a_name_can_be_printed(written) -> None:
    (part,) = read_one(written(r'{"loss\ud800": [1.0]}')).parts
    assert part.tags[0].encode().decode() == "loss\\ud800"


# Shapes


@pytest.mark.parametrize("orient", ["columns", "index", "records", "split"])
@pytest.mark.parametrize("indent", [None, 2])
def test_every_orient_of_pandas_is_read(tmp_path, orient: str, indent: int | None) -> None:
    path = tmp_path / "frame.json"
    pd.DataFrame(HISTORY).to_json(path, orient=orient, indent=indent, double_precision=15)
    history = read_one(path)
    found = columns(history)
    assert ("row", [list(range(25))], set(HISTORY)) == (history.axis, steps(history), set(found))
    for name, column in HISTORY.items():
        np.testing.assert_allclose(found[name][1], column, rtol=0, atol=1e-14)
    assert looks_like_json_history(path)


@pytest.mark.parametrize("orient", ["columns", "index", "split"])
def test_nan_of_a_frame_is_missing_only_where_epochs_are_counted(tmp_path, orient: str) -> None:
    path = tmp_path / "frame.json"
    frame = pd.DataFrame({"loss": [1.0, NAN, 3.0]})
    frame.to_json(path, orient=orient)
    history = read_one(path)
    assert ({"loss": bits([1, NAN, 3])}, ("1 null values are read as NaN, as pandas writes it",)) == (
        values(history),
        history.notes,
    )
    frame.assign(epoch=[0, 1, 2]).to_json(path, orient=orient)
    assert columns(read_one(path)) == {"loss": ([0, 2], [1, 3])}


def test_rows_of_a_frame_are_in_numeric_order_whatever_the_columns_hold(written) -> None:
    history = read_one(written({"loss": {"10": 3, "2": 2, "0": 1}, "val_loss": {"2": 5}}))
    assert columns(history) == {"loss": ([0, 1, 2], [1, 2, 3]), "val_loss": ([1], [5])}


def test_metrics_of_boosting_need_no_telling_name(written) -> None:
    history = read_one(written({"valid_0": {"l2": [2, 1]}}))
    assert columns(history) == {"valid_0/l2": ([0, 1], [2, 1])}


def test_catboost_with_several_test_sets(written) -> None:
    meta = {"learn_sets": ["learn"], "learn_metrics": [{"name": "R2"}], "test_sets": ["test0", "test1"]}
    rows = [{"iteration": 0, "learn": [1], "test0": [2], "test1": [3]}, {"iteration": 5, "test1": [4]}]
    history = read_one(written({"meta": meta | {"test_metrics": [{"name": "R2"}]}, "iterations": rows}))
    assert columns(history) == {"learn/R2": ([0], [1]), "test0/R2": ([0], [2]), "test1/R2": ([0, 5], [3, 4])}


@pytest.mark.parametrize(
    ("document", "suffixes"),
    [
        ([{"loss": [1, 2]}, {"loss": [3]}], ["#1", "#2"]),
        ([{"loss": [1, 2]}], [""]),
        ({"a": {"loss": [1, 2], "val_loss": [1, 2]}, "b": {"loss": [3, 4], "val_loss": [3, 4]}}, ["/a", "/b"]),
        ({"small": {"loss": [1, 2]}, "large": {"loss": [3, 4, 5]}}, ["/small", "/large"]),
        ({"history": {"loss": [1, 2], "val_loss": [1, 2]}, "params": {"epochs": 2}}, [""]),
    ],
)
def test_several_histories_in_a_file_are_several_trainings(written, document, suffixes) -> None:
    found = read_json_history(written(document))
    assert suffixes == [suffix for suffix, _ in found]
    assert [1.0, 3.0][: len(found)] == [columns(history)["loss"][1][0] for _, history in found]


def test_the_first_line_of_a_running_training_is_a_history(written) -> None:
    line = (OTHER / "ray_tune" / "result.json").read_text(encoding="utf-8").split("\n")[0]
    assert steps(read_one(written(line, "result.json"))) == [[1]]
    assert steps(read_one(written({"epoch": 7, "loss": 1}, "log.jsonl"))) == [[7]]
    assert "not taken" in refused(written({"epoch": 7, "loss": 1}, "all_results.json"))


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        [1, 2, 3],
        None,
        7,
        {"loss": []},
        {"loss": {}},
        {"loss": "mse", "epochs": 10},
        {"name": "app", "version": "1.0.0", "dependencies": {"error": "^1.0"}},
        {"hidden": [64, 32], "lr": 0.1},
        {"loss_weights": [1.0, 0.5], "layers": ["a", "b"], "lr": 0.1, "name": "x"},
        {"what": "x", "versions": {}, "history": [{"epoch": 0, "loss": 1}], "files": {"a": 1}},
        {"train": {"cat": [1, 2], "dog": [3]}, "test": {"cat": [4], "dog": [5]}},
        [{"text": "a", "label": 1}, {"text": "b", "label": 0}],
        [{"epoch": 0}, {"epoch": 1}],
        {"log_history": []},
        {"columns": ["a"], "data": [[1], [2]]},
        {"loss": ["a", "b"]},
        {"loss": [[1, 2], [3, 4]]},
        {"loss": [True, False]},
    ],
)
def test_what_is_no_history_is_refused(written, document) -> None:
    assert "not taken for the history of a training" in refused(written(document))


def test_lines_of_something_else_are_refused(written) -> None:
    assert "no epoch, step or loss" in refused(written(lines({"level": 30, "pid": 7}, {"level": 30, "pid": 7})))


# Text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_encoding_of_json_is_read(written, encoding: str, newline: str) -> None:
    text = lines({"epoch": 0, "loss é": 1.5}, {"epoch": 1, "loss é": 2.5}).replace("\n", newline)
    path = written(text.encode(encoding))
    assert columns(read_one(path)) == {"loss é": ([0, 1], [1.5, 2.5])}
    assert looks_like_json_history(path)


@pytest.mark.parametrize("cut", [1, 10, 60, 120])
def test_json_lines_are_read_up_to_the_line_that_was_cut_off(written, cut: int) -> None:
    text = (HARD / "lines.jsonl").read_text(encoding="utf-8").rstrip("\n")[:-cut]
    history = read_one(written(text, "lines.jsonl"))
    assert [list(range(24))] == steps(history)
    assert [(item.offset, item.kind, item.lost) for item in history.damage] == [(25, "truncated", 1)]


def test_a_line_in_the_middle_that_is_not_json_is_reported(written) -> None:
    history = read_one(written('{"epoch": 0, "loss": 1}\n\n{"epo\n7\n{"epoch": 2, "loss": 3}\n', "log.jsonl"))
    assert columns(history) == {"loss": ([0, 2], [1, 3])}
    assert [(item.offset, item.kind) for item in history.damage] == [(3, "row"), (4, "row")]


@pytest.mark.parametrize("content", [b"", b" \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_called_so(written, content: bytes) -> None:
    assert refused(written(content)) == "the file is empty"


def test_a_huge_file_is_refused_before_it_is_read(written, monkeypatch) -> None:
    monkeypatch.setattr(json_histories, "_MAX_BYTES", 2**20)
    assert refused(written(b" " * 3 * 2**20)) == "3 MiB of JSON: more than 1 MiB are not read"


def test_a_missing_file_is_an_os_error(tmp_path) -> None:
    with pytest.raises(OSError, match="none"):
        read_json_history(tmp_path / "none.json")
    assert not looks_like_json_history(tmp_path / "none.json")


# The sniff


@pytest.mark.parametrize("name", [*(f"json/{name}" for name in CASES if name != "deep.json"), *(
    f"other_json/{name}" for name in LIBRARY_FILES
)])  # fmt: skip
def test_every_history_looks_like_one(name: str) -> None:
    assert looks_like_json_history(DATA / name)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89HDF\r\n", "[" * 100_000, {"name": "app"}, [1, 2], {"loss": "mse", "epochs": 3}, "epoch,loss\n0,1\n"],
)
def test_other_files_do_not(written, content) -> None:
    assert not looks_like_json_history(written(content))


# Properties

METRICS = st.sampled_from(["loss", "val_loss", "accuracy", "auc é"])


@given(st.integers(1, 20).flatmap(lambda n: st.dictionaries(METRICS, st.lists(st.floats(), min_size=n, max_size=n))))
def test_every_history_of_floats_comes_back_to_the_bit(tmp_path_factory, history) -> None:
    path = tmp_path_factory.getbasetemp() / "floats.json"
    path.write_text(json.dumps(history), encoding="utf-8")
    expected = {name: bits(column) for name, column in history.items()}
    if history:
        assert expected == values(read_one(path))
        records = [dict(zip(history, row, strict=True)) for row in zip(*history.values(), strict=True)]
        path.write_text(lines(*({"epoch": n} | record for n, record in enumerate(records))), encoding="utf-8")
        assert len(records) == 1 or expected == values(read_one(path))


KEYS = st.sampled_from(
    ["loss", "val_loss", "epoch", "step", "0", "10", "train", "meta", "iterations", "learn_sets", "learn_metrics",
     "test_sets", "test_metrics", "name", "columns", "data", "log_history", "training_iteration", "\ud800", ""]
)  # fmt: skip
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)
NASTY = st.one_of(
    st.binary(max_size=200),
    st.text('{}[]",:0123456789.eE-NaInfty \n\\lossepch', max_size=200).map(str.encode),
    DOCUMENTS.map(json.dumps).map(str.encode),
    st.lists(DOCUMENTS, max_size=5).map(lambda found: lines(*found).encode()),
)


@given(NASTY, st.sampled_from(["x.json", "x.jsonl"]))
def test_any_bytes_are_read_or_refused_and_nothing_else(tmp_path_factory, content: bytes, name: str) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    assert looks_like_json_history(path) in (True, False)
    try:
        found = read_json_history(path)
    except NotALogError:
        return
    for _, history in found:
        assert history.axis in ("epoch", "step", "row")
        for part in history.parts:
            assert len(part) == len(part.value) == len(part.tag_id) == len(part.wall_time) > 0
            assert (np.diff(part.step) >= 0).all()
