"""A report as a workbook: every table whole, with real numbers, dates and durations.

What comes from outside is written as text and never as a formula, a link or a number: Excel shows
`=HYPERLINK(…)` as those characters. A text that begins as a formula would is marked as text for
Excel (its quote prefix), so that it stays one when somebody edits the cell.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from reports import tables
from reports.findings import findings
from reports.page import filters_told, fresh_told, release_told, title
from reports.story import bare, headlines, missing_told, movers, summary
from reports.tables import Column, Table, Value
from reports.words import Language, Words, plain, words_of
from warehouse.figures import Figures

LONGEST_TEXT: Final = 32_767
MOST_ROWS: Final = 1_048_000
MOST_IN_CHART: Final = 20
_FORMULA = ("=", "+", "-", "@")
_SECONDS_A_DAY = 86_400
_WIDTHS = {"name": 30, "text": 34, "moment": 18, "date": 13, "duration": 14}
_OPTIONS = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "constant_memory": False,
    "in_memory": True,
    "remove_timezone": True,
}


def write_workbook(figures: Figures, language: Language, path: Path, company: str = "") -> None:
    """Write the workbook to `path`, replacing what is there."""
    words = words_of(language)
    with xlsxwriter.Workbook(str(path), _OPTIONS) as book:
        book.set_properties({"title": f"{title(figures, words)}: {words.period(figures.period)}"})
        writer = _Writer(book, words)
        writer.summary(figures, company)
        for table in (tables.days(figures, words), tables.hours(figures, words)):
            writer.table(table)
        writer.table(tables.channels(figures, words), chart=1)
        writer.table(tables.operators(figures, words), chart=1)
        for make in (
            tables.teams, tables.categories, tables.sla, tables.waiting, tables.quality,
            tables.fresh, tables.definitions,
        ):  # fmt: skip
            writer.table(make(figures, words))


def safe(text: str) -> str:
    """A text that XML and a cell can hold, without control characters at its beginning."""
    return plain(text, LONGEST_TEXT)


class _Writer:
    """Writes sheets into a book; formats are made once."""

    def __init__(self, book: xlsxwriter.Workbook, words: Words) -> None:
        self.book = book
        self.words = words
        top = {"valign": "top"}
        self.formats: dict[str, Any] = {
            "count": book.add_format({"num_format": "#,##0", **top}),
            "decimal": book.add_format({"num_format": "#,##0.0", **top}),
            "share": book.add_format({"num_format": "0.0%", **top}),
            "change": book.add_format({"num_format": "+0%;-0%;0%", **top}),
            "duration": book.add_format({"num_format": "[h]:mm:ss", **top}),
            "date": book.add_format({"num_format": "yyyy-mm-dd", "align": "left", **top}),
            "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm", **top}),
            "name": book.add_format({"text_wrap": False, **top}),
            "text": book.add_format({"text_wrap": True, **top}),
            "quoted-name": book.add_format({"quote_prefix": True, **top}),
            "quoted-text": book.add_format({"quote_prefix": True, "text_wrap": True, **top}),
            "title": book.add_format({"bold": True, "font_size": 16}),
            "heading": book.add_format({"bold": True, "font_size": 12}),
            "header": book.add_format(
                {"bold": True, "bottom": 1, "text_wrap": True, "bg_color": "#E7EBF1"}
            ),
            "muted": book.add_format({"font_color": "#566070", "italic": True, "text_wrap": True}),
            "alert": book.add_format({"bold": True, "font_color": "#B3261E", "text_wrap": True}),
        }

    def summary(self, figures: Figures, company: str) -> None:
        """What the page begins with: the period, the words, the large figures."""
        words = self.words
        sheet = self._sheet(words.say("table.summary"))
        sheet.set_column(0, 0, 44)
        sheet.set_column(1, 1, 22)
        sheet.set_column(2, 4, 30)
        lines: list[tuple[str, str]] = [(safe(company), "name")] if company else []
        lines.append((f"{title(figures, words)}: {words.period(figures.period)}", "title"))
        lines.append((fresh_told(figures, words), "name"))
        lines.append((release_told(figures, words), "name"))
        lines += [(safe(bare(told)), "name") for told in filters_told(figures, words)]
        if missing_told(figures, words):
            lines.append((missing_told(figures, words), "alert"))
        lines += [(safe(bare(sentence)), "name") for sentence in summary(figures, words)]
        row = 0
        for text, style in lines:
            self._text(sheet, row, 0, text, style)
            row += 1
        if figures.total.messages_in or figures.total.messages_out:
            row = self._figures(sheet, row + 1, figures)
        for heading, sentences in (
            ("findings", [f"{bare(f.fact)} {bare(f.may)}" for f in findings(figures, words)]),
            ("movers", [bare(text) for text, _ in movers(figures, words)]),
        ):
            if sentences:
                row += 1
                self._text(sheet, row, 0, words.say(f"report.{heading}"), "heading")
                for sentence in sentences:
                    row += 1
                    self._text(sheet, row, 0, safe(sentence), "name")
                row += 1
        self._text(sheet, row + 1, 0, words.say("report.zone", zone=figures.time_zone), "name")

    def _figures(self, sheet: Any, row: int, figures: Figures) -> int:
        """The large figures as numbers, each with those before."""
        words = self.words
        for n, name in enumerate(("figure", "value", "before", "week_before")):
            self._text(sheet, row, n, words.say(f"column.{name}"), "header")
        for shown in headlines(figures, words):
            row += 1
            self._text(sheet, row, 0, shown.title, "name")
            for n, value in enumerate([shown.number, *[c.number for c in shown.compared]], 1):
                self._value(sheet, row, n, value, _kind(shown.name))
            self._text(sheet, row, 4, safe(bare(shown.hint)), "name")
        return row + 1

    def table(self, table: Table, chart: int | None = None) -> None:
        """A sheet of a table; `chart` is the column whose first rows are drawn beside it."""
        sheet = self._sheet(table.title)
        for n, column in enumerate(table.columns):
            sheet.set_column(n, n, _width(column))
            self._text(sheet, 0, n, column.title, "header")
        sheet.set_row(0, 32)
        sheet.freeze_panes(1, 1)
        for row, values in enumerate(table.rows[:MOST_ROWS], 1):
            if row - 1 in table.missing:
                self._value(sheet, row, 0, values[0], table.columns[0].kind)
                self._text(sheet, row, 1, self.words.say("missing.day"), "muted")
                continue
            for n, value in enumerate(values):
                self._value(sheet, row, n, value, table.columns[n].kind)
        last = len(table.rows)
        if last:
            sheet.autofilter(0, 0, last, len(table.columns) - 1)
        if table.note:
            self._text(sheet, last + 2, 0, table.note, "name")
        if chart is not None and last:
            self._chart(sheet, table, chart)

    def _chart(self, sheet: Any, table: Table, column: int) -> None:
        last = min(len(table.rows), MOST_IN_CHART)
        drawn = self.book.add_chart({"type": "bar"})
        drawn.add_series(
            {
                "categories": [sheet.name, 1, 0, last, 0],
                "values": [sheet.name, 1, column, last, column],
                "fill": {"color": "#1D5FBF"},
                "gap": 50,
                "data_labels": {"value": True},
            }
        )
        drawn.set_title({"name": f"{table.title}: {table.columns[column].title}"})
        drawn.set_legend({"none": True})
        drawn.set_y_axis({"reverse": True})
        drawn.set_x_axis({"min": 0, "visible": False, "major_gridlines": {"visible": False}})
        drawn.set_size({"width": 620, "height": 120 + 26 * last})
        sheet.insert_chart(1, len(table.columns) + 1, drawn)

    def _sheet(self, name: str) -> Any:
        sheet = self.book.add_worksheet(name[:31])
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        return sheet

    def _text(self, sheet: Any, row: int, column: int, text: str, style: str) -> None:
        quoted = f"quoted-{style}"
        sheet.write_string(
            row, column, text, self.formats[quoted if text.startswith(_FORMULA) else style]
        )

    def _value(self, sheet: Any, row: int, column: int, value: Value, kind: str) -> None:
        style = self.formats[kind]
        if value is None:
            sheet.write_blank(row, column, None, style)
        elif isinstance(value, str):
            self._text(sheet, row, column, safe(value), kind)
        elif isinstance(value, dt.datetime | dt.date):
            sheet.write_datetime(row, column, value, style)
        else:
            shown = value / _SECONDS_A_DAY if kind == "duration" else value
            sheet.write_number(row, column, shown, style)


def _width(column: Column) -> int:
    return _WIDTHS.get(column.kind, 13)


def _kind(measure: str) -> str:
    if measure == "sla":
        return "share"
    return "duration" if measure.endswith("_seconds") else "count"
