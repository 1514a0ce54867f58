"""A report as files: which formats there are, and how each is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import ParameterError
from ..exporting import refuse_among_logs
from ..files import write_anew
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
    _refuse_sources(report, target)
    if chosen == "md":
        from .markdown import write_markdown

        figures = target.parent / f"{target.stem}-figures"
        refuse_among_logs(figures, [report.analysis.logdir])
        return write_markdown(report, target, figures, progress)
    if chosen == "pdf":
        from .pdf import render_pdf

        data = render_pdf(report, progress)
    elif chosen == "html":
        from .html import render_html

        data = render_html(report, progress).encode()
    else:
        data = (to_json(report.to_dict()) + "\n").encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    write_anew(target, data)
    return [target]


def _refuse_sources(report: Report, target: Path) -> None:
    """No log and no checkpoint that the report rests on is ever replaced, by whatever name it is called."""
    refuse_among_logs(target, [report.analysis.logdir])
    for source in report.provenance.files:
        if target.exists() and Path(source.path).exists() and target.samefile(source.path):
            raise ParameterError(f"{target} is {source.path}, on which the report rests: name another file")
