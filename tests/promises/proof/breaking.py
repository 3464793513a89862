"""`make mutants`: the code broken on purpose, one place at a time; the tests of the row must fail.

Each breakage is made in a copy of the tree, so that nothing here is touched.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from proof.table import ROOT, Mutant

COPIED = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
TIMEOUT_SECONDS = 900
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Verdict:
    """What became of one breakage: `caught`, `survived`, or `invalid` (the tests never ran)."""

    mutant: Mutant | None
    outcome: str
    by: str
    seconds: float


def copy_tree(target: Path) -> None:
    """The project's files as they are now, committed or not."""
    names = subprocess.run(COPIED, cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, names.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def run_tests(tree: Path, tests: Sequence[str]) -> tuple[int, str]:
    """pytest's exit code and the first test that failed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(tree / ".hypothesis"),
    }
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return 1, "a test that never ended"
    failed = FAILED.search(done.stdout)
    return done.returncode, failed.group(1).rpartition("::")[2] if failed else done.stdout[-300:]


def try_tests(mutant: Mutant | None, tests: Sequence[str]) -> Verdict:
    """Run a row's tests against the broken code, or against the code as it is (None)."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        if mutant is not None:
            broken = tree / mutant.file
            broken.write_text(mutant.applied(broken.read_text(encoding="utf-8")), encoding="utf-8")
        code, by = run_tests(tree, tests)
    outcome = {0: "survived", 1: "caught"}.get(code, "invalid")
    return Verdict(mutant, outcome, by if code else "", time.monotonic() - began)


def sound(broken: Sequence[Mutant], marked: dict[str, list[str]]) -> Verdict:
    """The rows' tests against the code as it is: it must survive them."""
    return try_tests(None, sorted({test for mutant in broken for test in marked[mutant.row]}))


def try_all(
    broken: Sequence[Mutant], marked: dict[str, list[str]], at_once: int
) -> Iterator[Verdict]:
    """Each breakage, as its tests end."""
    with ThreadPoolExecutor(at_once) as pool:
        tried = [pool.submit(try_tests, mutant, marked[mutant.row]) for mutant in broken]
        for done in as_completed(tried):
            yield done.result()
