"""Days prepared on a Dask or Ray cluster, through Prefect's own task runners.

The flow's process asks for days and loads what comes back; where it runs is of no matter to them.
A worker of the cluster that is lost in the middle of a day gives it to another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from datetime import date
from typing import TYPE_CHECKING, Any

from prefect.context import SettingsContext, get_settings_context

from extract.errors import KeeperUnusable, LeaseLost
from flows.errors import ClusterLost, NotConfigured
from flows.preparing import Asked, Known, Prepared, prepare_day, what_is_alike
from flows.run import Run
from flows.settings import Settings
from flows.stages import KNOWN, in_thread
from warehouse.errors import StoreUnavailable

if TYPE_CHECKING:
    from prefect.futures import PrefectFuture
    from prefect.task_runners import TaskRunner

# Beyond the exports that may run: days whose file is read, or that wait for the loader.
READING_DAYS = 16
# A machine that reaches the cluster and not what all share: another may, or this one later.
CUT_OFF = (KeeperUnusable, LeaseLost, StoreUnavailable)
PAUSES_SECONDS = (5.0, 20.0)
# A day mostly waits. Ray gives each a process, and would start as many as there are processors.
RAY_PROCESSORS = 0.05
_INSTALL = "pip install 'smartconnect-etl[{extra}]', or make .venv/.cluster"


class _SettingsStay(SettingsContext):
    """Prefect's settings, which aren't sent along with a task."""

    def serialize(self, include_secrets: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """Nothing: whoever is sent nothing keeps to its own."""
        return {}


def settings_stay() -> SettingsContext:
    """For the time of its block, tasks take none of Prefect's settings along.

    Each machine has its own (`worker.env`). Those of the flow's process would bring its secrets
    with each day, and to read them costs a worker as much as to run the task three times over.
    """
    now = get_settings_context()
    return _SettingsStay(profile=now.profile, settings=now.settings)


class Cluster:
    """Asks a task runner for days; made by `cluster_of`."""

    def __init__(self, runner: TaskRunner[Any], days_at_once: int) -> None:
        self._runner = runner
        self.days_at_once = days_at_once

    async def prepare(self, run: Run, key: tuple[str, date], known: Known | None) -> Prepared:
        """A day whose files are here when this returns, ready to be loaded.

        Raises:
            ExtractError, TransformError, WarehouseError, FlowError: as `prepare_day` has them.
            ClusterLost: nobody can say what became of it.
        """
        dataset, day = key
        asked = Asked(
            dataset,
            day,
            run.settings.company,
            run.name,
            run.flow_run_id,
            run.vendor.date_to,
            run.vendor.selection,
            run.newest,
            known,
            await in_thread(what_is_alike, run, dataset),
        )
        for pause_seconds in PAUSES_SECONDS:
            with suppress(*CUT_OFF):
                return await self._prepared(run, asked)
            await asyncio.sleep(pause_seconds)
        return await self._prepared(run, asked)

    async def _prepared(self, run: Run, asked: Asked) -> Prepared:
        prepared = (await self._result(asked)).at(run.layout.root)
        await in_thread(_bring, run, prepared)
        return prepared

    async def _result(self, asked: Asked) -> Prepared:
        try:
            future = self._runner.submit(prepare_day, {"asked": asked})
            await _done(future)
            result: Prepared = await asyncio.to_thread(_result_of, future)
        except KNOWN:
            raise
        except Exception as error:  # noqa: BLE001  (the engine's own: its words may hold anything)
            raise ClusterLost(
                f"{asked.dataset} of {asked.day:%d.%m.%Y}: the cluster lost it "
                f"({type(error).__name__}). Look at its workers, then run again: an export that "
                "was started is taken up."
            ) from None
        return result


def _result_of(future: PrefectFuture[Any]) -> Any:
    return future.result()


async def _done(future: PrefectFuture[Any]) -> None:
    """Wait without a thread; who is cancelled lets go of the day if nobody has begun it."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(done.set)

    future.add_done_callback(tell)
    try:
        await done.wait()
    except asyncio.CancelledError:
        cancel = getattr(getattr(future, "wrapped_future", None), "cancel", None)
        if cancel is not None:
            cancel()
        raise


def _bring(run: Run, prepared: Prepared) -> None:
    """Bring the lake file here, and the rejects.

    Raises:
        ClusterLost: they are nowhere: the machines have no files in common.
    """
    day = prepared.normalised
    if day is None:
        return
    rejects = [day.quarantine_path] if day.quarantine_path else []
    if run.layout.files.fetch([day.lake_path, *rejects]):
        raise ClusterLost(
            f"{day.exported.dataset} of {day.exported.day:%d.%m.%Y}: {prepared.machine} prepared "
            "it, and its file isn't to be found from here: machines share files by "
            "SMARTCONNECT_DATA_URL (docs/scale-out.md)."
        )


@asynccontextmanager
async def cluster_of(run: Run, from_raw: bool = False) -> AsyncIterator[Cluster | None]:
    """The cluster that the settings name, for the time of the block; None where days stay here.

    Raises:
        NotConfigured: it can't be used as it is set.
        ClusterLost: nobody answers at its address.
    """
    settings = run.settings
    if settings.task_runner == "local" or from_raw:
        yield None
        return
    if settings.calls_per_run is not None:
        raise NotConfigured(
            "SMARTCONNECT_CALLS_PER_RUN counts the calls of one process, and a cluster has many: "
            "leave it out, and set SMARTCONNECT_CALLS_PER_DAY, which is counted over all."
        )
    at_once = settings.export_jobs + max(READING_DAYS, settings.export_jobs)
    with ExitStack() as stack:
        runner = _runner(settings, stack)
        try:
            await asyncio.to_thread(stack.enter_context, runner)
            if settings.task_runner == "dask":
                await asyncio.to_thread(getattr, runner, "client")  # it connects here
        except Exception as error:  # noqa: BLE001  (the engine's own)
            raise ClusterLost(
                f"The {settings.task_runner} cluster at {settings.cluster_address} can't be used "
                f"({type(error).__name__}): start it, or correct SMARTCONNECT_CLUSTER_ADDRESS. "
                "Nothing was asked for."
            ) from None
        stack.enter_context(settings_stay())
        yield Cluster(runner, at_once)


def _runner(settings: Settings, stack: ExitStack) -> TaskRunner[Any]:
    address = settings.cluster_address
    if address is None:
        raise NotConfigured(
            f"SMARTCONNECT_TASK_RUNNER is {settings.task_runner}, and SMARTCONNECT_CLUSTER_ADDRESS "
            "doesn't say where that cluster is."
        )
    try:
        if settings.task_runner == "dask":
            from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415  (an extra)

            dask: TaskRunner[Any] = DaskTaskRunner(address=address)
            return dask
        from prefect_ray import RayTaskRunner  # noqa: PLC0415
        from prefect_ray.context import remote_options  # noqa: PLC0415
    except ImportError:
        extra = settings.task_runner
        raise NotConfigured(
            f"SMARTCONNECT_TASK_RUNNER={extra} needs what isn't installed: "
            f"{_INSTALL.format(extra=extra)}."
        ) from None
    stack.enter_context(remote_options(num_cpus=RAY_PROCESSORS))
    ray: TaskRunner[Any] = RayTaskRunner(address=address)
    return ray
