"""What the datasets derive beyond their fields' own text: days, both clocks, who wrote to whom."""

from __future__ import annotations

from datetime import date
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa

from transform import words
from transform.columns import (
    AnyArray,
    Bools,
    Ints,
    compute,
    filled,
    is_among,
    lengths_bytes,
    nulls,
    translated,
    where,
    without_nulls,
)
from transform.momentcolumn import LocalMoments, MomentColumn
from transform.moments import DAY_MICROS
from transform.quarantine import Problems
from transform.textbatch import TextBatch

Columns = dict[str, AnyArray]

# What a spreadsheet makes of a day without a time, and of a time without a day.
_ZERO_TIME = r"[T ]00:00(:00(\.0+)?)?$"
_ZERO_DAY = r"^(1899-12-3[01]|1900-01-0[01])[T ]"


def read_sent_at(batch: TextBatch, moments: MomentColumn, problems: Problems) -> LocalMoments:
    """sent_at from its column, or from a column of days and one of times."""
    if batch.has("sent_at"):
        return moments.read(batch.text("sent_at"), problems)
    days = compute.replace_substring_regex(batch.text("date_part"), _ZERO_TIME, "")
    times = compute.replace_substring_regex(batch.text("time_part"), _ZERO_DAY, "")
    for column, part in ((days, "day"), (times, "time of day")):
        rows = np.flatnonzero(lengths_bytes(column) == 0)
        problems.add(rows, f"sent_at: no {part}")
    return moments.read(compute.binary_join_element_wise(days, times, " "), problems)


def add_moments(typed: Columns, moments: LocalMoments) -> None:
    """sent_at, sent_at_utc and date."""
    typed["sent_at"] = timestamps(moments.local, None)
    typed["sent_at_utc"] = timestamps(moments.utc, "UTC")
    typed["date"] = days_of(moments.local)


def timestamps(micros: Ints, zone: str | None) -> AnyArray:
    """Microseconds as an Arrow timestamp column."""
    return pa.array(micros, pa.int64()).view(pa.timestamp("us", tz=zone))


def days_of(micros: Ints) -> AnyArray:
    """The days of local microseconds, as date32."""
    return pa.array((micros // DAY_MICROS).astype(np.int32)).view(pa.date32())


def one_day(day: date, rows: int) -> AnyArray:
    """The same day for every row."""
    return pa.repeat(pa.scalar(day, pa.date32()), rows)


def settle_authors(
    batch: TextBatch, typed: Columns, *, author_tells_kind: bool
) -> list[tuple[str, pa.StringArray]]:
    """Complete direction, author_type and the names from each other and from an author's column.

    An author's name is the client's where the message came in, the user's where it went out. Where
    that column tells the kind of author instead, its known words are no names. Gives the author's
    column back as an unknown one for those rows whose value found no place as a name.
    """
    rows = len(batch)
    kinds = _texts(typed, "author_type", rows)
    roles = nulls(rows)
    if author_tells_kind:
        roles = translated(batch.text("author"), words.author_of)[0]
        kinds = filled(kinds, roles)
    direction = _texts(typed, "direction", rows)
    if direction.null_count:
        direction = filled(direction, _by_word(kinds, words.direction_of_author))
    if kinds.null_count:
        # What comes in is the client's; what goes out may be a user's or a bot's.
        came_in = pa.array(is_among(direction, [words.IN]))
        client = compute.if_else(came_in, words.CLIENT, pa.scalar(None, pa.string()))
        kinds = filled(kinds, client)
    typed["author_type"] = kinds
    typed["direction"] = _only_directions(direction)
    if not batch.has("author"):
        return []
    author = batch.name("author")
    return _place_names(batch, typed, author, author_is_name=~_present(roles))


def _texts(typed: Columns, name: str, rows: int) -> pa.StringArray:
    return cast("pa.StringArray", typed[name]) if name in typed else nulls(rows)


def _by_word(column: pa.StringArray, translate: words.Translation) -> pa.StringArray:
    plain = without_nulls(column)
    return translated(plain, lambda word: translate(word) if word else None)[0]


def _only_directions(direction: pa.StringArray) -> pa.StringArray:
    neither = is_among(direction, [words.NEITHER])
    return where(~neither, direction) if neither.any() else direction


def tells_kind(batch: TextBatch) -> bool:
    """Whether the author's column holds kinds of authors and not a single name."""
    if not batch.has("author") or batch.has("author_type"):
        return False
    values = [str(value) for value in batch.text("author").unique().to_pylist() if value]
    return bool(values) and all(map(words.author_of, values))


def _place_names(
    batch: TextBatch, typed: Columns, author: pa.StringArray, *, author_is_name: Bools
) -> list[tuple[str, pa.StringArray]]:
    names = where(author_is_name, author)
    placed = ~_present(author)
    for field, way in (("client_name", words.IN), ("user_name", words.OUT)):
        theirs = where(is_among(_texts(typed, "direction", len(batch)), [way]), names)
        known = _texts(typed, field, len(batch))
        typed[field] = filled(known, theirs)
        placed |= compute.fill_null(compute.equal(typed[field], theirs), False).to_numpy(
            zero_copy_only=False
        )
    if placed.all():
        return []
    header = batch.binding.header_of("author") or "author"
    return [(header, where(~placed, author))]


def _present(column: pa.StringArray) -> Bools:
    return lengths_bytes(without_nulls(column)) > 0


def checked(columns: Columns, schema: pa.Schema) -> pa.RecordBatch:
    """The columns as a batch; ValueError if one that can't be null holds a null."""
    for field in schema:
        if columns[field.name].null_count and not field.nullable:
            raise ValueError(f"{field.name} can't be null by the contract, and is")
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def chosen(columns: Columns, good: Bools, schema: pa.Schema) -> pa.RecordBatch:
    """The good rows of the columns as a batch, selected in an Arrow-backed pandas frame."""
    arrays = {name: pd.arrays.ArrowExtensionArray(column) for name, column in columns.items()}
    frame = pd.DataFrame(arrays, index=pd.RangeIndex(len(good)), copy=False).loc[good]
    table = pa.Table.from_pandas(frame, preserve_index=False, nthreads=1).combine_chunks()
    kept = {name: table.column(name).combine_chunks() for name in schema.names}
    return checked(kept, schema)
