"""What can go wrong at a vendor, by name: rehearsed on demand, drawn by a seed, counted."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType

WIRE: Mapping[str, str] = MappingProxyType(
    {
        "http-429": "HTTP 429, Retry-After in seconds",
        "http-429-date": "HTTP 429, Retry-After as a date",
        "http-429-absurd": "HTTP 429, Retry-After of three thousand years",
        "http-500": "HTTP 500 with a page",
        "http-503": "HTTP 503 with an empty body",
        "timeout": "no answer at all, the connection stays",
        "reset": "the connection is reset in mid-answer",
        "drip": "an answer that comes a byte at a time, for ever",
        "redirect-loop": "a redirect to itself",
        "redirect-elsewhere": "a redirect to the option `elsewhere`",
    }
)
ANSWERS: Mapping[str, str] = MappingProxyType(
    {
        "status-in-200": "`status` 500 under HTTP 200",
        "not-json": "a page in place of JSON",
        "huge-json": "gigabytes of JSON",
        "lost-reply": "what was asked is done, the connection breaks without an answer",
        "token-refused": "the token is refused",
        "no-task-id": "a start without `task_id`",
        "odd-task-id": "a start whose `task_id` is no whole number",
        "unknown-status": "an export task with a `status` nobody published",
        "never-ready": "an export that is never ready",
        "task-forgotten": "an export task that the vendor doesn't know any more",
        "task-failed": "an export task that failed",
        "expired-location": "the first `location` is gone, the next one works",
        "always-expired": "every `location` is gone",
        "file-scheme": "a `location` of file://",
        "location-elsewhere": "a `location` at the option `elsewhere`",
        "users-empty": "an empty users list",
        "users-halved": "half of the users list",
    }
)
FILES: Mapping[str, str] = MappingProxyType(
    {
        "short-download": "half a file under its whole Content-Length",
        "short-download-chunked": "half a file without Content-Length",
        "cut-chunk": "a chunked file that breaks off within a chunk",
        "wrong-content-type": "a file that calls itself text/html",
        "html-download": "a web page in place of a file",
        "empty-download": "a file of no byte",
        "bomb": "a compressed file that unpacks to gigabytes",
        "unreadable-file": "a ZIP that is none",
        "missing-column": "a file that lacks a column",
        "impossible-date": "a file whose first row is of 31 February",
        "empty-day": "a file without rows",
        "smaller-day": "a file with a tenth of its rows",
        "duplicate-rows": "a file with every tenth row twice",
        "other-day-rows": "a file whose first row is dated a week before",
        "late-rows": "a day's first file lacks its last rows, the next one has them",
    }
)
FAULTS: Mapping[str, str] = MappingProxyType({**WIRE, **ANSWERS, **FILES})
OPERATIONS = MappingProxyType(
    {
        "/messages/submit": "send_message",
        "/bulk": "start_bulk",
        "/bulk/task": "get_bulk_task",
        "/bulk/accounts": "list_channel_accounts",
        "/export/chats": "start_chats_export",
        "/export/chats/task": "get_chats_export_task",
        "/export/statistics": "start_statistics_export",
        "/export/statistics/task": "get_statistics_export_task",
        "/users": "list_users",
        "/users/user": "get_user",
    }
)
DOWNLOAD = "download"
_GRAMMAR = re.compile(
    r"(?P<name>[a-z0-9-]+)(@(?P<operation>[a-z_]+))?(:(?P<day>[0-9.]+))?"
    r"(%(?P<probability>[0-9.]+))?(\*(?P<times>[0-9]+))?"
)


@dataclass(frozen=True)
class Fault:
    """A fault by name, narrowed down.

    Args:
        name: one of `FAULTS`.
        day: only for exports that begin on it.
        operation: only at this one of `OPERATIONS`, or at `download`.
        probability: of striking, each time it could.
        times: how often it strikes at most.
    """

    name: str
    day: date | None = None
    operation: str | None = None
    probability: float = 1.0
    times: int | None = None

    def __str__(self) -> str:
        parts = [self.name, f"@{self.operation}" if self.operation else ""]
        parts.append(f":{self.day:%d.%m.%Y}" if self.day else "")
        parts.append(f"%{self.probability:g}" if self.probability < 1 else "")
        parts.append(f"*{self.times}" if self.times is not None else "")
        return "".join(parts)

    @classmethod
    def parse(cls, text: str) -> Fault:
        """`NAME[@operation][:dd.mm.yyyy][%probability][*times]`; ValueError for anything else."""
        match = _GRAMMAR.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text!r} is not written NAME[@operation][:dd.mm.yyyy][%probability][*times]"
            )
        name, operation = match["name"], match["operation"]
        if name not in FAULTS:
            raise ValueError(f"no fault is called {name!r}; there are {', '.join(FAULTS)}")
        places = (*OPERATIONS.values(), DOWNLOAD)
        if operation is not None and operation not in places:
            raise ValueError(f"no operation is called {operation!r}; use {', '.join(places)}")
        day = match["day"] and datetime.strptime(match["day"], "%d.%m.%Y").date()  # noqa: DTZ007
        probability = float(match["probability"] or 1)
        if not 0 < probability <= 1:
            raise ValueError(f"a probability is above 0 and at most 1, not {probability:g}")
        times = int(match["times"]) if match["times"] else None
        return cls(name, day or None, operation, probability, times)


class Faults:
    """The faults that are active now; may be changed while the sandbox runs. Thread-safe.

    Args:
        active: at the beginning.
        seed: of what strikes by probability.
    """

    def __init__(self, active: Iterable[Fault], seed: int) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(f"faults:{seed}")  # noqa: S311
        self._active = list(active)
        self._struck: Counter[Fault] = Counter()
        self.injected: Counter[str] = Counter()

    @property
    def active(self) -> list[str]:
        """As they are written."""
        with self._lock:
            return [str(fault) for fault in self._active]

    def replace(self, active: Iterable[Fault]) -> None:
        """Others from now on; what was injected stays counted."""
        with self._lock:
            self._active = list(active)
            self._struck.clear()

    def strikes(self, name: str, day: date | None, operation: str | None = None) -> bool:
        """Whether `name` happens here and now; it is counted if so."""
        with self._lock:
            for fault in self._active:
                if fault.name == name and self._hits(fault, day, operation):
                    self._struck[fault] += 1
                    self.injected[name] += 1
                    return True
        return False

    def first(self, names: Iterable[str], day: date | None, operation: str) -> str | None:
        """The first of `names` that strikes."""
        return next((name for name in names if self.strikes(name, day, operation)), None)

    def _hits(self, fault: Fault, day: date | None, operation: str | None) -> bool:
        if fault.day not in (None, day) or fault.operation not in (None, operation):
            return False
        if fault.times is not None and self._struck[fault] >= fault.times:
            return False
        return fault.probability >= 1 or self._random.random() < fault.probability
