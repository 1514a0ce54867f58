"""A report as files: which formats there are, and how each is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import ParameterError
from ..jsonable import to_json
from .record import Report

#: The formats, and the ending that stands for each.
FORMATS = {"html": ".html", "md": ".md", "pdf": ".pdf", "json": ".json"}

Progress = Callable[[int, int], None]


def write_report(
    report: Report, path: str | Path, file_format: str | None = None, progress: Progress | None = None
) -> list[Path]:
    """Write the report to ``path``; the paths of all files: Markdown has its figures in a folder beside it.

    The format is given or told by the ending. ``progress`` is called with (figures drawn, figures in all). The bytes
    are the same for the same report. Raises :class:`ParameterError` for an unknown format, OSError where a file
    cannot be written.
    """
    target = Path(path)
    chosen = file_format or next((name for name, ending in FORMATS.items() if target.suffix.lower() == ending), None)
    if chosen not in FORMATS:
        raise ParameterError(
            f"{target}: a report is one of {', '.join(FORMATS)}; name one, or give the file its ending"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    if chosen == "md":
        from .markdown import write_markdown

        return write_markdown(report, target, progress)
    if chosen == "pdf":
        from .pdf import write_pdf

        return [write_pdf(report, target, progress)]
    if chosen == "html":
        from .html import render_html

        text = render_html(report, progress)
    else:
        text = to_json(report.to_dict()) + "\n"
    target.write_text(text, encoding="utf-8", newline="\n")
    return [target]
