"""The writer's database on the object store is pieces of 8 MiB, each under its hash.

So a night sends and brings what it changed, and not the whole. Who counts on which piece is said by
the document that lists them (`warehouse.writercopy`).
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.atonce import at_once
from warehouse.errors import HashMismatch

if TYPE_CHECKING:
    from warehouse.store import ObjectStore

PIECE_BYTES = 8 * 1024 * 1024
FOLDER = "database/"
WRITER = f"{FOLDER}current.json"


def hashes_of(database: Path) -> list[str]:
    """The hashes of a database's pieces, in their order."""
    return list(_hashes(database))


def are_pieces_of(database: Path, keys: Sequence[str]) -> bool:
    """Whether these are the pieces of that database."""
    return hashes_of(database) == [_hash_of(key) for key in keys]


def keys_of(database: Path, there: Sequence[str], etag: str | None) -> tuple[str, ...]:
    """Keys of the pieces: those that are there, and for new ones names of this attempt's own.

    By the hash alone, one machine could count on a piece that another is just sweeping away.

    Args:
        database: whose pieces.
        there: keys that the newest hand-over counts on.
        etag: of its document; None: there is none.
    """
    known, ending = {_hash_of(key): key for key in there}, _ending(etag)
    return tuple(known.get(one) or f"{FOLDER}{one}{ending}" for one in _hashes(database))


def send_pieces(
    store: ObjectStore, database: Path, keys: Sequence[str], counted_on: Collection[str]
) -> int:
    """Send the pieces that aren't counted on yet; how many bytes were sent."""
    new = [(n, key) for n, key in enumerate(keys) if key not in counted_on]
    there = {found.key: found.size_bytes for found in store.listed(FOLDER)} if new else {}

    def send(one: tuple[int, str]) -> int:
        number, key = one
        content = _read(database, number)
        if there.get(key) == len(content):  # by a hand-over that was cut off
            return 0
        store.put(key, content)
        sys.audit("smartconnect.point", "warehouse.writerpieces.sent")
        return len(content)

    return sum(at_once(send, list({key: (n, key) for n, key in new}.values())))


def assemble(store: ObjectStore, old: Path, aside: Path, keys: Sequence[str]) -> int:
    """The database aside, from pieces of the old one and of the store; bytes that came.

    Raises:
        FileNotFoundError: a piece is there no more.
        HashMismatch: a piece isn't what was handed over.
    """
    here = {one: number for number, one in enumerate(_hashes(old))} if old.exists() else {}
    with aside.open("wb") as file:
        sys.audit("smartconnect.point", "warehouse.writerpieces.aside-begun")
        descriptor = file.fileno()

        def put(one: tuple[int, str]) -> int:
            number, key = one
            place = here.get(_hash_of(key))
            content = _piece(store, key) if place is None else _read(old, place)
            os.pwrite(descriptor, content, number * PIECE_BYTES)
            return len(content) if place is None else 0

        came = sum(at_once(put, list(enumerate(keys))))
    sys.audit("smartconnect.point", "warehouse.writerpieces.assembled")
    return came


def sweep_pieces(store: ObjectStore, needed: Collection[str], etag: str) -> None:
    """Remove pieces that the database hasn't any more, so that nothing erased stays.

    Who else sends pieces now does so on top of an earlier hand-over, and in vain; or on top of this
    one, under keys that tell.

    Args:
        store: where they are.
        needed: keys that the newest hand-over counts on.
        etag: of its document.
    """
    old = [
        found.key
        for found in store.listed(FOLDER)
        if found.key not in needed
        and found.key.endswith(".part")
        and not found.key.endswith(_ending(etag))
    ]
    if old:
        store.delete(old)
        sys.audit("smartconnect.point", "warehouse.writerpieces.swept")


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


def _read(database: Path, number: int) -> bytes:
    with database.open("rb") as file:
        file.seek(number * PIECE_BYTES)
        return file.read(PIECE_BYTES)


def _hashes(database: Path) -> Iterator[str]:
    with database.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield hashlib.sha256(piece).hexdigest()


def _hash_of(key: str) -> str:
    return key.removeprefix(FOLDER).partition("-")[0]


def _ending(etag: str | None) -> str:
    """Of the keys of pieces that are sent on top of what has that etag."""
    return f"-{hashlib.sha256((etag or 'first').encode()).hexdigest()[:12]}.part"
