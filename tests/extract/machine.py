"""A machine of its own for tests of several: exports days, tells what it does, a JSON line each.

    python machine.py '{"store": …, "base_url": …, "token": …, "days": [...], …}'

With `"gate"`, it begins once a line comes.
With `"point"`, it stands still there for ever once it has said so, or dies there with `"dies"`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path
from typing import Any

from extract.budget import CallBudget
from extract.client import ClientOptions, SmartConnectClient
from extract.download import download
from extract.errors import ExtractError
from extract.exports import ExportJobs, ExportRequest, Polling
from extract.leases import Term
from extract.outbox import Letter, Outbox
from extract.sharednotes import open_notes
from extract.sharing import Shared
from flows.sharing import StoreDocuments
from warehouse.store import ObjectStore


def tell(**said: Any) -> None:
    print(json.dumps({"at": time.time(), **said}), flush=True)


def stop_at(point: str, hit: int, *, dies: bool) -> None:
    """Stand still (or die) at the `hit`-th passing of a point."""
    passed = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal passed
        if event != "smartconnect.point" or args[0] != point:
            return
        passed += 1
        if passed == hit:
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
            tell(stands_at=point)
            os.kill(os.getpid(), signal.SIGSTOP)

    sys.addaudithook(hook)


async def export(jobs: ExportJobs, client: SmartConnectClient, day: date, folder: Path) -> None:
    request = ExportRequest("chats", day, day)
    try:
        async with jobs.claim(request) as claim:
            ready = await claim.locate()
            file = await download(client, ready.location, folder / "incoming")
            claim.finish()
        tell(day=day.isoformat(), resumed=ready.resumed, sha256=file.sha256)
    except ExtractError as error:
        tell(day=day.isoformat(), failed=type(error).__name__, why=str(error))


async def send(outbox: Outbox, key: str) -> None:
    try:
        sent = await outbox.send(Letter(101, "a thread", f"the message {key}"), key=key)
        tell(key=key, sent=sent)
    except ExtractError as error:
        tell(key=key, failed=type(error).__name__)


async def work(asked: dict[str, Any]) -> None:
    folder = Path(asked["folder"])
    options = ClientOptions(base_url=asked["base_url"], allow_loopback=True)
    term = Term(asked.get("lasts", 30.0), asked.get("renew", 10.0))
    documents = StoreDocuments(ObjectStore(asked["store"], tries=3, answer_seconds=5))
    async with AsyncExitStack() as stack:
        shared = await stack.enter_async_context(
            Shared(documents, holder=asked.get("name", "a machine"), term=term)
        )
        budget = CallBudget(folder, None, asked.get("per_day"), date.today, shared)
        client = await stack.enter_async_context(
            SmartConnectClient(options, lambda: asked["token"], budget)
        )
        jobs = ExportJobs(
            client,
            folder / "journal",
            folder / "locks",
            max_jobs=asked.get("max_jobs", 4),
            polling=Polling(first_seconds=0.05, max_seconds=0.3),
            holder=asked.get("name", "a machine"),
            claim_wait_seconds=asked.get("claim_wait", 60),
            shared=shared,
        )
        if asked.get("gate"):
            tell(ready=True)
            sys.stdin.readline()
        for key in asked.get("send", []):
            await send(Outbox(client, open_notes(folder / "outbox", shared)), key)
        days = [date.fromisoformat(day) for day in asked["days"]]
        await asyncio.gather(*(export(jobs, client, day, folder) for day in days))


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    if "point" in told:
        stop_at(told["point"], told.get("hit", 1), dies=told.get("dies", False))
    asyncio.run(work(told))
