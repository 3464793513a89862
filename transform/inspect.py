"""How a file is understood, for a person: no run, no token, nothing written.

What is shown of values is safe to paste into a ticket: personal columns and unknown ones are shown
as shapes (`Иван Петров` → `Аааа Аааааа`), and so is what looks like a phone or an address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from transform.contract import Dataset
from transform.contract_errors import AmbiguousColumn
from transform.datasetmapping import DatasetMapping
from transform.datasets import DATASETS
from transform.errors import TransformError
from transform.headers import looks_like_record, shown_all
from transform.mapping import MappingFile
from transform.masking import safe_value
from transform.matching import EXTRA, Binding, match_columns
from transform.normalise import NormalisedExport, NormalisedTable, Report, normalise_export
from transform.proposals import propose
from transform.readers import Export, Format, Reject, open_export
from transform.records import normalise_records
from transform.rules import Origin

SAMPLES = 3
_EVIDENCE_ROWS = 200
_EVIDENCE_VALUES = 50


@dataclass(frozen=True)
class ColumnSeen:
    """A column of the file: where it goes, and some of its values, masked where they must be."""

    header: str
    field: str
    kind: str
    samples: tuple[str, ...]


@dataclass
class Inspection:
    """All that is known of a file after looking at it.

    Attributes:
        format: how it was opened; None where it can't be.
        dataset: the dataset that it was read as; None where it can't be opened.
        fits: dataset → how many of its fields the file brings, where none was named.
        columns: in the file's order.
        rows_read: records of the file, readable or not.
        report: what normalising came to; None where it stopped.
        unreadable: records that the reader refused: (line, reason).
        broken: records that break the contract: (record, reason).
        proposals: lines for a mapping file.
        problem: why the file can't be loaded as it is, with the cure; None if it can.
    """

    format: Format | None = None
    dataset: str | None = None
    fits: Mapping[str, int] = field(default_factory=dict)
    columns: Sequence[ColumnSeen] = ()
    rows_read: int = 0
    report: Report | None = None
    unreadable: Sequence[tuple[int, str]] = ()
    broken: Sequence[tuple[int, str]] = ()
    proposals: Sequence[str] = ()
    problem: str | None = None


def inspect_file(
    path: Path,
    mapping: MappingFile | None = None,
    *,
    dataset: str | None = None,
    time_zone: str = "Europe/Moscow",
) -> Inspection:
    """Open, read and normalise a file as a load would, and tell what came of it; never raises
    for what is in the file.

    Args:
        path: any export file.
        mapping: the company's mapping file.
        dataset: what it is an export of; found out where None.
        time_zone: the company's.
    """
    mapping, found = mapping or MappingFile(), Inspection()
    try:
        name, export = _opened(path, mapping, dataset, found)
    except TransformError as error:
        found.problem = str(error)
        return found
    found.format, found.dataset = export.format, name
    _look(found, export, DATASETS[name], mapping.of(name), time_zone)
    return found


def _opened(
    path: Path, mapping: MappingFile, dataset: str | None, found: Inspection
) -> tuple[str, Export]:
    """The file as one dataset's; without a name, as the one whose contract fits best."""
    if dataset is not None:
        return dataset, open_export(path, mapping.of(dataset).source)
    exports = {name: open_export(path, mapping.of(name).source) for name in DATASETS}
    found.fits = {
        name: _fit(export.columns, DATASETS[name], mapping.of(name))
        for name, export in exports.items()
    }
    best = max(found.fits, key=lambda name: found.fits[name])
    return best, exports[best]


def _fit(columns: Sequence[str], dataset: Dataset, mapping: DatasetMapping) -> int:
    binding = _binding(columns, dataset, mapping)
    return len(binding.positions) if binding else 0


def _binding(columns: Sequence[str], dataset: Dataset, mapping: DatasetMapping) -> Binding | None:
    try:
        return match_columns(columns, dataset, mapping.columns, demand=False)
    except AmbiguousColumn:
        return None


class _Watched:
    """An export that remembers some values of each column as they pass, and counts its rows."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self.columns = export.columns
        self.values: list[dict[str, None]] = [{} for _ in export.columns]
        self.rows: int | None = None

    @property
    def rejects(self) -> list[Reject]:
        return self._export.rejects

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        self.rows = 0
        for batch in self._export:
            if self.rows == 0 or any(len(values) < SAMPLES for values in self.values):
                self._remember(batch.slice(0, _EVIDENCE_ROWS))
            self.rows += batch.num_rows
            yield batch

    def _remember(self, batch: pa.RecordBatch) -> None:
        for values, column in zip(self.values, batch.columns, strict=True):
            filled = [str(value) for value in column.to_pylist() if value and value.strip()]
            values.update(dict.fromkeys(filled[:_EVIDENCE_VALUES]))

    def drain(self) -> None:
        """Read it for its values and counts alone, where nothing else has."""
        if self.rows is None:
            for _ in self:
                pass


def _look(
    found: Inspection, export: Export, dataset: Dataset, mapping: DatasetMapping, time_zone: str
) -> None:
    watched = _Watched(export)
    problem: TransformError | None = None
    columns: Mapping[str, str] = {}
    try:
        done = _normalised(watched, dataset, mapping, time_zone)
        found.report, columns = done.report, done.report.columns
        found.broken = _broken(done.quarantine, len(watched.rejects))
    except TransformError as error:
        problem = error
        with suppress(TransformError):  # the first failure is the one to tell
            watched.drain()
    found.rows_read = (watched.rows or 0) + len(watched.rejects)
    found.unreadable = [(reject.line, reject.reason) for reject in watched.rejects]
    if not columns:
        binding = _binding(export.columns, dataset, mapping)
        columns = binding.columns if binding else dict.fromkeys(export.columns, EXTRA)
    values = [list(seen) for seen in watched.values]
    found.columns = _columns(columns, values, dataset)
    found.proposals = propose(columns, values, dataset, mapping, problem)
    found.problem = str(problem) if problem else None


def _normalised(
    watched: _Watched, dataset: Dataset, mapping: DatasetMapping, time_zone: str
) -> NormalisedExport | NormalisedTable:
    """The whole file through the contract, with bounds so wide that it is seen to its end."""
    rules = replace(mapping.rules(), max_quarantined_share=1.0, max_outside_share=1.0)
    now = datetime.now(UTC)
    origin = Origin(now.date(), now, "inspect", time_zone)
    if dataset.key:
        records = [record for batch in watched for record in batch.to_pylist()]
        return normalise_records(records, dataset, origin, rules=rules)
    done = normalise_export(watched, dataset, origin, rules=rules)
    for _ in done:
        pass
    return done


def _broken(quarantine: pa.Table, rejects: int) -> list[tuple[int, str]]:
    """The records that the contract refused; the reader's own rejects are the table's last rows."""
    rows = quarantine.slice(0, quarantine.num_rows - rejects).to_pylist()
    return [(int(row["line"]), str(row["reason"])) for row in rows]


def _columns(
    columns: Mapping[str, str], values: Sequence[Sequence[str]], dataset: Dataset
) -> list[ColumnSeen]:
    headers = list(columns)
    record = looks_like_record(headers)
    found = []
    for header, name, seen in zip(shown_all(headers), columns.values(), values, strict=True):
        field_ = next((f for f in dataset.fields if f.name == name and name != EXTRA), None)
        secret = record or field_ is None or field_.personal
        samples = tuple(dict.fromkeys(safe_value(value, secret=secret) for value in seen))
        kind = str(field_.kind) if field_ else "text"
        found.append(ColumnSeen(header, name, kind, samples[:SAMPLES]))
    return found
