"""Schema mart is made when what it is made from changes, and never otherwise."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from small_company import MOSCOW, Said, published, typed, writing
from test_marts_by_hand import BUSINESS, MONDAY, SAID

from transform.datasets import CHATS
from warehouse.answers import read_figures
from warehouse.business import Business, parse_business
from warehouse.database import revision
from warehouse.figures import Period
from warehouse.layout import DataDirectory
from warehouse.martmaking import Company
from warehouse.marts import parquet_reader, release_reader
from warehouse.published import current_release
from warehouse.releases import publish
from warehouse.tables import prepare_tables

NIGHTS = parse_business('[hours]\nmonday = "00:00-24:00"\n[days]\n2026-03-03 = "closed"', "a test")
TEAMS = parse_business('teams_from = "department"', "a test")


@pytest.fixture
def layout(tmp_path: Path) -> DataDirectory:
    return published(tmp_path / "data", SAID, BUSINESS)


@pytest.mark.promise("marts-working-time")
def test_an_unchanged_run_makes_nothing_and_a_changed_file_a_new_release(
    layout: DataDirectory,
) -> None:
    with writing(layout) as writer:
        before = revision(writer.connection)
        for company in (None, Company(BUSINESS, MOSCOW)):
            prepare_tables(writer, company)
            assert revision(writer.connection) == before
            assert publish(writer, keep=2) is None
        prepare_tables(writer, Company(NIGHTS, MOSCOW))
        release = publish(writer, keep=2)
        assert revision(writer.connection) == before + 1
        assert release is not None
    told = []
    for opened in (release_reader, parquet_reader):
        with opened(layout) as reader:
            told.append(read_figures(reader, Period.day(MONDAY)).total)
            assert reader.company.business == NIGHTS
    # T2 was asked on Monday at 17:50 and is answered on Tuesday, which is closed: 6 h 10 min.
    assert told[0] == told[1]
    assert told[0].first_response_working_p90_seconds == pytest.approx(600 + 0.9 * (22200 - 600))


def test_another_time_zone_makes_another_calendar(layout: DataDirectory) -> None:
    with writing(layout) as writer:
        prepare_tables(writer, Company(BUSINESS, "Asia/Yekaterinburg"))
        assert publish(writer, keep=2) is not None
    with release_reader(layout) as reader:
        assert reader.time_zone == "Asia/Yekaterinburg"
        opens = reader.connection.execute(
            "SELECT epoch(opens_at_utc) FROM mart.calendar WHERE date = '2026-03-02'"
        ).fetchall()
    assert opens == [(1772424000,)]  # 04:00 in UTC


def test_a_database_of_before_there_were_marts_gets_them(layout: DataDirectory) -> None:
    with writing(layout) as writer:
        with writer.transaction() as connection:
            connection.execute("DROP SCHEMA mart CASCADE")
        prepare_tables(writer)
        assert publish(writer, keep=2) is not None
    with release_reader(layout) as reader:
        assert reader.company == Company(Business(), MOSCOW)
        assert read_figures(reader, Period.day(MONDAY)).total.turns == 3


def test_a_release_is_not_changed_by_what_comes_after_it(layout: DataDirectory) -> None:
    with release_reader(layout) as reader:
        before = read_figures(reader, Period.day(MONDAY)).total
        with writing(layout) as writer:
            prepare_tables(writer, Company(NIGHTS, MOSCOW))
            publish(writer, keep=2)
        assert read_figures(reader, Period.day(MONDAY)).total == before
    newest = current_release(layout)
    assert newest is not None
    assert newest.number == reader.release + 1


@pytest.mark.parametrize("personal", [True, False])
def test_teams_by_a_field_of_the_users(tmp_path: Path, personal: bool) -> None:
    users = (("501", "Olga", "Sales"), ("502", "Pyotr", ""))
    layout = published(tmp_path / "data", SAID, TEAMS, users=users, personal=personal)
    for opened in (release_reader, parquet_reader):
        with opened(layout) as reader:
            figures = read_figures(reader, Period.day(MONDAY))
        assert [(team.key, team.now.messages_out) for team in figures.teams] == [("Sales", 1)]
        assert {line.key: line.team for line in figures.operators} == {"501": "Sales", "502": None}


def test_teams_by_a_key_of_extra_are_told_only_where_extra_is(tmp_path: Path) -> None:
    business = parse_business("teams_from = 'Бри\"гада'", "a test")
    for personal, teams in ((True, ["Ночь"]), (False, [])):
        layout = published(tmp_path / f"data-{personal}", SAID, business, personal=personal)
        with writing(layout) as writer, writer.transaction() as connection:
            connection.execute(
                """INSERT INTO user_details (user_id, extra)
                   VALUES ('501', '{"Бри\\"гада": "Ночь"}')"""
            )
            connection.execute("UPDATE meta.revision SET number = number + 1")
        with writing(layout) as writer:
            publish(writer, keep=2)
        for opened in (release_reader, parquet_reader):
            with opened(layout) as reader:
                figures = read_figures(reader, Period.day(MONDAY))
            assert [team.key for team in figures.teams] == teams


def test_a_message_exported_with_another_day_counts_on_its_own(tmp_path: Path) -> None:
    said = [
        Said("2026-03-02 10:00", "T1", "client"),
        Said("2026-03-04 10:00", "T1", "501", window_day="2026-03-02"),
    ]
    layout = published(tmp_path / "data", said)
    for opened in (release_reader, parquet_reader):
        with opened(layout) as reader:
            figures = read_figures(reader, Period.week(MONDAY))
        days = {row["date"]: row["messages_out"] for row in figures.by_date.to_pylist()}
        assert (days[MONDAY], days[date(2026, 3, 4)]) == (0, 1)
        assert figures.total.response_median_seconds == 2 * 24 * 3600


def test_the_contract_has_what_the_marts_read() -> None:
    assert set(typed(SAID).column_names) == {field.name for field in CHATS.fields}
