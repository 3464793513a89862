"""A batch of text → typed columns by the contract, field by field.

Nothing here knows a dataset: what only chats or statistics have is in `derived`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa

from transform import amounts, words
from transform.columns import (
    AnyArray,
    as_text,
    empty_as_null,
    is_among,
    lengths_bytes,
    translated,
    trimmed,
    where,
    without_nulls,
)
from transform.contract import Dataset, Field, Kind
from transform.matching import Binding
from transform.quarantine import Problems

_AMOUNTS: dict[Kind, Callable[[str], float | int | None]] = {
    Kind.COUNT: amounts.count,
    Kind.NUMBER: amounts.number,
    Kind.SECONDS: amounts.seconds,
}


class TextBatch:
    """One batch of a file, its columns by the field or part they are bound to."""

    def __init__(self, batch: pa.RecordBatch, binding: Binding) -> None:
        self.batch = batch
        self.binding = binding
        self._raw: dict[str, pa.StringArray] = {}
        self._trimmed: dict[str, pa.StringArray] = {}

    def __len__(self) -> int:
        return self.batch.num_rows

    def has(self, source: str) -> bool:
        """Whether the file brings this field or part."""
        return source in self.binding.positions

    def raw(self, source: str) -> pa.StringArray:
        """The column to its last character, nulls as ''; KeyError if the file has none."""
        if source not in self._raw:
            column = self.batch.column(self.binding.positions[source])
            self._raw[source] = without_nulls(as_text(column))
        return self._raw[source]

    def text(self, source: str) -> pa.StringArray:
        """The column without blanks around its values, nulls as ''; KeyError if there is none."""
        if source not in self._trimmed:
            self._trimmed[source] = trimmed(self.raw(source))
        return self._trimmed[source]

    def name(self, source: str) -> pa.StringArray:
        """The column to its last character, but blanks alone as null."""
        raw, text = self.raw(source), self.text(source)
        return empty_as_null(raw) if text is raw else where(lengths_bytes(text) > 0, raw)

    def unknown(self) -> list[tuple[str, pa.StringArray]]:
        """The columns that the contract doesn't know, under their headers."""
        return [
            (name, as_text(self.batch.column(position))) for name, position in self.binding.extra
        ]


def typed_fields(batch: TextBatch, dataset: Dataset, problems: Problems) -> dict[str, AnyArray]:
    """The fields that the file brings, moments excepted; what breaks the contract is noted."""
    typed: dict[str, AnyArray] = {}
    for field in dataset.fields:
        if batch.has(field.name) and field.kind in _CONVERTERS:
            typed[field.name] = _CONVERTERS[field.kind](batch, field, problems)
    _demand(batch, dataset, problems)
    return typed


def _text(batch: TextBatch, field: Field, _: Problems) -> AnyArray:
    return empty_as_null(batch.text(field.name))


def _name(batch: TextBatch, field: Field, _: Problems) -> AnyArray:
    return batch.name(field.name)


def _verbatim(batch: TextBatch, field: Field, _: Problems) -> AnyArray:
    return batch.raw(field.name)


def _direction(batch: TextBatch, field: Field, problems: Problems) -> AnyArray:
    header = batch.binding.header_of(field.name) or ""
    column = batch.text(field.name)
    found, table = translated(column, partial(words.direction_of, header=header))
    unknown = [word for word, meaning in table.items() if word and meaning is None]
    if unknown:
        rows = np.flatnonzero(is_among(column, unknown))
        problems.add(rows, f"{field.name}: an unknown word")
    return found


def _author_type(batch: TextBatch, field: Field, _: Problems) -> AnyArray:
    column = batch.text(field.name)
    return translated(column, lambda word: words.author_of(word) or word or None)[0]


def _amount(batch: TextBatch, field: Field, problems: Problems) -> AnyArray:
    """Each distinct text is read once; texts that are no amount become problems."""
    read = _AMOUNTS[field.kind]
    if field.kind is Kind.SECONDS:
        unit = batch.binding.units.get(field.name, 1.0)
        read = partial(amounts.seconds, seconds_per_unit=unit)
    column = batch.text(field.name)
    distinct = column.dictionary_encode()
    texts = [str(text) for text in distinct.dictionary.to_pylist()]
    values = [None if amounts.is_nothing(text) else read(text) for text in texts]
    wrong = [
        text
        for text, value in zip(texts, values, strict=True)
        if value is None and not amounts.is_nothing(text)
    ]
    if wrong:
        rows = np.flatnonzero(is_among(column, wrong))
        problems.add(rows, f"{field.name}: not a {field.kind}")
    return pa.array(values, field.arrow_type).take(distinct.indices)


_CONVERTERS: dict[Kind, Callable[[TextBatch, Field, Problems], AnyArray]] = {
    Kind.TEXT: _text,
    Kind.NAME: _name,
    Kind.VERBATIM: _verbatim,
    Kind.DIRECTION: _direction,
    Kind.AUTHOR_TYPE: _author_type,
    Kind.COUNT: _amount,
    Kind.NUMBER: _amount,
    Kind.SECONDS: _amount,
}


def _demand(batch: TextBatch, dataset: Dataset, problems: Problems) -> None:
    """Each record needs a value in its required fields, and in one of each required group."""
    required = [
        (f.name,) for f in dataset.fields if f.required and f.kind in (Kind.TEXT, Kind.COUNT)
    ]
    for group in [*required, *dataset.required_any]:
        empty = np.ones(len(batch), np.bool_)
        for name in filter(batch.has, group):
            empty &= lengths_bytes(batch.text(name)) == 0
        if empty.any():
            problems.add(np.flatnonzero(empty), f"{' and '.join(group)}: empty")


def note_totals(batch: TextBatch, dataset: Dataset, problems: Problems) -> None:
    """A line that sums up the others is no observation: it would double every sum."""
    for field in dataset.fields:
        if field.kind in (Kind.TEXT, Kind.NAME, Kind.DAY) and batch.has(field.name):
            folded = translated(batch.text(field.name), str.casefold)[0]
            rows = np.flatnonzero(is_among(folded, list(words.TOTALS)))
            problems.add(rows, "a line of totals")
