"""A day prepared on any machine: export → download → raw/ → rows in the lake, up to the loader.

The task takes plain values and opens what it needs from the settings of the machine it runs on.
What comes back is plain as well: the files are where all machines find them.
"""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from extract.errors import DownloadFailed
from extract.journal import UsedExport
from flows.errors import MachinesDiffer
from flows.reading import ExportedDay, NormalisedDay, normalise_file
from flows.run import Run, Vendor, open_run
from flows.settings import Boundary, Selection, load_settings
from flows.stages import exported_by
from flows.threads import KNOWN, in_thread, unforeseen
from flows.workshop import bench, do
from transform.datasets import DATASETS
from transform.errors import TransformError

Known = tuple[str, str, str]
NORMALISE_AT_ONCE = 2
# Reading a file costs memory and a processor, waiting for an export neither.
_NORMALISING = asyncio.Semaphore(NORMALISE_AT_ONCE)


@dataclass(frozen=True)
class Asked:
    """A day to prepare, and what the machine that asks knows.

    Args:
        dataset: which.
        day: of the company.
        company: its key, where there are several.
        run_name: of the run that asks.
        flow_run_id: Prefect's id of it.
        date_to: how the vendor reads a window.
        selection: what the vendor selects by.
        newest: the latest observation in the ledger.
        known: what the day holds (file, contract, mapping); a file that is just this isn't read.
        alike: what must be the same on both machines.
    """

    dataset: str
    day: date
    company: str | None
    run_name: str
    flow_run_id: str
    date_to: Boundary
    selection: Selection
    newest: datetime | None
    known: Known | None
    alike: dict[str, str]


@dataclass(frozen=True)
class Prepared:
    """A day as another machine prepared it; every path is relative to the data directory.

    Attributes:
        exported: the file in raw/.
        normalised: its rows in the lake; None where it is what the day holds.
        used: the export, for whoever has loaded the day to forget.
        machine: which prepared it.
    """

    exported: ExportedDay
    normalised: NormalisedDay | None
    used: UsedExport | None
    machine: str

    def at(self, root: Path) -> Prepared:
        """The same, in the data directory `root`."""
        exported = dataclasses.replace(self.exported, path=root / self.exported.path)
        if self.normalised is None:
            return dataclasses.replace(self, exported=exported)
        rejects = self.normalised.quarantine_path
        normalised = dataclasses.replace(
            self.normalised,
            exported=exported,
            lake_path=root / self.normalised.lake_path,
            quarantine_path=root / rejects if rejects else None,
        )
        return dataclasses.replace(self, exported=exported, normalised=normalised)

    def apart(self, root: Path) -> Prepared:
        """The same, with paths that mean something on every machine."""
        exported = dataclasses.replace(self.exported, path=self.exported.path.relative_to(root))
        if self.normalised is None:
            return dataclasses.replace(self, exported=exported)
        rejects = self.normalised.quarantine_path
        normalised = dataclasses.replace(
            self.normalised,
            exported=exported,
            lake_path=self.normalised.lake_path.relative_to(root),
            quarantine_path=rejects.relative_to(root) if rejects else None,
        )
        return dataclasses.replace(self, exported=exported, normalised=normalised)


def what_is_alike(run: Run, dataset: str) -> dict[str, str]:
    """What machines that prepare and load a day have to agree on, by what a person calls it."""
    settings = run.settings
    return {
        "version": version("smartconnect-etl"),
        "contract": DATASETS[dataset].version,
        "mapping file, personal policies and their key": run.reading.version(dataset),
        "SMARTCONNECT_TIME_ZONE": settings.time_zone,
        "SMARTCONNECT_BASE_URL": settings.base_url,
        "data": settings.data_store or str(settings.data_root),
    }


@task(name="prepare", task_run_name="prepare {asked.dataset} {asked.day}", cache_policy=NO_CACHE)
def prepare_day(asked: Asked) -> Prepared:
    """Export the day, keep its file, and write its rows into the lake, unless it is what is known.

    The journal keeps the export until whoever loads the day has used it up.

    Raises:
        extract.errors.ExtractError: by how to recover.
        transform.errors.TransformError: the file can't be read truthfully.
        MachinesDiffer: this machine would read it otherwise than the one that loads it.
    """
    return do(_prepared(asked))


async def _prepared(asked: Asked) -> Prepared:
    settings = load_settings(asked.company)

    def opening() -> AbstractAsyncContextManager[Run]:
        return open_run(settings, asked.run_name, asked.flow_run_id)

    try:
        async with bench(f"{asked.company}/{asked.flow_run_id}", opening) as run:
            run.vendor = Vendor(asked.date_to, asked.selection)
            refuse_difference(asked.alike, what_is_alike(run, asked.dataset))
            return (await _claimed(run, asked)).apart(run.layout.root)
    except KNOWN:
        raise
    except Exception as error:  # noqa: BLE001  (its words may quote the data: they end here)
        raise unforeseen(error) from None


async def _claimed(run: Run, asked: Asked) -> Prepared:
    async with run.jobs.claim(
        run.request(asked.dataset, asked.day),
        started_after=run.resumable_after(asked.day),
        not_before=asked.newest,
    ) as claim:
        try:
            exported = await exported_by(run, claim, asked.dataset, asked.day)
            normalised = None
            if not is_known(asked.known, exported, run):
                async with _NORMALISING:
                    normalised = await in_thread(normalise_file, run.layout, exported, run.reading)
        except (TransformError, DownloadFailed):
            claim.finish()  # this file is no use: the next run asks for a new one
            raise
        return Prepared(exported, normalised, claim.finish_later(), socket.gethostname())


def is_known(known: Known | None, exported: ExportedDay, run: Run) -> bool:
    """Whether this very file is what the day holds, read by the same contract and mapping."""
    now = (DATASETS[exported.dataset].version, run.reading.version(exported.dataset))
    return known == (exported.sha256, *now)


def refuse_difference(there: dict[str, str], here: dict[str, str]) -> None:
    """Machines that read a file differently would load what nobody asked for.

    Raises:
        MachinesDiffer: names what differs, and where.
    """
    differing = [name for name, value in there.items() if here.get(name) != value]
    if differing:
        told = "; ".join(f"{name}: {here.get(name)!r} for {there[name]!r}" for name in differing)
        raise MachinesDiffer(
            f"{socket.gethostname()} isn't set up as the machine that runs the flow ({told}), so "
            "nothing was asked for there. Give both the same software, settings and mapping file."
        )
