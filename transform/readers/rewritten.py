"""An export that was written anew without some of its records: all else as its reader gave it.

The vendor's formats can't say what a reader made of a file: records it rejected with their lines,
cells to the last blank, a workbook's dates. So what remains is kept as it was read, as lines of
JSON: a head with the columns, an array a row, an object a rejected record. It reads to the same
rows and rejects as the file it was made from, without those that were taken out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from transform.readers.export import (
    Export,
    Format,
    ReaderLimits,
    Reject,
    Rejects,
    batches_of,
)
from transform.readers.kinds import refuse

SUFFIX = ".jsonl"
_HEAD = b'{"smartconnect_rewritten":1,'
_MOST_HEAD_BYTES = 4 * 1024**2


class RewrittenFile:
    """Writes one; the same records make the same bytes.

    Args:
        file: opened for binary writing.
        columns: the headers.
        kind: what the file was, for whoever looks.
    """

    def __init__(self, file: IO[bytes], columns: Sequence[str], kind: str) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.bytes = 0
        head = _compact({"columns": list(columns), "was": kind})
        self._write(_HEAD + head[1:])

    @property
    def sha256(self) -> str:
        """The hash of what was written so far."""
        return self._digest.hexdigest()

    def add_rows(self, rows: Iterable[Sequence[str | None]]) -> None:
        """Write rows."""
        for row in rows:
            self._write(_compact(row))

    def add_rejects(self, rejects: Iterable[Reject]) -> None:
        """Write rejected records, after the rows."""
        for reject in rejects:
            told = {"line": reject.line, "reason": reject.reason, "raw": reject.raw}
            self._write(_compact(told))

    def _write(self, line: bytes) -> None:
        line += b"\n"
        self._file.write(line)
        self._digest.update(line)
        self.bytes += len(line)


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def is_rewritten(path: Path) -> bool:
    """Whether a file is one of these."""
    with path.open("rb") as file:
        return file.read(len(_HEAD)) == _HEAD


def open_rewritten(path: Path, limits: ReaderLimits) -> Export:
    """Read one.

    Raises:
        UnreadableExport: it was damaged.
    """
    with path.open("rb") as file:
        head = _parsed(file.readline(_MOST_HEAD_BYTES))
    columns = head.get("columns") if isinstance(head, dict) else None
    if not isinstance(columns, list):
        raise _damaged()

    def read(found: Rejects) -> Iterator[pa.RecordBatch]:
        yield from batches_of(columns, _rows(path, len(columns), found))

    understood = Format(f"{head['was']}, rewritten", encoding="utf-8")
    return Export(columns, understood, read, limits)


def _rows(path: Path, width: int, found: Rejects) -> Iterator[list[str]]:
    with path.open("rb") as file:
        next(file)
        for line in file:
            value = _parsed(line)
            if isinstance(value, list) and len(value) == width:
                yield value
            elif isinstance(value, dict) and value.keys() == {"line", "reason", "raw"}:
                found.add(value["line"], value["raw"], value["reason"])
            else:
                raise _damaged()


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8", "surrogatepass")) if line.endswith(b"\n") else None
    except ValueError:
        raise _damaged() from None


def _damaged() -> Exception:
    return refuse("it is a rewritten export, and damaged", "Restore it from a backup.")
