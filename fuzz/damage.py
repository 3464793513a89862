"""Mishaps as edits of a file's bytes, and the file after them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fuzz.shapes import GoodFile


@dataclass(frozen=True)
class Edit:
    """Bytes `start:stop` of a record give way to others."""

    record: int
    start: int
    stop: int
    instead: bytes = b""


@dataclass(frozen=True)
class Damage:
    """One mishap: its edits, the records it touches, and what to call it."""

    name: str
    edits: tuple[Edit, ...]
    cuts: bool = False

    @property
    def touched(self) -> range:
        """The records whose bytes it changes."""
        numbers = [edit.record for edit in self.edits]
        return range(min(numbers), max(numbers) + 1)


def apply(good: GoodFile, damages: Iterable[Damage], *, bare: bool = False) -> bytes:
    """The file after some damages; `bare`: without the lines above and below its table."""
    edits: dict[int, list[Edit]] = {}
    last = len(good.records)
    for damage in damages:
        for edit in damage.edits:
            edits.setdefault(edit.record, []).append(edit)
        if damage.cuts:
            last = damage.edits[0].record + 1
    records = [
        _edited(record, edits[number]) if number in edits else record
        for number, record in enumerate(good.records[:last])
    ]
    body = b"".join(records)
    whole = last == len(good.records)
    if bare:
        return good.mark + body
    return good.mark + good.above + body + (good.below if whole else b"")


def _edited(record: bytes, edits: list[Edit]) -> bytes:
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.stop), reverse=True):
        record = record[: edit.start] + edit.instead + record[edit.stop :]
    return record


def without_record(
    good: GoodFile, damages: list[Damage], number: int
) -> tuple[GoodFile, list[Damage]]:
    """The same mishaps in a file that lacks a record which none of them touches."""
    smaller = replace(
        good,
        cells=good.cells[:number] + good.cells[number + 1 :],
        records=good.records[:number] + good.records[number + 1 :],
    )
    moved = [
        replace(
            damage,
            edits=tuple(
                replace(edit, record=edit.record - (edit.record > number)) for edit in damage.edits
            ),
        )
        for damage in damages
    ]
    return smaller, moved
