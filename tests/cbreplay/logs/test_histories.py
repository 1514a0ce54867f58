"""Histories: what every CSV of the trainings says, to the last bit, and a sentence about what it does not."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbreplay.errors import NotALogError
from cbreplay.logs.histories import History, looks_like_history, parse_number, read_history

DATA = Path(__file__).parents[2] / "data"
HARD = DATA / "hard" / "csv"
CASES = json.loads((HARD / "expected.json").read_text(encoding="utf-8"))["files"]
HISTORY = CASES["intact.csv"]["truth"]["history"]
TRAINING = sorted(DATA.glob("logs/*/*/training*.csv"))
PANDAS = sorted(DATA.glob("logs/*/*/history*.csv"))
SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
NAN, INF = "nan", "inf"


def bits(values) -> list[str]:
    """Numbers as text that tells apart all that are not the same."""
    return [float(SPECIAL.get(value, value)).hex() for value in values]


def name(path: Path) -> str:
    return path.relative_to(DATA / "logs").as_posix()


def rows(history: History) -> list[list[tuple[int, dict[str, str]]]]:
    """For each part: (step, {column: number as text}) of each of its steps."""
    parts = []
    for part in history.parts:
        table: dict[int, dict[str, str]] = {}
        for tag_id, step, value in zip(part.tag_id, part.step.tolist(), bits(part.value), strict=True):
            table.setdefault(step, {})[part.tags[tag_id]] = value
        parts.append(sorted(table.items()))
    return parts


def columns(history: History) -> dict[str, list[str]]:
    """Each column of a history that is one training, as text."""
    (table,) = rows(history)
    names = dict.fromkeys(name for _, row in table for name in row)
    return {name: [row[name] for _, row in table if name in row] for name in names}


def steps(history: History) -> list[list[int]]:
    return [[step for step, _ in part] for part in rows(history)]


@pytest.fixture
def written(tmp_path):
    """Write text (or bytes) as a file and read it as a history."""

    def write(content: str | bytes, name: str = "history.csv") -> History:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_history(path)

    return write


# The files that were damaged on purpose


@pytest.mark.parametrize("name", [name for name, told in CASES.items() if "history" in (told.get("truth") or {})])
def test_every_dialect_gives_all_numbers_of_the_training(name: str) -> None:
    history = read_history(HARD / name)
    assert {key: bits(values) for key, values in CASES[name]["truth"]["history"].items()} == columns(history)
    first = 1 if name == "epoch_from_1.csv" else 0
    assert [list(range(first, first + 25))] == steps(history)
    assert ("row" if name in ("index_column.csv", "no_epoch.csv") else "epoch") == history.axis
    assert [item.kind for item in history.damage if name != "no_final_newline.csv"] == []


@pytest.mark.parametrize("name", ["cut_mid_number.csv", "no_final_newline.csv"])
def test_a_last_line_without_its_end_is_read_and_flagged(name: str) -> None:
    history = read_history(HARD / name)
    assert [(d.offset, d.kind, d.lost) for d in history.damage] == [(26, "truncated", 0)]
    assert "may be cut off" in history.damage[0].detail
    whole = CASES["cut_mid_number.csv"]["truth"]["good_rows"]
    assert {key: bits(values[:whole]) for key, values in HISTORY.items()} == {
        key: values[:whole] for key, values in columns(history).items()
    }
    assert len(columns(history)["val_loss"]) == 25


def test_ragged_rows_are_named_and_never_shift_a_value() -> None:
    history = read_history(HARD / "ragged.csv")
    bad = CASES["ragged.csv"]["truth"]["bad_lines"]
    assert [(line, "row", 1) for line in bad] == [(d.offset, d.kind, d.lost) for d in history.damage]
    left = [epoch for epoch in range(25) if epoch + 2 not in bad]
    assert [left] == steps(history)
    assert {key: bits(values[epoch] for epoch in left) for key, values in HISTORY.items()} == columns(history)


@pytest.mark.parametrize("name", ["header_repeated_append.csv", "append_no_header.csv"])
def test_a_training_appended_to_another_is_a_part_of_its_own(name: str) -> None:
    truth, history = CASES[name]["truth"], read_history(HARD / name)
    assert [list(range(truth["run1"])), list(range(truth["run2"]))] == steps(history)
    assert [bits(HISTORY["loss"][: truth[run]]) for run in ("run1", "run2")] == [
        [row["loss"] for _, row in part] for part in rows(history)
    ]
    assert ["line 14" in note for note in history.notes] == [True] * (name == "header_repeated_append.csv")


def test_every_spelling_of_nan_infinity_and_missing_is_what_it_says() -> None:
    meant = {
        "nan": NAN, "NaN": NAN, "NAN": NAN, "-nan": NAN, "inf": INF, "-inf": "-inf", "Infinity": INF,
        "-Infinity": "-inf", "+inf": INF, "1.#IND": NAN, "-1.#QNAN": NAN, "1.#INF": INF, "": None, "NA": None,
        "N/A": None, "null": None, "None": None, "#DIV/0!": None, "1e400": INF, "-1e400": "-inf", "--": None,
    }  # fmt: skip
    history = read_history(HARD / "nonfinite_spellings.csv")
    assert CASES["nonfinite_spellings.csv"]["truth"]["spellings"] == list(meant)
    assert list(meant.values()) == [row.get("val_loss") for _, row in rows(history)[0]]
    assert [(d.offset, d.kind, d.lost) for d in history.damage] == [(19, "value", 1)]
    assert "'#DIV/0!'" in history.damage[0].detail


@pytest.mark.parametrize(
    ("name", "expected", "left_out"),
    [
        ("list_cells.csv", {"val_loss": HISTORY["val_loss"][:5]}, ["'per_class'"]),
        ("newline_in_cell.csv", {"val_loss": HISTORY["val_loss"][:4]}, ["'note'"]),
        (
            "formula.csv",
            {"=cmd|'/C calc'!A0": [1] * 4, "<b>val_loss</b>": [2] * 4, "val_loss": HISTORY["val_loss"][:4]},
            [],
        ),
    ],
)
def test_odd_columns_are_read_exactly_or_left_out_by_name(name, expected, left_out) -> None:
    history = read_history(HARD / name)
    assert {key: bits(values) for key, values in expected.items()} == columns(history)
    assert tuple(f"columns without a number are left out: {column}" for column in left_out) == history.notes
    assert history.damage == ()


def test_values_on_several_rows_of_an_epoch_are_joined_and_empty_is_missing() -> None:
    history = read_history(HARD / "sparse_lightning_like.csv")
    found = columns(history)
    assert bits(CASES["sparse_lightning_like.csv"]["truth"]["val_loss"]) == found["val_loss"]
    assert bits(HISTORY["loss"][:6]) == found["train_loss"]
    assert [list(range(6))] == steps(history)


def test_a_header_without_rows_is_an_empty_history() -> None:
    history = read_history(HARD / "header_only.csv")
    assert (history.parts, history.axis, history.damage, history.notes) == ((), "epoch", (), ())


@pytest.mark.parametrize(
    ("name", "told"),
    [("empty.csv", "empty"), ("binary.csv", "binary"), ("transposed.csv", "epochs seem to be columns")],
)
def test_what_is_no_history_is_refused_with_what_it_is(name: str, told: str) -> None:
    with pytest.raises(NotALogError, match=told):
        read_history(HARD / name)


def test_a_cell_longer_than_pythons_limit_is_read_and_the_limit_left_as_it_was(written) -> None:
    before = csv.field_size_limit()
    history = written(f"epoch,note,val_loss\n0,{'x' * 300_000},0.5\n1,y,0.25\n")
    assert {"val_loss": bits([0.5, 0.25])} == columns(history)
    assert before == csv.field_size_limit()


def test_thousands_of_columns_work(written) -> None:
    names = [f"m{i}" for i in range(4000)]
    lines = [",".join([str(epoch), *(str(epoch + i / 8) for i in range(4000))]) for epoch in range(3)]
    found = columns(written("\n".join([",".join(["epoch", *names]), *lines, ""])))
    assert names == list(found)
    assert bits([3999 / 8, 1 + 3999 / 8, 2 + 3999 / 8]) == found["m3999"]


def test_200_000_rows_are_read_in_seconds(written) -> None:
    values = [1 + 1 / (1 + row) for row in range(200_000)]
    (part,) = written("step,loss\n" + "".join(f"{row},{value!r}\n" for row, value in enumerate(values))).parts
    assert list(range(200_000)) == part.step.tolist()
    assert values == part.value.tolist()


def test_the_report_on_many_bad_rows_stays_small_and_counts_them_all(written) -> None:
    history = written("epoch,loss\n0,1.0\n" + "1,2,3\n" * 1000)
    assert (len(history.damage), sum(item.lost for item in history.damage)) == (21, 1000)
    assert "980 more like these" in history.damage[-1].detail


def test_every_case_of_the_damaged_files_is_looked_at_here() -> None:
    generated = {"long_cell.csv", "many_columns.csv", "rows_200k.csv"}
    text = Path(__file__).read_text(encoding="utf-8")
    unseen = [n for n, told in CASES.items() if "history" not in (told.get("truth") or {}) and f'"{n}"' not in text]
    assert [name for name in unseen if name not in generated] == []
    assert generated == {name for name in CASES if not (HARD / name).exists()}


# Real files


def fits_of(folder: Path) -> dict[str, list[dict]]:
    """The fits of a run by what the names of their CSVs end with."""
    fits = json.loads((folder / "truth.json").read_text())["fits"]
    if "sibling" in fits[0]:
        return {"_" + re.sub(r"\W+", "_", fit["sibling"]): [fit] for fit in fits}
    return {"": fits, **{f"_{number}": [fit] for number, fit in enumerate(fits, start=1)}}


@pytest.mark.parametrize("path", TRAINING, ids=name)
def test_what_csvlogger_wrote_equals_the_logs_of_every_epoch_of_every_fit(path: Path) -> None:
    history = read_history(path)
    header = re.split("[,;]", path.read_text().splitlines()[0])
    assert header == ["epoch", *history.parts[0].tags]
    logs = [log for fit in fits_of(path.parent)[path.stem[len("training") :]] for log in fit["epoch_logs"]]
    expected = [(log["epoch"], {key: bits([log[key]])[0] for key in header[1:] if key in log}) for log in logs]
    found = [
        (step, {key: value for key, value in row.items() if any(key in log for log in logs)})
        for part in rows(history) for step, row in part
    ]  # fmt: skip
    assert expected == found
    assert history.damage == ()


@pytest.mark.parametrize("path", PANDAS, ids=name)
def test_what_pandas_made_of_a_history_equals_the_history(path: Path) -> None:
    fit = fits_of(path.parent)[path.stem[len("history") :]][0]
    history = read_history(path)
    assert history.axis == "row"
    assert {key: bits(values) for key, values in fit["history"].items()} == columns(history)


def test_the_real_histories_are_there() -> None:
    assert (len(TRAINING), len(PANDAS)) == (24, 25)


# Numbers


@given(st.lists(st.floats(), min_size=1, max_size=20), st.sampled_from([",", ";", "\t", "|"]), st.booleans())
def test_any_numbers_come_back_bit_for_bit(tmp_path_factory, values, separator, twice) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator)
    writer.writerow(["epoch", "loss", "val_loss"])
    writer.writerows([epoch, repr(value), repr(-value)] for epoch, value in enumerate(values))
    path = tmp_path_factory.getbasetemp() / "any_numbers.csv"
    path.write_bytes(stream.getvalue().encode("utf-16" if twice else "utf-8"))
    history = read_history(path)
    assert {"loss": bits(values), "val_loss": bits(-value for value in values)} == columns(history)
    assert (history.damage, history.notes) == ((), ())


@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_any_numbers_that_pandas_writes_come_back_bit_for_bit(tmp_path_factory, values) -> None:
    path = tmp_path_factory.getbasetemp() / "any_frame.csv"
    pd.DataFrame({"loss": values, "val_loss": values}).to_csv(path)
    assert {"loss": bits(values), "val_loss": bits(values)} == columns(read_history(path))


LETTERS = "epoch,loss;0123456789.-+einfa\"'\r\n\t| #"


@given(st.one_of(st.binary(max_size=200), st.text(LETTERS, max_size=200).map(str.encode)))
def test_any_bytes_are_a_history_or_refused_in_a_sentence(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any_bytes.csv"
    path.write_bytes(data)
    try:
        lengths = [(len(part.step), len(part.tag_id)) for part in read_history(path).parts]
    except NotALogError as error:
        lengths, told = [], str(error)
        assert_sentence(told)
    assert [(max(pair), max(pair)) for pair in lengths] == lengths


def assert_sentence(told: str) -> None:
    assert len(told) > 10
    assert "\n" not in told


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("0.1", 0.1), ("1e-5", 1e-5), ("-0.0", -0.0), ("5e-324", 5e-324), ("1.797e308", 1.797e308),
        ("+1.#INF", math.inf), ("-1.#INF", -math.inf), ("1.#SNAN", math.nan), ("<NA>", None), ("n/a", None),
        ("-", None),
    ],
)  # fmt: skip
def test_a_cell_is_a_number_or_says_that_there_is_none(cell: str, expected: float | None) -> None:
    number = parse_number(cell)
    assert (expected if expected is None else bits([expected])) == (number if number is None else bits([number]))


@pytest.mark.parametrize("cell", ["abc", "1_000", "0,5", "0x10", "1.5 s", "[1.0]", "True", "#REF!"])
def test_a_cell_of_other_text_is_no_number(cell: str) -> None:
    with pytest.raises(ValueError, match=re.escape(cell)):
        parse_number(cell)


# Dialects


@pytest.mark.parametrize(
    ("text", "missing"),
    [("epoch,loss,x\n0,1,{}\n1,2,0.5\n", None), (",loss,x\n0,1,{}\n1,2,0.5\n", NAN), ("loss,x\n1,{}\n2,0.5\n", NAN)],
)
def test_empty_is_missing_beside_an_epoch_column_and_nan_in_what_pandas_writes(written, text, missing) -> None:
    assert (NAN, None, missing) == tuple(
        rows(written(text.format(cell)))[0][0][1].get("x") for cell in ("nan", "NA", "")
    )


def test_empty_cells_that_became_nan_are_counted_in_a_note(written) -> None:
    assert ["2 empty cells are read as NaN" in note for note in written(",loss,x\n0,1,\n1,2,\n").notes] == [True]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_every_separator_line_end_and_encoding_is_found(written, separator, end, encoding) -> None:
    text = end.join(["epoch,loss,größe", "0,0.5,1.5", "1,0.25,2.5", ""]).replace(",", separator)
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    assert {"loss": bits([0.5, 0.25]), "größe": bits([1.5, 2.5])} == columns(written(mark + text.encode(encoding)))


def test_a_header_that_is_not_utf8_is_kept_readable(written) -> None:
    assert list(columns(written("epoch,loss,größe\n0,1,2\n".encode("latin-1")))) == ["loss", "gr\\xf6\\xdfe"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("epoch;loss\n0;0,5\n1;0,25\n", [0.5, 0.25]),
        ("epoch;loss\n0;5\n1;0,25\n", [5.0, 0.25]),
        ("epoch;loss\n0;-1,5\n1;2,5e-05\n", [-1.5, 2.5e-05]),
        ("epoch\tloss\r\n0\t0,5\r\n1\t0.25\r\n", [0.5, 0.25]),
        pytest.param(
            "epoch;loss;size\n0;1,5E-05;1\n1;2,5E-05;1\n", [1.5e-05, 2.5e-05],
        ),
        pytest.param(
            '"epoch";"loss";"size"\n"0";"0,5";"1"\n"1";"0,25";"1"\n', [0.5, 0.25],
        ),
    ],
)  # fmt: skip
def test_a_decimal_comma_is_read_as_such(written, text: str, expected: list[float]) -> None:
    assert bits(expected) == columns(written(text))["loss"]


@pytest.mark.parametrize(
    ("header", "axis"),
    [
        ("epoch,loss", "epoch"), ("Epoch,loss", "epoch"), (" epoch , loss", "epoch"), ("epochs,loss", "epoch"),
        ("loss,epoch", "epoch"), ("step,loss", "step"), ("iteration,loss", "step"), ("step,epoch", "epoch"),
        (",loss", "row"), ("index,loss", "row"), ("Unnamed: 0,loss", "row"), ("loss,accuracy", "row"),
    ],
)  # fmt: skip
def test_the_column_that_counts_is_found_by_its_name(written, header: str, axis: str) -> None:
    assert axis == written(f"{header}\n0,0\n1,1\n").axis


def test_of_two_columns_of_one_name_the_first_is_read_and_it_is_said(written) -> None:
    history = written("epoch,loss,acc,loss\n0,0.5,1,9\n1,0.25,1,9\n")
    assert {"loss": bits([0.5, 0.25]), "acc": bits([1, 1])} == columns(history)
    assert list(history.notes) == ["column 'loss' occurs more than once: the first one is read"]


def test_two_rows_of_one_epoch_are_both_kept(written) -> None:
    (part,) = written("epoch,loss\n0,0.5\n0,0.25\n1,0.125\n").parts
    assert (part.step.tolist(), part.value.tolist()) == ([0, 0, 1], [0.5, 0.25, 0.125])


def test_blank_lines_are_nothing_and_lines_are_counted_with_them(written) -> None:
    history = written("\nepoch,loss\n\n0,0.5\n\n1,0.25,9\n2,oops\n3,0.125\n")
    assert steps(history) == [[0, 3]]
    assert [(item.offset, item.kind) for item in history.damage] == [(6, "row"), (7, "value")]


@pytest.mark.parametrize("epoch", ["0.5", "nan", "inf", "two", "1e30"])
def test_a_row_whose_epoch_is_no_whole_number_is_reported(written, epoch: str) -> None:
    history = written(f"epoch,loss\n0,0.5\n{epoch},0.25\n2,0.125\n")
    assert steps(history) == [[0, 2]]
    assert [(d.offset, d.kind, d.lost) for d in history.damage] == [(3, "row", 1)]


def test_rows_without_an_epoch_are_left_out_and_counted(written) -> None:
    history = written("epoch,loss,lr\n,,0.1\n0,0.5,\n,,0.2\n1,0.25,\n")
    assert {"loss": bits([0.5, 0.25])} == columns(history)
    assert (history.notes, history.damage) == (("2 rows have no epoch: left out",), ())


def test_a_word_among_numbers_is_missing_and_reported_with_its_line(written) -> None:
    history = written("epoch,loss\n0,0.5\n1,oops\n2,0.25\n")
    assert [(0, {"loss": bits([0.5])[0]}), (2, {"loss": bits([0.25])[0]})] == rows(history)[0]
    assert [(item.offset, item.kind, item.detail) for item in history.damage] == [
        (3, "value", "loss is 'oops', not a number: taken as missing")
    ]


def test_a_quote_that_is_never_closed_costs_the_lines_behind_it_and_says_so(written) -> None:
    history = written('epoch,loss\n0,1\n1,2\n2,"3\n3,4\n4,5\n5,6\n')
    assert steps(history) == [[0, 1]]
    assert [(item.offset, item.lost) for item in history.damage] == [(4, 4)]


def test_points_of_a_history_carry_their_file_and_all_digits_but_no_time(written, tmp_path) -> None:
    (part,) = written("epoch,loss\n0,0.1\n").parts
    assert (str(tmp_path / "history.csv"), "", None, True, None) == (
        part.path, part.writer, part.started, part.exact, part.restarts_at,
    )  # fmt: skip
    assert math.isnan(part.wall_time[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            pd.DataFrame({"loss": [1, math.nan, 0.5], "val_loss": [2, math.nan, 1.5]}).to_csv(index=False),
            [(0, bits([1])[0]), (1, NAN), (2, bits([0.5])[0])],
            id="a row of nothing but NaN, as pandas writes it without its index",
        ),
        pytest.param(
            "epoch,loss\n0,0.5\n2,0.25\n1,0.375\n3,0.125\n", [(i, bits([0.5 - i / 8])[0]) for i in range(4)],
            id="rows out of order, none of them twice",
        ),
    ],
)  # fmt: skip
def test_no_row_is_lost_or_moved(written, text, expected) -> None:
    assert [expected] == [[(step, row["loss"]) for step, row in part] for part in rows(written(text))]


def test_an_index_column_that_starts_again_is_another_training(written) -> None:
    assert steps(written(",loss\n0,1.0\n1,0.9\n0,1.0\n1,0.8\n2,0.7\n")) == [[0, 1], [0, 1, 2]]


# What is refused


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        (b"PK\x03\x04\x00\x00rest", "binary"),
        ("name,age\nada,36\n", "not taken for the history"),
        ("just some words\nand more\n", "not taken for the history"),
        ("epoch,loss\n0,a\n1,b\n", "no column holds a usable number"),
        ("metric,0,1,2\nloss,3,2,1\n", "epochs seem to be columns"),
        pytest.param(
            "0,0.5,0.6\n1,0.4,0.5\n", "no column names",
        ),
        ("0.5\n0.25\n", "no column names"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_in_a_sentence(written, text: str | bytes, told: str) -> None:
    with pytest.raises(NotALogError, match=told):
        written(text)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"epoch,loss\n0,1\n", True), (b"step\tloss\n", True), (b"Epoch;loss\n", True), (b"epoch\n0\n", False),
        (b"INFO epoch 1, loss 2\n", False), (b"loss,epoch\n", False), (b"", False), (b"epoch,\0loss\n", False),
        (b"\xff\xfe\xfa,epoch\n", False),
    ],
)  # fmt: skip
def test_a_file_of_any_name_is_a_history_when_it_starts_with_an_epoch_column(tmp_path, content, expected) -> None:
    (tmp_path / "x.log").write_bytes(content)
    assert expected is looks_like_history(tmp_path / "x.log")


def test_a_file_that_cannot_be_opened_does_not_look_like_a_history(tmp_path) -> None:
    assert looks_like_history(tmp_path / "missing.log") is False
