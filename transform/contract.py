"""What a field and a dataset are: each is declared once and everything else is derived from it.

From a `Dataset` come the Arrow schema, the metadata that carries the contract over the border to
`warehouse/`, the headers by which a file's columns are found, the checks, and the data dictionary.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import pyarrow as pa

from transform.headers import header_key


class Kind(StrEnum):
    """How a field's text becomes a typed value, and which Arrow type that is."""

    TEXT = "text"  # surrounding blanks go; nothing left means null
    NAME = "name"  # kept to the last character; nothing but blanks means null
    VERBATIM = "verbatim"  # kept to the last character; nothing is '' and never null
    DIRECTION = "direction"  # a word for in or out
    AUTHOR_TYPE = "author type"  # a word for client, user, bot or system
    LOCAL_TIME = "local time"  # company-local, without a zone
    INSTANT = "instant"  # UTC
    DAY = "day"
    COUNT = "count"
    NUMBER = "number"
    SECONDS = "duration"  # in seconds, however it is written
    JSON = "json"  # a JSON object as text


_ARROW_TYPES: Mapping[Kind, pa.DataType] = {
    Kind.LOCAL_TIME: pa.timestamp("us"),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"),
    Kind.DAY: pa.date32(),
    Kind.COUNT: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.SECONDS: pa.float64(),
}


@dataclass(frozen=True)
class Field:
    """One published column.

    Args:
        name: canonical name, units included (`…_seconds`, `…_count`).
        kind: how text becomes a value; decides the Arrow type.
        meaning: one or two sentences for the data dictionary and the column's COMMENT.
        aliases: headers under which files bring it, best first; the canonical name always counts.
        doubtful: those of the aliases that are believed only where the values fit the kind, since
            other platforms use them for something else (`type` may be in/out or text/picture).
        unit: the unit of the values, where there is one.
        personal: the values are personal data or may hold it.
        required: a file without this column is refused, a record without a value is quarantined.
        tracked: a change of it makes a new version in a history (SCD2).
        volatile: it changes so often that its changes never make a version.
        nullable: whether a published row may have none.
    """

    name: str
    kind: Kind
    meaning: str
    aliases: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    unit: str | None = None
    personal: bool = False
    required: bool = False
    tracked: bool = False
    volatile: bool = False
    nullable: bool = True

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow type of the published column; text unless the kind says otherwise."""
        return _ARROW_TYPES.get(self.kind, pa.string())

    @property
    def comment(self) -> str:
        """Meaning and unit, as the column's COMMENT."""
        return f"{self.meaning} Unit: {self.unit}." if self.unit else self.meaning

    def arrow_field(self) -> pa.Field[Any]:
        """The Arrow field, with `comment`, `personal` and `volatile` as metadata."""
        metadata = {
            "comment": self.comment,
            "personal": _flag(self.personal),
            "volatile": _flag(self.volatile),
        }
        return pa.field(self.name, self.arrow_type, nullable=self.nullable, metadata=metadata)


@dataclass(frozen=True)
class Part:
    """A column of files that is published only inside other fields: a date without its time.

    `part_of` names the field that is composed of this and its sister parts, in the contract's
    order; a part that stands alone in a file is taken for the whole field.
    """

    name: str
    meaning: str
    aliases: tuple[str, ...]
    part_of: str = ""


@dataclass(frozen=True)
class Dataset:
    """A dataset's contract.

    Args:
        name: the dataset, as in paths and tables.
        grain: what one row is.
        version: goes up when a published column is renamed, removed or changes its meaning.
        fields: the published columns, in order.
        parts: columns that files may bring and that only feed published ones.
        order_by: the column that tables are sorted by.
        identity: columns that identify a row, where they have values; none: rows are never merged.
        identity_fallback: never-changing columns that identify the rest, by an ordinal among
            equals.
        key: the primary key of a list that comes whole (users).
        required_any: of each group, one column must be in the file, and one filled in each record.
    """

    name: str
    grain: str
    version: str
    fields: tuple[Field, ...]
    parts: tuple[Part, ...] = ()
    order_by: str = ""
    identity: tuple[str, ...] = ()
    identity_fallback: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    required_any: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        names = [field.name for field in self.fields]
        used = {self.order_by, *self.identity, *self.identity_fallback, *self.key} - {""}
        if len(set(names)) < len(names) or not used <= set(names):
            raise ValueError(f"the contract of {self.name} names a column twice or one it hasn't")
        keys = [key for _, aliases in self.sources() for key in aliases]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise ValueError(f"the contract of {self.name} gives {sorted(twice)} to two columns")

    def field(self, name: str) -> Field:
        """The field of that name; KeyError if there is none."""
        return {field.name: field for field in self.fields}[name]

    def sources(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each field or part that a file may bring, with its header keys, best first."""
        for field in self.fields:
            if field.aliases:
                yield field.name, _keys((field.name, *field.aliases))
        for part in self.parts:
            yield part.name, _keys(part.aliases)

    def arrow_schema(self) -> pa.Schema:
        """The schema of the published rows; its metadata is all `warehouse/` knows of the contract.

        Schema level: dataset, grain, contract_version, order_by; identity, identity_fallback,
        tracked and key as JSON lists of column names. Field level: comment, personal and volatile
        ("true"/"false").
        """
        return _schema(self)

    def parts_of(self, field: str) -> list[str]:
        """The parts that make up a field, in order; empty for a field that isn't composed."""
        return [part.name for part in self.parts if part.part_of == field]

    def _metadata(self) -> dict[str | bytes, str | bytes]:
        return {
            "dataset": self.name,
            "grain": self.grain,
            "contract_version": self.version,
            "order_by": self.order_by,
            "identity": json.dumps(self.identity),
            "identity_fallback": json.dumps(self.identity_fallback),
            "tracked": json.dumps([field.name for field in self.fields if field.tracked]),
            "key": json.dumps(self.key),
        }


@cache
def _schema(dataset: Dataset) -> pa.Schema:
    return pa.schema([f.arrow_field() for f in dataset.fields], metadata=dataset._metadata())


def listed(aliases: str) -> tuple[str, ...]:
    """Aliases from one text, parted by `|`, best first."""
    return tuple(alias.strip() for alias in aliases.split("|"))


@cache
def _keys(aliases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(header_key(alias) for alias in aliases))


def _flag(value: bool) -> str:
    return "true" if value else "false"
