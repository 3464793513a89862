"""The Parquet trees of the release that went last, for the next: most of its links are the same.

A tree has a folder and a link for each day of all years, and a night changes a few of them. To make
the others again, and make them durable, would cost more each year; so a release that nobody sees
any more gives its trees, and only what differs is made. What is taken over is proven link by link:
the folder holds the day's lake file (or the last release's file of the month), under one name, and
nothing else. Where a run dies in between, the tree is among what dead runs left, and is made from
nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from warehouse.layout import DataDirectory

PART, PARQUET, MONTHS = "part.parquet", "parquet", "months"


def keep_trees(layout: DataDirectory, gone: Path) -> None:
    """Keep the trees of a release that was taken away from readers; all else of it is removed."""
    forget_trees(layout)
    (gone / PARQUET).rename(layout.spare)
    sys.audit("smartconnect.point", "warehouse.sparetree.kept")
    if (gone / MONTHS).is_dir():
        (gone / MONTHS).rename(layout.spare / MONTHS)
        sys.audit("smartconnect.point", "warehouse.sparetree.months-kept")
    shutil.rmtree(gone, ignore_errors=True)
    sys.audit("smartconnect.point", "warehouse.sparetree.rest-removed")


def forget_trees(layout: DataDirectory) -> None:
    """Remove what is kept: with it go the last links to files that no day needs."""
    shutil.rmtree(layout.spare, ignore_errors=True)
    sys.audit("smartconnect.point", "warehouse.sparetree.forgotten")


def take_tree(
    layout: DataDirectory, root: Path, links: Mapping[str, str]
) -> dict[str, os.stat_result]:
    """Make `root`, from the kept tree of its name where there is one.

    Args:
        layout: the data directory.
        root: the dataset's tree of a release that is being built, of days or of months.
        links: for each folder that is to hold a link: the file.

    Returns:
        The folders that are as they should be, open to readers and durable, with what their files
        are; no others are there.
    """
    spare, settled = layout.spare / root.name, dict[str, os.stat_result]()
    if root.parent.name == MONTHS:
        spare = layout.spare / MONTHS / root.name
    if not spare.is_dir() or not layout.modes.is_open(spare):
        root.mkdir(parents=True)
        sys.audit("smartconnect.point", "warehouse.sparetree.root-made")
        return settled
    root.parent.mkdir(exist_ok=True)
    sys.audit("smartconnect.point", "warehouse.sparetree.parent-made")
    spare.rename(root)
    sys.audit("smartconnect.point", "warehouse.sparetree.taken")
    with os.scandir(root) as entries:
        there = [entry.name for entry in entries]
    for name in there:
        linked = _linked_alone(f"{root}/{name}", links[name]) if name in links else None
        if linked:
            settled[name] = linked
        else:
            _remove(root / name)
    return settled


def _linked_alone(folder: str, lake: str) -> os.stat_result | None:
    """What the lake's file is, where the folder holds it under one name and nothing else."""
    try:
        with os.scandir(folder) as entries:
            alone = [entry.name for entry in entries] == [PART]
        # By strings, since there are a thousand a year: Path is most of the cost.
        status = os.lstat(lake)
        same = alone and os.path.samestat(os.lstat(f"{folder}/{PART}"), status)
    except (NotADirectoryError, FileNotFoundError):
        return None
    return status if same else None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        sys.audit("smartconnect.point", "warehouse.sparetree.other-folder-removed")
    else:
        path.unlink()
        sys.audit("smartconnect.point", "warehouse.sparetree.other-file-removed")
