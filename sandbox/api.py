"""The ten operations, each with the input and output that are published."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from sandbox.company import CHANNELS
from sandbox.faults import Faults
from sandbox.inputs import BadInput, parse_date, text, whole_number
from sandbox.jobs import Jobs, Task
from sandbox.options import SandboxOptions

Answer = dict[str, Any]
Handler = Callable[[Answer], Any]
LONGEST_MESSAGE_CHARACTERS = 1000
ODD_TASK_IDS: tuple[object, ...] = ("abc", -1, [7], 1.5, None, True)


class Api:
    """The operations, by path."""

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self.faults = Faults(options.faults, options.seed)
        self.jobs = Jobs(options, self.faults)
        self._gone: set[int] = set()
        self.sent: list[Answer] = []
        self.calls: Counter[str] = Counter()
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
        found = self.jobs.company.source.users(self.options.now().date())
        if self.faults.strikes("users-empty", None):
            return []
        return found[: len(found) // 2] if self.faults.strikes("users-halved", None) else found

    def day(self, given: Answer) -> date | None:
        """The first day of the export that is asked for or about."""
        task = self.jobs.task(given.get("task_id"))
        if task is not None:
            return task.date_from
        try:
            return parse_date(given.get("date_from"))
        except BadInput:
            return None

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
        task = self.jobs.start(kind, date_from, date_to, filters)
        if task is None:
            return {"status": 429, "description": "too many exports at once"}
        if self.faults.strikes("no-task-id", date_from):
            return {"description": ""}
        if self.faults.strikes("odd-task-id", date_from):
            return {"task_id": ODD_TASK_IDS[task.task_id % len(ODD_TASK_IDS)]}
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
        return {**told, "location": self._location(task, file[1])}

    def _location(self, task: Task, ending: str) -> str:
        """Where the file is; `@` stands for this host."""
        if self.faults.strikes("file-scheme", task.date_from):
            return "file:///etc/passwd"
        if self.faults.strikes("location-elsewhere", task.date_from):
            return self.options.elsewhere
        path = f"/files/{task.task_id}.{ending}"
        fresh = task.task_id not in self._gone
        if (fresh and self.faults.strikes("expired-location", task.date_from)) or (
            self.faults.strikes("always-expired", task.date_from)
        ):
            self._gone.add(task.task_id)
            path = f"/files/{task.task_id}-gone.{ending}"
        return path if self.options.location == "relative" else "@" + path

    def _task_fault(self, task: Task) -> Answer | None:
        told: Answer = {"task_id": task.task_id, "location": ""}
        statuses = {
            "unknown-status": 299,
            "never-ready": self.options.pending_status,
            "task-forgotten": 404,
            "task-failed": 500,
        }
        for name, status in statuses.items():
            if self.faults.strikes(name, task.date_from):
                return {**told, "status": status, "description": name}
        return None
