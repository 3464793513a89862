"""The typed error for each outcome of a call: one place for the sentences people read.

The vendor's `description` is never quoted: it may repeat what was sent, or name a person.
"""

from __future__ import annotations

import httpx

from extract.errors import (
    DayFailed,
    ExportFailed,
    ExtractError,
    InvalidReply,
    OperationNotFound,
    RedirectRefused,
    RequestRefused,
    SendUncertain,
    TaskFailed,
    TokenRefused,
    UnexpectedStatus,
    VendorBusy,
    VendorUnavailable,
)
from extract.routes import ACCEPTED, KINDS, Kind, Operation
from extract.statuses import Meaning

_ROUTE_CURE = "Check the base URL, and this operation's path in SMARTCONNECT_ROUTES."
_LATER = "Run again later; what was loaded before stays as it is."


def token_refused(operation: Operation, asked: str, *, rotated: bool) -> TokenRefused:
    """The token does not open this company."""
    came = "the vendor refuses the token" + (", and the one read anew as well" if rotated else "")
    return TokenRefused(
        operation,
        asked,
        came,
        "Take the company's token from SmartConnect and set it as SMARTCONNECT_TOKEN.",
    )


def no_answer(operation: Operation, asked: str, came: str, *, reached: bool = True) -> ExtractError:
    """Nothing usable came over the wire (`reached`: the vendor may have the request)."""
    if KINDS[operation] is Kind.SEND and reached:
        return send_uncertain(operation, asked, came)
    cure = "Check network and base URL. " + _LATER
    return VendorUnavailable(operation, asked, f"no usable answer: {came}", cure)


def busy(operation: Operation, asked: str, status: int, *, in_body: bool) -> DayFailed:
    """Every answer said to come again later."""
    where = "status" if in_body else "HTTP status"
    kind = VendorBusy if in_body else VendorUnavailable
    return kind(operation, asked, f"the vendor kept answering with {where} {status}", _LATER)


def invalid_reply(operation: Operation, asked: str, came: str) -> InvalidReply:
    """Not what was published."""
    return InvalidReply(operation, asked, f"the answer can't be used: {came}", _ROUTE_CURE)


def unexpected(operation: Operation, asked: str, status: int, *, in_body: bool) -> DayFailed:
    """A status that the table doesn't have, or a path at which nothing is."""
    if status in (404, 405) and not in_body:
        return OperationNotFound(operation, asked, f"HTTP status {status}", _ROUTE_CURE)
    failure = UnexpectedStatus(
        operation,
        asked,
        f"a {'status' if in_body else 'HTTP status'} without a known meaning came: {status}",
        f"Ask SmartConnect what {status} means here, and set SMARTCONNECT_STATUS_MEANINGS, such as "
        f'{{"{status}": "pending"}}.',
    )
    failure.status = status if in_body else None
    return failure


def send_uncertain(operation: Operation, asked: str, came: str) -> SendUncertain:
    """Nobody can tell whether the message went out."""
    return SendUncertain(
        operation,
        asked,
        f"it may or may not have been sent: {came}",
        "Look into SmartConnect before sending it again; it is never repeated by itself.",
    )


def require_no_redirect(operation: Operation, asked: str, response: httpx.Response) -> None:
    """Raise RedirectRefused for 3xx: the body, token included, would go to another host."""
    if 300 <= response.status_code < 400:
        raise RedirectRefused(
            operation,
            asked,
            f"HTTP status {response.status_code} sends us elsewhere, which is never followed",
            "Check the base URL (https, host, path): the vendor's API answers by itself.",
        )


def require_accepted(operation: Operation, asked: str, status: int, meaning: Meaning) -> None:
    """Raise the error that `meaning` is for this operation, unless it is a success.

    Raises:
        TokenRefused, RequestRefused, TaskFailed, OperationNotFound, UnexpectedStatus, SendUncertain
    """
    kind = KINDS[operation]
    if meaning in ACCEPTED[kind]:
        return
    if meaning is Meaning.TOKEN_REFUSED:
        raise token_refused(operation, asked, rotated=True)
    if meaning is Meaning.MALFORMED:
        cure = "Check what was asked for; if it is right, the vendor's input differs from ours."
        raise RequestRefused(operation, asked, f"status {status}: malformed input", cure)
    if kind is Kind.TASK and meaning in (Meaning.UNKNOWN_TASK, Meaning.FAILED):
        raise _task_failed(operation, asked, status, meaning)
    if meaning is Meaning.UNKNOWN_TASK:
        raise OperationNotFound(operation, asked, f"status {status}: nothing there", _ROUTE_CURE)
    if meaning is Meaning.FAILED:
        raise RequestRefused(operation, asked, f"status {status}: the vendor failed", _LATER)
    raise unexpected(operation, asked, status, in_body=True)


def _task_failed(operation: Operation, asked: str, status: int, meaning: Meaning) -> TaskFailed:
    kind = TaskFailed if operation is Operation.GET_BULK_TASK else ExportFailed
    came = "doesn't know the task" if meaning is Meaning.UNKNOWN_TASK else "says the task failed"
    return kind(operation, asked, f"the vendor {came} (status {status})", _LATER)
