"""What other machines removed, removed from this one's working copy.

A file has its name here only after it was sent, so what the store hasn't was removed there: by an
erasure, by the company's rule, or since no day needs it any more.
"""

from __future__ import annotations

import shutil
import sys

from warehouse.files import local_names, remove_here
from warehouse.layout import DataDirectory
from warehouse.storedfiles import StoredFiles


def copy_of_shown(layout: DataDirectory) -> DataDirectory:
    """A copy of the release that readers of the store see, for who looks on this machine."""
    return DataDirectory(layout.store / "shown")


def forget_copy(layout: DataDirectory) -> None:
    """Remove it; who has it open reads it to the end."""
    copy = copy_of_shown(layout).root
    if copy.exists():
        shutil.rmtree(copy, ignore_errors=True)
        sys.audit("smartconnect.point", "warehouse.forgetting.copy-removed")


def forget_gone(layout: DataDirectory, files: StoredFiles, *, releases_too: bool) -> int:
    """Remove the copies of files that are gone; says how many.

    Args:
        layout: the data directory.
        files: its files.
        releases_too: persons were erased elsewhere: every release and report here is older than
            that. Who has one open reads it to the end; they are made again.
    """
    gone = 0
    for folder in (layout.raw, layout.lake, layout.quarantine, layout.extracts):
        here = local_names(folder)
        there = {found.key for found in files.store.listed(f"{files.key(folder)}/")}
        for path in here:
            key = files.key(path)  # asked for once more: another run may have sent it meanwhile
            if key in there or files.store.exists(key):
                continue
            remove_here(path)
            gone += 1
    if releases_too:
        forget_copy(layout)
        layout.current.unlink(missing_ok=True)
        sys.audit("smartconnect.point", "warehouse.forgetting.link-removed")
        for made in (*layout.releases.iterdir(), *layout.reports.glob("*/*")):
            shutil.rmtree(made, ignore_errors=True)
            sys.audit("smartconnect.point", "warehouse.forgetting.made-removed")
    return gone
