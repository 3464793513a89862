"""Calls of `smartconnect doctor`: a `status` without a meaning is tried out, failures are told.

A meaning that is tried out counts only once a usable answer came with it: a list, a task_id, a
file. Until then it is no finding.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TypeVar

from extract.budget import CallBudget
from extract.client import ClientOptions, SmartConnectClient
from extract.errors import BadConfiguration, ExtractError, TokenRefused, UnexpectedStatus
from extract.exports import ExportJobs, Polling
from extract.routes import KINDS, Kind, Operation
from extract.sharing import Shared
from flows.findings import Findings
from flows.run import Run, Vendor
from flows.settings import Settings
from flows.vendorclient import client_options
from transform.mapping import MappingFile
from warehouse.layout import DataDirectory

T = TypeVar("T")
MAX_TRIALS = 3


class Asking:
    """The vendor as the doctor asks it, in a folder of its own that nobody else uses.

    Args:
        settings: of the company.
        options: the client's, statuses that were tried out included.
        token: gives the token.
        mapping: the company's mapping file.
        folder: for journal, locks and downloads; empty.
        wait_seconds: how long an export is waited for.
        findings: takes what is found.
        shared: what machines share, where the calls of a day are bounded for all of them.
    """

    def __init__(
        self,
        settings: Settings,
        options: ClientOptions,
        token: Callable[[], str],
        mapping: MappingFile,
        folder: Path,
        wait_seconds: float,
        findings: Findings,
        shared: Shared | None = None,
    ) -> None:
        self.settings = settings
        self.options = options
        self.findings = findings
        self.mapping = mapping
        self._token = token
        self._layout = DataDirectory(folder)
        self.wait_seconds = wait_seconds
        self._tried: dict[int, str] = {}
        self.token_accepted = False
        counts = DataDirectory(settings.data_root).calls
        self._budget = CallBudget(
            counts if counts.parent.exists() else self._layout.calls,
            settings.calls_per_run,
            settings.calls_per_day,
            self.today,
            shared,
        )

    def today(self) -> date:
        """The company's day, by the zone that is set."""
        return self.settings.today().date()

    async def ask(self, call: Callable[[SmartConnectClient], Awaitable[T]]) -> T:
        """What `call` gets, statuses without a meaning tried out.

        Raises:
            extract.errors.ExtractError: by how to recover.
        """
        tried: list[int] = []
        while True:
            try:
                async with SmartConnectClient(self.options, self._token, self._budget) as client:
                    got = await call(client)
            except UnexpectedStatus as error:
                if error.status is None or error.status in tried or len(tried) >= MAX_TRIALS:
                    self._forget(tried)
                    raise
                tried.append(error.status)
                self._try(error.status, Operation(error.operation))
            except ExtractError as error:
                self._forget(tried)
                self._note_token(error)
                if tried:
                    raise UnexpectedStatus(
                        error.operation,
                        error.asked,
                        f"status {tried[0]} came, which has no known meaning, and then: "
                        f"{error.came}",
                        f"Ask SmartConnect what {tried[0]} means here, and set "
                        "SMARTCONNECT_STATUS_MEANINGS.",
                    ) from None
                raise
            else:
                self._believe(tried)
                self.token_accepted = True
                return got

    async def in_run(self, work: Callable[[Run], Awaitable[T]]) -> T:
        """As `ask`, with exports."""

        async def call(client: SmartConnectClient) -> T:
            return await work(self._run(client))

        return await self.ask(call)

    def _run(self, client: SmartConnectClient) -> Run:
        polling = Polling(
            first_seconds=self.settings.poll_first_seconds,
            max_seconds=min(self.settings.poll_max_seconds, 5),  # the waiting itself is measured
            job_deadline_seconds=self.wait_seconds,
            run_deadline_seconds=self.wait_seconds * 4,
        )
        jobs = ExportJobs(
            client,
            self._layout.journal,
            self._layout.locks,
            max_jobs=self.settings.export_jobs,
            polling=polling,
            holder="doctor",
        )
        vendor = Vendor("unknown", "unknown")
        return Run(
            "doctor", self.settings, self._layout, client, jobs, vendor, "", polling,
            mapping=self.mapping,
        )  # fmt: skip

    def _try(self, status: int, operation: Operation) -> None:
        word = "pending" if KINDS[operation] is Kind.TASK else "ok"
        self._tried[status] = word
        meanings = {**self.options.status_meanings, status: word}
        self.options = replace(self.options, status_meanings=meanings)

    def _forget(self, tried: list[int]) -> None:
        kept = {k: v for k, v in self.options.status_meanings.items() if k not in tried}
        self.options = replace(self.options, status_meanings=kept)

    def _believe(self, tried: list[int]) -> None:
        if not tried:
            return
        for status in tried:
            self.findings.ok(
                f"status {status}",
                f"it means {self._tried[status]!r}: a usable answer came after it. Paste the "
                "setting below.",
            )
        told = {str(k): str(v) for k, v in self.options.status_meanings.items()}
        self.findings.to_set("status_meanings", told)

    def _note_token(self, error: ExtractError) -> None:
        if isinstance(error, TokenRefused) and not self.token_accepted:
            self.findings.wrong("token", f"{error.came}. {error.cure}")


def options_of(settings: Settings) -> ClientOptions:
    """The client's options, with fewer attempts: a person waits.

    Raises:
        extract.errors.BadConfiguration: a setting can't be used.
    """
    return replace(client_options(settings), attempts=2)


def said(error: Exception) -> str:
    """An error as the reason of a line: what came and what to do, without the operation."""
    if isinstance(error, BadConfiguration):
        return f"{error.asked}: {error.came}. {error.cure}"
    with suppress(AttributeError):
        return f"{error.came}. {error.cure}"  # type: ignore[attr-defined]
    return str(error)
