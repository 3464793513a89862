"""When to try again: attempts, backoff with jitter, the vendor's Retry-After, a deadline."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt
from tenacity.stop import stop_before_delay

from extract.errors import ExtractError
from extract.options import ClientOptions

T = TypeVar("T")


class TryAgain(Exception):
    """A fault that may pass.

    Args:
        failure: what it becomes once the budget is used up.
        retry_after_seconds: when the other side wants to be asked again.
    """

    def __init__(self, failure: ExtractError, retry_after_seconds: float | None = None) -> None:
        super().__init__(failure.operation)
        self.failure = failure
        self.retry_after_seconds = retry_after_seconds


def parse_retry_after(text: str | None, now: datetime | None = None) -> float | None:
    """The Retry-After header as seconds from now, at least 0; None if it says nothing usable.

    Both forms of HTTP are read: whole seconds, and a date. How much of it is obeyed is the
    caller's affair (`ClientOptions.backoff_max_seconds`, `Polling.max_seconds`).
    """
    value = (text or "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:12])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def backoff_seconds(options: ClientOptions, attempt: int, asked: float | None) -> float:
    """The wait after failed attempt number `attempt` (from 1).

    Doubling from `backoff_first_seconds`, drawn between half and whole so that many callers don't
    come back as one; or what Retry-After `asked` for. Never above `backoff_max_seconds`.
    """
    if asked is not None:
        return min(asked * (1 + random.random() / 10), options.backoff_max_seconds)  # noqa: S311
    doubled = options.backoff_first_seconds * float(2 ** min(attempt - 1, 30))
    return min(doubled, options.backoff_max_seconds) * random.uniform(0.5, 1)  # noqa: S311


async def with_retries(
    options: ClientOptions, deadline_seconds: float, attempt: Callable[[], Awaitable[T]]
) -> T:
    """The first result of `attempt` that isn't `TryAgain`.

    Raises:
        TryAgain: the last one, after `options.attempts`, or where the next would begin after
            `deadline_seconds`. What `attempt` raises else passes through.
    """

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_seconds if isinstance(error, TryAgain) else None
        return backoff_seconds(options, state.attempt_number, asked)

    retrying = AsyncRetrying(
        retry=retry_if_exception_type(TryAgain),
        stop=stop_after_attempt(options.attempts) | stop_before_delay(deadline_seconds),
        wait=wait,
        reraise=True,
    )

    async def once() -> T:  # tenacity awaits only what is a coroutine function itself
        return await attempt()

    return await retrying(once)
