"""What this machine's database was made from: the hand-over that it brought, or made itself."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from warehouse.durable import PRIVATE_DIR, publish_bytes
from warehouse.layout import DataDirectory


@dataclass(frozen=True)
class Base:
    """A hand-over, and what the file looked like then.

    Attributes:
        generation: of the hand-over; 0: none.
        release: the newest release's number that this machine has heard of.
        bytes: the file's.
        mtime_ns: the file's.
        erased: how many erasures had ended here.
    """

    generation: int = 0
    release: int = 0
    bytes: int = -1
    mtime_ns: int = -1
    erased: int = 0


def base_path(layout: DataDirectory) -> Path:
    """Where that is noted."""
    return layout.store / "writer.json"


def read_base(layout: DataDirectory) -> Base:
    """What was noted last."""
    try:
        return Base(**json.loads(base_path(layout).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Base()


def note_base(layout: DataDirectory, generation: int, release: int, erased: int) -> None:
    """The database is that hand-over, as it is now."""
    status = layout.database.stat()
    base = Base(generation, release, status.st_size, status.st_mtime_ns, erased)
    layout.store.mkdir(mode=PRIVATE_DIR, exist_ok=True)
    sys.audit("smartconnect.point", "warehouse.writerbase.folder-made")
    publish_bytes(base_path(layout), json.dumps(asdict(base)).encode())
    sys.audit("smartconnect.point", "warehouse.writerbase.noted")


def is_as_it_was(layout: DataDirectory, base: Base) -> bool:
    """Whether nothing was written since it was brought here or handed over."""
    status = layout.database.stat()
    told = replace(base, bytes=status.st_size, mtime_ns=status.st_mtime_ns)
    return told == base and not layout.database.with_suffix(".duckdb.wal").exists()


def known_release(layout: DataDirectory) -> int:
    """The newest release's number that this machine has heard of; 0: none."""
    return read_base(layout).release if layout.files.shared else 0
