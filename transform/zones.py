"""Local time ↔ UTC for columns, by zoneinfo: one question per day, not per row.

Arrow's own time zone functions need the host's time zone files, which slim containers lack;
zoneinfo falls back to the tzdata package.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from transform.columns import Ints
from transform.moments import DAY_MICROS, MICROS

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - an anchor of arithmetic, not a moment
_MINUTE_MICROS = 60 * MICROS
_VARIES = np.iinfo(np.int64).min


class CompanyClock:
    """The company's time zone, applied to columns of microseconds.

    Args:
        time_zone: IANA name (Europe/Moscow); ZoneInfoNotFoundError if there is none.
    """

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)
        self._days: dict[tuple[str, int], int] = {}
        self.ambiguous_rows = 0  # local times that happened twice, read as the earlier one

    def to_utc(self, local_micros: Ints) -> Ints:
        """Local → UTC. A time that happened twice is the earlier one; a skipped one moves on."""
        return local_micros - self._offsets(local_micros, self._local_offset, count=True) * MICROS

    def to_local(self, utc_micros: Ints) -> Ints:
        """UTC → local."""
        return utc_micros + self._offsets(utc_micros, self._utc_offset, count=False) * MICROS

    def _offsets(self, micros: Ints, ask: Callable[[int], int], *, count: bool) -> Ints:
        """Seconds east of UTC for each value."""
        if not len(micros):
            return np.zeros(0, np.int64)
        days = micros // DAY_MICROS
        first = int(days.min())
        present = np.zeros(int(days.max()) - first + 1, np.bool_)
        present[days - first] = True
        table = np.zeros(len(present), np.int64)
        for index in np.flatnonzero(present):
            table[index] = self._offset_of_day(int(first + index), ask)
        offsets: Ints = table[days - first]
        varying = np.flatnonzero(offsets == _VARIES)
        if len(varying):
            offsets[varying] = self._offsets_by_minute(micros[varying], ask, count=count)
        return offsets

    def _offset_of_day(self, day: int, ask: Callable[[int], int]) -> int:
        """The offset all day long, or a mark that it changes; each day is asked about once."""
        key = (ask.__name__, day)
        if key not in self._days:
            self._days[key] = self._ask_all_day(day, ask)
        return self._days[key]

    def _ask_all_day(self, day: int, ask: Callable[[int], int]) -> int:
        # Two hours more on each side: an ambiguous hour may reach over midnight.
        begin, end = day * 1440 - 120, (day + 1) * 1440 + 120
        answers = {ask(minute) for minute in range(begin, end, 30)} | {ask(end)}
        return answers.pop() if len(answers) == 1 else _VARIES

    def _offsets_by_minute(self, micros: Ints, ask: Callable[[int], int], *, count: bool) -> Ints:
        minutes, inverse = np.unique(micros // _MINUTE_MICROS, return_inverse=True)
        offsets = np.array([ask(int(minute)) for minute in minutes], np.int64)
        if count:
            twice = np.array([self._is_ambiguous(int(minute)) for minute in minutes], np.bool_)
            self.ambiguous_rows += int(twice[inverse].sum())
        return offsets[inverse]

    def _local_offset(self, minute: int, fold: int = 0) -> int:
        moment = (_EPOCH + timedelta(minutes=minute)).replace(tzinfo=self._zone, fold=fold)
        return _seconds(moment.utcoffset())

    def _is_ambiguous(self, minute: int) -> bool:
        # Both differ in a gap too, but there the second reading is the larger offset.
        return self._local_offset(minute) > self._local_offset(minute, fold=1)

    def _utc_offset(self, minute: int) -> int:
        moment = (_EPOCH + timedelta(minutes=minute)).replace(tzinfo=UTC)
        return _seconds(moment.astimezone(self._zone).utcoffset())


def _seconds(offset: timedelta | None) -> int:
    return int(offset.total_seconds()) if offset is not None else 0
