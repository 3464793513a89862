"""An export file without the records of erased persons; nothing is written where there are none."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from transform.contract import Dataset
from transform.datasetmapping import DatasetMapping
from transform.errors import TransformError, UnreadableExport
from transform.readers import Export, Reject, open_export
from transform.readers.rewritten import SUFFIX, RewrittenFile
from transform.suppression import RowFinder, Suppression, rows_of, without
from warehouse.layout import PRIVATE_FILE

_ENCODINGS = ("utf-8", "cp1251", "utf-16-le", "utf-16-be")


@dataclass(frozen=True)
class Found:
    """What a file holds of erased persons: records, and the threads these belong to."""

    rows: int
    threads: frozenset[str]


@dataclass(frozen=True)
class Rewritten:
    """A file as it is without them, beside its place."""

    path: Path
    sha256: str
    size_bytes: int
    rows_erased: int
    suffix: str = SUFFIX


class FileEraser:
    """Looks into export files of one dataset, and writes them anew.

    Args:
        dataset: the contract.
        mapping: what the company says of its files.
        suppression: who was erased.
    """

    def __init__(self, dataset: Dataset, mapping: DatasetMapping, suppression: Suppression) -> None:
        self._dataset = dataset
        self._mapping = mapping
        self._suppression = suppression

    def find(self, path: Path) -> Found:
        """Count the records of erased persons, in one reading.

        Raises:
            transform.errors.TransformError: the file can't be read.
        """
        export = self._opened(path)
        finder = self._finder(export)
        rows = sum(finder.look(batch) for batch in export) + finder.answering()
        rows += sum(self._suppression.in_record(reject.raw) for reject in export.rejects)
        return Found(rows, frozenset(finder.threads))

    def rewrite(self, path: Path, folder: Path, found: Found) -> Rewritten:
        """Write the file without them into `folder`, and prove that it reads to all the rest.

        Raises:
            transform.errors.TransformError: either can't be read, or they differ.
        """
        export, erased, kept = self._opened(path), 0, _Digest()
        finder = self._finder(export)
        finder.threads |= found.threads
        target = folder / f"rewritten-{os.urandom(8).hex()}.part"
        with target.open("xb") as file:
            sys.audit("smartconnect.point", "flows.erasefiles.rewritten-made")
            target.chmod(PRIVATE_FILE)
            sys.audit("smartconnect.point", "flows.erasefiles.rewriting-begun")
            writer = RewrittenFile(file, export.columns, export.format.kind)
            for batch in export:
                gone = finder.found(batch)
                erased += int(gone.sum())
                staying = list(rows_of(without(batch, gone)))
                writer.add_rows(staying)
                kept.add(staying)
            rejects = [r for r in export.rejects if not self._suppression.in_record(r.raw)]
            erased += len(export.rejects) - len(rejects)
            writer.add_rejects(rejects)
            kept.end(rejects)
            file.flush()
            os.fsync(file.fileno())
        self._prove(target, kept)
        return Rewritten(target, writer.sha256, writer.bytes, erased)

    def holds_unread(self, path: Path) -> bool:
        """Whether a file that can't be read may hold one of them; packed ones always may."""
        content = path.read_bytes()
        if content.startswith((b"PK", b"\x1f\x8b", b"\xd0\xcf\x11\xe0")):
            return True
        return any(
            self._suppression.in_record(content.decode(encoding, "replace"))
            for encoding in _ENCODINGS
        )

    def _opened(self, path: Path) -> Export:
        return open_export(path, self._mapping.source, whole=True)

    def _finder(self, export: Export) -> RowFinder:
        mapping = self._mapping.rules().mapping
        return RowFinder.of_export(self._suppression, export.columns, self._dataset, mapping)

    def _prove(self, target: Path, kept: _Digest) -> None:
        export, read = open_export(target), _Digest()
        for batch in export:
            read.add(rows_of(batch))
        read.end(export.rejects)
        if read.value != kept.value:
            target.unlink()
            sys.audit("smartconnect.point", "flows.erasefiles.unlike-removed")
            raise UnreadableExport(
                f"writing an export of {self._dataset.name} anew without a person",
                "what was written doesn't read to the rest of its rows",
                "This is a fault of the pipeline: the file was left as it was.",
            )


class _Digest:
    """The hash of rows and rejects."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, rows: Iterable[tuple[str | None, ...]]) -> None:
        for row in rows:
            self._hash.update(repr(row).encode())

    def end(self, rejects: Iterable[Reject]) -> None:
        for reject in rejects:
            self._hash.update(repr((reject.line, reject.raw, reject.reason)).encode())

    @property
    def value(self) -> str:
        return self._hash.hexdigest()


__all__ = ["FileEraser", "Found", "Rewritten", "TransformError"]
