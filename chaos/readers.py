"""A reader in a process of its own, all the time: what it reads must be whole and of one piece.

    python -m chaos.readers LOG DATA_DIRECTORY…

Resolves `current`, opens the database read-only, reads the Parquet by pyarrow, compares both with
each other and with the manifest, and holds old releases open for a while. One JSON line a read.
Root becomes nobody first: root may read (and write) what an analyst can't.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

NOBODY = 65534
TABLES = {
    "chats": ["message_id", "sent_at", "direction", "text", "load_id"],
    "statistics": ["date", "channel", "user_id", "messages_in_count", "load_id"],
}
HELD = 3
PAUSE_SECONDS = 0.15


class Inconsistent(Exception):
    """Two places that tell different stories."""


def told(rows: Iterable[tuple[object, ...]]) -> str:
    """Count and content of rows in any order."""
    texts = sorted("\x1f".join(map(str, row)) for row in rows)
    return f"{len(texts)} {hashlib.sha256(chr(30).join(texts).encode()).hexdigest()[:16]}"


def rows_of(table: pa.Table) -> list[tuple[object, ...]]:
    """Rows as plain values, days as text."""
    columns = [table.column(name).to_pylist() for name in table.column_names]
    return list(zip(*columns, strict=True))


class Held:
    """A release that is held open, with what it said first."""

    def __init__(self, release: Path) -> None:
        self.release = release
        self.connection = duckdb.connect(str(release / "warehouse.duckdb"), read_only=True)
        self.said = self.ask()

    def ask(self) -> dict[str, str]:
        """What the database says of each table."""
        said = {}
        for name, columns in TABLES.items():
            asked = f"SELECT {', '.join(columns)}, window_day::VARCHAR FROM {name}"
            said[name] = told(self.connection.execute(asked).fetchall())
        return said

    def check_again(self) -> None:
        """Nothing has changed in what is held open.

        Raises:
            Inconsistent: something has.
        """
        now = self.ask()
        if now != self.said:
            raise Inconsistent(f"release {self.release.name} said {self.said}, now {now}")

    def check_parquet(self) -> None:
        """The Parquet files and the manifest tell the database's story.

        Raises:
            Inconsistent: they don't.
        """
        manifest = json.loads((self.release / "manifest.json").read_text(encoding="utf-8"))
        for name, told_of in manifest["files"].items():
            content = (self.release / name).read_bytes()
            if "blocks" in told_of:  # the database: DuckDB proves each block that it reads
                changed = len(content) != told_of["bytes"]
            else:
                changed = hashlib.sha256(content).hexdigest() != told_of["sha256"]
            if changed:
                raise Inconsistent(f"release {self.release.name}: {name} isn't the manifest's")
        if str(manifest["release"]) != self.release.name:
            raise Inconsistent(f"release {self.release.name} calls itself {manifest['release']}")
        for name, columns in TABLES.items():
            root = self.release / "parquet" / name
            days = sorted(path.name.partition("=")[2] for path in root.iterdir())
            if days != manifest["datasets"][name]["days"]:
                raise Inconsistent(f"release {self.release.name}: {name} has other days")
            said = told(self._parquet_rows(root, columns)) if days else told([])
            if said != self.said[name]:
                held = self.said[name]
                raise Inconsistent(
                    f"release {self.release.name}: {name} {held} in the database, {said} in Parquet"
                )

    @staticmethod
    def _parquet_rows(root: Path, columns: list[str]) -> list[tuple[object, ...]]:
        kind = ds.partitioning(pa.schema([("window_day", pa.string())]), flavor="hive")
        return rows_of(ds.dataset(root, partitioning=kind).to_table([*columns, "window_day"]))


class Reader:
    """Reads the current release of each data directory in turn."""

    def __init__(self, directories: list[Path]) -> None:
        self._directories = directories
        self._held: list[Held] = []
        self._random = random.Random()

    def read(self) -> dict[str, Any] | None:
        """One look; None where nothing is published yet."""
        directory = self._random.choice(self._directories)
        try:
            release = (directory / "current").resolve(strict=True)
        except FileNotFoundError:
            return None
        told: dict[str, Any] = {"company": directory.parent.name, "release": release.name}
        try:
            held = Held(release)
            held.check_parquet()
            self._held.append(held)
            if len(self._held) > HELD:
                old = self._held.pop(self._random.randrange(HELD))
                old.check_again()
                old.connection.close()
        except Exception as error:  # noqa: BLE001  (whatever it is, it is what readers would see)
            kept = release.exists()
            return {**told, "error": f"{type(error).__name__}: {error}", "kept": kept}
        return told


def warm_up(folder: Path) -> None:
    """Use everything once: nobody may not read what would be imported later."""
    table = pa.table({"message_id": ["1"]})
    file = folder / "warm-up" / "window_day=2026-02-01" / "part.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file)
    kind = ds.partitioning(pa.schema([("window_day", pa.string())]), flavor="hive")
    rows_of(ds.dataset(file.parent.parent, partitioning=kind).to_table())
    with duckdb.connect() as connection:
        connection.execute("SELECT now()::TIMESTAMP, '2026-02-01'::DATE").fetchall()


def main(log: Path, directories: list[Path]) -> None:
    """Read until ended."""
    with log.open("a", encoding="utf-8", buffering=1) as output:
        warm_up(log.with_suffix(".folder"))
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        reader = Reader(directories)
        while True:
            found = reader.read()
            if found is not None:
                output.write(json.dumps(found) + "\n")
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
