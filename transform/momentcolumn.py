"""One column of moments through all batches of a file: format decided once, then kept to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import pyarrow as pa

from transform.columns import Bools, Ints, compute, lengths_bytes
from transform.contract_errors import DateOrderConflict
from transform.dateformats import DateFormat, contradicts, decide, explain
from transform.moments import MICROS, Moments, parse
from transform.quarantine import Problems
from transform.zones import CompanyClock

_EVIDENCE_ROWS = 2000


@dataclass(frozen=True)
class LocalMoments:
    """Microseconds since 1970 in local time and in UTC; 0 where a row has a problem."""

    local: Ints
    utc: Ints
    has_time: Bools


class MomentColumn:
    """Reads a column of dates, batch after batch.

    Args:
        name: the field, for reasons.
        clock: the company's time zone.
        month_first: what a company says of its own files.
        date_format: the very format, where a company says that; None: decided by the values.

    Raises (from `read`):
        DateOrderConflict: a value is a date only with day and month swapped.
    """

    def __init__(
        self,
        name: str,
        clock: CompanyClock,
        *,
        month_first: bool,
        date_format: DateFormat | None = None,
    ) -> None:
        self._name = name
        self._clock = clock
        self._month_first = month_first
        self.format = date_format
        self._evidence = ""  # a value that shows the format

    def read(self, texts: pa.StringArray, problems: Problems) -> LocalMoments:
        """The moments of a column without nulls; empty and unreadable values become problems."""
        if self.format is None:
            self._decide(texts)
        if self.format is None:
            nothing = np.zeros(len(texts), np.int64)
            moments = Moments(nothing, None, nothing > 0, nothing > 0)
        else:
            moments = parse(texts, self.format)
        if not moments.ok.all():
            self._note(texts, moments.ok, problems)
        local, utc = self._both_clocks(moments)
        return LocalMoments(local, utc, moments.has_time)

    def _decide(self, texts: pa.StringArray) -> None:
        filled = texts.filter(pa.array(lengths_bytes(texts) > 0))
        sample = cast("list[str]", filled.slice(0, _EVIDENCE_ROWS).unique().to_pylist())
        self.format = decide(sample, month_first=self._month_first)
        if self.format is not None:
            self._evidence = next(t for t in sample if self.format.pattern.fullmatch(t))

    def _note(self, texts: pa.StringArray, ok: Bools, problems: Problems) -> None:
        empty = lengths_bytes(texts) == 0
        problems.add(np.flatnonzero(empty), f"{self._name}: empty")
        rows = np.flatnonzero(~ok & ~empty)
        values = cast("list[str]", compute.take(texts, pa.array(rows)).to_pylist())
        for row, text in zip(rows.tolist(), values, strict=True):
            if contradicts(text, self.format):
                raise self._conflict(text)
            problems.add([row], f"{self._name}: {explain(text, self.format)}")

    def _both_clocks(self, moments: Moments) -> tuple[Ints, Ints]:
        if moments.offsets is None:
            utc = self._clock.to_utc(moments.micros[moments.ok])
            return moments.micros, _spread(utc, moments.ok)
        utc = moments.micros - moments.offsets * MICROS
        return _spread(self._clock.to_local(utc[moments.ok]), moments.ok), utc

    def _conflict(self, text: str) -> DateOrderConflict:
        evidence = self._evidence or "the mapping file"
        return DateOrderConflict(
            f"reading {self._name} as {self.format}, as {evidence} reads",
            f"{text} is a date only with day and month swapped",
            "The file may write the month first: if so, say month first in the mapping file; "
            "if not, the file mixes two ways and must be asked for again.",
        )


def _spread(values: Ints, ok: Bools) -> Ints:
    """Values of the rows that are ok, back in their places."""
    if ok.all():
        return values
    whole = np.zeros(len(ok), np.int64)
    whole[ok] = values
    return whole
