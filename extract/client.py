"""SmartConnect's operations, one method each.

    async with SmartConnectClient(ClientOptions(base_url=…), token=read_token) as client:
        users = await client.list_users()

Dates are always sent (the vendor's default, "last month", is never relied upon).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from extract.budget import CallBudget
from extract.calls import Call, Caller
from extract.errors import BadConfiguration
from extract.options import ClientOptions
from extract.replies import (
    BulkTask,
    ChannelAccounts,
    ExportTask,
    Reply,
    Sent,
    TaskStarted,
    UserInformation,
    Users,
)
from extract.routes import Operation, Routes
from extract.transport import http_client, silence_http_loggers, ssl_context
from extract.verdicts import invalid_reply

__all__ = ["ClientOptions", "Routes", "SmartConnectClient", "ddmmyyyy"]
logger = logging.getLogger(__name__)
R = TypeVar("R", bound=Reply)


def ddmmyyyy(day: date) -> str:
    """`dd.mm.yyyy`, the way a date is sent (published)."""
    return f"{day.day:02d}.{day.month:02d}.{day.year:04d}"


class SmartConnectClient:
    """An async context manager, to be used within one event loop.

    Args:
        options: where the vendor is and how patient we are.
        token: gives the company's token; asked at each call, in a thread of its own, so that it
            may read a file or a secret store. What it raises passes through.
        budget: how many calls may be made; without it, no bound.

    Every method raises `StopRun`, `DayFailed` or `SendUncertain` as `extract.errors` says; an
    `asked` in their messages never holds a text, a name or a phone.
    """

    def __init__(
        self,
        options: ClientOptions,
        token: Callable[[], str],
        budget: CallBudget | None = None,
    ) -> None:
        self.budget = budget or CallBudget(Path(), None, None, date.today)
        self.options = options
        self._token = token
        self._stack = AsyncExitStack()
        self._caller: Caller | None = None
        self._ssl: ssl.SSLContext | None = None
        self._token_thread: ThreadPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        silence_http_loggers()
        if self.options.base.scheme == "http" and not self.options.allow_loopback:
            logger.warning("The base URL is not https: the token travels unencrypted.")
        self._ssl = ssl_context(self.options)
        # Its own thread: the loop's default pool may be full of an export's normalising.
        self._token_thread = self._stack.enter_context(ThreadPoolExecutor(1, "token"))
        self._caller = Caller(
            self.options,
            await self._stack.enter_async_context(
                http_client(self.options, self._ssl, keep_alive=True)
            ),
            await self._stack.enter_async_context(
                http_client(self.options, self._ssl, keep_alive=False)
            ),
            self.read_token,
            self.budget,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._caller = None
        await self._stack.aclose()

    @property
    def ssl(self) -> ssl.SSLContext:
        """The certificates in use, shared with downloads."""
        if self._ssl is None:
            raise RuntimeError("SmartConnectClient is used outside of its `async with`")
        return self._ssl

    async def read_token(self) -> str:
        """The token as its source gives it now.

        Raises:
            BadConfiguration: it is empty.
        """
        loop = asyncio.get_running_loop()
        token = (await loop.run_in_executor(self._token_thread, self._token)).strip()
        if not token:
            raise BadConfiguration(
                "configuration", "the token", "it is empty", "Set SMARTCONNECT_TOKEN."
            )
        return token

    async def send_message(self, *, channel_account_id: int, thread_id: str, message: str) -> Sent:
        """Operation 1. Not repeated once the vendor may have it.

        Raises:
            SendUncertain: nobody can tell whether it went out.
        """
        fields = {
            "channel_account_id": channel_account_id,
            "thread_id": thread_id,
            "message": message,
        }
        asked = f"a message of {len(message)} characters through account {channel_account_id}"
        return await self._call(Call(Operation.SEND_MESSAGE, fields, asked), Sent)

    async def start_bulk(
        self, *, message: str, channel_account_id: int | None = None
    ) -> TaskStarted:
        """Operation 2. Without an account it goes to ALL channels (published); never repeated.

        Raises:
            SendUncertain: nobody can tell whether it went out.
        """
        fields = _given(message=message, channel_account_id=channel_account_id)
        where = "all channels" if channel_account_id is None else f"account {channel_account_id}"
        asked = f"bulk messaging of {len(message)} characters through {where}"
        return await self._call(Call(Operation.START_BULK, fields, asked), TaskStarted)

    async def get_bulk_task(self, task_id: int) -> BulkTask:
        """Operation 3: a bulk task's data.

        Raises:
            TaskFailed: it failed, or is unknown.
        """
        call = Call(Operation.GET_BULK_TASK, {"task_id": task_id}, f"bulk task {task_id}")
        return await self._call(call, BulkTask)

    async def list_channel_accounts(self) -> ChannelAccounts:
        """Operation 4: channel accounts that allow bulk messaging."""
        call = Call(Operation.LIST_CHANNEL_ACCOUNTS, {}, "the list of channel accounts")
        return await self._call(call, ChannelAccounts)

    async def start_chats_export(
        self,
        date_from: date,
        date_to: date,
        *,
        uid: int | None = None,
        category: int | None = None,
        name: str | None = None,
    ) -> TaskStarted:
        """Operation 5. A lost reply is asked for again, which may start a second export: that
        costs the vendor work, but only one is ever taken, so it doubles no row.
        """
        dates = {"date_from": ddmmyyyy(date_from), "date_to": ddmmyyyy(date_to)}
        filters = _given(uid=uid, category=category, name=name)
        asked = f"chats of {dates['date_from']}–{dates['date_to']}"
        asked += " (filtered)" if filters else ""
        call = Call(Operation.START_CHATS_EXPORT, {**dates, **filters}, asked)
        return await self._call(call, TaskStarted)

    async def get_chats_export_task(self, task_id: int, *, about: str = "") -> ExportTask:
        """Operation 6: `location` is empty until ready. `about` names the day in errors.

        Raises:
            ExportFailed: it failed, or is unknown.
        """
        return await self._export_task(Operation.GET_CHATS_EXPORT_TASK, task_id, about)

    async def start_statistics_export(self, date_from: date, date_to: date) -> TaskStarted:
        """Operation 7; repeated as operation 5 is."""
        dates = {"date_from": ddmmyyyy(date_from), "date_to": ddmmyyyy(date_to)}
        asked = f"statistics of {dates['date_from']}–{dates['date_to']}"
        call = Call(Operation.START_STATISTICS_EXPORT, dates, asked)
        return await self._call(call, TaskStarted)

    async def get_statistics_export_task(self, task_id: int, *, about: str = "") -> ExportTask:
        """Operation 8: as operation 6."""
        return await self._export_task(Operation.GET_STATISTICS_EXPORT_TASK, task_id, about)

    async def list_users(self) -> Users:
        """Operation 9: every user, with the fields as they come."""
        return await self._call(Call(Operation.LIST_USERS, {}, "the list of users"), Users)

    async def get_user(self, user_id: int | str, *, id_field: str | None = None) -> UserInformation:
        """Operation 10. How the id is called in the input is not published: `id_field`, or what
        the options say.
        """
        fields = {id_field or self.options.user_id_field: user_id}
        call = Call(Operation.GET_USER, fields, f"user {user_id}")
        return await self._call(call, UserInformation)

    async def _export_task(self, operation: Operation, task_id: int, about: str) -> ExportTask:
        asked = f"{about + ', ' if about else ''}export task {task_id}"
        task = await self._call(Call(operation, {"task_id": task_id}, asked), ExportTask)
        if task.task_id not in (None, task_id):  # another day's file must never become this day's
            raise invalid_reply(operation, asked, f"it speaks of task {task.task_id}")
        return task

    async def _call(self, call: Call, model: type[R]) -> R:
        if self._caller is None:
            raise RuntimeError("SmartConnectClient is used outside of its `async with`")
        return await self._caller.call(call, model)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
