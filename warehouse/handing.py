"""The end of writing where machines share files: the database, for whoever writes next."""

from __future__ import annotations

import sys

from warehouse.database import opened, writer_lock
from warehouse.disk import on_disk
from warehouse.layout import DataDirectory
from warehouse.published import releases
from warehouse.writercopy import hand_over, is_known_as_it_is, remove_put_off


def is_handed_over(layout: DataDirectory) -> bool:
    """Whether whoever writes next has all that this machine has loaded, as far as is known here."""
    if not layout.files.shared or not layout.database.exists():
        return True
    return is_known_as_it_is(layout, _newest(layout))


def hand_database_over(layout: DataDirectory, *, holder: str, wait_seconds: float) -> int:
    """Put what this machine has loaded on the store; how many bytes were sent.

    Nothing is done where files are of this machine alone, or everything is there already.

    Raises:
        WriterBusy: another run of this machine loads: it hands over what both have loaded.
        StoreUnavailable, StoreRefused: it stays the newest here; the next run hands it over.
        OtherPublisher: another machine has loaded and handed over meanwhile.
    """
    if is_handed_over(layout):
        return 0
    with writer_lock(layout, holder=holder, wait_seconds=wait_seconds):
        if layout.database.with_suffix(".duckdb.wal").exists():
            with opened(layout, holder=holder) as writer, on_disk("write the database whole"):
                writer.connection.execute("CHECKPOINT warehouse")
                sys.audit("smartconnect.point", "warehouse.handing.checkpointed")
        sent = hand_over(layout, release=_newest(layout))
        if is_handed_over(layout):  # else a newer one counts, which may need them
            remove_put_off(layout)
        return sent


def _newest(layout: DataDirectory) -> int:
    found = releases(layout)[-1:]
    return found[0].number if found else 0
