"""What the data takes on the disk, what is free, and for how long that will do.

A release shares its files with the lake by hard links: a file counts once, in the first of the
areas that has it.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from warehouse.disk import on_disk
from warehouse.errors import DirectoryUnusable
from warehouse.layout import DataDirectory
from warehouse.sparetree import MONTHS
from warehouse.walking import files_below

RECENT_DAYS = 30
_BLOCK_BYTES = 512  # of st_blocks, whatever the file system's own are
_MIB = 1024 * 1024


@dataclass(frozen=True)
class DiskUse:
    """Bytes by area (raw, lake, state, …), bytes that are free, and bytes that a day adds."""

    areas: Mapping[str, int]
    free_bytes: int
    day_bytes: float

    @property
    def days_left(self) -> int | None:
        """Days until the disk is full if each adds what the last ones did; None: nothing does."""
        return math.floor(self.free_bytes / self.day_bytes) if self.day_bytes else None


@on_disk("see what takes its space")
def disk_use(layout: DataDirectory) -> DiskUse:
    """Look at every file's size once; no file is read.

    Raises:
        DirectoryUnusable: the directory can't be listed.
    """
    areas = (
        layout.raw,
        layout.lake,
        layout.quarantine,
        layout.inbox,
        layout.extracts,
        layout.releases,
        layout.state,
    )
    seen: set[tuple[int, int]] = set()
    used = {area.name: sum(_new_bytes(area, seen)) for area in areas if area.exists()}
    return replace(disk_left(layout), areas=used)


@on_disk("see how much space is left")
def disk_left(layout: DataDirectory) -> DiskUse:
    """As `disk_use` without the areas: only the last days' files are looked at.

    Raises:
        DirectoryUnusable: the directory can't be listed.
    """
    return DiskUse({}, shutil.disk_usage(layout.root).free, bytes_of_a_day(layout))


def bytes_of_a_day(layout: DataDirectory) -> float:
    """What one day of all datasets adds: its files of raw/ and lake/, and its part of the database.

    The mean of each dataset's last days; 0.0 before anything was loaded. Where releases hold
    months, each day's rows are in one of these as well.
    """
    found, days_of_all = 0.0, 0
    copies = 2 if layout.months_published else 1
    for dataset in layout.lake.iterdir() if layout.lake.exists() else ():
        days = _folders_in(dataset, "window_day=")
        days_of_all = max(days_of_all, len(days))
        found += copies * _mean_bytes(days[-RECENT_DAYS:])
    for dataset in layout.raw.iterdir() if layout.raw.exists() else ():
        found += _mean_bytes(_folders_in(dataset)[-RECENT_DAYS:])
    if days_of_all and layout.database.exists():
        found += layout.database.stat().st_size / days_of_all
    return found


@on_disk("see whether there is space for a run")
def require_space(layout: DataDirectory, days: int, keep_free_bytes: int) -> None:
    """Refuse to begin what the disk has no space for: `days` days, and a copy of the database.

    Where releases hold months: and those that have no file yet.

    Args:
        layout: the data directory.
        days: how many days a run is going to load.
        keep_free_bytes: what it must leave free; 0: nothing is checked.

    Raises:
        DirectoryUnusable: there is less space than that; nothing was started.
    """
    if not keep_free_bytes or not days:
        return
    database_bytes = layout.database.stat().st_size if layout.database.exists() else 0
    months_bytes = bytes_of_new_months(layout) if layout.months_published else 0
    needed = days * bytes_of_a_day(layout) + database_bytes + months_bytes + keep_free_bytes
    free = shutil.disk_usage(layout.root).free
    if free < needed:
        raise DirectoryUnusable(
            f"{days} days need about {needed / _MIB:,.0f} MiB in {layout.root} (their files, a new "
            f"copy of the database for readers, and SMARTCONNECT_KEEP_FREE_MB), and "
            f"{free / _MIB:,.0f} MiB are free. Free space, ask for fewer days, or keep less "
            "(SMARTCONNECT_KEEP_RAW_DAYS, SMARTCONNECT_KEEP_RELEASES). Nothing was started."
        )


def bytes_of_new_months(layout: DataDirectory) -> int:
    """What the lake has of months that the current release has no file of: its own may be due."""
    found = 0
    for dataset in layout.lake.iterdir() if layout.lake.exists() else ():
        made = layout.current / MONTHS / dataset.name
        known = {path.name.removeprefix("month=") for path in made.glob("month=*")}
        for day in dataset.glob("window_day=*"):
            if day.name.removeprefix("window_day=")[:7] not in known:
                found += _bytes_below(day)
    return found


def _folders_in(folder: Path, begins: str = "") -> list[str]:
    with os.scandir(folder) as entries:  # a thousand a year: Path is most of the cost
        return sorted(entry.path for entry in entries if entry.name.startswith(begins))


def _mean_bytes(folders: Sequence[str]) -> float:
    return sum(map(_bytes_below, folders)) / len(folders) if folders else 0.0


def _files_below(folder: Path | str) -> Iterator[os.stat_result]:
    for entry in files_below(folder):
        with suppress(FileNotFoundError):  # a run may be done with it
            yield entry.stat(follow_symlinks=False)


def _bytes_below(folder: Path | str) -> int:
    return sum(file.st_size for file in _files_below(folder))


def _new_bytes(area: Path, seen: set[tuple[int, int]]) -> Iterator[int]:
    for file in _files_below(area):
        if (file.st_dev, file.st_ino) not in seen:
            seen.add((file.st_dev, file.st_ino))
            yield file.st_blocks * _BLOCK_BYTES
