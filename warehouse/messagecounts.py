"""Messages of `chats` beside those that the statistics export counts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from warehouse.database import Writer
from warehouse.reconciling import (
    MESSAGE_MEASURES,
    Comparison,
    days_to_look_into,
    kept_comparisons,
    loaded_days,
    of_days,
)


def compare_statistics(writer: Writer, share: tuple[int, int] = (0, 1)) -> list[Comparison]:
    """Messages of `chats` against those the statistics export counts, for days that have both.

    Only measures that the export's columns bring; none: nothing can be compared. Messages are
    counted for days as `compare_days` looks into, and those whose counts are other ones than were
    kept; for the others, what was found before still holds.
    """
    counted = _counted_by_statistics(writer)
    if not counted:
        return []
    kept = {c.key: c for c in kept_comparisons(writer) if c.compared in MESSAGE_MEASURES}
    shown = {day.day: day.shown for day in loaded_days(writer, "chats")}
    anew = days_to_look_into(writer, "chats", sorted(shown), share)
    anew |= days_to_look_into(writer, "statistics", sorted(shown), share)
    for (measure, day), found in counted.items():
        before = kept.get(("statistics", day, measure))
        if (
            before is None
            or before.found != found
            or (MESSAGE_MEASURES[measure] is None and before.expected != shown.get(day))
        ):
            anew.add(day)
    messages = _messages(writer, anew & {day for _, day in counted})
    told = []
    for (measure, day), found in sorted(counted.items()):
        before = kept.get(("statistics", day, measure))
        if day in messages:
            expected = messages[day][MESSAGE_MEASURES[measure]]
            told.append(Comparison("statistics", day, measure, expected, found))
        elif day in shown and day not in anew and before is not None:
            told.append(before)
    return told


def _counted_by_statistics(writer: Writer) -> dict[tuple[str, date], int]:
    """What each measure of messages comes to, by measure and day."""
    sums = ", ".join(f"sum({measure})::BIGINT" for measure in MESSAGE_MEASURES)
    rows = writer.connection.execute(
        f"SELECT window_day, {sums} FROM statistics GROUP BY window_day"
    ).fetchall()
    return {
        (measure, day): count
        for day, *counts in rows
        for measure, count in zip(MESSAGE_MEASURES, counts, strict=True)
        if count is not None
    }


def _messages(writer: Writer, days: Collection[date]) -> dict[date, dict[str | None, int]]:
    """Messages shown on these days: all (under None), in and out."""
    rows = writer.connection.execute(
        f"""SELECT window_day, count(*), count(*) FILTER (direction = 'in'),
                   count(*) FILTER (direction = 'out')
            FROM chats {of_days(days)} GROUP BY window_day"""
    ).fetchall()
    return {day: {None: every, "in": came, "out": sent} for day, every, came, sent in rows}
