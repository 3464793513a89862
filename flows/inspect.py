"""`smartconnect inspect`: how a file is understood, in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.errors import FlowError
from flows.mapping import load_mapping
from flows.settings import Settings, load_settings
from transform.datasets import DATASETS
from transform.errors import TransformError
from transform.inspect import ColumnSeen, Inspection, inspect_file
from transform.mapping import MappingFile, read_mapping
from transform.readers import Format

_NAMES = {"header_line": "header", "kind": "format"}
_VISIBLE = {"\t": "tab", ",": ", (comma)", ";": "; (semicolon)", "|": "| (pipe)"}


def show_inspection(
    console: Console, path: Path, dataset: str | None, mapping: Path | None, lines: int
) -> int:
    """Print what a file is and what a load would make of it; 1 where it can't be loaded."""
    if dataset is not None and dataset not in DATASETS:
        return _wrong(console, f"There is no dataset {dataset!r}: use {', '.join(DATASETS)}.")
    try:
        settings = load_settings()
        said = _mapping(settings, mapping)
    except (FlowError, TransformError) as error:
        return _wrong(console, str(error))
    found = inspect_file(path, said, dataset=dataset, time_zone=settings.time_zone)
    for line in _told(found):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if found.columns:
        console.print(_table(found.columns))
    for line in [*_rejected(found, lines), *_proposed(found.proposals)]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return _wrong(console, found.problem) if found.problem else 0


def _mapping(settings: Settings, given: Path | None) -> MappingFile:
    return load_mapping(settings) if given is None else read_mapping(given)


def _wrong(console: Console, sentence: str) -> int:
    console.print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)
    return 1


def _told(found: Inspection) -> Iterator[str]:
    if found.format is not None:
        yield from _format_lines(found.format)
    if found.dataset is not None:
        others = ", ".join(f"{name} {fields}" for name, fields in found.fits.items())
        why = f" (fields found: {others}; --dataset names another)" if others else ""
        yield f"dataset:    {found.dataset}{why}"
    if found.report is not None and found.report.date_format:
        yield f"dates:      {found.report.date_format}"
    for note in found.report.notes if found.report else ():
        yield f"note:       {note}"


def _format_lines(format_: Format) -> Iterator[str]:
    """Whatever the reader says of the file, one line each."""
    for name in (field.name for field in fields(format_)):
        value = getattr(format_, name)
        label = f"{_NAMES.get(name, name).replace('_', ' ')}:"
        if name == "notes":
            yield from (f"note:       {note}" for note in value)
        elif name == "header_line":
            yield f"{label:<12}line {value}"
        elif value not in (None, "", ()):
            shown = ", ".join(value) if isinstance(value, tuple) else _VISIBLE.get(value, value)
            yield f"{label:<12}{shown}"


def _table(columns: Sequence[ColumnSeen]) -> Table:
    table = Table(title="Columns", title_justify="left")
    for name in ("column", "field", "type", "sample values"):
        table.add_column(name, overflow="fold")
    for column in columns:
        cells = (column.header, column.field, column.kind, " | ".join(column.samples))
        table.add_row(*map(Text, cells))
    return table


def _rejected(found: Inspection, lines: int) -> Iterator[str]:
    """The counts, then the first reasons: no raw text, it may be personal."""
    rejected = len(found.unreadable) + len(found.broken)
    if found.report is not None:
        loaded = found.report.rows_out
        yield f"rows:       {found.rows_read:,} read, {loaded:,} would load, {rejected:,} rejected"
    elif found.columns:
        unreadable = len(found.unreadable)
        yield f"rows:       {found.rows_read:,} read, none would load, {unreadable:,} unreadable"
    told = [f"  line {line}: {reason}" for line, reason in found.unreadable]
    told += [f"  record {record}: {reason}" for record, reason in found.broken]
    yield from told[:lines]
    if len(told) > lines:
        yield f"  … and {len(told) - lines:,} more"


def _proposed(lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield "\nFor the mapping file, if it is right (docs/mapping.md):\n"
        yield from lines
