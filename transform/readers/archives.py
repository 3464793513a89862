"""ZIP archives from strangers: checked before a member is read, and read with a cap.

Members are never written under their own names, so a name such as `../../x` is only a text.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transform.errors import UnreadableExport
from transform.readers.export import ReaderLimits
from transform.readers.kinds import refuse

STEP_BYTES = 1024**2
_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_LONGEST_COMMENT_BYTES = 65_535
_DIRECTORY_ENTRY_BYTES = 1_024
_ENCRYPTED = 1
_DAMAGED = (OSError, EOFError, UnicodeError, zlib.error, zipfile.BadZipFile, struct.error)


@contextmanager
def opened_zip(path: Path, limits: ReaderLimits) -> Iterator[zipfile.ZipFile]:
    """An archive whose directory makes sense.

    Raises:
        UnreadableExport: damaged (also while it is being read), too many members, members that
            share bytes or names, password-protected.
    """
    _check_directory_size(path, limits)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, limits)
            yield archive
    except _DAMAGED as error:
        raise refuse(f"the ZIP archive is damaged or cut off ({type(error).__name__})") from None
    except NotImplementedError:
        raise refuse("the ZIP archive is packed by a method that can't be read") from None


def pieces(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: ReaderLimits
) -> Iterator[bytes]:
    """A member's content, its checksum proven at the end.

    Raises:
        UnreadableExport: it unpacks to more than the cap.
    """
    if member.file_size > limits.max_decoded_bytes:
        raise too_large(limits.max_decoded_bytes)
    read = 0
    with archive.open(member) as source:
        while piece := source.read(STEP_BYTES):
            read += len(piece)
            if read > limits.max_decoded_bytes:
                raise too_large(limits.max_decoded_bytes)
            yield piece


def too_large(max_bytes: int) -> UnreadableExport:
    """The error for a file that unpacks to more than the cap."""
    return refuse(
        f"it unpacks to more than {max_bytes:,} bytes",
        "Ask for a shorter window, or raise the cap on decoded bytes.",
    )


def _check_directory_size(path: Path, limits: ReaderLimits) -> None:
    """Before a directory of millions of members is held in memory."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LONGEST_COMMENT_BYTES - _END.size))
        tail = file.read()
    place = tail.rfind(_END_MARK)
    if place < 0 or len(tail) - place < _END.size:
        raise refuse("the ZIP archive is damaged or cut off (it has no directory)")
    found = _END.unpack_from(tail, place)
    members, directory_bytes = found[4], found[5]
    if members > limits.max_members or (
        directory_bytes > limits.max_members * _DIRECTORY_ENTRY_BYTES
    ):
        raise refuse(f"the ZIP archive has more than {limits.max_members:,} members")


def _check_members(archive: zipfile.ZipFile, limits: ReaderLimits) -> None:
    members = archive.infolist()
    if len(members) > limits.max_members:
        raise refuse(f"the ZIP archive has more than {limits.max_members:,} members")
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise refuse("the archive is password-protected", "Have it exported without one.")
    if len({member.filename for member in members}) != len(members):
        raise refuse("the ZIP archive holds two members of one name")
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise refuse("members of the ZIP archive overlap, as in a ZIP bomb")
        end = member.header_offset + member.compress_size
