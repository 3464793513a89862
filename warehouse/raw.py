"""The vendor's bytes, kept as they came: immutable, found by their hash, proven before use."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

from warehouse.errors import HashMismatch
from warehouse.layout import PRIVATE_DIR, PRIVATE_FILE, DataDirectory, sync


def store_raw(
    layout: DataDirectory,
    source: Path,
    *,
    dataset: str,
    date_from: date,
    date_to: date,
    sha256: str,
    suffix: str,
) -> Path:
    """Move `source` to `raw/<dataset>/<from>_<to>/<sha256><suffix>`, durably.

    The same bytes are kept once. `source` must be on the same file system.

    Raises:
        HashMismatch: the bytes aren't those of `sha256`; `source` stays.
    """
    prove_hash(source, sha256)
    folder = layout.raw_folder(dataset, date_from, date_to)
    folder.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    target = folder / f"{sha256}{suffix}"
    source.chmod(PRIVATE_FILE)
    sync(source)
    source.replace(target)
    sync(folder)
    sync(folder.parent)
    return target


def prove_hash(path: Path, sha256: str) -> None:
    """Read the whole file and compare.

    Raises:
        HashMismatch: it was changed since it was downloaded.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise HashMismatch(
            f"{path.name} should have the hash {sha256[:12]}… and has {found[:12]}…: it was "
            "damaged after its download. Backfill its day to fetch it again."
        )
