"""In a process of a cluster the days of a run share what it opened, whatever their threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import workshop
from flows.errors import NotConfigured


class Opened:
    """What was opened and closed, and how many worked with it at once."""

    def __init__(self) -> None:
        self.times = self.open = self.most = self.at_work = 0
        self.threads: set[int] = set()

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[Any]:
        self.times, self.open = self.times + 1, self.open + 1
        try:
            yield self
        finally:
            self.open -= 1

    async def work(self, name: str, seconds: float) -> None:
        async with workshop.bench(name, self.opening) as run:
            assert run is self
            assert self.open == 1, "it is open as long as somebody works"
            self.at_work += 1
            self.most = max(self.most, self.at_work)
            self.threads.add(threading.get_ident())
            await asyncio.sleep(seconds)
            self.at_work -= 1


def test_days_in_many_threads_share_one_run_and_wait_beside_each_other() -> None:
    opened = Opened()
    with ThreadPoolExecutor(12) as threads:
        for done in [threads.submit(workshop.do, opened.work("a", 0.2)) for _ in range(12)]:
            done.result()
    assert (opened.times, opened.most, len(opened.threads)) == (1, 12, 1)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=12))
def test_whenever_days_come_the_run_is_open_once_and_closed_after_the_last(
    milliseconds: list[int],
) -> None:
    opened = Opened()
    name = f"run-{id(opened)}"
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(len(milliseconds)) as threads:
        patch.setattr(workshop, "LINGER_SECONDS", 0.005)
        works = [opened.work(name, wait / 1000) for wait in milliseconds]
        for done in [threads.submit(workshop.do, work) for work in works]:
            done.result()
        workshop.do(asyncio.sleep(0.05))
    assert opened.open == 0
    assert 1 <= opened.times <= len(milliseconds)


def test_a_run_that_cant_be_opened_is_told_to_all_and_tried_anew_by_the_next() -> None:
    @asynccontextmanager
    async def refused() -> AsyncIterator[Any]:
        raise NotConfigured("No token.")
        yield

    async def work() -> None:
        async with workshop.bench("refused", refused):
            pass

    for _ in range(2):
        with pytest.raises(NotConfigured, match="No token"):
            workshop.do(work())
    opened = Opened()
    workshop.do(opened.work("refused", 0))
    assert opened.times == 1
