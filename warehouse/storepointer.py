"""What an object store holds of us: `current.json`, manifests, and files that never change.

`current.json` is the one object that is ever written again, and only under the condition that it is
still what was read before. It names the manifest of the release that readers see, and those that
are kept for readers who began with them. A manifest lists its files by key, hash and length.

A key has a part that stands for who publishes after which `current.json` (`attempt`). So a run that
was cut off finds what it uploaded, no key is ever written with two contents, and what one loader
sweeps away another can't be counting on (docs/adr/0008).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from warehouse.errors import StoreRefused
from warehouse.integrity import DATABASE, Files
from warehouse.sparetree import MONTHS, PARQUET
from warehouse.store import ObjectStore

POINTER, DATA, MANIFESTS, PROBE = "current.json", "data/", "releases/", "probe"
FORMAT = 1
_PART = "/part.parquet"
_OURS = re.compile(
    r"data/([^/]+/(window_day=[^/]+/)?|months/[^/]+/month=[^/]+/)"
    r"[0-9a-f]{64}-[0-9a-f]{12}\.(parquet|duckdb)"
    r"|releases/\d+-[0-9a-f]{12}-[0-9a-f]{8}\.json"
)


@dataclass(frozen=True)
class Kept:
    """A release that readers may still be reading, and since when they see another one."""

    publication: int
    release: int
    manifest: str
    superseded_at: str

    def older_than(self, moment: datetime) -> bool:
        """Whether another one was published before that."""
        return datetime.fromisoformat(self.superseded_at) < moment


@dataclass(frozen=True)
class Pointer:
    """`current.json`.

    Attributes:
        origin: whose data it is: the vendor's host, or `sandbox`.
        publisher: the data directory that published it.
        nonce: makes each one's text, and so its etag, its own.
        publication: counts what was published here, a release that is shown again included.
        release: its number in the data directory.
        manifest: its manifest's key.
        sha256: the manifest's hash.
        local_sha256: that of the manifest in the data directory.
        personal: whether it holds the personal columns.
        erasures: how far the list of erased persons had grown that it is free of.
        published_at: by the publisher's clock, for people.
        kept: the releases before it, the latest first.
    """

    origin: str
    publisher: str
    nonce: str
    publication: int
    release: int
    manifest: str
    sha256: str
    local_sha256: str
    personal: bool
    erasures: int
    published_at: str
    kept: tuple[Kept, ...] = ()

    def text(self) -> bytes:
        """As it is written."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()


@dataclass(frozen=True)
class PointerRead:
    """A pointer, and what it is known by to a conditional write."""

    pointer: Pointer
    etag: str
    modified: datetime
    at: datetime


def read_pointer(store: ObjectStore) -> PointerRead | None:
    """What is published there; None where nothing is.

    Raises:
        StoreRefused: there is something that isn't ours, or of a later version of us.
    """
    found = store.read(POINTER)
    if found is None:
        return None
    try:
        pointer = _pointer(json.loads(found.content))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StoreRefused(
            f"{store.url}/{POINTER} isn't what this version publishes: name another prefix in "
            "SMARTCONNECT_STORE_URL, or use the version that wrote it."
        ) from None
    return PointerRead(pointer, found.etag, found.modified, found.at)


def _pointer(told: dict[str, Any]) -> Pointer:
    if told.pop("format") != FORMAT:
        raise ValueError
    kept = tuple(Kept(**one) for one in told.pop("kept"))
    return Pointer(**told, kept=kept)


def read_manifest(store: ObjectStore, key: str) -> dict[str, Any] | None:
    """A manifest; None where it has expired."""
    found = store.read(key)
    return dict(json.loads(found.content)) if found else None


def attempt_of(publisher: str, etag: str | None) -> str:
    """Stands in keys for a publisher's work on top of what was published before."""
    return hashlib.sha256(f"{publisher} {etag or 'first'}".encode()).hexdigest()[:12]


def data_key(name: str, sha256: str, attempt: str) -> str:
    """Where a release's file is: its partition stays readable in the key."""
    if name == DATABASE:
        return f"{DATA}warehouse/{sha256}-{attempt}.duckdb"
    folder = name.removeprefix(f"{PARQUET}/").removesuffix(_PART)
    return f"{DATA}{folder}/{sha256}-{attempt}.parquet"


def is_ours(key: str) -> bool:
    """Whether a key is one that we make: what somebody else put there is never swept away."""
    return _OURS.fullmatch(key) is not None


def is_published(name: str) -> bool:
    """Whether a file of a release belongs on the store: the database, and Parquet."""
    trees = (f"{PARQUET}/", f"{MONTHS}/")
    return name == DATABASE or (name.startswith(trees) and name.endswith(_PART))


def store_manifest(
    local: Mapping[str, Any], sha256: str, publication: int, keys: Mapping[str, str]
) -> bytes:
    """The manifest of a release as it is on the store; keys are below its prefix.

    `sha256`: that of the manifest in the data directory.
    """
    files: Files = local["files"]
    trees: dict[str, dict[str, list[str]]] = {PARQUET: {}}
    for name in sorted(keys):
        if name != DATABASE:
            tree, dataset, *_ = name.split("/")
            trees.setdefault(tree, {}).setdefault(dataset, []).append(keys[name])
    told = {
        "format": FORMAT,
        "publication": publication,
        "local_sha256": sha256,
        **{name: local.get(name) for name in ("release", "revision", "created_at", "personal")},
        "database": keys.get(DATABASE),
        **trees,
        "datasets": local.get("datasets", {}),
        "files": {
            name: {"key": key, "sha256": files[name]["sha256"], "bytes": files[name]["bytes"]}
            for name, key in sorted(keys.items())
        },
    }
    return json.dumps(told, indent=1).encode()
