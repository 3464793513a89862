"""What machines share through the object store, handed to `extract`, which knows no store."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING

from extract.documents import Document, Named
from extract.errors import KeeperUnusable
from extract.leases import Term
from extract.sharednotes import bring_notes
from extract.sharing import Shared
from extract.takingover import take_over
from flows.settings import Settings
from warehouse.errors import StoreRefused, StoreUnavailable
from warehouse.layout import DataDirectory

if TYPE_CHECKING:
    from warehouse.store import ObjectStore

# A lease must be renewed, or be known to be lost, before it has run out.
TRIES, ANSWER_SECONDS = 3, 5.0


class StoreDocuments:
    """Documents that are objects (`extract.documents.Documents`).

    Args:
        store: made with `TRIES` and `ANSWER_SECONDS`.
        folder: the prefix within the store.
    """

    def __init__(self, store: ObjectStore, folder: str = "state/shared/") -> None:
        self._store, self._folder = store, folder

    def read(self, key: str) -> Document | None:
        """See `Documents`."""
        with _told(f"the document {key}"):
            found = self._store.read(self._folder + key)
        if found is None:
            return None
        age_seconds = (found.at - found.modified).total_seconds()
        return Document(found.content, found.etag, age_seconds)

    def write_if(self, key: str, content: bytes, etag: str | None) -> str | None:
        """See `Documents`."""
        with _told(f"the document {key}"):
            new = self._store.write_if(self._folder + key, content, etag)
            if new is not None:
                return new
            found = self._store.read(self._folder + key)
        return found.etag if found is not None and found.content == content else None

    def remove(self, key: str) -> None:
        """See `Documents`."""
        with _told(f"the document {key}"):
            self._store.delete([self._folder + key])

    def names(self, folder: str) -> list[Named]:
        """See `Documents`."""
        with _told(f"the documents {folder}"):
            return [
                Named(
                    listed.key.removeprefix(self._folder),
                    (listed.at - listed.modified).total_seconds(),
                )
                for listed in self._store.listed(self._folder + folder)
            ]

    def prove(self) -> None:
        """See, once for all machines, that the store keeps its word about conditional writes.

        Raises:
            KeeperUnusable: it doesn't, so that two machines could do the same at once.
        """
        if self.read("proven") is not None:
            return
        with _told("a conditional write"):
            self._store.prove_conditions(f"{self._folder}probe-{token_hex(8)}")
        self.write_if("proven", b"{}", None)


@asynccontextmanager
async def sharing(settings: Settings, holder: str) -> AsyncIterator[Shared | None]:
    """What this run shares with other machines; None where all is on this one.

    What this machine noted before it shared is given to all first.

    Raises:
        extract.errors.KeeperUnusable: the store can't be reached, or can't be relied upon.
    """
    url = settings.data_store
    if url is None:
        yield None
        return
    documents = await asyncio.to_thread(_documents, url)
    layout, today = DataDirectory(settings.data_root), settings.today().date()
    await asyncio.to_thread(take_over, documents, layout.journal, layout.calls, today)
    lasts = settings.lease_seconds
    term = Term(lasts_seconds=lasts, renew_seconds=lasts / 3)
    async with Shared(documents, holder=f"{holder} on {platform.node()}", term=term) as shared:
        yield shared


def bring_shared_notes(settings: Settings, layout: DataDirectory) -> None:
    """Have the notes of what other machines sent here, too; nothing where nothing is shared.

    Raises:
        extract.errors.KeeperUnusable: they can't be read.
    """
    if settings.data_store is not None:
        documents = _documents(settings.data_store)
        for folder in (layout.outbox, layout.deliveries):
            bring_notes(documents, folder)


def _documents(url: str) -> StoreDocuments:
    from warehouse.store import ObjectStore  # noqa: PLC0415  (boto3 costs a second)

    with _told("the documents that machines share"):
        documents = StoreDocuments(ObjectStore(url, tries=TRIES, answer_seconds=ANSWER_SECONDS))
    documents.prove()
    return documents


@contextmanager
def _told(what: str) -> Iterator[None]:
    """The store's errors as those that `extract` knows."""
    try:
        yield
    except StoreUnavailable:
        came, cure = "the object store can't be reached, or not now", "Run again later."
    except StoreRefused as error:
        came, cure = f"the object store refuses: {error}", "Then run again."
    else:
        return
    raise KeeperUnusable("share", what, came, cure)
