"""Reports that leave the desk: one record, rendered as HTML, Markdown, PDF or JSON.

``record`` holds what is reported and the sentences that say it, ``provenance`` from what and how, ``pictures`` the
figures; each renderer takes the same record.
"""

from .record import Report, make_report
from .writing import FORMATS, write_report

__all__ = ["FORMATS", "Report", "make_report", "write_report"]
