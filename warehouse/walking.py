"""Files of folders that are a thousand a year: by strings, since Path would be most of the cost."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path


def folders_below(root: Path | str, levels: int) -> Iterator[str]:
    """The folders at most so many levels below `root`; none where it isn't there."""
    for folder, _ in _folders(str(root), levels):
        yield folder


def files_at(root: Path | str, levels: int) -> Iterator[tuple[str, list[str]]]:
    """Each folder exactly so many levels below `root`, with the names of its files."""
    for folder, left in _folders(str(root), levels):
        if not left:
            with os.scandir(folder) as entries:
                yield folder, [e.name for e in entries if not e.is_dir(follow_symlinks=False)]


def files_below(root: Path | str, but: Collection[str] = ()) -> Iterator[os.DirEntry[str]]:
    """Whatever is below `root` and no folder; nothing of folders in `but`, or that go meanwhile."""
    try:
        with os.scandir(root) as found:
            entries = list(found)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from files_below(entry.path, but) if entry.path not in but else ()
        else:
            yield entry


def _folders(root: str, levels: int) -> Iterator[tuple[str, int]]:
    try:
        with os.scandir(root) as entries:
            folders = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return
    for folder in folders:
        yield folder, levels - 1
        if levels > 1:
            yield from _folders(folder, levels - 1)
