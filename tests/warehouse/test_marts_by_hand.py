"""Every mart over a few messages, its figures worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import duckdb
import pytest
from small_company import Said, marts_over, rows_of

from warehouse.business import parse_business

ANNA, BORIS, VERA, GLEB = "+71", "+72", "+73", "+74"
FRIDAY, MONDAY, TUESDAY = date(2026, 2, 27), date(2026, 3, 2), date(2026, 3, 3)
BUSINESS = parse_business(
    """
    [teams]
    "Sales" = ["501"]
    "Help" = ["502"]
    [[targets]]
    name = "first in 15 working minutes"
    within = "15m"
    [[targets]]
    name = "Telegram: any in half an hour"
    within = "30m"
    working_hours = false
    first_only = false
    channel = "Telegram"
    """,
    "reporting.toml",
)
# The office is open from Monday to Friday, 09:00 to 18:00, Moscow time.
SAID = [
    # T4: 64 hours over a weekend; of working time, half an hour on Friday and half on Monday.
    Said("2026-02-27 17:30", "T4", "client", channel=None, client=VERA),
    Said("2026-03-02 09:30", "T4", "502", channel=None, client=VERA),
    # T1: a turn of two messages, answered in 10 minutes by 501, one more in 30 by 502.
    Said("2026-03-02 10:00", "T1", "client", client=ANNA),
    Said("2026-03-02 10:05", "T1", "client", client=ANNA, category="Orders"),
    Said("2026-03-02 10:10", "T1", "501", client=ANNA, category="Orders"),
    Said("2026-03-02 10:20", "T1", "client", client=ANNA, category="Orders"),
    Said("2026-03-02 10:50", "T1", "502", client=ANNA, category="Orders"),
    # T2: the bot's word is no answer; 15 h 20 min overnight, 10 + 10 minutes of working time.
    Said("2026-03-02 17:50", "T2", "client", channel="WhatsApp", client=BORIS),
    Said("2026-03-02 17:51", "T2", "bot", channel="WhatsApp", client=BORIS),
    Said("2026-03-03 09:10", "T2", "501", channel="WhatsApp", client=BORIS),
    # T3: waits until the data's end, Tuesday 12:00: 4 hours, 3 of them working time.
    Said("2026-03-03 08:00", "T3", "client", client=ANNA),
    Said("2026-03-03 08:01", "T3", "system", client=ANNA),
    # T5: opened by an operator; the client's first word is answered in 30 minutes.
    Said("2026-03-03 11:00", "T5", "501", client=GLEB),
    Said("2026-03-03 11:30", "T5", "client", client=GLEB),
    Said("2026-03-03 12:00", "T5", "501", client=GLEB),
    # No thread: counts among messages alone.
    Said("2026-03-03 10:00", None, "client", client=GLEB),
]


@pytest.fixture(scope="module")
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    with marts_over(SAID, BUSINESS) as connection:
        yield connection


@pytest.mark.promise("marts-figures")
def test_turns_and_their_responses(marts: duckdb.DuckDBPyConnection) -> None:
    told = rows_of(
        marts,
        """SELECT chat_id, date, hour, is_first, messages, operator_id, response_seconds,
                  response_working_seconds, waiting_seconds, waiting_working_seconds
           FROM mart.responses ORDER BY chat_id, asked_at""",
    )
    assert told == [
        ("T1", MONDAY, 10, True, 2, "501", 600, 600, None, None),
        ("T1", MONDAY, 10, False, 1, "502", 1800, 1800, None, None),
        ("T2", MONDAY, 17, True, 1, "501", 55200, 1200, None, None),
        ("T3", TUESDAY, 8, True, 1, None, None, None, 14400, 10800),
        ("T4", FRIDAY, 17, True, 1, "502", 230400, 3600, None, None),
        ("T5", TUESDAY, 11, True, 1, "501", 1800, 1800, None, None),
    ]


@pytest.mark.promise("marts-figures")
def test_threads(marts: duckdb.DuckDBPyConnection) -> None:
    told = rows_of(
        marts,
        """SELECT chat_id, date, strftime(opened_at, '%H:%M'), strftime(last_at, '%d. %H:%M'),
                  channel, category, client_key, messages_in, messages_out
           FROM mart.threads ORDER BY chat_id""",
    )
    assert told == [
        ("T1", MONDAY, "10:00", "02. 10:50", "Telegram", "Orders", ANNA, 3, 2),
        ("T2", MONDAY, "17:50", "03. 09:10", "WhatsApp", "", BORIS, 1, 2),
        ("T3", TUESDAY, "08:00", "03. 08:01", "Telegram", "", ANNA, 1, 0),
        ("T4", FRIDAY, "17:30", "02. 09:30", "", "", VERA, 1, 1),
        ("T5", TUESDAY, "11:00", "03. 12:00", "Telegram", "", GLEB, 1, 2),
    ]
    answered = "SELECT chat_id, is_answered, is_unanswered FROM mart.threads ORDER BY chat_id"
    assert rows_of(marts, answered) == [
        ("T1", True, False),
        ("T2", True, False),
        ("T3", False, True),
        ("T4", True, False),
        ("T5", True, False),
    ]


def test_messages_by_date_hour_channel_direction_and_author(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    told = rows_of(
        marts,
        """SELECT hour, channel, direction, author, messages FROM mart.message_counts
           WHERE date = '2026-03-02' ORDER BY ALL""",
    )
    assert told == [
        (9, "", "out", "operator", 1),
        (10, "Telegram", "in", "client", 3),
        (10, "Telegram", "out", "operator", 2),
        (17, "WhatsApp", "in", "client", 1),
        (17, "WhatsApp", "out", "bot", 1),
    ]
    weekdays = rows_of(marts, "SELECT DISTINCT weekday, date FROM mart.message_counts ORDER BY 1")
    assert weekdays == [(1, MONDAY), (2, TUESDAY), (5, FRIDAY)]
    service = "SELECT direction, author FROM mart.messages WHERE author = 'system'"
    assert rows_of(marts, service) == [("none", "system")]


@pytest.mark.promise("marts-figures")
def test_how_soon_by_day_channel_and_operator(marts: duckdb.DuckDBPyConnection) -> None:
    measures = """turns, turns_answered, first_response_median_seconds, first_response_p90_seconds,
        first_response_working_median_seconds, first_response_working_p90_seconds,
        response_median_seconds, response_p90_seconds, response_working_median_seconds,
        response_working_p90_seconds"""
    # First: 600, 55200 (600, 1200 of working time). All: 600, 1800, 55200 (600, 1800, 1200).
    firsts, alls = (27900, 49740, 900, 1140), (1800, 44520, 1200, 1680)
    by_day = f"SELECT {measures} FROM mart.response_by_day WHERE date = '2026-03-02'"
    assert rows_of(marts, by_day) == [pytest.approx((3, 3, *firsts, *alls))]
    told = rows_of(
        marts,
        """SELECT channel, turns, turns_answered, first_response_median_seconds,
                  response_median_seconds FROM mart.response_by_channel
           WHERE date >= '2026-03-02' ORDER BY date, channel""",
    )
    assert told == [
        ("Telegram", 2, 2, 600, 1200),
        ("WhatsApp", 1, 1, 55200, 55200),
        ("Telegram", 2, 1, 1800, 1800),
    ]
    told = rows_of(
        marts,
        """SELECT date, operator_id, turns, response_working_median_seconds
           FROM mart.response_by_operator ORDER BY ALL""",
    )
    assert told == [
        (FRIDAY, "502", 1, 3600),
        (MONDAY, "501", 2, 900),
        (MONDAY, "502", 1, 1800),
        (TUESDAY, "501", 1, 1800),
    ]


@pytest.mark.promise("marts-figures")
def test_loads_of_operators_and_teams(marts: duckdb.DuckDBPyConnection) -> None:
    operators = rows_of(marts, "FROM mart.operator_load ORDER BY ALL")
    assert operators == [
        (MONDAY, "501", 1, 1, 1, 1.0),
        (MONDAY, "502", 2, 2, 2, 1.0),  # T4 at nine, T1 at ten
        (TUESDAY, "501", 3, 2, 3, pytest.approx(2 / 3)),  # T2 at nine, T5 at eleven and at twelve
    ]
    assert rows_of(marts, "FROM mart.team_load ORDER BY ALL") == [
        (MONDAY, "Help", 1, 2, 2, 2),
        (MONDAY, "Sales", 1, 1, 1, 1),
        (TUESDAY, "Sales", 1, 3, 2, 3),
    ]


@pytest.mark.promise("marts-figures")
def test_targets_and_how_often_they_were_met(marts: duckdb.DuckDBPyConnection) -> None:
    first, any_soon = "first in 15 working minutes", "Telegram: any in half an hour"
    assert rows_of(marts, "FROM mart.sla ORDER BY date, channel, target") == [
        (FRIDAY, "", first, 1, 0, 0.0),  # an hour of working time
        (MONDAY, "Telegram", any_soon, 2, 2, 1.0),  # 10 minutes, and 30: just in time
        (MONDAY, "Telegram", first, 1, 1, 1.0),
        (MONDAY, "WhatsApp", first, 1, 0, 0.0),  # 20 minutes of working time
        (TUESDAY, "Telegram", any_soon, 2, 1, 0.5),  # T3 waits for longer already
        (TUESDAY, "Telegram", first, 2, 0, 0.0),
    ]


@pytest.mark.promise("marts-figures")
def test_a_turn_that_may_still_be_answered_in_time_is_not_decided() -> None:
    # At the data's end, ten minutes after the question, fifteen aren't over.
    said = [
        Said("2026-03-03 12:00", "T1", "client"),
        Said("2026-03-03 12:10", "T2", "501"),
    ]
    with marts_over(said) as connection:
        assert rows_of(connection, "FROM mart.sla") == []


@pytest.mark.promise("marts-figures")
def test_new_and_returning_clients(marts: duckdb.DuckDBPyConnection) -> None:
    assert rows_of(marts, "FROM mart.clients ORDER BY ALL") == [
        (FRIDAY, "", 1, 1, 0),
        (MONDAY, "Telegram", 1, 1, 0),
        (MONDAY, "WhatsApp", 1, 1, 0),
        (TUESDAY, "Telegram", 2, 1, 1),  # Gleb for the first time, Anna again
    ]


def test_categories(marts: duckdb.DuckDBPyConnection) -> None:
    assert rows_of(marts, "FROM mart.categories WHERE date = '2026-03-02' ORDER BY ALL") == [
        (MONDAY, "", 2, 2, 3, 2),  # T1's first message, T2 with its bot, T4's answer
        (MONDAY, "Orders", 2, 2, 1, 1),
    ]


def test_a_day_beside_the_day_and_the_week_before(marts: duckdb.DuckDBPyConnection) -> None:
    told = rows_of(
        marts,
        """SELECT messages_in, messages_in_day_before, messages_in_week_before, messages_out,
                  messages_out_day_before, clients, clients_day_before, turns, turns_day_before,
                  response_median_seconds, response_median_seconds_day_before
           FROM mart.comparison WHERE date = '2026-03-03' AND channel = 'Telegram'""",
    )
    assert told == [(3, 3, None, 2, 2, 2, 1, 2, 2, 1800, 1200)]


def test_how_far_the_messages_go(marts: duckdb.DuckDBPyConnection) -> None:
    told = rows_of(marts, "SELECT first_date, last_date, data_end FROM mart.known")
    assert told == [(FRIDAY, TUESDAY, datetime(2026, 3, 3, 12))]


def test_a_message_of_the_future_makes_nobody_wait() -> None:
    # Exports were started on 31.12.2026, so that nothing later can be true.
    said = [Said("2026-12-30 12:00", "T1", "client"), Said("2099-01-01 00:00", "T2", "client")]
    with marts_over(said) as connection:
        waits = "SELECT waiting_seconds FROM mart.responses WHERE chat_id = 'T1'"
        assert rows_of(connection, waits) == [(15 * 3600,)]  # to midnight UTC, 03:00 in Moscow
        assert rows_of(connection, "SELECT last_date FROM mart.known") == [(date(2027, 1, 1),)]


@pytest.mark.parametrize(
    "name",
    [
        "threads",
        "responses",
        "response_by_day",
        "response_by_operator",
        "response_by_channel",
        "sla",
    ],
)
def test_a_period_asked_for_alone_has_the_rows_of_the_whole(
    marts: duckdb.DuckDBPyConnection, name: str
) -> None:
    for first, last in ((MONDAY, MONDAY), (FRIDAY, MONDAY), (TUESDAY, TUESDAY)):
        dates = f"DATE '{first}', DATE '{last}'"
        alone = rows_of(marts, f"FROM mart.{name}_in({dates}) ORDER BY ALL")
        between = f"date BETWEEN DATE '{first}' AND DATE '{last}'"
        assert alone == rows_of(marts, f"FROM mart.{name} WHERE {between} ORDER BY ALL") != []


def test_every_mart_and_column_says_what_it_means(marts: duckdb.DuckDBPyConnection) -> None:
    silent = rows_of(
        marts,
        """SELECT view_name FROM duckdb_views() WHERE schema_name = 'mart' AND comment IS NULL
           UNION ALL SELECT table_name FROM duckdb_tables()
           WHERE schema_name = 'mart' AND comment IS NULL
           UNION ALL SELECT table_name || '.' || column_name FROM duckdb_columns()
           WHERE schema_name = 'mart' AND comment IS NULL
           UNION ALL SELECT function_name FROM duckdb_functions()
           WHERE schema_name = 'mart' AND comment IS NULL""",
    )
    assert silent == []
    assert len(rows_of(marts, "FROM duckdb_views() WHERE schema_name = 'mart'")) == 20
