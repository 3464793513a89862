"""What a bulk messaging would send, through which channel accounts; and a person's word for it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput

from flows.errors import NotApproved, NotConfigured, TooLong
from flows.run import Run
from flows.settings import home
from transform.datasets import CHANNEL_ACCOUNTS
from transform.records import normalise_records
from transform.rules import Origin

APPROVAL_SECONDS = 24 * 3600


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


def read_text(text_file: str) -> str:
    """The text of a file on this machine.

    Raises:
        NotConfigured: it can't be read, or is empty.
    """
    try:
        text = (home() / text_file).read_text(encoding="utf-8-sig").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        problem = type(error).__name__
    else:
        if text.strip():
            return text
        problem = "it is empty"
    raise NotConfigured(f"The text of {text_file} can't be used ({problem}). Nothing was sent.")


async def planned(
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


async def approved(plan: Plan, confirm: int | None) -> None:
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
