"""What dead runs left on the store: files that no ledger knows, and that nobody can be using yet.

On one machine a run that lives alone may clear what is half done. Machines don't know of each
other's runs; so only what is older than any run may be goes from the store.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta

from warehouse.database import Writer
from warehouse.storedfiles import NOTE, StoredFiles
from warehouse.writerpieces import WRITER

OLDER_THAN = timedelta(days=7)
MADE = ("lake/", "quarantine/")


def sweep_stored(writer: Writer, older_than: timedelta = OLDER_THAN) -> list[str]:
    """Remove files of loads that are in no ledger, and raw files without a note; their keys.

    Uploads that were cut off go, too. Ages are by the store's clock.
    """
    files = writer.layout.files
    if not isinstance(files, StoredFiles):
        return []
    now = files.store.read(WRITER)
    if now is not None:
        for folder in (*MADE, "raw/", "extracts/"):
            files.store.abort_uploads(folder, now.at - older_than)
    left = [*_never_loaded(writer, files, older_than), *_without_a_note(writer, files, older_than)]
    found = [key for key in left if not _is_noted_by_now(files, key)]
    for key in found:
        files.remove(writer.layout.root / key)
    if found:
        sys.audit("smartconnect.point", "warehouse.storedleftovers.swept")
    return found


def longer_than_any_run(run_deadline_seconds: float) -> timedelta:
    """How old a file must be, that no run can be about to load it."""
    return max(OLDER_THAN, timedelta(seconds=2 * run_deadline_seconds))


def _is_noted_by_now(files: StoredFiles, key: str) -> bool:
    """The same bytes may have come again: then the file that was there is what was kept."""
    folder, _, name = key.rpartition("/")
    note = f"{folder}/{name.partition('.')[0]}{NOTE}"
    return key.startswith("raw/") and files.store.exists(note)


def _never_loaded(writer: Writer, files: StoredFiles, older_than: timedelta) -> Iterator[str]:
    rows = writer.connection.execute("SELECT load_id FROM meta.loads").fetchall()
    known = {str(row[0]) for row in rows}
    for folder in MADE:
        for there in files.store.listed(folder):
            load_id = there.key.rpartition("/")[2].partition(".")[0]
            if known and load_id not in known and there.at - there.modified > older_than:
                yield there.key


def _without_a_note(writer: Writer, files: StoredFiles, older_than: timedelta) -> Iterator[str]:
    """Nothing could ever load them; what retention had begun to remove goes, too."""
    rows = writer.connection.execute(
        "SELECT DISTINCT file_sha256 FROM meta.loads WHERE file_sha256 NOT IN "
        "(SELECT file_sha256 FROM meta.removed_files)"
    ).fetchall()
    needed = {str(row[0]) for row in rows}
    there = list(files.store.listed("raw/"))
    noted = {one.key.removesuffix(NOTE) for one in there if one.key.endswith(NOTE)}
    for one in there:
        folder, _, name = one.key.rpartition("/")
        sha256 = name.partition(".")[0]
        kept = one.key.endswith(NOTE) or f"{folder}/{sha256}" in noted or sha256 in needed
        if needed and not kept and one.at - one.modified > older_than:
            yield one.key
