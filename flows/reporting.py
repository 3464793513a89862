"""How a run tells: its name, its progress, its summary as Prefect artifacts, and its end.

A listener (the demo's terminal) may follow along; Prefect's UI always does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, date, datetime
from uuid import UUID

from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from extract.ping import ping
from flows.errors import DaysFailed
from flows.settings import Settings, selected_company
from flows.summary import RunReport
from flows.telling import artifact_key, leave_artifact, tell
from flows.windows import ddmmyyyy

Listener = Callable[[int, int, RunReport | None], None]
DRIFT_CURE = (
    "Columns that no field is known for are kept in `extra`. Name them in the mapping file, then "
    "backfill their days with `from_raw=true`."
)
_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


def listen(listener: Listener) -> None:
    """Follow the runs of this context: called with (done, total, the report at the end)."""
    _LISTENER.set(listener)


def run_name(kind: str) -> Callable[[], str]:
    """Names a run for a person: `nightly 24.11.2026 03:15`, or with its window."""

    def name() -> str:
        given = flow_run.parameters or {}
        now = datetime.now(UTC).astimezone()
        if given.get("date_from"):
            first, last = (_day(given.get(key)) for key in ("date_from", "date_to"))
            return with_company(f"{kind} {first}–{last or 'yesterday'}")
        return with_company(f"{kind} {now:%d.%m.%Y %H:%M}")

    return name


def with_company(name: str) -> str:
    """A run's name with the company it works for, where there are several."""
    company = selected_company()
    return f"{name} · {company}" if company else name


def _day(value: object) -> str:
    return ddmmyyyy(value) if isinstance(value, date) else str(value or "")


class Progress:
    """Days done, as a progress artifact and to the listener."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._artifact: UUID | None = None
        self.done = 0
        self.total = 0

    def tick(self, done: int, total: int) -> None:
        """Remember where the run is; `show` tells Prefect."""
        self.done, self.total = done, total
        listener = _LISTENER.get()
        if listener is not None:
            listener(done, total, None)

    async def show(self) -> None:
        """Write the progress artifact, if Prefect's server can be told."""
        await tell(self._show())

    async def _show(self) -> None:
        percent = 100.0 * self.done / self.total if self.total else 0.0
        said = f"{self.done} of {self.total} days"
        if self._artifact is None:
            self._artifact = await acreate_progress_artifact(
                progress=percent, key=artifact_key(self._key), description=said
            )
        else:
            await aupdate_progress_artifact(
                artifact_id=self._artifact, progress=percent, description=said
            )


async def tell_watchman(settings: Settings) -> None:
    """Call the ping URL after a success, if there is one; its failure is a warning."""
    url = settings.ping_url.get_secret_value() if settings.ping_url else ""
    if not url:
        return
    problem = await ping(url)
    if problem is not None:
        get_run_logger().warning(
            "SMARTCONNECT_PING_URL was not told of this success: %s. Whoever waits for it will "
            "raise an alarm; the data is loaded and published.",
            problem,
        )


async def finish(report: RunReport, key: str) -> None:
    """Leave the summary artifact, tell the listener, and fail the run if a day failed.

    Raises:
        DaysFailed: names each failed day and its cure.
        warehouse.errors.WarehouseError: the release isn't on the object store, and won't be by
            itself; here it is published.
    """
    await leave_artifact(key, report.markdown())
    if drifted := report.drift_lines():
        said = "".join(f"- {line}\n" for line in drifted)
        await leave_artifact("schema-drift", f"## Columns changed\n\n{said}\n{DRIFT_CURE}\n")
    logger = get_run_logger()
    for line in [*report.lines(), report.place()]:
        logger.info(line)
    listener = _LISTENER.get()
    if listener is not None:
        listener(len(report.outcomes), len(report.outcomes), report)
    if report.failures:
        listed = "\n".join(line for line in report.lines() if line.startswith("Failed"))
        raise DaysFailed(
            f"{len(report.failures)} of {len(report.outcomes)} days failed; the others are "
            f"loaded and published.\n{listed}"
        )
    if report.unmirrored:
        raise report.unmirrored
