"""The page in a real browser: Chromium, where there is one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from writing import write_keras_run

from cbreplay.reports import make_report, write_report

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip install playwright)")
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium (apt-get install chromium)")
TUNE = Path(__file__).parents[2] / "data" / "tune"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """A report on runs with a name that would do harm if it could."""
    folder = tmp_path_factory.mktemp("report")
    logs = folder / "logs"
    for number in range(3):
        (logs / f"r{number}").mkdir(parents=True)
        shutil.copy(sorted(TUNE.glob("*.csv"))[number], logs / f"r{number}" / "history.csv")
    write_keras_run(logs / "<script>alert(1)<" / "script>", [1.0] * 6, [3.0, 2.0, 1.0, 2.0, 3.0, 4.0])
    return write_report(make_report(logs), folder / "report.html")[0].as_uri()


class _Watched:
    def __init__(self, browser, address, **settings) -> None:
        self.context = browser.new_context(**settings)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: request.url.startswith("file:") or self.complaints.append(request.url))
        self.page.goto(address)

    def __enter__(self):
        return self.page

    def __exit__(self, *raised) -> None:
        self.context.close()
        assert self.complaints == []


@pytest.mark.parametrize("settings", [
    {"viewport": {"width": 1200, "height": 900}},
    {"viewport": {"width": 380, "height": 800}},
    {"color_scheme": "dark"},
    {"java_script_enabled": False},
])  # fmt: skip
def test_the_page_opens_from_disk_without_a_complaint_or_a_request(browser, address, settings) -> None:
    with _Watched(browser, address, **settings) as page:
        assert page.locator("h1").inner_text() == "Training report: logs"
        assert page.locator("#runs tbody tr").count() == 4
        if settings.get("java_script_enabled", True):
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_dark_and_light_differ(browser, address) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        with _Watched(browser, address, color_scheme=scheme) as page:
            grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(21, 23, 28)"]


def test_the_table_sorts_by_numbers_both_ways(browser, address) -> None:
    with _Watched(browser, address) as page:
        head = page.locator("#runs th button", has_text="epochs")
        column = page.locator("#runs tbody tr td:nth-of-type(2)")
        head.click()
        rising = [int(text) for text in column.all_inner_texts()]
        assert rising == sorted(rising)
        assert page.locator("#runs th[aria-sort]").get_attribute("aria-sort") == "ascending"
        head.click()
        assert [int(text) for text in column.all_inner_texts()] == rising[::-1]


def test_what_is_missing_comes_last_both_ways(browser, tmp_path) -> None:
    for name, metric in (("a", "val_loss"), ("b", "val_loss"), ("c", "other")):
        (tmp_path / f"{name}.csv").write_text(f"epoch,{metric}\n0,3\n1,{ord(name)}\n2,1\n")
    page_file = write_report(make_report(tmp_path), tmp_path.parent / "missing.html")[0]
    with _Watched(browser, page_file.as_uri()) as page:
        head = page.locator("#runs th button", has_text="best").first
        for _ in range(2):
            head.click()
            assert page.locator("#runs tbody tr").last.inner_text().startswith("c")


def test_folded_parts_open_by_click_key_and_link(browser, address) -> None:
    with _Watched(browser, address) as page:
        first = page.locator("#run-2")
        assert not first.evaluate("part => part.open")
        first.locator("summary").first.click()
        assert first.locator("svg").first.is_visible()
        page.locator("#runs a[href='#run-3']").click()
        assert page.locator("#run-3").evaluate("part => part.open")
        trace = page.locator("#run-3 details.trace summary")
        trace.focus()
        page.keyboard.press("Enter")
        assert page.locator("#run-3 details.trace tbody tr").first.is_visible()


def test_a_name_does_nothing(browser, address) -> None:
    with _Watched(browser, address) as page:
        assert page.locator("script").count() == 1
        assert page.get_by_text("<script>alert(1)</script>").count() > 0


def test_print_shows_what_is_folded(browser, address, tmp_path) -> None:
    with _Watched(browser, address) as page:
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("#run-2 svg").first.is_visible()
        assert page.pdf(path=tmp_path / "page.pdf").startswith(b"%PDF")
