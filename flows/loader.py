"""The loading end of a run: days that are ready are loaded together under the writer's lock.

A batch opens the writer's database, loads each day whole or not at all, publishes when it is time
to, and lets go. Small days share a transaction; where one of them fails, each has its own.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import date

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.loadgroups import Item, Waiting, groups
from flows.publishing import publish_now
from flows.reading import (
    ExportedDay,
    NormalisedDay,
    drift_of,
    loaded_file,
    new_load_id,
    observation,
)
from flows.run import Run, current_run
from flows.stages import KNOWN, in_thread
from flows.summary import DayOutcome
from flows.suppressing import refuse_stale
from flows.windows import ddmmyyyy
from flows.writersession import writer_session
from transform.contract_errors import SchemaDrift
from transform.datasets import DATASETS
from transform.drift import Drift, refuse_drift
from warehouse.database import Writer
from warehouse.ledger import DayState
from warehouse.loading import DayConfirmation, DayLoad, DayResult, confirm_day, load_day

logger = logging.getLogger(__name__)
# Days that come one after the other are loaded together: a session costs as much as a small day.
GATHER_SECONDS = 0.5
States = Mapping[str, Mapping[date, DayState]]


class Loader:
    """Takes days as they become ready and answers with what became of each.

    Args:
        run: the current run.
        states: what the ledger knew of each dataset's days when the run was planned.
        force: load content that is already there.
        accept_smaller: load days that lost most of their rows.
    """

    def __init__(
        self, run: Run, states: States, *, force: bool = False, accept_smaller: bool = False
    ) -> None:
        self._run = run
        self._states = states
        self._force = force
        self._accept_smaller = accept_smaller
        self._queue: asyncio.Queue[Waiting | None] = asyncio.Queue()
        self._published_at = time.monotonic()
        self.released: int | None = None

    def known(self, key: tuple[str, date]) -> tuple[str, str, str] | None:
        """What a day holds: its file, by which contract and mapping; None where nothing is."""
        state = self._states.get(key[0], {}).get(key[1])
        if state is None:
            return None
        return state.file_sha256, state.contract_version, state.mapping_version

    def is_known(self, exported: ExportedDay) -> bool:
        """Whether this very file is what the day holds, read by the same contract and mapping."""
        return self.known((exported.dataset, exported.day)) == (
            exported.sha256,
            DATASETS[exported.dataset].version,
            self._run.reading.version(exported.dataset),
        )

    async def load(self, day: NormalisedDay) -> DayOutcome:
        """Load a normalised day; returns once its transaction is committed."""
        return await self._ask(day)

    async def confirm(self, day: ExportedDay) -> DayOutcome:
        """Note that a day's content was observed again, unchanged."""
        return await self._ask(day)

    async def _ask(self, item: Item) -> DayOutcome:
        waiting = Waiting(item, asyncio.get_running_loop().create_future())
        await self._queue.put(waiting)
        return await waiting.result

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve `load` and `confirm` within the block; what is under way at its end is ended."""
        server = asyncio.create_task(self._serve())
        try:
            yield
            await self._queue.put(None)
            await server
        finally:
            server.cancel()
            with suppress(asyncio.CancelledError):
                await server

    async def _serve(self) -> None:
        gathered = 0.0
        while (first := await self._queue.get()) is not None:
            batch = [first]
            await asyncio.sleep(gathered - time.monotonic())
            while not self._queue.empty():
                more = self._queue.get_nowait()
                if more is None:
                    self._queue.put_nowait(None)  # after this batch
                    break
                batch.append(more)
            try:
                await self._load_batch(batch)
            except Exception as error:  # noqa: BLE001  (whatever it is, nobody may wait for ever)
                for waiting in batch:
                    waiting.fail(error)
            gathered = time.monotonic() + GATHER_SECONDS

    async def _load_batch(self, batch: list[Waiting]) -> None:
        async with writer_session(self._run, keep_log=True) as writer:
            for group in groups(batch):
                await self._settle_together(writer, group)
            every = self._run.settings.publish_every_seconds
            if time.monotonic() - self._published_at >= every:
                release = await publish_now(writer, self._run)
                self.released = release.number if release else self.released
                self._published_at = time.monotonic()

    async def _settle_together(self, writer: Writer, group: Sequence[Waiting]) -> None:
        """Load small days in one transaction; where that fails, each in its own."""
        if len(group) > 1:
            try:
                with ExitStack() as block:
                    block.enter_context(writer.together())
                    outcomes = [await self._load_item(writer, each.item) for each in group]
                    await in_thread(block.pop_all().close)
            except KNOWN as error:
                logger.info("Days that were loaded together are loaded one by one: %s", error)
            else:
                for waiting, outcome in zip(group, outcomes, strict=True):
                    waiting.settle(outcome)
                return
        for waiting in group:
            await self._settle(writer, waiting)

    async def _settle(self, writer: Writer, waiting: Waiting) -> None:
        """Load one day; its failure is its own, the rest of the batch goes on."""
        try:
            outcome = await self._load_item(writer, waiting.item)
        except KNOWN as error:
            waiting.fail(error)
        else:
            waiting.settle(outcome)

    async def _load_item(self, writer: Writer, item: Item) -> DayOutcome:
        exported = item if isinstance(item, ExportedDay) else item.exported
        await in_thread(refuse_stale, self._run.layout, exported)
        if isinstance(item, ExportedDay):
            confirmation = DayConfirmation(
                **observation(item, self._run.reading, self._run.flow_run_id),
                load_id=new_load_id(item.observed_at),
            )
            return _outcome(item, await in_thread(confirm_day, writer, confirmation))
        drift = await in_thread(self._drift, writer, item)
        load = DayLoad(
            **observation(exported, self._run.reading, self._run.flow_run_id),
            **loaded_file(item, drift),
            force=self._force,
            accept_smaller=self._accept_smaller,
            hold_below_share=self._run.settings.hold_below_share,
        )
        self._run.loads[exported.dataset, exported.day] = (writer, load)
        outcome = await load_one_day(exported.dataset, exported.day)
        return replace(outcome, drift=drift.sentence() or None)

    def _drift(self, writer: Writer, item: NormalisedDay) -> Drift:
        """What changed in the columns; refused where the mapping file says so."""
        exported, columns = item.exported, item.report.columns
        drift = drift_of(writer, exported.dataset, columns, exported.observed_at)
        try:
            refuse_drift(drift, DATASETS[exported.dataset], self._run.mapping.of(exported.dataset))
        except SchemaDrift:
            self._run.layout.files.remove(item.lake_path)
            sys.audit("smartconnect.point", "flows.loader.refused-removed")
            raise
        return drift


@task(name="load", task_run_name="load {dataset} {day}", cache_policy=NO_CACHE)
async def load_one_day(dataset: str, day: date) -> DayOutcome:
    """Replace the day in the writer's database, ledger row included.

    Raises:
        warehouse.errors.WarehouseError: nothing of the day was changed.
    """
    writer, load = current_run().loads.pop((dataset, day))
    schema = DATASETS[dataset].arrow_schema()
    return _outcome(load, await in_thread(load_day, writer, schema, load))


def _outcome(of: ExportedDay | DayLoad, result: DayResult) -> DayOutcome:
    dataset, day = (
        (of.dataset, of.day) if isinstance(of, ExportedDay) else (of.dataset, of.window_day)
    )
    problem = None
    if result.outcome == "held":
        problem = (
            f"{result.rows_read:,} rows came where {result.previous_rows:,} were loaded; the old "
            f"ones stay. If the smaller export is right: backfill {ddmmyyyy(day)} with "
            "accept_smaller=true."
        )
    return DayOutcome(
        dataset,
        day,
        result.outcome,
        rows_read=result.rows_read,
        rows_loaded=result.rows_loaded,
        rows_duplicate=result.rows_duplicate,
        rows_quarantined=result.rows_quarantined,
        problem=problem,
    )
