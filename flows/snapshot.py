"""The lists as stages: users, each user in detail, channel accounts; typed, loaded with history."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from extract.errors import InvalidReply, OperationNotFound
from flows.errors import FlowError
from flows.lists import keep_list, load_list, normalise_list
from flows.run import Run, current_run
from flows.stages import KNOWN, in_thread
from flows.summary import FAILED, DayOutcome
from flows.writersession import writer_session
from transform.datasets import CHANNEL_ACCOUNTS, USER_DETAILS, USERS
from transform.records import as_plain_text, key_header
from warehouse.errors import DirectoryUnusable

Record = dict[str, Any]


@task(name="snapshot users", task_run_name="snapshot users {day}", cache_policy=NO_CACHE)
async def snapshot_users(day: str, accept_smaller: bool = False) -> DayOutcome:
    """Ask for the users list and load it: `users`, `user_snapshots`, `users_history`.

    Raises:
        extract.errors.ExtractError: by how to recover; the earlier list stays.
    """
    run, began = current_run(), time.monotonic()
    observed_at = await run.jobs.observed_now(run.newest)
    del day  # names the task run
    reply = await run.client.list_users()
    return await _loaded(run, USERS.name, reply.users, observed_at, began, accept_smaller)


@task(
    name="snapshot channel accounts",
    task_run_name="snapshot channel accounts {day}",
    cache_policy=NO_CACHE,
)
async def snapshot_channel_accounts(day: str, accept_smaller: bool = False) -> DayOutcome:
    """Ask for the channel accounts and load them, with their history.

    Raises:
        extract.errors.ExtractError: by how to recover; the earlier list stays.
    """
    run, began = current_run(), time.monotonic()
    observed_at = await run.jobs.observed_now(run.newest)
    del day
    reply = await run.client.list_channel_accounts()
    name = CHANNEL_ACCOUNTS.name
    return await _loaded(run, name, reply.accounts, observed_at, began, accept_smaller)


@task(
    name="snapshot user details",
    task_run_name="snapshot user details {day}",
    cache_policy=NO_CACHE,
)
async def snapshot_user_details(day: str, accept_smaller: bool = False) -> DayOutcome:
    """Ask for each user of the list, some at once, and load what came, with its history.

    A user whom the vendor doesn't know when asked (gone since the list was made) is left out and
    told; any other failure leaves the earlier details as they are.

    Raises:
        extract.errors.ExtractError: by how to recover.
    """
    run, began = current_run(), time.monotonic()
    observed_at = await run.jobs.observed_now(run.newest)
    del day
    listed = (await run.client.list_users()).users
    ids = _ids(run, listed)
    found = await _details(run, ids)
    details = _named(run, ids, found)
    unknown = len(ids) - len(details)
    if ids and not details:
        raise OperationNotFound(
            "get_user",
            f"{len(ids)} users, one by one",
            "the vendor knows none of them",
            "Check this operation's path in SMARTCONNECT_ROUTES, and SMARTCONNECT_USER_ID_FIELD; "
            "`smartconnect doctor` finds out which works.",
        )
    done = await _loaded(run, USER_DETAILS.name, details, observed_at, began, accept_smaller)
    if unknown:
        run.notes.append(f"user_details: the vendor doesn't know {unknown} of {len(ids)} users.")
    return done


def _ids(run: Run, users: Sequence[Record]) -> list[Any]:
    """The users' ids as the vendor writes them, each once; a user without one can't be asked for.

    Raises:
        transform.errors.TransformError: nobody can tell which field is the id.
    """
    header = key_header(users, USERS, run.mapping.of(USERS.name).columns)
    known = {as_plain_text(user.get(header)): user.get(header) for user in users if header}
    return [value for text, value in known.items() if text is not None]


async def _details(run: Run, ids: Sequence[Any]) -> list[Record | None]:
    door = asyncio.Semaphore(run.settings.user_details_at_once)

    async def one(user_id: Any) -> Record | None:
        async with door:
            return await _detail(run, user_id)

    tasks = [asyncio.create_task(one(user_id)) for user_id in ids]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for asked in tasks:  # the first failure ends it: no further user is asked for
            asked.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _detail(run: Run, user_id: Any) -> Record | None:
    """What the vendor tells of one user; None where it doesn't know such a one.

    Raises:
        extract.errors.InvalidReply: it tells of another user.
    """
    try:
        record = (await run.client.get_user(user_id)).user
    except OperationNotFound:
        return None
    header = key_header([record], USER_DETAILS, run.mapping.of(USER_DETAILS.name).columns)
    came = as_plain_text(record.get(header)) if header else None
    if came not in (None, as_plain_text(user_id)):
        raise InvalidReply(
            "get_user",
            f"user {user_id}",
            "another user came",
            "Set SMARTCONNECT_USER_ID_FIELD; `smartconnect doctor` finds out which name works.",
        )
    return record


def _named(run: Run, ids: Sequence[Any], found: Sequence[Record | None]) -> list[Record]:
    """The details that came, with the id that was asked for where they don't name it."""
    known = [(user_id, record) for user_id, record in zip(ids, found, strict=True) if record]
    columns = run.mapping.of(USER_DETAILS.name).columns
    header = key_header([record for _, record in known], USER_DETAILS, columns)
    name = header or USER_DETAILS.key[0]
    return [
        record if record.get(name) is not None else {**record, name: user_id}
        for user_id, record in known
    ]


async def _loaded(
    run: Run,
    dataset: str,
    records: Sequence[Record],
    observed_at: datetime,
    began: float,
    accept_smaller: bool,
) -> DayOutcome:
    """A list kept in raw/, typed and loaded."""
    today = run.settings.today().date()
    raw = await in_thread(keep_list, run.layout, dataset, records, today, observed_at)
    done = await in_thread(normalise_list, run.layout, raw, run.reading)
    async with writer_session(run, keep_log=True) as writer:
        result, drift = await in_thread(
            load_list,
            writer,
            done,
            run.reading,
            flow_run_id=run.flow_run_id,
            accept_smaller=accept_smaller,
            hold_below_share=run.settings.hold_below_share,
        )
    problem = None
    if result.outcome == "held":
        problem = f"{result.rows} {dataset} came, far fewer than before; the earlier list stays."
    return DayOutcome(
        dataset,
        today,
        result.outcome,
        seconds=time.monotonic() - began,
        rows_read=len(records),
        rows_loaded=result.rows,
        rows_quarantined=done.rows.report.rows_quarantined,
        problem=problem,
        drift=drift.sentence() or None,
    )


async def _snapshot(dataset: str, day: str, accept_smaller: bool) -> DayOutcome:
    if dataset == USER_DETAILS.name:
        return await snapshot_user_details(day, accept_smaller)
    if dataset == CHANNEL_ACCOUNTS.name:
        return await snapshot_channel_accounts(day, accept_smaller)
    return await snapshot_users(day, accept_smaller)


async def list_outcome(
    run: Run, dataset: str = USERS.name, *, accept_smaller: bool = False
) -> DayOutcome:
    """A list's outcome, a failure told as one."""
    today = datetime.now(run.zone).date()
    try:
        return await _snapshot(dataset, today.isoformat(), accept_smaller)
    except KNOWN as error:
        if isinstance(error, FlowError | DirectoryUnusable):
            raise
        return DayOutcome(dataset, today, FAILED, problem=str(error))
