"""A copy of what can't be made again, taken while runs go on, and a directory made from it.

Copied are raw/ with its notes, the lake files that days hold, the quarantine, the writer's
database, the notes of bulk messagings and of reports that were sent, and the suppression list;
releases and reports are made from these. The writer's lock is held, so that they tell one story,
and what puts files into raw/ waits as well. Files that a former copy has are not copied again. What
was erased or went by the company's rule goes from the copy, too; a file that is missing for no such
reason stays in it and is told, since it may have to come back.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from warehouse.database import Writer
from warehouse.erasinglist import list_lock, list_path, read_list
from warehouse.errors import BackupUnusable
from warehouse.layout import PRIVATE_DIR, PRIVATE_FILE, DataDirectory, publish_bytes, sync
from warehouse.raw import prove_hash

MANIFEST = "backup.json"
_CHANGING = (".seen.json", ".duckdb", "suppression.json", "origin.json")


@dataclass(frozen=True)
class Copied:
    """What a backup came to: files now in it, of these new ones, and those it alone has."""

    files: int
    new: int
    lost: int


@dataclass(frozen=True)
class _Manifest:
    """Whose data a backup is, and its files with their hashes."""

    origin: str
    files: dict[str, str]


def back_up(writer: Writer, target: Path) -> Copied:
    """Bring `target` up to date; its manifest is written last.

    Raises:
        BackupUnusable: the directory holds something else, or is within the data.
    """
    layout = writer.layout
    _refuse_other(layout, target)
    target.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    sys.audit("smartconnect.point", "warehouse.backup.folder-made")
    writer.connection.execute("CHECKPOINT warehouse")
    sys.audit("smartconnect.point", "warehouse.backup.checkpointed")
    _bring_all(writer)
    with list_lock(layout):
        listed = {layout.relative(path): path for path in _needed(writer)}
        new = sum(_copied(path, target / name) for name, path in listed.items())
        gone = {file.sha256_before for r in read_list(layout).requests for file in r.files}
    rows = writer.connection.execute("SELECT file_sha256 FROM meta.removed_files").fetchall()
    gone |= {str(row[0]) for row in rows}
    lost = 0
    for path in sorted(target.glob("*/**/*")):
        name = path.relative_to(target).as_posix()
        if path.is_file() and name not in listed:
            if name.startswith("raw/") and path.name.partition(".")[0] not in gone:
                lost += 1
                continue
            path.unlink()
            sys.audit("smartconnect.point", "warehouse.backup.outdated-removed")
    files = {name: _sha256(target / name) for name in listed}
    told = {"origin": layout.origin, "files": files}
    publish_bytes(target / MANIFEST, json.dumps(told, indent=1).encode())
    sys.audit("smartconnect.point", "warehouse.backup.manifest-written")
    return Copied(len(files), new, lost)


def restore(layout: DataDirectory, source: Path) -> int:
    """Fill an empty data directory from a backup, each file proven; says how many.

    Raises:
        BackupUnusable: there is no whole backup, or the data directory holds something.
        HashMismatch: a file of the backup was damaged.
    """
    told = _manifest(source)
    if told is None:
        raise BackupUnusable(f"{source} holds no whole backup: {MANIFEST} is missing or damaged.")
    if layout.database.exists() or layout.files.names(layout.raw):
        raise BackupUnusable(
            f"{layout.root} holds data, or the store it is shared through does: a backup is "
            "restored into an empty directory. Move this one away, or set SMARTCONNECT_DATA_DIR "
            "(or SMARTCONNECT_DATA_URL)."
        )
    if told.origin != layout.origin:
        raise BackupUnusable(f"{source} holds data of {told.origin}, not of {layout.origin}.")
    for name, sha256 in told.files.items():
        if not (source / name).exists():
            raise BackupUnusable(f"{source} lacks {name}, which its {MANIFEST} lists.")
        prove_hash(source / name, sha256)
    layout.files.begin_anew()
    last = layout.relative(layout.database)
    for name in sorted(told.files, key=lambda name: name == last):  # then it counts
        there = layout.root / name
        _copied(source / name, there)
        if name.startswith("lake/"):
            for path in (there.parent.parent, there.parent, there):
                layout.modes.open_lake(path)
                sys.audit("smartconnect.point", "warehouse.backup.lake-opened")
    layout.files.prepare(layout.origin)
    return len(told.files)


def _bring_all(writer: Writer) -> None:
    """What other machines have put on the store, here, so that a copy has it."""
    layout = writer.layout
    if not layout.files.shared:
        return
    rows = writer.connection.execute("SELECT lake_file FROM meta.days").fetchall()
    names = [*layout.files.names(layout.raw), *layout.files.names(layout.quarantine)]
    layout.files.fetch([*names, *(layout.root / str(row[0]) for row in rows)])
    layout.files.documents(layout.raw, "", ".seen.json")
    layout.files.read(list_path(layout))


def _needed(writer: Writer) -> Iterator[Path]:
    layout = writer.layout
    yield from (path for path in sorted(layout.raw.glob("*/*/*")) if path.name[0] != ".")
    yield from sorted(layout.quarantine.glob("*/*.parquet"))
    rows = writer.connection.execute("SELECT lake_file FROM meta.days ORDER BY 1").fetchall()
    yield from (layout.root / str(row[0]) for row in rows)
    yield layout.database
    yield from sorted(layout.outbox.glob("bulk-*.json"))  # or a campaign might be sent again
    yield from sorted(layout.outbox.glob("report-*.json"))
    yield from sorted(layout.deliveries.glob("report-*.json"))
    yield from (f / ".key" for f in (layout.outbox, layout.deliveries) if (f / ".key").exists())
    if list_path(layout).exists():
        yield list_path(layout)


def _copied(path: Path, target: Path) -> bool:
    """Copy one file, whole or not at all; False where it is there already."""
    changing = path.name.endswith(_CHANGING) or path.parent.name in ("outbox", "deliveries")
    if not changing and target.exists() and target.stat().st_size == path.stat().st_size:
        return False
    for folder in reversed([f for f in target.parents if not f.exists()]):
        folder.mkdir(mode=PRIVATE_DIR)
        sys.audit("smartconnect.point", "warehouse.backup.file-folder-made")
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(path, beside)
    sys.audit("smartconnect.point", "warehouse.backup.file-copied")
    beside.chmod(PRIVATE_FILE)
    sys.audit("smartconnect.point", "warehouse.backup.file-closed")
    sync(beside)
    beside.replace(target)
    sys.audit("smartconnect.point", "warehouse.backup.file-named")
    sync(target.parent)
    return True


def _refuse_other(layout: DataDirectory, target: Path) -> None:
    if target.resolve().is_relative_to(layout.root):
        raise BackupUnusable(f"{target} is within the data that it is to keep: name another disk.")
    told = _manifest(target)
    if told is None and target.exists() and any(target.iterdir()):
        if not (target / "raw").exists():
            raise BackupUnusable(f"{target} holds something else: name an empty directory.")
    elif told is not None and told.origin != layout.origin:
        raise BackupUnusable(f"{target} is the backup of {told.origin}: name another one.")


def _manifest(folder: Path) -> _Manifest | None:
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return _Manifest(str(told["origin"]), dict(told["files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
