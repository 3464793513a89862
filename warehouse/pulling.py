"""The release that an object store shows, brought to a folder of this machine.

The folder looks like a data directory to a reader: `current` leads to `releases/<publication>/`. A
file is written aside, from where a pull that was cut off ended, and proven by its hash; the link is
swapped once all of them are durable. A release that is there already is not asked for again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from warehouse.disk import on_disk
from warehouse.errors import HashMismatch, NoSuchRelease, StoreUnavailable, WriterBusy
from warehouse.integrity import DATABASE, MANIFEST, sha256
from warehouse.layout import PRIVATE_DIR, publish_bytes, sync
from warehouse.sparetree import MONTHS, PARQUET
from warehouse.store import ObjectStore
from warehouse.storepointer import Pointer, read_pointer

READ_ONLY, BLOCK_BYTES, TIMES = 0o400, 1024 * 1024, 4
_CURRENT, _ASIDE, _LOCK = "current", ".pulling", ".pull.lock"


@dataclass(frozen=True)
class Pulled:
    """What a pull came to: where the release is, and the bytes that were fetched for it."""

    release: int
    path: Path
    bytes: int
    new: bool


class _Expired(Exception):
    """An object went while it was read: the release expired."""


@on_disk("bring a release here")
def pull(store: ObjectStore, folder: Path, *, parquet: bool, wait_seconds: float = 0) -> Pulled:
    """Bring the database of the current release, and its Parquet files if asked, into `folder`.

    Raises:
        NoSuchRelease: nothing is published on the store, or something older than what is here.
        StoreUnavailable, StoreRefused: nothing changed here; run again.
        HashMismatch: what came isn't what was published.
        WriterBusy: another pull fills the folder, for longer than that.
    """
    folder.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    sys.audit("smartconnect.point", "warehouse.pulling.folder-made")
    with _alone(folder, wait_seconds):
        for _ in range(TIMES):
            there = read_pointer(store)
            if there is None:
                raise NoSuchRelease(f"Nothing is published on {store.url} yet.")
            try:
                return _Pull(store, folder.resolve(), there.pointer).run(parquet=parquet)
            except _Expired:
                continue  # a newer one was published long ago
    raise StoreUnavailable(
        f"Each release of {store.url} that was begun with expired before it was here: it is "
        "published faster than this line is (SMARTCONNECT_STORE_GRACE_SECONDS)."
    )


class _Pull:
    """One release on its way here."""

    def __init__(self, store: ObjectStore, folder: Path, pointer: Pointer) -> None:
        self._store = store
        self._folder = folder
        self._pointer = pointer
        self._target = folder / "releases" / str(pointer.publication)
        self._aside = folder / _ASIDE
        self._bytes = 0

    def run(self, *, parquet: bool) -> Pulled:
        """Fetch what is missing, then show it."""
        text = self._manifest()
        files = json.loads(text)["files"]
        wanted = {n: told for n, told in files.items() if parquet or n == DATABASE}
        self._refuse_older(text)
        missing = {n: told for n, told in wanted.items() if not (self._target / n).exists()}
        if any(n != DATABASE for n in missing):  # the tree is put in its place as a whole
            missing |= {n: told for n, told in wanted.items() if n != DATABASE}
        if not missing and self._shown():
            self._tidy()
            return Pulled(self._pointer.release, self._target, 0, new=False)
        if missing:
            self._bring(missing, text)
        self._show()
        self._tidy()
        return Pulled(self._pointer.release, self._target, self._bytes, new=True)

    def _bring(self, missing: Mapping[str, Mapping[str, Any]], text: bytes) -> None:
        self._aside.mkdir(mode=PRIVATE_DIR, exist_ok=True)
        sys.audit("smartconnect.point", "warehouse.pulling.aside-made")
        for name, told in missing.items():
            self._fetch(name, told)
        self._put(missing, text)

    def _manifest(self) -> bytes:
        found = self._store.read(self._pointer.manifest)
        if found is None:
            raise _Expired
        if hashlib.sha256(found.content).hexdigest() != self._pointer.sha256:
            raise self._other_content(self._pointer.manifest)
        return found.content

    def _shown(self) -> bool:
        return (self._folder / _CURRENT).resolve() == self._target

    def _refuse_older(self, text: bytes) -> None:
        kept = self._target / MANIFEST
        shown = (self._folder / _CURRENT).resolve().name
        newer = shown.isdigit() and int(shown) > self._pointer.publication
        if newer or (kept.exists() and kept.read_bytes() != text):
            raise NoSuchRelease(
                f"{self._folder} has publication {shown}, and {self._store.url} shows "
                f"{self._pointer.publication}: it was begun anew. Pull into an empty folder."
            )

    def _fetch(self, name: str, told: Mapping[str, Any]) -> None:
        """Bring a file aside, from where it was cut off, or from the release before."""
        part = self._part(told)
        before = self._folder / _CURRENT / name
        if not part.exists() and before.exists() and sha256(before) == told["sha256"]:
            os.link(before.resolve(), part)
            sys.audit("smartconnect.point", "warehouse.pulling.kept-linked")
            return
        for last in (False,) * (TIMES - 1) + (True,):
            try:
                self._go_on(part, told)
                break
            except StoreUnavailable:  # in the middle: what came stays, and is gone on from
                if last:
                    raise
        if part.stat().st_size != told["bytes"] or sha256(part) != told["sha256"]:
            part.unlink()
            sys.audit("smartconnect.point", "warehouse.pulling.other-removed")
            raise self._other_content(told["key"])
        part.chmod(READ_ONLY)
        sys.audit("smartconnect.point", "warehouse.pulling.part-closed")
        sync(part)

    def _go_on(self, part: Path, told: Mapping[str, Any]) -> None:
        there = part.stat().st_size if part.exists() else 0
        if there >= told["bytes"]:
            return
        chunks = self._store.chunks(told["key"], there)
        if chunks is None:
            raise _Expired
        with part.open("ab") as file:
            for chunk in chunks:
                file.write(chunk)
                sys.audit("smartconnect.point", "warehouse.pulling.chunk-written")
                self._bytes += len(chunk)

    def _part(self, told: Mapping[str, Any]) -> Path:
        return self._aside / f"{told['sha256']}.part"

    def _put(self, missing: Mapping[str, Mapping[str, Any]], text: bytes) -> None:
        """Give the files their places: in a release of their own, or in one that is here."""
        building = self._aside / "release"
        shutil.rmtree(building, ignore_errors=True)
        sys.audit("smartconnect.point", "warehouse.pulling.leftover-removed")
        for name, told in missing.items():
            place = building / name
            place.parent.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
            sys.audit("smartconnect.point", "warehouse.pulling.place-made")
            os.link(self._part(told), place)
            sys.audit("smartconnect.point", "warehouse.pulling.file-placed")
        publish_bytes(building / MANIFEST, text, READ_ONLY)
        sys.audit("smartconnect.point", "warehouse.pulling.manifest-placed")
        for path, _, _ in os.walk(building, topdown=False):
            sync(Path(path))
        self._target.parent.mkdir(mode=PRIVATE_DIR, exist_ok=True)
        sys.audit("smartconnect.point", "warehouse.pulling.releases-made")
        if not self._target.exists():
            building.rename(self._target)
            sys.audit("smartconnect.point", "warehouse.pulling.release-named")
        else:
            for name in [n for n in (DATABASE, PARQUET, MONTHS) if (building / n).exists()]:
                shutil.rmtree(self._target / name, ignore_errors=True)
                sys.audit("smartconnect.point", "warehouse.pulling.part-of-it-removed")
                (building / name).rename(self._target / name)
                sys.audit("smartconnect.point", "warehouse.pulling.part-of-it-named")
            sync(self._target)
        sync(self._target.parent)

    def _show(self) -> None:
        """Swap the link; readers see the old release or the new one."""
        beside = self._folder / ".current"
        beside.unlink(missing_ok=True)
        sys.audit("smartconnect.point", "warehouse.pulling.old-link-removed")
        beside.symlink_to(Path("releases") / self._target.name)
        sys.audit("smartconnect.point", "warehouse.pulling.link-made")
        beside.replace(self._folder / _CURRENT)
        sys.audit("smartconnect.point", "warehouse.pulling.link-swapped")
        sync(self._folder)

    def _tidy(self) -> None:
        """Remove what is no longer shown, also after a kill; open files stay readable."""
        for old in [p for p in self._target.parent.iterdir() if p != self._target]:
            shutil.rmtree(old, ignore_errors=True)
            sys.audit("smartconnect.point", "warehouse.pulling.old-removed")
        shutil.rmtree(self._aside, ignore_errors=True)
        sys.audit("smartconnect.point", "warehouse.pulling.aside-removed")

    def _other_content(self, key: str) -> HashMismatch:
        return HashMismatch(
            f"{self._store.url}/{key} isn't what was published (its hash is another one). Nothing "
            "changed here. Remove it there and run `smartconnect push` where it comes from."
        )


@contextmanager
def _alone(folder: Path, wait_seconds: float) -> Iterator[None]:
    lock = FileLock(folder / _LOCK, thread_local=False)
    try:
        lock.acquire(timeout=wait_seconds)
    except Timeout:
        raise WriterBusy(f"Another pull fills {folder}: let it end.") from None
    try:
        yield
    finally:
        lock.release()
