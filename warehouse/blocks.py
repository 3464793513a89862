"""A DuckDB file known by its blocks' checksums, so that it needn't be read as a whole.

The file is a head of three 4 KiB headers, then blocks of one size (256 KiB by default), each led by
eight bytes: the checksum of the rest. DuckDB writes a block anew together with its checksum, and
refuses one that doesn't fit. So what DuckDB changed shows in heads and checksums, 1/32,768 of the
bytes; what went wrong beneath DuckDB shows only where blocks are read (`broken_blocks`).
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import numpy as np

_HEADER_BYTES = 4096
_HEAD_BYTES = 3 * _HEADER_BYTES
_MAGIC = slice(8, 12)
# Of a database header: checksum, iteration, two block pointers, block count; then a block's bytes.
_BLOCK_BYTES_AT = 40
_SEED, _FACTOR = 5381, np.uint64(0xBF58476D1CE4E5B9)
_CHECKSUM_BYTES, _BLOCKS_AT_ONCE = 8, 32


def block_fingerprint(path: Path) -> str | None:
    """SHA-256 of the file's size, its headers and its blocks' checksums.

    None where the file isn't laid out so: not DuckDB's, encrypted, or of a later format.
    """
    with path.open("rb") as file:
        head, size = file.read(_HEAD_BYTES), os.fstat(file.fileno()).st_size
        block_bytes = _block_bytes(head)
        if block_bytes is None or (size - _HEAD_BYTES) % block_bytes:
            return None
        digest = hashlib.sha256(struct.pack("<Q", size) + head)
        # One by one: to map the file costs four times that, since its pages come in by sixteens.
        begins = range(_HEAD_BYTES, size, block_bytes)
        digest.update(b"".join([os.pread(file.fileno(), _CHECKSUM_BYTES, at) for at in begins]))
    return digest.hexdigest()


def is_broken(path: Path) -> bool:
    """Whether a block that DuckDB uses doesn't fit its checksum; reads the whole file.

    A block that a killed writer left torn may be free: only where one doesn't fit is DuckDB asked,
    which reads what is used and refuses what doesn't fit.
    """
    return next(_broken_blocks(path), None) is not None and not _reads(path)


def _broken_blocks(path: Path) -> Iterator[int]:
    with path.open("rb") as file:
        block_bytes = _block_bytes(file.read(_HEAD_BYTES))
        if block_bytes is None:
            yield 0
            return
        first = 0
        while content := file.read(block_bytes * _BLOCKS_AT_ONCE):
            words = np.frombuffer(content[: len(content) // block_bytes * block_bytes], dtype="<u8")
            blocks = words.reshape(-1, block_bytes // 8)
            made = np.bitwise_xor.reduce(blocks[:, 1:] * _FACTOR, axis=1) ^ np.uint64(_SEED)
            yield from (first + int(n) for n in np.flatnonzero(made != blocks[:, 0]))
            first += len(blocks)


def _block_bytes(head: bytes) -> int | None:
    """The size of a block by both database headers; None where they don't tell one."""
    if len(head) < _HEAD_BYTES or head[_MAGIC] != b"DUCK":
        return None
    told = {
        struct.unpack_from("<Q", head, header + _BLOCK_BYTES_AT)[0]
        for header in (_HEADER_BYTES, 2 * _HEADER_BYTES)
    }
    size = told.pop() if len(told) == 1 else 0
    return int(size) if size in {1 << power for power in range(14, 19)} else None


def _reads(path: Path) -> bool:
    """Whether DuckDB can read every value of every table."""
    with suppress(duckdb.Error), duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal"
        ).fetchall()
        for schema, table in tables:
            connection.execute(
                f'SELECT bit_xor(hash(COLUMNS(*))) FROM "{schema}"."{table}"'
            ).fetchall()
        return True
    return False
