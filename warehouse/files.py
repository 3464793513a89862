"""Where files live: on this machine alone, or on an object store that machines share nothing but.

Each machine works on its own data directory, and every file has its place there. What is to be
there for all machines goes through here. A *file* never changes once it is kept; a *document* is
small, and may be changed by several machines at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from warehouse.durable import publish_bytes, sync

Change = Callable[[bytes | None], bytes | None]


class Files(Protocol):
    """Files of a data directory; every path is the file's own place below its root."""

    @property
    def shared(self) -> bool:
        """Whether other machines see them."""

    def prepare(self, origin: str) -> None:
        """For a data directory of `origin` that is to be worked in; once is enough.

        Raises:
            OtherOrigin, OtherPublisher: another's files are there.
        """

    def begin_anew(self) -> None:
        """The directory is going to be filled from elsewhere: what it has then isn't kept yet."""

    def keep(self, path: Path, place: Path) -> None:
        """Make a whole file, durable here under any name, durable for all machines at its place.

        It gets its name here afterwards, so that what has it is there for all.
        """

    def fetch(self, paths: Iterable[Path]) -> list[Path]:
        """Bring files here that aren't, each proven by its hash; says which are nowhere."""

    def names(self, folder: Path) -> list[Path]:
        """Every file below a folder, here or not; what begins with a dot is none."""

    def remove(self, path: Path) -> None:
        """Remove a file or a document for all machines, and here; it may be gone already."""

    def read(self, path: Path) -> bytes | None:
        """A document as it is now for all machines; None where there is none."""

    def documents(self, folder: Path, begins: str, ends: str) -> dict[Path, bytes]:
        """The documents below a folder whose path below it begins and ends so, in their order."""

    def change(self, path: Path, change: Change) -> bool:
        """Change a document by what it is now; durable when this returns.

        Args:
            path: the document's place.
            change: from its content (None: there is none) to the new one (None: it stays). It is
                asked again where another machine was faster.

        Returns:
            Whether it was changed.
        """


class LocalFiles:
    """One machine: what is durable here is durable."""

    shared = False

    def prepare(self, origin: str) -> None:
        """Nothing."""

    def begin_anew(self) -> None:
        """Nothing."""

    def keep(self, path: Path, place: Path) -> None:
        """Nothing: it is."""

    def fetch(self, paths: Iterable[Path]) -> list[Path]:
        """Nothing comes from elsewhere."""
        return [path for path in paths if not path.exists()]

    def names(self, folder: Path) -> list[Path]:
        """What is below the folder."""
        return local_names(folder)

    def remove(self, path: Path) -> None:
        """Remove it, durably."""
        remove_here(path)

    def read(self, path: Path) -> bytes | None:
        """What is in the file."""
        return read_here(path)

    def documents(self, folder: Path, begins: str, ends: str) -> dict[Path, bytes]:
        """What is in the files."""
        found = {path: read_here(path) for path in local_names(folder, begins, ends)}
        return {path: content for path, content in found.items() if content is not None}

    def change(self, path: Path, change: Change) -> bool:
        """Write it anew, whole or not at all; who may change it at once keeps a lock."""
        new = change(read_here(path))
        if new is None:
            return False
        publish_bytes(path, new)
        sys.audit("smartconnect.point", "warehouse.files.changed")
        return True


def local_names(folder: Path, begins: str = "", ends: str = "") -> list[Path]:
    """The files below a folder of this machine, by how their path below it begins and ends."""
    below = folder.glob(f"{begins}*") if begins else (folder,)
    return sorted(
        Path(where, name)
        for root in below
        for where, _, names in os.walk(root)
        for name in names
        if name.endswith(ends) and not name.startswith(".")
    )


def read_here(path: Path) -> bytes | None:
    """What is in a file of this machine; None where it isn't."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def remove_here(path: Path) -> None:
    """Remove a file of this machine, durably; it may be gone already."""
    if not path.exists():
        return
    path.unlink(missing_ok=True)
    sys.audit("smartconnect.point", "warehouse.files.removed")
    sync(path.parent)
