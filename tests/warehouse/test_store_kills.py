"""A mirror and a pull that are killed, kill -9, at each of their crash points: readers see the old
release or the new one, each whole, and the next run finishes what was begun.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

import duckdb
import pytest
from s3server import S3Server
from storing import add_day, child, company, send, shown, tick, unneeded

from warehouse.layout import DataDirectory
from warehouse.published import releases
from warehouse.pulling import pull
from warehouse.store import ObjectStore


def points_of(what: str, where: Path, url: str) -> list[str]:
    """The points that an undisturbed run passes."""
    told = child(what, where, url).communicate()[0]
    passed = [str(name) for name in json.loads(told)["points"]]
    ours = (
        "warehouse.mirroring.",
        "warehouse.store.",
        "warehouse.storepublishing.",
        "warehouse.pulling.",
        "warehouse.putback.",
        "warehouse.storeputback.",
    )
    return [name for name in passed if name.startswith(ours)]


def newest(layout: DataDirectory) -> int:
    return releases(layout)[-1].number


@pytest.mark.rehearsal
@pytest.mark.promise("store-crash")
def test_killed_at_each_point_a_mirror_is_finished_by_the_next(
    object_store: S3Server, store_url: str, tmp_path: Path
) -> None:
    layout = company(tmp_path / "data")
    points = points_of("mirror", layout.root, store_url)
    assert len(points) > 8
    days = [f"2026-02-{number:02}" for number in range(5, 29)]
    missed = []
    for point in points:
        for again in (False, True):
            seen = shown(store_url)
            if again or seen.release == newest(layout):
                add_day(layout, days.pop(0))
            process = child("mirror", layout.root, store_url, "kill", point)
            process.communicate()
            pointer = shown(store_url)  # all that it names is there, and is what it says
            assert pointer.publication in (seen.publication, seen.publication + 1)
            assert pointer.release in (seen.release, newest(layout))
            if process.returncode == -signal.SIGKILL:
                break
        else:
            missed.append(point)
    assert missed == ["warehouse.mirroring.publisher-named"], "of the first run alone"
    send(layout, store_url)
    assert shown(store_url).release == newest(layout)
    sent = [path for path in object_store.puts() if "/data/chats/" in path]
    assert len(sent) == len(set(sent)), "what was uploaded before a kill was uploaded again"


@pytest.mark.promise("store-crash")
@pytest.mark.parametrize(
    "point", ["warehouse.storepublishing.published", "warehouse.store.objects-deleted"]
)
def test_a_sweep_that_was_killed_is_made_by_the_next_run(
    point: str, store_url: str, tmp_path: Path
) -> None:
    layout = company(tmp_path / "data")
    for day in ("2026-02-05", "2026-02-06"):
        send(layout, store_url)
        add_day(layout, day)
    tick()
    process = child("mirror", layout.root, store_url, "kill", point)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert shown(store_url).publication == 3
    send(layout, store_url)
    assert unneeded(store_url) == set()
    shown(store_url)


def release_of(folder: Path) -> int | None:
    """What a reader of the folder sees: database and Parquet of one release, or nothing yet."""
    current = (folder / "current").resolve()
    if not (folder / "current").exists():
        return None
    files = [str(path) for path in sorted(current.glob("parquet/chats/*/part.parquet"))]
    with duckdb.connect(str(current / "warehouse.duckdb"), read_only=True) as connection:
        counts = [
            connection.execute(sql).fetchone()
            for sql in ("FROM chats SELECT count(*)", f"FROM read_parquet({files}) SELECT count(*)")
        ]
    assert counts[0] == counts[1]
    return int(json.loads((current / "manifest.json").read_text())["release"])


@pytest.mark.rehearsal
@pytest.mark.promise("store-pull")
def test_killed_at_each_point_a_pull_is_finished_by_the_next(
    store_url: str, tmp_path: Path
) -> None:
    layout, folder = company(tmp_path / "data"), tmp_path / "pulled"
    send(layout, store_url)
    points = points_of("pull", tmp_path / "first", store_url)
    assert len(points) > 10
    pull(ObjectStore(store_url), folder, parquet=True)
    add_day(layout, "2026-02-05")
    send(layout, store_url)
    killed = 0
    for point in points:
        process = child("pull", folder, store_url, "kill", point)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        assert release_of(folder) in (1, 2)
    assert killed > 8
    pull(ObjectStore(store_url), folder, parquet=True)
    assert release_of(folder) == 2
    assert sorted(path.name for path in folder.iterdir()) == [".pull.lock", "current", "releases"]
