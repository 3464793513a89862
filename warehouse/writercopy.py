"""The writer's database on the object store: handed over by who wrote it, brought by the next one.

It is there in pieces of 8 MiB, each under its hash, and `database/current.json` lists them: a night
sends and brings the pieces that it changed, not the whole. That document is written only if it is
still the one that this machine's database was made from; so of two machines that loaded at once one
has handed over, and the other is told. Whoever writes holds the writer's lock of its machine;
machines among each other are kept apart by whoever calls this.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from warehouse.disk import on_disk
from warehouse.durable import PRIVATE_DIR, PRIVATE_FILE, publish_bytes, sync
from warehouse.erasinglist import read_list
from warehouse.errors import HashMismatch, OtherPublisher, StoreRefused, StoreUnavailable
from warehouse.files import read_here, remove_here
from warehouse.forgetting import forget_gone
from warehouse.layout import DataDirectory
from warehouse.storedfiles import WRITER, StoredFiles, at_once, base_path

if TYPE_CHECKING:
    from warehouse.store import ObjectStore

PIECE_BYTES, FORMAT, TIMES = 8 * 1024 * 1024, 1, 4
FOLDER, PUT_OFF = "database/", "unneeded.json"


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
class _Base:
    """What this machine's database was made from, and what the file looked like then."""

    generation: int = 0
    release: int = 0
    bytes: int = -1
    mtime_ns: int = -1
    erased: int = 0


@dataclass(frozen=True)
class Brought:
    """What came: bytes, and whether loads of this machine that nobody had got were given up."""

    bytes: int = 0
    given_up: bool = False


def known_release(layout: DataDirectory) -> int:
    """The newest release's number that this machine has heard of; 0: none."""
    return _base(layout).release if layout.files.shared else 0


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
        base = _base(layout)
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


def _bring(layout: DataDirectory, files: StoredFiles, there: WriterCopy, base: _Base) -> Brought:
    own = layout.database.exists() and base.generation == 0
    if own and _pieces(layout.database) != [_hash_of(key) for key in there.pieces]:
        raise OtherPublisher(
            f"{layout.root} has a database of its own, and {files.url} has another: set "
            "SMARTCONNECT_DATA_DIR to an empty directory. Nothing was started."
        )
    given_up = layout.database.exists() and not own and not _as_it_was(layout, base)
    aside = layout.building / "brought.duckdb"
    came = _assemble(files.store, layout.database, aside, there)
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
    _note(layout, there, erased)
    return Brought(came, given_up)


def _assemble(store: ObjectStore, old: Path, aside: Path, there: WriterCopy) -> int:
    """The database aside, from pieces of the old one and of the store; bytes that came."""
    here = dict(zip(_pieces(old), range(there.bytes), strict=False)) if old.exists() else {}
    with aside.open("wb") as file:
        sys.audit("smartconnect.point", "warehouse.writercopy.aside-begun")
        descriptor = file.fileno()

        def put(one: tuple[int, str]) -> int:
            number, key = one
            place = here.get(_hash_of(key))
            if place is not None:
                with old.open("rb") as kept:
                    kept.seek(place * PIECE_BYTES)
                    content = kept.read(PIECE_BYTES)
            else:
                content = _piece(store, key)
            os.pwrite(descriptor, content, number * PIECE_BYTES)
            return 0 if place is not None else len(content)

        came = sum(at_once(put, list(enumerate(there.pieces))))
    sys.audit("smartconnect.point", "warehouse.writercopy.assembled")
    return came


def _piece(store: ObjectStore, key: str) -> bytes:
    found = store.read(key)
    if found is None:
        raise FileNotFoundError(key)
    if hashlib.sha256(found.content).hexdigest() != _hash_of(key):
        raise HashMismatch(
            f"{store.url}/{key} isn't what was handed over (its hash is another one). Nothing "
            f"changed here. Remove {store.url}/{WRITER} there and run `smartconnect push` on the "
            "machine that loaded last, or `smartconnect rebuild` where there is none."
        )
    return found.content


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
    base = _base(layout)
    found = _read(files.store)
    before, etag = found if found else (None, None)
    if (before.generation if before else 0) != base.generation:
        if base.generation and _as_it_was(layout, base):
            return 0  # what is newer builds on it
        raise _too_late(files)
    if before is None:
        files.store.prove_conditions(f"{FOLDER}probe-{token_hex(8)}.json")
    keys = _keys(layout.database, before, etag)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    size = layout.database.stat().st_size
    newest = max(release, base.release)
    copy = WriterCopy(base.generation + 1, token_hex(8), newest, size, keys, now)
    sent = _send(files.store, layout.database, keys, before)
    now_there = _publish(files, copy, etag)
    _note(layout, copy, _erased(layout))
    _sweep(files.store, copy, now_there)
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
    base = _base(layout)
    return base.generation > 0 and base.release >= release and _as_it_was(layout, base)


def is_newest(layout: DataDirectory) -> bool:
    """Whether what this machine publishes is on top of all that was loaded.

    If not, another machine has loaded on top of what this one handed over, and publishes both.

    Raises:
        OtherPublisher: this machine has loaded on top of an older database.
    """
    files = layout.files
    if not isinstance(files, StoredFiles):
        return True
    found, base = _read(files.store), _base(layout)
    if (found[0].generation if found else 0) == base.generation:
        return True
    if base.generation and _as_it_was(layout, base):
        return False
    raise _too_late(files)


def _keys(database: Path, before: WriterCopy | None, etag: str | None) -> tuple[str, ...]:
    """Keys of the pieces: those that are there, and for new ones names of this attempt's own.

    By the hash alone, one machine could count on a piece that another is just sweeping away.
    """
    there = {_hash_of(key): key for key in before.pieces} if before else {}
    ending = _ending(etag)
    return tuple(there.get(one) or f"{FOLDER}{one}{ending}" for one in _pieces(database))


def _ending(etag: str | None) -> str:
    """Of the keys of pieces that are sent on top of what has that etag."""
    return f"-{hashlib.sha256((etag or 'first').encode()).hexdigest()[:12]}.part"


def _send(
    store: ObjectStore, database: Path, keys: tuple[str, ...], before: WriterCopy | None
) -> int:
    counted_on = set(before.pieces) if before else set()
    new = [(n, key) for n, key in enumerate(keys) if key not in counted_on]
    there = {found.key: found.size_bytes for found in store.listed(FOLDER)} if new else {}

    def send(one: tuple[int, str]) -> int:
        number, key = one
        with database.open("rb") as file:
            file.seek(number * PIECE_BYTES)
            content = file.read(PIECE_BYTES)
        if there.get(key) == len(content):  # by a hand-over that was cut off
            return 0
        store.put(key, content)
        sys.audit("smartconnect.point", "warehouse.writercopy.piece-sent")
        return len(content)

    return sum(at_once(send, list({key: (n, key) for n, key in new}.values())))


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


def _sweep(store: ObjectStore, copy: WriterCopy, etag: str) -> None:
    """Remove pieces that the database hasn't any more, so that nothing erased stays.

    Who else sends pieces now does so on top of an earlier hand-over, and in vain; or on top of this
    one, under keys that tell.
    """
    needed = {*copy.pieces, WRITER}
    old = [
        found.key
        for found in store.listed(FOLDER)
        if found.key not in needed
        and found.key.endswith(".part")
        and not found.key.endswith(_ending(etag))
    ]
    if old:
        store.delete(old)
        sys.audit("smartconnect.point", "warehouse.writercopy.swept")


def _pieces(database: Path) -> list[str]:
    """The hashes of a database's pieces."""
    return list(_hashes(database))


def _hashes(database: Path) -> Iterator[str]:
    with database.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield hashlib.sha256(piece).hexdigest()


def _hash_of(key: str) -> str:
    return key.removeprefix(FOLDER).partition("-")[0]


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


def _base(layout: DataDirectory) -> _Base:
    try:
        return _Base(**json.loads(base_path(layout).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return _Base()


def _note(layout: DataDirectory, copy: WriterCopy, erased: int) -> None:
    status = layout.database.stat()
    base = _Base(copy.generation, copy.release, status.st_size, status.st_mtime_ns, erased)
    layout.store.mkdir(mode=PRIVATE_DIR, exist_ok=True)
    sys.audit("smartconnect.point", "warehouse.writercopy.folder-made")
    publish_bytes(base_path(layout), json.dumps(asdict(base)).encode())
    sys.audit("smartconnect.point", "warehouse.writercopy.noted")


def _as_it_was(layout: DataDirectory, base: _Base) -> bool:
    """Whether nothing was written since it was brought here or handed over."""
    status = layout.database.stat()
    told = replace(base, bytes=status.st_size, mtime_ns=status.st_mtime_ns)
    return told == base and not layout.database.with_suffix(".duckdb.wal").exists()


def _erased(layout: DataDirectory) -> int:
    return sum(request.finished_at is not None for request in read_list(layout).requests)
