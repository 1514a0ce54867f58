"""``cbreplay compare`` as a user calls it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from curves import plateau

import cbreplay as cb
from cbreplay_cli.main import cli

TUNE = Path(__file__).parents[1] / "data" / "tune"


def run(*arguments, **settings):
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)], **settings)


def told(*arguments, **settings):
    return json.loads(run(*arguments, "--json", **settings).stdout)


def rules(record):
    """The stopping rule of each policy: name -> parameters."""
    return {policy["name"]: policy["rules"][0] for policy in record["policies"]}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def family(here):
    """Six trainings of 60 epochs in two folders; training loss is 1 throughout."""
    for number, wait in enumerate((2, 3, 3, 4, 5, 7)):
        rows = [f"{epoch},1,{value}" for epoch, value in enumerate(plateau(wait))]
        folder = here / "logs" / f"m{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"r{number}.csv").write_text("\n".join(["epoch,loss,val_loss", *rows]))
    return here / "logs"


def test_without_a_policy_a_few_of_them_are_compared_and_that_is_said(here, samples) -> None:
    result = run(samples, env={"COLUMNS": "80"})
    assert result.exit_code == 0
    for sentence in (
        "5 runs, 4 policies",
        "no policy was named: patience 3, 5, 10, 20",
        "counted from 1, as Keras prints them",
        "patience 3     5      0    0     77 (47%) 7.94 s   1.6%  5.4%        2",
        "patience 20    1      1    3     15 (19%) 2.47 s      0     0        0",
        "on the 2 runs that every policy decides",
        "csv_only/history looks best at the stop under patience 3, patience 5, patience 10",
        "csv_only/history       40  9 31 5.4% 17 23 0.3%     38  2 0",
        "generalisation gap  val_loss − loss: above 0 validation is worse",
        "not within the 40 logged epochs: csv_only/history",
    ):
        assert sentence in result.stdout, sentence
    assert "\x1b" not in result.stdout
    assert {path.name for path in (here / "cbreplay-report").iterdir()} == {"compare-policies.png", "compare-gap.png"}


def test_the_patience_that_is_given_is_the_one_policy_and_the_table_compares_runs(here, samples) -> None:
    result = run(samples, "--patience", "5", "--no-plots", env={"COLUMNS": "80"})
    assert "5 runs, 1 policy" in result.stdout
    (row,) = (line for line in result.stdout.splitlines() if line.startswith("overfi"))
    # epochs, stop, saved, best, at, regret, range, final, gap at the kept epoch, gap at the end
    assert row.split()[1:] == ["40", "10", "30", "1.57", "5", "0", "2.04", "3.61", "0.477", "3.52"]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(family, count, columns) -> None:
    policies = [text for p in range(count) for text in ("--policy", f"a long name of a policy {p}: patience={p + 1}")]
    result = run(family, *policies, "--no-plots", "--group-by", "folder", env={"COLUMNS": str(columns)})
    tables = [line for line in result.stdout.splitlines() if not line.startswith("  ")]
    assert max(map(len, tables)) <= columns
    assert all(f"patience={p + 1}" in result.stdout for p in range(count))


def test_where_policies_agree_there_is_a_quiet_sign(family) -> None:
    result = run(family, "--policy", "patience=2", "--policy", "again: patience=2", "--no-plots")
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("m")]
    assert [row[-1] for row in rows[:6]] == ["="] * 6
    assert "all policies agree on 6 of 6 runs" in result.stdout


def test_inline_policies_change_the_options_that_are_given(family) -> None:
    record = told(
        family, "--min-delta", "0.25", "--policy", "patience=9", "--policy", "'careful': patience=20, min-delta = 0.5",
        "--policy", "base:", "--policy", "rule=up,strips=2", "--patience", "7",
    )  # fmt: skip
    found = rules(record)
    assert list(found) == ["patience 9", "'careful'", "base", "rule up, strips 2"]
    assert [(rule.get("patience"), rule.get("min_delta")) for rule in found.values()][:3] == [
        (9, 0.25), (20, 0.5), (7, 0.25)
    ]  # fmt: skip
    assert (found["rule up, strips 2"]["rule"], found["rule up, strips 2"]["strips"]) == ("SuccessiveIncreases", 2)


def test_a_policy_says_what_is_saved_and_by_whose_rules(family) -> None:
    record = told(
        family, "--policy", "p: filepath=w-{epoch:02d}-{val_loss:.2f}.h5,save_best_only=false,restore_best_weights=yes",
        "--policy", "old: profile=keras-2.9",
    )  # fmt: skip
    stopping, saving = record["policies"][0]["rules"]
    assert (saving["filepath"], saving["save_best_only"]) == ("w-{epoch:02d}-{val_loss:.2f}.h5", False)
    assert stopping["restore_best_weights"] is True
    assert [policy["profile"] for policy in record["policies"]] == [None, "keras-2.9"]


def test_another_monitor_takes_its_direction_anew(here, samples) -> None:
    record = told(samples, "--policy", "monitor=val_accuracy", "--policy", "loss:")
    modes = [[answer["mode"] for answer in item["answers"]] for item in record["runs"]]
    assert modes == [["max", "min"]] * 5
    assert record["policies"][0]["rules"][1]["monitor"] == "val_accuracy"


SETTINGS = """
min_delta = 0.125
[{prefix}policies.careful]
patience = 20
restore-best-weights = true
[{prefix}policies.bold]
rule = "lookback"
patience = 2
"""


@pytest.mark.parametrize(("name", "prefix"), [("cbreplay.toml", ""), ("pyproject.toml", "tool.cbreplay.")])
def test_policies_stand_in_the_settings(family, name, prefix) -> None:
    text = SETTINGS.format(prefix=prefix)
    Path(name).write_text(f"[tool.cbreplay]{text}" if prefix else text)
    found = rules(told(family))
    assert list(found) == ["careful", "bold"]
    assert found["careful"].items() >= {"patience": 20, "min_delta": 0.125, "restore_best_weights": True}.items()
    assert found["bold"]["rule"] == "LookBack"
    assert list(rules(told(family, "--policy", "bold", "--policy", "now: patience=4"))) == ["bold", "now"]
    assert CliRunner().invoke(cli, ["analyze", str(family), "--no-plots"]).exit_code == 0
    assert CliRunner().invoke(cli, ["runs", str(family)]).exit_code == 0


def test_the_patience_of_the_settings_is_among_those_that_are_tried(family) -> None:
    Path("cbreplay.toml").write_text("patience = 8\n")
    assert list(rules(told(family))) == ["patience 3", "patience 5", "patience 8", "patience 10", "patience 20"]


@pytest.mark.parametrize(("rule", "name"), [("gl", "alpha 1"), ("pq", "alpha 0.5"), ("up", "strips 2")])
def test_other_rules_have_a_few_values_of_their_own(family, rule, name) -> None:
    found = rules(told(family, "--rule", rule))
    assert len(found) >= 4
    assert name in found


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        ("patience=x", "policy 'patience x': patience: 'x' is not a valid integer"),
        ("careful: patience=-1", "policy 'careful': patience: -1 is not in the range"),
        ("patienc=3", "'patienc' is no parameter of a policy; did you mean 'patience'?"),
        ("steps_per_epoch=3", "'steps_per_epoch' is no parameter of a policy"),
        ("a: alpha=3", "policy 'a': the rule 'keras' has no 'alpha'"),
        ("a: rule=gl,patience=3", "policy 'a': the rule 'gl' has no 'patience'"),
        ("a: patience=3,min_delta", "policy 'a': 'min_delta' is not KEY=VALUE"),
        ("patience=3,patience=4", "'patience' is given twice"),
        ("a: mode=up", "policy 'a': mode: 'up' is not one of"),
        ("a: restore_best_weights=maybe", "policy 'a': restore_best_weights: 'maybe' is not a valid boolean"),
        ("a: save_freq=often", "policy 'a': --save-freq is 'epoch' or a number"),
        ("a: rule=gl,monitor=val_mae", "policy 'a': --rule gl with another monitor"),
        ("a: profile=torch-1", "policy 'a': "),
        ("careful", "the settings have no [policies.careful]"),
        ("", "no policy ''"),
    ],
)
def test_a_policy_that_cannot_be_is_named_with_its_key(family, policy, sentence) -> None:
    result = run(family, "--policy", policy)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("policies = 3", "cbreplay.toml: 'policies' are tables"),
        ("[policies]\na = 3", "policy 'a' is a table of parameters"),
        ("[policies.a]\npatience = true", "policy 'a': patience is a number or text, not True"),
        ("[policies.a]\npatience = [1]", "policy 'a': patience is a number or text, not [1]"),
        ("[policies.a]\npatience = 2.5", "policy 'a': patience: '2.5' is not a valid integer"),
        ("[policies.a]\nsave_best_only = 1", "policy 'a': save_best_only is true or false, not 1"),
        ("[policies.a]\npatienc = 1", "policy 'a': 'patienc' is no parameter of a policy"),
        ("[policie.a]\npatience = 1", "'policie' is no option of cbreplay"),
    ],
)
def test_settings_that_cannot_be_are_named_too(family, text, sentence) -> None:
    Path("cbreplay.toml").write_text(text)
    result = run(family)
    assert (result.exit_code, sentence in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--policy", "patience=3", "--policy", "patience=3"], "policy 'patience 3' is given twice"),
        (["--run", "nope"], "no run 'nope'"),
        (["--run", "m0/*", "--run", "x/*"], "no run 'x/*'"),
        (["--group-by", "m"], "names no group"),
        (["--csv", "--json"], "cannot both go to stdout"),
        (["--dpi", "1"], "dpi 1 is not between"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_a_sentence(family, arguments, sentence) -> None:
    result = run(family, *arguments)
    assert (result.exit_code, sentence in result.stderr, result.stdout) == (2, True, "")


def test_a_policy_that_is_not_in_the_settings_has_a_nearest_one(family) -> None:
    Path("cbreplay.toml").write_text("[policies.careful]\npatience = 9\n")
    assert "did you mean 'careful'?" in run(family, "--policy", "carefull").stderr
    assert "there are: careful" in run(family, "--policy", "x").stderr


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["m0/r2"], ["m0/r2"]),
        (["m1/*"], ["m1/r1", "m1/r3", "m1/r5"]),
        (["m1/r5", "*r[13]", "m1/r1"], ["m1/r5", "m1/r1", "m1/r3"]),
    ],
)
def test_runs_are_chosen_by_name_or_pattern(family, names, expected) -> None:
    chosen = [text for name in names for text in ("--run", name)]
    assert [item["name"] for item in told(family, *chosen)["runs"]] == expected


def test_json_is_what_the_library_gives_and_writes_no_plots(family) -> None:
    record = told(family, "--policy", "patience=2", "--policy", "patience=6", "--group-by", "folder")
    assert record["schema"] == 1
    runs = cb.load_runs(family)
    for patience, place in ((2, 0), (6, 1)):
        expected = [cb.replay(r, cb.EarlyStopping(mode="min", patience=patience)).stopped_epoch for r in runs]
        assert [item["answers"][place]["stopped_epoch"] for item in record["runs"]] == expected
    curves = [run.values("val_loss") for run in runs if run.name.startswith("m0")]
    assert record["groups"][0]["band"]["median"] == np.median(curves, axis=0).tolist()
    assert record["groups"][0]["band"]["low"] == np.quantile(curves, 0.25, axis=0).tolist()
    assert not Path("cbreplay-report").exists()


def test_csv_has_a_row_per_run_and_policy(family) -> None:
    table = pd.read_csv(io.StringIO(run(family, "--csv", "--policy", "patience=2", "--policy", "b: patience=6").stdout))
    assert table["policy"].tolist() == ["patience 2", "b"] * 6
    assert table["stopped_epoch"].tolist()[:2] == [5, 12]
    assert not Path("cbreplay-report").exists()


def test_figures_go_where_they_are_asked_for_in_the_format_that_is_asked_for(family) -> None:
    result = run(family, "--group-by", "folder", "--out", "figures", "--figure-format", "svg")
    names = ["compare-policies.svg", "compare-groups.svg", "compare-gap.svg"]
    assert f"plots: figures/{', '.join(names)}" in result.stdout
    assert sorted(path.name for path in Path("figures").iterdir()) == sorted(names)


def test_groups_have_a_row_each(family) -> None:
    result = run(family, "--group-by", "folder", "--no-plots", "--patience", "8")
    (row,) = (line for line in result.stdout.splitlines() if line.startswith("m0 "))
    # waits 2, 3, 5: at epoch 7 (from 1) two of three have not gained yet
    assert row.split()[:2] == ["m0", "3"]
    assert "3 to 3" in row


def test_of_very_many_runs_those_that_differ_most_are_shown(here) -> None:
    (here / "logs").mkdir()
    for number in range(45):
        values = plateau(9, length=30) if number == 44 else [3.0, 2, 1, *[2.0] * 27]
        rows = [f"{epoch},1,{value}" for epoch, value in enumerate(values)]
        (here / "logs" / f"r{number:02d}.csv").write_text("\n".join(["epoch,loss,val_loss", *rows]))
    asked = ("logs", "--no-plots", "--policy", "patience=2", "--policy", "patience=3")
    short, whole = run(*asked).stdout, run(*asked, "--all-runs").stdout
    assert "those that differ most of 45 runs; --all-runs shows all" in short
    counts = [sum(line[:1] == "r" and line[1:3].isdigit() for line in text.splitlines()) for text in (short, whole)]
    assert counts == [40, 45]
    assert "median of 45 runs" in short


def test_a_run_that_would_be_picked_though_another_is_better_is_said(here) -> None:
    (here / "logs").mkdir()
    for name, values in (("late", plateau(3, gain=0.9)), ("soon", plateau(1, gain=0.5))):
        rows = [f"{epoch},1,{value}" for epoch, value in enumerate(values)]
        (here / "logs" / f"{name}.csv").write_text("\n".join(["epoch,loss,val_loss", *rows]))
    result = run("logs", "--patience", "2", "--no-plots")
    assert "soon looks best at the stop, but in the end late is better, by 0.4" in result.stdout


def test_damage_and_reasons_are_shown(here, data) -> None:
    result = run(data / "hard" / "events", "--no-plots")
    assert result.exit_code == 0
    assert "damaged: 7" in result.stdout
    assert "skipped: 3" in result.stdout


def test_strange_names_of_runs_and_policies_are_harmless(here) -> None:
    (here / "logs").mkdir()
    rows = [f"{epoch},1,{value}" for epoch, value in enumerate(plateau(2))]
    (here / "logs" / ("<b>\x1b[31m" + "x" * 150 + ".csv")).write_text("\n".join(["epoch,loss,val_loss", *rows]))
    result = run("logs", "--policy", "\x1b[2J[bold]: patience=3", "--policy", "$x_1$: patience=4", "--group-by", "seed")
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    assert "[bold]" in result.stdout


def test_real_trainings_of_which_some_were_cut_short(here) -> None:
    record = told(TUNE, "--policy", "patience=3", "--policy", "patience=8,min_delta=0.006")
    first, second = record["summaries"]
    assert (first["stopped"], first["undecided"], second["stopped"], second["undecided"]) == (20, 0, 18, 2)
    assert first["decided_by_all"]["runs"] == second["decided_by_all"]["runs"] == 18
    assert first["decided"]["saved"] > second["decided"]["saved"]
