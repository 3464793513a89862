"""Export tasks: queued, running for a while, then ready with a file; and what was served."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sandbox.company import InventedCompany
from sandbox.corpus import Corpus
from sandbox.damage import damaged
from sandbox.faults import Faults
from sandbox.files import export_file
from sandbox.messages import Message, content_hash, days_between
from sandbox.options import SandboxOptions
from sandbox.tables import Table, changed_columns, chats_table, statistics_table


@dataclass
class Task:
    """An export task. Times are of the monotonic clock."""

    task_id: int
    kind: str
    date_from: date
    date_to: date
    filters: dict[str, Any]
    ready_at: float


@dataclass
class Company:
    """The data, by the vendor's rules of selection."""

    options: SandboxOptions
    source: InventedCompany | Corpus = field(init=False)

    def __post_init__(self) -> None:
        o = self.options
        if o.corpus is not None:
            self.source = Corpus(o.corpus, o.corpus_start or date(2026, 1, 1))
        else:
            self.source = InventedCompany(o.seed, o.messages_per_day, users_change=o.users_change)

    def messages(self, date_from: date, date_to: date, selection: str) -> list[Message]:
        """What was sent (or whose thread began) in the window, both ends included, until now."""
        now = self.options.now()
        by_day = self.source.sent_on if selection == "message" else self.source.started_on
        return [
            message
            for day in days_between(date_from, date_to)
            for message in by_day(day)
            if message.sent_at <= now
        ]

    def selected(self, task: Task) -> list[Message]:
        """A task's messages: its window as this vendor reads it, its filters applied."""
        found = self.messages(task.date_from, self._last_day(task), self.options.selection)
        uid, category, name = (task.filters.get(key) for key in ("uid", "category", "name"))
        if uid is not None:
            threads = {m.thread_id for m in found if m.operator_id == uid}
            found = [m for m in found if m.thread_id in threads]
        if category is not None:
            found = [m for m in found if hash_category(m.category) == category]
        if name is not None:
            found = [m for m in found if m.client_name == name]
        return found

    def statistics(self, task: Task) -> Table:
        """A window's statistics, day by day."""
        header, rows = statistics_table([], task.date_from, self.options.headers)
        for day in days_between(task.date_from, self._last_day(task)):
            messages = self.messages(day, day, self.options.selection)
            rows += statistics_table(messages, day, self.options.headers)[1]
        return header, rows

    def _last_day(self, task: Task) -> date:
        return task.date_to - timedelta(days=self.options.date_to == "exclusive")


def hash_category(name: str) -> int:
    """A category's number."""
    return sum(name.encode())


class Jobs:
    """All tasks of a sandbox; safe to use from several threads."""

    def __init__(self, options: SandboxOptions, faults: Faults) -> None:
        self._options = options
        self._faults = faults
        self._late: set[tuple[str, date]] = set()
        self.company = Company(options)
        self._tasks: dict[int, Task] = {}
        self._files: dict[int, tuple[bytes, str]] = {}
        self._busy_until: list[float] = []
        self._lock = threading.Lock()
        self.served: list[dict[str, Any]] = []

    def start(
        self, kind: str, date_from: date, date_to: date, filters: dict[str, Any]
    ) -> Task | None:
        """A new task, queued behind those that run; None where the limit refuses it."""
        with self._lock:
            now = time.monotonic()
            self._busy_until = sorted(end for end in self._busy_until if end > now)
            waiting = len(self._busy_until) - self._options.max_running
            if waiting >= 0 and self._options.over_limit == "refuse":
                return None
            begins = self._busy_until[waiting] if waiting >= 0 else now
            ready_at = begins + self._options.export_seconds
            self._busy_until.append(ready_at)
            task_id = 1000 + len(self._tasks)
            task = Task(task_id, kind, date_from, date_to, filters, ready_at)
            self._tasks[task_id] = task
            self._note("start", task)
            return task

    def task(self, task_id: object) -> Task | None:
        """A task of any kind."""
        return self._tasks.get(task_id) if isinstance(task_id, int) else None

    def find(self, task_id: int, kind: str) -> Task | None:
        """A task of this kind."""
        task = self._tasks.get(task_id)
        return task if task is not None and task.kind == kind else None

    def file(self, task_id: int) -> tuple[bytes, str] | None:
        """A ready task's file and its name's ending, made once."""
        task = self._tasks.get(task_id)
        if task is None or time.monotonic() < task.ready_at:
            return None
        if task_id not in self._files:
            self._files[task_id] = self._make(task)
        return self._files[task_id]

    def _make(self, task: Task) -> tuple[bytes, str]:
        messages = self.company.selected(task)
        if task.kind == "chats":
            table = chats_table(messages, self._options.headers)
        else:
            table = self.company.statistics(task)
        table = changed_columns(table, self._options.column_changes, task.date_from)
        self._note("file", task, rows=len(table[1]), content_hash=content_hash(messages))
        return export_file(self._damaged(table, task), self._options)

    def _damaged(self, table: Table, task: Task) -> Table:
        day, operation = task.date_from, f"start_{task.kind}_export"

        def strikes(name: str) -> bool:
            if name != "late-rows":
                return self._faults.strikes(name, day, operation)
            first = (task.kind, day) not in self._late
            late = first and self._faults.strikes(name, day, operation)
            self._late |= {(task.kind, day)} if late else set()
            return late

        return damaged(table, task.kind, day, strikes)

    def _note(self, event: str, task: Task, **more: Any) -> None:
        entry = {
            "event": event,
            "kind": task.kind,
            "task_id": task.task_id,
            "date_from": task.date_from.isoformat(),
            "date_to": task.date_to.isoformat(),
            "filtered_by": sorted(task.filters),
            **more,
        }
        self.served.append(entry)
        if self._options.record is not None:
            self._options.record.mkdir(parents=True, exist_ok=True)
            with (self._options.record / "served.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")
