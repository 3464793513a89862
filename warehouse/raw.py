"""The vendor's bytes, kept as they came: immutable, found by their hash, proven before use.

Beside each file stands a note of when it was observed: what is loaded from raw/ later is as old as
its export, not as its loading, whether the first load came off or not.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from warehouse.disk import on_disk
from warehouse.errors import HashMismatch, RawMissing
from warehouse.layout import PRIVATE_DIR, PRIVATE_FILE, DataDirectory, sync


@dataclass(frozen=True, kw_only=True)
class RawObservation:
    """A raw file as one export brought it. Sizes in bytes.

    Args:
        window_day: the day that was asked for.
        observed_at: when the export was started, UTC.
        task_id: the vendor's export task; None for a list.
        export_seconds: how long the vendor took.
        rows_suppressed: records of erased persons that came with it and are not in the file.
    """

    dataset: str
    window_day: date
    path: Path
    sha256: str
    size_bytes: int
    observed_at: datetime
    task_id: int | None = None
    export_seconds: float = 0.0
    rows_suppressed: int = 0


@on_disk("keep a raw file")
def store_raw(
    layout: DataDirectory,
    source: Path,
    *,
    dataset: str,
    date_from: date,
    date_to: date,
    sha256: str,
    suffix: str,
) -> Path:
    """Move `source` to `raw/<dataset>/<from>_<to>/<sha256><suffix>`, durably.

    The same bytes are kept once. `source` must be on the same file system.

    Raises:
        HashMismatch: the bytes aren't those of `sha256`; `source` stays.
    """
    prove_hash(source, sha256)
    folder = layout.raw_folder(dataset, date_from, date_to)
    folder.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    sys.audit("smartconnect.point", "warehouse.raw.folder-made")
    target = folder / f"{sha256}{suffix}"
    source.chmod(PRIVATE_FILE)
    sys.audit("smartconnect.point", "warehouse.raw.file-closed")
    sync(source)
    layout.files.keep(source, target)
    source.replace(target)
    sys.audit("smartconnect.point", "warehouse.raw.file-moved")
    for names in (folder, folder.parent, layout.raw):
        sync(names)
    return target


@on_disk("note when a raw file was observed")
def note_observation(layout: DataDirectory, seen: RawObservation) -> None:
    """Note durably when a stored raw file was observed; noting it again changes nothing."""
    observation = {
        "observed_at": seen.observed_at.isoformat(),
        "task_id": seen.task_id,
        "export_seconds": seen.export_seconds,
        "rows_suppressed": seen.rows_suppressed,
    }

    def noted(there: bytes | None) -> bytes | None:
        note: dict[str, Any] = {
            "dataset": seen.dataset,
            "window_day": seen.window_day.isoformat(),
            "file": seen.path.name,
            "bytes": seen.size_bytes,
            "observations": [],
        }
        if there is not None:
            note = json.loads(there)
        if observation in note["observations"]:
            return None
        note["observations"].append(observation)
        return json.dumps(note, indent=1).encode()

    if layout.files.change(layout.raw_note(seen.path), noted):
        sys.audit("smartconnect.point", "warehouse.raw.observation-noted")


def raw_observations(
    layout: DataDirectory, dataset: str, day: date | None = None
) -> list[RawObservation]:
    """What was observed of a dataset (of one day), the earliest first."""
    notes = layout.raw_notes(dataset, day)
    found = [seen for path, content in notes.items() for seen in _noted(path, content)]
    return sorted(found, key=lambda seen: (seen.observed_at, seen.sha256))


def _noted(path: Path, content: bytes) -> Iterator[RawObservation]:
    try:
        yield from _read_note(path, content)
    except (ValueError, KeyError, TypeError):
        raise HashMismatch(
            f"{path} is damaged: it said when its file was observed. Restore it from a backup, or "
            "move it and its file away and backfill their day."
        ) from None


def _read_note(path: Path, content: bytes) -> Iterator[RawObservation]:
    note = json.loads(content)
    for observation in note["observations"]:
        yield RawObservation(
            dataset=note["dataset"],
            window_day=date.fromisoformat(note["window_day"]),
            path=path.with_name(note["file"]),
            sha256=path.name.partition(".")[0],
            size_bytes=note["bytes"],
            observed_at=datetime.fromisoformat(observation["observed_at"]),
            task_id=observation["task_id"],
            export_seconds=observation["export_seconds"],
            rows_suppressed=observation.get("rows_suppressed", 0),
        )


def prove_raw(layout: DataDirectory, seen: RawObservation) -> None:
    """Bring a kept file here if it isn't, and prove that it is what came.

    Raises:
        RawMissing: it isn't there.
        HashMismatch: it was changed.
    """
    if layout.files.fetch([seen.path]):
        raise raw_missing(seen.dataset, seen.window_day, seen.sha256)
    prove_hash(seen.path, seen.sha256)


def raw_missing(dataset: str, day: date, sha256: str | None = None) -> RawMissing:
    """The error for a day of which no file (or not this one) is kept."""
    which = f"the file {sha256[:12]}…" if sha256 else "no file"
    return RawMissing(
        f"{dataset} of {day:%d.%m.%Y}: {which} {'is not' if sha256 else 'is'} kept in raw/. "
        "Restore raw/ from a backup, or backfill the day without from_raw to export it again."
    )


def prove_hash(path: Path, sha256: str) -> None:
    """Read the whole file and compare.

    Raises:
        HashMismatch: it was changed since it was downloaded.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise HashMismatch(
            f"{path.name} should have the hash {sha256[:12]}… and has {found[:12]}…: it was "
            "damaged after its download. Backfill its day to fetch it again."
        )


def raw_files(layout: DataDirectory, dataset: str) -> list[tuple[date, Path]]:
    """Every kept file of a dataset with the day its window begins on, noted or not, here or not."""
    return [
        (date.fromisoformat(path.parent.name.partition("_")[0]), path)
        for path in layout.files.names(layout.raw / dataset)
        if not path.name.endswith(".seen.json")
    ]


def replace_raw(
    layout: DataDirectory,
    old: Path,
    new: Path,
    *,
    sha256: str,
    size_bytes: int,
    suffix: str,
    rows_suppressed: int,
) -> Path:
    """Put `new`, which holds `rows_suppressed` records less, in the place of a kept file.

    The new file and its note are durable before the old ones go; done again, it comes to the same.
    """
    note, target = layout.raw_note(old), old.with_name(f"{sha256}{suffix}")
    new.chmod(PRIVATE_FILE)
    sys.audit("smartconnect.point", "warehouse.raw.rewritten-closed")
    sync(new)
    layout.files.keep(new, target)
    new.replace(target)
    sys.audit("smartconnect.point", "warehouse.raw.rewritten-moved")
    sync(target.parent)
    content = layout.files.read(note)
    for seen in _noted(note, content) if content is not None else ():
        less = seen.rows_suppressed + rows_suppressed
        now = replace(seen, path=target, sha256=sha256, size_bytes=size_bytes)
        note_observation(layout, replace(now, rows_suppressed=less))
    remove_raw(layout, old)
    return target


def remove_raw(layout: DataDirectory, old: Path) -> None:
    """Remove a kept file for good, its note first: without one it is still found."""
    layout.files.remove(layout.raw_note(old))
    sys.audit("smartconnect.point", "warehouse.raw.note-removed")
    layout.files.remove(old)
    sys.audit("smartconnect.point", "warehouse.raw.file-removed")
