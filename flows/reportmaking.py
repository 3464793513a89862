"""A report made: figures read once from the current release, then written as page, sheet, pictures
and a short text, all of them of the same figures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from reports.message import short_text
from reports.page import html_page
from reports.pictures import write_pictures
from reports.sheet import write_workbook

from flows.completeness import ranges
from flows.deliveries import Parcel
from flows.mail import Message
from flows.personal import data_directory
from flows.reportfiles import PAGE, SHEET, ReportFiles, put_report
from flows.settings import Settings
from flows.windows import ddmmyyyy
from warehouse.answers import read_figures
from warehouse.figures import Figures, Period
from warehouse.layout import DataDirectory, private_files
from warehouse.leftovers import present
from warehouse.marts import release_reader

Language = Literal["ru", "en"]


@dataclass(frozen=True)
class Report:
    """A report that is made. `text` is short and names nobody."""

    period: Period
    language: Language
    release: int | None
    files: ReportFiles
    missing: tuple[str, ...]
    nothing_loaded: bool
    text: str = field(repr=False)

    @property
    def title(self) -> str:
        """The first line of its text."""
        return self.text.strip().partition("\n")[0].strip()

    @property
    def name(self) -> str:
        """Names it for good, whatever is in it: it is delivered once under this name.

        That nothing is loaded is another thing to say: what comes later is delivered, too.
        """
        days = self.files.folder.name if self.period.grain in ("day", "month") else _days(self)
        said = f"{self.period.grain}-{days}"
        return f"{said}-not-loaded" if self.nothing_loaded else said


def _days(report: Report) -> str:
    return f"{report.period.first.isoformat()}_{report.period.last.isoformat()}"


def make_report(
    settings: Settings, period: Period, language: Language, out: Path | None = None
) -> Report:
    """Make the report of a period from what readers see now.

    Args:
        settings: of the company.
        period: its days.
        language: of its words.
        out: a folder for its files in place of the one in `data/reports`.

    Raises:
        warehouse.errors.NoSuchRelease: nothing is published yet.
        warehouse.errors.DirectoryUnusable: the disk refuses it.
    """
    layout = data_directory(settings)
    layout.initialise(settings.origin)
    with private_files(), present(layout):
        with release_reader(layout) as reader:
            figures = read_figures(reader, period)
        files = _written(layout, settings.report_company, figures, language, out)
    missing = figures.missing_days
    return Report(
        period,
        language,
        figures.release,
        files,
        tuple(ranges(missing)),
        len(missing) == period.days,
        short_text(figures, language),
    )


def _written(
    layout: DataDirectory, company: str, figures: Figures, language: Language, out: Path | None
) -> ReportFiles:
    period = figures.period

    def fill(folder: Path) -> None:
        page = html_page(figures, language, company)
        (folder / PAGE).write_text(page, encoding="utf-8")
        write_workbook(figures, language, folder / SHEET)
        write_pictures(figures, language, folder)

    told: dict[str, Any] = {
        "kind": period.grain,
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "language": language,
        "release": figures.release,
        "released_at": figures.released_at.isoformat() if figures.released_at else None,
        "time_zone": figures.time_zone,
        "missing": [day.isoformat() for day in figures.missing_days],
    }
    folder = out or layout.report_folder(period.grain, period.first, period.last)
    return put_report(layout, folder, fill, told)


def about(period: Period) -> str:
    """A report in words, for people who run this."""
    if period.days == 1:
        return f"the report of {ddmmyyyy(period.first)}"
    return f"the report of {ddmmyyyy(period.first)}–{ddmmyyyy(period.last)}"


def command(period: Period) -> str:
    """The command that makes just this report."""
    if period.grain == "other":
        days = f"--from {ddmmyyyy(period.first)} --to {ddmmyyyy(period.last)}"
    else:
        days = f"--{period.grain} {ddmmyyyy(period.first)}"
    return f"smartconnect report {days}"


def parcel_of(settings: Settings, report: Report) -> Parcel:
    """What is delivered: with all of its files, if there are figures in it."""
    files = report.files
    link = settings.dashboard_url
    subject = (
        f"{settings.report_company}: {report.title}" if settings.report_company else report.title
    )
    shown = () if report.nothing_loaded else tuple((path, report.title) for path in files.pictures)
    attached = () if report.nothing_loaded else (files.page, files.sheet)
    return Parcel(
        report.name,
        about(report.period),
        f"{command(report.period)} --send-again",
        Message(subject, report.text, shown, attached, link),
    )
