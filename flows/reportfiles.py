"""A report's files: made aside, put into their place one by one, and told last.

Whoever opens one sees a whole file, the old or the new; `report.json` is taken away first and
written last, so that where it is, all files are of one report. Reports name operators: their modes
are `Modes.open_report`'s.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extract.locks import try_lock
from warehouse.disk import on_disk
from warehouse.layout import PRIVATE_DIR, DataDirectory, publish_bytes, sync

TOLD = "report.json"
WAIT_SECONDS, LOOK_SECONDS = 60.0, 0.05
PAGE, SHEET = "report.html", "report.xlsx"


@dataclass(frozen=True)
class ReportFiles:
    """What a report consists of."""

    folder: Path
    pictures: tuple[Path, ...] = ()

    @property
    def page(self) -> Path:
        """The page, for every browser."""
        return self.folder / PAGE

    @property
    def sheet(self) -> Path:
        """The tables, for a spreadsheet."""
        return self.folder / SHEET

    @property
    def all(self) -> list[Path]:
        """Every file of it that is there."""
        found = (self.page, self.sheet, *self.pictures)
        return [path for path in found if path.exists()]


@on_disk("write a report")
def put_report(
    layout: DataDirectory,
    folder: Path,
    fill: Callable[[Path], None],
    told: Mapping[str, Any],
) -> ReportFiles:
    """Let `fill` write a report, and put it into `folder`, in place of what was there.

    Args:
        layout: of the company; gives the modes.
        folder: where the report is to be; made if missing.
        fill: writes files, no folders.
        told: what `report.json` says of them beside their hashes.

    Raises:
        DirectoryUnusable: the disk refuses it.
    """
    _make(layout, folder)
    beside = folder / f".{os.urandom(8).hex()}"
    beside.mkdir(mode=PRIVATE_DIR)
    sys.audit("smartconnect.point", "flows.reportfiles.beside-made")
    try:
        fill(beside)
        made = sorted(path for path in beside.iterdir() if path.is_file())
        hashes = {path.name: _sha256(path) for path in made}
        for path in made:
            layout.modes.open_report(path)
            sync(path)
        said = {**told, "made_at": datetime.now(UTC).isoformat(timespec="seconds"), "files": hashes}
        with _alone(layout):
            _replace(layout, folder, made, said)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        sys.audit("smartconnect.point", "flows.reportfiles.beside-removed")
    pictures = tuple(folder / name for name in hashes if name.endswith(".png"))
    return ReportFiles(folder, pictures)


def _make(layout: DataDirectory, folder: Path) -> None:
    """Make a folder for reports, and those of ours above it, with their mode."""
    ours = [f for f in (folder, *folder.parents) if f.is_relative_to(layout.reports)]
    for path in reversed(ours or [folder]):
        if not path.exists():
            path.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
            sys.audit("smartconnect.point", "flows.reportfiles.folder-made")
        if ours:
            layout.modes.open_report(path)
            sync(path.parent)


@contextmanager
def _alone(layout: DataDirectory) -> Iterator[None]:
    """Nobody else puts a report into its place within the block, which takes moments."""
    path, deadline = layout.locks / "reports.lock", time.monotonic() + WAIT_SECONDS
    while (lock := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"another run has held {path.name} for {WAIT_SECONDS:g} seconds")
        time.sleep(LOOK_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _replace(
    layout: DataDirectory, folder: Path, made: Sequence[Path], said: Mapping[str, Any]
) -> None:
    """The new files in place of the former ones, and what they are."""
    former = _former(layout, folder)
    (folder / TOLD).unlink(missing_ok=True)
    sys.audit("smartconnect.point", "flows.reportfiles.untold")
    for path in former:
        if path.name not in said["files"]:
            path.unlink(missing_ok=True)
            sys.audit("smartconnect.point", "flows.reportfiles.former-removed")
    for path in made:
        path.replace(folder / path.name)
        sys.audit("smartconnect.point", "flows.reportfiles.named")
    sync(folder)
    publish_bytes(folder / TOLD, json.dumps(said, ensure_ascii=False, indent=1).encode())
    sys.audit("smartconnect.point", "flows.reportfiles.told")
    layout.modes.open_report(folder / TOLD)


def _former(layout: DataDirectory, folder: Path) -> list[Path]:
    """Pictures of an earlier report; in a folder of somebody's own only those that were ours."""
    if folder.is_relative_to(layout.reports):
        return sorted(folder.glob("*.png"))
    try:
        named = json.loads((folder / TOLD).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [folder / name for name in named if Path(name).name == name and name.endswith(".png")]


@on_disk("remove old reports")
def keep_newest(layout: DataDirectory, kind: str, keep: int) -> list[Path]:
    """Remove the reports of a kind but those that were made last; what went."""
    found = sorted((layout.reports / kind).glob(f"*/{TOLD}"), key=_made_at)
    gone = [path.parent for path in found[:-keep]]
    for folder in gone:
        remove_report(layout, folder)
    return gone


def made_reports(layout: DataDirectory) -> list[Path]:
    """The folders of all reports that are kept."""
    found = sorted(layout.reports.glob("*/*"))
    return [path for path in found if path.is_dir() and path.name[0] != "."]


@on_disk("remove a report")
def remove_report(layout: DataDirectory, folder: Path) -> None:
    """Remove a report; it loses its name first."""
    layout.remove_folder(folder)


def _made_at(told: Path) -> str:
    try:
        return str(json.loads(told.read_text(encoding="utf-8"))["made_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
