"""gzip and ZIP, nested once: the file inside, decoded with a cap to a temporary file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from transform.readers.archives import STEP_BYTES, opened_zip, pieces, too_large
from transform.readers.export import ReaderLimits, SourceMapping
from transform.readers.kinds import refuse
from transform.readers.temporary import TemporaryFile, keep, release

__all__ = ["TemporaryFile", "keep", "release", "unwrapped"]

_NESTING = 2
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_GZIP_WINDOW = 31
_LISTED = 10
_BESIDE_THE_TABLE = {".DS_Store", "Thumbs.db", "desktop.ini"}
_SHEETS_TYPE = b"application/vnd.oasis.opendocument.spreadsheet"


def unwrapped(
    path: Path, mapping: SourceMapping, limits: ReaderLimits
) -> tuple[Path, tuple[str, ...]]:
    """The innermost file and the containers around it, the outermost first.

    Raises:
        UnreadableExport: damaged, password-protected, several tables, nested deeper, or too large.
    """
    containers: list[str] = []
    while (container := _container(path, limits)) is not None:
        if len(containers) == _NESTING:
            raise refuse("archives are nested more than once")
        inner = TemporaryFile().path
        with inner.open("wb") as file:
            unpacked = (
                _gunzipped(path, limits)
                if container == "gzip"
                else _unzipped(path, mapping, limits)
            )
            file.writelines(unpacked)
        containers.append(container)
        release(path)
        path = inner
    return path, tuple(containers)


def _container(path: Path, limits: ReaderLimits) -> str | None:
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(_GZIP):
        return "gzip"
    if head != _ZIP:
        return None
    with opened_zip(path, limits) as archive:
        return None if _is_workbook(archive) else "zip"


def _is_workbook(archive: zipfile.ZipFile) -> bool:
    names = {name.replace("\\", "/").lstrip("/").lower() for name in archive.namelist()}
    if "mimetype" in names and "content.xml" in names:
        with archive.open("mimetype") as mimetype:
            if mimetype.read(100).startswith(_SHEETS_TYPE):
                return True
        raise refuse("it is an OpenDocument file that is no spreadsheet")
    if "[content_types].xml" not in names:
        return False
    if any(name.startswith("xl/") for name in names):
        return True
    if any(name.startswith(("word/", "ppt/")) for name in names):
        raise refuse("it is a Word document or a presentation, not an export")
    return "_rels/.rels" in names


def _unzipped(path: Path, mapping: SourceMapping, limits: ReaderLimits) -> Iterator[bytes]:
    with opened_zip(path, limits) as archive:
        yield from pieces(archive, _table_member(archive, mapping), limits)


def _table_member(archive: zipfile.ZipFile, mapping: SourceMapping) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not _is_beside(member)]
    if mapping.member is not None:
        named = [member for member in members if member.filename == mapping.member]
        if named:
            return named[0]
        raise refuse(
            f"the archive has no member {mapping.member!r}, but {_listed(members)}",
            "Name one of these as `member` in the mapping.",
        )
    if len(members) == 1:
        return members[0]
    if not members:
        raise refuse("the archive is empty")
    raise refuse(
        f"the archive holds {len(members)} files: {_listed(members)}",
        "Name one of them as `member` in the mapping.",
    )


def _is_beside(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    return member.is_dir() or "__MACOSX" in path.parts or path.name in _BESIDE_THE_TABLE


def _listed(members: list[zipfile.ZipInfo]) -> str:
    names = ", ".join(repr(member.filename) for member in members[:_LISTED])
    return f"{names}, …" if len(members) > _LISTED else names or "none"


def _gunzipped(path: Path, limits: ReaderLimits) -> Iterator[bytes]:
    """All members of a gzip file; each one's checksum and length are proven by zlib."""
    member, members, written, begun = zlib.decompressobj(_GZIP_WINDOW), 1, 0, False
    with path.open("rb") as file:
        compressed = b""
        while compressed := compressed or file.read(STEP_BYTES):
            if not begun and members > 1 and not (compressed := _without_padding(compressed)):
                continue
            try:
                piece = member.decompress(compressed, STEP_BYTES)
            except zlib.error:
                raise _damaged(begun, members) from None
            begun = True
            written += len(piece)
            if written > limits.max_decoded_bytes:
                raise too_large(limits.max_decoded_bytes)
            yield piece
            compressed = member.unconsumed_tail
            if member.eof:
                compressed = member.unused_data
                member, members, begun = zlib.decompressobj(_GZIP_WINDOW), members + 1, False
                if members > limits.max_members:
                    raise refuse(f"the gzip file has more than {limits.max_members:,} members")
    if begun:
        raise refuse("the gzip file is cut off")


def _without_padding(compressed: bytes) -> bytes:
    """Some writers fill up with zeros behind the last member, which means nothing."""
    return compressed.lstrip(b"\x00")


def _damaged(begun: bool, members: int) -> Exception:
    if members > 1 and not begun:
        return refuse("the gzip file is followed by bytes that don't belong to it")
    return refuse("the gzip file is damaged")
