"""A report made: figures read once from the current release, then written as page, sheet, pictures
and a short text, all of them of the same figures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.completeness import ranges
from flows.mail import Message
from flows.parcels import Parcel
from flows.personal import data_directory
from flows.reportfiles import PAGE, SHEET, ReportFiles, keep_newest, put_report
from flows.settings import Settings, selected_company
from flows.showing import shown_directory
from flows.windows import ddmmyyyy
from reports.charts import all_charts
from reports.message import short_text
from reports.page import html_page
from reports.pictures import write_pictures
from reports.sheet import write_workbook
from reports.words import Language, words_of
from warehouse.answers import read_figures
from warehouse.figures import Figures, Period
from warehouse.layout import DataDirectory
from warehouse.leftovers import present
from warehouse.marts import release_reader
from warehouse.privatefiles import private_files

IN_MAIL = ("card", "days", "hours", "channels")


@dataclass(frozen=True)
class Report:
    """A report that is made.

    Args:
        period: its days.
        release: the release whose figures it shows.
        files: where it is.
        missing: days that were never loaded, as people write them.
        nothing_loaded: all of its days are missing: it says so, and has no figures.
        text: short, and names nobody.
        pictures: for a mail's body, each with its words for who can't see it.
    """

    period: Period
    release: int | None
    files: ReportFiles
    missing: tuple[str, ...]
    nothing_loaded: bool
    text: str = field(repr=False)
    pictures: tuple[tuple[Path, str], ...] = field(repr=False)

    @property
    def title(self) -> str:
        """The first line of its text."""
        return self.text.strip().partition("\n")[0].strip()

    @property
    def name(self) -> str:
        """Names it for good, whatever is in it: it is delivered once under this name.

        That nothing is loaded is another thing to say: what comes later is delivered, too.
        """
        first, last = self.period.first.isoformat(), self.period.last.isoformat()
        days = first if first == last else f"{first}_{last}"
        said = f"{self.period.grain}-{days}"
        return f"{said}-not-loaded" if self.nothing_loaded else said


def make_report(
    settings: Settings,
    period: Period,
    language: Language,
    out: Path | None = None,
    tell: Callable[[str], None] | None = None,
) -> Report:
    """Make the report of a period from what readers see now: of the store, where that is shared.

    Args:
        settings: of the company.
        period: its days.
        language: of its words.
        out: a folder for its files in place of the one in `data/reports`.
        tell: takes a sentence when the release had to be brought here.

    Raises:
        warehouse.errors.NoSuchRelease: nothing is published yet.
        warehouse.errors.DirectoryUnusable: the disk refuses it.
        warehouse.errors.StoreUnavailable, StoreRefused: it is on the store alone.
    """
    layout = data_directory(settings)
    layout.initialise(settings.origin)
    with private_files(), present(layout):
        shown = shown_directory(settings, layout, tell=tell)
        with release_reader(shown) as reader:
            figures = read_figures(reader, period)
        files = _written(layout, settings.report_company, figures, language, out)
        if out is None:
            keep_newest(layout, period.grain, settings.keep_reports)
    text, charts = short_text(figures, language), all_charts(figures, words_of(language))
    told = {name: picture.alt for name, picture in charts.items()} | {"card": text}
    missing = figures.missing_days
    return Report(
        period,
        figures.release,
        files,
        tuple(ranges(missing)),
        len(missing) == period.days,
        text,
        tuple(
            (path, told[name]) for name in IN_MAIL for path in files.pictures if path.stem == name
        ),
    )


def _written(
    layout: DataDirectory, company: str, figures: Figures, language: Language, out: Path | None
) -> ReportFiles:
    period = figures.period

    def fill(folder: Path) -> None:
        page = html_page(figures, language, company)
        (folder / PAGE).write_text(page, encoding="utf-8")
        write_workbook(figures, language, folder / SHEET, company)
        write_pictures(figures, language, folder, company)

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
    company = selected_company()
    chosen = f"--company {company} " if company else ""
    return f"smartconnect {chosen}report {days}"


def dashboard_link(address: str | None, period: Period) -> str | None:
    """The dashboard at these days; None without a dashboard."""
    days = f"from={period.first.isoformat()}&to={period.last.isoformat()}"
    return f"{address.rstrip('/')}/?{days}" if address else None


def parcel_of(settings: Settings, report: Report) -> Parcel:
    """What is delivered: with its page and tables, if there are figures in it."""
    title, files = report.title, report.files
    message = Message(
        f"{settings.report_company}: {title}" if settings.report_company else title,
        report.text,
        () if report.nothing_loaded else report.pictures,
        () if report.nothing_loaded else (files.page, files.sheet),
        dashboard_link(settings.dashboard_url, report.period),
    )
    again = f"{command(report.period)} --send-again"
    return Parcel(report.name, about(report.period), again, message)
