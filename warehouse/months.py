"""A file a month beside a release's files of days: for readers of years, for whom each file costs.

A month is written once it is over, from the very files of days that the release shows, and linked
from one release to the next while those stay what they were: a night that changes an old day writes
that month anew, and no other.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.database import Writer
from warehouse.integrity import Files, is_untouched, sha256
from warehouse.lake import ROW_GROUP_ROWS, write_rows
from warehouse.publicrelease import public_contract
from warehouse.schema import WINDOW_DAY, Contract
from warehouse.sparetree import MONTHS, PARQUET, PART, take_tree

OF = "of"  # key of a month's file in the manifest: what it was made of
_FORMAT = 1  # of the files: another one, and all months are written anew
_DAY = "window_day"


@dataclass(frozen=True)
class Before:
    """The release before, and what can be relied on of what its manifest tells."""

    path: Path | None
    files: Files


def write_months(
    writer: Writer, building: Path, files: Files, before: Before, settled: set[str]
) -> dict[str, dict[str, Any]]:
    """Make `months/<dataset>/month=YYYY-MM/part.parquet` of a release that is being built.

    A month is over where the dataset has a day of a later one.

    Args:
        writer: whose release it is.
        building: where it is built; its files of days are there.
        files: what its manifest tells of these.
        before: the release that months are linked from.
        settled: folders that are open and durable already; those that are, are added.

    Returns:
        What the manifest tells of each month's file: as of any, and what it was made `of`.
    """
    told: dict[str, dict[str, Any]] = {}
    for contract in writer.contracts.values():
        months = _months_over(files, contract.dataset)
        if not months:
            continue
        shown = contract if writer.layout.personal_published else public_contract(contract)
        schema = _with_day(shown.schema)
        wanted = {_name(contract, month): _digest(schema, days) for month, days in months.items()}
        links = {
            Path(name).parent.name: str(before.path / name)
            for name, digest in wanted.items()
            if before.path and _is_kept(before, name, digest)
        }
        root = building / MONTHS / contract.dataset
        there = take_tree(writer.layout, root, links)
        settled |= {f"{root}/{folder}" for folder in there}
        for (name, digest), days in zip(wanted.items(), months.values(), strict=True):
            target = building / name
            folder = target.parent.name
            if folder not in there:
                target.parent.mkdir()
                sys.audit("smartconnect.point", "warehouse.months.folder-made")
            if folder not in links:
                write_rows(target, schema, _rows(building, schema, days))
                sys.audit("smartconnect.point", "warehouse.months.month-written")
            elif folder not in there:
                os.link(links[folder], target)
                sys.audit("smartconnect.point", "warehouse.months.month-linked")
            kept = folder in links
            told[name] = dict(before.files[name]) if kept else _fingerprint(target, digest)
    return told


def _months_over(files: Files, dataset: str) -> dict[str, dict[date, tuple[str, str]]]:
    """Of each month before the newest day's: its days, with name and hash of their files."""
    found: dict[str, dict[date, tuple[str, str]]] = {}
    for name, told in sorted(files.items()):
        tree, _, path = name.partition("/")
        if tree == PARQUET and path.startswith(f"{dataset}/{_DAY}="):
            day = date.fromisoformat(path.split("/")[1].removeprefix(f"{_DAY}="))
            found.setdefault(f"{day:%Y-%m}", {})[day] = (name, str(told["sha256"]))
    return {month: days for month, days in found.items() if month != max(found)}


def _name(contract: Contract, month: str) -> str:
    return f"{MONTHS}/{contract.dataset}/month={month}/{PART}"


def _with_day(schema: pa.Schema) -> pa.Schema:
    """With the day, which is the key of the days' tree and so in none of its files.

    Any column may be null: a required one that came later is, in the days before it.
    """
    day = pa.field(_DAY, pa.date32(), metadata={"comment": WINDOW_DAY})
    fields = [field.with_nullable(True) for field in schema]
    return pa.schema([*fields, day]).with_metadata(schema.metadata or {})


def _digest(schema: pa.Schema, days: dict[date, tuple[str, str]]) -> str:
    """What a month is made of: its columns, and each day's content."""
    columns = [f"{field.name} {field.type}" for field in schema]
    contents = [f"{day} {content}" for day, (_, content) in days.items()]
    return hashlib.sha256("\n".join([str(_FORMAT), *columns, *contents]).encode()).hexdigest()


def _is_kept(before: Before, name: str, digest: str) -> bool:
    """Whether the release before has the month made of the same, and nobody wrote into it."""
    told = before.files.get(name, {})
    if before.path is None or told.get(OF) != digest:
        return False
    try:
        return is_untouched((before.path / name).stat(), told)
    except FileNotFoundError:
        return False


def _rows(
    building: Path, schema: pa.Schema, days: dict[date, tuple[str, str]]
) -> Iterator[pa.RecordBatch]:
    """The days' rows one after the other, as their files have them; a row group in memory."""
    for day, (name, _) in days.items():
        with pq.ParquetFile(building / name) as file:
            for batch in file.iter_batches(batch_size=ROW_GROUP_ROWS):
                yield pa.RecordBatch.from_arrays(list(_columns(batch, schema, day)), schema=schema)


def _columns(batch: pa.RecordBatch, schema: pa.Schema, day: date) -> Iterable[pa.Array[Any]]:
    """The contract's columns: one that came later is null in the files of days before it."""
    there = set(batch.schema.names)
    for field in schema:
        if field.name == _DAY:
            yield pa.repeat(pa.scalar(day, field.type), batch.num_rows)
        elif field.name in there:
            yield batch.column(field.name).cast(field.type)
        else:
            yield pa.nulls(batch.num_rows, field.type)


def _fingerprint(path: Path, digest: str) -> dict[str, Any]:
    status = path.stat()
    told = {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
    return {**told, "sha256": sha256(path), OF: digest}
