"""``cbreplay report`` as a user calls it."""

from __future__ import annotations

import json
import re
import shlex
import webbrowser

import pytest
from calling import run


def test_without_options_it_writes_one_page_and_prints_its_path(here, samples) -> None:
    result = run("report", samples)
    assert result.exit_code == 0
    assert result.stdout == "cbreplay-report/report.html\n"
    assert "Analysed: 5 runs" in result.stderr
    assert [path.name for path in (here / "cbreplay-report").iterdir()] == ["report.html"]


@pytest.mark.parametrize(("arguments", "name"), [
    (["--format", "md"], "cbreplay-report/report.md"), (["-o", "a/b.pdf"], "a/b.pdf"), (["-o", "x.json"], "x.json"),
    (["-o", "page", "--format", "html"], "page"),
])  # fmt: skip
def test_format_and_place_can_be_chosen(here, samples, arguments, name) -> None:
    assert run("report", samples, *arguments).stdout == f"{name}\n"
    assert (here / name).stat().st_size > 1000


def test_the_command_in_it_gives_the_same_bytes(here, samples) -> None:
    (here / "cbreplay.toml").write_text("patience = 7\n")
    run("report", "--logdir", samples, "--min-delta", "0.01", "--max-regret", "2%", "--restore-best-weights",
        "-o", "r.json", env={"CBREPLAY_BASELINE": "3"})  # fmt: skip
    first = (here / "r.json").read_bytes()
    command = json.loads(first)["provenance"]["command"]
    (here / "cbreplay.toml").unlink()
    (here / "r.json").unlink()
    assert shlex.split(command)[:2] == ["cbreplay", "report"]
    assert run(*shlex.split(command)[1:]).exit_code == 0
    assert (here / "r.json").read_bytes() == first
    assert json.loads(first)["analysis"]["policy"]["early_stopping"]["patience"] == 7


@pytest.mark.parametrize("name", ["report.html", "csv_only/history.csv"])
def test_nothing_is_written_among_the_logs(here, samples, name) -> None:
    result = run("report", samples, "-o", samples / name)
    assert result.exit_code == 2
    assert "logs are never written to" in result.stderr


def test_open_shows_it_in_the_browser(here, samples, monkeypatch) -> None:
    shown = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    run("report", samples / "csv_only", "--open", "--title", "Mine")
    assert shown == [(here / "cbreplay-report" / "report.html").as_uri()]
    page = (here / "cbreplay-report" / "report.html").read_text()
    assert re.search(r"<h1>(.*)</h1>", page)[1] == "Mine"
    assert "--open" not in page


def test_an_unknown_ending_is_told(here, samples) -> None:
    result = run("report", samples, "-o", "r.docx")
    assert result.exit_code == 2
    assert "a report is one of html, md, pdf, json" in result.stderr


def test_a_file_that_exists_is_replaced_only_when_told(here, samples) -> None:
    (here / "mine.html").write_text("mine")
    refused = run("report", samples, "-o", "mine.html")
    assert refused.exit_code == 2
    assert "mine.html exists" in refused.stderr
    assert (here / "mine.html").read_text() == "mine"
    assert run("report", samples, "-o", "mine.html", "--force").exit_code == 0
    assert (here / "mine.html").read_text().startswith("<!DOCTYPE html>")


def test_a_logdir_that_looks_like_an_option_is_repeated_so(here) -> None:
    (here / "-logs").mkdir()
    (here / "-logs" / "a.csv").write_text("epoch,val_loss\n0,3\n1,2\n2,1\n")
    assert run("report", "-o", "r.json", "--", "-logs").exit_code == 0
    command = json.loads((here / "r.json").read_text())["provenance"]["command"]
    assert shlex.split(command) == ["cbreplay", "report", "--output", "r.json", "--", "-logs"]
