"""A report as Markdown, with its figures in a folder beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from ..files import write_anew
from ..plots import FigureOptions, save_figure
from ..text import printable
from ..tuning.sentences import answer_lines, basis_lines, note_lines, other_lines
from .pictures import Picture, detailed_runs, overview_of, picture_of, tuning_pictures
from .record import GLOSSARY, Report
from .tables import TextTable, damage_table, each_run, families_table, files_table, front_table, runs_table, trace_table


def write_markdown(
    report: Report, path: Path, folder: Path, progress: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Write ``path`` and the figures into ``folder`` beside it; the paths of all files."""
    detailed = detailed_runs(report)
    pictures = [overview_of(report)] if report.analysis.outcomes else []
    pictures += tuning_pictures(report)
    of_runs = {place: picture_of(report, place, f"run-{place + 1:03d}") for place in detailed}
    drawn = [*pictures, *(picture for picture in of_runs.values() if picture is not None)]
    paths = [path, *_draw(drawn, folder, progress)]
    text = _text(report, pictures, of_runs, folder.name)
    write_anew(path, text.encode())
    return paths


def _draw(pictures: list[Picture], folder: Path, progress: Callable[[int, int], None] | None) -> list[Path]:
    options = FigureOptions()
    paths = []
    folder.mkdir(parents=True, exist_ok=True)
    with options.applied():
        for done, picture in enumerate(pictures, start=1):
            target = folder / f"{picture.key}.png"
            save_figure(picture.draw(), target, options)
            paths.append(target)
            if progress is not None:
                progress(done, len(pictures))
    return paths


def _text(report: Report, pictures: list[Picture], of_runs: dict[int, Picture | None], folder: str) -> str:
    analysis, advice = report.analysis, report.advice
    parts = [
        f"# {escaped(report.title)}",
        f"{code_span(analysis.early_stopping.call())}  \n{code_span(analysis.model_checkpoint.call())}",
        f"{escaped(analysis.logdir)} · rules of {escaped(report.rules)} · epochs count from 1, as Keras prints them",
        "## The answer",
        "\n".join(f"- **{fact.label}: {escaped(fact.answer)}** – {escaped(fact.detail)}" for fact in report.facts),
    ]
    if report.attention:
        parts += ["### Look at this", "\n".join(f"- {escaped(text)}" for text in report.attention)]
    parts += ["## Runs", _table(runs_table(report))]
    parts += [_image(picture, folder) for picture in pictures if picture.key == "overview"]
    parts.append("## Run by run")
    for place, lines in each_run(report, list(of_runs)):
        parts.append(f"### {escaped(printable(analysis.runs[place].run.name, 80))}")
        picture = of_runs[place]
        if picture is not None:
            parts.append(_image(picture, folder))
        parts.append("\n".join(f"- {escaped(text)}" for text in lines))
        trace = trace_table(report, place)
        if trace.rows:
            parts.append(_table(trace))
    parts.append("## Tuning")
    said = [*basis_lines(advice), *answer_lines(advice), *other_lines(advice), *note_lines(advice)]
    parts.append("\n".join(f"- **{line.label or '…'}** {escaped(line.text)}" for line in said))
    if advice.code is not None:
        parts.append(fenced(advice.code, "python"))
    parts += [_image(picture, folder) for picture in pictures if picture.key != "overview"]
    parts += [_table(table) for table in (front_table(report), families_table(report)) if table.rows]
    parts.append("## Damage and warnings")
    damage = damage_table(report)
    parts.append(_table(damage) if damage.rows else "All files were read whole.")
    parts += ["## Words", "\n".join(f"- **{word}**: {escaped(meaning)}" for word, meaning in GLOSSARY), "## Provenance"]
    if report.provenance.command:
        parts.append(fenced(report.provenance.command))
    parts.append(" · ".join(f"{name} {version}" for name, version in report.provenance.versions.items()))
    parts.append("\n".join(f"- rules of {name}: {escaped(reason)}" for name, reason in report.reasons))
    parts.append(_table(files_table(report)))
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Text that is nothing but text in Markdown and in the HTML that is made of it."""
    safe = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#$])", r"\\\1", safe)


def code_span(text: str) -> str:
    """Text as code in a line, whatever backticks are in it."""
    safe = printable(text)
    ticks = "`" * (max((len(run) for run in re.findall("`+", safe)), default=0) + 1)
    return f"{ticks} {safe} {ticks}" if "`" in safe else f"`{safe}`"


def fenced(text: str, language: str = "") -> str:
    """Text as a block of code that nothing in it can end."""
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _image(picture: Picture, folder: str) -> str:
    return f"![{escaped(picture.alt)}]({folder}/{picture.key}.png)"


def _table(table: TextTable) -> str:
    lines = [
        "| " + " | ".join(table.head) + " |",
        "|" + "|".join("---:" if is_number else "---" for is_number in table.numbers) + "|",
    ]
    lines += ["| " + " | ".join(escaped(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join(lines)
