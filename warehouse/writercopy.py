"""The writer's database on the object store: handed over by who wrote it, brought by the next one.

It is there in pieces (`warehouse.writerpieces`), and `database/current.json` lists them. That
document is written only if it is still the one that this machine's database was made from
(`warehouse.writerbase`); so of two machines that loaded at once one has handed over, and the other
is told. Whoever writes holds the writer's lock of its machine; machines among each other are kept
apart by whoever calls this.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from warehouse.disk import on_disk
from warehouse.durable import PRIVATE_DIR, PRIVATE_FILE, publish_bytes, sync
from warehouse.erasinglist import read_list
from warehouse.errors import OtherPublisher, StoreRefused, StoreUnavailable
from warehouse.files import read_here, remove_here
from warehouse.forgetting import forget_gone
from warehouse.layout import DataDirectory
from warehouse.storedfiles import StoredFiles
from warehouse.writerbase import Base, is_as_it_was, note_base, read_base
from warehouse.writerpieces import (
    FOLDER,
    WRITER,
    are_pieces_of,
    assemble,
    keys_of,
    send_pieces,
    sweep_pieces,
)

if TYPE_CHECKING:
    from warehouse.store import ObjectStore

FORMAT, TIMES = 1, 4
PUT_OFF = "unneeded.json"


@dataclass(frozen=True)
class WriterCopy:
    """`current.json`.

    Attributes:
        generation: grows with each hand-over.
        nonce: makes each one's text its own.
        release: the newest release's number, so that numbers go on elsewhere.
        bytes: the database's.
        pieces: the keys of its pieces, in their order.
        handed_over_at: for people.
    """

    generation: int
    nonce: str
    release: int
    bytes: int
    pieces: tuple[str, ...]
    handed_over_at: str


@dataclass(frozen=True)
class Brought:
    """What came: bytes, and whether loads of this machine that nobody had got were given up."""

    bytes: int = 0
    given_up: bool = False


@on_disk("bring the newest database here")
def bring_newest(layout: DataDirectory) -> Brought:
    """Have the newest database here, for whoever holds the writer's lock and hasn't opened it.

    Loads that this machine made and never handed over are given up where another machine has handed
    over since: their days are in raw/, and are loaded again. Nothing happens where files are of
    this machine alone.

    Raises:
        StoreUnavailable, StoreRefused: nothing changed here; run again.
        HashMismatch: a piece isn't what was handed over.
        OtherPublisher: this directory has a database of its own.
    """
    files = layout.files
    if not isinstance(files, StoredFiles):
        return Brought()
    for last in (False,) * (TIMES - 1) + (True,):
        found = _read(files.store)
        base = read_base(layout)
        if found is None or (base.generation == found[0].generation and layout.database.exists()):
            return Brought()
        try:
            return _bring(layout, files, found[0], base)
        except FileNotFoundError:  # a piece went: another one was handed over meanwhile
            if last:
                raise StoreUnavailable(
                    f"The database on {files.url} changed each time it was begun with: run again."
                ) from None
    raise AssertionError


def _bring(layout: DataDirectory, files: StoredFiles, there: WriterCopy, base: Base) -> Brought:
    own = layout.database.exists() and base.generation == 0
    if own and not are_pieces_of(layout.database, there.pieces):
        raise OtherPublisher(
            f"{layout.root} has a database of its own, and {files.url} has another: set "
            "SMARTCONNECT_DATA_DIR to an empty directory. Nothing was started."
        )
    given_up = layout.database.exists() and not own and not is_as_it_was(layout, base)
    aside = layout.building / "brought.duckdb"
    came = assemble(files.store, layout.database, aside, there.pieces)
    aside.chmod(PRIVATE_FILE)
    sys.audit("smartconnect.point", "warehouse.writercopy.aside-closed")
    sync(aside)
    # A leftover log would be replayed into the new file.
    layout.database.with_suffix(".duckdb.wal").unlink(missing_ok=True)
    sys.audit("smartconnect.point", "warehouse.writercopy.log-removed")
    aside.replace(layout.database)
    sys.audit("smartconnect.point", "warehouse.writercopy.brought")
    sync(layout.state)
    erased = _erased(layout)
    forget_gone(layout, files, releases_too=erased > base.erased)
    note_base(layout, there.generation, there.release, erased)
    return Brought(came, given_up)


@on_disk("hand the database over")
def hand_over(layout: DataDirectory, *, release: int) -> int:
    """Put the database on the store for the next writer; how many bytes were sent.

    For whoever holds the writer's lock and has closed it, its log checkpointed. What is handed over
    already isn't sent again.

    Raises:
        StoreUnavailable, StoreRefused: it stays the newest here; hand it over later.
        OtherPublisher: another machine has handed over since it was brought here.
    """
    files = layout.files
    if not isinstance(files, StoredFiles) or not layout.database.exists():
        return 0
    if is_known_as_it_is(layout, release):
        return 0
    base = read_base(layout)
    found = _read(files.store)
    before, etag = found if found else (None, None)
    if (before.generation if before else 0) != base.generation:
        if base.generation and is_as_it_was(layout, base):
            return 0  # what is newer builds on it
        raise _too_late(files)
    if before is None:
        files.store.prove_conditions(f"{FOLDER}probe-{token_hex(8)}.json")
    counted_on = before.pieces if before else ()
    keys = keys_of(layout.database, counted_on, etag)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    size = layout.database.stat().st_size
    newest = max(release, base.release)
    copy = WriterCopy(base.generation + 1, token_hex(8), newest, size, keys, now)
    sent = send_pieces(files.store, layout.database, keys, counted_on)
    now_there = _publish(files, copy, etag)
    note_base(layout, copy.generation, copy.release, _erased(layout))
    sweep_pieces(files.store, keys, now_there)
    return sent


def put_off_removal(layout: DataDirectory, paths: Sequence[Path]) -> None:
    """Remove files of the lake once a database is handed over that doesn't need them."""
    told = json.dumps([layout.relative(path) for path in paths]).encode()
    layout.store.mkdir(mode=PRIVATE_DIR, exist_ok=True)
    sys.audit("smartconnect.point", "warehouse.writercopy.removal-folder-made")
    publish_bytes(layout.store / PUT_OFF, told)
    sys.audit("smartconnect.point", "warehouse.writercopy.removal-put-off")


def remove_put_off(layout: DataDirectory) -> None:
    """Remove what was put off; the newest database is handed over."""
    note = layout.store / PUT_OFF
    content = read_here(note)
    for name in json.loads(content) if content else ():
        layout.files.remove(layout.root / name)
    remove_here(note)


def is_known_as_it_is(layout: DataDirectory, release: int) -> bool:
    """Whether the database was handed over (or brought here) as it is, and that release told of."""
    base = read_base(layout)
    return base.generation > 0 and base.release >= release and is_as_it_was(layout, base)


def is_newest(layout: DataDirectory) -> bool:
    """Whether what this machine publishes is on top of all that was loaded.

    If not, another machine has loaded on top of what this one handed over, and publishes both.

    Raises:
        OtherPublisher: this machine has loaded on top of an older database.
    """
    files = layout.files
    if not isinstance(files, StoredFiles):
        return True
    found, base = _read(files.store), read_base(layout)
    if (found[0].generation if found else 0) == base.generation:
        return True
    if base.generation and is_as_it_was(layout, base):
        return False
    raise _too_late(files)


def _publish(files: StoredFiles, copy: WriterCopy, etag: str | None) -> str:
    """Write the document if nobody has meanwhile; its etag."""
    text = json.dumps({"format": FORMAT, **asdict(copy)}).encode()
    for _ in range(TIMES):
        files.store.put_if(WRITER, text, etag)
        sys.audit("smartconnect.point", "warehouse.writercopy.handed-over")
        found = files.store.read(WRITER)
        if found is not None and found.content == text:
            return found.etag
        if (found.etag if found else None) != etag:
            break
    raise _too_late(files)


def _too_late(files: StoredFiles) -> OtherPublisher:
    return OtherPublisher(
        f"Another machine has loaded and handed its database over on {files.url} since this one "
        "began: its database counts. Nothing is lost: what this machine loaded is in raw/, and the "
        "next run loads it again."
    )


def _read(store: ObjectStore) -> tuple[WriterCopy, str] | None:
    """What is handed over, and its etag.

    Raises:
        StoreRefused: it is of a later version of us.
    """
    found = store.read(WRITER)
    if found is None:
        return None
    try:
        return _told(json.loads(found.content)), found.etag
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StoreRefused(
            f"{store.url}/{WRITER} isn't what this version hands over: name another prefix in "
            "SMARTCONNECT_DATA_URL, or use the version that wrote it."
        ) from None


def _told(document: dict[str, Any]) -> WriterCopy:
    if document.pop("format") != FORMAT:
        raise ValueError
    return WriterCopy(**{**document, "pieces": tuple(document["pieces"])})


def _erased(layout: DataDirectory) -> int:
    return sum(request.finished_at is not None for request in read_list(layout).requests)
