"""Messages to a chat: by `smartconnect send`, by alerts, and by any flow that has something to say.

What is said is never a parameter: a flow hands a letter over within a block, and its task takes the
letter's name alone.

    with letter(Letter(101, thread, text)) as name:
        await send_letter(name, key="report-2026-02-02")
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from rich.console import Console

from extract.client import SmartConnectClient
from extract.errors import ExtractError
from extract.outbox import Letter, Outbox
from extract.sharednotes import open_notes
from flows.errors import FlowError, NotConfigured, TooLong
from flows.personal import data_directory
from flows.settings import Settings, home, load_settings
from flows.settings.tokens import token_source
from flows.sharing import sharing
from flows.summary import FAILED, RunReport
from flows.vendorclient import call_budget, client_options
from flows.windows import ddmmyyyy
from warehouse.errors import WarehouseError
from warehouse.leftovers import present
from warehouse.privatefiles import private_files
from warehouse.reading import account_max_length

ALERT_CHARACTERS = 900  # where the account's own limit isn't known
_LETTERS: dict[str, Letter] = {}


@contextmanager
def letter(given: Letter) -> Iterator[str]:
    """A name for a letter, good within the block."""
    name = secrets.token_hex(8)
    _LETTERS[name] = given
    try:
        yield name
    finally:
        del _LETTERS[name]


@task(name="send a message", cache_policy=NO_CACHE)
async def send_letter(name: str, key: str | None = None, send_again: bool = False) -> bool:
    """Send the letter of that name; with a key, once and for all.

    Raises:
        TooLong: for its channel account; nothing was sent.
        extract.errors.SendUncertain: it may have been sent.
        extract.errors.ExtractError: it was not.
    """
    return await send(load_settings(), _LETTERS[name], key=key, again=send_again)


async def send(
    settings: Settings, given: Letter, *, key: str | None = None, again: bool = False
) -> bool:
    """Send a letter, if it isn't too long and can't have been sent; as `Outbox.send`."""
    require_length(settings, given.channel_account_id, given.text)
    async with outbox(settings) as box:
        return await box.send(given, key=key, again=again)


@asynccontextmanager
async def outbox(settings: Settings) -> AsyncIterator[Outbox]:
    """The outbox of the settings' data directory, with a client of its own."""
    layout = data_directory(settings)
    layout.initialise(settings.origin)

    source = token_source(settings)
    with private_files(), present(layout):
        async with (
            sharing(settings, "a sender") as shared,
            SmartConnectClient(
                client_options(settings), source, call_budget(settings, layout, shared)
            ) as client,
        ):
            yield Outbox(client, open_notes(layout.outbox, shared))


def require_length(settings: Settings, channel_account_id: int, text: str) -> None:
    """Refuse a text that the account is known not to take.

    Raises:
        TooLong: it is empty, or longer.
    """
    limit = account_max_length(data_directory(settings), channel_account_id)
    if not text.strip():
        raise TooLong("The message is empty. Nothing was sent.")
    if limit is not None and len(text) > limit:
        raise TooLong(
            f"The message has {len(text):,} characters, and channel account {channel_account_id} "
            f"takes {limit:,}: shorten it. Nothing was sent."
        )


@asynccontextmanager
async def alerting(settings: Settings, report: RunReport, run_id: str) -> AsyncIterator[None]:
    """Tell the configured chat if the block fails, or held a day; once for each run."""
    try:
        yield
    except Exception as error:
        await tell_chat(settings, failure_text(report, error), f"alert-{run_id or 'run'}")
        raise
    if any(outcome.outcome == "held" for outcome in report.outcomes):
        await tell_chat(settings, held_text(report), f"alert-{run_id or 'run'}")


def failure_text(report: RunReport, error: Exception) -> str:
    """Which run failed, its days, and the kind of error: no name, text or phone."""
    failed = [f"{o.dataset} {ddmmyyyy(o.day)}" for o in report.outcomes if o.outcome == FAILED]
    lines = [f"{report.title}: FAILED ({type(error).__name__})."]
    if failed:
        lines.append(f"{len(failed)} of {len(report.outcomes)} days: {', '.join(failed[:10])}.")
    lines.append("Readers go on seeing the last release. Why is in the run's log.")
    return "\n".join([*lines, *_held_lines(report)])


def held_text(report: RunReport) -> str:
    """Which days were held."""
    return "\n".join([f"{report.title}: done, with held days.", *_held_lines(report)])


def _held_lines(report: RunReport) -> list[str]:
    held = [f"{o.dataset} {ddmmyyyy(o.day)}" for o in report.outcomes if o.outcome == "held"]
    if not held:
        return []
    return [
        f"Held, since far fewer rows came: {', '.join(held[:10])}. The earlier rows stay; "
        "accept_smaller=true of the backfill loads them."
    ]


async def tell_chat(settings: Settings, text: str, key: str) -> None:
    """Send it, or say in the log why not: an alert never fails a run."""
    account, thread = settings.alert_channel_account, settings.alert_thread
    if account is None or thread is None:
        return
    try:
        limit = account_max_length(data_directory(settings), account) or ALERT_CHARACTERS
        shown = text if len(text) <= limit else f"{text[: limit - 1]}…"
        with letter(Letter(account, thread.get_secret_value(), shown)) as name:
            await send_letter(name, key=key)
    except (ExtractError, FlowError, WarehouseError) as error:
        get_run_logger().warning("The chat could not be told: %s", error)
    except Exception as error:  # noqa: BLE001  (the run's own end must not be hidden by it)
        get_run_logger().warning("The chat could not be told (%s).", type(error).__name__)


def run_send(
    console: Console, account: int, thread: str | None, thread_file: Path | None, text_file: Path,
    *, again: bool,
) -> int:  # fmt: skip
    """`smartconnect send`: 0 if it was sent."""
    try:
        settings = load_settings()
        given = Letter(account, thread or _content(thread_file).strip(), _content(text_file))
        asyncio.run(send(settings, given, again=again))
    except (ExtractError, FlowError, WarehouseError) as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    told = f"Sent: {len(given.text):,} characters through channel account {account}."
    console.print(told, markup=False, highlight=False)
    return 0


def _content(path: Path | None) -> str:
    if path is None:
        raise NotConfigured("Where to isn't told: name a file with the thread_id alone.")
    try:
        return (home() / path).read_text(encoding="utf-8-sig").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise NotConfigured(f"{path} can't be read ({type(error).__name__}).") from None
