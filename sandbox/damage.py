"""Faults of what is in an export file, as against how it is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from sandbox.tables import Cell, Table

_TIME_COLUMN = 2
Strikes = Callable[[str], bool]


def damaged(table: Table, kind: str, day: date, strikes: Strikes) -> Table:
    """The table with every fault that strikes it."""
    header, rows = table
    if strikes("impossible-date") and rows:
        rows = [_with_time(rows[0], "31.02.2026 10:00:00"), *rows[1:]]
    if kind == "chats":
        rows = _damaged_messages(rows, day, strikes)
    if strikes("late-rows"):
        rows = rows[: -max(1, len(rows) // 10)]
    if strikes("smaller-day"):
        rows = rows[: len(rows) // 10]
    if strikes("empty-day"):
        rows = []
    if strikes("missing-column"):
        header = header[:_TIME_COLUMN] + header[_TIME_COLUMN + 1 :]
        rows = [row[:_TIME_COLUMN] + row[_TIME_COLUMN + 1 :] for row in rows]
    return header, rows


def _damaged_messages(rows: list[list[Cell]], day: date, strikes: Strikes) -> list[list[Cell]]:
    if strikes("other-day-rows") and rows:
        before = datetime.combine(day, time(12)) - timedelta(days=7)
        rows = [_with_time(rows[0], before), *rows[1:]]
    if strikes("duplicate-rows"):
        rows = [row for n, row in enumerate(rows) for _ in range(1 + (n % 10 == 0))]
    return rows


def _with_time(row: list[Cell], cell: Cell) -> list[Cell]:
    return [*row[:_TIME_COLUMN], cell, *row[_TIME_COLUMN + 1 :]]
