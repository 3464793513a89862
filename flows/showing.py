"""The release that readers see, where machines share files: here, or a copy brought here."""

from __future__ import annotations

import hashlib

from flows.settings import Settings
from warehouse.errors import StoreUnavailable
from warehouse.integrity import MANIFEST
from warehouse.layout import DataDirectory
from warehouse.releases import current_release


def shown_directory(settings: Settings, layout: DataDirectory) -> DataDirectory:
    """The directory whose `current` is what readers of the store see.

    This machine's own where files aren't shared, where it published last, or where the store can't
    be reached; else a copy that is brought up to date.

    Raises:
        warehouse.errors.WarehouseError: as `warehouse.pulling.pull` has them.
    """
    if settings.data_store is None:
        return layout
    from warehouse.pulling import pull  # noqa: PLC0415
    from warehouse.store import ObjectStore  # noqa: PLC0415  (boto3 costs a second)
    from warehouse.storepointer import read_pointer  # noqa: PLC0415

    store, own = ObjectStore(settings.data_store), current_release(layout)
    try:
        there = read_pointer(store)
        if there is None:
            return layout
        if own is not None:
            manifest = (own.path / MANIFEST).read_bytes()
            if hashlib.sha256(manifest).hexdigest() == there.pointer.local_sha256:
                return layout
        pull(store, layout.store / "shown", parquet=False)
    except StoreUnavailable:
        if own is None:
            raise
        return layout
    return DataDirectory(layout.store / "shown")
