"""Which tests carry which promise, as pytest itself collects them.

Also a plugin of pytest: with it, a collection ends by writing what it found to `PROMISES_FILE`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from proof.table import ROOT

Marked = dict[str, list[str]]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write row id → tests (without their parameters), in the order of the files."""
    found: Marked = {}
    for item in session.items:
        test = item.nodeid.partition("[")[0]
        for mark in item.iter_markers("promise"):
            for row in mark.args:
                tests = found.setdefault(row, [])
                if test not in tests:
                    tests.append(test)
    Path(os.environ["PROMISES_FILE"]).write_text(json.dumps(found), encoding="utf-8")


def marked_tests() -> Marked:
    """Row id → the tests that prove it, by a collection of the whole suite."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "promises.json"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "proof.marked", "tests"],
            cwd=ROOT,
            env={
                **os.environ,
                "PROMISES_FILE": str(file),
                "PYTHONPATH": str(ROOT / "tests/promises"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"The tests can't be collected:\n{done.stdout[-2000:]}")
        marked: Marked = json.loads(file.read_text(encoding="utf-8"))
        return marked
