"""A release is built aside, made durable, and named: who then points at it publishes a whole one.

Order: file contents, then the folders that name them, then the rename.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from warehouse.database import Writer
from warehouse.integrity import MANIFEST, fingerprints
from warehouse.layout import DataDirectory, sync
from warehouse.months import Before, write_months
from warehouse.published import Release, files_of, releases, told_of
from warehouse.releasefiles import fill_release
from warehouse.sparetree import MONTHS


def build_release(
    writer: Writer, number: int, made_at_revision: int, damaged: Collection[str]
) -> Release:
    """Make a release; of the one before, nothing is relied on that is `damaged`."""
    layout = writer.layout
    building = layout.building / f"release-{number}"
    shutil.rmtree(building, ignore_errors=True)
    sys.audit("smartconnect.point", "warehouse.releasebuilding.leftover-removed")
    building.mkdir(parents=True)
    sys.audit("smartconnect.point", "warehouse.releasebuilding.building-made")
    writer.connection.execute("CHECKPOINT warehouse")
    sys.audit("smartconnect.point", "warehouse.releasebuilding.checkpointed")
    newest = releases(layout)[-1:]
    listed = files_of(newest[0]) if newest else {}
    known = {name: told for name, told in listed.items() if name not in damaged}
    filled = fill_release(writer, building, known)
    files = fingerprints(building, known, filled.settled)
    settled = set(filled.settled)
    if layout.months_published:
        before = Before(newest[0].path if newest else None, known)
        files |= write_months(writer, building, files, before, settled)
    manifest = {
        "release": number,
        **({"company": layout.company} if layout.company else {}),
        "revision": made_at_revision,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "personal": layout.personal_published,
        **({MONTHS: True} if layout.months_published else {}),
        "files": files,
        "datasets": filled.datasets,
    }
    (building / MANIFEST).write_text(_as_text(manifest), encoding="utf-8")
    sys.audit("smartconnect.point", "warehouse.releasebuilding.manifest-written")
    for path in _deepest_first(building, settled):
        layout.modes.open_to_readers(path)
        sys.audit("smartconnect.point", "warehouse.releasebuilding.opened")
        sync(path)
        sys.audit("smartconnect.point", "warehouse.releasebuilding.synced")
    target = layout.releases / str(number)
    building.rename(target)
    sys.audit("smartconnect.point", "warehouse.releasebuilding.renamed")
    sync(layout.releases)
    return Release(number, target)


def is_made_at(layout: DataDirectory, release: Release, made_at_revision: int) -> bool:
    """Whether a release tells what the writer's database does, in the columns and files wanted."""
    manifest = told_of(release)
    return (
        manifest.get("revision") == made_at_revision
        and manifest.get("personal", True) == layout.personal_published
        and manifest.get(MONTHS, False) == layout.months_published
    )


def _as_text(manifest: Mapping[str, object]) -> str:
    """JSON with a line for each thing, and each file: an indent is written by slower means."""
    lines = [f"{json.dumps(key)}: {_lines(told)}" for key, told in manifest.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _lines(told: object) -> str:
    if not isinstance(told, dict) or not told:
        return json.dumps(told)
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in told.items()]
    return "{\n" + ",\n".join(lines) + "}"


def _deepest_first(root: Path, but: Collection[str]) -> Iterator[Path]:
    """Files and folders below `root`, and itself last; none of the folders in `but`."""
    with os.scandir(root) as entries:
        found = [
            (Path(entry.path), entry.is_dir(follow_symlinks=False))
            for entry in entries
            if entry.path not in but
        ]
    for path, is_folder in found:
        if is_folder:
            yield from _deepest_first(path, but)
        else:
            yield path
    yield root
