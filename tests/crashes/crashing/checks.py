"""What must hold of a data directory, whatever befell the runs on it."""

from __future__ import annotations

from pathlib import Path

import duckdb

from warehouse.layout import DataDirectory
from warehouse.published import current_release
from warehouse.reading import query_release

Content = dict[str, list[tuple[object, ...]]]
LISTS = ("users", "user_details", "channel_accounts")
TABLES = (
    "chats",
    "statistics",
    "incoming_messages",
    *LISTS,
    *(f"{name[:-1]}_snapshots" for name in LISTS),
    *(f"{name}_history" for name in LISTS),
)
LEDGER = """
    SELECT * EXCLUDE (load_id, observed_at, checked_at, lake_file)
    FROM meta.days ORDER BY dataset, window_day"""
BALANCE = """
    SELECT count(*) FROM meta.loads
    WHERE outcome = 'loaded' AND source <> 'list'
      AND rows_read <> rows_loaded + rows_duplicate + rows_quarantined"""


def content(data: Path) -> Content:
    """All that readers see, but for the names of loads and the times they were made."""
    layout = DataDirectory(data)
    shown = {}
    for name in TABLES:
        dropped = "load_id, observed_at"
        dropped += ", valid_from, valid_to" if name.endswith("_history") else ""
        order = f"SELECT * EXCLUDE ({dropped}) FROM {name} ORDER BY ALL"
        shown[name] = query_release(layout, order).rows
    shown["ledger"] = query_release(layout, LEDGER).rows
    assert query_release(layout, BALANCE).rows == [(0,)]
    return shown


def whole(data: Path) -> int | None:
    """The number of readers' release, its database and Parquet saying the same; None before it."""
    release = current_release(DataDirectory(data))
    if release is None:
        assert not (data / "current").is_symlink()
        return None
    database = release.path / "warehouse.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        for name in ("chats", "statistics"):
            files = release.path / "parquet" / name / "*" / "part.parquet"
            asked = f"SELECT count(*), count(DISTINCT load_id) FROM {name}"
            read = asked.replace(f"FROM {name}", f"FROM read_parquet('{files}')")
            rows = connection.execute(asked).fetchall()
            if rows[0][0]:
                assert connection.execute(read).fetchall() == rows
    assert not database.with_name("warehouse.duckdb.wal").exists()
    return release.number


def leftovers(data: Path) -> list[str]:
    """What a kill left that no later run took away, as paths below the data directory."""
    state = data / "state"
    found = [*(state / "incoming").iterdir(), *(state / "building").iterdir()]
    found += [path for path in data.rglob(".*") if path.name not in (".key",)]
    found += list((state / "locks").rglob("*.ticket"))
    if (state / "rebuild").exists():
        found.append(state / "rebuild")
    for file in (data / "raw").rglob("*"):
        note = file.with_name(f"{file.name.partition('.')[0]}.seen.json")
        if file.is_file() and not note.exists():
            found.append(file)
    layout = DataDirectory(data)
    needed = {str(row[0]) for row in query_release(layout, "SELECT load_id FROM meta.loads").rows}
    for folder in ("lake", "quarantine"):
        found += [file for file in (data / folder).rglob("*.parquet") if file.stem not in needed]
    return sorted(str(path.relative_to(data)) for path in found)


def closed_to_readers(data: Path) -> list[str]:
    """Published files and folders that don't have the mode of what is published."""
    found = [path for name in ("lake", "releases") for path in data.glob(f"{name}/**/*")]
    return [
        f"{path.relative_to(data)} {path.stat().st_mode & 0o777:o}"
        for path in [data, data / "lake", data / "releases", *found]
        if path.stat().st_mode & 0o777 != (0o750 if path.is_dir() else 0o440)
    ]
