"""The current release, mirrored to an object store: new files, a manifest, and then the pointer.

Nothing there relies on a rename. Until `current.json` is written, readers see the release before;
it is written only if nobody has since. What no release needs any more is swept away afterwards.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from warehouse.atonce import at_once
from warehouse.erasinglist import read_list
from warehouse.errors import HashMismatch, NoSuchRelease, OtherOrigin, OtherPublisher
from warehouse.integrity import MANIFEST, is_as_published, sha256
from warehouse.layout import DataDirectory, publish_bytes
from warehouse.published import current_release
from warehouse.putback import stays_put_back
from warehouse.store import ObjectStore
from warehouse.storepointer import (
    DATA,
    MANIFESTS,
    PROBE,
    Pointer,
    PointerRead,
    attempt_of,
    data_key,
    is_published,
    read_manifest,
    read_pointer,
    store_manifest,
)
from warehouse.storepublishing import (
    SHARED,
    TIMES,
    Rules,
    alone,
    kept_after,
    publish_pointer,
    store_folder,
    sweep_once,
)
from warehouse.writercopy import is_newest


@dataclass(frozen=True)
class Mirrored:
    """What became of a release: files and bytes that were sent, objects that were removed.

    `elsewhere`: another machine has loaded since, and publishes with it what this one has.
    `put_back`: readers were put back to another release, and stay there.
    """

    release: int
    new: bool
    files: int = 0
    bytes: int = 0
    removed: int = 0
    elsewhere: bool = False
    put_back: bool = False


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
    with alone(layout, rules.wait_seconds):
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
        left = sweep_once(layout, store, base, rules) if base.pointer.publisher == publisher else 0
        if _is_shown(local, base.pointer, publisher):
            return Mirrored(local.number, new=False, removed=left)
        if _stays_put_back(layout, local, base.pointer):
            return Mirrored(local.number, new=False, removed=left, put_back=True)
    else:
        store.prove_conditions(f"{PROBE}-{token_hex(8)}.json")
    attempt = attempt_of(publisher, base.etag if base else None)
    local = _hashed(local)
    sent = _send(store, local, _known(store, base), attempt)
    number = base.pointer.publication + 1 if base else 1
    text = store_manifest(local.manifest, local.sha256, number, sent.keys)
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
        pointer = replace(pointer, kept=kept_after(before, pointer, now, rules))
    published = publish_pointer(store, pointer, base)
    removed = sweep_once(layout, store, published, rules)
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


def _stays_put_back(layout: DataDirectory, local: _Local, there: Pointer) -> bool:
    """Whether readers of all machines were put back from this release; what is withheld goes on."""
    if not layout.files.shared or local.erasures > there.erasures:
        return False
    if there.personal and not local.manifest.get("personal", True):
        return False
    return stays_put_back(layout, local.number, int(local.manifest.get("revision") or 0))


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

    at_once(send, wanted)
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


def _publisher(layout: DataDirectory) -> str:
    """What this data directory is known by on the store: all machines that share it are one."""
    if layout.files.shared:
        return SHARED
    path = store_folder(layout) / "publisher"
    if not path.exists():
        publish_bytes(path, token_hex(8).encode())
        sys.audit("smartconnect.point", "warehouse.mirroring.publisher-named")
    return path.read_text(encoding="utf-8")
