"""The vendor's answers, typed as far as they are published; every other field is kept.

The text of a reply can be personal (users, chats), so none of these shows its content in `repr`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

MAX_LOCATION_CHARS = 8192


def _task_id(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("a task_id is a whole number")  # noqa: TRY004  (pydantic wants it)
    return value


def _text(value: object) -> object:
    return "" if value is None else value


# Published: int. 0 and below are no id that a vendor would give.
TaskId = Annotated[int, BeforeValidator(_task_id), Field(ge=1, lt=2**63)]
Text = Annotated[str, BeforeValidator(_text)]
# The fields of a user, an account or a task are not published: they stay as they came.
Record = dict[str, Any]


class Reply(BaseModel):
    """What every answer has: `status`, often `description` (published)."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    status: int
    description: Text = ""
    _retry_after_seconds: float | None = PrivateAttr(default=None)

    @property
    def unknown_fields(self) -> Record:
        """Fields that were not published, as they came."""
        return dict(self.model_extra or {})

    @property
    def retry_after_seconds(self) -> float | None:
        """When the vendor wants to be asked again (the Retry-After header), if it said so."""
        return self._retry_after_seconds

    def told_to_wait(self, seconds: float | None) -> None:
        """Note the Retry-After that came with this reply."""
        self._retry_after_seconds = seconds

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return [("status", self.status)]

    def __str__(self) -> str:
        return repr(self)


class Sent(Reply):
    """Operation 1: a message was taken."""


class TaskStarted(Reply):
    """Operations 2, 5 and 7: a task runs under this id."""

    task_id: TaskId


class BulkTask(Reply):
    """Operation 3: a bulk task's data (fields not published)."""

    task: Record


class ChannelAccounts(Reply):
    """Operation 4: channel accounts that allow bulk messaging (fields not published)."""

    accounts: list[Record]


class ExportTask(Reply):
    """Operations 6 and 8: `location` is empty until the file is ready (published)."""

    task_id: TaskId | None = None
    location: Annotated[str, BeforeValidator(_text), Field(max_length=MAX_LOCATION_CHARS)] = ""


class Users(Reply):
    """Operation 9: every user of the company (fields not published)."""

    users: list[Record]


class UserInformation(Reply):
    """Operation 10: one user (fields not published)."""

    user: Record
