"""One company: its vendor (a sandbox), its token, its data directory, and how its runs are set."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from chaos.plan import CompanyPlan, FileForm, ddmmyyyy, window
from chaos.processes import SandboxProcess
from sandbox.jobs import Company as Conversations
from sandbox.messages import Message
from sandbox.options import SandboxOptions
from sandbox.tables import Table, statistics_table

MESSAGES_PER_DAY = 60
TIME_ZONE = "Europe/Moscow"
# The vendor is some days ahead, so that every day that is asked for has ended there long ago: what
# it has of a day doesn't change while runs are compared with it.
AHEAD_DAYS = 4
KEPT_RELEASES = 25
SETTINGS = {
    "POLL_FIRST_SECONDS": "0.02",
    "POLL_MAX_SECONDS": "0.3",
    "CONNECT_TIMEOUT_SECONDS": "1",
    "READ_TIMEOUT_SECONDS": "1",
    "CALL_DEADLINE_SECONDS": "3",
    "DOWNLOAD_DEADLINE_SECONDS": "3",
    "EXPORT_DEADLINE_SECONDS": "4",
    "RUN_DEADLINE_SECONDS": "60",
    "CLAIM_WAIT_SECONDS": "20",
    "WRITER_WAIT_SECONDS": "60",
    "MAX_DOWNLOAD_BYTES": str(16 * 1024**2),
    "EXPORT_JOBS": "4",
    "KEEP_RELEASES": str(KEPT_RELEASES),
    "PUBLISH_EVERY_SECONDS": "1",
    "TIME_ZONE": TIME_ZONE,
}


class World:
    """A company and all that belongs to it."""

    def __init__(self, plan: CompanyPlan, folder: Path, mark: dict[str, str]) -> None:
        self.plan = plan
        self.folder = folder
        self.data = folder / "data"
        self.tokens = [_new_token()]
        self.sandbox = SandboxProcess(folder / "vendor")
        self.form: FileForm | None = None
        self.faults: list[str] = []
        self._mark = mark
        self._lock = threading.Lock()
        self._token_file = folder / "token"
        self._today = datetime.now(SandboxOptions(time_zone=TIME_ZONE).zone).date()
        folder.mkdir(parents=True)
        self._write_token()

    @property
    def days(self) -> list[date]:
        """The days that runs ask for; the last one is yesterday."""
        return window(self._today - timedelta(days=1))

    def open(self, form: FileForm) -> None:
        """The vendor, anew: another address, perhaps other files, the same conversations."""
        with self._lock:
            self.sandbox.stop()
            self.form = form
            self.sandbox.start([*self.plan.options(), *form.options(), *self._told()])
        self.misbehave(self.faults)

    def reopen(self) -> None:
        """The vendor dies and comes back elsewhere."""
        assert self.form is not None
        self.open(self.form)

    def _told(self) -> list[str]:
        told = {
            "token": self.tokens[-1],
            "today": ddmmyyyy(self._today + timedelta(days=AHEAD_DAYS)),
            "time-zone": TIME_ZONE,
            "messages-per-day": MESSAGES_PER_DAY,
            "export-seconds": 0.1,
        }
        parts = [part for name, value in told.items() for part in (f"--{name}", str(value))]
        return [*parts, "--no-users-change"]

    def misbehave(self, faults: Sequence[str]) -> None:
        """These faults from now on, and no others."""
        self.faults = list(faults)
        self.sandbox.tell("faults", self.faults)

    def rotate_token(self) -> None:
        """The old one is refused from now on; the file that runs read has the new one."""
        self.tokens.append(_new_token())
        self.sandbox.tell("token", {"token": self.tokens[-1]})
        self._write_token()

    def _write_token(self) -> None:
        beside = self._token_file.with_suffix(".new")
        beside.write_text(self.tokens[-1], encoding="utf-8")
        beside.replace(self._token_file)

    def environment(self) -> dict[str, str]:
        """Of one run, as the vendor is reached now."""
        with self._lock:
            values = {
                "SANDBOX": "true",
                "TOKEN_FILE": str(self._token_file),
                "BASE_URL": self.sandbox.url,
                "DATA_DIR": str(self.data),
                **SETTINGS,
            }
        if self.plan.habits_told:
            values |= {"DATE_TO": self.plan.date_to, "SELECTION": self.plan.selection}
        return {**{f"SMARTCONNECT_{name}": value for name, value in values.items()}, **self._mark}

    def conversations(self) -> Conversations:
        """What the vendor knows, from the same seed."""
        today = self._today + timedelta(days=AHEAD_DAYS)
        return Conversations(
            SandboxOptions(
                seed=self.plan.seed,
                messages_per_day=MESSAGES_PER_DAY,
                users_change=False,
                today=today,
                time_zone=TIME_ZONE,
            )
        )

    def truth(self, day: date) -> list[Message]:
        """The messages that a day's export has to bring."""
        return self.conversations().messages(day, day, self.plan.selection)

    def statistics(self, day: date) -> Table:
        """The figures that a day's export has to bring."""
        return statistics_table(self.truth(day), day, "en")

    def hashes(self) -> dict[date, str]:
        """The content hash of each day, as the vendor itself tells it."""
        first, last = ddmmyyyy(self.days[0]), ddmmyyyy(self.days[-1])
        told = self.sandbox.page("truth", date_from=first, date_to=last)
        return {date.fromisoformat(day["day"]): day["content_hash"] for day in told}

    def users(self) -> set[str]:
        """The ids of the users, asked of the vendor itself."""
        said = self.sandbox.ask("/users", self.tokens[-1])
        return {str(user["id"]) for user in said["users"]}


def _new_token() -> str:
    return f"canary-{secrets.token_hex(16)}"
