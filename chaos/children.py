"""What a forked process does: one run, from its flow's beginning to its end or its death."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from rich.console import Console

from extract.errors import ExtractError
from flows.backfill import backfill
from flows.errors import FlowError
from flows.nightly import nightly
from flows.rebuild import run_rebuild
from flows.users import snapshot_users_flow
from transform.errors import TransformError
from warehouse.errors import WarehouseError

POINT = "smartconnect.point"
# Audit events of the interpreter itself: raised just before it does the thing.
EVENTS = ("os.rename", "os.remove", "os.link", "os.symlink", "os.mkdir", "os.chmod", "os.rmdir",
          "os.truncate", "shutil.copyfile", "socket.connect")  # fmt: skip
TYPED = (ExtractError, FlowError, TransformError, WarehouseError)
OK, FAILED, UNFORESEEN = 0, 1, 3
TRACED_WITHIN_SECONDS = 5.0
Job = dict[str, Any]


def become(job: Job) -> None:
    """Be the run of `job`; never returns."""
    code = UNFORESEEN
    try:
        _surround(job)
        code = _run(job["kind"], job["parameters"])
    except BaseException:  # noqa: BLE001  (told in the run's log; the exit code is the answer)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _surround(job: Job) -> None:
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number in (1, 2):
        os.dup2(log, number)
    os.environ.update(job["environment"])
    os.chdir(job["folder"])
    random.seed()
    signal.signal(signal.SIGUSR1, _tell_stacks)
    gc.enable()
    if job["traced"]:
        _wait_for_tracer()
    if job["die_at"]:
        _die_at(*job["die_at"])


def _die_at(kind: str, number: int) -> None:
    """SIGKILL ourselves at the how manyth point of the code, or event of the interpreter."""
    left = number

    def hook(event: str, _: tuple[Any, ...]) -> None:
        nonlocal left
        if event == POINT if kind == "point" else event in EVENTS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _tell_stacks(*_: object) -> None:
    """Where everything stands, into the run's log: threads, and tasks of the event loop."""
    faulthandler.dump_traceback(all_threads=True)
    for task in asyncio.all_tasks(asyncio.get_event_loop()):
        task.print_stack(file=sys.stderr)


def _wait_for_tracer() -> None:
    deadline = time.monotonic() + TRACED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        if "TracerPid:\t0\n" not in status:
            return
        time.sleep(0.01)


def _run(kind: str, given: dict[str, Any]) -> int:
    if kind == "rebuild":
        return run_rebuild(Console(width=200))
    flows: dict[str, Any] = {
        "backfill": lambda: backfill(**given),
        "replay": lambda: backfill(**given, from_raw=True),
        "nightly": lambda: nightly(**given),
        "users": lambda: snapshot_users_flow(**given),
    }
    try:
        asyncio.run(flows[kind]())
    except TYPED as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return FAILED
    return OK
