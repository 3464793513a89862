"""Dates: every format round, no day rolled over, no month guessed, both clocks right."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transform.dateformats import DateFormat, contradicts, decide, explain
from transform.moments import MICROS, parse
from transform.zones import CompanyClock

EPOCH = datetime(1970, 1, 1)

WAYS = {
    "%d.%m.%Y %H:%M:%S": DateFormat("day first", "."),
    "%d/%m/%Y %H:%M:%S": DateFormat("day first", "/"),
    "%d-%m-%Y %H:%M:%S": DateFormat("day first", "-"),
    "%d.%m.%Y, %H:%M:%S": DateFormat("day first", "."),
    "%Y-%m-%d %H:%M:%S": DateFormat("year first", "-"),
    "%Y-%m-%dT%H:%M:%S": DateFormat("year first", "-"),
    "%Y.%m.%d %H:%M:%S": DateFormat("year first", "."),
    "%d.%m.%Y %H:%M:%S.%f": DateFormat("day first", "."),
    "%Y-%m-%dT%H:%M:%S.%f": DateFormat("year first", "-"),
    "%m/%d/%Y %H:%M:%S": DateFormat("month first", "/"),
}
# What a file writes can't tell the first of an hour's two passes from the second: no fold.
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 12, 31, 23, 59, 59, 999999)).map(
    lambda moment: moment.replace(fold=0)
)


def micros_of(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def read(texts: list[str], date_format: DateFormat) -> list[datetime | None]:
    found = parse(pa.array(texts, pa.string()), date_format)
    return [
        EPOCH + timedelta(microseconds=int(micros)) if ok else None
        for micros, ok in zip(found.micros, found.ok, strict=True)
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(moments, min_size=1, max_size=30), st.sampled_from(sorted(WAYS)))
def test_every_format_gives_back_the_moments_it_was_written_from(
    originals: list[datetime], way: str
) -> None:
    if "%f" not in way:
        originals = [moment.replace(microsecond=0) for moment in originals]
    texts = [moment.strftime(way) for moment in originals]
    assert read(texts, WAYS[way]) == originals


@settings(max_examples=60, deadline=None)
@given(st.lists(moments, min_size=1, max_size=20), st.integers(-14 * 60, 14 * 60))
def test_zoned_moments_keep_their_instant(originals: list[datetime], minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    texts = [moment.replace(tzinfo=zone).isoformat(sep=" ") for moment in originals]
    found = parse(pa.array(texts), DateFormat("year first", "-", zoned=True))
    utc = found.micros - found.offsets * MICROS
    expected = [micros_of(moment) - minutes * 60 * MICROS for moment in originals]
    assert found.ok.all()
    assert utc.tolist() == expected


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 99), st.integers(0, 99), st.integers(0, 9999),
    st.integers(0, 99), st.integers(0, 99), st.integers(0, 99),
)  # fmt: skip
def test_a_moment_is_read_exactly_when_the_calendar_has_it(
    day: int, month: int, year: int, hour: int, minute: int, second: int
) -> None:
    text = f"{day:02}.{month:02}.{year:04} {hour:02}:{minute:02}:{second:02}"
    try:
        expected = datetime(year, month, day, hour, minute, second)
    except ValueError:
        expected = None
    if expected is not None and not 2000 <= year <= 2100:
        expected = None
    assert read([text], DateFormat("day first", ".")) == [expected]


@pytest.mark.parametrize(
    "impossible",
    ["31.02.2026 10:00:00", "29.02.2025 10:00:00", "30.02.2024 00:00:00", "31.04.2026 10:00:00",
     "00.02.2026 10:00:00", "32.01.2026 10:00:00", "01.00.2026 10:00:00", "01.02.2026 24:00:00",
     "01.02.2026 10:60:00", "01.02.2026 10:00:60", "01.02.0026 10:00:00", "01.02.2101 10:00:00",
     "01.02.1999 10:00:00", "01.02.26 10:00:00", "01.02.2026 10:00:00 ", "01.02.2026  10:00:00",
     "01.02.2026 10:00:00x", "1.2.3", "", "Итого", "٠١.٠٢.٢٠٢٦ 10:00:00"],
)  # fmt: skip
def test_no_impossible_date_rolls_over(impossible: str) -> None:
    good = "01.02.2026 10:00:00"
    assert read([good, impossible, good], DateFormat("day first", "."))[1] is None
    assert read([impossible], DateFormat("day first", ".")) == [None]


def test_single_figures_and_missing_seconds_are_the_same_format() -> None:
    texts = ["1.2.2026 9:05", "01.02.2026 09:05:00", "01.02.2026 09:05:00.5", "01.02.2026"]
    assert read(texts, DateFormat("day first", ".")) == [
        datetime(2026, 2, 1, 9, 5),
        datetime(2026, 2, 1, 9, 5),
        datetime(2026, 2, 1, 9, 5, 0, 500000),
        datetime(2026, 2, 1),
    ]


def test_more_layouts_than_are_tried_at_once_are_still_read() -> None:
    signs = [f"2026-02-01 10:00:0{n % 10}{'+' if n % 2 else '-'}0{n % 10}:00" for n in range(40)]
    odd = [f"20{n:02}-02-01x10:00:0{n % 10}+01:00" for n in range(30)]
    found = parse(pa.array(odd + signs), DateFormat("year first", "-", zoned=True))
    assert found.ok.tolist() == [False] * 30 + [True] * 40


def test_unix_times_are_seconds_or_milliseconds_in_utc() -> None:
    moment = datetime(2026, 2, 1, 10, 0)
    seconds = micros_of(moment) // MICROS
    assert read([str(seconds)], DateFormat("unix seconds")) == [moment]
    assert read([str(seconds * 1000)], DateFormat("unix milliseconds")) == [moment]
    assert read(["999999999999"], DateFormat("unix milliseconds")) == [
        datetime(2001, 9, 9, 1, 46, 39, 999000)
    ]
    assert read(["100000000"], DateFormat("unix seconds")) == [None]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["03.04.2026 10:00", "04.04.2026"], DateFormat("day first", ".")),
        (["03/04/2026 10:00"], DateFormat("day first", "/")),
        (["2026-04-03T10:00:00Z"], DateFormat("year first", "-", zoned=True)),
        (["2026-04-03", "2026-04-03 10:00:00+03:00"], DateFormat("year first", "-", zoned=True)),
        (["1770000000"], DateFormat("unix seconds")),
        (["1770000000123"], DateFormat("unix milliseconds")),
        (["03.04.26", "April 3", ""], None),
    ],
)
def test_the_format_is_decided_by_the_evidence(
    texts: list[str], expected: DateFormat | None
) -> None:
    assert decide(texts) == expected


def test_month_first_is_never_guessed_but_may_be_said() -> None:
    assert decide(["04/23/2026 10:00"]) == DateFormat("day first", "/")
    assert decide(["04/23/2026 10:00"], month_first=True) == DateFormat("month first", "/")
    assert contradicts("04/23/2026 10:00", DateFormat("day first", "/"))
    assert not contradicts("31.02.2026", DateFormat("day first", "."))
    assert not contradicts("13.13.2026", DateFormat("day first", "."))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("31.02.2026 10:00:00", "a day that does not exist"),
        ("01.02.0026 10:00:00", "a year outside 2000-2100"),
        ("01.02.2026 25:00:00", "a time of day that does not exist"),
        ("2026-02-01 10:00:00", "not a date of the file's format (dd.mm.yyyy HH:MM:SS)"),
    ],
)
def test_a_reason_says_what_is_wrong_and_holds_no_value(text: str, reason: str) -> None:
    assert explain(text, DateFormat("day first", ".")) == reason


@settings(max_examples=60, deadline=None)
@given(
    st.lists(moments, min_size=1, max_size=30),
    st.sampled_from(
        [
            "Europe/Moscow",
            "Europe/Berlin",
            "America/St_Johns",
            "Asia/Tehran",
            "Australia/Lord_Howe",
            "UTC",
        ]
    ),
)
def test_both_clocks_agree_with_zoneinfo(naive: list[datetime], name: str) -> None:
    clock, zone = CompanyClock(name), ZoneInfo(name)
    local = np.array([micros_of(moment) for moment in naive])
    utc = [moment.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None) for moment in naive]
    assert clock.to_utc(local).tolist() == [micros_of(moment) for moment in utc]
    back = [m.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) for m in naive]
    assert clock.to_local(local).tolist() == [micros_of(moment) for moment in back]


def test_an_hour_that_happens_twice_is_the_earlier_one_and_counted() -> None:
    clock = CompanyClock("Europe/Berlin")  # clocks went back at 03:00 on 26.10.2025
    local = np.array([micros_of(datetime(2025, 10, 26, hour, 30)) for hour in (1, 2, 3)])
    utc = clock.to_utc(local)
    assert [EPOCH + timedelta(microseconds=int(m)) for m in utc] == [
        datetime(2025, 10, 25, 23, 30),
        datetime(2025, 10, 26, 0, 30),
        datetime(2025, 10, 26, 2, 30),
    ]
    assert clock.ambiguous_rows == 1


def test_an_hour_that_was_skipped_is_not_called_ambiguous() -> None:
    clock = CompanyClock("Europe/Berlin")  # clocks went on from 02:00 to 03:00 on 29.03.2026
    utc = clock.to_utc(np.array([micros_of(datetime(2026, 3, 29, 2, 30))]))
    assert EPOCH + timedelta(microseconds=int(utc[0])) == datetime(2026, 3, 29, 1, 30)
    assert clock.ambiguous_rows == 0


def test_a_year_of_moments_costs_no_more_than_its_days() -> None:
    clock = CompanyClock("Europe/Berlin")
    hours = np.arange(365 * 24 * 60) * 60 * MICROS + micros_of(datetime(2025, 1, 1))
    offsets = (hours - clock.to_utc(hours)) // MICROS
    summer = ZoneInfo("Europe/Berlin").utcoffset(datetime(2025, 7, 1))
    assert set(offsets.tolist()) == {3600, 7200}
    assert summer == timedelta(seconds=7200)
    assert date(2025, 3, 30).toordinal() - date(2025, 1, 1).toordinal() == 88
    assert offsets[88 * 1440 + 119] == 3600
    assert offsets[88 * 1440 + 180] == 7200
