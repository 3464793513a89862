"""What is private is private and what is published can be read, whoever made the directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.errors import NoSuchRelease
from warehouse.layout import DataDirectory
from warehouse.privatefiles import private_files
from warehouse.releases import rollback

PRIVATE = ("raw", "state", "quarantine", "inbox")


def modes(root: Path, names: tuple[str, ...]) -> set[int]:
    return {(root / name).stat().st_mode & 0o777 for name in names}


@pytest.fixture(params=[0o022, 0o077], ids=["umask-022", "umask-077"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_whatever_the_umask_readers_may_enter_what_is_published_and_nothing_else(
    tmp_path: Path,
) -> None:
    root = tmp_path / "data"
    DataDirectory(root).initialise("sandbox")
    assert modes(root, (".", "lake", "releases")) == {0o755}
    assert modes(root, PRIVATE) == {0o700}


def test_a_private_folder_that_was_there_before_is_closed(tmp_path: Path) -> None:
    for name in PRIVATE:
        (tmp_path / "data" / name).mkdir(parents=True)
    DataDirectory(tmp_path / "data").initialise("sandbox")
    assert modes(tmp_path / "data", PRIVATE) == {0o700}


def test_a_rollback_without_an_earlier_release_says_what_there_is(tmp_path: Path) -> None:
    layout = DataDirectory(tmp_path / "data")
    layout.initialise("sandbox")
    with pytest.raises(NoSuchRelease, match="There is no release before the current one"):
        rollback(layout)
    with pytest.raises(NoSuchRelease, match="There is no release 7; kept are: none"):
        rollback(layout, to=7)


def test_blocks_of_private_files_may_overlap_in_any_order() -> None:
    """Threads enter and leave as they like; the umask is the process's."""
    before = os.umask(0o022)
    try:
        first, second = private_files(), private_files()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert _umask() == 0o077
        second.__exit__(None, None, None)
        assert _umask() == 0o022
    finally:
        os.umask(before)


def _umask() -> int:
    found = os.umask(0o022)
    os.umask(found)
    return found
