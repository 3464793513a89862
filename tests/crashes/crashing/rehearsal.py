"""A data directory that stages are run on, in forked processes, and what must hold in it."""

from __future__ import annotations

import grp
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import httpx

from crashing.points import ROOT
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.reading import query_release
from warehouse.releases import current_release

_HTTP = httpx.Client()
Content = dict[str, list[tuple[object, ...]]]
TABLES = ("chats", "statistics", "users", "user_snapshots", "users_history")
LEDGER = """
    SELECT * EXCLUDE (load_id, observed_at, checked_at, lake_file)
    FROM meta.days ORDER BY dataset, window_day"""
BALANCE = """
    SELECT count(*) FROM meta.loads
    WHERE outcome = 'loaded' AND source <> 'list'
      AND rows_read <> rows_loaded + rows_duplicate + rows_quarantined"""
# A day's file is the same each time, so that only what a stage is about makes a difference.
ALWAYS = ["impossible-date:02.02.2026", "duplicate-rows:03.02.2026"]
FAULTS: dict[str, Sequence[str]] = {
    "first": [*ALWAYS, "short-download-chunked:03.02.2026*1"],
    "held": ["smaller-day:03.02.2026"],
    "cut": ["short-download-chunked:04.02.2026"],
}


@dataclass
class Zygote:
    """The forking process; see crashing.zygote."""

    process: subprocess.Popen[str]

    def run(self, job: dict[str, Any]) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def zygote() -> Iterator[Zygote]:
    """Started once for many stages."""
    process = subprocess.Popen(
        [sys.executable, "-m", "crashing.zygote"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment({}),
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield Zygote(process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def environment(more: dict[str, str]) -> dict[str, str]:
    """For a process that runs stages."""
    paths = [str(ROOT), str(ROOT / "tests" / "crashes"), os.environ.get("PYTHONPATH", "")]
    return {
        **{name: value for name, value in os.environ.items() if "SMARTCONNECT" not in name},
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


@dataclass
class Rehearsal:
    """A data directory, the vendor it is filled from, and who runs the stages."""

    zygote: Zygote
    sandbox: RunningSandbox
    folder: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "stages.log"

    def settings(self) -> dict[str, str]:
        """The environment of a stage."""
        values = {
            "SANDBOX": "true",
            "TOKEN": self.sandbox.token,
            "BASE_URL": self.sandbox.base_url,
            "DATA_DIR": str(self.data),
            "POLL_FIRST_SECONDS": "0.01",
            "EXPORT_JOBS": "1",
            "KEEP_RELEASES": "2",
            "PUBLISHED_GROUP": grp.getgrgid(os.getegid()).gr_name,
            "DOWNLOAD_RETRY_SECONDS": "0",
            **self.more,
        }
        return {f"SMARTCONNECT_{name}": value for name, value in values.items()}

    def prepare(self, stage: str) -> None:
        """Let the vendor behave as the stage wants it."""
        faults = list(FAULTS.get(stage, ALWAYS))
        _HTTP.post(f"{self.sandbox.root_url}/sandbox/faults", json=faults).raise_for_status()

    def run(self, stage: str, kill: tuple[str, int] | None = None) -> int:
        """Run a stage; its exit code (-9: killed)."""
        self.folder.mkdir(exist_ok=True)
        self.prepare(stage)
        self.noted.unlink(missing_ok=True)
        job = {
            "stage": stage,
            "env": self.settings(),
            "log": str(self.log),
            "noted": str(self.noted),
            "kill": kill,
        }
        return self.zygote.run(job)

    def must(self, stage: str) -> dict[str, float]:
        """Run a stage to its end; the points that it passed, each with the seconds until then."""
        assert self.run(stage) == 0, self.log.read_text()[-6000:]
        found: dict[str, float] = {}
        for line in self.noted.read_text().splitlines():
            name, seconds = line.split()
            found.setdefault(name, float(seconds))
        return found

    def under_way(self) -> set[str]:
        """The exports whose task_id is in the journal, but for those that only ask for habits."""
        return {path.stem for path in (self.data / "state" / "journal").glob("*_2026-02-*.json")}

    @property
    def noted(self) -> Path:
        return self.folder / "points.txt"

    def copy_from(self, other: Path) -> None:
        """Begin with another directory's data, hard links kept."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.folder.mkdir(exist_ok=True)
        if other.exists():
            subprocess.run(["cp", "-a", str(other), str(self.data)], check=True)

    def starts(self) -> Counter[str]:
        """Exports started at this vendor so far, by request."""
        served = _HTTP.get(f"{self.sandbox.root_url}/sandbox/served", timeout=30).json()
        return Counter(
            f"{entry['kind']}_{entry['date_from']}_{entry['date_to']}"
            for entry in served
            if entry["event"] == "start"
        )


def content(data: Path) -> Content:
    """All that readers see, but for the names of loads and the times they were made."""
    layout = DataDirectory(data)
    shown = {}
    for name in TABLES:
        dropped = "load_id, observed_at"
        dropped += ", valid_from, valid_to" if name == "users_history" else ""
        order = f"SELECT * EXCLUDE ({dropped}) FROM {name} ORDER BY ALL"
        shown[name] = query_release(layout, order).rows
    shown["ledger"] = query_release(layout, LEDGER).rows
    assert query_release(layout, BALANCE).rows == [(0,)]
    return shown


def whole(data: Path) -> int | None:
    """The number of readers' release, its database and Parquet saying the same; None before it."""
    release = current_release(DataDirectory(data))
    if release is None:
        assert not (data / "current").is_symlink()
        return None
    database = release.path / "warehouse.duckdb"
    with duckdb.connect(str(database), read_only=True) as connection:
        for name in ("chats", "statistics"):
            files = release.path / "parquet" / name / "*" / "part.parquet"
            asked = f"SELECT count(*), count(DISTINCT load_id) FROM {name}"
            read = asked.replace(f"FROM {name}", f"FROM read_parquet('{files}')")
            rows = connection.execute(asked).fetchall()
            if rows[0][0]:
                assert connection.execute(read).fetchall() == rows
    assert not database.with_name("warehouse.duckdb.wal").exists()
    return release.number


def leftovers(data: Path) -> list[str]:
    """What a kill left that no later run took away, as paths below the data directory."""
    state = data / "state"
    found = [*(state / "incoming").iterdir(), *(state / "building").iterdir()]
    found += [path for path in data.rglob(".*") if path.name not in (".key",)]
    found += list((state / "locks").rglob("*.ticket"))
    if (state / "rebuild").exists():
        found.append(state / "rebuild")
    for file in (data / "raw").rglob("*"):
        note = file.with_name(f"{file.name.partition('.')[0]}.seen.json")
        if file.is_file() and not note.exists():
            found.append(file)
    layout = DataDirectory(data)
    needed = {str(row[0]) for row in query_release(layout, "SELECT load_id FROM meta.loads").rows}
    for folder in ("lake", "quarantine"):
        found += [file for file in (data / folder).rglob("*.parquet") if file.stem not in needed]
    return sorted(str(path.relative_to(data)) for path in found)


def closed_to_readers(data: Path) -> list[str]:
    """Published files and folders that don't have the mode of what is published."""
    found = [path for name in ("lake", "releases") for path in data.glob(f"{name}/**/*")]
    return [
        f"{path.relative_to(data)} {path.stat().st_mode & 0o777:o}"
        for path in [data, data / "lake", data / "releases", *found]
        if path.stat().st_mode & 0o777 != (0o750 if path.is_dir() else 0o440)
    ]
