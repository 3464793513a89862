"""The release that readers see, where machines share files: here, or a copy brought here.

A copy is in `state/store/shown`: brought when somebody looks and a newer one is on the store, and
removed as soon as what this machine has itself is what is to be seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from flows.settings import Settings
from flows.space import in_words
from warehouse.errors import StoreUnavailable
from warehouse.files import read_here
from warehouse.forgetting import copy_of_shown, forget_copy
from warehouse.integrity import MANIFEST
from warehouse.layout import DataDirectory
from warehouse.privatefiles import private_files
from warehouse.published import Release, current_release, releases, told_of
from warehouse.putback import put_back
from warehouse.sparetree import PARQUET

if TYPE_CHECKING:
    from warehouse.store import ObjectStore
    from warehouse.storepointer import Pointer

WAIT_SECONDS = 600.0  # for another's bringing of the same
Tell = Callable[[str], None]


def shown_directory(
    settings: Settings, layout: DataDirectory, *, parquet: bool = False, tell: Tell | None = None
) -> DataDirectory:
    """The directory whose `current` is what readers of the store see.

    This machine's own where files aren't shared, or where it published last; else a copy that is
    brought up to date. Where the store can't be reached, the newer one of both.

    Args:
        settings: of the company.
        layout: its data directory.
        parquet: bring the Parquet files as well, not the database alone.
        tell: takes a sentence when something came.

    Raises:
        warehouse.errors.WarehouseError: as `warehouse.pulling.pull` has them.
    """
    if settings.data_store is None:
        return layout
    from warehouse.pulling import pull  # noqa: PLC0415  (boto3 costs a second)
    from warehouse.storepointer import read_pointer  # noqa: PLC0415

    store, copy = _store(settings.data_store), copy_of_shown(layout)
    try:
        there = read_pointer(store)
        if there is None or _is_own(layout, there.pointer):
            forget_copy(layout)
            return layout
        parquet = parquet or (copy.current / PARQUET).is_dir()
        with private_files():
            came = pull(store, copy.root, parquet=parquet, wait_seconds=WAIT_SECONDS)
    except StoreUnavailable:
        found = [d for d in (layout, copy) if current_release(d) is not None]
        if not found:
            raise
        return max(found, key=_made_at)
    if came.new and tell is not None:
        tell(f"Release {came.release} was brought from the object store ({in_words(came.bytes)}).")
    return copy


@lru_cache(maxsize=4)
def _store(url: str) -> ObjectStore:
    """One client for who looks again and again."""
    from warehouse.store import ObjectStore  # noqa: PLC0415

    return ObjectStore(url)


def _is_own(layout: DataDirectory, there: Pointer) -> bool:
    """Whether this machine's own release is what is to be seen, or on its way to the store."""
    own = current_release(layout)
    if own is None:
        return False
    if _sha256(own) == there.local_sha256:
        return True
    earlier = any(_sha256(one) == there.local_sha256 for one in releases(layout))
    return earlier and put_back(layout) is None


def _sha256(release: Release) -> str:
    return hashlib.sha256(read_here(release.path / MANIFEST) or b"").hexdigest()


def _made_at(directory: DataDirectory) -> str:
    release = current_release(directory)
    return str(told_of(release).get("created_at", "")) if release else ""


def kept_releases(settings: Settings, layout: DataDirectory) -> list[int]:
    """The numbers of the releases that readers can be put back to.

    Raises:
        warehouse.errors.StoreRefused: the store says no.
    """
    here = [kept.number for kept in releases(layout)]
    if settings.data_store is None:
        return here
    from warehouse.storeputback import on_store  # noqa: PLC0415

    with suppress(StoreUnavailable):
        return on_store(_store(settings.data_store)) or here
    return here
