"""`python -m chaos`: seeded, bounded in time; anything lost, doubled or disturbed ends with 1."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from chaos.finding import MARK, marked
from chaos.forkserver import ROOT, fork_server
from chaos.lanes import Runner
from chaos.phases import Course
from chaos.plan import Plan
from chaos.processes import PrefectServer
from chaos.report import Tally, Teller, show, teller
from chaos.tracing import strace_works
from chaos.world import World

READERS = 2
# What is left at the end for convergence, which may not be cut short.
RESERVE_SECONDS, RESERVE_SHARE = 45.0, 0.3
LEFTOVERS_GO_WITHIN_SECONDS = 10.0
# How many times its minutes a run may take until there was chaos enough, on a slow machine.
LONGER = 3


def chaos(options: argparse.Namespace, folder: Path, tell: Teller) -> Tally:
    """One chaos run in `folder`, which holds everything it makes."""
    began, tally = time.monotonic(), Tally(options.seed)
    total = options.minutes * 60
    plan = Plan(options.seed, syscalls=strace_works())
    mark = {MARK: folder.name}
    with ExitStack() as stack:
        server = PrefectServer(folder / "prefect")
        stack.callback(server.stop)
        server.start()
        forks = stack.enter_context(fork_server(server.environment, folder / "forks.log"))
        worlds = [World(found, folder / found.name, mark) for found in plan.companies()]
        for world in worlds:
            stack.callback(world.sandbox.stop)
        reading = stack.enter_context(_readers(folder, [world.data for world in worlds]))
        runner = Runner(forks, server, folder / "runs", tally)
        storms_end = began + total - min(RESERVE_SECONDS, total * RESERVE_SHARE)

        def goes_on() -> bool:
            now, missing = time.monotonic(), bool(_missing(tally, options))
            return now < storms_end or (missing and now < began + total * LONGER)

        course = Course(plan, runner, server, tally, tell, goes_on)
        while goes_on() or not tally.phases:
            course.phase(tally.phases, worlds[tally.phases % len(worlds)])
        if any(process.poll() is not None for process in reading):
            tally.disturbed += 1
            tally.problems.append("a reader died: see reader-*.log")
        _look_for_leftovers(tally, folder.name)
    _read_readers(tally, folder)
    _look_for_tokens(tally, folder, [token for world in worlds for token in world.tokens])
    tally.seconds = round(time.monotonic() - began, 1)
    return tally


@contextmanager
def _readers(folder: Path, directories: Sequence[Path]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Readers of all data directories, for the time of the block."""
    started = []
    for number in range(READERS):
        log = folder / f"reader-{number}.log"
        with log.with_suffix(".errors").open("wb") as errors:
            command = [sys.executable, "-m", "chaos.readers", str(log), *map(str, directories)]
            started.append(subprocess.Popen(command, cwd=ROOT, stderr=errors))
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


def _read_readers(tally: Tally, folder: Path) -> None:
    seen = set()
    for log in sorted(folder.glob("reader-*.log")):
        for line in log.read_text(encoding="utf-8").splitlines():
            if not line.endswith("}"):
                continue  # the last one, cut by the end
            said = json.loads(line)
            tally.queries += 1
            seen.add((said["company"], said["release"]))
            if "error" not in said:
                continue
            if said["kept"]:
                tally.disturbed += 1
                tally.problems.append(f"a reader of {said['company']} met {said['error']}")
            else:
                tally.outlived += 1  # slower than all the releases that are kept
    tally.releases_read = len(seen)


def _look_for_leftovers(tally: Tally, mark: str) -> None:
    deadline = time.monotonic() + LEFTOVERS_GO_WITHIN_SECONDS
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.2)
    for pid, command in left.items():
        tally.problems.append(f"a process was left: {pid} {command}")
        os.kill(pid, signal.SIGKILL)


def _look_for_tokens(tally: Tally, folder: Path, tokens: Sequence[str]) -> None:
    """In every byte that was written; the file that runs read it from aside."""
    needles = [token.encode() for token in tokens]
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.name != "token":
            content = path.read_bytes()
            if any(needle in content for needle in needles):
                tally.problems.append(f"a token is in {path.relative_to(folder)}")


def _missing(tally: Tally, options: argparse.Namespace) -> list[str]:
    """Too little chaos proves too little."""
    wanted = (
        ("faults", tally.faults.total(), options.faults),
        ("kills", tally.kills.total(), options.kills),
    )
    return [
        f"only {found} {name} of {least}: give it more --minutes"
        for name, found, least in wanted
        if found < least
    ]


def _told_again(console: Console, options: argparse.Namespace, folder: Path) -> None:
    given = f"--seed {options.seed} --minutes {options.minutes:g}"
    said = f'Kept: {folder}\nAgain: make chaos ARGS="{given}"'
    console.print(said, markup=False, highlight=False, soft_wrap=True)


def main(given: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, printed")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--faults", type=int, default=0, help="it goes on until so many struck")
    parser.add_argument("--kills", type=int, default=0, help="it goes on until so many met a run")
    parser.add_argument("--json", type=Path, default=None, help="write the summary here")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a good run too")
    options = parser.parse_args(given)
    options.seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # nothing stays behind
    console = Console(width=None if sys.stdout.isatty() else 160)
    folder = Path(tempfile.mkdtemp(prefix="smartconnect-chaos-"))
    folder.chmod(0o755)  # readers are nobody
    console.print(f"seed {options.seed}, in {folder}", highlight=False)
    try:
        with teller(console, options.minutes * 60) as tell:
            tally = chaos(options, folder, tell)
    except BaseException:
        _told_again(console, options, folder)
        raise
    tally.problems += _missing(tally, options)
    show(console, tally)
    if options.json is not None:
        tally.write(options.json)
    if tally.problems:
        _told_again(console, options, folder)
    elif not options.keep:
        shutil.rmtree(folder)
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
