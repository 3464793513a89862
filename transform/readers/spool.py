"""Batches of text in a temporary file: written once, read back one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from transform.readers.archives import too_large
from transform.readers.export import Reject, text_schema

_MOST_BATCH_BYTES = 16 * 1024**2
_LINE: pa.Field[Any] = pa.field("line", pa.int64())
_REJECT_SCHEMA = pa.schema([_LINE, *text_schema(["raw", "reason"])])


class SpoolWriter:
    """Writes batches, each with columns of its own, as Arrow streams one after the other.

    Args:
        path: the file to write.
        max_bytes: a cap on all of it; a small workbook can name one long text a million times.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._sink = pa.OSFile(str(path), "wb")
        self._max_bytes = max_bytes

    def __enter__(self) -> SpoolWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._sink.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add a batch; a large one in parts, so that nobody has to hold it whole.

        Raises:
            UnreadableExport: beyond the cap.
        """
        if self._sink.tell() + batch.nbytes > self._max_bytes:
            raise too_large(self._max_bytes)
        parts = batch.nbytes // _MOST_BATCH_BYTES + 1
        rows = max(1, -(-batch.num_rows // parts))
        with pa.ipc.new_stream(self._sink, batch.schema) as stream:
            for start in range(0, batch.num_rows, rows):
                stream.write_batch(batch.slice(start, rows))


def spooled(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """The batches of a spool, all with the same columns: those that one lacks are "" in it."""
    schema = text_schema(columns)
    size = path.stat().st_size
    with pa.OSFile(str(path), "rb") as source:
        while source.tell() < size:
            for batch in pa.ipc.open_stream(source):
                yield batch if batch.schema.names == columns else _widened(batch, schema)


def _widened(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    present = set(batch.schema.names)
    blank = pa.repeat(pa.scalar("", pa.string()), batch.num_rows)
    arrays = [batch.column(name) if name in present else blank for name in schema.names]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def write_rejects(path: Path, rejects: list[Reject]) -> None:
    """Rejects as an Arrow file."""
    rows = [asdict(reject) for reject in rejects]
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, _REJECT_SCHEMA) as stream:
        stream.write_batch(pa.RecordBatch.from_pylist(rows, schema=_REJECT_SCHEMA))


def read_rejects(path: Path) -> Iterator[Reject]:
    """What `write_rejects` wrote."""
    with pa.OSFile(str(path), "rb") as source:
        for batch in pa.ipc.open_stream(source):
            for row in batch.to_pylist():
                yield Reject(row["line"], row["raw"], row["reason"])
