"""Real conversations served as a company's: their days laid end to end from a given date.

The file is Parquet with columns channel, date (ISO), time (HH:MM:SS), nick, text. A few dozen most
prolific nicks are the operators. A client's messages with gaps of at most a day are a thread; an
operator's line that begins with a client's nick goes into that client's open thread, any other into
the operator's own.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from sandbox.messages import Message

OPERATORS = 40
GAP = timedelta(days=1)
_ADDRESSED = re.compile(r"^([^\s:,]{1,40})[:,]")


class Corpus:
    """Conversations of a corpus file; message ids grow in the file's order.

    Args:
        path: the file.
        start: the date that its first day becomes; each further day is the next date.
    """

    def __init__(self, path: Path, start: date) -> None:
        table = pq.read_table(path).to_pydict()
        days = sorted(set(table["date"]))
        laid = {day: start + timedelta(days=number) for number, day in enumerate(days)}
        nicks = Counter(table["nick"])
        self._operators = {
            nick: number for number, (nick, _) in enumerate(nicks.most_common(OPERATORS), start=1)
        }
        self._open: dict[str, tuple[str, date, datetime]] = {}
        self._sent: dict[date, list[Message]] = defaultdict(list)
        self._started: dict[date, list[Message]] = defaultdict(list)
        names = ("date", "time", "nick", "text", "channel")
        rows = zip(*(table[name] for name in names), strict=True)
        # By day, since the file's days are in no order and a thread must not begin after its end.
        for number, row in sorted(enumerate(rows, start=1), key=lambda item: item[1][0]):
            day, clock, nick, text, channel = row
            when = datetime.fromisoformat(f"{laid[day].isoformat()} {clock}")
            message = self._message(number, when, nick, text, channel)
            self._sent[laid[day]].append(message)
            self._started[message.thread_start].append(message)

    def sent_on(self, day: date) -> list[Message]:
        """Messages dated `day`, in the file's order."""
        return self._sent.get(day, [])

    def started_on(self, day: date) -> list[Message]:
        """All messages of the threads that began on `day`."""
        return self._started.get(day, [])

    def users(self, day: date) -> list[dict[str, object]]:
        """The operators."""
        return [
            {"id": number, "name": nick, "role": "operator", "since": day.isoformat()}
            for nick, number in self._operators.items()
        ]

    def _message(self, number: int, when: datetime, nick: str, text: str, channel: str) -> Message:
        operator = self._operators.get(nick, 0)
        owner = nick
        if operator:
            addressed = _ADDRESSED.match(text)
            if addressed and addressed[1] in self._open:
                owner = addressed[1]
        thread, start = self._thread(owner, when)
        return Message(
            number,
            thread,
            start,
            when,
            "out" if operator else "in",
            operator,
            nick if operator else "",
            "" if operator else nick,
            "",
            channel,
            201,
            "",
            "closed",
            text,
        )

    def _thread(self, owner: str, when: datetime) -> tuple[str, date]:
        thread, start, last = self._open.get(owner, ("", when.date(), datetime.min))  # noqa: DTZ901
        if not thread or when - last > GAP:
            thread, start = f"{when:%Y%m%d%H%M%S}-{len(self._open)}-{owner}", when.date()
        self._open[owner] = (thread, start, when)
        return thread, start
