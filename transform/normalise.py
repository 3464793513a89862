"""Text → typed rows by the contract, in bounded batches; records that break it → quarantine.

A batch comes as an Arrow record batch of text and is typed column by column; where rows break the
contract, the others are selected in an Arrow-backed pandas frame. It goes on as an Arrow record
batch: nothing accumulates but counters and the quarantine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import pyarrow as pa

from transform.batches import BatchTyper
from transform.contract import Dataset
from transform.contract_errors import NoTimeOfDay, WrongWindow
from transform.matching import match_columns
from transform.privacy import Privacy, Shield
from transform.quarantine import Quarantine, Reject
from transform.records import NormalisedTable, normalise_records
from transform.rules import Origin, Report, Rules, Selection

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - company-local, without a zone


class SourceExport(Protocol):
    """What `transform.readers.open_export` returns: all that is needed of a file."""

    @property
    def columns(self) -> Sequence[str]:
        """The headers, in the file's order."""

    @property
    def rejects(self) -> Iterable[Reject]:
        """After iteration: the records that couldn't be read."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches whose columns are all text, in the order of `columns`."""


class NormalisedExport:
    """The typed rows of one export; iterate once, then ask for `report` and `quarantine`.

    Raises (while iterating; what was yielded by then must be thrown away):
        DateOrderConflict: the file's dates contradict each other.
        TooManyQuarantined: the file must have been misunderstood.
        NoTimeOfDay: every moment is a bare date.
        WrongWindow: most rows lie outside the day that was asked for.
    """

    def __init__(
        self,
        export: SourceExport,
        dataset: Dataset,
        origin: Origin,
        expect: Selection | None,
        rules: Rules,
        shield: Shield,
    ) -> None:
        self.schema = dataset.arrow_schema()
        self._asked = f"normalising {dataset.name} of {origin.window_day:%d.%m.%Y}"
        self._export = export
        self._dataset = dataset
        self._origin = origin
        self._expect = expect
        self._rules = rules
        self._shield = shield
        self._rejected = Quarantine(self._asked, rules, keep_raw=not shield)
        some = bool(export.columns)  # an empty JSON list has none, and so no row that lacks any
        binding = match_columns(export.columns, dataset, rules.mapping, demand=some)
        self._typer = BatchTyper(dataset, binding, origin, rules)
        self._report: Report | None = None
        self._begun = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        if self._begun:
            raise RuntimeError("an export is read once: open it again")
        self._begun = True
        rows_read = rows_out = 0
        for batch in self._export:
            typed = self._typer.type(batch, rows_read + 1, self._rejected)
            rows_read += batch.num_rows
            rows_out += typed.num_rows
            if typed.num_rows:
                yield self._shield.batch(typed)
        rows_read += self._rejected.add_rejects(self._export.rejects)
        self._rejected.judge(rows_read)
        self._judge_moments(rows_out)
        self._report = self._make_report(rows_read, rows_out)

    @property
    def report(self) -> Report:
        """What it came to; RuntimeError before the last batch was taken."""
        if self._report is None:
            raise RuntimeError("the report is known after the last batch")
        return self._report

    @property
    def quarantine(self) -> pa.Table:
        """The records that weren't loaded, the reader's rejects included: line, reason, raw."""
        if self._report is None:
            raise RuntimeError("the quarantine is known after the last batch")
        return self._rejected.table()

    def _judge_moments(self, rows_out: int) -> None:
        seen = self._typer.seen
        if self._dataset.order_by == "sent_at" and seen.bare_dates == rows_out > 1:
            raise NoTimeOfDay(
                self._asked,
                f"all {rows_out} moments are bare dates",
                "Say in the mapping file which column holds the time of day.",
            )
        if rows_out >= self._rules.min_rows_judged:
            self._judge_window(rows_out)

    def _judge_window(self, rows_out: int) -> None:
        """Replies after the day are normal where threads are selected; rows before it never are."""
        seen, allowed = self._typer.seen, self._rules.max_outside_share * rows_out
        by_thread = self._expect == "thread" and self._dataset.order_by == "sent_at"
        if by_thread:
            wrong = seen.before_day > allowed or seen.outside_day == rows_out
        else:
            wrong = seen.outside_day > allowed
        first, last = _moment(seen.first), _moment(seen.last)
        if not wrong or first is None or last is None:
            return
        swapped = self._origin.window_day.day == first.month == last.month
        hint = " Day and month may be swapped." if swapped else ""
        raise WrongWindow(
            self._asked,
            f"{seen.outside_day} of {rows_out} rows lie outside that day, "
            f"{seen.before_day} before it; "
            f"they reach from {first:%d.%m.%Y} to {last:%d.%m.%Y}",
            "The vendor has read the dates differently, or selects messages by their thread: "
            f"compare the export in the vendor's own interface, then set the selection.{hint}",
        )

    def _make_report(self, rows_read: int, rows_out: int) -> Report:
        seen, binding = self._typer.seen, self._typer.binding
        return Report(
            dataset=self._dataset.name,
            rows_read=rows_read,
            rows_out=rows_out,
            rows_quarantined=len(self._rejected),
            rows_outside_day=seen.outside_day,
            rows_before_day=seen.before_day,
            rows_ambiguous_time=self._typer.clock.ambiguous_rows,
            rows_without_time=seen.bare_dates,
            columns=binding.columns,
            first_at=_moment(seen.first),
            last_at=_moment(seen.last),
            date_format=str(self._typer.moments.format) if self._typer.moments.format else None,
            reasons=dict(self._rejected.reasons),
            notes=tuple(binding.notes),
        )


def normalise_export(
    export: SourceExport,
    dataset: Dataset,
    origin: Origin,
    *,
    expect: Selection | None = None,
    rules: Rules | None = None,
    shield: Shield | None = None,
) -> NormalisedExport:
    """Type an export's rows by a dataset's contract.

    Args:
        export: the file, as the readers give it.
        dataset: the contract.
        origin: the day, the load and the time zone.
        expect: how the vendor selects messages, where that is known. While it isn't (None), a file
            of which most rows lie outside the day is refused; a probe that finds out says "thread".
        rules: the company's own words and the bounds.
        shield: what becomes of personal fields; None: all are kept.

    Returns:
        Batches in the order and types of `dataset.arrow_schema()`; rows read = out + quarantined.

    Raises:
        MissingColumn: a required column is under no known header.
        AmbiguousColumn: two columns have an equal claim to one field.
    """
    shield = shield or Privacy().of(dataset)
    return NormalisedExport(export, dataset, origin, expect, rules or Rules(), shield)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)


__all__ = [
    "NormalisedExport",
    "NormalisedTable",
    "Origin",
    "Report",
    "Rules",
    "normalise_export",
    "normalise_records",
]
