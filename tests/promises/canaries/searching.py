"""Where canaries stand: in the bytes of files, and in what compressed or paged files hold."""

from __future__ import annotations

import io
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from canaries.beginnings import Beginnings
from canaries.spellings import spellings

_EMPTY_PAGES = re.compile(rb"\0{64,}")  # most of a small database


class Searcher:
    """Looks for canaries, each known by a label that may be told in a failure.

    Args:
        canaries: label → the text. Short ones would be found by chance: six characters at least.
    """

    def __init__(self, canaries: Mapping[str, str]) -> None:
        short = [label for label, text in canaries.items() if len(text) < 6]
        if short or not canaries:
            raise ValueError(f"too short to be looked for: {short}")
        self._patterns = {
            pattern: label for label, text in canaries.items() for pattern in spellings(text)
        }
        self._by_beginning = Beginnings(self._patterns)

    def in_bytes(self, content: bytes) -> set[str]:
        """The labels of the canaries in `content`, also where lines break within them."""
        content = _EMPTY_PAGES.sub(b"\0", content)
        joined = content.replace(b"\r", b"").replace(b"\n", b"").replace(b"\\n", b"")
        looked_at = [content] if joined == content else [content, joined]
        return {
            self._patterns[pattern]
            for bytes_ in looked_at
            for pattern in self._by_beginning.found_in(bytes_)
        }

    def in_file(self, path: Path) -> set[str]:
        """The labels of the canaries in a file: in its bytes, its name, and all it holds."""
        found = self.in_bytes(path.name.encode())
        for content in contents(path):
            found |= self.in_bytes(content)
        return found

    def below(self, root: Path, *, leaving_out: Iterable[Path] = ()) -> dict[str, set[str]]:
        """Path → labels, for every file below `root` that holds a canary."""
        out = [path.resolve() for path in leaving_out]
        found: dict[str, set[str]] = {}
        for path in sorted(root.rglob("*")):
            inside = any(path.resolve().is_relative_to(folder) for folder in out)
            if path.is_file() and not path.is_symlink() and not inside:
                labels = self.in_file(path)
                if labels:
                    found[str(path.relative_to(root))] = labels
        return found


def contents(path: Path) -> Iterator[bytes]:
    """A file's own bytes, then what it holds, unpacked, as UTF-8."""
    content = path.read_bytes()
    yield content
    if content.startswith(b"PAR1"):
        table = pq.read_table(io.BytesIO(content))
        yield repr(table.schema.metadata).encode()
        yield _lines(tuple(row.values()) for row in table.to_pylist())
    elif content.startswith(b"SQLite format 3\0"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            yield "\n".join(database.iterdump()).encode(errors="surrogatepass")
        database.close()
    elif content[8:12] == b"DUCK":
        yield from _duckdb_rows(path)
    elif content.startswith(b"\x1f\x8b"):
        yield zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content)  # also of a cut one
    elif zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def _duckdb_rows(path: Path) -> Iterator[bytes]:
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        tables = connection.execute(
            "SELECT schema_name, table_name, comment FROM duckdb_tables()"
        ).fetchall()
        for schema, name, comment in tables:
            yield str(comment).encode()
            columns = connection.execute(
                "SELECT column_name FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?",
                [schema, name],
            ).fetchall()
            texts = ", ".join(f'"{column[0]}"::VARCHAR' for column in columns)
            yield _lines(connection.execute(f'SELECT {texts} FROM {schema}."{name}"').fetchall())


def _lines(rows: Iterable[tuple[object, ...]]) -> bytes:
    return "\n".join(" ".join(map(str, row)) for row in rows).encode(errors="surrogatepass")
