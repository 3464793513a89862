"""Figures made by hand: a week as a company could have it, and the edges of what can come.

The numbers are invented; those of a line add up where people would add them.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from warehouse.figures import (
    Doubt,
    Figures,
    Filters,
    Fresh,
    Line,
    Measures,
    Mover,
    Period,
    Sla,
)

WEEK = Period.week(date(2026, 11, 16))
DAY = Period.day(date(2026, 11, 24))
NOTHING = Measures(*[0] * 10, *[None] * 8)
HOSTILE = (
    "<script>window.hacked=1</script>",
    '"onload="window.hacked=1',
    "<img src=x onerror=window.hacked=1>",
    "\u202eevil\u202c RTL",
    "שלום עולם مرحبا",
    '=HYPERLINK("http://evil.example","x")',
    "+7 900 000",
    "@SUM(A1)",
    "-1+1",
    "\tTab\x00\x0b\r\nLine",
    "' OR 1=1 --",
    "{{ 7*7 }} {% raw %} ${7*7} \\u0027",
    "]]><svg/onload=window.hacked=1>",
    "x" * 40_000,
    "\ud800 lone \uffff",
)
_SCHEMA_DATES = pa.schema(
    [
        ("date", pa.date32()),
        *[
            (name, pa.int64())
            for name in (
                "messages_in", "messages_out", "threads_opened", "threads_answered",
                "threads_unanswered", "clients", "clients_new", "clients_returning", "turns",
                "turns_answered",
            )
        ],
        ("response_median_seconds", pa.float64()),
    ]
)  # fmt: skip
_SCHEMA_HOURS = pa.schema(
    [(n, pa.int64()) for n in ("weekday", "hour", "messages_in", "messages_out")]
)
_SCHEMA_WAITING = pa.schema(
    [
        ("chat_id", pa.string()),
        ("channel", pa.string()),
        ("category", pa.string()),
        ("asked_at", pa.timestamp("us")),
        ("waiting_seconds", pa.float64()),
        ("waiting_working_seconds", pa.float64()),
    ]
)


def measures(
    count: int, median: float | None = 252.0, *, unanswered: int | None = None
) -> Measures:
    """Measures in the proportions of a support desk, around a number of clients' messages."""
    opened = count * 2 // 5
    left = opened // 18 if unanswered is None else unanswered
    clients = opened * 9 // 10
    new = clients // 3
    turns = count * 3 // 5
    return Measures(
        messages_in=count,
        messages_out=count * 7 // 8,
        threads_opened=opened,
        threads_answered=opened - left,
        threads_unanswered=left,
        clients=clients,
        clients_new=new,
        clients_returning=clients - new,
        turns=turns,
        turns_answered=turns - left,
        first_response_median_seconds=median,
        first_response_p90_seconds=None if median is None else median * 5,
        first_response_working_median_seconds=None if median is None else median * 0.8,
        first_response_working_p90_seconds=None if median is None else median * 4,
        response_median_seconds=None if median is None else median * 1.2,
        response_p90_seconds=None if median is None else median * 6,
        response_working_median_seconds=None if median is None else median * 0.9,
        response_working_p90_seconds=None if median is None else median * 4.5,
    )


def by_date(period: Period, counts: list[int], medians: list[float | None]) -> pa.Table:
    """A row a day."""
    rows = []
    for n in range(period.days):
        m = measures(counts[n], medians[n])
        row = {name: getattr(m, name) for name in _SCHEMA_DATES.names if name != "date"}
        row["response_median_seconds"] = medians[n]
        rows.append({"date": period.first + timedelta(days=n), **row})
    return pa.Table.from_pylist(rows, _SCHEMA_DATES)


def by_hour(weekdays: list[int], scale: int = 1) -> pa.Table:
    """The two humps of a working day, lower at the weekend; nobody writes at night."""
    shape = [0, 0, 0, 0, 0, 0, 0, 2, 7, 19, 28, 31, 25, 21, 27, 30, 26, 22, 15, 11, 8, 6, 3, 1]
    rows = [
        {
            "weekday": day,
            "hour": hour,
            "messages_in": max(n * (3 if day < 6 else 1) * scale // 3 + (day * hour) % 4, 1),
            "messages_out": n * scale,
        }
        for day in weekdays
        for hour, n in enumerate(shape)
        if n
    ]
    return pa.Table.from_pylist(rows, _SCHEMA_HOURS)


def waiting(count: int = 6) -> pa.Table:
    """Threads that wait, the longest first."""
    end = datetime(2026, 11, 22, 23, 59)
    rows = [
        {
            "chat_id": f"20261122-{101 + n}",
            "channel": ["WhatsApp", "Telegram", "", "Viber"][n % 4],
            "category": ["Доставка", "Оплата", "", "Жалоба"][n % 4],
            "asked_at": end - timedelta(hours=40 / (n + 1)),
            "waiting_seconds": 40 * 3600 / (n + 1),
            "waiting_working_seconds": 11 * 3600 / (n + 1) if n % 3 else None,
        }
        for n in range(count)
    ]
    return pa.Table.from_pylist(rows, _SCHEMA_WAITING)


_OPERATORS = (
    "Анна Соколова", "Иван Морозов", "Мария Петрова", "Пётр Лебедев", "Ольга Новикова",
    "Дмитрий Козлов", "Елена Волкова", "Сергей Егоров", "Наталья Павлова", "Алексей Семёнов",
    "Виктория Голубева", "Константин Богданов-Преображенский", "Юлия Виноградова",
)  # fmt: skip


def week() -> Figures:
    """A whole week: five channels, thirteen operators, slower and busier than the one before."""
    channels = [
        Line("WhatsApp", "WhatsApp", measures(987, 286.0), measures(742, 201.0)),
        Line("Telegram", "Telegram", measures(731, 241.0), measures(668, 214.0)),
        Line("", "", measures(143, 402.0), measures(151, 390.0)),
        Line("ВКонтакте", "ВКонтакте", measures(204, 190.0), measures(216, 199.0)),
        Line("Сайт", "Сайт", measures(286, 171.0), measures(290, 182.0)),
        Line("Viber", "Viber", measures(0, None, unanswered=0), measures(118, 240.0)),
    ]
    operators = [
        Line(
            str(1001 + n), name, measures(330 - 21 * n, 160.0 + 23 * n), measures(290 - 17 * n),
            team=("Первая линия", "Вторая линия")[n % 2], threads=118 - 7 * n,
            busy_hours=38 - 2 * n, threads_per_busy_hour=(118 - 7 * n) / (38 - 2 * n),
            overloaded=n in (0, 11),
        )
        for n, name in enumerate(_OPERATORS)
    ]  # fmt: skip
    teams = [
        Line(
            name,
            name,
            measures(count),
            measures(count - 90),
            threads=count * 47 // 100,
            busy_hours=count * 47 // 340,
            threads_per_busy_hour=3.4,
        )
        for name, count in (("Первая линия", 1290), ("Вторая линия", 1061))
    ]
    names = ("Доставка", "Оплата", "Консультация", "Возврат", "Жалоба", "")
    categories = [
        Line(name, name, measures(760 - 120 * n, 240.0 + 9 * n), measures(640 - 70 * n))
        for n, name in enumerate(names)
    ]
    day = date(2026, 11, 18)
    seen = datetime(2026, 11, 23, 0, 21, tzinfo=UTC)
    return Figures(
        period=WEEK,
        filters=Filters(),
        total=measures(2351, 268.0, unanswered=61),
        before=measures(2185, 212.0, unanswered=38),
        week_before=measures(2185, 212.0, unanswered=38),
        by_date=by_date(
            WEEK,
            [402, 431, 396, 388, 371, 198, 165],
            [231.0, 288.0, 301.0, 254.0, 246.0, 612.0, 744.0],
        ),
        by_hour=by_hour([1, 2, 3, 4, 5, 6, 7]),
        channels=channels,
        operators=operators,
        teams=teams,
        categories=categories,
        sla=[
            Sla("Первый ответ за 15 минут", 900, True, True, None, 940, 818, 818 / 940, 0.915),
            Sla("Любой ответ за час", 3600, True, False, None, 1410, 1379, 1379 / 1410, 0.982),
            Sla("WhatsApp за 5 минут", 300, False, True, "WhatsApp", 394, 201, 201 / 394, 0.634),
        ],
        movers=[
            Mover("channel", "WhatsApp", "WhatsApp", "messages_in", 742, 987),
            Mover("channel", "Viber", "Viber", "messages_in", 118, 0),
            Mover("total", "", "", "threads_unanswered", 38, 61),
            Mover("category", "Доставка", "Доставка", "messages_in", 640, 760),
            Mover("operator", "1001", "Анна Соколова", "messages_out", 253, 288),
        ],
        waiting=waiting(),
        doubts=[
            Doubt("quarantined", "chats", day, count=3),
            Doubt("disagreeing", "chats", day, compared="messages", expected=412, found=409),
            Doubt("held", "statistics", day + timedelta(days=1)),
        ],
        fresh=[
            Fresh("chats", seen, date(2026, 11, 22)),
            Fresh("statistics", seen, date(2026, 11, 22)),
            Fresh("users", seen - timedelta(hours=1), date(2026, 11, 23)),
            Fresh("incoming_messages", None, None),
        ],
        release=417,
        released_at=seen + timedelta(minutes=2),
        time_zone="Europe/Moscow",
        names_published=True,
    )


def _of_a_day(line: Line) -> Line:
    """About a fifth of a week's line."""
    now, before = (
        m and measures(m.messages_in * 11 // 60, m.first_response_median_seconds)
        for m in (line.now, line.before)
    )
    assert now is not None
    threads, hours = (line.threads or 0) // 5, (line.busy_hours or 0) // 5
    return dataclasses.replace(
        line,
        now=now,
        before=before,
        threads=line.threads and threads,
        busy_hours=line.busy_hours and hours,
    )


def one_day() -> Figures:
    """A Tuesday, against the Monday before and the Tuesday of the week before."""
    made = week()
    return dataclasses.replace(
        made,
        channels=[_of_a_day(line) for line in made.channels],
        operators=[_of_a_day(line) for line in made.operators],
        teams=[_of_a_day(line) for line in made.teams],
        categories=[_of_a_day(line) for line in made.categories],
        movers=made.movers[:2],
        period=DAY,
        total=measures(431, 199.0, unanswered=7),
        before=measures(402, 231.0, unanswered=11),
        week_before=measures(377, 205.0, unanswered=6),
        by_date=by_date(DAY, [431], [238.0]),
        by_hour=by_hour([2], 2),
        doubts=[],
    )


def missing_day() -> Figures:
    """The week, with a Thursday that was never loaded."""
    made = week()
    day = date(2026, 11, 19)
    counts, medians = (
        [402, 431, 396, 0, 371, 198, 165],
        [231.0, 288.0, 301.0, None, 246.0, 612.0, 744.0],
    )
    return dataclasses.replace(
        made,
        total=measures(1963, 268.0, unanswered=61),
        by_date=by_date(WEEK, counts, medians),
        by_hour=by_hour([1, 2, 3, 5, 6, 7]),
        doubts=[Doubt("missing", "chats", day), *made.doubts],
    )


def nothing(*, loaded: bool = False) -> Figures:
    """A week without a message: never loaded, or loaded and empty."""
    days = [WEEK.first + timedelta(days=n) for n in range(7)]
    return Figures(
        period=WEEK, filters=Filters(), total=NOTHING, before=NOTHING, week_before=NOTHING,
        by_date=by_date(WEEK, [0] * 7, [None] * 7), by_hour=by_hour([]), channels=[], operators=[],
        teams=[], categories=[], sla=[], movers=[], waiting=waiting(0),
        doubts=[] if loaded else [Doubt("missing", "chats", day) for day in days], fresh=[],
        release=None, released_at=None, time_zone="Europe/Moscow", names_published=True,
    )  # fmt: skip


def one_operator() -> Figures:
    """A single message by a single operator in a channel that nobody named."""
    single = Measures(1, 1, 1, 1, 0, 1, 1, 0, 1, 1, *[45.0] * 8)
    return dataclasses.replace(
        nothing(loaded=True),
        total=single,
        by_date=by_date(WEEK, [1, 0, 0, 0, 0, 0, 0], [45.0, *[None] * 6]),
        by_hour=pa.Table.from_pylist(
            [{"weekday": 1, "hour": 9, "messages_in": 1, "messages_out": 1}], _SCHEMA_HOURS
        ),
        channels=[Line("", "", single, None)],
        operators=[Line("7", "", single, None, threads=1, busy_hours=1, threads_per_busy_hour=1.0)],
        sla=[Sla("15", 900, True, True, None, 0, 0, None, None)],
    )


def many_operators(count: int = 10_000) -> Figures:
    """More operators than anyone can read."""
    operators = [
        Line(
            str(n), f"Оператор № {n}", measures(40 + n % 800, None if n % 7 == 0 else 100.0 + n),
            None, team=f"Группа {n % 40}", threads=10, busy_hours=5, threads_per_busy_hour=2.0,
        )
        for n in range(count)
    ]  # fmt: skip
    return dataclasses.replace(week(), operators=operators)


def hostile() -> Figures:
    """Names that would do harm, or mend the page, wherever a name is shown."""
    made = week()
    names = [
        Line(name, name, measures(100 - n), measures(90), team=name, threads=3, busy_hours=2,
             threads_per_busy_hour=1.5, overloaded=n == 0)
        for n, name in enumerate(HOSTILE)
    ]  # fmt: skip
    rows = [
        {**row, "chat_id": HOSTILE[n], "channel": HOSTILE[n], "category": HOSTILE[n]}
        for n, row in enumerate(waiting(14).to_pylist())
    ]
    return dataclasses.replace(
        made,
        channels=names,
        operators=names,
        teams=names,
        categories=names,
        sla=[Sla(name, 900, True, True, name, 10, 5, 0.5, None) for name in HOSTILE],
        movers=[Mover("channel", name, name, "messages_in", 10, 100) for name in HOSTILE],
        waiting=pa.Table.from_pylist(rows, _SCHEMA_WAITING),
        doubts=[
            Doubt(
                "disagreeing",
                HOSTILE[0],
                date(2026, 11, 18),
                compared=HOSTILE[1],
                expected=1,
                found=2,
            )
        ],
        fresh=[Fresh(HOSTILE[0], None, None)],
        filters=Filters(channel=HOSTILE[0], operator_id=HOSTILE[1]),
    )
