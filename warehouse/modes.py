"""Who may read what: the modes and the group of published files and folders.

`lake` and `releases` share inodes, so they share one mode: read-only, for everyone on the host or
for one group. Where releases are published without the personal columns, they share none, and the
lake is private too. Reports name operators: they are the owner's, and the group's where there is
one.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from warehouse.durable import PRIVATE_DIR, PRIVATE_FILE, sync


@dataclass(frozen=True)
class Modes:
    """Whom what is published is open to.

    Attributes:
        group: the group that may read it; everyone on the host if None.
        personal_published: whether releases hold the personal columns. If not, the lake, which
            has them, is private.
    """

    group: str | None = None
    personal_published: bool = True

    def is_open_lake(self, folder: Path) -> bool:
        """Whether a folder of the lake has its mode already."""
        public = 0o755 if self.group is None else 0o750
        wanted = public if self.personal_published else PRIVATE_DIR
        return folder.stat().st_mode & 0o777 == wanted

    def open_lake(self, path: Path) -> None:
        """Give a file or folder of the lake its mode: as a release's, if it holds the same rows."""
        if self.personal_published:
            self.open_to_readers(path)
            sys.audit("smartconnect.point", "warehouse.modes.lake-opened")
        else:
            path.chmod(PRIVATE_DIR if path.is_dir() else 0o400)
            sys.audit("smartconnect.point", "warehouse.modes.lake-closed")

    def make_lake_folders(self, folder: Path) -> None:
        """Make a day's folder of the lake and the one above it, durable and open to readers."""
        for part in (folder.parent, folder):
            if part.exists() and self.is_open_lake(part):
                continue
            part.mkdir(exist_ok=True)
            sys.audit("smartconnect.point", "warehouse.modes.lake-folder-made")
            self.open_lake(part)
            sys.audit("smartconnect.point", "warehouse.modes.lake-folder-opened")
            sync(part.parent)

    def open_to_readers(self, path: Path) -> None:
        """Give a published file or folder its mode and group."""
        everyone = self.group is None
        if path.is_dir():
            path.chmod(0o755 if everyone else 0o750)
            sys.audit("smartconnect.point", "warehouse.modes.folder-opened")
        else:
            path.chmod(0o444 if everyone else 0o440)
            sys.audit("smartconnect.point", "warehouse.modes.file-opened")
        if self.group is not None:
            shutil.chown(path, group=self.group)
            sys.audit("smartconnect.point", "warehouse.modes.group-given")

    def is_open(self, folder: Path) -> bool:
        """Whether a published folder has the mode and group that `open_to_readers` gives now."""
        status = folder.stat()
        if self.group is None:
            return status.st_mode & 0o777 == 0o755
        return status.st_mode & 0o777 == 0o750 and folder.group() == self.group

    def open_report(self, path: Path) -> None:
        """Give a report's file or folder its mode: it names operators, so not to everyone.

        The group that may read releases may read reports; without one, the owner alone.
        """
        if self.group is not None:
            shutil.chown(path, group=self.group)
            sys.audit("smartconnect.point", "warehouse.modes.report-given")
        folder, file = (PRIVATE_DIR, PRIVATE_FILE) if self.group is None else (0o750, 0o640)
        path.chmod(folder if path.is_dir() else file)
        sys.audit("smartconnect.point", "warehouse.modes.report-opened")
