"""`smartconnect doctor`, the lists: users, one user, channel accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from extract.client import SmartConnectClient
from extract.errors import ExtractError, RequestRefused, StopRun
from extract.replies import Record
from extract.routes import Operation
from flows.asking import Asking, said
from transform.datasets import USERS
from transform.errors import TransformError
from transform.records import as_plain_text, key_header

ID_FIELDS = ("uid", "id", "user_id")


class ListCheck:
    """Asks for the lists, and for two users to see whether each is the one asked for."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._findings = asking.findings

    async def look(self) -> None:
        """The lines of operations 9, 10 and 4."""
        users = await self._users()
        if users is None:
            self._findings.unknown(Operation.GET_USER, "no user's id is known")
        else:
            await self._one_user(*users)
        await self._accounts()

    def _path(self, operation: Operation) -> str:
        return self._asking.options.routes.path(operation)

    async def _users(self) -> tuple[str, list[object]] | None:
        """The name that the list has for the id, and the ids; None where there are none."""
        operation = Operation.LIST_USERS
        try:
            reply = await self._asking.ask(SmartConnectClient.list_users)
        except ExtractError as error:
            self._findings.wrong(operation, f"{self._path(operation)}: {said(error)}")
            return None
        try:
            header = key_header(reply.users, USERS, self._asking.mapping.of("users").columns)
            problem = None
        except TransformError as error:
            header, problem = None, said(error)
        if reply.users and header is None:
            problem = problem or (
                "none of their fields is known as an id: name it in the mapping file "
                f"(fields: {', '.join(_names(reply.users))})."
            )
            self._findings.wrong(operation, f"{len(reply.users)} users came, but {problem}")
            return None
        self._findings.ok(operation, f"{self._path(operation)}: {len(reply.users)} users")
        ids = [user.get(header) for user in reply.users] if header else []
        known = [value for value in ids if as_plain_text(value) is not None]
        return (header, known) if header and known else None

    async def _one_user(self, header: str, ids: Sequence[object]) -> None:
        """Under which name the id is sent: the one by which each user asked for is answered."""
        operation, findings = Operation.GET_USER, self._findings
        asked = list(dict.fromkeys(map(str, ids)))[:2]
        wanted = [next(value for value in ids if str(value) == text) for text in asked]
        set_to = self._asking.options.user_id_field
        refused: list[str] = []
        nameless = False
        for name in dict.fromkeys((set_to, header, *ID_FIELDS)):
            try:
                answered = [await self._answers(name, value) for value in wanted]
            except StopRun as error:
                findings.wrong(operation, said(error))
                return
            except RequestRefused:
                refused.append(f"{name} (refused)")
                continue
            except ExtractError as error:
                refused.append(f"{name} ({error.came})")
                continue
            if all(answered):
                self._tell_field(name, set_to, len(wanted))
                return
            nameless = nameless or None in answered
            refused.append(f"{name} ({'no id' if None in answered else 'another user'} came)")
        if nameless:
            why = f"an answer without an id may be anybody's: asked by {', '.join(refused)}"
            findings.unknown(operation, why)
            return
        findings.wrong(
            operation,
            f"{self._path(operation)}: no user is answered when asked for by "
            f"{', '.join(refused)}. Check its path in SMARTCONNECT_ROUTES, or ask SmartConnect how "
            "the id is called and set SMARTCONNECT_USER_ID_FIELD.",
        )

    async def _answers(self, name: str, value: Any) -> bool | None:
        """Whether this user is answered; None where the answer has no id."""
        reply = await self._asking.ask(
            lambda client: client.get_user(value, id_field=name),
        )
        columns = self._asking.mapping.of("users").columns
        try:
            header = key_header([reply.user], USERS, columns)
        except TransformError:
            return None
        came = as_plain_text(reply.user.get(header)) if header else None
        return None if came is None else came == as_plain_text(value)

    def _tell_field(self, name: str, set_to: str, users: int) -> None:
        operation = Operation.GET_USER
        path = self._path(operation)
        alone = "" if users > 1 else "; with one user it might answer with that one always"
        if name == set_to:
            self._findings.ok(operation, f"{path}: the id is called {name}{alone}")
            return
        self._findings.to_set("user_id_field", name)
        self._findings.wrong(
            operation, f"{path}: the id is called {name}, not {set_to}{alone}: paste the setting."
        )

    async def _accounts(self) -> None:
        operation = Operation.LIST_CHANNEL_ACCOUNTS
        try:
            reply = await self._asking.ask(SmartConnectClient.list_channel_accounts)
        except ExtractError as error:
            self._findings.wrong(operation, f"{self._path(operation)}: {said(error)}")
            return
        self._findings.ok(
            operation, f"{self._path(operation)}: {len(reply.accounts)} channel accounts"
        )


def _names(records: Sequence[Record]) -> list[str]:
    return sorted({str(name)[:40] for record in records for name in record})[:20]
