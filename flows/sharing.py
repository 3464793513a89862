"""What machines share through the object store, handed to `extract`, which knows no store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from extract.documents import Document, Named
from extract.errors import KeeperUnusable
from warehouse.errors import StoreRefused, StoreUnavailable

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

    def __init__(self, store: ObjectStore, folder: str = "state/") -> None:
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
