"""Operation → path, each one overridable, and how an operation may be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from types import MappingProxyType

from extract.errors import BadConfiguration
from extract.statuses import Meaning


class Operation(StrEnum):
    """The vendor's ten operations (published), by our names."""

    SEND_MESSAGE = "send_message"
    START_BULK = "start_bulk"
    GET_BULK_TASK = "get_bulk_task"
    LIST_CHANNEL_ACCOUNTS = "list_channel_accounts"
    START_CHATS_EXPORT = "start_chats_export"
    GET_CHATS_EXPORT_TASK = "get_chats_export_task"
    START_STATISTICS_EXPORT = "start_statistics_export"
    GET_STATISTICS_EXPORT_TASK = "get_statistics_export_task"
    LIST_USERS = "list_users"
    GET_USER = "get_user"


class Kind(Enum):
    """What repeating a call would do."""

    READ = "changes nothing: repeated at will"
    TASK = "reads a task: repeated at will, and may say that it isn't ready"
    START = "starts an export: a repeated start costs the vendor work, and doubles no row"
    SEND = "reaches people: never repeated once the vendor may have it"


KINDS: Mapping[Operation, Kind] = MappingProxyType(
    {
        Operation.SEND_MESSAGE: Kind.SEND,
        Operation.START_BULK: Kind.SEND,
        Operation.GET_BULK_TASK: Kind.TASK,
        Operation.LIST_CHANNEL_ACCOUNTS: Kind.READ,
        Operation.START_CHATS_EXPORT: Kind.START,
        Operation.GET_CHATS_EXPORT_TASK: Kind.TASK,
        Operation.START_STATISTICS_EXPORT: Kind.START,
        Operation.GET_STATISTICS_EXPORT_TASK: Kind.TASK,
        Operation.LIST_USERS: Kind.READ,
        Operation.GET_USER: Kind.READ,
    }
)
# A start that is only accepted so far has its task_id all the same.
ACCEPTED: Mapping[Kind, frozenset[Meaning]] = MappingProxyType(
    {
        Kind.READ: frozenset({Meaning.OK}),
        Kind.TASK: frozenset({Meaning.OK, Meaning.PENDING}),
        Kind.START: frozenset({Meaning.OK, Meaning.PENDING}),
        Kind.SEND: frozenset({Meaning.OK}),
    }
)
# Published: /messages/submit and /bulk. The others are not: settings, with these defaults.
DEFAULT_PATHS: Mapping[Operation, str] = MappingProxyType(
    {
        Operation.SEND_MESSAGE: "/messages/submit",
        Operation.START_BULK: "/bulk",
        Operation.GET_BULK_TASK: "/bulk/task",
        Operation.LIST_CHANNEL_ACCOUNTS: "/bulk/accounts",
        Operation.START_CHATS_EXPORT: "/export/chats",
        Operation.GET_CHATS_EXPORT_TASK: "/export/chats/task",
        Operation.START_STATISTICS_EXPORT: "/export/statistics",
        Operation.GET_STATISTICS_EXPORT_TASK: "/export/statistics/task",
        Operation.LIST_USERS: "/users",
        Operation.GET_USER: "/users/user",
    }
)


@dataclass(frozen=True)
class Routes:
    """The paths under the base URL.

    Args:
        overrides: operation's name → path, beginning with one slash; the rest keep their defaults.

    Raises:
        BadConfiguration: a name that is no operation, or a path that could lead to another host.
    """

    overrides: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = {operation.value for operation in Operation}
        for name, path in self.overrides.items():
            if name not in names:
                raise _wrong(f"there is no operation {name!r}", f"Use {', '.join(sorted(names))}.")
            if not path.startswith("/") or path.startswith("//") or not _is_plain(path):
                raise _wrong(
                    f"the path of {name} is no path under the base URL",
                    "Write it with one slash at its beginning, without host, `?`, `#`, `..` "
                    "or spaces, such as /export/chats.",
                )

    def path(self, operation: Operation) -> str:
        """The path of `operation`, with a slash at its beginning."""
        return self.overrides.get(operation.value, DEFAULT_PATHS[operation])


def _is_plain(path: str) -> bool:
    return path.isprintable() and not any(mark in path for mark in ("..", "?", "#", "\\", " ", "@"))


def _wrong(came: str, cure: str) -> BadConfiguration:
    return BadConfiguration("configuration", "the paths of the operations", came, cure)
