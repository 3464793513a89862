"""Working time against a minute-by-minute count, and turns against plain Python, over anything."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from small_company import Said, marts_over, rows_of, typed

from warehouse.business import Business, parse_business
from warehouse.workcalendar import FIRST_DAY, LAST_DAY, calendar_table

# Weeks in which clocks change: Berlin and New York in 2026, Moscow to and fro in 2010.
WEEKS = [
    ("Europe/Berlin", date(2026, 3, 24)),
    ("Europe/Berlin", date(2026, 10, 20)),
    ("America/New_York", date(2026, 3, 3)),
    ("America/New_York", date(2026, 10, 27)),
    ("Europe/Moscow", date(2010, 3, 23)),
    ("Europe/Moscow", date(2010, 10, 26)),
    ("Europe/Moscow", date(2026, 2, 24)),
]
MINUTE = timedelta(minutes=1)
# A failure is told as it is found: to make it small takes minutes, of a warehouse each time.
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)


@st.composite
def hours(draw: st.DrawFn) -> str:
    """Hours of a day: whole ones, since which 02:30 of two is meant no minute can tell."""
    bounds = draw(st.sampled_from([0, 2, 4]))
    ends = sorted(draw(st.sets(st.integers(0, 24), min_size=bounds, max_size=bounds)))
    pairs = zip(ends[::2], ends[1::2], strict=True)
    return ", ".join(f"{a:02}:00-{b:02}:00" for a, b in pairs) or "closed"


def working_minutes(business: Business, zone: ZoneInfo, first: date) -> list[tuple[datetime, bool]]:
    """Each minute of ten days, in UTC, and whether it is worked in, by the clock on the wall."""
    begin = datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC)
    told = []
    for n in range(10 * 24 * 60):
        local = (begin + n * MINUTE).astimezone(zone)
        minute = local.hour * 60 + local.minute
        pairs = business.hours_of(local.date())
        told.append((begin + n * MINUTE, any(a <= minute < b for a, b in pairs)))
    return told


@pytest.mark.promise("marts-working-time")
def test_the_calendar_has_every_day_once_and_days_of_their_true_length() -> None:
    business = parse_business('[hours]\nsunday = "00:00-24:00"', "a test")
    rows = {row["date"]: row for row in calendar_table(business, "Europe/Berlin").to_pylist()}
    assert len(rows) == (LAST_DAY - FIRST_DAY).days + 1
    forward, back, plain = date(2026, 3, 29), date(2026, 10, 25), date(2026, 4, 5)
    assert [rows[day]["working_seconds"] // 3600 for day in (forward, back, plain)] == [23, 25, 24]
    for day, row in rows.items():
        following = rows.get(day + timedelta(days=1))
        if following is not None:
            total = row["working_seconds_before"] + row["working_seconds"]
            assert following["working_seconds_before"] == total
            assert following["starts_at_utc"] == row["ends_at_utc"]


@pytest.mark.promise("marts-working-time")
def test_a_boundary_in_an_hour_that_is_skipped_is_its_end() -> None:
    # Clocks go from 02:00 to 03:00: a shift from 02:30 begins at 03:00, one until 02:30 ends there.
    business = parse_business('[hours]\nsunday = "00:00-02:15, 02:45-04:00"', "a test")
    table = calendar_table(business, "Europe/Berlin")
    row = next(r for r in table.to_pylist() if r["date"] == date(2026, 3, 29))
    at_one = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert (row["pauses_at_utc"], row["resumes_at_utc"]) == (at_one, at_one)
    assert row["working_seconds"] == 3 * 3600


@pytest.mark.promise("marts-working-time")
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=QUICK)
@given(
    week=st.sampled_from(WEEKS),
    by_weekday=st.lists(hours(), min_size=7, max_size=7),
    special=st.dictionaries(st.integers(0, 8), hours(), max_size=3),
    spans=st.lists(
        st.tuples(st.integers(0, 10 * 1440 - 1), st.integers(0, 10 * 1440 - 1)),
        min_size=1,
        max_size=40,
    ),
)
def test_working_time_is_what_a_count_of_minutes_says(
    week: tuple[str, date],
    by_weekday: list[str],
    special: dict[int, str],
    spans: list[tuple[int, int]],
) -> None:
    name, first = week
    zone = ZoneInfo(name)
    days = "".join(f'{first + timedelta(days=n)} = "{said}"\n' for n, said in special.items())
    lines = "".join(
        f'{weekday} = "{said}"\n'
        for weekday, said in zip(
            ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
            by_weekday,
            strict=True,
        )
    )
    business = parse_business(f"[hours]\n{lines}[days]\n{days}", "a test")
    minutes = working_minutes(business, zone, first)
    worked = [0]
    for _, working in minutes:
        worked.append(worked[-1] + working)
    said, expected = [], {}
    for number, span in enumerate(spans):
        asked, answered = sorted(span)
        for moment, who in ((asked, "client"), (answered, "501")):
            local = minutes[moment][0].astimezone(zone)
            said.append((number, minutes[moment][0], local, who))
        expected[f"T{number:02}"] = (
            60 * (worked[answered] - worked[asked]),
            60 * (answered - asked),
        )
    messages = [Said(local.isoformat(), f"T{n:02}", who) for n, _, local, who in said]
    table = typed(messages, name)
    instants = [instant for _, instant, _, _ in said]  # the second 02:30 of two is one, too
    place = table.schema.get_field_index("sent_at_utc")
    table = table.set_column(
        place, table.schema.field(place), pa.array(instants, table.schema.field(place).type)
    )
    with marts_over(table, business, name) as connection:
        found = rows_of(
            connection,
            "SELECT chat_id, response_working_seconds, response_seconds FROM mart.responses",
        )
    assert {chat: (working, whole) for chat, working, whole in found} == expected


who = st.sampled_from(["client", "client", "501", "502", "bot", "system"])
moments = st.integers(0, 40)
threads = st.sampled_from(["T1", "T2", "T3", None])


def turns_of(said: list[tuple[int, str, str | None]]) -> list[tuple[object, ...]]:
    """Turns by plain Python: (thread, asked, first, messages, answered, operator)."""
    told: list[tuple[object, ...]] = []
    for thread in {thread for _, _, thread in said} - {None}:
        own = [(m, w != "client", w) for m, w, t in said if t == thread and w not in _SILENT]
        asked, count, first = -1, 0, True
        for moment, answers, author in sorted(own):
            if not answers:
                asked, count = (moment if count == 0 else asked), count + 1
            elif count:
                told.append((thread, asked, first, count, moment, author))
                count, first = 0, False
        if count:
            told.append((thread, asked, first, count, None, None))
    return sorted(told, key=repr)


_SILENT = ("bot", "system")


@pytest.mark.promise("marts-figures")
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), phases=QUICK)
@given(said=st.lists(st.tuples(moments, who, threads), max_size=40))
def test_turns_are_those_of_plain_python(said: list[tuple[int, str, str | None]]) -> None:
    begin = datetime(2026, 3, 2, 9)
    messages = [Said((begin + m * MINUTE).isoformat(), thread, w) for m, w, thread in said]
    with marts_over(messages) as connection:
        found = rows_of(
            connection,
            """SELECT chat_id, asked_at, is_first, messages, asked_at_utc, answered_at_utc,
                      operator_id, response_seconds FROM mart.responses""",
        )
    told = []
    for chat, asked, first, count, asked_utc, answered, operator, seconds in found:
        minute = None if answered is None else (answered - asked_utc) // MINUTE
        start = (asked - begin) // MINUTE
        end = None if minute is None else start + minute
        told.append((chat, start, first, count, end, operator))
        assert seconds == (None if minute is None else 60 * minute)
    assert sorted(told, key=repr) == turns_of(said)
