"""One holder at a time, whatever happens between reading and writing: by a clock of the test's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keeping import Clock, KeptHere

from extract.documents import Threads
from extract.errors import LeaseLost
from extract.leases import SLACK_SECONDS, Lease, Term, bury

TERM = Term(lasts_seconds=30, renew_seconds=10)
HOLDERS = 3
Step = tuple[str, int, float]
steps = st.tuples(
    st.sampled_from(["acquire", "renew", "release"]),
    st.integers(0, HOLDERS - 1),
    st.sampled_from([0.0, 0.0, 0.4, 3.0, 29.0, 31.0, 33.1]),
)


class Company:
    """Holders, and what each does; others act between one's reading and its writing."""

    def __init__(self, meanwhile: list[Step]) -> None:
        self.clock = Clock()
        self.documents = KeptHere(self.clock)
        self.leases = [
            Lease(self.documents, "writer", holder=f"run {i}", term=TERM, clock=self.clock)
            for i in range(HOLDERS)
        ]
        self._busy: set[int] = set()
        self._meanwhile = meanwhile
        self.documents.before_write = self._others

    def do(self, step: Step) -> None:
        what, who, seconds = step
        self.clock.now += seconds
        if who in self._busy:  # one holder does one thing at a time
            return
        lease = self.leases[who]
        acts: dict[str, Callable[[], object]] = {
            "acquire": lambda: lease.held or lease.try_acquire(),
            "renew": lease.renew,
            "release": lease.release,
        }
        self._busy.add(who)
        acts[what]()
        self._busy.remove(who)
        self.check()

    def _others(self) -> None:
        if self._meanwhile and len(self._busy) < HOLDERS:
            self.do(self._meanwhile.pop())
        self.check()

    def check(self) -> None:
        assert sum(lease.held for lease in self.leases) <= 1


@pytest.mark.promise("shared-one-holder")
@given(st.lists(steps, max_size=25), st.lists(steps, max_size=25))
def test_there_are_never_two_holders(first: list[Step], meanwhile: list[Step]) -> None:
    company = Company(meanwhile)
    for step in first:
        company.do(step)


def two() -> tuple[Clock, Lease, Lease]:
    clock = Clock()
    documents = KeptHere(clock)
    one, other = (
        Lease(documents, "writer", holder=name, term=TERM, clock=clock) for name in ("A", "B")
    )
    return clock, one, other


@pytest.mark.promise("shared-one-holder")
def test_a_silent_holder_is_replaced_and_notices() -> None:
    clock, one, other = two()
    assert one.try_acquire()
    assert not other.try_acquire()
    assert other.seen_holder == "A"
    clock.now += TERM.lasts_seconds
    with pytest.raises(LeaseLost, match="another may have taken over"):
        one.require()  # before anybody else may begin
    assert not other.try_acquire()
    clock.now += SLACK_SECONDS + 1
    assert other.try_acquire()
    assert not one.renew()
    assert not one.held
    other.require()


def test_who_was_silent_and_was_not_replaced_goes_on() -> None:
    clock, one, _ = two()
    assert one.try_acquire()
    clock.now += 300
    assert not one.held
    assert one.renew()
    one.require()


def test_given_back_it_is_free_at_once() -> None:
    _, one, other = two()
    assert one.try_acquire()
    one.release()
    assert other.try_acquire()
    one.release()  # it isn't ours: nothing happens
    other.require()


def test_who_has_the_same_owner_takes_it_at_once() -> None:
    clock = Clock()
    documents = KeptHere(clock)
    one, other = (
        Lease(documents, "writer", holder="A", term=TERM, owner="a machine", clock=clock)
        for _ in range(2)
    )
    assert one.try_acquire()
    assert other.try_acquire()
    assert not one.renew()


def test_the_buried_never_come_back() -> None:
    clock = Clock()
    documents = KeptHere(clock)
    session = Lease(documents, "sessions/1", holder="A", term=TERM, clock=clock)
    assert session.try_acquire()
    assert not bury(documents, "sessions/1")
    clock.now += TERM.lasts_seconds + SLACK_SECONDS + 1
    assert bury(documents, "sessions/1")
    assert not session.renew()
    assert not session.held
    assert bury(documents, "sessions/1")
    assert not documents.names("sessions/")


def test_it_is_renewed_while_the_event_loop_is_busy() -> None:
    documents = KeptHere(time.monotonic)
    term = Term(lasts_seconds=0.5, renew_seconds=0.05)
    threads = Threads()

    async def hold() -> None:
        lease = Lease(documents, "writer", holder="A", term=term)
        assert await lease.acquire(1, threads)
        time.sleep(1.2)  # noqa: ASYNC251
        lease.require()
        other = Lease(documents, "writer", holder="B", term=term)
        assert not await other.acquire(0.1, threads)
        waiting = asyncio.create_task(other.acquire(10, threads))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        lease.release()
        assert await other.acquire(0.1, threads)
        other.release()

    asyncio.run(hold())
    threads.close()
