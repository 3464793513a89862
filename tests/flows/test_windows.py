"""Dates are read in one way only; a window that can't be asked for is refused with a sentence."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.errors import InvalidWindow
from flows.windows import Window, checked_window, day_end, ddmmyyyy, nightly_days, parse_ddmmyyyy

MOSCOW = ZoneInfo("Europe/Moscow")
TODAY = date(2026, 3, 10)


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_date_comes_back_as_it_was_written(day: date) -> None:
    assert parse_ddmmyyyy(ddmmyyyy(day)) == day


@pytest.mark.parametrize(
    "text", ["2026-02-01", "1.2.2026", "01/02/2026", "01.02.26", "", "٠١.٠٢.٢٠٢٦"]
)
def test_another_way_to_write_a_date_is_refused_with_the_expected_one(text: str) -> None:
    with pytest.raises(InvalidWindow, match=r"dd\.mm\.yyyy, such as 01\.02\.2026"):
        parse_ddmmyyyy(text)


@pytest.mark.parametrize("text", ["31.02.2026", "29.02.2025", "00.01.2026", "01.13.2026"])
def test_a_day_that_no_calendar_has_is_refused(text: str) -> None:
    with pytest.raises(InvalidWindow, match="is in no calendar"):
        parse_ddmmyyyy(text)


def test_a_leap_day_is_a_day() -> None:
    assert parse_ddmmyyyy("29.02.2024") == date(2024, 2, 29)


def test_without_an_end_a_window_ends_yesterday() -> None:
    assert checked_window("01.03.2026", None, TODAY) == Window(date(2026, 3, 1), date(2026, 3, 9))


def test_a_window_has_both_its_ends() -> None:
    window = checked_window("27.02.2026", "02.03.2026", TODAY)
    assert window.days() == [
        date(2026, 2, 27),
        date(2026, 2, 28),
        date(2026, 3, 1),
        date(2026, 3, 2),
    ]


def test_from_after_to_is_refused() -> None:
    with pytest.raises(InvalidWindow, match=r"date_from \(03\.02\.2026\) is after date_to"):
        checked_window("03.02.2026", "01.02.2026", TODAY)


@pytest.mark.parametrize("ends", [("11.03.2026", None), ("01.03.2026", "11.03.2026")])
def test_the_future_is_refused(ends: tuple[str, str | None]) -> None:
    with pytest.raises(InvalidWindow, match="in the future"):
        checked_window(*ends, TODAY)


def test_a_day_ends_at_the_companys_midnight() -> None:
    assert day_end(date(2026, 3, 9), MOSCOW) == datetime(2026, 3, 9, 21, tzinfo=UTC)


def observed(*days: date, hours_after_end: float = 3) -> dict[date, datetime]:
    return {day: day_end(day, MOSCOW) + timedelta(hours=hours_after_end) for day in days}


def nightly(known: dict[date, datetime], revisit: tuple[int, ...] = ()) -> list[date]:
    return nightly_days(
        date(2026, 3, 9),
        lookback_days=3,
        catch_up_days=31,
        revisit_days=revisit,
        observed=known,
        zone=MOSCOW,
    )


def test_the_first_nightly_asks_for_the_lookback_alone() -> None:
    assert nightly({}) == [date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 9)]


def test_after_an_outage_a_nightly_reaches_back_to_its_last_success() -> None:
    days = nightly(observed(date(2026, 2, 27), date(2026, 2, 28)))
    assert days == [date(2026, 3, n) for n in range(1, 10)]


def test_a_day_loaded_before_it_had_ended_is_asked_again() -> None:
    known = observed(*(date(2026, 3, n) for n in range(1, 10)))
    known[date(2026, 3, 2)] = day_end(date(2026, 3, 2), MOSCOW) - timedelta(minutes=1)
    assert date(2026, 3, 2) in nightly(known)


def test_old_days_are_visited_on_a_thinning_schedule() -> None:
    known = observed(*(date(2026, 2, 1) + timedelta(days=n) for n in range(37)))
    days = nightly(known, revisit=(1, 2, 3, 7, 14, 30, 300))
    assert days == [date(2026, 2, 8), date(2026, 2, 24), *(date(2026, 3, n) for n in (3, 7, 8, 9))]
