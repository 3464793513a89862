"""What runs in a thread is never abandoned, and nobody waits for a loader that has gone."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import flows.loader
import flows.publishing
import flows.writersession
import warehouse.database
from flows.backfill import backfill
from flows.errors import DaysFailed
from flows.run import open_run
from flows.settings import load_settings
from flows.stages import in_thread
from flows.writersession import writer_session
from sandbox.server import RunningSandbox
from warehouse.database import Writer
from warehouse.errors import WarehouseError
from warehouse.layout import DataDirectory
from warehouse.loading import DayLoad, DayResult, load_day
from warehouse.published import current_release
from warehouse.releases import publish

ENDS_WITHIN_SECONDS = 30.0


def fill() -> None:
    async def bounded() -> None:
        async with asyncio.timeout(ENDS_WITHIN_SECONDS) as bound:
            try:
                await backfill(date_from="02.02.2026", date_to="03.02.2026")  # type: ignore[arg-type]
            finally:
                assert not bound.expired()

    asyncio.run(bounded())


@pytest.mark.promise("process-unforeseen")
def test_whoever_is_cancelled_waits_for_the_end_of_his_thread() -> None:
    begun, ended = threading.Event(), []

    def work() -> None:
        begun.set()
        time.sleep(0.2)
        ended.append(True)

    async def cancelled() -> None:
        task = asyncio.create_task(in_thread(work))
        await asyncio.to_thread(begun.wait)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0.01)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == [True]

    asyncio.run(cancelled())


@pytest.mark.promise("process-unforeseen")
def test_whoever_is_cancelled_while_he_opens_the_database_leaves_it_free(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox_settings(start_sandbox(), WRITER_WAIT_SECONDS="0")
    real = flows.writersession.open_writer

    async def cancelled() -> None:
        async with open_run(load_settings(), "a run", "") as run:

            async def write() -> None:
                async with writer_session(run):
                    pass

            session = real(run.layout, holder="a run", wait_seconds=0)
            entering = threading.Event()

            class Slow:
                def __enter__(self) -> Any:
                    entering.set()
                    time.sleep(0.1)
                    return session.__enter__()

                def __exit__(self, *_: object) -> None:
                    session.__exit__(None, None, None)

            monkeypatch.setattr(flows.writersession, "open_writer", lambda *_, **__: Slow())
            task = asyncio.create_task(write())
            await asyncio.to_thread(entering.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            monkeypatch.undo()
            await asyncio.sleep(0.3)  # a thread that was abandoned would have it by now
            with real(run.layout, holder="another", wait_seconds=0):
                pass

    asyncio.run(cancelled())


@pytest.mark.promise("process-unforeseen")
@pytest.mark.usefixtures("prefect_api")
@pytest.mark.filterwarnings("default")
def test_a_publication_that_is_under_way_when_the_last_day_is_loaded_is_ended(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox_settings(start_sandbox(messages_per_day=40), PUBLISH_EVERY_SECONDS="0")
    begun, ended = [], []

    def slow(*args: Any, **kwargs: Any) -> Any:
        begun.append(True)
        time.sleep(1)  # meanwhile the last day is told loaded, and the run goes on
        found = publish(*args, **kwargs)
        ended.append(True)
        return found

    monkeypatch.setattr(flows.publishing, "publish", slow)
    fill()
    assert len(begun) == len(ended) > 1


@pytest.mark.promise("process-unforeseen")
@pytest.mark.usefixtures("prefect_api")
@pytest.mark.filterwarnings("default")
def test_what_nobody_foresaw_in_the_loader_ends_the_run_instead_of_holding_it(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox_settings(start_sandbox(messages_per_day=40))

    async def broken(*_: object) -> None:
        raise ConnectionError("nobody foresaw this")

    monkeypatch.setattr(flows.loader, "load_one_day", broken)
    with pytest.raises(ConnectionError):
        fill()


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.filterwarnings("default")
def test_days_that_come_one_after_the_other_are_loaded_in_few_sessions(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox_settings(start_sandbox(export_seconds=0.2), EXPORT_JOBS="1")
    opened: list[float] = []
    real = flows.loader.writer_session

    def counted(*args: Any, **kwargs: Any) -> Any:
        opened.append(time.monotonic())
        return real(*args, **kwargs)

    monkeypatch.setattr(flows.loader, "writer_session", counted)
    asyncio.run(backfill(date_from="02.02.2026", date_to="05.02.2026"))  # type: ignore[arg-type]
    pauses = [later - earlier for earlier, later in pairwise(opened)]
    assert pauses
    assert min(pauses) >= flows.loader.GATHER_SECONDS


@pytest.mark.usefixtures("prefect_api")
@pytest.mark.filterwarnings("default")
def test_a_day_that_cannot_be_loaded_leaves_those_that_were_loaded_with_it_alone(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=40))
    bad, groups = date(2026, 2, 3), []

    def broken(writer: Writer, schema: pa.Schema, load: DayLoad) -> DayResult:
        if load.window_day != bad:
            return load_day(writer, schema, load)
        with writer.transaction() as connection:
            connection.execute("DELETE FROM meta.days")
            raise WarehouseError("this day can't be loaded")

    class Together(Writer):
        @contextmanager
        def together(self) -> Iterator[None]:
            groups.append(True)
            with super().together():
                yield

    monkeypatch.setattr(warehouse.database, "Writer", Together)
    monkeypatch.setattr(flows.loader, "load_day", broken)
    monkeypatch.setattr(flows.loader, "GATHER_SECONDS", 2.0)  # so that days are loaded together
    with pytest.raises(DaysFailed):
        asyncio.run(backfill(date_from="02.02.2026", date_to="06.02.2026"))  # type: ignore[arg-type]
    assert groups
    release = current_release(DataDirectory(data))
    assert release is not None
    with duckdb.connect(str(release.path / "warehouse.duckdb"), read_only=True) as connection:
        days = connection.sql("SELECT dataset, window_day FROM meta.days").fetchall()
    expected = [date(2026, 2, day) for day in (2, 4, 5, 6)]
    assert sorted(days) == sorted((d, day) for d in ("chats", "statistics") for day in expected)
