"""The database is copied for a release without its bytes where the file system can share them.

On a real XFS in a file, mounted for the test where the machine allows it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.copying import copy_file

MIB = 1024 * 1024


@pytest.fixture
def sharing_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system whose files can share blocks."""
    if os.geteuid() or not shutil.which("mkfs.xfs"):
        pytest.skip("no XFS can be made here (root, xfsprogs): NOTHING IS PROVEN of shared blocks")
    image, folder = tmp_path / "disk", tmp_path / "mounted"
    with image.open("wb") as file:
        file.truncate(400 * MIB)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", str(image)], check=True)
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-o", "loop", str(image), str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here: NOTHING IS PROVEN of shared blocks")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_where_blocks_can_be_shared_a_copy_takes_no_space_and_stays_as_it_was(
    sharing_disk: Path,
) -> None:
    source, target = sharing_disk / "source", sharing_disk / "target"
    source.write_bytes(os.urandom(100 * MIB))
    os.sync()
    free = shutil.disk_usage(sharing_disk).free
    assert copy_file(source, target)
    os.sync()
    assert free - shutil.disk_usage(sharing_disk).free < MIB
    before = target.read_bytes()
    assert before == source.read_bytes()
    with source.open("r+b") as file:
        file.write(b"another beginning")
    assert target.read_bytes() == before


def test_elsewhere_the_bytes_are_copied(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content" * 1000)
    other = Path("/dev/shm") if Path("/dev/shm").is_dir() else tmp_path  # shares no blocks
    target = other / f"copy-{os.getpid()}"
    try:
        assert not copy_file(source, target)
        assert target.read_bytes() == source.read_bytes()
    finally:
        target.unlink(missing_ok=True)


def test_a_copy_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"new")
    (tmp_path / "target").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        copy_file(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"old"
