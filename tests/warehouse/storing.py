"""What the tests of the object store share: a company that publishes, a store that is looked
through, and, as a program, a mirror or a pull that is stopped at a crash point.

    python storing.py mirror ROOT URL ACTION [POINT COUNT]    ACTION: go, kill, wait
    python storing.py pull FOLDER URL ACTION [POINT COUNT]
    python storing.py rollback ROOT URL ACTION [POINT COUNT]    held at release 1
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from small_company import SCHEMA, Said, load_messages, published, typed, writing

from warehouse.errors import WarehouseError
from warehouse.layout import DataDirectory
from warehouse.mirroring import Mirrored, mirror
from warehouse.published import Release
from warehouse.pulling import pull
from warehouse.releases import publish
from warehouse.store import ObjectStore
from warehouse.storedfiles import StoredFiles
from warehouse.storepointer import DATA, MANIFESTS, Pointer, read_manifest, read_pointer
from warehouse.storepublishing import Rules
from warehouse.storeputback import roll_back_on_store

ROOT = Path(__file__).resolve().parents[2]
RULES = Rules(keep=2, grace_seconds=0, wait_seconds=5)
DAYS = ("2026-02-02", "2026-02-03", "2026-02-04")


def company(root: Path, days: tuple[str, ...] = DAYS) -> DataDirectory:
    """A data directory with a release of a few days; made once, then copied."""
    shutil.copytree(_made(days), root, symlinks=True)
    return DataDirectory(root)


@cache
def _made(days: tuple[str, ...]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="smartconnect-store-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    said = [Said(f"{day} 1{n}:00", f"t{n}", "client") for day in days for n in range(5)]
    published(folder / "data", said)
    return folder / "data"


def add_day(layout: DataDirectory, day: str, keep: int = 2) -> Release:
    """One more day, and a release with it."""
    with writing(layout) as writer:
        said = [Said(f"{day} 12:0{n}", f"t{day}", "client") for n in range(3)]
        table = typed(said)
        ids = pa.array([f"{day}-{n}" for n in range(table.num_rows)])
        table = table.set_column(table.schema.get_field_index("message_id"), SCHEMA.field(0), ids)
        load_messages(writer, date.fromisoformat(day), table, datetime.now(UTC))
        found = publish(writer, keep=keep)
    assert found is not None
    return found


def send(layout: DataDirectory, url: str, rules: Rules = RULES) -> Mirrored:
    return mirror(layout, ObjectStore(url, tries=3), rules)


def shown(url: str) -> Pointer:
    """What readers of the store see, every file of it proven, and of those that are kept."""
    store = ObjectStore(url)
    found = read_pointer(store)
    assert found is not None
    pointer = found.pointer
    for key in (pointer.manifest, *(kept.manifest for kept in pointer.kept)):
        manifest = read_manifest(store, key)
        assert manifest is not None, f"{key} is named and gone"
        for told in manifest["files"].values():
            chunks = store.chunks(told["key"])
            assert chunks is not None, f"{told['key']} is needed and gone"
            assert hashlib.sha256(b"".join(chunks)).hexdigest() == told["sha256"]
    return pointer


def manifest_of(url: str) -> dict[str, Any]:
    store = ObjectStore(url)
    found = read_pointer(store)
    assert found is not None
    manifest = read_manifest(store, found.pointer.manifest)
    assert manifest is not None
    return manifest


def stored(url: str) -> set[str]:
    return {found.key for found in ObjectStore(url).listed("")}


def tick() -> None:
    """The store tells when in whole seconds: what comes now is later than what was there."""
    time.sleep(1.1)


def unneeded(url: str) -> set[str]:
    """Objects that no release that is kept names."""
    store = ObjectStore(url)
    found = read_pointer(store)
    assert found is not None
    needed = {found.pointer.manifest, *(kept.manifest for kept in found.pointer.kept)}
    for key in list(needed):
        manifest = read_manifest(store, key)
        assert manifest is not None
        needed |= {told["key"] for told in manifest["files"].values()}
    return {key for key in stored(url) if key.startswith((DATA, MANIFESTS))} - needed


def child(what: str, where: Path, url: str, *stop: str) -> subprocess.Popen[str]:
    """This module as a program, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, __file__, what, str(where), url, *(stop or ("go",))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests/warehouse'}"},
    )


def _stop_at(action: str, point: str, count: int, go: Path) -> None:
    left = [count]

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event != "smartconnect.point" or args[0] != point:
            return
        left[0] -= 1
        if left[0] == 0 and action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if left[0] == 0:
            print("waiting", flush=True)
            while not go.exists():
                time.sleep(0.02)

    sys.addaudithook(hook)


def _main(what: str, where: str, url: str, action: str, point: str = "", count: str = "1") -> None:
    points: list[str] = []
    if action == "go":
        sys.addaudithook(
            lambda event, args: points.append(args[0]) if event == "smartconnect.point" else None
        )
    else:
        _stop_at(action, point, int(count), Path(f"{where}.go"))
    try:
        if what == "mirror":
            told: Any = send(DataDirectory(Path(where)), url)
        elif what == "rollback":
            layout = DataDirectory(Path(where))
            layout.files = StoredFiles(url, layout)
            layout.initialise("sandbox")
            roll_back_on_store(layout, ObjectStore(url, tries=3), RULES, 1, hold=True)
            told = Mirrored(1, new=True)
        else:
            told = pull(ObjectStore(url), Path(where), parquet=True)
        print(json.dumps({"done": told.new, "points": list(dict.fromkeys(points))}))
    except WarehouseError as error:
        print(json.dumps({"error": type(error).__name__}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
