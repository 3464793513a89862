"""Who was erased doesn't come back: what is downloaded goes into raw/ without their records.

Everything that is loaded is read from raw/, so this is the one door. A run that read the list
before somebody was put on it is told so at the door, and once more before it loads.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from flows.erasefiles import FileEraser
from flows.errors import ErasedMeanwhile, EraseRefused, NotConfigured
from flows.reading import ExportedDay
from transform.datasets import DATASETS
from transform.mapping import MappingFile
from transform.pseudonyms import PersonalKeys
from transform.suppression import Suppression, check_words
from warehouse.erasinglist import SuppressionList, list_lock, read_list
from warehouse.layout import DataDirectory
from warehouse.raw import RawObservation, note_observation, store_raw

TIMES = 5


def suppression_of(known: SuppressionList, keys: PersonalKeys | None) -> Suppression:
    """The list with the key that it was made with.

    Raises:
        NotConfigured: the key isn't there, or is another: those erased would come back.
    """
    if not known.generation:
        return Suppression(keys=keys)
    if keys is None:
        raise NotConfigured(
            f"{len(known.requests)} persons were erased from this data directory, and they are "
            "known by a key alone: name it in SMARTCONNECT_PERSONAL_KEY_FILE. Nothing was started."
        )
    if known.check.isdisjoint(check_words(keys)):
        raise NotConfigured(
            "The key in SMARTCONNECT_PERSONAL_KEY_FILE isn't the one that persons were erased "
            "with: restore that one from its backup. Nothing was started."
        )
    return Suppression(known.words, keys)


@dataclass(frozen=True)
class Incoming:
    """A downloaded file, and what is known of its export."""

    path: Path
    sha256: str
    size_bytes: int
    suffix: str
    dataset: str
    day: date
    date_from: date
    date_to: date
    task_id: int
    observed_at: datetime
    export_seconds: float


def keep_export(
    layout: DataDirectory, keys: PersonalKeys | None, mapping: MappingFile, incoming: Incoming
) -> ExportedDay:
    """Take a download into raw/ without the records of erased persons, durably, with its note.

    Raises:
        transform.errors.TransformError: persons were erased, and the file can't be read: it may
            hold them, and isn't kept.
        ErasedMeanwhile: persons are being erased all the time.
    """
    for _ in range(TIMES):
        known = read_list(layout)
        suppression = suppression_of(known, keys)
        kept, erased = without_erased(layout, mapping, suppression, incoming)
        with list_lock(layout):
            if read_list(layout).generation == known.generation:
                path = _stored(layout, kept)
                if read_list(layout).generation == known.generation:
                    return _noted(layout, incoming, kept, path, erased, known.generation)
                _take_back(layout, path, incoming)
        if kept.path != incoming.path:
            kept.path.unlink(missing_ok=True)
            sys.audit("smartconnect.point", "flows.suppressing.too-early-removed")
    raise ErasedMeanwhile(
        f"{incoming.dataset} of {incoming.day:%d.%m.%Y} came while persons were erased: run again."
    )


def without_erased(
    layout: DataDirectory, mapping: MappingFile, suppression: Suppression, incoming: Incoming
) -> tuple[Incoming, int]:
    """A download without the records of erased persons, and how many these were.

    Raises:
        transform.errors.TransformError: it can't be read, and may hold them: it is removed.
    """
    dataset = DATASETS[incoming.dataset]
    if not suppression.concerns(dataset):
        return incoming, 0
    eraser = FileEraser(dataset, mapping.of(dataset.name), suppression)
    try:
        found = eraser.find(incoming.path)
        if not found.rows:
            return incoming, 0
        new = eraser.rewrite(incoming.path, layout.incoming, found)
    except BaseException:
        incoming.path.unlink(missing_ok=True)
        sys.audit("smartconnect.point", "flows.suppressing.unreadable-removed")
        raise
    told = {
        **incoming.__dict__,
        "path": new.path,
        "sha256": new.sha256,
        "size_bytes": new.size_bytes,
        "suffix": new.suffix,
    }
    return Incoming(**told), new.rows_erased


def _stored(layout: DataDirectory, kept: Incoming) -> Path:
    return store_raw(
        layout,
        kept.path,
        dataset=kept.dataset,
        date_from=kept.date_from,
        date_to=kept.date_to,
        sha256=kept.sha256,
        suffix=kept.suffix,
    )


def _take_back(layout: DataDirectory, path: Path, incoming: Incoming) -> None:
    """Somebody was erased while it was sent: by another machine, whom no lock of ours holds.

    An erasure looks through raw/ once it is on the list: what it didn't find there is noticed here.
    A file that was noted before it did find.
    """
    if not incoming.path.exists():
        os.link(path, incoming.path)
        sys.audit("smartconnect.point", "flows.suppressing.taken-back")
    if layout.files.read(layout.raw_note(path)) is None:
        layout.files.remove(path)
        sys.audit("smartconnect.point", "flows.suppressing.too-late-removed")


def _noted(
    layout: DataDirectory,
    incoming: Incoming,
    kept: Incoming,
    path: Path,
    erased: int,
    erasures: int,
) -> ExportedDay:
    seen = RawObservation(
        dataset=kept.dataset,
        window_day=kept.day,
        path=path,
        sha256=kept.sha256,
        size_bytes=kept.size_bytes,
        observed_at=kept.observed_at,
        task_id=kept.task_id,
        export_seconds=kept.export_seconds,
        rows_suppressed=erased,
    )
    note_observation(layout, seen)
    if kept is not incoming:
        incoming.path.unlink(missing_ok=True)
        sys.audit("smartconnect.point", "flows.suppressing.download-removed")
    return ExportedDay(
        kept.dataset,
        kept.day,
        path,
        kept.sha256,
        kept.size_bytes,
        kept.task_id,
        kept.observed_at,
        kept.export_seconds,
        rows_suppressed=erased,
        erasures=erasures,
    )


def refuse_stale(layout: DataDirectory, exported: ExportedDay) -> None:
    """For whoever holds the writer's lock: what was read before an erasure isn't loaded.

    Raises:
        ErasedMeanwhile: somebody was erased since the file was looked at.
    """
    if read_list(layout).generation != exported.erasures:
        raise ErasedMeanwhile(
            f"{exported.dataset} of {exported.day:%d.%m.%Y} was read before a person was erased: "
            "run again."
        )


def refuse_unfinished(known: SuppressionList, keys: PersonalKeys | None) -> None:
    """A rebuild waits for an erasure that was cut off: raw/ and database may tell two stories.

    Raises:
        EraseRefused: there is one.
        NotConfigured: the key isn't there.
    """
    suppression_of(known, keys)
    if known.unfinished:
        raise EraseRefused(
            f"Erasure {known.unfinished[0].number} was not finished: run `smartconnect erase` "
            "first. It needs nobody's name."
        )
