"""One batch after the other through the contract, with what must be remembered between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from transform import words
from transform.columns import AnyArray, Bools, Ints
from transform.contract import Dataset
from transform.derived import (
    Columns,
    add_moments,
    checked,
    chosen,
    days_of,
    one_day,
    read_sent_at,
    settle_authors,
    tells_kind,
)
from transform.extras import json_objects
from transform.headers import header_key
from transform.matching import Binding, released
from transform.momentcolumn import LocalMoments, MomentColumn
from transform.moments import DAY_MICROS
from transform.quarantine import Problems, Quarantine
from transform.rules import Origin, Rules
from transform.textbatch import TextBatch, note_totals, typed_fields
from transform.zones import CompanyClock

_EPOCH = date(1970, 1, 1)


@dataclass
class Seen:
    """Counters over the rows that went out; moments in company-local microseconds since 1970."""

    outside_day: int = 0
    before_day: int = 0
    bare_dates: int = 0
    first: int | None = None
    last: int | None = None


class BatchTyper:
    """Types the batches of one export.

    Attributes:
        binding: which column is which field; a doubtful one may be released at the first batch.
        seen: counters so far.
        clock: the company's time zone.
        moments: the column of moments or days, with its format once it is decided.
    """

    def __init__(self, dataset: Dataset, binding: Binding, origin: Origin, rules: Rules) -> None:
        self.binding = binding
        self.seen = Seen()
        self.clock = CompanyClock(origin.time_zone)
        self.moments = MomentColumn(
            dataset.order_by,
            self.clock,
            month_first=rules.month_first,
            date_format=rules.date_format,
        )
        self._dataset = dataset
        self._schema = dataset.arrow_schema()
        self._origin = origin
        self._window_day = (origin.window_day - _EPOCH).days
        self._doubts_settled = False
        self._author_tells_kind = False
        self._constants: dict[str, AnyArray] = {}

    def type(
        self, batch: pa.RecordBatch, first_record: int, quarantine: Quarantine
    ) -> pa.RecordBatch:
        """The batch's good rows by the contract; the others go to the quarantine.

        Args:
            batch: text columns in the order of the file's headers.
            first_record: the number of its first row among the records read, from 1.
            quarantine: takes the rows that break the contract.
        """
        if not self._doubts_settled:
            self._settle_doubts(TextBatch(batch, self.binding))
        text, problems = TextBatch(batch, self.binding), Problems()
        typed = typed_fields(text, self._dataset, problems)
        moments = self._complete(text, typed, problems)
        columns = self._all_columns(typed, len(text))
        if not problems:
            self._count(moments, None)
            return checked(columns, self._schema)
        quarantine.add_rows(batch, list(self.binding.columns), problems, first_record)
        good = np.ones(len(text), np.bool_)
        good[list(problems.reasons)] = False
        self._count(moments, good)
        return chosen(columns, good, self._schema)

    def _complete(self, text: TextBatch, typed: Columns, problems: Problems) -> LocalMoments | None:
        unknown = text.unknown()
        moments: LocalMoments | None
        if self._dataset.order_by == "sent_at":
            moments = read_sent_at(text, self.moments, problems)
            add_moments(typed, moments)
            kinds = self._author_tells_kind
            unknown += settle_authors(text, typed, author_tells_kind=kinds)
        else:
            moments = self._read_day(text, typed, problems)
            note_totals(text, self._dataset, problems)
        typed["extra"] = json_objects(unknown, len(text))
        return moments

    def _read_day(self, text: TextBatch, typed: Columns, problems: Problems) -> LocalMoments | None:
        if not text.has("date"):
            typed["date"] = one_day(self._origin.window_day, len(text))
            return None
        moments = self.moments.read(text.text("date"), problems)
        typed["date"] = days_of(moments.local)
        return moments

    def _all_columns(self, typed: Columns, rows: int) -> Columns:
        constants = {"observed_at": self._origin.observed_at, "load_id": self._origin.load_id}
        columns: Columns = {}
        for field in self._schema:
            if field.name in constants:
                columns[field.name] = self._constant(field, constants[field.name], rows)
            elif field.name in typed:
                columns[field.name] = typed[field.name]
            else:
                columns[field.name] = pa.nulls(rows, field.type)
        return columns

    def _constant(self, field: pa.Field[Any], value: object, rows: int) -> AnyArray:
        """The same value for every row, cut from one that is kept."""
        kept = self._constants.get(field.name)
        if kept is None or len(kept) < rows:
            kept = self._constants[field.name] = pa.repeat(pa.scalar(value, field.type), rows)
        return kept.slice(0, rows)

    def _count(self, moments: LocalMoments | None, good: Bools | None) -> None:
        if moments is None:
            self._count_days(np.zeros(0, np.int64))
            return
        local = moments.local if good is None else moments.local[good]
        timed = moments.has_time if good is None else moments.has_time[good]
        self.seen.bare_dates += int(len(timed) - np.count_nonzero(timed))
        self._count_days(local)

    def _count_days(self, local: Ints) -> None:
        if not len(local):
            return
        first, last = int(local.min()), int(local.max())
        seen = self.seen
        seen.first = first if seen.first is None else min(seen.first, first)
        seen.last = last if seen.last is None else max(seen.last, last)
        begin = self._window_day * DAY_MICROS
        if first >= begin and last < begin + DAY_MICROS:
            return
        before = int(np.count_nonzero(local < begin))
        self.seen.before_day += before
        self.seen.outside_day += before + int(np.count_nonzero(local >= begin + DAY_MICROS))

    def _settle_doubts(self, text: TextBatch) -> None:
        """What a header leaves open is decided by the first values under it."""
        self._author_tells_kind = tells_kind(text)
        if text.has("direction") and self._is_doubtful("direction"):
            header = self.binding.header_of("direction") or ""
            values = [str(value) for value in text.text("direction").unique().to_pylist()]
            if not any(values):
                return
            if not any(words.direction_of(value, header) for value in values):
                self.binding = released(self.binding, "direction")
        self._doubts_settled = True

    def _is_doubtful(self, name: str) -> bool:
        """Whether a field was found under a header that may as well mean something else."""
        header = header_key(self.binding.header_of(name) or "")
        return header in map(header_key, self._dataset.field(name).doubtful)
