"""Any export file → batches of text and rejects. Nothing else of ours is needed to use it.

export = open_export(path)
for batch in export: …          # pyarrow.RecordBatch, every column a string
export.rejects                  # afterwards: each with .line, .raw and .reason
"""

from __future__ import annotations

from pathlib import Path

from transform.errors import UnreadableExport
from transform.readers.containers import unwrapped
from transform.readers.delimited import open_delimited
from transform.readers.export import Export, Format, ReaderLimits, Reject, SourceMapping
from transform.readers.jsonfile import open_json
from transform.readers.kinds import Kind, kind_of
from transform.readers.rewritten import is_rewritten, open_rewritten
from transform.readers.spreadsheet import open_spreadsheet

__all__ = [
    "Export",
    "Format",
    "ReaderLimits",
    "Reject",
    "SourceMapping",
    "UnreadableExport",
    "ends_within_line",
    "open_export",
]


def open_export(
    path: Path,
    mapping: SourceMapping | None = None,
    limits: ReaderLimits | None = None,
    *,
    whole: bool = False,
) -> Export:
    """Understand a file and get ready to read it; rows yielded + rejects = records in the file.

    Args:
        path: the file as it was downloaded; its name doesn't matter.
        mapping: what a person knows better: sheet, member, encoding, delimiter.
        limits: caps on decoded bytes, records, nesting.
        whole: it is known that the file came whole (its length was announced, or it came twice the
            same). Else a text whose last line has no end is taken for cut off there.

    Raises:
        UnreadableExport: what it is instead of an export, or why it can't be read truthfully.
    """
    mapping, limits = mapping or SourceMapping(), limits or ReaderLimits()
    if is_rewritten(path):
        return open_rewritten(path, limits)
    content, containers = unwrapped(path, mapping, limits)
    kind = kind_of(content)
    if kind is Kind.SPREADSHEET:
        return open_spreadsheet(content, containers, mapping, limits)
    if kind is Kind.JSON:
        return open_json(content, containers, mapping, limits)
    whole = whole or mapping.last_line_open
    return open_delimited(content, containers, mapping, limits, whole=whole)


def ends_within_line(path: Path) -> bool:
    """Whether a file is plain text whose last line has no end, as one that was cut off."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(max(0, size - 2))
        tail = file.read().rstrip(b"\0")
    packed = head.startswith((b"PK", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"[", b"{"))
    return size > 0 and not packed and not tail.endswith((b"\n", b"\r"))
