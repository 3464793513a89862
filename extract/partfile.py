"""A file while it is being downloaded: private, hashed as it is written, gone if it fails."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from extract.content import HEAD_BYTES
from extract.locks import unusable

_WHAT = "the folder of downloads"
DEAD_AFTER_SECONDS = 24 * 3600


class PartFile:
    """A new file `<random>.part` in `folder`, mode 0600; removed unless `keep` was called.

    Args:
        folder: made if missing, mode 0700.

    Raises:
        DiskUnusable: here and from every method, where the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{secrets.token_hex(12)}.part"
        self.size_bytes = 0
        self.head = b""
        self._digest = hashlib.sha256()
        self._kept = False
        with _disk():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _clear_leftovers(folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            self._file = os.fdopen(os.open(self.path, flags, 0o600), "wb", buffering=0)

    @property
    def sha256(self) -> str:
        """Of the bytes written so far, in hexadecimal."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append; blocks no longer than the disk does."""
        view = memoryview(chunk)
        with _disk():
            while view:
                view = view[self._file.write(view) :]
        self._digest.update(chunk)
        self.size_bytes += len(chunk)
        if len(self.head) < HEAD_BYTES:
            self.head = (self.head + chunk)[:HEAD_BYTES]

    def keep(self, suffix: str) -> Path:
        """Give it its kind in place of `.part`; it stays when the block ends."""
        with _disk():
            self.path = self.path.rename(self.path.with_suffix(suffix))
        self._kept = True
        return self.path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._file.close()
        if not self._kept:
            self.path.unlink(missing_ok=True)


def _clear_leftovers(folder: Path) -> None:
    """Remove what killed runs left half-written; no download takes a day."""
    for path in folder.glob("*.part"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > DEAD_AFTER_SECONDS:
                path.unlink()


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = os.strerror(error.errno or 0)
    else:
        return
    raise unusable(_WHAT, problem)
