"""Notes of what was sent, shared by machines: of two that would send the same, one does.

A note is a document that the sender holds while it sends: that it begins is written under the
condition that the document is still what was taken. What a machine noted before it shared counts,
too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from extract.documents import Content, Documents, changed, understood
from extract.errors import LeaseLost
from extract.journal import folder_secret, write_durably
from extract.locks import private_folder
from extract.sendnotes import BEGUN, WAIT_SECONDS, Note, Notes, require_name, sent_elsewhere
from extract.sharing import HeldDocument, Shared, Taker, shared_secret

_FORGOTTEN = {"forgotten": True}


class SharedNotes(Notes):
    """As `Notes`, over several machines; within one event loop.

    Args:
        folder: of this machine's own notes, from before.
        shared: what machines share, entered.

    Raises:
        DiskUnusable: as `Notes`.
        KeeperUnusable: from every method: the notes can't be read or written.
    """

    def __init__(self, folder: Path, shared: Shared) -> None:
        super().__init__(folder)
        self._shared, self._place = shared, folder.name
        self._held: dict[str, HeldDocument] = {}

    def read(self, name: str) -> Note | None:
        """See `Notes`."""
        held = self._held.get(name)
        if held is not None:
            said = held.content
        else:
            said = understood(self._key(name), self._shared.documents.read(self._key(name)))
        if "note" in said:
            return self.told(name, said["note"])
        return None if "forgotten" in said else super().read(name)

    def keep(self, name: str, note: Note) -> None:
        """See `Notes`; within `alone`.

        Raises:
            LeaseLost: another may be sending it; nothing was sent.
        """
        content = {"note": note.kept()}
        try:
            self._held[name].put(content)
        except LeaseLost:
            if note.state == BEGUN:
                raise
            self._change(name, content)  # it was sent, whoever asks now
        sys.audit("smartconnect.point", "extract.sharednotes.noted")

    def forget(self, name: str) -> None:
        """See `Notes`; within `alone`."""
        held = self._held[name]
        ours = held.content.get("note")
        try:
            held.put(dict(_FORGOTTEN))
        except LeaseLost:
            self._change(name, dict(_FORGOTTEN), only_if=ours)
        sys.audit("smartconnect.point", "extract.sharednotes.forgotten")

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """See `Notes`."""
        require_name(name)
        async with Taker(self._shared, self._key(name)).holding(WAIT_SECONDS) as held:
            if held is None:
                raise sent_elsewhere()
            self._held[name] = held
            try:
                yield
            finally:
                del self._held[name]

    def secret(self) -> bytes:
        """See `Notes`; the first machine's own becomes that of all."""
        return shared_secret(
            self._shared.documents, f"secrets/{self._place}", lambda: folder_secret(self._folder)
        )

    def _change(self, name: str, content: Content, *, only_if: Any = None) -> None:
        def change(said: Content) -> Content | None:
            if only_if is not None and said.get("note") != only_if:
                return None
            return {**{key: said[key] for key in ("session", "holder") if key in said}, **content}

        changed(self._shared.documents, self._key(name), change)

    def _key(self, name: str) -> str:
        return f"notes/{self._place}/{name}"


def bring_notes(documents: Documents, folder: Path) -> int:
    """Copy the notes of all machines, and the key of their names, into this machine's folder.

    For a backup of it: what was sent must be known when all else is lost. How many notes there are.

    Raises:
        KeeperUnusable: they can't be read.
        DiskUnusable: they can't be kept here.
    """
    private_folder(folder, "the journal of messages")
    place, found = f"notes/{folder.name}/", 0
    secret = understood("secrets", documents.read(f"secrets/{folder.name}")).get("secret")
    if secret is not None:
        write_durably(folder / ".key", bytes.fromhex(secret))
        sys.audit("smartconnect.point", "extract.sharednotes.key-brought")
    for named in documents.names(place):
        note = understood(named.key, documents.read(named.key)).get("note")
        if note is not None:
            found += 1
            path = folder / f"{named.key.removeprefix(place)}.json"
            write_durably(path, json.dumps(note).encode())
            sys.audit("smartconnect.point", "extract.sharednotes.brought")
    return found


def open_notes(folder: Path, shared: Shared | None) -> Notes:
    """Notes of this machine or, where something is shared, of all of them."""
    return Notes(folder) if shared is None else SharedNotes(folder, shared)
