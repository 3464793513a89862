"""One run's surroundings: settings, data directory, client, and what is known of the vendor.

Tasks take plain values only (a dataset, a day), so that they can be run elsewhere one day; what
they need besides is the current `Run`, made anew from the settings wherever they run.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from extract.client import SmartConnectClient
from extract.errors import ExtractError
from extract.exports import Claim, ExportJobs, ExportRequest, Polling, UsedExport
from extract.sharing import Shared
from flows.company import load_company
from flows.errors import FlowError
from flows.handing import hand_over_of, handing_over
from flows.mapping import load_mapping
from flows.personal import data_directory, load_privacy
from flows.reading import Reading
from flows.settings import Boundary, Selection, Settings
from flows.settings.tokens import token_source
from flows.sharing import sharing
from flows.stopping import stopped_by_sigterm
from flows.suppressing import suppression_of
from flows.telling import forget_untold
from flows.vendorclient import call_budget, client_options
from flows.windows import day_end
from flows.writing import WriterTurn, writers_turn
from transform.mapping import MappingFile
from transform.privacy import Privacy
from warehouse.database import Writer
from warehouse.erasinglist import read_list
from warehouse.handing import is_handed_over
from warehouse.layout import DataDirectory
from warehouse.leftovers import Presence, present
from warehouse.loading import DayLoad
from warehouse.martmaking import Company
from warehouse.privatefiles import private_files
from warehouse.replay import Step


@dataclass
class Vendor:
    """How the vendor reads a window: published nowhere, set or found out."""

    date_to: Boundary
    selection: Selection


@dataclass
class Run:
    """What every stage of a run shares. `newest`: the latest observation in the ledger."""

    name: str
    settings: Settings
    layout: DataDirectory
    client: SmartConnectClient
    jobs: ExportJobs
    vendor: Vendor
    flow_run_id: str
    polling: Polling = field(default_factory=Polling)
    newest: datetime | None = None
    mapping: MappingFile = field(default_factory=MappingFile)
    presence: Presence | None = None
    privacy: Privacy = field(default_factory=Privacy)
    company: Company = field(default_factory=Company)
    shared: Shared | None = None
    turn: WriterTurn | None = None
    used: list[UsedExport] = field(default_factory=list)
    replays: dict[tuple[str, date], list[Step]] = field(default_factory=dict)
    claims: dict[tuple[str, date], Claim] = field(default_factory=dict)
    loads: dict[tuple[str, date], tuple[Writer, DayLoad]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return self.settings.zone

    @property
    def keep_free_bytes(self) -> int:
        """What the run must leave free on the disk; 0: whatever there is."""
        return self.settings.keep_free_mb * 1_000_000

    @property
    def reading(self) -> Reading:
        """How files are read in this run."""
        return Reading(self.settings.time_zone, self.vendor.selection, self.mapping, self.privacy)

    def request(self, dataset: str, day: date, last: date | None = None) -> ExportRequest:
        """The export of `day` (or of `day` to `last`), `date_to` sent as this vendor reads it."""
        last = last or day
        sent_to = last + timedelta(days=1) if self.vendor.date_to == "exclusive" else last
        return ExportRequest(dataset=dataset, date_from=day, date_to=sent_to)

    @staticmethod
    def plain_request(dataset: str, date_from: date, sent_to: date) -> ExportRequest:
        """An export with just these dates, whatever the vendor makes of them."""
        return ExportRequest(dataset=dataset, date_from=date_from, date_to=sent_to)

    def finish(self, claim: Claim) -> None:
        """An export is loaded. Where machines share, it is forgotten at the run's end only, once
        what was made of it is where the others find it; until then they take it up.
        """
        if self.shared is None:
            claim.finish()
        elif (used := claim.finish_later()) is not None:
            self.used.append(used)

    def resumable_after(self, day: date) -> datetime:
        """The earliest start of a dead run's export that this run would still take for `day`."""
        now = datetime.now(self.zone)
        oldest = now - timedelta(seconds=self.settings.resume_within_seconds)
        ended = day_end(day, self.zone)
        return max(oldest, ended) if ended <= now else oldest


_CURRENT: ContextVar[Run] = ContextVar("run")


def current_run() -> Run:
    """The run that the calling task belongs to."""
    try:
        return _CURRENT.get()
    except LookupError:
        raise FlowError("A task of the pipeline was called outside a run.") from None


def _no_token() -> str:
    raise FlowError("The vendor was asked in a run that reads kept files alone.")


@contextmanager
def imports_at_rest() -> Iterator[None]:
    """What is imported stays: the collector needn't look through it, 0.1 s each time."""
    first = not gc.get_freeze_count()
    if first:
        gc.freeze()
    try:
        yield
    finally:
        if first:
            gc.unfreeze()


@asynccontextmanager
async def open_run(
    settings: Settings,
    name: str,
    flow_run_id: str,
    *,
    export_jobs: int | None = None,
    offline: bool = False,
) -> AsyncIterator[Run]:
    """Open everything a run needs, before any export is started.

    Args:
        settings: of the company.
        name: the run's, for locks and errors.
        flow_run_id: Prefect's id of it.
        export_jobs: exports at once, at most the setting's.
        offline: the vendor will not be asked: no token is needed.

    Raises:
        NotConfigured: no token; or no key, and persons were erased, who are known by it.
        transform.errors.InvalidMapping: the mapping file says what can't be meant.
        warehouse.errors.ReportingFileWrong: the reporting file says what can't be meant.
        transform.errors.UnusablePolicy, UnusableKey: personal data can't be protected as asked.
        warehouse.errors.WarehouseError: the data directory can't be used or is another's.
        extract.errors.KeeperUnusable: machines share their data, and can't agree.
    """
    mapping, privacy = load_mapping(settings), load_privacy(settings)
    company = load_company(settings)
    read_token = _no_token if offline else token_source(settings)
    layout = data_directory(settings)
    layout.initialise(settings.origin)
    suppression_of(read_list(layout), privacy.keys)
    polling = Polling(
        first_seconds=settings.poll_first_seconds,
        max_seconds=settings.poll_max_seconds,
        job_deadline_seconds=settings.export_deadline_seconds,
        run_deadline_seconds=settings.run_deadline_seconds,
    )
    with private_files(), imports_at_rest(), present(layout) as presence:
        async with (
            sharing(settings, name) as shared,
            writers_turn(shared, layout, hand_over_of(layout, name)) as turn,
            SmartConnectClient(
                client_options(settings), read_token, call_budget(settings, layout, shared)
            ) as client,
        ):
            jobs = ExportJobs(
                client,
                layout.journal,
                layout.locks,
                max_jobs=min(export_jobs or settings.export_jobs, settings.export_jobs),
                polling=polling,
                holder=name,
                claim_wait_seconds=settings.claim_wait_seconds,
                shared=shared,
            )
            vendor = Vendor(settings.date_to, settings.selection)
            run = Run(
                name,
                settings,
                layout,
                client,
                jobs,
                vendor,
                flow_run_id,
                polling,
                mapping=mapping,
                presence=presence,
                privacy=privacy,
                company=company,
                shared=shared,
                turn=turn,
            )
            reset = _CURRENT.set(run)
            try:
                with stopped_by_sigterm():
                    async with _forgetting(run), handing_over(run):
                        yield run
            finally:
                _CURRENT.reset(reset)
                forget_untold()


@asynccontextmanager
async def _forgetting(run: Run) -> AsyncIterator[None]:
    """Forget at the end what was used up, also after a failure, which it doesn't hide: a later run
    asks anew. What isn't handed over stays: the next run takes it up, and finds it loaded.
    """
    try:
        yield
    except Exception:
        with suppress(ExtractError):
            await _forget(run)
        raise
    await _forget(run)


async def _forget(run: Run) -> None:
    if is_handed_over(run.layout):
        await run.jobs.forget(run.used)
