"""What a disk refuses, named so that a person can act: full, read-only, worn out, not ours."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from warehouse.errors import DirectoryUnusable

# How DuckDB's messages tell what the system answered: it keeps no number.
_ANSWERS = tuple(
    os.strerror(number)
    for number in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
    )
)
# What DuckDB calls everything after a write that failed: it lets nobody in until it is opened anew.
_FAILED_BEFORE = "an earlier write to the database failed"


@contextmanager
def on_disk(doing: str) -> Iterator[None]:
    """Tell what the disk refuses within the block as one error; also a decorator.

    Args:
        doing: what is being done, as in `keep a raw file`.

    Raises:
        DirectoryUnusable: the disk refused it; nothing that was loaded or published is touched.
    """
    try:
        yield
    except (FileNotFoundError, FileExistsError, TimeoutError):
        raise
    except OSError as error:
        raise unusable(doing, os.strerror(error.errno or 0)) from None
    except duckdb.Error as error:
        answer = _answer(error)
        if answer is None:
            raise
        raise unusable(doing, answer) from None


def unusable(doing: str, answer: str) -> DirectoryUnusable:
    """The error for a step that the disk refused; `answer` as the system names it."""
    return DirectoryUnusable(
        f"To {doing}, the data directory must be written; the disk answers {answer!r}. Free space "
        "or correct its owner and mode, then run again: what was loaded and published before "
        "stays as it is."
    )


def _answer(error: duckdb.Error) -> str | None:
    """What the system answered to DuckDB, if the disk is what failed."""
    said = str(error)
    for answer in _ANSWERS:
        if answer in said:
            return answer
    return _FAILED_BEFORE if isinstance(error, duckdb.FatalException) else None
