"""The API: ten operations under /api, each a POST with the token in its JSON body."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.company import CHANNELS
from sandbox.inputs import BadInput, parse_date, text, whole_number
from sandbox.jobs import Jobs, Task
from sandbox.messages import content_hash, days_between
from sandbox.options import SandboxOptions

Answer = dict[str, Any]
Handler = Callable[[Answer], Any]
LONGEST_MESSAGE_CHARACTERS = 1000


class Api:
    """The operations, by path."""

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self.jobs = Jobs(options)
        self.sent: list[Answer] = []
        self.bulk: dict[int, Answer] = {}

    def operations(self) -> dict[str, Handler]:
        """Path under /api → operation."""
        return {
            "/messages/submit": self.submit,
            "/bulk": self.start_bulk,
            "/bulk/task": self.bulk_task,
            "/bulk/accounts": lambda _: {"accounts": self.accounts()},
            "/export/chats": lambda given: self.start_export("chats", given),
            "/export/chats/task": lambda given: self.export_task("chats", given),
            "/export/statistics": lambda given: self.start_export("statistics", given),
            "/export/statistics/task": lambda given: self.export_task("statistics", given),
            "/users": lambda _: {"users": self.users()},
            "/users/user": self.user,
        }

    def users(self) -> list[Answer]:
        """Today's users."""
        return self.jobs.company.source.users(self.options.now().date())

    def accounts(self) -> list[Answer]:
        """Channel accounts that allow bulk messaging."""
        return [
            {
                "id": number,
                "name": name,
                "channel": name,
                "max_length": LONGEST_MESSAGE_CHARACTERS,
            }
            for name, number in CHANNELS
        ]

    def user(self, given: Answer) -> Answer:
        """One user in detail."""
        wanted = given.get("uid", given.get("id", given.get("user_id")))
        for found in self.users():
            if found["id"] == wanted:
                return {"user": {**found, "team": "Поддержка", "phone": f"+7900000{wanted:04d}"}}
        return {"status": 404, "description": "no such user"}

    def submit(self, given: Answer) -> Answer:
        """Send a message."""
        whole_number(given, "channel_account_id")
        text(given, "thread_id")
        if len(text(given, "message")) > LONGEST_MESSAGE_CHARACTERS:
            raise BadInput("the message is longer than the channel allows")
        self.sent.append({key: given[key] for key in given if key != "token"})
        return {"description": "sent"}

    def start_bulk(self, given: Answer) -> Answer:
        """Start bulk messaging."""
        text(given, "message")
        task_id = 5000 + len(self.bulk)
        account = given.get("channel_account_id")
        self.bulk[task_id] = {"id": task_id, "channel_account_id": account, "at": time.monotonic()}
        return {"task_id": task_id, "description": ""}

    def bulk_task(self, given: Answer) -> Answer:
        """A bulk task's data."""
        task = self.bulk.get(whole_number(given, "task_id"))
        if task is None:
            return {"status": 404, "description": "no such task"}
        done = time.monotonic() - task["at"] >= self.options.export_seconds
        told = {key: value for key, value in task.items() if key != "at"}
        return {"task": {**told, "state": "done" if done else "running", "sent": 12 * done}}

    def start_export(self, kind: str, given: Answer) -> Answer:
        """Start an export; without dates, last month (published)."""
        first = self.options.now().date().replace(day=1)
        last_month = first - timedelta(days=1)
        date_from = parse_date(given.get("date_from") or last_month.strftime("01.%m.%Y"))
        date_to = parse_date(given.get("date_to") or last_month.strftime("%d.%m.%Y"))
        filters = {k: given[k] for k in ("uid", "category", "name") if given.get(k) is not None}
        if self.options.has_fault("no-task-id", date_from):
            return {"description": ""}
        task = self.jobs.start(kind, date_from, date_to, filters)
        if task is None:
            return {"status": 429, "description": "too many exports at once"}
        return {"task_id": task.task_id}

    async def export_task(self, kind: str, given: Answer) -> Answer:
        """A task's location, empty until it is ready."""
        task = self.jobs.find(whole_number(given, "task_id"), kind)
        if task is None:
            return {"status": 404, "description": "no such task", "location": ""}
        fault = self._task_fault(task)
        if fault is not None:
            return fault
        file = await asyncio.to_thread(self.jobs.file, task.task_id)
        told = {"task_id": task.task_id, "description": ""}
        if file is None:
            return {**told, "status": self.options.pending_status, "location": ""}
        path = f"/files/{task.task_id}.{file[1]}"
        return {**told, "location": path if self.options.location == "relative" else "@" + path}

    def _task_fault(self, task: Task) -> Answer | None:
        if self.options.has_fault("unknown-status", task.date_from):
            return {"status": 299, "task_id": task.task_id, "location": ""}
        if self.options.has_fault("never-ready", task.date_from):
            return {"task_id": task.task_id, "location": ""}
        return None


class Pages:
    """What answers over HTTP: operations, files, and the sandbox's own pages."""

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options
        self._api = Api(options)
        self._operations = self._api.operations()

    async def operation(self, request: Request) -> Response:
        """One of the ten."""
        handler = self._operations.get("/" + request.path_params["path"])
        if handler is None:
            return JSONResponse({"status": 404, "description": "no such method"}, 404)
        try:
            given = await request.json()
        except ValueError:
            given = None
        if not isinstance(given, dict):
            return JSONResponse({"status": 400, "description": "the input is no JSON object"})
        if given.get("token") != self._options.token:
            return JSONResponse({"status": 403, "description": "unknown token"})
        try:
            answer = handler(given)
            answer = await answer if asyncio.iscoroutine(answer) else answer
        except BadInput as error:
            return JSONResponse({"status": 400, "description": str(error)})
        if self._options.has_fault("not-json", _day(given)):
            return Response("<html>Bad Gateway</html>", media_type="text/html")
        location = str(answer.get("location", ""))
        if location.startswith("@"):
            answer["location"] = f"{str(request.base_url).rstrip('/')}{location[1:]}"
        return JSONResponse({"status": 200, **answer})

    async def download(self, request: Request) -> Response:
        """An export file."""
        if self._options.download_needs_token and not await _has_token(request, self._options):
            return JSONResponse({"status": 403, "description": "token needed"}, 403)
        jobs, task_id = self._api.jobs, int(request.path_params["name"].split(".")[0])
        found = await asyncio.to_thread(jobs.file, task_id)
        if found is None:
            return Response("not found", 404)
        task = jobs.find(task_id, "chats") or jobs.find(task_id, "statistics")
        return _served(found[0], self._options, task.date_from if task else None)

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

    async def callbacks(self, request: Request) -> Response:
        """Send a day's incoming messages to the company's URL."""
        day = parse_date(request.query_params["date"])
        return JSONResponse({"sent": await send_callbacks(self._api, day)})


def make_app(options: SandboxOptions) -> Starlette:
    """The whole sandbox as one ASGI application."""
    pages = Pages(options)
    return Starlette(
        routes=[
            Route("/api/{path:path}", pages.operation, methods=["POST"]),
            Route("/files/{name}", pages.download, methods=["GET", "POST"]),
            Route("/sandbox/truth", pages.truth),
            Route("/sandbox/served", pages.served),
            Route("/sandbox/callbacks", pages.callbacks, methods=["POST"]),
        ]
    )


async def send_callbacks(api: Api, day: date) -> int:
    """POST every incoming message of a day to the company's URL, as published."""
    if api.options.callback_url is None:
        return 0
    sent = 0
    async with httpx.AsyncClient(timeout=10) as client:
        for m in api.jobs.company.messages(day, day, "message"):
            if m.direction != "in":
                continue
            body = {
                "channel_account_id": m.channel_account_id,
                "thread_id": m.thread_id,
                "message": m.text,
                "message_id": m.message_id,
                "time": int(m.sent_at.replace(tzinfo=api.options.zone).timestamp()),
            }
            await client.post(api.options.callback_url, json=body)
            sent += 1
    return sent


def _day(given: Answer) -> date | None:
    try:
        return parse_date(given.get("date_from"))
    except BadInput:
        return None


async def _has_token(request: Request, options: SandboxOptions) -> bool:
    if request.method != "POST":
        return False
    try:
        return bool(json.loads(await request.body()).get("token") == options.token)
    except (ValueError, AttributeError):
        return False


def _served(content: bytes, options: SandboxOptions, day: date | None) -> Response:
    if options.has_fault("unreadable-file", day):
        content = b"PK\x03\x04" + bytes(200)
    if options.has_fault("short-download-chunked", day):
        half = content[: len(content) // 2]

        async def cut() -> AsyncIterator[bytes]:
            yield half

        return StreamingResponse(cut(), media_type="application/octet-stream")
    response = Response(content, media_type="application/octet-stream")
    if options.has_fault("short-download", day):
        response.body = content[: len(content) // 2]
    return response
