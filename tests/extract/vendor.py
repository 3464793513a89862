"""One export from its start to its file, by a client that loses patience soon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from extract.client import ClientOptions, SmartConnectClient
from extract.download import Downloaded, download
from extract.errors import LocationExpired
from extract.exports import ExportJobs, ExportRequest, Polling
from sandbox.options import Fault
from sandbox.server import RunningSandbox

DAY = date(2026, 2, 3)
REQUEST = ExportRequest("chats", DAY, DAY)
StartSandbox = Callable[..., RunningSandbox]


def faults(*texts: str) -> tuple[Fault, ...]:
    return tuple(Fault.parse(text) for text in texts)


def impatient(sandbox: RunningSandbox, **more: Any) -> ClientOptions:
    return ClientOptions(
        **{
            "base_url": sandbox.base_url,
            "allow_loopback": True,
            "read_timeout_seconds": 0.5,
            "call_deadline_seconds": 2.5,
            "download_deadline_seconds": 2,
            "backoff_first_seconds": 0.01,
            "backoff_max_seconds": 0.2,
            **more,
        }
    )


def exported(
    sandbox: RunningSandbox,
    folder: Path,
    token: Callable[[], str] | None = None,
    job_deadline_seconds: float = 10,
    **more: Any,
) -> Downloaded:
    """Claim, wait, download, and ask once for another location where the first is gone."""

    async def run() -> Downloaded:
        options = impatient(sandbox, **more)
        async with SmartConnectClient(options, token or (lambda: sandbox.token)) as client:
            jobs = ExportJobs(
                client,
                folder / "journal",
                folder / "locks",
                max_jobs=2,
                polling=Polling(first_seconds=0.02, job_deadline_seconds=job_deadline_seconds),
                holder="a test",
            )
            async with jobs.claim(REQUEST) as claim:
                ready = await claim.locate()
                try:
                    file = await download(client, ready.location, folder / "incoming")
                except LocationExpired:
                    ready = await claim.relocate()
                    file = await download(client, ready.location, folder / "incoming")
                claim.finish()
                return file

    return asyncio.run(run())


def starts(sandbox: RunningSandbox) -> int:
    """Exports that the vendor made."""
    served = httpx.get(f"{sandbox.root_url}/sandbox/served").json()
    return sum(entry["event"] == "start" for entry in served)


def injected(sandbox: RunningSandbox) -> dict[str, int]:
    """How often each fault struck."""
    return dict(httpx.get(f"{sandbox.root_url}/sandbox/faults").json()["injected"])
