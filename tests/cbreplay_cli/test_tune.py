"""``cbreplay tune`` as a user calls it."""

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
WAITS = (1, 2, 3, 4, 5, 7)


def run(*arguments, **settings):
    return CliRunner().invoke(cli, ["tune", *map(str, arguments)], **settings)


@pytest.fixture
def family(here):
    """Six trainings of 60 epochs, of which patience 8 finds every best."""
    for number, wait in enumerate(WAITS):
        rows = [f"{epoch},1,{value}" for epoch, value in enumerate(plateau(wait))]
        folder = here / "logs" / f"m{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"r{number}.csv").write_text("\n".join(["epoch,loss,val_loss", *rows]))
    return here / "logs"


def test_one_screen_tells_what_to_use_and_how_sure_that_is(here) -> None:
    result = run(TUNE)
    assert result.exit_code == 0
    for sentence in (
        "20 runs, val_loss (min)",
        "14 taken for whole, 6 stopped early, or may have been; the advice rests on 14",
        "advice   EarlyStopping(monitor='val_loss', patience=8, min_delta=0.006, mode='min')",
        "saves    85.4% of the epochs [",
        "costs    mean regret 0.87% of a run's range [",
        "held out above the limit: saves ",
        "weights  the best are kept by ModelCheckpoint(save_best_only=True) or restore_best_weights=True",
        "left out if the 6 runs left out lost more than 1.29% of a run's range on average",
        "sure?    95% of resampled sets of runs choose",
        "ranking  the same run looks best at the stop; rank correlation",
        "half     at 0.5%: patience 12",
        "double   at 2%: patience 10, min_delta 0.03",
        "noise    val_loss scatters by 0.005388",
        "6 runs left out: cut short, or may have been",
        "keras.callbacks.EarlyStopping(monitor='val_loss', patience=8, min_delta=0.006, mode='min')",
        "← advice",
    ):
        assert sentence in result.stdout, sentence
    assert {path.name for path in (here / "cbreplay-report").iterdir()} == {
        "tuning-map.png", "tuning-front.png", "tuning-training.png", "tuning-runs.png"
    }  # fmt: skip
    assert "\x1b" not in result.stdout


def test_json_is_one_object_with_everything_and_writes_no_plots(family) -> None:
    result = run(family, "--json", "--max-regret", "0", "--min-delta", "0", "--current-patience", "3")
    told = json.loads(result.stdout)
    assert told["schema"] == 1
    assert told["advice"]["rule"]["patience"] == 8
    assert told["policy"] == {"monitor": "val_loss", "min_delta": 0.0, "patience": 8, "mode": "min"}
    assert told["toml"].splitlines()[2] == "patience = 8"
    assert told["current"]["rule"]["patience"] == 3
    assert told["refusal"] is None
    assert len(told["cells"]) == 51
    assert {run["kind"] for run in told["runs"]} == {"complete"}
    assert "planned epochs of 6 runs are 60, inferred: 6 of 6 runs with the same metrics end there" in told["notes"]
    assert not (family.parent / "cbreplay-report").exists()


def test_csv_has_a_row_for_every_cell(family) -> None:
    result = run(family, "--csv", "--patience", "1..3,9", "--min-delta", "0,0.1")
    table = pd.read_csv(io.StringIO(result.stdout))
    assert table["patience"].tolist() == [1, 2, 3, 9] * 2
    assert table["min_delta"].tolist() == [0.0] * 4 + [0.1] * 4
    assert {"saved", "regret", "regret_final_relative", "missed", "undecided_share", "top1_regret"} < set(table)


def test_the_sweep_can_be_kept_row_by_row(family) -> None:
    run(family, "--sweep-csv", "sweep.csv", "--patience", "1,8", "--min-delta", "0", "--no-plots")
    found = pd.read_csv("sweep.csv")
    expected = cb.sweep(cb.load_runs(family), mode="min", patience=[1, 8], min_delta=0)
    assert found["stopped_epoch"].tolist() == expected["stopped_epoch"].tolist()
    assert found["run"].tolist() == expected["run"].tolist()


def test_a_refusal_says_why_and_what_to_do(here) -> None:
    for patience in range(3, 9):
        values = plateau(patience)[:7] + patience / 1000
        rows = [f"{epoch},1,{value}" for epoch, value in enumerate(values)]
        (here / f"r{patience}.csv").write_text("\n".join(["epoch,loss,val_loss", *rows]))
    result = run(here, "--planned-epochs", "60", "--no-plots")
    assert result.exit_code == 0
    assert "refused  no advice: 6 of 6 runs were cut short, or may have been" in result.stdout
    assert "--censored bound or ignore" in result.stdout
    taken = run(here, "--planned-epochs", "60", "--no-plots", "--censored", "ignore")
    assert "advice   EarlyStopping(" in taken.stdout
    assert "taken for whole: regret is against what they reached" in taken.stdout


def test_groups_have_a_line_each(family) -> None:
    result = run(family, "--group-by", "folder", "--no-plots", "--max-regret", "0")
    assert "group    m0 (3 runs): no advice, 3 runs cannot support an advice" in result.stdout


def test_another_rule_comes_with_its_code(family) -> None:
    result = run(family, "--rule", "up", "--max-regret", "20%", "--no-plots", "--no-compare", "--strip-length", "1")
    assert "class SuccessiveIncreases(keras.callbacks.Callback):" in result.stdout
    assert "callback = SuccessiveIncreases(" in result.stdout


def test_the_policy_of_the_settings_file_is_that_of_today(family) -> None:
    (family.parent / "cbreplay.toml").write_text("patience = 3\nmin_delta = 0.5\nmonitor = 'val_loss'\n")
    result = run(family, "--no-plots", "--max-regret", "0")
    assert "today    patience 3, min_delta 0.5 saves" in result.stdout
    assert "advice   EarlyStopping(monitor='val_loss', patience=8, mode='min')" in result.stdout


def test_the_environment_gives_a_policy_of_today_and_options_of_its_own(family) -> None:
    result = run(family, "--no-plots", env={"CBREPLAY_PATIENCE": "3", "CBREPLAY_MAX_REGRET": "0%"})
    assert "today    patience 3 saves" in result.stdout
    assert "mean regret of at most 0%" in result.stdout


def test_another_rule_in_the_settings_is_what_is_used_today(family) -> None:
    (family.parent / "cbreplay.toml").write_text('rule = "smoothed"\nsmoothing = 0.5\npatience = 4\n')
    assert "today    patience 4, smoothing 0.5 saves" in run(family, "--no-plots").stdout


@pytest.mark.parametrize("name", ["logs/m0/r0.csv", "logs/sweep.csv", "there.csv"])
def test_a_sweep_never_replaces_a_file_or_lands_among_the_logs(family, name) -> None:
    (family.parent / "there.csv").write_text("mine")
    before = (family / "m0" / "r0.csv").read_bytes()
    result = run(family, "--no-plots", "--sweep-csv", name)
    assert result.exit_code == 2
    assert (family / "m0" / "r0.csv").read_bytes() == before
    assert (family.parent / "there.csv").read_text() == "mine"
    assert not (family / "sweep.csv").exists()


def test_an_advice_that_does_not_hold_on_other_runs_says_so_first(here) -> None:
    assert "held out above the limit: saves 86.6%" in run(TUNE, "--no-plots").stdout


@pytest.mark.parametrize("lines", [
    'rule = "gl"\nalpha = 40.0', 'rule = "smoothed"\nsmoothing = 0.5\npatience = 4', 'rule = "up"\nstrips = 1',
])  # fmt: skip
def test_an_advised_policy_can_be_analyzed(family, lines) -> None:
    (family.parent / "cbreplay.toml").write_text(f"{lines}\n")
    told = json.loads(CliRunner().invoke(cli, ["analyze", str(family), "--json"]).stdout)
    name = {"gl": "GeneralizationLoss", "smoothed": "SmoothedEarlyStopping", "up": "SuccessiveIncreases"}
    assert told["policy"]["early_stopping"]["rule"] == name[lines.split('"')[1]]
    assert {item["verdict"] for item in told["runs"]} == {"stopped"}


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["--max-regret", "much"], "no share such as 1%"),
    (["--patience", "1..x"], "no list of numbers"),
    (["--patience", "9..1"], "no list of numbers"),
    (["--min-delta", "a"], "no list of numbers"),
    (["--budget", "0%"], "a budget is a share"),
    (["--budget", "50%", "--max-regret", "1%"], "not both"),
    (["--csv", "--json"], "cannot both go to stdout"),
    (["--group-by", "m"], "names no group"),
    (["--smoothing", "1", "--rule", "smoothed"], "smoothing of the sweep cannot be 1"),
    (["--confidence", "100%"], "confidence must lie between 0 and 1"),
    (["--confidence", "95"], "did you mean 95%?"),
    (["--budget", "60"], "did you mean 60%?"),
    (["--max-regret", "5"], "did you mean 5%"),
    (["--seed", "-1"], "is not in the range"),
])  # fmt: skip
def test_wrong_usage_is_exit_code_2_and_a_sentence(family, arguments, sentence) -> None:
    result = run(family, *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_a_strange_name_of_a_run_is_harmless(here) -> None:
    name = "<script>alert(1)\x1b[31m" + "x" * 150
    for number in range(6):
        rows = [f"{epoch},1,{value}" for epoch, value in enumerate(plateau(2 + number))]
        (here / f"{name}{number}.csv").write_text("\n".join(["epoch,loss,val_loss", *rows]))
    result = run(here, "--group-by", "seed", "--out", here.parent / "plots")
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout


def test_numbers_keep_their_order_and_ranges_hold_both_ends() -> None:
    from cbreplay_cli.values import Numbers

    assert Numbers(whole=True).convert("5,0..4..2", None, None) == (5, 0, 2, 4)
    assert Numbers(whole=False).convert("1e-3, 0", None, None) == (1e-3, 0.0)
    assert np.isinf(Numbers(whole=False).convert("inf", None, None)[0])
