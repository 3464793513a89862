"""What answers over HTTP: the API, export files, and the sandbox's own pages."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from datetime import date
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.api import Answer, Api, Handler
from sandbox.faults import DOWNLOAD, OPERATIONS, WIRE, Fault
from sandbox.inputs import BadInput, parse_date
from sandbox.messages import Message, content_hash, days_between
from sandbox.misbehaving import (
    BrokenOff,
    cut_chunk,
    endless,
    short,
    untold,
    wire_answer,
    with_transport,
)
from sandbox.options import SandboxOptions

_OCTETS = "application/octet-stream"
_GONE = "-gone"


class Pages:
    """Operations, files, and the sandbox's own pages."""

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options
        self._api = Api(options)
        self._faults = self._api.faults
        self._operations = self._api.operations()
        self._token = options.token

    async def operation(self, request: Request) -> Response:
        """One of the ten."""
        path = "/" + request.path_params["path"]
        handler = self._operations.get(path)
        if handler is None:
            return JSONResponse({"status": 404, "description": "no such method"}, 404)
        try:
            given = await request.json()
        except ValueError:
            given = None
        if not isinstance(given, dict):
            return JSONResponse({"status": 400, "description": "the input is no JSON object"})
        name, day = OPERATIONS[path], self._api.day(given)
        self._api.calls[name] += 1
        wire = self._faults.first(WIRE, day, name)
        if wire is not None:
            return wire_answer(wire, request, self._options.elsewhere)
        refused = self._faults.strikes("token-refused", day, name)
        if refused or given.get("token") != self._token:
            return JSONResponse({"status": 403, "description": "unknown token"})
        return await self._answered(request, handler, given, name)

    async def _answered(
        self, request: Request, handler: Handler, given: Answer, name: str
    ) -> Response:
        day = self._api.day(given)
        if self._faults.strikes("status-in-200", day, name):
            return JSONResponse({"status": 500, "description": "something went wrong"})
        try:
            answer = handler(given)
            answer = await answer if asyncio.iscoroutine(answer) else answer
        except BadInput as error:
            return JSONResponse({"status": 400, "description": str(error)})
        if self._faults.strikes("lost-reply", day, name):
            return BrokenOff()
        if self._faults.strikes("not-json", day, name):
            return Response("<html>Bad Gateway</html>", media_type="text/html")
        if self._faults.strikes("huge-json", day, name):
            return endless("huge-json")
        location = str(answer.get("location", ""))
        if location.startswith("@"):
            answer["location"] = f"{str(request.base_url).rstrip('/')}{location[1:]}"
        return JSONResponse({"status": 200, **answer})

    async def download(self, request: Request) -> Response:
        """An export file."""
        if self._options.download_needs_token and not await self._has_token(request):
            return JSONResponse({"status": 403, "description": "token needed"}, 403)
        name = request.path_params["name"].split(".")[0]
        task = self._api.jobs.task(int(name.removesuffix(_GONE)))
        found = await asyncio.to_thread(self._api.jobs.file, task.task_id) if task else None
        if found is None or task is None:
            return Response("not found", 404)
        if name.endswith(_GONE):
            return Response("gone", 410)
        wire = self._faults.first(WIRE, task.date_from, DOWNLOAD)
        if wire is not None:
            return wire_answer(wire, request, self._options.elsewhere)
        return self._served(found[0], task.date_from)

    def _served(self, content: bytes, day: date) -> Response:
        def strikes(name: str) -> bool:
            return self._faults.strikes(name, day, DOWNLOAD)

        if strikes("unreadable-file"):
            content = b"PK\x03\x04" + bytes(200)
        if strikes("empty-download"):
            content = b""
        if strikes("html-download"):
            content = b"<!doctype html><html><body>Please log in</body></html>"
        if strikes("bomb"):
            return endless("bomb")
        if strikes("cut-chunk"):
            return cut_chunk(content)
        if strikes("short-download-chunked"):
            return untold(content[: len(content) // 2])
        if strikes("short-download"):
            return short(content)
        media_type = "text/html" if strikes("wrong-content-type") else _OCTETS
        return Response(content, media_type=media_type)

    async def _has_token(self, request: Request) -> bool:
        if request.method != "POST":
            return False
        try:
            return bool(json.loads(await request.body()).get("token") == self._token)
        except (ValueError, AttributeError):
            return False

    async def truth(self, request: Request) -> Response:
        """Counts and content hashes by day."""
        query = request.query_params
        first, last = parse_date(query["date_from"]), parse_date(query["date_to"])
        selection = query.get("selection", self._options.selection)
        days = []
        for day in days_between(first, last):
            found = self._api.jobs.company.messages(day, day, selection)
            told = {"count": len(found), "content_hash": content_hash(found)}
            days.append({"day": day.isoformat(), **told})
        return JSONResponse(days)

    async def served(self, _: Request) -> Response:
        """Every export started and every file made."""
        return JSONResponse(self._api.jobs.served)

    async def sent(self, _: Request) -> Response:
        """Every message and every bulk messaging that was taken."""
        told = [{k: v for k, v in task.items() if k != "at"} for task in self._api.bulk.values()]
        return JSONResponse({"messages": self._api.sent, "bulk": told})

    async def calls(self, _: Request) -> Response:
        """How often each operation was called."""
        return JSONResponse(dict(self._api.calls))

    async def faults(self, request: Request) -> Response:
        """Which faults are active, and how often each struck; a POST makes others active."""
        if request.method == "POST":
            try:
                wanted = [Fault.parse(str(text)) for text in await request.json()]
            except ValueError as error:
                return JSONResponse({"error": str(error)}, 400)
            self._faults.replace(wanted)
        return JSONResponse(
            {"active": self._faults.active, "injected": dict(self._faults.injected)}
        )

    async def token(self, request: Request) -> Response:
        """Rotate the company's token: the old one is refused from now on."""
        self._token = str((await request.json())["token"])
        return JSONResponse({"rotated": True})

    async def callbacks(self, request: Request) -> Response:
        """Send a day's incoming messages to the company's URL.

        `repeat=2` sends each twice, `shuffle=1` in any order, `form=1` as a form; `forged=3` so
        many more to a wrong path, `malformed=3` so many more bodies that are none.
        """
        query = request.query_params
        told = {name: int(query[name]) for name in CALLBACK_WAYS if name in query}
        return JSONResponse(await send_callbacks(self._api, parse_date(query["date"]), **told))


def make_app(options: SandboxOptions) -> ASGIApp:
    """The whole sandbox as one ASGI application."""
    pages = Pages(options)
    app = Starlette(
        routes=[
            Route("/api/{path:path}", pages.operation, methods=["POST"]),
            Route("/files/{name}", pages.download, methods=["GET", "POST"]),
            Route("/sandbox/truth", pages.truth),
            Route("/sandbox/served", pages.served),
            Route("/sandbox/sent", pages.sent),
            Route("/sandbox/calls", pages.calls),
            Route("/sandbox/faults", pages.faults, methods=["GET", "POST"]),
            Route("/sandbox/token", pages.token, methods=["POST"]),
            Route("/sandbox/callbacks", pages.callbacks, methods=["POST"]),
        ]
    )
    return with_transport(app)


CALLBACK_WAYS = ("repeat", "shuffle", "form", "forged", "malformed")


async def send_callbacks(
    api: Api,
    day: date,
    *,
    repeat: int = 1,
    shuffle: int = 0,
    form: int = 0,
    forged: int = 0,
    malformed: int = 0,
) -> dict[str, Any]:
    """POST every incoming message of a day to the company's URL, as published; what was answered.

    A URL that nobody answers at, or with a status of its own, is counted: there are no retries.
    """
    url, answers = api.options.callback_url, Counter[str]()
    if url is None:
        return {"sent": 0, "answers": {}}
    bodies = [_callback(api, m) for m in api.jobs.company.messages(day, day, "message")]
    messages = [body for body in bodies if body is not None] * repeat
    if shuffle:
        random.Random(api.options.seed).shuffle(messages)  # noqa: S311
    sending = [(url, body) for body in messages]
    sending += [(f"{url}-forged", body) for body in messages[:forged]]
    async with httpx.AsyncClient(timeout=10) as client:
        for to, body in sending:
            told: dict[str, Any] = {"data": body} if form else {"json": body}
            answers[await _answer(client, to, **told)] += 1
        for _ in range(malformed):
            answers[await _answer(client, url, content=b'{"message_id": ')] += 1
    return {"sent": len(messages), "answers": dict(answers)}


async def _answer(client: httpx.AsyncClient, url: str, **told: Any) -> str:
    try:
        return str((await client.post(url, **told)).status_code)
    except httpx.TransportError as error:
        return type(error).__name__


def _callback(api: Api, m: Message) -> dict[str, Any] | None:
    if m.direction != "in":
        return None
    return {
        "channel_account_id": m.channel_account_id,
        "thread_id": m.thread_id,
        "message": m.text,
        "message_id": m.message_id,
        "time": int(m.sent_at.replace(tzinfo=api.options.zone).timestamp()),
    }
