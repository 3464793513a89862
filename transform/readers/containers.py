"""gzip and ZIP, nested once: the file inside, decoded with a cap to a temporary file."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import weakref
import zipfile
import zlib
from pathlib import Path
from typing import IO

from transform.readers.export import ReaderLimits, SourceMapping
from transform.readers.kinds import refuse

_NESTING = 2
_STEP_BYTES = 1024**2


class TemporaryFile:
    """A private temporary file that is gone with the object."""

    def __init__(self) -> None:
        folder = tempfile.mkdtemp(prefix="smartconnect-")
        self.path = Path(folder) / "content"
        self.remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)


_KEPT: dict[Path, TemporaryFile] = {}


def unwrapped(
    path: Path, mapping: SourceMapping, limits: ReaderLimits
) -> tuple[Path, tuple[str, ...]]:
    """The innermost file and the containers around it, the outermost first.

    Raises:
        UnreadableExport: damaged, password-protected, several tables, nested deeper, or too large.
    """
    containers: list[str] = []
    while (container := _container(path)) is not None:
        if len(containers) == _NESTING:
            raise refuse("archives are nested more than once")
        inner = TemporaryFile()
        try:
            if container == "gzip":
                with gzip.open(path) as source:
                    _copy(source, inner.path, limits)
            else:
                _unzip(path, inner.path, mapping, limits)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise refuse(f"the {container} archive is damaged ({type(error).__name__})") from None
        containers.append(container)
        _KEPT[inner.path] = inner
        release(path)
        path = inner.path
    return path, tuple(containers)


def keep(file: TemporaryFile) -> Path:
    """Keep a temporary file until its path is released."""
    _KEPT[file.path] = file
    return file.path


def release(path: Path) -> None:
    """Remove the temporary file behind `path`, if it is one."""
    kept = _KEPT.pop(path, None)
    if kept is not None:
        kept.remove()


def _container(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head != b"PK\x03\x04":
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        raise refuse("the ZIP archive is damaged or cut off") from None
    return None if "[Content_Types].xml" in names else "zip"


def _unzip(path: Path, target: Path, mapping: SourceMapping, limits: ReaderLimits) -> None:
    with zipfile.ZipFile(path) as archive:
        members = [
            info
            for info in archive.infolist()
            if not info.is_dir() and not info.filename.startswith("__MACOSX/")
        ]
        if mapping.member is not None:
            members = [info for info in members if info.filename == mapping.member]
        if len(members) != 1:
            listed = ", ".join(info.filename for info in members[:10]) or "nothing"
            raise refuse(f"the archive holds {listed}", "Name the member in the mapping.")
        if members[0].flag_bits & 1:
            raise refuse("the archive is password-protected", "Have it exported without one.")
        with archive.open(members[0]) as source:
            _copy(source, target, limits)


def _copy(source: IO[bytes] | gzip.GzipFile, target: Path, limits: ReaderLimits) -> None:
    written = 0
    with target.open("wb") as file:
        while chunk := source.read(_STEP_BYTES):
            written += len(chunk)
            if written > limits.max_decoded_bytes:
                raise refuse(f"it unpacks to more than {limits.max_decoded_bytes:,} bytes")
            file.write(chunk)
