"""The fast path must say what the careful path says: the same rows, rejects and lines."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from transform.readers import ReaderLimits, Reject, SourceMapping
from transform.readers.delimited import open_delimited
from transform.readers.export import LineCount

Account = tuple[list[list[str]], list[Reject], LineCount | None]


def disagreement(path: Path, block_bytes: int, *, whole: bool) -> str | None:
    """What differs between readings by record and in blocks of that size; None: nothing."""
    careful = _account(path, block_bytes, whole=whole, fast=False)
    fast = _account(path, block_bytes, whole=whole, fast=True)
    for name, one, other in zip(("rows", "rejects", "lines"), careful, fast, strict=True):
        if one != other:
            return f"careful and fast path (blocks of {block_bytes} bytes) differ in {name}"
    return None


def _account(path: Path, block_bytes: int, *, whole: bool, fast: bool) -> Account:
    export = open_delimited(
        path,
        (),
        SourceMapping(),
        ReaderLimits(),
        whole=whole,
        fast=fast,
        block_bytes=block_bytes,
    )
    rows = [row for batch in export for row in _rows(batch)]
    return rows, export.rejects, export.lines


def _rows(batch: pa.RecordBatch) -> list[list[str]]:
    return [list(row) for row in zip(*batch.to_pydict().values(), strict=True)]
