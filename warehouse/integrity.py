"""Whether a published release is still what was published: its hashes tell.

Nobody but root can write into a release, and root can: DuckDB opens it for writing without a word,
and what is left in a `.wal` beside it is shown to every reader. So the manifest says of each file
how long it is, when it was written last and what its hash is; of the database, which is another one
each night and the largest of all, what its blocks' checksums tell (warehouse/blocks.py).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.blocks import block_fingerprint, is_broken

MANIFEST, DATABASE = "manifest.json", "warehouse.duckdb"
Files = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Damage:
    """What was done to a release after it was published: paths below it."""

    number: int
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    added: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """For the run's summary."""
        said = [
            f"{what}: {', '.join(paths[:5])}{' and others' if len(paths) > 5 else ''}"
            for what, paths in (
                ("written into", self.changed),
                ("gone", self.gone),
                ("left in it", self.added),
            )
            if paths
        ]
        return (
            f"Release {self.number} is not what was published ({'; '.join(said)}). Open releases "
            "read-only (duckdb -readonly), and copy one to work on it."
        )


def fingerprints(root: Path, known: Files) -> dict[str, dict[str, Any]]:
    """Each file of a release that is being built: bytes, mtime_ns and sha256, or blocks.

    A file that `known` (the release before) tells the same of is not read again: most are links to
    the same lake files.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in _files(root):
        name, status = str(path.relative_to(root)), path.stat()
        told = {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
        before = known.get(name, {})
        same = is_untouched(status, before)
        blocks = block_fingerprint(path) if name == DATABASE else None
        if blocks:
            found[name] = {**told, "blocks": blocks}
        else:
            found[name] = {**told, "sha256": before["sha256"] if same else sha256(path)}
    return found


def find_damage(number: int, root: Path, known: Files, *, whole: bool = False) -> Damage | None:
    """Compare a release with what its manifest says; None where it is as it was published.

    Of the database the blocks' checksums are read; another file only where its length or time is
    another. With `whole`, every byte: what went wrong beneath the file system shows only so.
    """
    if not known:  # published before its files were listed
        return None
    there = {str(path.relative_to(root)): path for path in _files(root)}
    changed = [n for n, told in known.items() if n in there and _differs(there[n], told, whole)]
    gone = [name for name in known if name not in there]
    added = [name for name in there if name not in known]
    if not (changed or gone or added):
        return None
    return Damage(number, tuple(sorted(changed)), tuple(sorted(gone)), tuple(sorted(added)))


def sha256(path: Path) -> str:
    """The hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_untouched(status: os.stat_result, told: Mapping[str, Any]) -> bool:
    """Whether a file has the length and time that a manifest tells of it; nothing is read."""
    return (status.st_size, status.st_mtime_ns) == (told.get("bytes"), told.get("mtime_ns"))


def is_as_published(path: Path, told: Mapping[str, Any]) -> bool:
    """Whether a release's file is what its manifest tells, as `find_damage` looks at it."""
    return not _differs(path, told)


def _files(root: Path) -> Iterator[Path]:
    found = [Path(folder) / name for folder, _, names in os.walk(root) for name in names]
    yield from (path for path in sorted(found) if path != root / MANIFEST)


def _differs(path: Path, told: Mapping[str, Any], whole: bool = False) -> bool:
    status = path.stat()
    if status.st_size != told["bytes"]:
        return True
    if "blocks" in told:
        return block_fingerprint(path) != told["blocks"] or (whole and is_broken(path))
    touched = status.st_mtime_ns != told["mtime_ns"] or path.name == DATABASE
    return (touched or whole) and sha256(path) != told["sha256"]
