"""`bulk-message`: a text to many people. It shows first, asks before it sends, and sends once.

A campaign's name stands for its text and channel accounts for good: run again under it, the flow
goes on following what was started, and starts nothing a second time.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Annotated, Any

from prefect import flow
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from pydantic import Field

from extract.errors import SendUncertain, TaskFailed, VendorUnavailable
from extract.outbox import Outbox
from extract.sharednotes import open_notes
from flows.bulkplan import Plan, approved, planned, read_text
from flows.errors import BulkUnfinished
from flows.ingest import read_ledger
from flows.publishing import publish_now
from flows.reporting import run_name
from flows.run import Run, open_run
from flows.settings import load_settings
from flows.stages import in_thread
from flows.telling import leave_artifact
from flows.writersession import writer_session
from transform.records import as_plain_text
from warehouse.bulktasks import BulkRow, keep_bulk_task

Campaign = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$", examples=["easter-2026"])]
STATE_FIELDS = ("state", "status", "task_status", "статус", "состояние")
RUNNING, ENDED, VANISHED, UNCLEAR = "running", "ended", "vanished", "unclear"


@flow(name="bulk-message", flow_run_name=run_name("bulk-message"))
async def bulk_message(
    campaign: Campaign,
    text_file: str,
    accounts: list[int] = [],  # noqa: B006
    dry_run: bool = True,
    confirm: int | None = None,
    send_again: bool = False,
    follow_seconds: Annotated[float, Field(gt=0)] = 3600,
) -> None:
    """Send a text through channel accounts: shown first, approved, started once, followed.

    Args:
        campaign: Its name; what was started under it is never started again.
        text_file: Where the text is, as UTF-8, on the worker's machine.
        accounts: Channel accounts; every one that allows bulk messaging if empty.
        dry_run: Only show what would be sent, and through how many channel accounts.
        confirm: How many channel accounts it goes through; without it, the run waits for a person
            to type that in the UI.
        send_again: Start what may have been started by a run that died: a person looked.
        follow_seconds: How long its end is waited for.
    """
    settings = load_settings()
    text = read_text(text_file)
    title = flow_run.name or "bulk-message"
    async with open_run(settings, title, flow_run.id or "") as run:
        await read_ledger(run, [])
        plan = await planned(run, campaign, text_file, text, accounts)
        await leave_artifact("bulk-message", plan.markdown())
        get_run_logger().info(
            "%s: %d channel accounts, %d characters, SHA-256 %s",
            campaign, len(plan.accounts), plan.characters, plan.sha256,
        )  # fmt: skip
    if dry_run:
        return
    await approved(plan, confirm)  # a day of waiting keeps no other run from anything
    async with open_run(settings, title, flow_run.id or "") as run:
        problems = await Sending(run, plan, text).run(
            accounts, send_again=send_again, follow_seconds=follow_seconds
        )
        async with writer_session(run) as writer:
            await publish_now(writer, run)
    if problems:
        raise BulkUnfinished(" ".join(problems))


class Sending:
    """Starts, records and follows one campaign's tasks."""

    def __init__(self, run: Run, plan: Plan, text: str) -> None:
        self._run = run
        self._plan = plan
        self._text = text
        self._outbox = Outbox(run.client, open_notes(run.layout.outbox, run.shared))

    async def run(
        self, accounts: Sequence[int], *, send_again: bool, follow_seconds: float
    ) -> list[str]:
        """What isn't well in the end, in sentences."""
        targets: list[int | None] = list(dict.fromkeys(accounts)) or [None]
        started: list[tuple[int | None, int]] = []
        problems: list[str] = []
        for account in targets:
            key = f"bulk-{self._plan.campaign}-{'all' if account is None else account}"
            try:
                task_id, _ = await self._outbox.begin_bulk(
                    key, self._text, account, again=send_again
                )
            except SendUncertain as error:  # whoever looks after it starts the rest
                problems.append(str(error))
                break
            await self._keep(account, task_id, RUNNING, None)
            started.append((account, task_id))
        deadline = time.monotonic() + follow_seconds
        followed = [self._follow(account, task_id, deadline) for account, task_id in started]
        return problems + [said for said in await asyncio.gather(*followed) if said]

    async def _follow(self, account: int | None, task_id: int, deadline: float) -> str | None:
        """Poll one task to its end; what isn't well, or None."""
        began, told, outcome = time.monotonic(), None, RUNNING
        while True:
            try:
                task = (await self._run.client.get_bulk_task(task_id)).task
            except TaskFailed as error:
                await self._keep(account, task_id, VANISHED, told)
                return f"Bulk task {task_id}: {error.came}; it was started, and isn't again."
            except VendorUnavailable:
                task = None
            if task is not None:
                now = json.dumps(task, ensure_ascii=False, sort_keys=True)
                outcome = self._outcome(task)
                if now != told:
                    await self._keep(account, task_id, outcome, now)
                    told = now
                if outcome == ENDED:
                    return None
            wait = self._run.polling.wait_seconds(time.monotonic() - began, None)
            if time.monotonic() + wait > deadline:
                break
            await asyncio.sleep(wait)
        if outcome == UNCLEAR:
            return (
                f"Bulk task {task_id}: nothing that came says whether it ended; see its fields in "
                "meta.bulk_tasks, and set SMARTCONNECT_BULK_ENDED_WORDS."
            )
        return (
            f"Bulk task {task_id} has not ended. Run the flow again under the same campaign: it "
            "goes on following, and starts nothing."
        )

    def _outcome(self, task: dict[str, Any]) -> str:
        known = {str(name).casefold(): value for name, value in task.items()}
        said = [as_plain_text(known[name]) for name in STATE_FIELDS if known.get(name) is not None]
        if not said:
            return UNCLEAR
        words = {word.casefold() for word in self._run.settings.bulk_ended_words}
        return ENDED if any((word or "").casefold() in words for word in said) else RUNNING

    async def _keep(
        self, account: int | None, task_id: int, outcome: str, fields: str | None
    ) -> None:
        plan = self._plan
        row = BulkRow(
            task_id, plan.campaign, account, plan.sha256, plan.characters, outcome, fields,
            self._run.flow_run_id,
        )  # fmt: skip
        async with writer_session(self._run) as writer:
            await in_thread(keep_bulk_task, writer, row)
