"""Files on an object store, for machines that share nothing else: `warehouse.files.Files`.

A key is a file's path below the data directory. A file is sent before it gets its name here, with
its hash beside it, and comes here aside, proven, by one rename: what has its name is whole, and is
there for all. Documents are changed under the condition that they are what was read. Nothing of the
store's client is imported before it is needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from warehouse.atonce import at_once
from warehouse.disk import on_disk
from warehouse.durable import PRIVATE_DIR, PRIVATE_FILE, publish_bytes
from warehouse.errors import OtherOrigin, OtherPublisher, StoreUnavailable
from warehouse.files import Change, local_names, read_here, remove_here
from warehouse.storedfetch import bring
from warehouse.writerbase import base_path
from warehouse.writerpieces import WRITER

if TYPE_CHECKING:
    from warehouse.layout import DataDirectory
    from warehouse.store import ObjectStore

CHANGES, BETWEEN_SECONDS = 40, 0.05
ORIGIN = "state/origin.json"
NOTE, PROBE = ".seen.json", "state/probe"
PREPARED = "shared.json"


class StoredFiles:
    """Files of a data directory below a prefix of an object store.

    Args:
        url: `s3://bucket/prefix`.
        layout: the data directory: this machine's working copy.
    """

    shared = True

    def __init__(self, url: str, layout: DataDirectory) -> None:
        self.url = url
        self._layout = layout

    @cached_property
    def store(self) -> ObjectStore:
        """The store, asked for the first time."""
        from warehouse.store import ObjectStore  # noqa: PLC0415  (boto3 costs a second)

        return ObjectStore(self.url)

    def key(self, path: Path) -> str:
        """Where a file of the data directory is on the store."""
        return path.relative_to(self._layout.root).as_posix()

    @on_disk("note where the files are")
    def prepare(self, origin: str) -> None:
        """Give the store what this directory alone has, once, and be one of its machines.

        Raises:
            OtherOrigin: another company's files are there.
            OtherPublisher: both hold data that isn't the other's.
            StoreUnavailable, StoreRefused: nothing was started.
        """
        note, told = self._layout.store / PREPARED, json.dumps([self.url, origin]).encode()
        if read_here(note) == told:
            return
        self._agree(origin)
        self._adopt()
        self._layout.store.mkdir(mode=PRIVATE_DIR, exist_ok=True)
        sys.audit("smartconnect.point", "warehouse.storedfiles.folder-made")
        publish_bytes(note, told)
        sys.audit("smartconnect.point", "warehouse.storedfiles.prepared")

    def begin_anew(self) -> None:
        """`prepare` gives the store all of it, whenever that comes to be asked."""
        remove_here(self._layout.store / PREPARED)

    def _agree(self, origin: str) -> None:
        told = json.dumps({"origin": origin}).encode()
        if self.store.read(ORIGIN) is None:
            self.store.prove_conditions(f"{PROBE}-{token_hex(8)}.json")
            self.store.put_if(ORIGIN, told, None)
        found = self.store.read(ORIGIN)
        if found is None or found.content != told:
            raise OtherOrigin(
                f"{self.url} holds another company's files than {origin}'s: name another prefix in "
                "SMARTCONNECT_DATA_URL. Nothing was started."
            )

    def _adopt(self) -> None:
        """What was here before the store was named goes there; notes after their files."""
        layout = self._layout
        remove_here(base_path(layout))  # of another store
        known = layout.state / "suppression.json"
        here, there = read_here(known), self._found(known)
        strange = layout.database.exists() and self.store.read(WRITER) is not None
        if strange or (here and there and here != there):
            raise OtherPublisher(
                f"{layout.root} holds data that isn't on {self.url}, which holds other data: set "
                "SMARTCONNECT_DATA_DIR to an empty directory, or SMARTCONNECT_DATA_URL to an empty "
                "prefix. Nothing was started."
            )
        if here and not there:
            self.store.put_if(self.key(known), here, None)
        folders = (layout.raw, layout.lake, layout.quarantine, layout.extracts)
        paths = [path for folder in folders for path in local_names(folder)]
        notes = [path for path in paths if path.name.endswith(NOTE)]
        at_once(lambda path: self.keep(path, path), [p for p in paths if p not in set(notes)])
        at_once(self._adopt_note, notes)

    def _adopt_note(self, path: Path) -> None:
        content = path.read_bytes()
        self.change(path, lambda there: content if there is None else None)

    def keep(self, path: Path, place: Path) -> None:
        """Send it, unless it is there."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if self.store.told_sha256(self.key(place)) == sha256:
            return
        self.store.upload(path, self.key(place), sha256)
        sys.audit("smartconnect.point", "warehouse.storedfiles.kept")

    @on_disk("bring a file here")
    def fetch(self, paths: Iterable[Path]) -> list[Path]:
        """Bring what isn't here, some at once.

        Raises:
            HashMismatch: what came isn't what was kept.
            StoreUnavailable, StoreRefused: some came, some didn't.
        """
        wanted = [path for path in paths if not path.exists()]
        came = at_once(self._bring, wanted)
        return [path for path, is_here in zip(wanted, came, strict=True) if not is_here]

    def _bring(self, path: Path) -> bool:
        return bring(self.store, self._layout, self.key(path), path)

    def names(self, folder: Path) -> list[Path]:
        """What is there, and what is here alone: a removal must find that, too."""
        listed = self.store.listed(f"{self.key(folder)}/")
        there = {self._layout.root / found.key for found in listed}
        return sorted(there | set(local_names(folder)))

    def remove(self, path: Path) -> None:
        """Remove it here, then there: until it is gone there, it is found and removed again."""
        remove_here(path)
        self.store.delete([self.key(path)])
        sys.audit("smartconnect.point", "warehouse.storedfiles.removed")

    def read(self, path: Path) -> bytes | None:
        """What is there now; a copy of it stays here."""
        content = self._found(path)
        if content is not None:
            self._copy(path, content)
        return content

    def documents(self, folder: Path, begins: str, ends: str) -> dict[Path, bytes]:
        """What is there now; what is here already isn't asked for again."""
        listed = self.store.listed(f"{self.key(folder)}/{begins}")
        found = [(self._layout.root / o.key, o.etag) for o in listed if o.key.endswith(ends)]
        contents = at_once(lambda one: self._as_listed(*one), found)
        pairs = zip((path for path, _ in found), contents, strict=True)
        return {path: content for path, content in sorted(pairs) if content is not None}

    def _as_listed(self, path: Path, etag: str) -> bytes | None:
        here = read_here(path)
        if here is not None and etag.strip('"') == _etag_of(here):
            return here
        return self.read(path)

    def change(self, path: Path, change: Change) -> bool:
        """Write it under the condition that it is what was read, until that holds.

        Raises:
            StoreUnavailable: others change it all the time.
        """
        written: bytes | None = None
        for _ in range(CHANGES):
            found = self.store.read(self.key(path))
            content = found.content if found else None
            if written is not None and content == written:  # our own, whose answer was lost
                return True
            written = change(content)
            if written is None:
                return False
            if self.store.put_if(self.key(path), written, found.etag if found else None):
                sys.audit("smartconnect.point", "warehouse.storedfiles.changed")
                self._copy(path, written)
                return True
            time.sleep(BETWEEN_SECONDS)
        raise StoreUnavailable(
            f"{self.url}/{self.key(path)} was changed by others each time it was to be: run again."
        )

    def _found(self, path: Path) -> bytes | None:
        found = self.store.read(self.key(path))
        return found.content if found else None

    def _copy(self, path: Path, content: bytes) -> None:
        """A copy of a document, so that it needn't be fetched again; it needn't last."""
        beside = path.with_name(f".{path.name}.{token_hex(4)}")
        with suppress(OSError):
            path.parent.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
            sys.audit("smartconnect.point", "warehouse.storedfiles.copy-folder-made")
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE), "wb") as file:
                file.write(content)
            sys.audit("smartconnect.point", "warehouse.storedfiles.copy-written")
            beside.replace(path)
            sys.audit("smartconnect.point", "warehouse.storedfiles.copied")


def _etag_of(content: bytes) -> str:
    """What a store mostly says of such an object; where it says another thing, it is fetched."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
