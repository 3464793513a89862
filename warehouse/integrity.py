"""Whether a published release is still what was published: its hashes tell.

Nobody but root can write into a release, and root can: DuckDB opens it for writing without a word,
and what is left in a `.wal` beside it is shown to every reader. So the manifest says of each file
how long it is, when it was written last and what its hash is; of the database, which is another one
each night and the largest of all, what its blocks' checksums tell (warehouse/blocks.py).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.blocks import block_fingerprint, is_broken
from warehouse.sparetree import PART
from warehouse.walking import files_below

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


def fingerprints(
    root: Path, known: Files, settled: Mapping[str, os.stat_result] | None = None
) -> dict[str, dict[str, Any]]:
    """Each file of a release that is being built: bytes, mtime_ns and sha256, or blocks.

    A file that `known` (the release before) tells the same of is not read again: most are links to
    the same lake files.

    Args:
        root: the release.
        known: the files of the one before.
        settled: folders of it that were looked into, and what the one file of each is.
    """
    found: dict[str, dict[str, Any]] = {}
    parts = {f"{folder}/{PART}": status for folder, status in (settled or {}).items()}
    paths = {path[len(str(root)) + 1 :]: path for path in parts}
    for name, path in sorted((paths | _files(root, settled or ())).items()):
        status = parts.get(path) or os.stat(path)  # noqa: PTH116  (Path is half of the cost)
        told = {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns}
        before = known.get(name, {})
        blocks = block_fingerprint(Path(path)) if name == DATABASE else None
        if blocks:
            # Software that knew no blocks asked for this: gone back to, it takes the release
            # for one that was written into, and replaces it.
            found[name] = {**told, "blocks": blocks, "sha256": ""}
            continue
        same = is_untouched(status, before)
        found[name] = {**told, "sha256": before["sha256"] if same else sha256(Path(path))}
    return found


def find_damage(number: int, root: Path, known: Files, *, whole: bool = False) -> Damage | None:
    """Compare a release with what its manifest says; None where it is as it was published.

    Of the database the blocks' checksums are read; another file only where its length or time is
    another. With `whole`, every byte: what went wrong beneath the file system shows only so.
    """
    if not known:  # published before its files were listed
        return None
    there = _files(root)
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


def _files(root: Path, but: Collection[str] = ()) -> dict[str, str]:
    """Every file below `root` but the manifest: its path below it → its path; no folder of `but`
    is looked into.
    """
    above = len(str(root)) + 1
    found = {entry.path[above:]: entry.path for entry in files_below(str(root), but)}
    found.pop(MANIFEST, None)
    return found


def _differs(path: Path | str, told: Mapping[str, Any], whole: bool = False) -> bool:
    status = os.stat(path)  # noqa: PTH116
    if status.st_size != told["bytes"]:
        return True
    if "blocks" in told:
        file = Path(path)
        return block_fingerprint(file) != told["blocks"] or (whole and is_broken(file))
    database = str(path).endswith(f"/{DATABASE}")
    touched = status.st_mtime_ns != told["mtime_ns"] or database
    return (touched or whole) and sha256(Path(path)) != told["sha256"]
