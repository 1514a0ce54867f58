"""A report says the same in every format, with nothing of a name getting out of its place."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from writing import write_keras_run

import cbreplay as cb
from cbreplay.reports import FORMATS, make_report, write_report
from cbreplay.reports.pictures import MOST_DETAILED, detailed_runs

DATA = Path(__file__).parents[2] / "data"
HOSTILE = '<script>alert(1)</script> "x" onload=y & [a](b) | `c`'


@pytest.fixture(scope="module")
def report(samples):
    return make_report(samples, command="cbreplay report sample_logs")


@pytest.fixture(scope="module")
def tuned():
    return make_report(DATA / "tune")


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))


def html_of(report, folder) -> str:
    (path,) = write_report(report, folder / "report.html")
    return path.read_text(encoding="utf-8")


def test_the_first_page_has_the_answer(tuned) -> None:
    facts = {fact.label: fact for fact in tuned.facts}
    assert facts["Analysed"].answer == "20 runs"
    saved = sum(outcome.epochs_saved or 0 for outcome in tuned.analysis.outcomes)
    assert facts["This policy saves"].answer == f"{saved:,} epochs"
    assert facts["Next patience"].answer == tuned.advice.recommended.words
    assert facts["Best run"].answer == "full_07_lr0.05_u8_d0.4_b64"
    assert any("stopped_03" in text for text in tuned.attention)


def test_rows_are_those_of_the_analysis(report) -> None:
    for row, item in zip(report.rows, report.analysis.runs, strict=True):
        outcome = item.outcome
        assert (row.name, row.stopped_epoch, row.best_epoch) == (
            item.run.name,
            outcome.stopped_epoch,
            outcome.best_epoch,
        )
        assert (row.saved, row.regret, row.verdict) == (outcome.epochs_saved, outcome.regret, outcome.verdict)
    assert {row.state for row in report.rows} == {"proved", "not on disk"}


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_format_repeats_its_bytes(report, tmp_path, file_format) -> None:
    written = [write_report(report, tmp_path / name / f"r{FORMATS[file_format]}") for name in "ab"]
    assert [path.name for path in written[0]] == [path.name for path in written[1]]
    assert [path.read_bytes() for path in written[0]] == [path.read_bytes() for path in written[1]]


def test_the_page_needs_nothing_but_itself(report, tmp_path) -> None:
    page = _Page(html_of(report, tmp_path))
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed")
        for name in ("src", "href", "xlink:href", "action", "srcset"):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "data:image/png;base64,")), (tag, target[:60])


def test_ids_are_unique_and_links_lead_somewhere(report, tmp_path) -> None:
    page = _Page(html_of(report, tmp_path))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"}
    assert targets <= set(ids)


def test_headings_are_in_order_and_pictures_have_words(tuned, tmp_path) -> None:
    page = _Page(html_of(tuned, tmp_path))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    pictures = [attributes for _, attributes in page.tags if attributes.get("role") == "img"]
    assert len(pictures) == 20 + 1 + 3
    assert all(len(attributes["aria-label"] or "") > 20 for attributes in pictures)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_stands_out_from_its_ground(scheme) -> None:
    style = (Path(cb.__file__).parent / "reports" / "style.css").read_text()
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", style.split(":root")[1 + scheme]))
    for text in ("ink", "soft", "link", "good", "warning", "bad"):
        for ground in ("paper", "card"):
            one, other = sorted((_luminance(colours[text]), _luminance(colours[ground])))
            assert (other + 0.05) / (one + 0.05) >= 4.5, (text, ground)


def hostile_report(tmp_path):
    folder = tmp_path / "logs" / "<script>alert(1)<" / "script> onload=y & [a](b) | `c`"
    write_keras_run(folder, [1.0] * 6, [3.0, 2.0, 1.0, 2.0, 3.0, 4.0])
    return make_report(tmp_path / "logs", title=HOSTILE)


def test_a_name_stays_a_name_in_html(tmp_path) -> None:
    page = _Page(html_of(hostile_report(tmp_path), tmp_path))
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_a_name_stays_a_name_in_markdown(tmp_path) -> None:
    text = write_report(hostile_report(tmp_path), tmp_path / "r.md")[0].read_text(encoding="utf-8")
    assert "<script" not in text
    assert "[a](b)" not in text
    assert r"\[a\](b) \| \`c\`" in text


def test_markdown_shows_the_figures_that_lie_beside_it(report, tmp_path) -> None:
    path, *figures = write_report(report, tmp_path / "r.md")
    shown = re.findall(r"\]\((r-figures/[^)]+)\)", path.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(figure.relative_to(tmp_path).as_posix() for figure in figures)
    assert all(figure.read_bytes().startswith(b"\x89PNG") for figure in figures)


def test_json_has_the_objects_of_analyze_and_tune(report, tmp_path) -> None:
    told = json.loads(write_report(report, tmp_path / "r.json")[0].read_text())
    assert told["schema"] == 1
    assert [run["name"] for run in told["analysis"]["runs"]] == [item.run.name for item in report.analysis.runs]
    assert told["advice"]["refusal"] == report.advice.refusal
    assert told["provenance"]["command"] == "cbreplay report sample_logs"


def test_the_pdf_has_pages_with_real_text(report, tmp_path) -> None:
    data = write_report(report, tmp_path / "r.pdf")[0].read_bytes()
    assert data.startswith(b"%PDF")
    assert data.count(b"/Type /Page ") + data.count(b"/Type /Page\n") >= 5
    assert b"/FontFile2" in data  # fonts are embedded, text is no drawing
    if shutil.which("pdftotext"):
        import subprocess

        text = subprocess.run(
            ["pdftotext", str(tmp_path / "r.pdf"), "-"], capture_output=True, text=True, check=True
        ).stdout
        for words in ("Training report: sample_logs", "overfitting/logs", "cbreplay report"):
            assert words in text


def test_provenance_hashes_every_file_that_was_read(report, samples) -> None:
    files = {item.path: item for item in report.provenance.files}
    assert set(files) >= {source for item in report.analysis.runs for source in item.run.sources}
    for path, item in files.items():
        data = Path(path).read_bytes()
        assert (item.bytes, item.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_damage_is_reported(tmp_path) -> None:
    write_keras_run(tmp_path / "logs" / "a", [1.0] * 6, [3.0, 2.0, 1.0, 2.0, 3.0, 4.0])
    victim = next((tmp_path / "logs").rglob("*tfevents*"))
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 0xFF
    victim.write_bytes(data)
    made = make_report(tmp_path / "logs")
    assert any("with damage" in text for text in made.attention)
    assert "What could not be read" in html_of(made, tmp_path)


def test_of_very_many_runs_those_with_something_to_say_have_a_part_of_their_own(tmp_path) -> None:
    rng = np.random.default_rng(0)
    for number in range(MOST_DETAILED + 20):
        rows = [f"{epoch},{value}" for epoch, value in enumerate(np.exp(-np.arange(12)) + rng.random(12) / 3)]
        (tmp_path / f"r{number:03d}.csv").write_text("\n".join(["epoch,val_loss", *rows]) + "\n")
    made = make_report(tmp_path, tuning={"compare": ()})
    picked = detailed_runs(made)
    assert 0 < len(picked) <= MOST_DETAILED
    best = min(range(len(made.rows)), key=lambda n: made.rows[n].best)
    worst = max(range(len(made.rows)), key=lambda n: made.rows[n].regret or 0)
    assert {best, worst} <= set(picked)
    page = html_of(made, tmp_path.parent)
    assert page.count("<details id=") == len(picked)
    assert len(page) < 3_000_000


def test_twelve_runs_stay_below_a_megabyte_and_a_half(tmp_path) -> None:
    for path in sorted((DATA / "tune").glob("full*"))[:12]:
        shutil.copy(path, tmp_path / path.name)
    assert len(html_of(make_report(tmp_path), tmp_path.parent).encode()) < 1_500_000


@pytest.mark.parametrize("case", ["one", "none"])
def test_one_run_and_a_run_without_the_monitor_have_a_report(tmp_path, case) -> None:
    column = "val_loss" if case == "one" else "other"
    (tmp_path / "a.csv").write_text(f"epoch,{column}\n0,3\n1,2\n2,1\n")
    made = make_report(tmp_path)
    for file_format, ending in FORMATS.items():
        assert write_report(made, tmp_path.parent / f"{case}{ending}", file_format)[0].stat().st_size > 500


def test_an_unknown_format_is_refused(report, tmp_path) -> None:
    with pytest.raises(cb.ParameterError, match="a report is one of html, md, pdf, json"):
        write_report(report, tmp_path / "report.docx")


@pytest.mark.parametrize("link", ["hard", "symbolic"])
def test_no_log_is_replaced_by_whatever_name(tmp_path, link) -> None:
    log = tmp_path / "logs" / "a.csv"
    log.parent.mkdir()
    log.write_text("epoch,val_loss\n0,3\n1,2\n2,1\n")
    before = log.read_bytes()
    target = tmp_path / "out.json"
    target.hardlink_to(log) if link == "hard" else target.symlink_to(log)
    with pytest.raises(cb.ParameterError, match=r"on which the report rests|logs are never written to"):
        write_report(make_report(tmp_path / "logs"), target)
    assert log.read_bytes() == before


def test_a_link_in_the_place_of_a_report_or_a_figure_is_not_written_through(report, tmp_path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("mine")
    page, figures = tmp_path / "r.md", tmp_path / "r-figures"
    figures.mkdir()
    page.symlink_to(kept)
    (figures / "overview.png").symlink_to(kept)
    write_report(report, page)
    assert kept.read_text() == "mine"
    assert (figures / "overview.png").read_bytes().startswith(b"\x89PNG")


def test_the_figures_of_markdown_do_not_go_among_the_logs(tmp_path) -> None:
    logs = tmp_path / "r-figures"
    logs.mkdir()
    (logs / "a.csv").write_text("epoch,val_loss\n0,3\n1,2\n2,1\n")
    with pytest.raises(cb.ParameterError, match="logs are never written to"):
        write_report(make_report(logs), tmp_path / "r.md")
    assert [path.name for path in logs.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_command_that_is_no_text_and_a_fence_in_it_stay_where_they_are(samples, tmp_path, file_format) -> None:
    made = make_report(samples, command="cbreplay report '\udcff' '```\n# heading'")
    data = write_report(made, tmp_path / f"r{FORMATS[file_format]}")[0].read_bytes()
    if file_format in ("md", "html", "json"):
        text = data.decode()
        assert "\n# heading" not in text


def test_ids_in_figures_are_unique(tuned, tmp_path) -> None:
    ids = [attributes["id"] for _, attributes in _Page(html_of(tuned, tmp_path)).tags if "id" in attributes]
    assert len(ids) == len(set(ids)) > 100


def test_every_format_explains_its_words_and_has_the_decisions(report, tmp_path) -> None:
    for file_format in ("html", "md"):
        text = write_report(report, tmp_path / f"r{FORMATS[file_format]}")[0].read_text(encoding="utf-8")
        assert "how much worse the best value up to the stop is" in text
        assert "had to pass" in text
    told = json.loads(write_report(report, tmp_path / "r.json")[0].read_text())
    name = report.rows[0].name
    looks = told["traces"][name]
    assert [look["epoch"] for look in looks] == [look.epoch for look in cb.explain(report.analysis.runs[0].outcome)]
