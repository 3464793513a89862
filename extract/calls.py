"""One call of an operation: token into the body, one POST, the answer's `status` given its meaning.

HTTP's own status says nothing reliable (published): where the body has a `status`, that wins.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from extract import verdicts
from extract.bodies import BodyDamaged, BodyTooLarge, read_body
from extract.budget import CallBudget
from extract.errors import ExtractError, InvalidReply
from extract.options import ClientOptions
from extract.replies import Reply
from extract.retrying import TryAgain, parse_retry_after, with_retries
from extract.routes import KINDS, Kind, Operation
from extract.statuses import Meaning
from extract.transport import FAULTS, NOT_SENT, describe

logger = logging.getLogger(__name__)
R = TypeVar("R", bound=Reply)


@dataclass(frozen=True)
class Call:
    """An operation with its input (beside the token) and, for messages, what is asked for."""

    operation: Operation
    fields: Mapping[str, Any]
    asked: str

    @property
    def kind(self) -> Kind:
        """How it may be repeated."""
        return KINDS[self.operation]

    def body(self, token: str) -> bytes:
        """The JSON body; every input carries the token (published)."""
        return json.dumps({**self.fields, "token": token}, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Answer:
    """A reply's JSON object with the meaning of its status."""

    status: int
    meaning: Meaning
    payload: Mapping[str, Any]
    retry_after_seconds: float | None

    def __repr__(self) -> str:  # the payload may be personal
        return f"Answer(status={self.status}, meaning={self.meaning})"


class Caller:
    """Makes calls with one token source, retries what may be repeated, and types the outcome.

    Args:
        options: where and how patiently.
        http: for everything but sending.
        sender: without kept connections, so that a dead one is never found out by a message lost.
        read_token: gives the token, anew at each call.
        budget: counts every attempt, and says when there are too many.
    """

    def __init__(
        self,
        options: ClientOptions,
        http: httpx.AsyncClient,
        sender: httpx.AsyncClient,
        read_token: Callable[[], Awaitable[str]],
        budget: CallBudget,
    ) -> None:
        self._budget = budget
        self._options = options
        self._http = http
        self._sender = sender
        self._read_token = read_token

    async def call(self, call: Call, model: type[R]) -> R:
        """The validated reply of one call.

        A refused token is read once more (it may have been rotated) and the call repeated with the
        new one: a refusal means that nothing was done.

        Raises:
            TokenRefused: the same token again, or the new one refused too.
            ExtractError: as `extract.errors` says.
        """
        token = await self._read_token()
        answer = await self._answer(call, token)
        if answer.meaning is Meaning.TOKEN_REFUSED:
            fresh = await self._read_token()
            if fresh == token:
                raise verdicts.token_refused(call.operation, call.asked, rotated=False)
            logger.info("%s: the token was refused, a new one was found", call.operation)
            answer = await self._answer(call, fresh)
        verdicts.require_accepted(call.operation, call.asked, answer.status, answer.meaning)
        return _validated(call, answer, model)

    async def _answer(self, call: Call, token: str) -> Answer:
        deadline = self._options.call_deadline_seconds
        try:
            async with asyncio.timeout(deadline):
                return await with_retries(
                    self._options, deadline, lambda: self._attempt(call, token)
                )
        except TryAgain as again:
            failure = again.failure
        except TimeoutError:
            failure = verdicts.no_answer(call.operation, call.asked, f"none in {deadline:g} s")
        raise failure  # outside of `except`, so that nothing of the request hangs on it

    async def _attempt(self, call: Call, token: str) -> Answer:
        http = self._sender if call.kind is Kind.SEND else self._http
        needs = 2 if call.kind is Kind.START else 1  # an export that nobody asks for is no use
        await self._budget.spend(call.operation, call.asked, needs=needs)
        try:
            async with (
                asyncio.timeout(self._options.read_timeout_seconds),
                http.stream(
                    "POST",
                    self._options.url(call.operation),
                    content=call.body(token),
                    headers={"content-type": "application/json", "accept": "application/json"},
                ) as response,
            ):
                body = await read_body(response, self._options.max_reply_bytes)
        except FAULTS as error:
            came, reached = describe(error), not isinstance(error, NOT_SENT)
        except BodyTooLarge:
            came, reached = f"an answer above {self._options.max_reply_bytes} bytes", True
        except BodyDamaged:
            came, reached = "an answer cut short or not decodable", True
        else:
            return self._interpret(call, response, body)
        failure = verdicts.no_answer(call.operation, call.asked, came, reached=reached)
        logger.debug("%s: %s", call.operation, came)
        raise _again(call, failure, reached=reached)

    def _interpret(self, call: Call, response: httpx.Response, body: bytes) -> Answer:
        verdicts.require_no_redirect(call.operation, call.asked, response)
        payload = _json_object(body)
        stated = _stated_status(payload)
        status = response.status_code if stated is None else stated
        wait = parse_retry_after(response.headers.get("retry-after"))
        if stated is None and status < 400:
            came = "an answer without a whole number as `status`"
            if payload is None:
                came = f"HTTP {status} with a body that is no JSON object"
            invalid = verdicts.invalid_reply(call.operation, call.asked, came)
            raise _again(call, invalid, reached=True, retry_after_seconds=wait)
        meaning = self._options.meanings.get(status)
        in_body = stated is not None
        if meaning is None or (meaning is Meaning.UNKNOWN_TASK and not in_body):
            raise verdicts.unexpected(call.operation, call.asked, status, in_body=in_body)
        if meaning is Meaning.BUSY:
            busy = verdicts.busy(call.operation, call.asked, status, in_body=in_body)
            raise _again(call, busy, reached=True, retry_after_seconds=wait)
        return Answer(status, meaning, payload or {}, wait)


def _again(
    call: Call, failure: ExtractError, *, reached: bool, retry_after_seconds: float | None = None
) -> Exception:
    """What to raise: another attempt where a repetition does no harm, or the failure itself.

    A start whose reply was lost is repeated: the vendor then makes two exports, and only one is
    taken. A start that was answered with rubbish is not: the next answer would be rubbish too.
    """
    if call.kind is Kind.SEND and reached:
        return verdicts.send_uncertain(call.operation, call.asked, failure.came)
    if call.kind is Kind.START and isinstance(failure, InvalidReply):
        return failure
    return TryAgain(failure, retry_after_seconds)


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _stated_status(payload: Mapping[str, Any] | None) -> int | None:
    value = (payload or {}).get("status")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 7:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _validated(call: Call, answer: Answer, model: type[R]) -> R:
    try:
        reply = model.model_validate({**answer.payload, "status": answer.status})
    except ValidationError as error:
        wrong = sorted({str(problem["loc"][0]) for problem in error.errors() if problem["loc"]})
    else:
        reply.told_to_wait(answer.retry_after_seconds)
        return reply
    came = f"status {answer.status}, but not what was published in: {', '.join(wrong)[:200]}"
    raise verdicts.invalid_reply(call.operation, call.asked, came)
