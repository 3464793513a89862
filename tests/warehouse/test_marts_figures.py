"""The figures of a period: by hand, and the same from a release's database and its Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from small_company import Said, published, writing
from test_marts_by_hand import ANNA, BUSINESS, MONDAY, SAID, TUESDAY, VERA

from warehouse.answers import Narrowing, choices, messages_of, read_figures, threads_behind
from warehouse.errors import NoSuchRelease
from warehouse.figures import Doubt, Figures, Filters, Period
from warehouse.layout import DataDirectory
from warehouse.marts import Reader, parquet_reader, release_reader
from warehouse.releases import publish

Opened = Callable[..., AbstractContextManager[Reader]]
READERS = pytest.mark.parametrize("opened", [release_reader, parquet_reader])
USERS = (("501", "Ольга", "Sales"), ("502", "Пётр", "Help"))
DAY = Period.day(MONDAY)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> DataDirectory:
    # Sunday was exported and has no message; Monday a week before never was.
    return published(
        tmp_path_factory.mktemp("figures") / "data",
        SAID,
        BUSINESS,
        users=USERS,
        empty_days=("2026-02-28", "2026-03-01"),
    )


def plain(figures: Figures) -> dict[str, Any]:
    """Figures as values that can be compared."""
    tables = ("by_date", "by_hour", "waiting")
    told = {name: getattr(figures, name).to_pylist() for name in tables}
    rest = replace(figures, by_date=None, by_hour=None, waiting=None)  # type: ignore[arg-type]
    return asdict(rest) | told


@pytest.mark.promise("marts-figures")
@READERS
def test_the_figures_of_a_day(layout: DataDirectory, opened: Opened) -> None:
    with opened(layout) as reader:
        figures = read_figures(reader, DAY)
    total = figures.total
    assert (total.messages_in, total.messages_out) == (4, 4)
    assert (total.threads_opened, total.threads_answered, total.threads_unanswered) == (2, 2, 0)
    assert (total.clients, total.clients_new, total.clients_returning) == (2, 2, 0)
    assert (total.turns, total.turns_answered) == (3, 3)
    assert total.first_response_median_seconds == 27900
    assert total.first_response_p90_seconds == pytest.approx(49740)
    assert total.first_response_working_median_seconds == 900
    assert total.response_median_seconds == 1800
    assert total.response_working_p90_seconds == pytest.approx(1680)
    assert (figures.before.messages_in, figures.before.response_median_seconds) == (0, None)
    assert figures.by_date.to_pylist() == [
        {
            "date": MONDAY,
            **{name: value for name, value in asdict(total).items() if "second" not in name},
            "response_median_seconds": 1800,
        }
    ]
    assert figures.by_hour.to_pylist() == [
        {"weekday": 1, "hour": 9, "messages_in": 0, "messages_out": 1},
        {"weekday": 1, "hour": 10, "messages_in": 3, "messages_out": 2},
        {"weekday": 1, "hour": 17, "messages_in": 1, "messages_out": 1},
    ]


@READERS
def test_channels_operators_teams_and_categories(layout: DataDirectory, opened: Opened) -> None:
    with opened(layout) as reader:
        figures = read_figures(reader, DAY)
    assert [(line.key, line.now.messages_in, line.now.turns) for line in figures.channels] == [
        ("Telegram", 3, 2),
        ("WhatsApp", 1, 1),
        ("", 0, 0),  # an answer to Friday's question
    ]
    told = [
        (o.key, o.label, o.team, o.now.messages_in, o.now.messages_out, o.now.turns, o.threads)
        for o in figures.operators
    ]
    # 502 wrote twice, and answered one turn of the day (Friday's isn't); 501 answered two.
    assert told == [("502", "Пётр", "Help", 1, 2, 1, 2), ("501", "Ольга", "Sales", 3, 1, 2, 1)]
    assert [(o.busy_hours, o.threads_per_busy_hour) for o in figures.operators] == [
        (2, 1.0),
        (1, 1.0),
    ]
    assert [o.now.threads_opened for o in figures.operators] == [0, 2]
    assert [(t.key, t.now.messages_out) for t in figures.teams] == [("Sales", 1), ("Help", 2)]
    assert [(c.key, c.now.messages_in, c.now.threads_opened) for c in figures.categories] == [
        ("", 2, 1),
        ("Orders", 2, 1),
    ]
    assert [(s.target, s.turns, s.met, s.share, s.share_before) for s in figures.sla] == [
        ("first in 15 working minutes", 2, 1, 0.5, None),
        ("Telegram: any in half an hour", 2, 2, 1.0, None),
    ]


@READERS
def test_who_waits_and_who_is_new_over_a_week(layout: DataDirectory, opened: Opened) -> None:
    with opened(layout) as reader:
        figures = read_figures(reader, Period.week(MONDAY))
    assert figures.by_date.num_rows == 7
    assert figures.total.threads_unanswered == 1
    # Anna, Boris and Gleb wrote; nobody of them before Monday. Vera only was answered.
    assert (figures.total.clients, figures.total.clients_new) == (3, 3)
    assert figures.before.clients == figures.week_before.clients == 1
    assert figures.waiting.to_pylist() == [
        {
            "chat_id": "T3",
            "channel": "Telegram",
            "category": "",
            "asked_at": datetime(2026, 3, 3, 8),
            "waiting_seconds": 14400,
            "waiting_working_seconds": 10800,
        }
    ]
    missing = [date(2026, 3, day) for day in (4, 5, 6, 7, 8)]
    assert figures.missing_days == missing


@READERS
def test_figures_of_a_channel_and_of_an_operator(layout: DataDirectory, opened: Opened) -> None:
    with opened(layout) as reader:
        everything = read_figures(reader, DAY)
        telegram = read_figures(reader, DAY, Filters(channel="Telegram"))
        unknown = read_figures(reader, Period.day(date(2026, 2, 27)), Filters(channel=""))
        for line in everything.operators:
            assert read_figures(reader, DAY, Filters(operator_id=line.key)).total == line.now
    assert telegram.total == next(c.now for c in everything.channels if c.key == "Telegram")
    assert unknown.total.turns == unknown.total.clients_new == 1


@pytest.mark.promise("marts-parquet")
def test_database_and_parquet_tell_the_same(layout: DataDirectory) -> None:
    for period in (DAY, Period.month(MONDAY)):
        for filters in (Filters(), Filters(channel=""), Filters(operator_id="501")):
            with release_reader(layout) as tables, parquet_reader(layout) as files:
                told = [plain(read_figures(r, period, filters)) for r in (tables, files)]
            assert told[0] == told[1]


@READERS
def test_what_can_be_chosen(layout: DataDirectory, opened: Opened) -> None:
    with opened(layout) as reader:
        told = choices(reader)
    assert (told.first_day, told.last_day) == (date(2026, 2, 27), TUESDAY)
    assert told.channels == ["", "Telegram", "WhatsApp"]
    assert told.operators == [("501", "Ольга"), ("502", "Пётр")]


@READERS
def test_the_threads_behind_a_number(layout: DataDirectory, opened: Opened) -> None:
    week = Period.week(MONDAY)
    with opened(layout) as reader:
        found = {
            kind: threads_behind(reader, week, kind=kind)[0]["chat_id"].to_pylist()
            for kind in ("opened", "answered", "unanswered", "active", "waiting", "slow")
        }
        assert found == {
            "opened": ["T5", "T3", "T2", "T1"],
            "answered": ["T5", "T2", "T1"],
            "unanswered": ["T3"],
            "active": ["T5", "T3", "T2", "T1", "T4"],
            "waiting": ["T3"],
            "slow": ["T2", "T1", "T5"],
        }
        page, total = threads_behind(reader, week, limit=1, offset=3)
        assert (page["chat_id"].to_pylist(), total) == (["T1"], 5)
        assert page.to_pylist()[0] == {
            "chat_id": "T1",
            "channel": "Telegram",
            "category": "Orders",
            "operators": "Name of 501, Name of 502",
            "client": ANNA,
            "opened_at": datetime(2026, 3, 2, 10),
            "last_at": datetime(2026, 3, 2, 10, 50),
            "messages_in": 3,
            "messages_out": 2,
            "turns": 2,
            "turns_answered": 2,
            "first_response_seconds": 600,
            "longest_response_seconds": 1800,
            "waiting_seconds": None,
        }
        narrow = {
            Narrowing(operator_id="502"): ["T1", "T4"],
            Narrowing(team="Help"): ["T1", "T4"],
            Narrowing(category="Orders"): ["T1"],
            Narrowing(day=TUESDAY): ["T5", "T3", "T2"],
            Narrowing(weekday=1, hour=9): ["T4"],
        }
        for narrowing, expected in narrow.items():
            table, total = threads_behind(reader, week, narrowing=narrowing)
            assert (table["chat_id"].to_pylist(), total) == (expected, len(expected))
        by_channel = threads_behind(reader, week, Filters(channel="WhatsApp"))[0]
        assert by_channel["chat_id"].to_pylist() == ["T2"]


@READERS
def test_the_messages_of_a_thread(layout: DataDirectory, opened: Opened) -> None:
    with opened(layout) as reader:
        table = messages_of(reader, "T2")
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        (datetime(2026, 3, 2, 17, 50), "in", "client", None, "words"),
        (datetime(2026, 3, 2, 17, 51), "out", "bot", None, "words"),
        (datetime(2026, 3, 3, 9, 10), "out", "operator", "Name of 501", "words"),
    ]


@READERS
def test_a_release_without_personal_columns(tmp_path: Path, opened: Opened) -> None:
    layout = published(tmp_path / "data", SAID, BUSINESS, personal=False, users=USERS)
    with opened(layout) as reader:
        figures, told = read_figures(reader, DAY), choices(reader)
        threads = threads_behind(reader, DAY)[0].to_pylist()
        messages = messages_of(reader, "T1").to_pylist()
    assert not figures.names_published
    assert [(o.key, o.label, o.team) for o in figures.operators] == [
        ("502", "502", "Help"),
        ("501", "501", "Sales"),
    ]
    # Without phones, a client is a thread: Anna is two.
    assert figures.total.clients == 2
    assert told.operators == [("501", "501"), ("502", "502")]
    assert {row["client"] for row in threads} == {None}
    assert {row["text"] for row in messages} == {None}
    assert figures.total.response_median_seconds == 1800


def test_no_personal_value_is_in_a_release_without_them(tmp_path: Path) -> None:
    layout = published(tmp_path / "data", SAID, BUSINESS, personal=False, users=USERS)
    for path in layout.current.resolve().rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert VERA.encode() not in content or path.suffix == ".json"
            assert "Ольга".encode() not in content
            assert b"Name of 501" not in content


def test_pseudonyms_are_people_like_others(tmp_path: Path) -> None:
    hidden = [replace(m, client=f"v1:{m.client}", name="v1:name") for m in SAID]
    layout = published(tmp_path / "data", hidden, BUSINESS)
    with release_reader(layout) as reader:
        figures = read_figures(reader, Period.week(MONDAY))
    assert (figures.total.clients, figures.total.clients_new) == (3, 3)


@READERS
def test_awkward_names_come_through_as_they_are(tmp_path: Path, opened: Opened) -> None:
    name, channel = 'O\'Brien "<script>" \u202eאבג', "Ka'nal; DROP TABLE chats --"
    said = [
        Said("2026-03-02 10:00", "T'1", "client", channel=channel, client="'"),
        Said("2026-03-02 10:01", "T'1", "50'1", channel=channel, client="'", name=name),
    ]
    layout = published(tmp_path / "data'", said)
    with opened(layout) as reader:
        filters = Filters(channel=channel, operator_id="50'1")
        figures = read_figures(reader, DAY, filters)
        assert [(o.key, o.label, o.now.turns) for o in figures.operators] == [("50'1", name, 1)]
        narrowing = Narrowing(operator_id="50'1", team="'", category="'")
        assert threads_behind(reader, DAY, filters, narrowing=narrowing)[1] == 0
        assert messages_of(reader, "T'1").num_rows == 2


@READERS
def test_no_message_at_all(tmp_path: Path, opened: Opened) -> None:
    layout = published(tmp_path / "data", [])
    with opened(layout) as reader:
        figures, told = read_figures(reader, DAY), choices(reader)
        threads, total = threads_behind(reader, DAY)
    assert figures.total.messages_in == 0
    assert figures.by_date.num_rows == 1
    assert figures.missing_days == [MONDAY]
    assert (told.first_day, told.channels, threads.num_rows, total) == (None, [], 0, 0)


def test_what_makes_figures_doubtful(layout: DataDirectory, tmp_path: Path) -> None:
    own = published(tmp_path / "data", SAID, BUSINESS)
    with writing(own) as writer, writer.transaction() as connection:
        connection.execute(
            """INSERT INTO meta.loads (dataset, window_day, outcome, observed_at, loaded_at,
                                       rows_quarantined, load_id)
               VALUES ('chats', '2026-03-02', 'held', '2026-03-09', '2099-01-01', 0, 'a'),
                      ('chats', '2026-03-03', 'loaded', '2026-03-03', '2099-01-01', 7, 'b'),
                      ('statistics', '2026-03-03', 'loaded', '2026-03-09', '2099-01-01', 0, 'c')"""
        )
        connection.execute(
            "UPDATE meta.days SET observed_at = '2026-03-03 12:00' WHERE window_day = '2026-03-03'"
        )
        connection.execute(
            """INSERT INTO meta.reconciliation VALUES
               ('statistics', '2026-03-03', 'messages_in_count', 3, 4, false, now()),
               ('statistics', '2026-03-03', 'messages_out_count', 3, 3, true, now())"""
        )
        connection.execute("UPDATE meta.revision SET number = number + 1")
    with writing(own) as writer:
        publish(writer, keep=2)
    told = []
    for opened in (release_reader, parquet_reader):
        with opened(own) as reader:
            told.append(read_figures(reader, Period(MONDAY, date(2026, 3, 4))).doubts)
    assert told[0] == told[1]
    assert told[0] == [
        Doubt("held", "chats", MONDAY),
        Doubt("missing", "statistics", MONDAY),
        Doubt("early", "chats", TUESDAY),
        Doubt("quarantined", "chats", TUESDAY, count=7),
        Doubt("disagreeing", "statistics", TUESDAY, None, "messages_in_count", 3, 4),
        Doubt("missing", "chats", date(2026, 3, 4)),
        Doubt("missing", "statistics", date(2026, 3, 4)),
    ]


def test_when_each_source_was_last_seen(layout: DataDirectory) -> None:
    with release_reader(layout) as reader:
        figures = read_figures(reader, DAY)
    assert [(f.source, f.last_day) for f in figures.fresh] == [("chats", TUESDAY)]
    assert figures.fresh[0].seen_at is not None
    assert figures.fresh[0].seen_at.isoformat() == "2026-03-05T00:00:00+00:00"
    manifest = json.loads((layout.current / "manifest.json").read_text())
    assert figures.release == manifest["release"]
    assert figures.released_at is not None
    assert figures.released_at.isoformat() == manifest["created_at"]


@READERS
def test_nothing_is_published_yet(tmp_path: Path, opened: Opened) -> None:
    layout = DataDirectory(tmp_path / "data")
    layout.initialise("sandbox")
    with pytest.raises(NoSuchRelease, match="run a nightly first"), opened(layout):
        pass
