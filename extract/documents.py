"""Small documents that several machines share, each written only if it is what was read before.

Who keeps them (an object store) is handed in from above. Every change of a document carries a word
of its own (`changed`, leases): an etag may be made of the content alone, and two writes with one
content could not be told apart.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ParamSpec, Protocol, TypeVar

from extract.errors import KeeperUnusable
from extract.threads import to_its_end

P = ParamSpec("P")
T = TypeVar("T")
Content = dict[str, Any]
TRIES = 60
THREADS = 8
FIRST_NAP_SECONDS, LONGEST_NAP_SECONDS = 0.02, 0.5


@dataclass(frozen=True)
class Document:
    """A document as it was read; its age is by the keeper's own clock."""

    content: bytes
    etag: str
    age_seconds: float


@dataclass(frozen=True)
class Named:
    """A document of a listing."""

    key: str
    age_seconds: float


class Documents(Protocol):
    """What a keeper of documents promises. Every method blocks, and may be called in any thread.

    Ages are of the keeper's clock and may be wrong by a second each way.

    Every method raises:
        extract.errors.KeeperUnusable: the keeper can't be reached, or refuses.
    """

    def read(self, key: str) -> Document | None:
        """The document; None where there is none."""

    def write_if(self, key: str, content: bytes, etag: str | None) -> str | None:
        """Write it if it still has that etag or, with None, if there is none.

        Returns:
            The new etag; None where another was there. What is there is ours where its content is:
            an answer may have been lost on the way, and the question been repeated.
        """

    def remove(self, key: str) -> None:
        """Remove it, whatever it is: only for who knows that nobody will write it any more.

        Not every store removes under a condition: elsewhere a document is emptied by `write_if`.
        """

    def names(self, folder: str) -> list[Named]:
        """All documents whose key begins so."""


def written(content: Content) -> bytes:
    """A document's bytes, with a word of their own."""
    return json.dumps({**content, "word": secrets.token_hex(8)}, ensure_ascii=True).encode()


def understood(key: str, document: Document | None) -> Content:
    """What a document says; nothing where there is none.

    Raises:
        KeeperUnusable: it is none of ours.
    """
    if document is None:
        return {}
    with suppress(ValueError):
        content = json.loads(document.content)
        if isinstance(content, dict):
            return content
    raise KeeperUnusable(
        "share",
        f"the document {key}",
        "it isn't what this program writes",
        "Remove it from the store while no run is under way, then run again.",
    )


def changed(
    documents: Documents, key: str, change: Callable[[Content], Content | None]
) -> Content | None:
    """Change a document that others change meanwhile, as often as it takes.

    Args:
        documents: where it is.
        key: its name.
        change: from what it says to what it shall say; None leaves it. May be called repeatedly.

    Returns:
        What it says now by our change; None where it was left.
    """
    nap = FIRST_NAP_SECONDS
    for _ in range(TRIES):
        found = documents.read(key)
        wanted = change(understood(key, found))
        if wanted is None:
            return None
        if documents.write_if(key, written(wanted), found.etag if found else None) is not None:
            sys.audit("smartconnect.point", "extract.documents.changed")
            return wanted
        time.sleep(nap * random.random())  # noqa: S311
        nap = min(nap * 1.5, LONGEST_NAP_SECONDS)
    raise KeeperUnusable(
        "share", f"the document {key}", "others change it all the time", "Run again later."
    )


class Threads:
    """Threads of our own for what blocks: the loop's may be full of an export's normalising."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, "shared")

    async def __call__(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread; who is cancelled waits for its end."""
        loop = asyncio.get_running_loop()
        return await to_its_end(loop.run_in_executor(self._pool, lambda: work(*args, **kwargs)))

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown()
