"""`smartconnect doctor`: what of the vendor works with this token, and the settings that follow.

Reads only, and makes a few exports; nothing is sent to people, nothing is written into the data
directory. What can't be told from the answers is said to be unknown, never guessed.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from extract.connection import Connection, look
from extract.errors import ExtractError, KeeperUnusable
from extract.routes import Operation
from extract.sharing import Shared
from flows.asking import Asking, options_of, said
from flows.errors import FlowError
from flows.exportcheck import ExportCheck
from flows.findings import Findings, Line
from flows.listcheck import ListCheck
from flows.mapping import load_mapping
from flows.settings import Settings, load_settings
from flows.settings.tokens import token_source
from flows.sharing import sharing
from transform.errors import TransformError

CLOCK_SECONDS = 60.0
CERTIFICATE_DAYS = timedelta(days=14)
NEVER_CALLED = {
    Operation.SEND_MESSAGE: "`smartconnect send` uses it: it would reach a person",
    Operation.START_BULK: "`bulk-message` uses it: it would reach people",
    Operation.GET_BULK_TASK: "`bulk-message` uses it: there is no task to ask for",
}


def run_doctor(console: Console, *, wait_seconds: float) -> int:
    """Examine the vendor, a line at a time; 0 if nothing is wrong."""

    def tell(line: Line) -> None:
        console.print(str(line), markup=False, highlight=False, soft_wrap=True)

    findings = examine(tell, wait_seconds=wait_seconds)
    if findings.settings:
        console.print("\nSettings to paste into .env:\n", highlight=False)
    for name, value in sorted(findings.settings.items()):
        console.print(f"{name}={value}", markup=False, highlight=False, soft_wrap=True)
    return 0 if findings.all_right else 1


def examine(tell: Callable[[Line], None], *, wait_seconds: float) -> Findings:
    """All questions in turn; `wait_seconds` is how long an export is waited for."""
    findings = Findings(tell)
    try:
        settings = load_settings()
        options, mapping = options_of(settings), load_mapping(settings)
    except (FlowError, ExtractError, TransformError) as error:
        findings.wrong("settings", said(error))
        return findings
    findings.ok("settings", f"they can be read; the API is at {options.base}")
    if not _reachable(findings, asyncio.run(look(options)), settings):
        findings.unknown("operations", "there is no connection to ask through")
        return findings
    try:
        token = token_source(settings)
    except FlowError as error:
        findings.wrong("token", str(error))
        return findings
    with tempfile.TemporaryDirectory(prefix="smartconnect-doctor-") as folder:
        surroundings = settings, options, token, mapping, Path(folder), wait_seconds, findings
        try:
            asyncio.run(_asked(settings, lambda shared: Asking(*surroundings, shared)))
        except KeeperUnusable as error:
            findings.wrong("calls", f"{said(error)} They are counted there, so none was made.")
    return findings


async def _asked(settings: Settings, asking: Callable[[Shared | None], Asking]) -> None:
    """All operations; a day's calls are counted with those of all machines, where there are more.

    Raises:
        extract.errors.KeeperUnusable: they can't be.
    """
    counted = settings.calls_per_day is not None
    async with sharing(settings, "the doctor") if counted else nullcontext() as shared:
        await _operations(asking(shared))


async def _operations(asking: Asking) -> None:
    findings, options = asking.findings, asking.options
    await ListCheck(asking).look()
    if asking.token_accepted:
        findings.ok("token", "the vendor takes it")
    for operation, why in NEVER_CALLED.items():
        path = options.routes.path(operation)
        findings.ok(operation, f"configured as {path}, and not called: {why}")
    if findings.has("token") and not asking.token_accepted:
        findings.unknown("exports", "the token is refused")
        return
    await ExportCheck(asking).look()
    if asking.token_accepted:
        findings.ok("token", "the vendor takes it")
    elif not findings.has("token"):
        findings.unknown("token", "no operation gave a usable answer with it")


def _reachable(findings: Findings, seen: Connection, settings: Settings) -> bool:
    """Lines for name, certificate and clock; whether there is a connection."""
    if not seen.addresses:
        findings.wrong(
            "DNS", f"{seen.host} has no address: check SMARTCONNECT_BASE_URL, and this host's DNS."
        )
        return False
    findings.ok("DNS", f"{seen.host} is {', '.join(seen.addresses[:3])}")
    if seen.connect_problem:
        cure = "Check SMARTCONNECT_BASE_URL, and what stands between this host and the vendor."
        findings.wrong("TLS" if seen.encrypted else "connection", f"{seen.connect_problem}. {cure}")
        return False
    _certificate(findings, seen, settings)
    _clock(findings, seen)
    return True


def _certificate(findings: Findings, seen: Connection, settings: Settings) -> None:
    if not seen.encrypted:
        if settings.sandbox:
            findings.ok("TLS", "none, which is right for the sandbox alone")
        else:
            cure = "set SMARTCONNECT_BASE_URL to its https address."
            findings.wrong("TLS", f"none: the token travels unencrypted; {cure}")
        return
    ends = seen.certificate_ends
    until = f", the certificate is valid until {ends:%d.%m.%Y}" if ends else ""
    if ends is not None and ends < datetime.now(UTC) + CERTIFICATE_DAYS:
        until += " (soon: tell SmartConnect)"
    findings.ok("TLS", f"{seen.protocol or 'encrypted'}{until}")


def _clock(findings: Findings, seen: Connection) -> None:
    ahead = seen.clock_ahead_seconds
    if ahead is None:
        findings.unknown("clock", seen.clock_problem or "nothing was said")
    elif abs(ahead) <= CLOCK_SECONDS:
        findings.ok("clock", f"the vendor's and ours differ by {abs(ahead):.0f} s")
    else:
        which = "ahead of" if ahead > 0 else "behind"
        findings.wrong(
            "clock",
            f"the vendor's is {abs(ahead):.0f} s {which} ours: let one that is right set this "
            "host's (NTP); if ours is right, tell SmartConnect.",
        )
