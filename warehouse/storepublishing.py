"""`current.json` written under its condition, and what no release needs any more swept away after.

Whoever publishes on a store does it so, a release that was made or one from before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from warehouse.errors import OtherPublisher, WriterBusy
from warehouse.layout import PRIVATE_DIR, PRIVATE_FILE, DataDirectory, publish_bytes
from warehouse.store import ObjectStore
from warehouse.storepointer import (
    DATA,
    MANIFESTS,
    POINTER,
    Kept,
    Pointer,
    PointerRead,
    is_ours,
    read_manifest,
    read_pointer,
)

TIMES, SHARED = 3, "all machines"


@dataclass(frozen=True)
class Rules:
    """How many releases are kept on the store, and how long a superseded one at least."""

    keep: int
    grace_seconds: float
    wait_seconds: float
    take_over: bool = False


def kept_after(before: Pointer, pointer: Pointer, now: datetime, rules: Rules) -> tuple[Kept, ...]:
    """The releases that stay for their readers: the last ones, and who went not long ago.

    None stays after an erasure, nor once the personal columns are withheld.
    """
    if pointer.erasures > before.erasures or (before.personal and not pointer.personal):
        return ()
    was = Kept(before.publication, before.release, before.manifest, now.isoformat())
    expired = now - timedelta(seconds=rules.grace_seconds)
    return tuple(
        kept
        for place, kept in enumerate((was, *before.kept))
        if place < rules.keep - 1 or not kept.older_than(expired)
    )


def publish_pointer(store: ObjectStore, pointer: Pointer, base: PointerRead | None) -> PointerRead:
    """Write the pointer if nobody has since `base` was read.

    A refusal may be the answer to a request that was sent twice, since the first one's answer was
    lost; a store may also refuse two at once and write neither. So it is looked at again.
    """
    for _ in range(TIMES):
        store.put_if(POINTER, pointer.text(), base.etag if base else None)
        sys.audit("smartconnect.point", "warehouse.storepublishing.published")
        found = read_pointer(store)
        if found and found.pointer.nonce == pointer.nonce:
            return found
        if (found.etag if found else None) != (base.etag if base else None):
            break
    raise OtherPublisher(
        f"Release {pointer.release} was to be published on {store.url}; meanwhile another loader "
        "published there, and its release stays. Nothing is lost: let one loader alone publish "
        "there, or run `smartconnect push` if it was this one (docs/object-store.md)."
    )


def sweep_once(
    layout: DataDirectory, store: ObjectStore, published: PointerRead, rules: Rules
) -> int:
    """Sweep after each publication, once; a sweep that was cut off is made by the next run."""
    note = store_folder(layout) / "swept"
    if note.exists() and note.read_text(encoding="utf-8") == published.etag:
        return 0
    removed = _sweep(store, published, rules)
    publish_bytes(note, published.etag.encode())
    sys.audit("smartconnect.point", "warehouse.storepublishing.swept-noted")
    return removed


def _sweep(store: ObjectStore, published: PointerRead, rules: Rules) -> int:
    """Remove what no kept release names and was written before this publication, and its grace.

    Who else is uploading does so on top of a later pointer than ours, or publishes in vain.
    """
    pointer = published.pointer
    manifests = {pointer.manifest, *(kept.manifest for kept in pointer.kept)}
    needed = set(manifests)
    for key in manifests:
        manifest = read_manifest(store, key)
        if manifest is None:
            return 0  # somebody removed it by hand: what it needed can't be told
        needed |= {told["key"] for told in manifest["files"].values()}
    grace = timedelta(seconds=rules.grace_seconds if pointer.kept else 0)
    old = published.modified - grace
    unneeded = [
        found.key
        for folder in (DATA, MANIFESTS)
        for found in store.listed(folder)
        if found.key not in needed and found.modified < old and is_ours(found.key)
    ]
    removed = store.delete(unneeded)
    sys.audit("smartconnect.point", "warehouse.storepublishing.swept")
    store.abort_uploads(DATA, old)
    return removed


def store_folder(layout: DataDirectory) -> Path:
    """Where a data directory keeps what it knows of its store."""
    layout.store.mkdir(mode=PRIVATE_DIR, exist_ok=True)
    sys.audit("smartconnect.point", "warehouse.storepublishing.folder-made")
    return layout.store


@contextmanager
def alone(layout: DataDirectory, wait_seconds: float) -> Iterator[None]:
    """Only one run of a data directory mirrors at a time.

    Raises:
        WriterBusy: another does, for longer than that.
    """
    lock = FileLock(layout.locks / "store.lock", thread_local=False, mode=PRIVATE_FILE)
    try:
        lock.acquire(timeout=wait_seconds, poll_interval=0.05)
    except Timeout:
        raise WriterBusy(
            f"Another run uploads the release of {layout.root}, and {wait_seconds:g} seconds of "
            "waiting did not change that: the next run uploads what it leaves."
        ) from None
    try:
        yield
    finally:
        lock.release()
