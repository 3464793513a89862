"""Private temporary files that are gone with whoever holds their path."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path, PosixPath


class TemporaryPath(PosixPath):
    """A path whose file lives as long as this very object is held, or until it is released."""

    file: TemporaryFile


class TemporaryFile:
    """A file in a folder that only this user may enter (mode 0700); `path` keeps it alive."""

    def __init__(self) -> None:
        folder = tempfile.mkdtemp(prefix="smartconnect-")
        self.remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._name = str(PosixPath(folder) / "content")

    @property
    def path(self) -> Path:
        """Where to write; whoever holds this path keeps the file."""
        path = TemporaryPath(self._name)
        path.file = self
        return path


def keep(file: TemporaryFile) -> Path:
    """A path that keeps the file until it is released, or no longer held by anyone."""
    return file.path


def release(path: Path) -> None:
    """Remove the temporary file behind `path`, if it is one."""
    if isinstance(path, TemporaryPath):
        path.file.remove()
