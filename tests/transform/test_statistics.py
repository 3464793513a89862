"""Statistics: measures typed with their units, days and totals told apart from observations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from transform.contract_errors import MissingColumn, WrongWindow
from transform.datasets import STATISTICS

Normalise = Callable[..., Any]


def test_measures_are_typed_with_the_unit_that_the_header_names(normalise: Normalise) -> None:
    columns = [
        "Дата", "Канал", "Оператор", "Входящих сообщений", "Исходящие сообщения",
        "Среднее время первого ответа, мин", "Среднее время ответа", "Средняя оценка", "NPS",
    ]  # fmt: skip
    rows = [
        ["01.02.2026", "WhatsApp", "Анна", "1 234", "12.0", "1,5", "00:02:30", "4,8", "71"],
        ["01.02.2026", "Telegram", "Анна", "", "0", "-", "05:30", "н/д", ""],
    ]
    first, second = normalise(columns, rows, STATISTICS).rows
    assert first["date"] == date(2026, 2, 1)
    assert (first["messages_in_count"], first["messages_out_count"]) == (1234, 12)
    assert (first["first_response_avg_seconds"], first["response_avg_seconds"]) == (90.0, 150.0)
    assert first["rating_avg"] == pytest.approx(4.8)
    assert first["extra"] == '{"NPS":"71"}'
    assert second["messages_in_count"] is None
    assert (second["first_response_avg_seconds"], second["response_avg_seconds"]) == (None, 330.0)
    assert (second["rating_avg"], second["extra"]) == (None, None)


def test_an_english_report_by_agent_is_understood(normalise: Normalise) -> None:
    columns = ["date", "agent_id", "agent", "channel_type", "total_chats", "missed chats",
               "messages_received", "messages_sent", "avg_first_response_time (sec)",
               "Average Chat Duration (min)"]  # fmt: skip
    figures = ["2026-02-01", "7", "Anna", "viber", "10", "1", "40", "38", "12.5", "3"]
    done = normalise(columns, [figures], STATISTICS)
    (row,) = done.rows
    assert row["chats_count"] == 10
    assert row["first_response_avg_seconds"] == 12.5
    assert row["chat_duration_avg_seconds"] == 180.0
    assert "extra" not in done.report.columns.values()


def test_without_a_date_column_the_figures_are_of_the_day_asked_for(normalise: Normalise) -> None:
    done = normalise(["Оператор", "Чатов"], [["Анна", "5"]], STATISTICS)
    assert done.column("date") == [date(2026, 2, 1)]
    assert done.report.rows_outside_day == 0


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (["01.02.2026", "Анна", "5,5", "1"], "chats_count: not a count"),
        (["01.02.2026", "Анна", "5", "быстро"], "response_avg_seconds: not a duration"),
        (["31.02.2026", "Анна", "5", "1"], "date: a day that does not exist"),
        (["", "Анна", "5", "1"], "date: empty"),
    ],
)
def test_a_figure_that_is_none_is_never_nulled_silently(
    normalise: Normalise, row: list[str], reason: str
) -> None:
    good = ["01.02.2026", "Анна", "5", "1"]
    done = normalise(["Дата", "Оператор", "Чатов", "Время ответа"], [good, row], STATISTICS)
    assert done.report.reasons == {reason: 1}
    assert done.report.rows_out == 1


@pytest.mark.parametrize(
    "line", [["Итого", "", "10"], ["", "ВСЕГО", "10"], ["01.02.2026", "Total", "10"]]
)
def test_a_line_of_totals_is_no_observation(normalise: Normalise, line: list[str]) -> None:
    done = normalise(
        ["Дата", "Оператор", "Чатов"], [["01.02.2026", "Анна", "10"], line], STATISTICS
    )
    assert done.column("chats_count") == [10]
    assert done.report.rows_quarantined == 1


def test_a_file_of_which_no_header_is_known_is_not_taken_for_statistics(
    normalise: Normalise,
) -> None:
    with pytest.raises(MissingColumn, match="none of the 2 headers is known"):
        normalise(["01.02.2026", "Анна"], [["01.02.2026", "Олег"]], STATISTICS)


def test_equal_rows_of_statistics_are_all_kept(normalise: Normalise) -> None:
    row = ["01.02.2026", "Анна", "10"]
    done = normalise(["Дата", "Оператор", "Чатов"], [row, row], STATISTICS)
    assert done.report.rows_out == 2


def test_figures_of_other_days_stop_the_load_in_both_selections(normalise: Normalise) -> None:
    rows = [["02.02.2026", "Анна", str(n)] for n in range(10)]
    for expect in ("message", "thread", None):
        with pytest.raises(WrongWindow):
            normalise(["Дата", "Оператор", "Чатов"], rows, STATISTICS, expect=expect)
