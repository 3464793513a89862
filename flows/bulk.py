"""`bulk-message`: a text to many people. It shows first, asks before it sends, and sends once.

A campaign's name stands for its text and channel accounts for good: run again under it, the flow
goes on following what was started, and starts nothing a second time.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from prefect import flow
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from pydantic import Field

from extract.errors import SendUncertain, TaskFailed, VendorUnavailable
from extract.outbox import Outbox
from extract.sharednotes import open_notes
from flows.errors import BulkUnfinished, NotApproved, NotConfigured, TooLong
from flows.ingest import read_ledger
from flows.loader import publish_now, writer_session
from flows.reporting import run_name
from flows.run import Run, open_run
from flows.settings import home, load_settings
from flows.stages import in_thread
from flows.telling import leave_artifact
from transform.datasets import CHANNEL_ACCOUNTS
from transform.records import as_plain_text, normalise_records
from transform.rules import Origin
from warehouse.bulktasks import BulkRow, keep_bulk_task

Campaign = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$", examples=["easter-2026"])]
APPROVAL_SECONDS = 24 * 3600
STATE_FIELDS = ("state", "status", "task_status", "статус", "состояние")
RUNNING, ENDED, VANISHED, UNCLEAR = "running", "ended", "vanished", "unclear"


class Approval(RunInput):
    """What a person types in the UI: how many channel accounts it goes through."""

    confirm: int


@dataclass(frozen=True)
class Account:
    """A channel account that allows bulk messaging."""

    channel_account_id: str
    name: str
    max_length: int | None


@dataclass(frozen=True)
class Plan:
    """What would be sent. The text is in no repr."""

    campaign: str
    text_file: str
    sha256: str
    characters: int
    accounts: Sequence[Account]
    everywhere: bool

    def markdown(self) -> str:
        """For a person who is to approve it: the text is in its file, not here."""
        rows = "".join(
            f"| {a.channel_account_id} | {a.name} | {a.max_length or 'unknown'} |\n"
            for a in self.accounts
        )
        how = "one start for all channels" if self.everywhere else "one start for each"
        return (
            f"## Bulk messaging {self.campaign}\n\n- text: `{self.text_file}`, "
            f"{self.characters:,} characters, SHA-256 `{self.sha256}`\n"
            f"- channel accounts: {len(self.accounts)} ({how})\n\n"
            f"| channel account | name | longest message |\n|---|---|---|\n{rows}"
        )


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
    text = _text(text_file)
    title = flow_run.name or "bulk-message"
    async with open_run(settings, title, flow_run.id or "") as run:
        await read_ledger(run, [])
        plan = await _planned(run, campaign, text_file, text, accounts)
        await leave_artifact("bulk-message", plan.markdown())
        get_run_logger().info(
            "%s: %d channel accounts, %d characters, SHA-256 %s",
            campaign, len(plan.accounts), plan.characters, plan.sha256,
        )  # fmt: skip
    if dry_run:
        return
    await _approved(plan, confirm)  # a day of waiting keeps no other run from anything
    async with open_run(settings, title, flow_run.id or "") as run:
        problems = await Sending(run, plan, text).run(
            accounts, send_again=send_again, follow_seconds=follow_seconds
        )
        async with writer_session(run) as writer:
            await publish_now(writer, run)
    if problems:
        raise BulkUnfinished(" ".join(problems))


def _text(text_file: str) -> str:
    try:
        text = (home() / text_file).read_text(encoding="utf-8-sig").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        problem = type(error).__name__
    else:
        if text.strip():
            return text
        problem = "it is empty"
    raise NotConfigured(f"The text of {text_file} can't be used ({problem}). Nothing was sent.")


async def _planned(
    run: Run, campaign: str, text_file: str, text: str, accounts: Sequence[int]
) -> Plan:
    """What would be sent through which accounts.

    Raises:
        TooLong: for one of them.
        NotConfigured: one is unknown, or allows no bulk messaging; or there is none.
    """
    known = {a.channel_account_id: a for a in await _accounts(run)}
    wanted = [str(account) for account in dict.fromkeys(accounts)] or list(known)
    unknown = [account for account in wanted if account not in known]
    if unknown or not wanted:
        raise NotConfigured(
            f"Channel accounts that allow bulk messaging: {', '.join(known) or 'none'}. "
            + (f"Not among them: {', '.join(unknown)}. " if unknown else "")
            + "Nothing was sent."
        )
    chosen = [known[account] for account in wanted]
    for account in chosen:
        if account.max_length is not None and len(text) > account.max_length:
            raise TooLong(
                f"The text has {len(text):,} characters, and channel account "
                f"{account.channel_account_id} takes {account.max_length:,}. Nothing was sent."
            )
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Plan(campaign, text_file, digest, len(text), chosen, everywhere=not accounts)


async def _accounts(run: Run) -> list[Account]:
    records = (await run.client.list_channel_accounts()).accounts
    today = run.settings.today()
    origin = Origin(today.date(), today, "bulk", run.settings.time_zone)
    rules = replace(run.mapping.of(CHANNEL_ACCOUNTS.name).rules(), max_quarantined_share=1.0)
    table = normalise_records(records, CHANNEL_ACCOUNTS, origin, rules=rules).table
    found = []
    for row in table.select(["channel_account_id", "account_name", "max_length"]).to_pylist():
        told = str(row["max_length"] or "")
        limit = int(told) if told.isascii() and told.isdigit() and int(told) > 0 else None
        found.append(Account(str(row["channel_account_id"]), row["account_name"] or "", limit))
    return found


async def _approved(plan: Plan, confirm: int | None) -> None:
    """Wait for a person where nobody said the figure; refuse another one.

    Raises:
        NotApproved: it is another, or nobody came.
    """
    count = len(plan.accounts)
    if confirm is None:
        description = (
            f"Bulk messaging {plan.campaign}: see the run's artifact, then type through how many "
            "channel accounts it goes."
        )
        asked = Approval.with_initial_data(description=description)
        try:
            said = await pause_flow_run(  # type: ignore[misc]
                wait_for_input=asked, timeout=APPROVAL_SECONDS
            )
        except FlowPauseTimeout:
            raise NotApproved("Nobody approved it within a day. Nothing was sent.") from None
        confirm = said.confirm
    if confirm != count:
        raise NotApproved(
            f"It goes through {count} channel accounts, and {confirm} was confirmed: look at the "
            "run's artifact. Nothing was sent."
        )


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
