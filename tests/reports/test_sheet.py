"""The workbook, read back: typed cells, whole tables, and no formula."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import madefigures as made
import pytest
from python_calamine import CalamineWorkbook

from reports.sheet import LONGEST_TEXT, write_workbook
from reports.story import headlines
from reports.words import LANGUAGES, Language, words_of
from warehouse.figures import Figures


def read(path: Path) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_path(str(path))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def seconds(cell: Any) -> float:
    """A duration's cell as calamine gives it."""
    if isinstance(cell, timedelta):
        return cell.total_seconds()
    return float(cell.hour * 3600 + cell.minute * 60 + cell.second)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbook_has_every_number(tmp_path: Path, language: Language) -> None:
    figures, words = made.week(), words_of(language)
    path = tmp_path / "report.xlsx"
    write_workbook(figures, language, path, "ООО «Ромашка»")
    book = read(path)
    assert list(book) == [
        words.say(f"table.{name}")
        for name in (
            "summary", "days", "hours", "channels", "operators", "teams", "categories", "sla",
            "waiting", "quality", "fresh", "definitions",
        )
    ]  # fmt: skip
    days = book[words.say("table.days")]
    found = figures.by_date.to_pylist()
    assert [row[0] for row in days[1:]] == [r["date"] for r in found]
    assert [row[1:3] for row in days[1:]] == [[r["messages_in"], r["messages_out"]] for r in found]
    assert [seconds(row[10]) for row in days[1:]] == pytest.approx(
        [r["response_median_seconds"] for r in found], abs=0.6
    )
    channels = book[words.say("table.channels")][1 : 1 + len(figures.channels)]
    assert {row[0]: row[1] for row in channels} == {
        words.channel(c.key): c.now.messages_in for c in figures.channels
    }
    assert channels[0][3] == pytest.approx(987 / 742 - 1)
    operators = book[words.say("table.operators")][1:14]
    assert [row[:2] for row in operators] == [
        [o.label, o.now.messages_out] for o in figures.operators
    ]
    sla = book[words.say("table.sla")][1:4]
    assert [row[3:5] for row in sla] == [[s.met, s.turns] for s in figures.sla]
    assert [row[1] for row in sla] == pytest.approx([s.share for s in figures.sla])
    waiting = book[words.say("table.waiting")][1:7]
    assert isinstance(waiting[0][3], datetime)
    assert [row[0] for row in waiting] == figures.waiting["chat_id"].to_pylist()


def test_the_summary_has_the_large_figures_as_numbers(tmp_path: Path) -> None:
    figures, words = made.one_day(), words_of("en")
    path = tmp_path / "report.xlsx"
    write_workbook(figures, "en", path)
    rows = {row[0]: row[1:] for row in read(path)["Summary"]}
    for shown in headlines(figures, words):
        value = rows[shown.title][0]
        told = seconds(value) if shown.name.endswith("_seconds") else value
        assert told == pytest.approx(shown.number, abs=0.6 if told == value else 1)
    assert rows["Clients' messages"][:3] == [431, 402, 377]


@pytest.mark.promise("report-missing-day")
def test_a_missing_day_has_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    write_workbook(made.missing_day(), "ru", path)
    book = read(path)
    assert book["По дням"][4][:3] == [date(2026, 11, 19), "нет данных", ""]
    assert any("Не загружен 1 день: 19 ноября." in str(row[0]) for row in book["Итоги"])


@pytest.mark.promise("report-no-formula")
def test_what_would_be_a_formula_is_text(tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    write_workbook(made.hostile(), "en", path)
    names = {row[0] for row in read(path)["Channels"][1:16]}
    assert {'=HYPERLINK("http://evil.example","x")', "@SUM(A1)", "-1+1", "+7 900 000"} <= names
    assert "Tab Line" in names
    assert max(map(len, map(str, names))) == LONGEST_TEXT
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    sheets = [text for name, text in parts.items() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) == 12
    for text in sheets:
        assert "<f>" not in text
        assert "<hyperlink" not in text
    assert not [name for name in parts if "external" in name.lower()]
    assert 'quotePrefix="1"' in parts["xl/styles.xml"]
    strings = parts["xl/sharedStrings.xml"]
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e]", strings)


@pytest.mark.parametrize("shape", ["nothing", "one_operator"])
def test_the_edges_are_written(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "report.xlsx"
    figures: Figures = getattr(made, shape)()
    write_workbook(figures, "ru", path)
    book = read(path)
    assert len(book) == 12
    if shape == "nothing":
        assert len(book["Операторы"]) <= 4  # the header, and the note
        assert [row[1] for row in book["По дням"][1:]] == ["нет данных"] * 7


def test_every_operator_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    write_workbook(made.many_operators(3_000), "en", path)
    rows = read(path)["Operators"]
    assert sum(str(row[0]).startswith("Оператор №") for row in rows) == 3_000
