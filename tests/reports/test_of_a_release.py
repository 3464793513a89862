"""A real release, read and reported: its numbers in every form, and what was never loaded."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from small_company import Said, published
from test_page import Parsed

from reports.message import short_text
from reports.page import html_page
from reports.sheet import write_workbook
from warehouse.answers import read_figures
from warehouse.figures import Figures, Period
from warehouse.marts import parquet_reader, release_reader

MONDAY = date(2026, 3, 2)
WEEK = Period.week(MONDAY)


def _said(day: date, threads: int) -> list[Said]:
    return [
        message
        for n in range(threads)
        for message in (
            Said(f"{day} 10:{n:02}:00", f"{day}-{n}", "client", client=f"+7{day:%m%d}{n}"),
            Said(f"{day} 10:{n:02}:30", f"{day}-{n}", "7", name="<b>Анна</b>"),
        )
    ]


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figures]:
    """Two weeks, a Wednesday of the second never loaded; read in both ways."""
    days = [MONDAY + timedelta(days=n) for n in range(-7, 7) if n != 2]
    said = [m for n, day in enumerate(days) for m in _said(day, 20 + n)]
    layout = published(tmp_path_factory.mktemp("data"), said)
    found = {}
    for name, opened in (("database", release_reader), ("parquet", parquet_reader)):
        with opened(layout) as reader:
            found[name] = read_figures(reader, WEEK)
            found[f"{name}-after"] = read_figures(reader, Period.week(MONDAY + timedelta(days=7)))
            found[f"{name}-friday"] = read_figures(reader, Period.day(MONDAY + timedelta(days=4)))
            found[f"{name}-tuesday"] = read_figures(reader, Period.day(MONDAY + timedelta(days=1)))
    return found


@pytest.mark.parametrize("way", ["database", "parquet"])
def test_every_form_tells_the_release_s_numbers(
    figures: dict[str, Figures], way: str, tmp_path: Path
) -> None:
    week = figures[way]
    expected = sum(20 + n for n in range(7, 13))
    assert week.total.messages_in == expected
    assert week.total.first_response_median_seconds == 30
    text = Parsed(html_page(week, "ru")).text
    assert f"Сообщения клиентов {expected}" in text
    assert "Первый ответ, медиана 30 с" in text.replace("\u00a0", " ")
    assert "ср, 4 мар. нет данных" in text
    assert "Не загружен 1 день: 4 марта." in text
    assert "<b>Анна</b>" in text
    assert f"{expected} сообщени" in short_text(week, "ru")
    assert "Анна" not in short_text(week, "ru")
    path = tmp_path / "week.xlsx"
    write_workbook(week, "ru", path)
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name("По дням").to_python()
    assert sum(row[1] for row in rows[1:] if isinstance(row[1], float)) == expected
    assert rows[3][1] == "нет данных"


def test_days_never_loaded_are_known_of_the_period_before(figures: dict[str, Figures]) -> None:
    wednesday = MONDAY + timedelta(days=2)
    assert figures["parquet"].missing_before == ()
    assert figures["parquet-after"].missing_before == (wednesday,)
    assert figures["parquet-friday"].missing_before == ()
    assert figures["parquet-tuesday"].missing_before == ()
    assert len(figures["database-after"].missing_days) == 7
    assert "показателей нет" in html_page(figures["database-after"], "ru")


def test_a_day_after_a_whole_one_is_compared(figures: dict[str, Figures]) -> None:
    text = short_text(figures["database-tuesday"], "en")
    assert "Compared with the day before: clients' messages +4%" in text
    assert "Compared with the same weekday a week before: clients' messages +33%" in text
