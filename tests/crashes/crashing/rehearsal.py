"""A data directory that stages are run on, in forked processes, and what must hold in it."""

from __future__ import annotations

import grp
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from crashing.checks import Content
from crashing.points import ROOT
from sandbox.server import RunningSandbox

_HTTP = httpx.Client()
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

    def ask(self, job: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()

    def answer(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def run(self, job: dict[str, Any]) -> int:
        self.ask(job)
        return self.answer()


@contextmanager
def zygote(*within: str) -> Iterator[Zygote]:
    """Started once for many stages; `within` are the words of a command that starts it."""
    process = subprocess.Popen(
        [*within, sys.executable, "-m", "crashing.zygote"],
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
            "CALLS_PER_DAY": "1000000",
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
        return self.zygote.run({**self.job(stage), "kill": kill})

    def job(self, stage: str) -> dict[str, Any]:
        """What the forking process is told, the vendor being prepared."""
        self.folder.mkdir(exist_ok=True)
        self.prepare(stage)
        self.noted.unlink(missing_ok=True)
        return {
            "stage": stage,
            "env": {**self.settings(), "TOLD": str(self.told_file)},
            "log": str(self.log),
            "noted": str(self.noted),
            "kill": None,
        }

    def run_traced(self, stage: str, *injections: str) -> int:
        """Run a stage under strace, which kills it or fails a system call as it is told."""
        report = self.folder / "strace.txt"
        inject = [word for rule in injections for word in ("-e", f"inject={rule}")]
        return self.run_under_strace(stage, "-f", *inject, "-o", str(report))

    def run_under_strace(self, stage: str, *options: str) -> int:
        """Run a stage under strace with these options; its exit code."""
        go = self.folder / "go"
        go.unlink(missing_ok=True)
        self.zygote.ask({**self.job(stage), "hold": str(go)})
        child = self.zygote.answer()
        command = ["strace", "-qq", "-e", "signal=none", *options]
        tracer = subprocess.Popen(
            [*command, "-p", str(child)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while f"TracerPid:\t{tracer.pid}" not in Path(f"/proc/{child}/status").read_text():
                assert tracer.poll() is None, "strace can't trace here"
                time.sleep(0.002)
        finally:
            go.touch()
            code = self.zygote.answer()
            tracer.wait(30)
        return code

    @property
    def told_file(self) -> Path:
        return self.folder / "told.pickle"

    def told(self) -> tuple[Content, int | None, list[str]]:
        """Content, release and leftovers, read by a child: where only it sees the disk."""
        self.must("told")
        found: tuple[Content, int | None, list[str]] = pickle.loads(self.told_file.read_bytes())
        return found

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
        found = {path.stem for path in (self.data / "state" / "journal").glob("*_2026-02-*.json")}
        # A filtered request's name ends with a key of its filters, which the vendor can't know.
        return {re.sub(r"(?<=-\d\d)_[0-9a-f]{16}$", "_filtered", name) for name in found}

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
            + ("_filtered" if entry["filtered_by"] else "")
            for entry in served
            if entry["event"] == "start"
        )


def can_trace() -> bool:
    """Whether strace is here and may trace."""
    if not shutil.which("strace"):
        return False
    tried = subprocess.run(["strace", "-qq", "true"], capture_output=True, check=False)
    return tried.returncode == 0
