"""Runs as they happen: forked, watched, killed as planned, and what their end means."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired

from chaos.children import FAILED, OK, UNFORESEEN
from chaos.forkserver import Child, ForkServer
from chaos.plan import Kill, RunPlan
from chaos.processes import PrefectServer
from chaos.report import Tally
from chaos.tracing import traced
from chaos.world import World

HANGS_AFTER_SECONDS = 100.0
SERVER_MARGIN_SECONDS = 20.0
PIPELINE_FAULT = "this is a fault of the pipeline"


@dataclass(frozen=True)
class Ended:
    """A run that is over: its exit code, its log, and whether its kill met it."""

    number: int
    plan: RunPlan
    code: int
    log: Path
    killed: bool

    def said(self) -> str:
        """Its log."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


class Runner:
    """Starts runs, one or several at once, and counts how they end.

    Args:
        forks: where they are forked.
        server: Prefect's, whose absence explains some ends.
        folder: of the logs.
        tally: takes the counts.
    """

    def __init__(
        self, forks: ForkServer, server: PrefectServer, folder: Path, tally: Tally
    ) -> None:
        self._forks = forks
        self._server = server
        self._folder = folder
        self._tally = tally
        self._lock = threading.Lock()
        self._number = 0
        folder.mkdir(parents=True)

    def run(self, world: World, plan: RunPlan) -> Ended:
        """One run to its end or its death."""
        with self._lock:
            self._number += 1
            number = self._number
        log, kill = self._folder / f"{number:04d}-{plan.kind}.log", plan.kill
        log.write_text(f"{world.plan.name}: {plan}; kill: {kill}\n", encoding="utf-8")
        job = {
            "kind": plan.kind,
            "parameters": plan.parameters,
            "environment": world.environment(),
            "folder": str(world.folder),
            "log": str(log),
            "die_at": _die_at(kill),
            "traced": kill is not None and kill.kind == "syscall",
        }
        began = time.monotonic()
        child = self._forks.start(number, job)
        code = self._watched(child, kill)
        ended = Ended(number, plan, code, log, _was_killed(code, kill))
        self._count(world, ended, began)
        return ended

    def _watched(self, child: Child, kill: Kill | None) -> int:
        tracer = traced(child.pid, kill.call, kill.number) if kill and kill.call else None
        try:
            if kill is not None and kill.seconds and child.wait(kill.seconds) is None:
                child.signal(signal.SIGTERM if kill.kind == "term" else signal.SIGKILL)
            code = child.wait(HANGS_AFTER_SECONDS)
        finally:
            if tracer is not None:
                with suppress(TimeoutExpired):
                    tracer.wait(2)
                tracer.kill()
                tracer.wait()
        if code is not None:
            return code
        child.signal(signal.SIGUSR1)  # its threads' stacks, into its log
        child.wait(2)
        child.signal(signal.SIGKILL)
        child.wait(10)
        self._problem(f"run {child.number} hung for {HANGS_AFTER_SECONDS:.0f} s: see its log")
        return -signal.SIGKILL

    def _count(self, world: World, ended: Ended, began: float) -> None:
        plan, code = ended.plan, ended.code
        with self._lock:
            self._tally.runs[plan.kind] += 1
            if ended.killed and plan.kill is not None:
                self._tally.kills[plan.kill.kind] += 1
                self._tally.endings["killed"] += 1
                return
            away = code == UNFORESEEN and self._server_was_away(began)
            other = "without Prefect" if away else f"code {code}"
            names = {OK: "done", FAILED: "typed failure"}
            self._tally.endings[names.get(code, other)] += 1
        where = f"run {ended.number} ({world.plan.name}: {plan}, kill {plan.kill})"
        if code not in (OK, FAILED) and not self._server_was_away(began):
            last = (ended.said().strip().splitlines() or ["nothing"])[-1]
            self._problem(f"{where} ended with code {code}: {last[:300]}")
        elif PIPELINE_FAULT in ended.said():
            line = next(line for line in ended.said().splitlines() if PIPELINE_FAULT in line)
            self._problem(f"{where} met what nobody foresaw: {line[:300]}")

    def _server_was_away(self, began: float) -> bool:
        down = self._server.down_since
        return any(end + SERVER_MARGIN_SECONDS > began for _, end in self._server.downs) or (
            down is not None
        )

    def _problem(self, said: str) -> None:
        with self._lock:
            self._tally.problems.append(said)


def _die_at(kill: Kill | None) -> list[object] | None:
    return [kill.kind, kill.number] if kill and kill.kind in ("point", "event") else None


def _was_killed(code: int, kill: Kill | None) -> bool:
    if kill is None:
        return False
    if kill.kind == "term":
        return code in (-signal.SIGTERM, 128 + signal.SIGTERM, UNFORESEEN)
    return code == -signal.SIGKILL


class Lanes:
    """Several threads that each start one run after the other until they are told to stop."""

    def __init__(
        self, count: int, one: Callable[[], object], failed: Callable[[str], None]
    ) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._drive, args=(one, failed)) for _ in range(count)
        ]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _drive(self, one: Callable[[], object], failed: Callable[[str], None]) -> None:
        while not self._stop.is_set():
            try:
                one()
            except Exception as error:  # noqa: BLE001  (a lane that stops must be told)
                failed(f"the chaos itself failed: {type(error).__name__}: {error}")
                return
