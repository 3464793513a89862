"""Who was erased and is not to come back: known by keyed words alone, found in files and in rows.

A person is a client, known by phone, name or thread. A row is theirs where one of its cells says
so, and so is every other row of a thread that one of their rows belongs to: what was answered there
is about them. The company's own users are no clients: a column of theirs is never looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from transform.columns import AnyArray, Bools, compute
from transform.contract import Dataset
from transform.errors import UnusablePerson
from transform.matching import match_columns
from transform.pseudonyms import PersonalKeys, PersonalKind, normalised

NAME, PHONE, THREAD = PersonalKind.NAME, PersonalKind.PHONE, PersonalKind.ID
_KINDS: Mapping[str, tuple[PersonalKind, ...]] = {
    "client_phone": (PHONE,),
    "client_name": (NAME,),
    "chat_id": (THREAD, PHONE),  # often the client's phone or nick
}
_UNKNOWN = (PHONE, NAME, THREAD)  # a column that no field is known for may hold any of them
_LEAST_DIGITS, _LEAST_LETTERS = 7, 2
_CELLS = re.compile(r'[;,|"\t\r\n]')
_PHONES = re.compile(r"\+?\d[\d\s().-]{5,24}\d")
_WORD = re.compile(r"p[0-9]+:[a-z2-7]{26}")
_CHECK = "suppression"
_ITEM = re.compile(r"(phone|name|thread)\s*:\s*(.*)", re.IGNORECASE)
_ITEM_KINDS = {"phone": PHONE, "name": NAME, "thread": THREAD}


@dataclass(frozen=True)
class Person:
    """What is known of who is to be erased; never shown, never written."""

    items: tuple[tuple[PersonalKind, str], ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Person:
        """Read `phone: …`, `name: …` and `thread: …`, one a line; `#` begins a remark.

        Raises:
            UnusablePerson: a line is none of these, or says too little to tell one person.
        """
        items = []
        for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
            if line.strip() and not line.lstrip().startswith("#"):
                items.append(_item(number, line.strip()))
        if not items:
            raise _unusable("nothing is said", "Give a phone, a name or a thread.")
        return cls(tuple(items))

    def words(self, keys: PersonalKeys) -> frozenset[str]:
        """The keyed words by which they are known from now on."""
        return frozenset(
            word for kind, said in self.items for word in keys.pseudonyms_of(said, kind)
        )

    def mentioned_in(self, text: str) -> bool:
        """Whether a text names them: by the name, or by a phone's digits in any writing."""
        plain = normalised(text, NAME)
        phones = {normalised(found, PHONE) for found in _PHONES.findall(text)}
        return any(
            normalised(said, kind) in phones if kind is PHONE else normalised(said, NAME) in plain
            for kind, said in self.items
        )


def _item(number: int, line: str) -> tuple[PersonalKind, str]:
    found = _ITEM.fullmatch(line)
    if found is None:
        raise _unusable(f"line {number} is no item", "Write `phone: …`, `name: …` or `thread: …`.")
    kind = _ITEM_KINDS[found[1].lower()]
    spelled = normalised(found[2], kind)
    digits = sum(map(str.isdigit, spelled))
    if (kind is PHONE and digits < _LEAST_DIGITS) or (
        kind is not PHONE and len(spelled) < _LEAST_LETTERS
    ):
        raise _unusable(
            f"the {found[1].lower()} of line {number} is too short to tell one person",
            "Write it whole.",
        )
    return kind, found[2]


def _unusable(came: str, cure: str) -> UnusablePerson:
    return UnusablePerson("Who is to be erased", came, cure)


def check_words(keys: PersonalKeys) -> tuple[str, ...]:
    """Words that tell whether a key is the one a list was made with."""
    return keys.pseudonyms_of(_CHECK, THREAD)


@dataclass(frozen=True)
class Suppression:
    """Everyone who was erased; falsy while that is nobody."""

    words: frozenset[str] = frozenset()
    keys: PersonalKeys | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return bool(self.words)

    def concerns(self, dataset: Dataset) -> bool:
        """Whether a dataset can hold clients at all."""
        return bool(self) and any(field.name in _KINDS for field in dataset.fields)

    def thread_words(self, threads: Iterable[str]) -> frozenset[str]:
        """The words of threads, to be kept with the others; one that is a word stays it."""
        assert self.keys is not None
        words = set()
        for thread in threads:
            words |= (
                {thread} if _WORD.fullmatch(thread) else {*self.keys.pseudonyms_of(thread, THREAD)}
            )
        return frozenset(words)

    def names(self, value: str | None, kinds: Sequence[PersonalKind]) -> bool:
        """Whether a value is someone erased; a pseudonym that is kept counts as the value."""
        if not value or self.keys is None:
            return False
        if value in self.words:
            return True
        return any(
            word in self.words
            for kind in kinds
            if normalised(value, kind)
            for word in self.keys.pseudonyms_of(value, kind)
        )

    def in_record(self, raw: str | None) -> bool:
        """Whether a record that could not be read names someone erased, in one of its cells."""
        cells = [part.strip() for part in _CELLS.split(raw or "")]
        return any(self.names(cell, _UNKNOWN) for cell in cells) or any(
            self.names(phone, (PHONE,)) for phone in _PHONES.findall(raw or "")
        )

    def among(self, column: AnyArray, kinds: Sequence[PersonalKind]) -> Bools:
        """Which cells of a column are someone erased; each distinct value is looked at once."""
        found = [value for value in column.unique().to_pylist() if self.names(value, kinds)]
        if not found:
            return np.zeros(len(column), np.bool_)
        return _bools(compute.is_in(column, value_set=pa.array(found, pa.string())))


class RowFinder:
    """Finds the rows of erased persons in batches of one file: look at all of them, then choose.

    Args:
        suppression: who.
        columns: position → kinds of what may be in it.
        thread: the position of the thread's column, if there is one.
    """

    def __init__(
        self,
        suppression: Suppression,
        columns: Mapping[int, Sequence[PersonalKind]],
        thread: int | None,
    ) -> None:
        self._suppression = suppression
        self._columns = columns
        self._thread = thread
        self.threads: set[str] = set()
        self._others: Counter[str] = Counter()  # rows of each thread that aren't found by a cell

    @classmethod
    def of_export(
        cls,
        suppression: Suppression,
        columns: Sequence[str],
        dataset: Dataset,
        mapping: Mapping[str, str],
    ) -> RowFinder:
        """For an export file's text, its columns found as when it is loaded.

        Raises:
            AmbiguousColumn: two columns have an equal claim to one field.
        """
        binding = match_columns(columns, dataset, mapping, demand=False)
        looked_at: dict[int, Sequence[PersonalKind]] = {
            binding.positions[name]: kinds
            for name, kinds in _KINDS.items()
            if name in binding.positions
        }
        looked_at.update({position: _UNKNOWN for _, position in binding.extra})
        if "author" in binding.positions:  # an operator's too: who is named like one is erased
            looked_at[binding.positions["author"]] = (NAME, PHONE)
        return cls(suppression, looked_at, binding.positions.get("chat_id"))

    @classmethod
    def of_rows(cls, suppression: Suppression, columns: Sequence[str]) -> RowFinder:
        """For typed rows."""
        looked_at = {
            columns.index(name): kinds for name, kinds in _KINDS.items() if name in columns
        }
        return cls(
            suppression, looked_at, columns.index("chat_id") if "chat_id" in columns else None
        )

    def look(self, batch: pa.RecordBatch) -> int:
        """Note the threads of the rows that are found; says how many these are."""
        own = self._own(batch)
        if self._thread is not None and own.any():
            threads = batch.column(self._thread).filter(pa.array(own))
            self.threads |= {str(value) for value in threads.unique().to_pylist() if value}
        if self._thread is not None:
            others = batch.column(self._thread).filter(pa.array(~own))
            self._others.update(str(value) for value in others.to_pylist() if value)
        return int(own.sum())

    def answering(self) -> int:
        """Of what was looked at, the rows that are theirs by their thread alone."""
        return sum(self._others[thread] for thread in self.threads)

    def found(self, batch: pa.RecordBatch) -> Bools:
        """Which rows are theirs, those of the threads included that were noted."""
        own = self._own(batch)
        if self._thread is None or not self.threads:
            return own
        known = pa.array(sorted(self.threads), pa.string())
        return own | _bools(compute.is_in(batch.column(self._thread), value_set=known))

    def _own(self, batch: pa.RecordBatch) -> Bools:
        own = np.zeros(batch.num_rows, np.bool_)
        for position, kinds in self._columns.items():
            own |= self._suppression.among(batch.column(position), kinds)
        return own


def _bools(column: AnyArray) -> Bools:
    return np.asarray(compute.fill_null(column, False).to_numpy(zero_copy_only=False), np.bool_)


def without(batch: pa.RecordBatch, gone: Bools) -> pa.RecordBatch:
    """The rows that stay."""
    return batch.filter(pa.array(~gone)) if gone.any() else batch


def rows_of(batch: pa.RecordBatch) -> Iterator[tuple[str | None, ...]]:
    """A batch of text, row by row."""
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)
