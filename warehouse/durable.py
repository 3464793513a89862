"""Small writes that are durable when they return: the folder's names too."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PRIVATE_DIR, PRIVATE_FILE = 0o700, 0o600


def sync(path: Path) -> None:
    """fsync a file, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish_bytes(path: Path, content: bytes, mode: int = PRIVATE_FILE) -> None:
    """Write beside, fsync, rename, fsync the folder: whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    sys.audit("smartconnect.point", "warehouse.durable.bytes-written")
    beside.chmod(mode)
    sys.audit("smartconnect.point", "warehouse.durable.bytes-closed")
    sync(beside)
    beside.replace(path)
    sys.audit("smartconnect.point", "warehouse.durable.bytes-renamed")
    sync(path.parent)
