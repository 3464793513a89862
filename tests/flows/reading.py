"""A reader in a process of its own: resolves `current` and reads what is there, in a loop.

    python reading.py duckdb|pandas|write CURRENT SECONDS

Each read compares the release's database with its Parquet and prints one JSON line: the release and
its rows, or what went wrong. Root becomes nobody first: root may write where nobody else can.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pandas as pd

NOBODY = 65534
COLUMNS = ("message_id", "text", "load_id", "window_day")


def told(rows: Iterable[tuple[object, ...]]) -> list[object]:
    """Count, content hash, and the loads that the rows came with."""
    texts = sorted("\x1f".join(str(part) for part in row) for row in rows)
    loads = sorted({text.split("\x1f")[2] for text in texts})
    return [len(texts), hashlib.sha256("\x1e".join(texts).encode()).hexdigest(), loads]


def from_database(release: Path) -> list[object]:
    with duckdb.connect(str(release / "warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute(f"SELECT {', '.join(COLUMNS)} FROM chats").fetchall()
        days = connection.execute("SELECT load_id FROM meta.days WHERE dataset = 'chats'")
        said = told((*row[:3], f"{row[3]:%Y-%m-%d}") for row in rows)
        if said[2] != sorted(row[0] for row in days.fetchall()):
            raise AssertionError("the rows are not those of the loads in meta.days")
        return said


def from_parquet_by_duckdb(release: Path) -> list[object]:
    files = release / "parquet" / "chats" / "*" / "part.parquet"
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM read_parquet('{files}', hive_partitioning = true)"
        ).fetchall()
    return told((*row[:3], f"{row[3]:%Y-%m-%d}") for row in rows)


def from_parquet_by_pandas(release: Path) -> list[object]:
    rows = pd.read_parquet(release / "parquet" / "chats", columns=list(COLUMNS))
    return told(rows.astype({"window_day": str}).itertuples(index=False))


READERS = {"duckdb": from_parquet_by_duckdb, "pandas": from_parquet_by_pandas}


def read(kind: str, current: Path) -> dict[str, object]:
    release = current.resolve(strict=True)
    try:
        database, parquet = from_database(release), READERS[kind](release)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is what the test is about)
        kept = release.exists()
        return {"release": release.name, "error": f"{type(error).__name__}: {error}", "kept": kept}
    return {"release": release.name, "rows": database[0], "same": database == parquet}


def write(current: Path) -> str | None:
    """How DuckDB refuses to open the published file for writing."""
    try:
        with duckdb.connect(str(current.resolve() / "warehouse.duckdb")) as connection:
            connection.execute("CREATE TABLE added (number INTEGER)")
    except duckdb.Error as error:
        return type(error).__name__
    return None


def load_modules() -> None:
    """Read something once, since nobody may not read what else would be imported later."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chats" / "window_day=2026-02-01" / "part.parquet"
        file.parent.mkdir(parents=True)
        pd.DataFrame({"message_id": ["1"], "text": ["x"], "load_id": ["y"]}).to_parquet(file)
        pd.read_parquet(Path(folder) / "chats").astype({"window_day": str})


def main(kind: str, current: Path, seconds: float) -> None:
    if os.geteuid() == 0:
        load_modules()
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    if kind == "write":
        print(json.dumps({"refused": write(current)}))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        print(json.dumps(read(kind, current)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
