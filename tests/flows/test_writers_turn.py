"""Machines that share their data write one at a time: the turn is kept between batches without a
word to the store, and given up, handed over, when another machine asks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from keeping import KeptHere
from s3server import S3Server, s3_server

from extract.documents import Documents
from extract.leases import Term
from extract.sharing import Shared
from flows.sharing import StoreDocuments
from flows.writing import WriterTurn
from warehouse.errors import StoreUnavailable, WriterBusy
from warehouse.layout import DataDirectory
from warehouse.store import ObjectStore

TERM = Term(lasts_seconds=1.5, renew_seconds=0.3)


class Machine:
    """A machine's turn to write, and what it did."""

    def __init__(self, name: str, documents: Documents, folder: Path) -> None:
        self.name, self.log = name, list[str]()
        self._layout = DataDirectory(folder / name)
        self._layout.locks.mkdir(parents=True)
        self._shared = Shared(documents, holder=name, term=TERM)
        self._stack = AsyncExitStack()
        self.refuses_to_hand_over = False

    async def __aenter__(self) -> Machine:
        await self._stack.enter_async_context(self._shared)
        self.turn = WriterTurn(self._shared, self._layout, self._hand_over)
        self._stack.push_async_callback(self.turn.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _hand_over(self) -> None:
        if self.refuses_to_hand_over:
            raise StoreUnavailable("the store is away")
        assert self.turn.held
        self.log.append("handed over")

    async def write(self, seconds: float = 0.0, wait_seconds: float = 20.0) -> None:
        async with self.turn.session(wait_seconds):
            self.log.append(f"begins {time.monotonic()}")
            await asyncio.sleep(seconds)
            self.log.append(f"ends {time.monotonic()}")


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as found:
        yield found


@pytest.fixture
def stored(server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StoreDocuments:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return StoreDocuments(ObjectStore(server.url(tmp_path.name)))


@pytest.mark.rehearsal
@pytest.mark.promise("shared-writer")
def test_machines_write_one_at_a_time_and_hand_over(stored: StoreDocuments, tmp_path: Path) -> None:
    async def run() -> tuple[Machine, Machine]:
        async with Machine("A", stored, tmp_path) as one, Machine("B", stored, tmp_path) as other:

            async def many(machine: Machine) -> None:
                for _ in range(12):
                    await machine.write(0.3)

            await asyncio.gather(many(one), many(other))
            return one, other

    one, other = asyncio.run(run())
    spans = sorted(
        (float(begin.split()[1]), float(end.split()[1]))
        for log in (one.log, other.log)
        for begin, end in zip(
            [entry for entry in log if entry.startswith("begins")],
            [entry for entry in log if entry.startswith("ends")],
            strict=True,
        )
    )
    assert len(spans) == 24
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert 1 <= len([e for e in one.log + other.log if e == "handed over"]) <= 10


@pytest.mark.promise("shared-writer")
def test_a_turn_that_nobody_asks_for_costs_the_store_nothing(
    server: S3Server, stored: StoreDocuments, tmp_path: Path
) -> None:
    async def run() -> None:
        async with Machine("A", stored, tmp_path) as one:
            await one.write()
            before = len(server.puts())
            began = time.monotonic()
            for _ in range(50):
                await one.write()
            renewals = (time.monotonic() - began) / TERM.renew_seconds
            assert len(server.puts()) - before <= renewals + 1
            assert "handed over" not in one.log

    asyncio.run(run())


@pytest.mark.promise("shared-writer")
def test_who_idles_gives_way_and_who_cant_hand_over_does_not(tmp_path: Path) -> None:
    documents = KeptHere(time.time)

    async def run() -> None:
        async with (
            Machine("A", documents, tmp_path) as one,
            Machine("B", documents, tmp_path) as other,
        ):
            await one.write()
            one.refuses_to_hand_over = True
            with pytest.raises(WriterBusy, match="written by A"):
                await other.write(wait_seconds=3)
            assert one.turn.held
            one.refuses_to_hand_over = False
            await other.write(wait_seconds=10)
            assert one.log[-1] == "handed over"
            assert other.turn.held
            assert not one.turn.held

    asyncio.run(run())


@pytest.mark.promise("shared-writer")
def test_a_dead_machines_turn_is_anothers_after_its_term(tmp_path: Path) -> None:
    documents = KeptHere(time.time)

    async def run() -> None:
        async with Machine("A", documents, tmp_path) as dead:
            await dead.write()
            dead.turn._lease.stop_renewing()
            dead.refuses_to_hand_over = True
            async with Machine("B", documents, tmp_path) as other:
                await other.write(wait_seconds=10)
                assert not dead.turn.held

    asyncio.run(run())


@pytest.mark.promise("shared-writer")
def test_runs_of_one_machine_share_its_turn(tmp_path: Path) -> None:
    documents = KeptHere(time.time)

    async def run() -> None:
        async with Machine("A", documents, tmp_path) as one:
            await one.write()
            async with Shared(documents, holder="another run of A", term=TERM) as shared:
                turn = WriterTurn(shared, one._layout, one._hand_over)
                async with turn.session(1):
                    assert turn.held
                    with pytest.raises(WriterBusy, match="another run of A"):
                        await one.write(wait_seconds=0.2)
                await one.write(wait_seconds=1)  # at once, without a word of the other
                async with turn.session(1):
                    assert not one.turn.held
                await turn.close()
                async with Machine("B", documents, tmp_path) as other, other.turn.session(1):
                    assert not one.turn.held, "it was another run's of this machine, which ended"
                    with pytest.raises(WriterBusy, match="written by B"):
                        await one.write(wait_seconds=0.2)
            assert "handed over" not in one.log

    asyncio.run(run())
