"""Readers of a store put back to a release that is kept there, by any machine that shares files.

It is published again, as the newest publication, under the same condition as any: who publishes at
the same moment wins, or whoever puts back does, and the other is told.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from warehouse.errors import NoSuchRelease, OtherOrigin, OtherPublisher
from warehouse.files import read_here
from warehouse.integrity import MANIFEST
from warehouse.layout import DataDirectory
from warehouse.published import releases
from warehouse.putback import note_put_back, set_hold
from warehouse.releases import point_at
from warehouse.store import ObjectStore
from warehouse.storepointer import (
    MANIFESTS,
    Kept,
    Pointer,
    PointerRead,
    attempt_of,
    read_manifest,
    read_pointer,
)
from warehouse.storepublishing import SHARED, Rules, kept_after, publish_pointer, sweep_once


def on_store(store: ObjectStore) -> list[int]:
    """The numbers of the releases that are on the store, in their order."""
    found = read_pointer(store)
    if found is None:
        return []
    return sorted({found.pointer.release, *(kept.release for kept in found.pointer.kept)})


def roll_back_on_store(
    layout: DataDirectory, store: ObjectStore, rules: Rules, to: int | None, *, hold: bool
) -> int:
    """Put readers of all machines back to a release; the one before the current one if None.

    Nothing of it needs to be on this machine; where it is, `current` leads to it here, too.

    Returns:
        The release's number.

    Raises:
        NoSuchRelease: it isn't on the store; the message lists those that are.
        OtherPublisher: another machine published at the same moment, and its release is shown.
        OtherOrigin: another company's releases are there.
        StoreUnavailable, StoreRefused: run again.
    """
    base = read_pointer(store)
    if base is None:
        raise NoSuchRelease(f"Nothing is published on {store.url} yet.")
    if base.pointer.origin != layout.origin:
        raise OtherOrigin(f"{store.url} holds releases of {base.pointer.origin}.")
    chosen = _chosen(store, base.pointer, to)
    manifest = _manifest(layout, store, chosen)
    shown = read_manifest(store, base.pointer.manifest) or {}
    note_put_back(layout, chosen.release, _revision(manifest), since=_revision(shown), hold=hold)
    if chosen.manifest != base.pointer.manifest:
        try:
            _publish(layout, store, base, rules, chosen, manifest)
        except OtherPublisher:
            raise OtherPublisher(
                f"Readers of {store.url} were to be put back to release {chosen.release}; at the "
                "same moment another machine published, and its release is shown. Look at it "
                "(`smartconnect status`), and roll back again if you want to."
            ) from None
    set_hold(layout, hold=hold)  # not before: of a rollback that fails nothing is held
    _follow(layout, str(manifest.get("local_sha256")))
    return chosen.release


def _chosen(store: ObjectStore, shown: Pointer, to: int | None) -> Kept:
    """Where the release is; of publications of the same one, the latest."""
    now = Kept(shown.publication, shown.release, shown.manifest, "")
    found = (now, *shown.kept)
    if to is None:
        earlier = [one for one in found if one.release < shown.release]
        chosen = max(earlier, key=lambda one: (one.release, one.publication), default=None)
    else:
        chosen = next((one for one in found if one.release == to), None)
    if chosen is None:
        listed = ", ".join(str(n) for n in sorted({one.release for one in found}))
        wanted = f"release {to}" if to is not None else "release before the current one"
        raise NoSuchRelease(f"There is no {wanted} on {store.url}; there are: {listed}.")
    return chosen


def _manifest(layout: DataDirectory, store: ObjectStore, chosen: Kept) -> dict[str, Any]:
    manifest = read_manifest(store, chosen.manifest)
    if manifest is None:
        raise NoSuchRelease(f"Release {chosen.release} has just expired on {store.url}.")
    if manifest.get("personal", True) and not layout.personal_published:
        raise NoSuchRelease(
            f"Release {chosen.release} holds the personal columns, which are withheld now "
            "(SMARTCONNECT_PUBLISH_PERSONAL)."
        )
    return manifest


def _publish(
    layout: DataDirectory,
    store: ObjectStore,
    base: PointerRead,
    rules: Rules,
    chosen: Kept,
    manifest: Mapping[str, Any],
) -> None:
    """Publish it again; its files are there, and its manifest only tells another publication."""
    number = base.pointer.publication + 1
    text = json.dumps({**manifest, "publication": number}, indent=1).encode()
    # Of this one alone: a machine that mirrors it now has another text, under another key.
    name = hashlib.sha256(f"again {chosen.manifest}".encode()).hexdigest()[:8]
    key = f"{MANIFESTS}{number}-{attempt_of(SHARED, base.etag)}-{name}.json"
    now = store.put(key, text)
    sys.audit("smartconnect.point", "warehouse.storeputback.manifest-there")
    pointer = replace(
        base.pointer,
        publisher=SHARED,
        nonce=token_hex(8),
        publication=number,
        release=chosen.release,
        manifest=key,
        sha256=hashlib.sha256(text).hexdigest(),
        local_sha256=str(manifest.get("local_sha256", "")),
        personal=bool(manifest.get("personal", True)),
        published_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    expired = now - timedelta(seconds=rules.grace_seconds)
    others = tuple(
        kept
        for kept in base.pointer.kept
        if kept.release != chosen.release or not kept.older_than(expired)
    )
    pointer = replace(
        pointer, kept=kept_after(replace(base.pointer, kept=others), pointer, now, rules)
    )
    sweep_once(layout, store, publish_pointer(store, pointer, base), rules)


def _follow(layout: DataDirectory, local_sha256: str) -> None:
    """Point this machine's own readers at it, too, where it is here."""
    for release in releases(layout):
        text = read_here(release.path / MANIFEST) or b""
        if hashlib.sha256(text).hexdigest() == local_sha256:
            point_at(layout, release)


def _revision(manifest: Mapping[str, Any]) -> int:
    return int(manifest.get("revision") or 0)
