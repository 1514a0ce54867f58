"""A report as Markdown, with its figures in a folder beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from ..plots import FigureOptions
from ..text import printable
from ..tuning.sentences import answer_lines, basis_lines, note_lines, other_lines
from .pictures import Picture, detailed_runs, overview_of, picture_of, tuning_pictures
from .record import Report
from .tables import TextTable, damage_table, each_run, families_table, files_table, front_table, runs_table


def write_markdown(report: Report, path: Path, progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Write ``path`` and the figures into ``<its stem>-figures`` beside it; the paths of all files."""
    folder = path.parent / f"{path.stem}-figures"
    detailed = detailed_runs(report)
    pictures = [overview_of(report)] if report.analysis.outcomes else []
    pictures += tuning_pictures(report)
    of_runs = {place: picture_of(report, place, f"run-{place + 1:03d}") for place in detailed}
    drawn = [*pictures, *(picture for picture in of_runs.values() if picture is not None)]
    paths = [path, *_draw(drawn, folder, progress)]
    text = _text(report, pictures, of_runs, folder.name)
    path.write_text(text, encoding="utf-8", newline="\n")
    return paths


def _draw(pictures: list[Picture], folder: Path, progress: Callable[[int, int], None] | None) -> list[Path]:
    options = FigureOptions()
    paths = []
    folder.mkdir(parents=True, exist_ok=True)
    with options.applied():
        for done, picture in enumerate(pictures, start=1):
            target = folder / f"{picture.key}.png"
            picture.draw().savefig(target, format="png", dpi=options.dpi, metadata=options.metadata)
            paths.append(target)
            if progress is not None:
                progress(done, len(pictures))
    return paths


def _text(report: Report, pictures: list[Picture], of_runs: dict[int, Picture | None], folder: str) -> str:
    analysis, advice = report.analysis, report.advice
    parts = [
        f"# {escaped(report.title)}",
        f"`{analysis.early_stopping.call()}`  \n`{analysis.model_checkpoint.call()}`",
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
    parts.append("## Tuning")
    said = [*basis_lines(advice), *answer_lines(advice), *other_lines(advice), *note_lines(advice)]
    parts.append("\n".join(f"- **{line.label or '…'}** {escaped(line.text)}" for line in said))
    if advice.code is not None:
        parts.append(f"```python\n{advice.code}\n```")
    parts += [_image(picture, folder) for picture in pictures if picture.key != "overview"]
    parts += [_table(table) for table in (front_table(report), families_table(report)) if table.rows]
    parts.append("## Damage and warnings")
    damage = damage_table(report)
    parts.append(_table(damage) if damage.rows else "All files were read whole.")
    parts.append("## Provenance")
    if report.provenance.command:
        parts.append(f"```\n{report.provenance.command}\n```")
    parts.append(" · ".join(f"{name} {version}" for name, version in report.provenance.versions.items()))
    parts.append(_table(files_table(report)))
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Text that is nothing but text in Markdown and in the HTML that is made of it."""
    safe = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", safe)


def _image(picture: Picture, folder: str) -> str:
    return f"![{escaped(picture.alt)}]({folder}/{picture.key}.png)"


def _table(table: TextTable) -> str:
    lines = [
        "| " + " | ".join(table.head) + " |",
        "|" + "|".join("---:" if is_number else "---" for is_number in table.numbers) + "|",
    ]
    lines += ["| " + " | ".join(escaped(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join(lines)
