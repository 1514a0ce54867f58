"""The commands as a user calls them: output, exit codes, and never a traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from calling import run
from writing import write_keras_run

from cbreplay._version import __version__
from cbreplay.scanner import active_reader
from cbreplay_cli.main import cli


def test_analyze_answers_for_each_sample(here, samples) -> None:
    result = run("analyze", samples)
    assert result.exit_code == 0
    for sentence in (
        "stopped_early/logs  26 epochs",
        "verdict  stops at the end of epoch 26 of 26 (stopped_epoch 25, from 0) · the log ends there",
        "keeps    model_ckpt.h5 from epoch 21 (index 20) · on disk:",
        "verdict  stops at the end of epoch 10 of 40 (stopped_epoch 9, from 0) · saves 30 epochs",
        "val_accuracy is best at another epoch: 12 (0.6067)",
        "verdict  runs to its planned end, epoch 40",
        "a better val_loss came later",
        "epochs   counted from 1, as Keras prints them",
    ):
        assert sentence in result.stdout
    assert "\x1b" not in result.stdout
    assert {"overview.png", "overfitting-logs.png"} < {path.name for path in (here / "cbreplay-report").iterdir()}
    assert len(list((here / "cbreplay-report").iterdir())) == 6


def test_analyze_json_is_one_object_and_writes_no_plots(here, samples) -> None:
    result = run("analyze", samples, "--json")
    assert len(json.loads(result.stdout)["runs"]) == 5
    assert not (here / "cbreplay-report").exists()
    run("analyze", samples, "--json", "--out", here / "plots")
    assert (here / "plots" / "overview.png").exists()


def test_analyze_takes_a_single_file_and_logdir_as_an_option(here, samples) -> None:
    csv = samples / "csv_only" / "history.csv"
    assert "stops at the end of epoch 17 of 40" in run("analyze", "--logdir", csv, "--no-plots").stdout
    (event,) = (samples / "overfitting" / "logs" / "validation").iterdir()
    assert "stops at the end of epoch 10 of 40" in run("analyze", event, "--no-plots").stdout


def test_rule_options_reach_the_rules(here, samples) -> None:
    options = ["--patience", "3", "--min-delta", "0.01", "--restore-best-weights", "--filepath", "m-{epoch:02d}.h5"]
    result = json.loads(run("analyze", samples / "overfitting", "--json", *options).stdout)
    stopping = result["policy"]["early_stopping"]
    assert tuple(stopping[k] for k in ("patience", "min_delta", "restore_best_weights", "mode")) == (
        3,
        0.01,
        True,
        "min",
    )
    assert {f"m-{e + 1:02d}.h5": e for e in range(5)} == result["runs"][0]["files"]
    assert result["runs"][0]["restored_epoch"] == 4


def test_another_monitor_takes_its_direction_from_the_rule(here, samples) -> None:
    result = json.loads(run("analyze", samples, "--json", "--monitor", "val_accuracy").stdout)
    assert {"max"} == {item["mode"] for item in result["runs"]}
    assert result["policy"]["model_checkpoint"]["monitor"] == "val_accuracy"


def test_lookback_can_be_chosen(here, samples) -> None:
    result = json.loads(run("analyze", samples, "--json", "--rule", "lookback").stdout)
    assert result["policy"]["early_stopping"]["rule"] == "LookBack"


def test_a_flag_goes_before_the_environment_and_that_before_the_file(here, samples) -> None:
    def patience(*flags, **environment):
        told = run("analyze", samples, "--json", *flags, env=environment).stdout
        return json.loads(told)["policy"]["early_stopping"]["patience"]

    assert patience() == 5
    (here / "pyproject.toml").write_text("[tool.cbreplay]\npatience = 6\n")
    assert patience() == 6
    (here / "cbreplay.toml").write_text("patience = 7\n")
    assert patience() == 7
    assert patience(CBREPLAY_PATIENCE="8") == 8
    assert patience("--patience", "9", CBREPLAY_PATIENCE="8") == 9


def test_a_broken_settings_file_is_named(here, samples) -> None:
    (here / "cbreplay.toml").write_text("patience = \n")
    result = run("runs", samples)
    assert (result.exit_code, "cbreplay.toml" in result.stderr) == (2, True)


def test_many_runs_are_a_table(here) -> None:
    for number in range(12):
        write_keras_run(here / "logs" / f"run_{number}", [1.0] * 9, [1.0, 0.5] + [0.75] * 7)
    result = run("analyze", "logs", "--no-plots", env={"COLUMNS": "80"})
    assert "12 stop, 0 complete (–), 0 undecided (?); saved 24 of 108 epochs" in result.stdout
    rows = [line for line in result.stdout.splitlines() if line.startswith("run_")]
    assert [f"run_{n}" for n in range(12)] == [row.split()[0] for row in rows]
    assert all(len(row) <= 80 for row in rows)


def test_plots_never_go_into_the_log_folder(here) -> None:
    write_keras_run(here / "logs", [1.0], [1.0])
    inside = run("analyze", "logs", "--out", here / "logs" / "plots")
    assert (inside.exit_code, "inside LOGDIR" in inside.stderr) == (2, True)
    default = run("analyze", ".")
    assert (default.exit_code, "no plots" in default.stderr) == (0, True)
    assert [path.name for path in here.iterdir()] == ["logs"]


def test_runs_lists_what_is_there(here, samples) -> None:
    result = run("runs", samples)
    assert result.exit_code == 0
    for sentence in (
        "5 runs in", "metrics  accuracy, learning_rate, loss, val_accuracy, val_loss",
        "epochs   1 to 26 (from 1); the step is Keras' 0-based epoch", "stopped_early/training.csv",
        "planned  40 epochs, inferred: 2 of",
    ):  # fmt: skip
        assert sentence in result.stdout
    told = json.loads(run("runs", samples, "--json").stdout)
    assert [item["epochs"] for item in told["runs"] if item["name"] == "stopped_early/logs"] == [26]


@pytest.mark.parametrize("command", ["analyze", "runs"])
def test_damage_and_skipped_files_are_shown(here, data, command) -> None:
    result = run(command, data / "hard" / "events")
    assert result.exit_code == 0
    assert "damaged: 7" in result.stdout
    assert (
        "at byte 4140: the payload and its checksum disagree, behind 52 sound records (68 bytes lost)" in result.stdout
    )
    assert "skipped: 3" in result.stdout
    assert "git-LFS pointer" in result.stdout


def _missing(folder: Path) -> Path:
    return folder / "nowhere"


def _empty(folder: Path) -> Path:
    return folder


def _no_log(folder: Path) -> Path:
    (folder / "notes.md").write_text("nothing")
    return folder


def _no_event_file(folder: Path) -> Path:
    (folder / "events.out.tfevents.1.host").write_text("not really")
    return folder


def _no_numbers(folder: Path) -> Path:
    (folder / "training.csv").write_text("epoch,loss\n0,high\n1,low\n")
    return folder


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (_missing, "no such file or folder"),
        (_empty, "no readable log; looked for event files"),
        (_no_log, "no readable log; looked for event files"),
        (_no_event_file, "not an event file: no sound record in it"),
        (_no_numbers, "no column holds a usable number"),
    ],
)
@pytest.mark.parametrize("command", ["analyze", "runs"])
def test_nothing_readable_is_exit_code_2_and_a_sentence(here, make, sentence, command) -> None:
    result = run(command, make(here))
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_unreadable_files_are_named_and_the_rest_goes_on(here) -> None:
    write_keras_run(here / "logs" / "good", [1.0], [1.0])
    write_keras_run(here / "logs" / "bad", [1.0], [1.0])
    (event,) = (here / "logs" / "bad" / "train").iterdir()
    event.chmod(0)
    result = run("analyze", "logs", "--no-plots")
    assert result.exit_code == 0
    assert "Permission denied" in result.stdout


def test_unreadable_files_are_named_as_for_a_user_without_rights(here, monkeypatch) -> None:
    write_keras_run(here / "logs" / "good", [1.0], [1.0])
    write_keras_run(here / "logs" / "bad", [1.0], [1.0])
    real = os.open

    def refuse(path, *arguments, **settings):
        if "bad" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **settings)

    monkeypatch.setattr(os, "open", refuse)
    result = run("runs", "logs")
    assert (result.exit_code, result.stdout.count("Permission denied")) == (0, 2)
    assert "good" in result.stdout


def test_hostile_names_are_harmless_in_the_terminal(here, data) -> None:
    result = run("runs", data / "hard" / "events" / "nasty_tags")
    assert "\x1b" not in result.stdout
    assert "\\x1b[31mred\\x1b[0m" in result.stdout


@pytest.mark.parametrize("arguments", [["analyze"], ["analyze", "a", "--logdir", "b"], ["nonsense"]])
def test_wrong_usage_is_exit_code_2(here, arguments) -> None:
    assert run(*arguments).exit_code == 2


def test_every_command_and_option_has_help() -> None:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command.help
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name} {option.name}"


def imported(*arguments):
    """The modules that a fresh interpreter has imported after running the command."""
    code = (
        "import sys\nfrom cbreplay_cli.main import cli\ntry:\n    cli(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('MODULES', *sorted(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True).stdout
    return set(re.search(r"^MODULES (.*)$", told, re.M)[1].split())


@pytest.mark.parametrize(("asked", "reader"), [("python", "Python reader"), ("", active_reader())])
def test_the_version_says_what_reads_event_files(here, monkeypatch, asked: str, reader: str) -> None:
    monkeypatch.setenv("CBREPLAY_READER", asked)
    assert f"cbreplay, version {__version__} ({reader})\n" == run("--version").stdout


def test_help_imports_nothing_heavy() -> None:
    heavy = {"numpy", "pandas", "matplotlib", "rich", "tensorboard", "google.protobuf", "h5py", "jinja2"}
    assert set() == heavy & imported("--help")
    assert set() == heavy & imported("analyze", "--help")


def test_analyze_without_plots_imports_neither_matplotlib_nor_a_framework(samples) -> None:
    assert set() == {"matplotlib", "tensorflow", "torch", "keras"} & imported("analyze", str(samples), "--no-plots")


def test_explain_shows_every_epoch_and_the_verdict(here, samples) -> None:
    result = run("explain", samples, "overfitting/logs")
    assert result.exit_code == 0
    assert "10     9    1.725       1.569   1.569  -0.156    5 stops" in result.stdout
    assert "stops at the end of epoch 10 of 40 (stopped_epoch 9, counted from 0); best 1.569 at epoch 5 (index 4)" in (
        result.stdout
    )
    one = run("explain", samples / "overfitting", "--epoch", "10")
    assert (
        "epoch 10 val_loss is 1.725, which had to be below 1.569 and falls short by 0.1558: wait 5 of 5" in one.stdout
    )
    told = json.loads(run("explain", samples, "overfitting/logs", "--epoch", "10", "--json").stdout)
    assert [(look["epoch"], look["event"]) for look in told["trace"]] == [(9, "stops")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "there are 5 runs; name one of them"),
        (["stopped"], "no run 'stopped'"),
        (["overfitting/logs", "--epoch", "11"], "epoch 11 was not looked at"),
    ],
)
def test_explain_says_what_it_needs(here, samples, arguments, sentence) -> None:
    result = run("explain", samples, *arguments)
    assert (result.exit_code, sentence in result.stderr) == (2, True)


def test_explain_infers_what_ended_a_run(here, samples) -> None:
    result = run("explain", samples, "stopped_early/logs", "--infer")
    assert "'val_loss' (min): patience 5 and min_delta below 0.001073" in result.stdout
    told = json.loads(run("explain", samples, "stopped_early/logs", "--infer", "--json").stdout)
    assert (told["last_epoch"], told["fitting"][0]["patience"]) == (25, 5)


def test_profiles_lists_every_generation_with_what_changed(here) -> None:
    result = run("profiles")
    assert "Keras 2.12 - 2.15: an epoch that improves never stops training" in result.stdout
    names = [profile["name"] for profile in json.loads(run("profiles", "--json").stdout)["profiles"]]
    assert {"keras-1.0", "keras-2.12", "keras-3.15", "tf_keras-2.16"} <= set(names)


def test_both_answers_are_shown_where_generations_disagree(here) -> None:
    (here / "logs").mkdir()
    (here / "logs" / "a.csv").write_text(
        "epoch,loss,val_loss\n0,1,nan\n" + "".join(f"{e},1,{9 - e}\n" for e in range(1, 8))
    )
    result = run("analyze", "logs", "--no-plots", "--patience", "2")
    assert "stops at the end of epoch 3 of 8" in result.stdout
    assert "or       as keras-2.15, keras-2.13, keras-2.12" in result.stdout
    assert "not within the 8 logged epochs" in result.stdout


def test_a_pipe_that_is_not_utf_8_gets_text_all_the_same(here, samples) -> None:
    code = "from cbreplay_cli.main import cli; cli()"
    command = [sys.executable, "-c", code, "analyze", str(samples), "--no-plots"]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    told = subprocess.run(command, env=environment, capture_output=True, check=True).stdout.decode("cp1252")
    assert "best 1.569 at epoch 5" in told


def test_names_in_errors_are_harmless_too(here) -> None:
    for name in ("a", "esc\x1b[31mred"):
        write_keras_run(here / "logs" / name, [1.0], [1.0])
    result = run("explain", "logs")
    assert (result.exit_code, "\x1b" in result.stderr) == (2, False)
    assert "esc\\x1b[31mred" in result.stderr


def test_a_key_that_is_no_option_is_told_with_the_nearest(here, samples) -> None:
    (here / "cbreplay.toml").write_text("patienc = 2\n")
    result = run("runs", samples)
    assert result.exit_code == 2
    assert "'patienc' is no option of cbreplay; did you mean 'patience'?" in result.stderr


def test_a_folder_of_very_many_runs_gets_the_overview_alone(here, monkeypatch) -> None:
    import cbreplay_cli.commands.analyze as analyze

    monkeypatch.setattr(analyze, "_MAX_FIGURES", 2)
    for number in range(3):
        write_keras_run(here / "logs" / f"run_{number}", [1.0], [1.0])
    assert "one figure per run above 2 runs only with --plots" in run("analyze", "logs").stdout
    assert [path.name for path in (here / "cbreplay-report").iterdir()] == ["overview.png"]
    run("analyze", "logs", "--plots")
    assert len(list((here / "cbreplay-report").iterdir())) == 4


@pytest.mark.parametrize("filepath", ["{loss:999999999}.h5", "{loss:.99999f}.h5", "{epoch!r:>200000}.h5"])
def test_a_name_of_absurd_width_is_refused_at_once(here, samples, filepath) -> None:
    result = run("analyze", samples, "--no-plots", "--filepath", filepath)
    assert (result.exit_code, "thousands of characters" in result.stdout) == (0, True)
