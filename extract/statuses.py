"""What the vendor's `status` means: a table, and an unknown one is loud."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from extract.errors import BadConfiguration


class Meaning(StrEnum):
    """What a `status` asks of us."""

    OK = "ok"
    PENDING = "pending"
    TOKEN_REFUSED = "token_refused"  # noqa: S105
    UNKNOWN_TASK = "unknown_task"
    BUSY = "busy"
    FAILED = "failed"
    MALFORMED = "malformed"


# Published: 200, 400 and 500, and these for /messages/submit alone. The rest follows HTTP's use of
# the numbers; not published: a setting (`ClientOptions.status_meanings`).
DEFAULT_MEANINGS: Mapping[int, Meaning] = MappingProxyType(
    {
        200: Meaning.OK,
        202: Meaning.PENDING,
        400: Meaning.MALFORMED,
        401: Meaning.TOKEN_REFUSED,
        403: Meaning.TOKEN_REFUSED,
        404: Meaning.UNKNOWN_TASK,
        429: Meaning.BUSY,
        500: Meaning.BUSY,
        502: Meaning.BUSY,
        503: Meaning.BUSY,
        504: Meaning.BUSY,
    }
)


def status_table(overrides: Mapping[int, str]) -> Mapping[int, Meaning]:
    """The default meanings with `overrides` (status → a word of `Meaning`) laid over them.

    Raises:
        BadConfiguration: a word that is no meaning.
    """
    words = {meaning.value for meaning in Meaning}
    wrong = {status: word for status, word in overrides.items() if word not in words}
    if wrong:
        raise BadConfiguration(
            "configuration",
            "the meanings of the vendor's statuses",
            f"no meaning is called {', '.join(sorted(repr(str(w)[:40]) for w in wrong.values()))}",
            f"Use one of {', '.join(sorted(words))}.",
        )
    return MappingProxyType(
        {**DEFAULT_MEANINGS, **{status: Meaning(word) for status, word in overrides.items()}}
    )
