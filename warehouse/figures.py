"""The figures of a period: what a report, a message and the dashboard show, computed once.

All of them come from the marts (`warehouse/sql`), so that every place tells the same numbers.
Durations are in seconds, instants in UTC, days the company's. Where a figure has nothing to be
computed from (no answer, so no median) it is None, and never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import pyarrow as pa

Grain = Literal["day", "week", "month", "other"]
# Who wrote for the first time in all that is known is new only if enough is known from before.
NEWCOMERS_DAYS = 30


@dataclass(frozen=True)
class Period:
    """Days of the company's calendar, both ends included."""

    first: date
    last: date
    grain: Grain = "other"

    @classmethod
    def day(cls, day: date) -> Period:
        """One day."""
        return cls(day, day, "day")

    @classmethod
    def week(cls, day: date) -> Period:
        """The week (Monday to Sunday) that `day` is in."""
        monday = day - timedelta(days=day.weekday())
        return cls(monday, monday + timedelta(days=6), "week")

    @classmethod
    def month(cls, day: date) -> Period:
        """The calendar month that `day` is in."""
        first = day.replace(day=1)
        following = (first + timedelta(days=32)).replace(day=1)
        return cls(first, following - timedelta(days=1), "month")

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def previous(self) -> Period:
        """The one before: the calendar month before a month, else as many days before it."""
        if self.grain == "month":
            return Period.month(self.first - timedelta(days=1))
        length = timedelta(days=self.days)
        return Period(self.first - length, self.last - length, self.grain)

    def a_week_before(self) -> Period:
        """The same weekdays one week earlier (for a day: the same weekday)."""
        week = timedelta(days=7)
        return Period(self.first - week, self.last - week, self.grain)


@dataclass(frozen=True)
class Filters:
    """A part of the period: a channel, an operator (`operator_id` of the marts), both, or all."""

    channel: str | None = None
    operator_id: str | None = None


@dataclass(frozen=True)
class Measures:
    """One line of figures: of the whole period, a channel, an operator, a team or a category.

    A *turn* is the client's message that waits for an answer: the first of a thread, or the first
    after the company's last message. It counts on the day it was written, and is answered by the
    next message of an operator in the thread. `first_…`: the thread's first turn. `…_working_…`:
    only the company's working hours count. The exact definitions are the COMMENTs of schema mart.
    """

    messages_in: int
    messages_out: int
    threads_opened: int
    threads_answered: int
    threads_unanswered: int
    clients: int
    clients_new: int
    clients_returning: int
    turns: int
    turns_answered: int
    first_response_median_seconds: float | None
    first_response_p90_seconds: float | None
    first_response_working_median_seconds: float | None
    first_response_working_p90_seconds: float | None
    response_median_seconds: float | None
    response_p90_seconds: float | None
    response_working_median_seconds: float | None
    response_working_p90_seconds: float | None


@dataclass(frozen=True)
class Line:
    """A key (channel, category, operator_id, team) with its measures, now and in the period before.

    `label` is what people call it (an operator's name where the release has names); `team` is an
    operator's; `busy_hours` are hours of the calendar in which an operator wrote, and
    `threads_per_busy_hour` tells who is overloaded. None where it doesn't apply.
    """

    key: str
    label: str
    now: Measures
    before: Measures | None
    team: str | None = None
    threads: int | None = None
    busy_hours: int | None = None
    threads_per_busy_hour: float | None = None
    overloaded: bool = False


@dataclass(frozen=True)
class Sla:
    """A target, and how often it was met: `met` of `turns`; `share` is None where none was."""

    target: str
    within_seconds: int
    working_hours: bool
    first_only: bool
    channel: str | None
    turns: int
    met: int
    share: float | None
    share_before: float | None


@dataclass(frozen=True)
class Mover:
    """What changed most against the period before: `measure` is a name of `Measures`."""

    kind: Literal["total", "channel", "operator", "team", "category"]
    key: str
    label: str
    measure: str
    before: float
    now: float

    @property
    def change(self) -> float:
        """Now less before."""
        return self.now - self.before

    @property
    def relative(self) -> float | None:
        """The change as a share of before; None where there was nothing before."""
        return self.change / self.before if self.before else None


@dataclass(frozen=True)
class Doubt:
    """What makes the figures less than sure: a day that is missing, held, disputed, or has rejects.

    `kind`: missing (never loaded), held (the old rows stay), early (loaded before the day ended),
    quarantined (`count` records), disagreeing (`compared`: `expected` against `found`).
    """

    kind: Literal["missing", "held", "early", "quarantined", "disagreeing"]
    dataset: str
    day: date
    count: int | None = None
    compared: str | None = None
    expected: int | None = None
    found: int | None = None


@dataclass(frozen=True)
class Fresh:
    """When a source was last known to be so: `seen_at` (UTC) and the last day it covers."""

    source: str
    seen_at: datetime | None
    last_day: date | None


@dataclass(frozen=True)
class Figures:
    """All figures of a period.

    `by_date`: date, and the counts of `Measures` (messages_in … turns_answered), a row a day of the
    period, also where it is all 0, and response_median_seconds. `by_hour`: weekday (1 Monday … 7),
    hour, messages_in, messages_out; only hours that have messages. `waiting`: threads whose last
    turn has no answer, the longest first, at most 50: chat_id, channel, category, asked_at (company
    time), waiting_seconds, waiting_working_seconds (until the data's end). `missing_before`: days
    whose chats were never loaded, of the period before or of the same days a week before.
    `known_since`: the first day that any message is known of; None where none is.
    """

    period: Period
    filters: Filters
    total: Measures
    before: Measures
    week_before: Measures
    by_date: pa.Table
    by_hour: pa.Table
    channels: list[Line]
    operators: list[Line]
    teams: list[Line]
    categories: list[Line]
    sla: list[Sla]
    movers: list[Mover]
    waiting: pa.Table
    doubts: list[Doubt]
    fresh: list[Fresh]
    release: int | None
    released_at: datetime | None
    time_zone: str
    names_published: bool
    missing_before: tuple[date, ...] = ()
    known_since: date | None = None

    @property
    def newcomers_known(self) -> bool:
        """Whether enough is known from before the period to tell who is new in it."""
        return self._known_before(self.period)

    @property
    def newcomers_comparable(self) -> bool:
        """Whether enough is known from before the period before, so that both can be compared."""
        return self._known_before(self.period.previous())

    def _known_before(self, period: Period) -> bool:
        since = self.known_since
        return since is None or since + timedelta(days=NEWCOMERS_DAYS) <= period.first

    @property
    def missing_days(self) -> list[date]:
        """Days of the period whose chats were never loaded: no figure tells of them."""
        return [d.day for d in self.doubts if d.kind == "missing" and d.dataset == "chats"]
