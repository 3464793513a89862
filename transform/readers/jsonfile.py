"""JSON: an array of objects, or one object a line. Numbers keep their text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transform.readers.containers import release
from transform.readers.encodings import encoding_of
from transform.readers.export import Export, Format, ReaderLimits, Rejects, batches_of
from transform.readers.kinds import refuse


class _Number(str):
    """A number's own text."""


def open_json(path: Path, containers: tuple[str, ...], limits: ReaderLimits) -> Export:
    """Understand a JSON file.

    Raises:
        UnreadableExport: it is neither an array of objects nor an object a line, or too large.
    """
    encoding = encoding_of(path)
    with path.open("rb") as file:
        is_array = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    parse = _array if is_array else _lines
    columns: dict[str, None] = {}
    for item, _, _ in parse(path, encoding, limits):
        if isinstance(item, dict):
            columns.update(dict.fromkeys(item))
    if not columns:
        raise refuse("it is JSON without any record")
    names = list(columns)

    def rows(rejects: Rejects) -> Iterator[list[str]]:
        try:
            for item, line, raw in parse(path, encoding, limits):
                if isinstance(item, dict):
                    yield [_text(item.get(name)) for name in names]
                else:
                    rejects.add(line, raw, "it is no JSON object")
        finally:
            release(path)

    understood = Format("json" if is_array else "ndjson", containers, encoding)
    return Export(names, understood, lambda rejects: batches_of(names, rows(rejects)), limits)


def _loads(text: str) -> Any:
    return json.loads(text, parse_int=_Number, parse_float=_Number)


def _array(path: Path, encoding: str, limits: ReaderLimits) -> Iterator[tuple[Any, int, str]]:
    if path.stat().st_size > limits.max_decoded_bytes // 8:
        raise refuse("a JSON array of that size can't be read within the memory cap")
    try:
        found = _loads(path.read_text(encoding=encoding))
    except (ValueError, RecursionError):
        raise refuse("it begins like JSON and is none (cut off?)") from None
    for number, item in enumerate(found, start=1):
        yield item, number, "" if isinstance(item, dict) else json.dumps(item)[:1000]


def _lines(path: Path, encoding: str, _: ReaderLimits) -> Iterator[tuple[Any, int, str]]:
    with path.open(encoding=encoding, newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield _loads(line), number, line
            except (ValueError, RecursionError):
                yield None, number, line


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)
