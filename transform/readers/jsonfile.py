"""JSON: an array of objects, an object around one, or one object a line. Numbers keep their text.

The columns are known when the last record was seen: the file is read once, into a spool.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from transform.readers.export import (
    BATCH_ROWS,
    Export,
    Format,
    ReaderLimits,
    Rejects,
    SourceMapping,
    unique_names,
)
from transform.readers.jsonrecords import Item, JsonSource
from transform.readers.jsontokens import Number
from transform.readers.kinds import refuse
from transform.readers.spool import SpoolWriter, spooled
from transform.readers.temporary import TemporaryFile, release

_MOST_BATCH_CHARACTERS = 8 * 1024**2
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def open_json(
    path: Path, containers: tuple[str, ...], mapping: SourceMapping, limits: ReaderLimits
) -> Export:
    """Read a JSON file into a spool.

    Raises:
        UnreadableExport: cut off, damaged, no list of objects, several, or nothing but rejects. An
            empty list is an export without rows; that it has no columns either says nothing.
    """
    encoding = mapping.encoding or _encoding(path)
    spool = TemporaryFile().path
    source = JsonSource(path, encoding, limits)
    rejects = Rejects(limits)
    try:
        keys = _spool(source, rejects, spool, limits)
    finally:
        release(path)
    if not keys and rejects.found:
        raise refuse("it is JSON without any record, so that there are no columns")
    names = unique_names(keys)
    understood = Format(source.kind, containers, encoding, notes=tuple(source.notes))

    def read(found: Rejects) -> Iterator[pa.RecordBatch]:
        try:
            found.found.extend(rejects.found)
            for batch in spooled(spool, keys):
                yield batch.rename_columns(names)
        finally:
            release(spool)

    return Export(names, understood, read, limits)


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if head[1:2] == b"\x00":
        return "utf-16-le"
    return "utf-16-be" if head[:1] == b"\x00" else "utf-8"


def _spool(source: JsonSource, rejects: Rejects, path: Path, limits: ReaderLimits) -> list[str]:
    """Write the records as batches, note the others; the keys in the order of their coming."""
    keys: dict[str, None] = {}
    with SpoolWriter(path, limits.max_decoded_bytes) as spool:
        rows: list[dict[str, str]] = []
        characters = 0
        for item in source.items():
            row = _row(item, rejects)
            if row is None:
                continue
            keys.update(dict.fromkeys(row))
            if len(keys) > limits.max_columns:
                raise refuse(f"its objects have more than {limits.max_columns:,} different keys")
            rows.append(row)
            characters += len(item.text)
            if len(rows) == BATCH_ROWS or characters > _MOST_BATCH_CHARACTERS:
                spool.write(_batch(rows))
                rows, characters = [], 0
        if rows:
            spool.write(_batch(rows))
    return list(keys)


def _row(item: Item, rejects: Rejects) -> dict[str, str] | None:
    problem = item.problem
    if not problem and not isinstance(item.value, dict):
        problem = "it is no JSON object"
    if not problem:
        row = {key: _text(value) for key, value in item.value.items()}
        if not row:
            problem = "it is an object without keys"
        elif _is_whole("".join(row)) and _is_whole("".join(row.values())):
            return row
        else:
            problem = "it holds bytes that are no text, or half a character"
    raw = item.text.rstrip("\r\n").encode("utf-8", "backslashreplace").decode()
    rejects.add(item.place, raw, problem)
    return None


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _batch(rows: list[dict[str, str]]) -> pa.RecordBatch:
    keys: dict[str, None] = {}
    for row in rows:
        keys.update(dict.fromkeys(row))
    columns = [pa.array([row.get(key, "") for row in rows], pa.string()) for key in keys]
    return pa.RecordBatch.from_arrays(columns, names=list(keys))


def _text(value: object) -> str:
    """A value as text; objects and lists as JSON, in which numbers are as they were written."""
    if value is None:
        return ""
    if isinstance(value, str):
        return str(value)
    return _json(value)


def _json(value: object) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key, ensure_ascii=False)}: {_json(value[key])}" for key in value)
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
