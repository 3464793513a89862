"""A file comes from the object store: aside, proven by its hash, and then by one rename."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from warehouse.durable import PRIVATE_DIR, PRIVATE_FILE, sync
from warehouse.errors import HashMismatch, StoreUnavailable

if TYPE_CHECKING:
    from warehouse.layout import DataDirectory
    from warehouse.store import ObjectStore

TIMES = 4


def bring(store: ObjectStore, layout: DataDirectory, key: str, path: Path) -> bool:
    """Have the object's content at `path`; False: there is none such.

    Raises:
        HashMismatch: what came isn't what was kept.
        StoreUnavailable, StoreRefused: nothing came.
    """
    told = store.told_sha256(key)
    if told is None:
        return False
    layout.incoming.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    sys.audit("smartconnect.point", "warehouse.storedfetch.aside-made")
    part = layout.incoming / f"fetched-{token_hex(8)}.part"
    try:
        if not _downloaded(store, key, part, told):
            return False
        _give_name(layout, part, path)
    finally:
        part.unlink(missing_ok=True)
        sys.audit("smartconnect.point", "warehouse.storedfetch.aside-removed")
    return True


def _downloaded(store: ObjectStore, key: str, part: Path, told: str) -> bool:
    for last in (False,) * (TIMES - 1) + (True,):
        try:
            chunks = store.chunks(key)
            if chunks is None:
                return False
            digest = hashlib.sha256()
            with part.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                    digest.update(chunk)
            sys.audit("smartconnect.point", "warehouse.storedfetch.downloaded")
            break
        except StoreUnavailable:  # in the middle of it
            if last:
                raise
    if digest.hexdigest() != told:
        raise HashMismatch(
            f"{store.url}/{key} isn't what was kept there (its hash is another one): it was "
            "damaged, or written over. Restore it from a backup, or remove it and backfill its "
            "day."
        )
    return True


def _give_name(layout: DataDirectory, part: Path, path: Path) -> None:
    if path.is_relative_to(layout.lake):
        layout.modes.make_lake_folders(path.parent)
        layout.modes.open_lake(part)
    else:
        path.parent.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        sys.audit("smartconnect.point", "warehouse.storedfetch.folder-made")
        part.chmod(PRIVATE_FILE)
    sys.audit("smartconnect.point", "warehouse.storedfetch.mode-given")
    sync(part)
    part.replace(path)
    sys.audit("smartconnect.point", "warehouse.storedfetch.named")
    sync(path.parent)
