"""The current release, mirrored to an object store: new files, a manifest, and then the pointer.

Nothing there relies on a rename. Until `current.json` is written, readers see the release before;
it is written only if nobody has since. What no release needs any more is swept away afterwards.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from filelock import FileLock, Timeout

from warehouse.erasinglist import read_list
from warehouse.errors import HashMismatch, NoSuchRelease, OtherOrigin, OtherPublisher, WriterBusy
from warehouse.integrity import MANIFEST, is_as_published, sha256
from warehouse.layout import PRIVATE_DIR, PRIVATE_FILE, DataDirectory, publish_bytes
from warehouse.releases import current_release
from warehouse.store import ObjectStore
from warehouse.storepointer import (
    DATA,
    MANIFESTS,
    POINTER,
    PROBE,
    Kept,
    Pointer,
    PointerRead,
    attempt_of,
    data_key,
    is_ours,
    is_published,
    read_manifest,
    read_pointer,
    store_manifest,
)
from warehouse.writercopy import is_newest

AT_ONCE, TIMES, SHARED = 8, 3, "all machines"


@dataclass(frozen=True)
class Mirrored:
    """What became of a release: files and bytes that were sent, objects that were removed.

    `elsewhere`: another machine has loaded since, and publishes with it what this one has.
    """

    release: int
    new: bool
    files: int = 0
    bytes: int = 0
    removed: int = 0
    elsewhere: bool = False


@dataclass(frozen=True)
class Rules:
    """How many releases are kept on the store, and how long a superseded one at least."""

    keep: int
    grace_seconds: float
    wait_seconds: float
    take_over: bool = False


@dataclass(frozen=True)
class _Local:
    """The release of the data directory that is to be seen."""

    number: int
    path: Path
    manifest: Mapping[str, Any]
    sha256: str
    erasures: int


def mirror(layout: DataDirectory, store: ObjectStore, rules: Rules) -> Mirrored:
    """Let readers of the store see what readers of the data directory see.

    A run that was cut off is gone on with: what it uploaded isn't uploaded again.

    Raises:
        StoreUnavailable: nothing changed for readers; run again later.
        StoreRefused: the store says no.
        OtherPublisher: somebody else published there, now or before.
        OtherOrigin: another company's releases are there.
        HashMismatch: the release was written into.
        NoSuchRelease: nothing is published in the data directory.
        WriterBusy: another run mirrors.
    """
    with _alone(layout, rules.wait_seconds):
        for last in (False,) * (TIMES - 1) + (True,):
            try:
                return _mirror(layout, store, rules)
            except FileNotFoundError:  # a run published meanwhile, and the release went
                if last:
                    raise NoSuchRelease(
                        f"The release of {layout.root} went while it was uploaded: it is kept too "
                        "short (SMARTCONNECT_KEEP_RELEASES). The next run uploads its own."
                    ) from None
    raise AssertionError


def _mirror(layout: DataDirectory, store: ObjectStore, rules: Rules) -> Mirrored:
    local, base = _local(layout), read_pointer(store)
    if not is_newest(layout):  # after the pointer: who hands over later publishes on top of it
        return Mirrored(local.number, new=False, elsewhere=True)
    publisher = _publisher(layout)
    if base:
        _refuse_other(layout, store, base.pointer, publisher, take_over=rules.take_over)
        left = _sweep_once(layout, store, base, rules) if base.pointer.publisher == publisher else 0
        if _is_shown(local, base.pointer, publisher):
            return Mirrored(local.number, new=False, removed=left)
    else:
        store.prove_conditions(f"{PROBE}-{token_hex(8)}.json")
    attempt = attempt_of(publisher, base.etag if base else None)
    local = _hashed(local)
    sent = _send(store, local, _known(store, base), attempt)
    number = base.pointer.publication + 1 if base else 1
    text = store_manifest(local.manifest, number, sent.keys)
    key = f"{MANIFESTS}{number}-{attempt}-{local.sha256[:8]}.json"
    now = store.put(key, text)
    sys.audit("smartconnect.point", "warehouse.mirroring.manifest-there")
    before = base.pointer if base else None
    pointer = Pointer(
        origin=layout.origin,
        publisher=publisher,
        nonce=token_hex(8),
        publication=number,
        release=local.number,
        manifest=key,
        sha256=hashlib.sha256(text).hexdigest(),
        local_sha256=local.sha256,
        personal=bool(local.manifest.get("personal", True)),
        erasures=max(local.erasures, before.erasures if before else 0),
        published_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if before:
        pointer = replace(pointer, kept=_kept(before, pointer, now, rules))
    published = _publish(store, pointer, base)
    removed = _sweep_once(layout, store, published, rules)
    return Mirrored(local.number, True, sent.files, sent.bytes, removed)


def _local(layout: DataDirectory) -> _Local:
    known = read_list(layout)  # before the release: what is published after an end is free of it
    release = current_release(layout)
    if release is None:
        raise NoSuchRelease(f"Nothing is published in {layout.root} yet: run a nightly first.")
    text = (release.path / MANIFEST).read_bytes()
    erasures = 0 if known.unfinished else known.generation
    digest = hashlib.sha256(text).hexdigest()
    return _Local(release.number, release.path, json.loads(text), digest, erasures)


def _is_shown(local: _Local, there: Pointer, publisher: str) -> bool:
    return (
        there.local_sha256 == local.sha256
        and there.publisher == publisher
        and there.erasures >= local.erasures
    )


def _refuse_other(
    layout: DataDirectory, store: ObjectStore, there: Pointer, publisher: str, *, take_over: bool
) -> None:
    if there.origin != layout.origin:
        raise OtherOrigin(
            f"{store.url} holds releases of {there.origin}, and {layout.root} holds data of "
            f"{layout.origin}: name another prefix in SMARTCONNECT_STORE_URL."
        )
    if there.publisher != publisher and not take_over:
        raise OtherPublisher(
            f"To publish release on {store.url}, it must be ours; another data directory "
            f"published there last ({there.published_at}). Its readers see its release as before. "
            "If this one is to publish from now on: `smartconnect push --take-over`."
        )


@dataclass(frozen=True)
class _Sent:
    """A release's files by name with their keys, and what of them was uploaded now."""

    keys: Mapping[str, str]
    files: int
    bytes: int


def _known(store: ObjectStore, base: PointerRead | None) -> dict[tuple[str, str], str]:
    """Keys that can be counted on, by name and hash: of releases that are kept there."""
    if base is None:
        return {}
    known: dict[tuple[str, str], str] = {}
    for key in (base.pointer.manifest, *(kept.manifest for kept in base.pointer.kept)):
        files = (read_manifest(store, key) or {}).get("files", {})
        for name, told in files.items():
            known.setdefault((name, told["sha256"]), told["key"])
    return known


def _send(
    store: ObjectStore, local: _Local, known: Mapping[tuple[str, str], str], attempt: str
) -> _Sent:
    """Upload what no kept release has, and this attempt hasn't uploaded before it was cut off."""
    files = {n: told for n, told in local.manifest["files"].items() if is_published(n)}
    keys = {
        name: known.get((name, told["sha256"])) or data_key(name, told["sha256"], attempt)
        for name, told in files.items()
    }
    counted_on = set(known.values())
    wanted = [name for name, key in keys.items() if key not in counted_on]
    there = {o.key: o.size_bytes for o in store.listed(DATA)} if wanted else {}
    wanted = [name for name in wanted if there.get(keys[name]) != files[name]["bytes"]]

    def send(name: str) -> None:
        path = local.path / name
        if sha256(path) != files[name]["sha256"]:
            raise _written_into(path, local.number)
        store.upload(path, keys[name])
        sys.audit("smartconnect.point", "warehouse.mirroring.file-sent")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(send, name) for name in wanted]:
            try:
                done.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return _Sent(keys, len(wanted), sum(files[name]["bytes"] for name in wanted))


def _hashed(local: _Local) -> _Local:
    """With the sha256 of files that the data directory knows otherwise: readers there prove it."""
    files = dict(local.manifest["files"])
    for name, told in files.items():
        if not told.get("sha256"):
            path = local.path / name
            if not is_as_published(path, told):
                raise _written_into(path, local.number)
            files[name] = {**told, "sha256": sha256(path)}
    return replace(local, manifest={**local.manifest, "files": files})


def _written_into(path: Path, number: int) -> HashMismatch:
    return HashMismatch(
        f"{path} isn't what release {number} was published with: nothing of it was put on the "
        "object store. The next run replaces the release."
    )


def _kept(before: Pointer, pointer: Pointer, now: datetime, rules: Rules) -> tuple[Kept, ...]:
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


def _publish(store: ObjectStore, pointer: Pointer, base: PointerRead | None) -> PointerRead:
    """Write the pointer if nobody has since `base` was read.

    A refusal may be the answer to a request that was sent twice, since the first one's answer was
    lost; a store may also refuse two at once and write neither. So it is looked at again.
    """
    for _ in range(TIMES):
        store.put_if(POINTER, pointer.text(), base.etag if base else None)
        sys.audit("smartconnect.point", "warehouse.mirroring.published")
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


def _sweep_once(
    layout: DataDirectory, store: ObjectStore, published: PointerRead, rules: Rules
) -> int:
    """Sweep after each publication, once; a sweep that was cut off is made by the next run."""
    note = _folder(layout) / "swept"
    if note.exists() and note.read_text(encoding="utf-8") == published.etag:
        return 0
    removed = _sweep(store, published, rules)
    publish_bytes(note, published.etag.encode())
    sys.audit("smartconnect.point", "warehouse.mirroring.swept-noted")
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
    sys.audit("smartconnect.point", "warehouse.mirroring.swept")
    store.abort_uploads(DATA, old)
    return removed


def _publisher(layout: DataDirectory) -> str:
    """What this data directory is known by on the store: all machines that share it are one."""
    if layout.files.shared:
        return SHARED
    path = _folder(layout) / "publisher"
    if not path.exists():
        publish_bytes(path, token_hex(8).encode())
        sys.audit("smartconnect.point", "warehouse.mirroring.publisher-named")
    return path.read_text(encoding="utf-8")


def _folder(layout: DataDirectory) -> Path:
    layout.store.mkdir(mode=PRIVATE_DIR, exist_ok=True)
    sys.audit("smartconnect.point", "warehouse.mirroring.folder-made")
    return layout.store


@contextmanager
def _alone(layout: DataDirectory, wait_seconds: float) -> Iterator[None]:
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
