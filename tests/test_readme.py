"""What the README shows is what the tool does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

import cbreplay as cb
from cbreplay_cli.main import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_terminal_text_is_what_analyze_prints(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample_logs").symlink_to(ROOT / "sample_logs")
    printed = CliRunner().invoke(cli, ["analyze", "sample_logs"]).stdout
    shown = re.search(r"```text\n(.*?)```", README, re.S)[1]
    assert shown == printed


def test_the_python_example_gives_what_it_says(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample_logs").symlink_to(ROOT / "sample_logs")
    code = re.search(r"```python\n(.*?)```", README, re.S)[1]
    names: dict[str, object] = {}
    exec(code, names)
    outcome = names["outcome"]
    assert isinstance(outcome, cb.Outcome)
    assert (outcome.verdict, outcome.stopped_epoch, outcome.restored_epoch) == ("stopped", 9, 4)
    assert outcome.files == {f"ckpt-{epoch + 1:02d}.h5": epoch for epoch in range(5)}
    assert (tmp_path / "overfitting.png").exists()


def test_the_text_on_tuning_is_what_tune_prints(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    printed = CliRunner().invoke(cli, ["tune", "tests/data/tune", "--no-plots"]).stdout
    text = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    assert re.search(r"```text\n\$ cbreplay tune tests/data/tune\n(.*?)```", text, re.S)[1] == printed


def test_the_python_example_on_tuning_runs(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8"), re.S)[1]
    names: dict[str, object] = {}
    exec(code, names)
    assert names["advice"].recommended.rule.patience == 8


def test_pictures_and_links_are_there() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), target


def test_the_look_back_table_is_what_its_script_prints(tmp_path, monkeypatch) -> None:
    copy = tmp_path / "docs" / "lookback_figure.py"
    copy.parent.mkdir()
    copy.write_bytes((ROOT / "docs" / "lookback_figure.py").read_bytes())
    (tmp_path / "sample_logs").symlink_to(ROOT / "sample_logs")
    told = subprocess.run([sys.executable, str(copy)], capture_output=True, text=True, check=True).stdout
    assert told in (ROOT / "docs" / "lookback.md").read_text(encoding="utf-8")
