"""Chats: from headers and text to one typed row per message, nothing lost and nothing invented."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transform.contract_errors import (
    DateOrderConflict,
    NoTimeOfDay,
    TooManyQuarantined,
    WrongWindow,
)
from transform.datasets import CHATS
from transform.normalise import Origin, normalise_export

Normalise = Callable[..., Any]

HEADERS = ["ID сообщения", "ID чата", "Дата и время", "Направление", "Текст"]


def message(number: int = 1, at: str = "01.02.2026 10:00:00", **other: str) -> list[str]:
    way, text = other.get("way", "Входящее"), other.get("text", "Привет")
    return [str(number), other.get("chat", "77"), at, way, text]


def test_a_message_arrives_typed_with_its_origin(normalise: Normalise) -> None:
    row = normalise(HEADERS, [message(at="01.02.2026 10:00:05", text=" Привет \n")]).rows[0]
    assert row == {
        **dict.fromkeys(CHATS.arrow_schema().names),
        "message_id": "1",
        "chat_id": "77",
        "sent_at": datetime(2026, 2, 1, 10, 0, 5),
        "sent_at_utc": datetime(2026, 2, 1, 7, 0, 5, tzinfo=UTC),
        "date": date(2026, 2, 1),
        "observed_at": datetime(2026, 2, 2, 0, 15, tzinfo=UTC),
        "direction": "in",
        "author_type": "client",
        "text": " Привет \n",
        "load_id": "load-1",
    }


def test_ids_and_words_that_look_like_numbers_or_nothing_stay_text(normalise: Normalise) -> None:
    columns = [*HEADERS, "Клиент", "Телефон"]
    done = normalise(
        columns,
        [
            ["00123", "9007199254740993", "01.02.2026 10:00", "in", "NA", "NA", "+79161234567"],
            ["1e5", "007", "01.02.2026 10:00", "in", "null", "None", "89161234567"],
        ],
    )
    assert done.column("message_id") == ["00123", "1e5"]
    assert done.column("chat_id") == ["9007199254740993", "007"]
    assert done.column("text") == ["NA", "null"]
    assert done.column("client_name") == ["NA", "None"]
    assert done.column("client_phone") == ["+79161234567", "89161234567"]


def test_a_message_without_text_is_empty_and_other_empty_cells_are_null(
    normalise: Normalise,
) -> None:
    done = normalise(
        [*HEADERS, "Статус"], [[*message(text=""), ""], ["2", *message()[1:4], None, None]]
    )
    assert done.column("text") == ["", ""]
    assert done.column("status") == [None, None]


def test_columns_we_do_not_know_are_kept_in_extra(normalise: Normalise) -> None:
    columns = ["Оценка", *HEADERS, 'Поле "Б"']
    done = normalise(columns, [["5", *message(), "a\\b"], ["", *message(2), ""]])
    assert [json.loads(text) if text else None for text in done.column("extra")] == [
        {"Оценка": "5", 'Поле "Б"': "a\\b"},
        None,
    ]
    assert done.report.columns["Оценка"] == "extra"
    assert done.report.columns["ID чата"] == "chat_id"


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("31.02.2026 10:00:00", "sent_at: a day that does not exist"),
        ("01.02.0026 10:00:00", "sent_at: a year outside 2000-2100"),
        ("вчера", "sent_at: not a date of the file's format (dd.mm.yyyy HH:MM:SS)"),
        ("", "sent_at: empty"),
    ],
)
def test_an_impossible_date_goes_to_the_quarantine_with_its_record(
    normalise: Normalise, at: str, reason: str
) -> None:
    done = normalise(HEADERS, [message(1), message(2, at), message(3)])
    assert done.column("message_id") == ["1", "3"]
    (kept,) = done.quarantine.to_pylist()
    assert (kept["line"], kept["reason"]) == (2, reason)
    expected = {h: v for h, v in zip(HEADERS, message(2, at), strict=True) if v}
    assert json.loads(kept["raw"]) == expected
    assert done.report.reasons == {reason: 1}


def test_a_record_without_any_id_or_with_an_unknown_direction_is_quarantined(
    normalise: Normalise,
) -> None:
    rows = [message(1), ["", "", *message()[2:]], message(3, way="вбок"), ["", *message()[1:]]]
    done = normalise(HEADERS, rows)
    assert done.report.reasons == {
        "message_id and chat_id: empty": 1,
        "direction: an unknown word": 1,
    }
    assert done.column("message_id") == ["1", None]


def test_the_readers_rejects_are_counted_and_kept_beside_ours(
    normalise: Normalise, reject: Any
) -> None:
    done = normalise(HEADERS, [message()], rejects=[reject(7, "1;2", "too few fields")])
    assert done.quarantine.to_pylist() == [{"line": 7, "reason": "too few fields", "raw": "1;2"}]
    assert (done.report.rows_read, done.report.rows_out, done.report.rows_quarantined) == (2, 1, 1)


def test_day_is_before_month_and_a_contradiction_stops_with_the_evidence(
    normalise: Normalise,
) -> None:
    done = normalise(HEADERS, [message(at="03.04.2026 10:00")], day=date(2026, 4, 3))
    assert done.column("date") == [date(2026, 4, 3)]
    rows = [message(1, "03/04/2026 10:00"), message(2, "04/23/2026 10:00")]
    with pytest.raises(
        DateOrderConflict, match="04/23/2026 10:00 is a date only with day and month"
    ):
        normalise(HEADERS, rows, batch_rows=1)
    said = normalise(HEADERS, rows[1:], day=date(2026, 4, 23), month_first=True)
    assert said.column("date") == [date(2026, 4, 23)]


def test_a_second_format_in_the_column_is_not_read_as_the_first(normalise: Normalise) -> None:
    done = normalise(
        HEADERS, [message(1), message(2, "2026-02-01 10:00"), message(3)], batch_rows=1
    )
    assert done.column("message_id") == ["1", "3"]
    assert done.report.date_format == "dd.mm.yyyy HH:MM:SS"


@pytest.mark.parametrize(
    "at",
    ["2026-02-01T07:00:00Z", "2026-02-01T10:00:00+03:00", "2026-02-01 12:00:00+0500",
     "01.02.2026 07:00 UTC", "1769929200", "1769929200000", "2026-01-31 21:00:00-10"],
)  # fmt: skip
def test_zoned_times_come_out_on_the_companys_clock(normalise: Normalise, at: str) -> None:
    (row,) = normalise(HEADERS, [message(at=at)]).rows
    assert row["sent_at"] == datetime(2026, 2, 1, 10, 0)
    assert row["sent_at_utc"] == datetime(2026, 2, 1, 7, 0, tzinfo=UTC)


def test_a_zone_decides_the_hour_that_happens_twice(normalise: Normalise) -> None:
    day = date(2025, 10, 26)
    zoned = [message(1, "2025-10-26 02:30:00+02:00"), message(2, "2025-10-26 02:30:00+01:00")]
    done = normalise(HEADERS, zoned, day=day, zone="Europe/Berlin")
    assert [t.hour for t in done.column("sent_at_utc")] == [0, 1]
    assert {str(t) for t in done.column("sent_at")} == {"2025-10-26 02:30:00"}
    assert done.report.rows_ambiguous_time == 0
    naive = normalise(HEADERS, [message(1, "26.10.2025 02:30")], day=day, zone="Europe/Berlin")
    assert naive.report.rows_ambiguous_time == 1


def test_a_date_and_a_time_in_two_columns_make_one_moment(normalise: Normalise) -> None:
    columns = ["ID сообщения", "Дата", "Время", "Текст"]
    rows = [
        ["1", "01.02.2026", "10:00:05", "a"],
        ["2", "01.02.2026", "", "b"],
        ["3", "", "10:00", "c"],
        ["4", "01.02.2026", "9:05", "d"],
    ]
    done = normalise(columns, rows)
    assert done.column("sent_at") == [datetime(2026, 2, 1, 10, 0, 5), datetime(2026, 2, 1, 9, 5)]
    assert done.report.reasons == {"sent_at: no time of day": 1, "sent_at: no day": 1}


def test_what_spreadsheets_add_to_split_dates_and_times_is_taken_off(normalise: Normalise) -> None:
    columns = ["ID сообщения", "Дата", "Время", "Текст"]
    rows = [
        ["1", "2026-02-01 00:00:00", "1899-12-30 10:00:05", "a"],
        ["2", "2026-02-01", "00:00:00", "b"],
    ]
    done = normalise(columns, rows)
    assert done.column("sent_at") == [datetime(2026, 2, 1, 10, 0, 5), datetime(2026, 2, 1)]


def test_a_bare_date_among_moments_is_midnight_as_spreadsheets_write_it(
    normalise: Normalise,
) -> None:
    done = normalise(HEADERS, [message(1, "2026-02-01"), message(2, "2026-02-01 00:01:00")])
    assert done.column("sent_at")[0] == datetime(2026, 2, 1)
    assert done.report.rows_without_time == 1


def test_nothing_but_bare_dates_is_not_taken_for_midnights(normalise: Normalise) -> None:
    with pytest.raises(NoTimeOfDay, match="all 2 moments are bare dates"):
        normalise(HEADERS, [message(1, "01.02.2026"), message(2, "01.02.2026")])


def test_an_authors_column_gives_names_by_direction(normalise: Normalise) -> None:
    columns = [*HEADERS, "Автор"]
    rows = [
        [*message(1), "Иван"],
        [*message(2, way="Исходящее"), "Анна"],
        [*message(3, way="системное"), "Сервис 1"],
        [*message(4), ""],
    ]
    done = normalise(columns, rows)
    assert done.column("client_name") == ["Иван", None, None, None]
    assert done.column("user_name") == [None, "Анна", None, None]
    assert done.column("direction") == ["in", "out", None, "in"]
    assert done.column("extra") == [None, None, '{"Автор":"Сервис 1"}', None]


def test_an_author_beside_a_name_that_differs_is_kept_in_extra(normalise: Normalise) -> None:
    done = normalise([*HEADERS, "Автор", "Клиент"], [[*message(), "Иван И.", "Иван"]])
    assert done.column("client_name") == ["Иван"]
    assert done.column("extra") == ['{"Автор":"Иван И."}']


def test_a_kind_of_author_gives_the_direction_where_there_is_none(normalise: Normalise) -> None:
    columns = ["ID чата", "sent_at", "sender_type", "text"]
    kinds = ["client", "Оператор", "bot", "system", "куратор", ""]
    rows = [["7", "2026-02-01 10:00:00", kind, "x"] for kind in kinds]
    done = normalise(columns, rows)
    assert done.column("direction") == ["in", "out", "out", None, None, None]
    assert done.column("author_type") == ["client", "user", "bot", "system", "куратор", None]


def test_a_kind_of_author_in_the_authors_column_is_no_name(normalise: Normalise) -> None:
    columns = ["ID чата", "Дата и время", "Отправитель", "Текст"]
    done = normalise(columns, [["7", "01.02.2026 10:00", "Клиент", "x"]])
    (row,) = done.rows
    assert (row["author_type"], row["direction"]) == ("client", "in")
    assert row["client_name"] is None
    assert row["extra"] == '{"Отправитель":"Клиент"}'


def test_one_name_among_kinds_of_authors_makes_all_of_them_names(normalise: Normalise) -> None:
    done = normalise([*HEADERS, "Автор"], [[*message(1), "guest"], [*message(2), " Trey "]])
    assert done.column("client_name") == ["guest", " Trey "]
    assert done.column("author_type") == ["client", "client"]


def test_an_author_called_admin_keeps_the_name_where_the_kind_has_its_own_column(
    normalise: Normalise,
) -> None:
    columns = ["ID чата", "Дата и время", "Тип отправителя", "Автор", "Текст"]
    done = normalise(columns, [["7", "01.02.2026 10:00", "Оператор", "Admin", "x"]])
    assert done.column("user_name") == ["Admin"]


def test_a_type_that_means_something_else_is_not_taken_for_a_direction(
    normalise: Normalise,
) -> None:
    columns = ["ID сообщения", "Дата и время", "Тип", "Текст"]
    pictures = [["1", "01.02.2026 10:00", "text", "a"], ["2", "01.02.2026 10:00", "image", ""]]
    done = normalise(columns, pictures)
    assert done.column("direction") == [None, None]
    assert done.column("extra") == ['{"Тип":"text"}', '{"Тип":"image"}']
    assert done.report.columns["Тип"] == "extra"
    assert "its values are no direction" in done.report.notes[0]
    empty, way = [["1", "01.02.2026 10:00", word, "a"] for word in ("", "from_client")]
    assert normalise(columns, [empty, way], batch_rows=1).column("direction") == [None, "in"]


def test_rows_outside_their_day_are_kept_and_counted(normalise: Normalise) -> None:
    inside = [message(n) for n in range(10)]
    done = normalise(
        HEADERS, [*inside, message(10, "02.02.2026 00:00"), message(11, "31.01.2026 23:59")]
    )
    assert done.report.rows_out == 12
    assert (done.report.rows_outside_day, done.report.rows_before_day) == (2, 1)
    assert done.report.first_at == datetime(2026, 1, 31, 23, 59)
    assert done.report.last_at == datetime(2026, 2, 2)


@pytest.mark.parametrize("expect", ["message", None])
def test_mostly_other_days_mean_that_the_vendor_read_the_dates_differently(
    normalise: Normalise, expect: str | None
) -> None:
    rows = [message(n, "02.01.2026 10:00") for n in range(10)]
    with pytest.raises(WrongWindow) as caught:
        normalise(HEADERS, rows, expect=expect)
    assert "10 of 10 rows lie outside that day, 10 before it" in str(caught.value)
    assert "Day and month may be swapped" in str(caught.value)


def test_replies_after_the_day_are_normal_where_threads_are_selected(normalise: Normalise) -> None:
    later = [message(n, "05.02.2026 10:00") for n in range(30)]
    done = normalise(HEADERS, [message(99), *later], expect="thread")
    assert done.report.rows_outside_day == 30
    for wrong in (later, [message(n, "30.01.2026 10:00") for n in range(30)]):
        with pytest.raises(WrongWindow):
            normalise(HEADERS, wrong, expect="thread")


def test_too_many_quarantined_records_stop_the_load_and_name_the_reasons(
    normalise: Normalise,
) -> None:
    good, bad = (
        [message(n) for n in range(100)],
        [message(n, "31.02.2026 10:00") for n in range(30)],
    )
    with pytest.raises(
        TooManyQuarantined, match=r"30 of 130 records .*a day that does not exist \(30\)"
    ):
        normalise(HEADERS, good + bad)
    assert normalise(HEADERS, good + bad, max_quarantined_share=0.3).report.rows_quarantined == 30
    with pytest.raises(TooManyQuarantined, match="more than 5 records"):
        normalise(HEADERS, good + bad, max_quarantined_rows=5)


def test_an_error_holds_no_value_of_the_records(normalise: Normalise) -> None:
    secret = "Мой телефон +79161234567"
    with pytest.raises(TooManyQuarantined) as caught:
        normalise(HEADERS, [message(n, secret, way=secret, text=secret) for n in range(50)])
    assert secret not in str(caught.value)


def test_an_empty_export_has_no_rows_and_a_report(normalise: Normalise) -> None:
    done = normalise(HEADERS, [])
    assert done.table.num_rows == 0
    assert (done.report.rows_read, done.report.first_at, done.report.date_format) == (0, None, None)


def test_an_export_is_read_once_and_tells_its_report_afterwards(
    origin: Origin, memory_export: Any
) -> None:
    done = normalise_export(memory_export(HEADERS, [message()]), CHATS, origin)
    with pytest.raises(RuntimeError, match="after the last batch"):
        _ = done.report
    assert sum(batch.num_rows for batch in done) == 1
    assert done.report.rows_out == 1
    with pytest.raises(RuntimeError, match="read once"):
        list(done)


cells = st.text(max_size=6)
dates = st.sampled_from(
    ["01.02.2026 10:00:00", "31.02.2026 10:00", "", "1.2.2026 9:05", "x", "02.02.2026"]
)
ways = st.sampled_from(["Входящее", "out", "", "?", "системное"])
records = st.lists(st.tuples(cells, cells, dates, ways, cells, cells, cells), max_size=25)


@settings(max_examples=60, deadline=None)
@given(records, st.integers(1, 8), st.permutations(range(7)))
def test_rows_read_are_rows_out_and_quarantined_whatever_the_batches_and_columns(
    normalise: Normalise, rows: list[tuple[str, ...]], batch_rows: int, order: list[int]
) -> None:
    columns = [*HEADERS, "Автор", "Прочее"]
    rows = [("1", "7", "01.02.2026 10:00:00", "in", "a", "", ""), *rows]
    bounds = {"tolerated_rows": 1000, "min_rows_judged": 1000}
    whole = normalise(columns, rows, **bounds)
    shuffled = normalise(
        [columns[i] for i in order],
        [[row[i] for i in order] for row in rows],
        batch_rows=batch_rows,
        **bounds,
    )
    report = whole.report
    assert report.rows_read == len(rows) == report.rows_out + report.rows_quarantined
    assert whole.table.num_rows == report.rows_out
    assert whole.quarantine.num_rows == report.rows_quarantined
    names = [name for name in whole.table.column_names if name != "extra"]
    assert shuffled.table.select(names).equals(whole.table.select(names))
    assert shuffled.quarantine.column("line").equals(whole.quarantine.column("line"))
    assert shuffled.quarantine.column("reason").equals(whole.quarantine.column("reason"))


@settings(max_examples=60, deadline=None)
@given(records)
def test_no_cell_disappears(normalise: Normalise, rows: list[tuple[str, ...]]) -> None:
    columns = [*HEADERS, "Автор", "Прочее"]
    rows = [("1", "7", "01.02.2026 10:00:00", "in", "a", "", ""), *rows]
    done = normalise(columns, rows, tolerated_rows=1000, min_rows_judged=1000)
    lines = {kept["line"]: json.loads(kept["raw"]) for kept in done.quarantine.to_pylist()}
    out = iter(done.rows)
    for line, row in enumerate(rows, start=1):
        if line in lines:
            assert lines[line] == {h: v for h, v in zip(columns, row, strict=True) if v}
            continue
        found = next(out)
        extra = json.loads(found["extra"] or "{}")
        assert found["text"] == row[4]
        assert extra.get("Прочее", "") == row[6]
        names = {found["client_name"], found["user_name"], extra.get("Автор")}
        author = row[5].strip()
        assert not author or row[5] in names
