"""Who may read what, whatever the umask: all or a group what is published, nobody the rest."""

from __future__ import annotations

import asyncio
import grp
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from flows.backfill import Exported, backfill
from flows.errors import DaysFailed
from flows.rebuild import rebuild_everything
from flows.settings import load_settings
from flows.users import snapshot_users_flow
from sandbox.options import Fault
from sandbox.server import RunningSandbox

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("prefect_api")]
PUBLISHED = ("lake", "releases")
FAULTS = ("impossible-date:02.02.2026", "short-download:03.02.2026", "duplicate-rows:02.02.2026")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def run_everything() -> None:
    """Two days (one of them fails), the users list, and a rebuild."""
    window = {"date_from": "02.02.2026", "date_to": "03.02.2026"}
    with suppress(DaysFailed):
        asyncio.run(backfill(**window, datasets=[Exported.chats]))  # type: ignore[arg-type]
    asyncio.run(snapshot_users_flow())
    rebuild_everything(load_settings(), lambda done, total: None)


def modes(data: Path) -> Iterator[tuple[str, bool, int, int]]:
    """Path, whether it is published, mode, group."""
    for path in sorted(data.rglob("*")):
        if not path.is_symlink():
            relative, status = path.relative_to(data), path.stat()
            published = relative.parts[0] in PUBLISHED
            yield str(relative), published, status.st_mode & 0o7777, status.st_gid


def wrong_modes(data: Path, folder: int, file: int, group: int | None = None) -> list[str]:
    """What hasn't the mode (and group) it should have; published ones those that are given."""
    found = []
    for name, published, mode, owner_group in modes(data):
        is_folder = (data / name).is_dir()
        wanted = (folder if is_folder else file) if published else (0o700 if is_folder else 0o600)
        if mode != wanted or (published and group not in (None, owner_group)):
            found.append(f"{name} {mode:04o}")
    return found


@pytest.mark.promise("secrets-modes")
def test_all_but_what_is_published_is_its_owners_alone(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
) -> None:
    faults = tuple(map(Fault.parse, FAULTS))
    data = sandbox_settings(
        start_sandbox(messages_per_day=30, faults=faults),
        DATE_TO="inclusive",
        SELECTION="message",
    )
    with umask(0o000):
        run_everything()
        assert os.umask(0o000) == 0o000  # a run leaves the process as it was
    names = {name.partition("/")[0] for name, *_ in modes(data)}
    assert {"raw", "lake", "quarantine", "state", "inbox", "releases"} <= names
    assert list((data / "quarantine").rglob("*.parquet"))
    assert wrong_modes(data, 0o755, 0o444) == []
    assert data.stat().st_mode & 0o777 == 0o755


@pytest.mark.promise("secrets-modes")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to any group")
def test_what_is_published_is_one_groups_and_the_lake_private_without_personal_columns(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
) -> None:
    group = grp.getgrall()[-1]
    said = {"DATE_TO": "inclusive", "SELECTION": "message", "PUBLISHED_GROUP": group.gr_name}
    sandbox = start_sandbox(messages_per_day=30)
    data = sandbox_settings(sandbox, **said)
    with umask(0o077):
        run_everything()
    assert wrong_modes(data, 0o750, 0o440, group.gr_gid) == []
    assert data.stat().st_mode & 0o777 == 0o750
    sandbox_settings(sandbox, **said, PUBLISH_PERSONAL="false")
    with umask(0o000):
        run_everything()
    lake = {mode for name, _, mode, _ in modes(data) if name == "lake"}
    assert lake == {0o700}
    readable = [name for name, _, mode, _ in modes(data) if mode & 0o077]
    assert {name.partition("/")[0] for name in readable} <= {"releases", "lake"}
