"""Erasures that die at each of their crash points, each on a copy of the data, and are run again.

    python killed_erase.py DATA WHO every|some

Imports once and forks for each: nothing of DuckDB is open in this process. The point is the N-th
audit event `smartconnect.point`; `some` takes a few that are spread over all. Prints a JSON line a
kill: the point, what the data directory said then, and afterwards.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from flows.erase import run_erase
from warehouse.erasinglist import read_list
from warehouse.layout import DataDirectory

COPY, SOME = "copy", 8


def erase(who: Path | None) -> int:
    return run_erase(Console(file=io.StringIO()), who, yes=True, again=False)


def killed_at(number: int, names: list[str] | None) -> Callable[[str, tuple[object, ...]], None]:
    """A hook that dies at the number-th point; with `names`, it notes them instead."""
    count = 0

    def hook(event: str, args: tuple[object, ...]) -> None:
        nonlocal count
        if event != "smartconnect.point":
            return
        count += 1
        if names is not None:
            names.append(str(args[0]))
        elif count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


def in_child(work: Callable[[], object]) -> tuple[int, object]:
    """The exit status and what the child's work returns."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as answer:
            answer.write(json.dumps(work()))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    return status, json.loads(text) if text else None


def points(data: Path, who: Path) -> list[str]:
    def work() -> list[str]:
        names: list[str] = []
        sys.addaudithook(killed_at(0, names))
        if erase(who):
            raise SystemExit("the erasure failed")
        return names

    fresh(data)
    return list(in_child(work)[1])  # type: ignore[call-overload]


def fresh(data: Path) -> Path:
    copy = data.with_name(COPY)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(data, copy, symlinks=True)
    os.environ["SMARTCONNECT_DATA_DIR"] = str(copy)
    return copy


def main(data: Path, who: Path, which: str) -> None:
    names = points(data, who)
    numbers = range(1, len(names) + 1)
    if which == "some":
        firsts = [number for number in numbers if names.index(names[number - 1]) == number - 1]
        numbers = sorted({*firsts[:: max(1, len(firsts) // SOME)], firsts[-1]})
    for number in numbers:
        name = names[number - 1]
        copy = fresh(data)

        def dying(number: int = number) -> int:
            sys.addaudithook(killed_at(number, None))
            return erase(who)

        status, _ = in_child(dying)
        cut_off = bool(read_list(DataDirectory(copy)).unfinished)
        _, code = in_child(lambda: erase(None if cut_off else who))  # noqa: B023
        told = {"point": name, "killed": os.WIFSIGNALED(status), "cut_off": cut_off, "code": code}
        print(json.dumps(told), flush=True)
        yield_to_test()


def yield_to_test() -> None:
    """The test looks into the copy, then answers with a line."""
    if not sys.stdin.readline():
        raise SystemExit("nobody looks")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
