"""What a rehearsal does, stage by stage: real runs on a real vendor and real files.

The coroutines are those of the flows; without Prefect's engine around them a stage takes a fraction
of a second. (Whole runs with Prefect are killed in tests/flows.) Each stage begins with what the
ones before it left, and together they reach every crash point.

    python -m crashing.stages STAGE [POINT COUNT]
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import pickle
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect import Task

import flows.callbacks
import flows.ingest
import flows.snapshot
from crashing.checks import content, leftovers, whole
from crashing.mailserver import mail_server
from crashing.points import EVENT
from extract.errors import SendUncertain
from extract.inbox import Inbox, request_seal
from extract.inboxsegments import Received
from extract.journal import ExportRequest, Journal
from extract.outbox import Letter
from flows.bulk import Sending
from flows.bulkplan import Plan
from flows.chatextract import Wanted, make_extract
from flows.deliveries import Deliveries
from flows.mail import Message
from flows.parcels import Parcel
from flows.pipeline import Options
from flows.publishing import publish_now, publishing
from flows.rebuild import rebuild_everything
from flows.reportfiles import PAGE, TOLD, keep_newest, put_report
from flows.run import open_run
from flows.sending import send
from flows.settings import Settings, load_settings
from flows.summary import RunReport
from flows.users import LISTS
from flows.writersession import writer_session
from transform.datasets import DATASETS
from warehouse.database import open_writer
from warehouse.extracts import remove_extract
from warehouse.layout import DataDirectory
from warehouse.leftovers import present
from warehouse.published import releases
from warehouse.releases import publish, rollback
from warehouse.retention import apply_retention

FIRST = date(2026, 2, 2)
BOTH = ("chats", "statistics")
RECIPIENTS = ("canary.one@example.org", "canary.two@example.org")
PARCEL = Parcel(
    "day-2026-02-01",
    "the report of 01.02.2026",
    "smartconnect report --day 01.02.2026 --send-again",
    Message("A day", "A day\n\nMessages: 12"),
)


class _Quiet:
    """In place of Prefect's progress artifact."""

    def __init__(self, key: str) -> None:
        self.key = key

    def tick(self, done: int, total: int) -> None: ...

    async def show(self) -> None: ...


async def _no_artifact(*_: object, **__: object) -> None: ...


def without_prefect() -> None:
    """Let the tasks be called as the plain functions that they are made of."""
    for name in [name for name in sys.modules if name.startswith("flows.")]:
        module = sys.modules[name]
        for known, value in list(vars(module).items()):
            if isinstance(value, Task):
                setattr(module, known, value.fn)
            elif known.startswith("acreate_"):
                setattr(module, known, _no_artifact)
    flows.ingest.Progress = _Quiet  # type: ignore[assignment,misc]


def layout_of(settings: Settings) -> DataDirectory:
    return DataDirectory(settings.data_root, group=settings.published_group)


async def run_days(
    days: Sequence[int],
    *,
    datasets: Sequence[str] = BOTH,
    force: bool = False,
    users: bool = False,
    failing: int = 0,
) -> RunReport:
    """One run over days counted from `FIRST`; `failing` of them must fail."""
    settings, report = load_settings(), RunReport("rehearsal")
    wanted = [FIRST + timedelta(days=day) for day in days]
    async with open_run(settings, "rehearsal", "") as run:
        await flows.ingest.ingest(
            run, report, datasets, lambda *_: wanted, Options(force=force), with_users=users
        )
    print("\n".join(report.lines()))
    assert len(report.failures) == failing, report.lines()
    return report


async def first() -> None:
    """Into an empty directory, from a vendor whose habits are found out first."""
    await run_days([0, 1], users=True)


async def again() -> None:
    """Every row anew: a second release; a killed run's ticket and another day's calls are there."""
    layout_of(load_settings()).calls.joinpath("2026-01-01.calls").touch()
    folder = next((load_settings().data_root / "state" / "locks").rglob("waiting"))
    (folder / "00000000000000000000-001-dead.ticket").touch()
    await run_days([0, 1], force=True)


async def third() -> None:
    """Once more: the first release and its lake files go."""
    await run_days([0], force=True)


async def same() -> None:
    """Nothing is new."""
    await run_days([0, 1], users=True)


async def listed() -> None:
    """Users, each in detail, and channel accounts."""
    async with open_run(load_settings(), "rehearsal", "") as run:
        await flows.ingest.read_ledger(run, BOTH)
        outcomes = [await flows.snapshot.list_outcome(run, name) for name in LISTS]
        assert {outcome.outcome for outcome in outcomes} <= {"loaded", "unchanged"}, outcomes
        async with publishing(run):
            await flows.ingest.publish_release()


async def extracted() -> None:
    """Named extracts, as CSV and as a sheet; one of them is taken away again."""
    layout = layout_of(load_settings())
    for kind in ("csv", "xlsx"):
        if not (layout.extracts / kind).exists():
            who = "nobody of this name" if kind == "xlsx" else None
            wanted = Wanted(kind, FIRST, FIRST, kind=kind, client=who)  # type: ignore[arg-type]
            await make_extract(wanted, "rehearsal", "")
    if (layout.extracts / "xlsx").exists():
        remove_extract(layout, layout.extracts / "xlsx")


async def messaged() -> None:
    """A message under a name of its own, and one without."""
    settings = load_settings()
    with suppress(SendUncertain):
        await send(settings, Letter(101, "thread", "once"), key="rehearsal")
    with suppress(SendUncertain):
        await send(settings, Letter(101, "thread", "any number of times"))


async def delivered() -> None:
    """A report by e-mail to two, through the server that is told of, or one of the stage's own."""
    with ExitStack() as stack:
        if "SMARTCONNECT_SMTP_PORT" not in os.environ:
            _, port = stack.enter_context(mail_server())
            os.environ["SMARTCONNECT_SMTP_PORT"] = str(port)
        os.environ |= {
            "SMARTCONNECT_SMTP_HOST": "127.0.0.1",
            "SMARTCONNECT_SMTP_SECURITY": "none",
            "SMARTCONNECT_REPORT_EMAIL_FROM": "robot@example.org",
            "SMARTCONNECT_REPORT_EMAIL_TO": ", ".join(RECIPIENTS),
            "SMARTCONNECT_REPORT_CHANNEL_ACCOUNT": "101",
            "SMARTCONNECT_REPORT_THREAD": "canary-thread",
        }
        again = "SEND_AGAIN" in os.environ
        for line in await Deliveries(load_settings()).deliver(PARCEL, again=again):
            print(line)


async def reported() -> None:
    """Two reports, one of them anew with a picture less, and the older one removed."""
    layout = layout_of(load_settings())
    layout.initialise("sandbox")
    for day, pictures in ((1, 2), (1, 1), (2, 1)):

        def write(folder: Path, pictures: int = pictures) -> None:
            (folder / PAGE).write_text("page", encoding="utf-8")
            for number in range(pictures):
                (folder / f"{number}.png").write_bytes(b"picture")

        with present(layout):
            folder = layout.report_folder("day", date(2026, 2, day), date(2026, 2, day))
            files = put_report(layout, folder, write, {"kind": "day"})
            assert len(files.pictures) == pictures
            shown = [path.name for path in folder.iterdir() if path.name[0] != "."]
            assert sorted(shown) == sorted(
                [PAGE, TOLD, *(f"{number}.png" for number in range(pictures))]
            )
            keep_newest(layout, "day", 1)


async def bulked() -> None:
    """A bulk messaging through one channel account."""
    digest = hashlib.sha256(b"text").hexdigest()
    plan = Plan("rehearsal", "text.txt", digest, 4, [], everywhere=False)
    async with open_run(load_settings(), "rehearsal", "") as run:
        await flows.ingest.read_ledger(run, [])
        await Sending(run, plan, "text").run([101], send_again=False, follow_seconds=5)


async def held() -> None:
    """A day comes back with a tenth of its rows."""
    await run_days([1], datasets=["chats"])


async def cut() -> None:
    """A file that is cut off whenever it is asked for."""
    await run_days([2], datasets=["chats"], failing=1)


async def drifted() -> None:
    """A day with a column that the mapping file wants to stop at."""
    settings = load_settings()
    mapping = settings.data_root.parent / "mapping.toml"
    mapping.write_text('[chats]\ndrift = "stop"\n', encoding="utf-8")
    try:
        await run_days([4], datasets=["chats"], failing=1)
    finally:
        mapping.unlink()


async def rolled_back() -> None:
    """Readers are put back, publication held and let go, and the next publication ends it."""
    layout = layout_of(load_settings())
    oldest = releases(layout)[0].number
    rollback(layout, to=oldest, hold=True)
    rollback(layout, to=oldest)
    await run_days([0], datasets=["chats"], force=True)


async def rebuilt() -> None:
    """Everything from raw/ again."""
    rebuild_everything(load_settings(), lambda *_: None)


async def protected() -> None:
    """Everything from raw/ again under a policy for persons: rejected records of before go."""
    earlier = layout_of(load_settings()).quarantine_file("chats", "an-earlier-load")
    earlier.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    earlier.touch(mode=0o600)
    os.environ["SMARTCONNECT_PERSONAL"] = '{"extra": "drop"}'
    rebuild_everything(load_settings(), lambda *_: None)
    assert not earlier.exists()


async def withheld() -> None:
    """A release without the personal columns, and the way back; no file is kept besides."""
    os.environ["SMARTCONNECT_PUBLISH_PERSONAL"] = "false"
    await run_days([0], datasets=["chats"])
    os.environ["SMARTCONNECT_PUBLISH_PERSONAL"] = "true"
    await run_days([1], datasets=["chats"])  # another day: a stage starts no export twice


async def called() -> None:
    """Callbacks are received, among them what is no message and what came before, and loaded."""
    settings = load_settings()
    layout, at = layout_of(settings), datetime(2026, 2, 3, tzinfo=UTC)
    bodies = [
        b'{"message_id": %d, "thread_id": "t", "message": "a", "time": 1770000000}' % (number % 3)
        for number in range(4)
    ]
    async with Inbox(layout.inbox, seal_seconds=60, seal_bytes=10**6) as inbox:
        for body in [*bodies, b"{"]:
            await inbox.keep(Received(at, False, body, None if body != b"{" else "no message"))
        assert await asyncio.to_thread(request_seal, layout.inbox, 10)
    async with open_run(settings, "rehearsal", "", offline=True) as run:
        await flows.ingest.read_ledger(run, [])
        await flows.callbacks.ingest_callbacks()
        async with writer_session(run) as writer:
            await publish_now(writer, run)


async def filtered() -> None:
    """A filtered export's name, which takes a key."""
    layout = layout_of(load_settings())
    Journal(layout.journal, "vendor").key(ExportRequest("chats", FIRST, FIRST, name="someone"))


async def published() -> None:
    """A publication alone, after a change that needs no vendor."""
    settings = load_settings()
    with open_writer(
        layout_of(settings),
        holder="rehearsal",
        wait_seconds=10,
        schemas=[dataset.arrow_schema() for dataset in DATASETS.values()],
    ) as writer:
        writer.connection.execute("UPDATE meta.revision SET number = number + 1")
        assert publish(writer, keep=settings.keep_releases)


async def compacted() -> None:
    """A file a month as well: written, linked, its tree taken over, with what is left in it."""
    os.environ["SMARTCONNECT_COMPACT"] = "months"
    await run_days([27], datasets=["chats"])  # in March: February is over
    async with open_run(load_settings(), "rehearsal", "", offline=True) as run:
        await flows.ingest.read_ledger(run, [])
        for _ in range(3):
            async with writer_session(run) as writer:
                writer.connection.execute("UPDATE meta.revision SET number = number + 1")
                assert await publish_now(writer, run)
            if (kept := run.layout.spare / "months" / "chats").is_dir():
                (kept / "what-somebody-left").touch()


async def retained() -> None:
    """What is kept for so long only goes; ten years later, that is all of raw/ and quarantine."""
    with open_writer(
        layout_of(load_settings()),
        holder="rehearsal",
        wait_seconds=10,
        schemas=[dataset.arrow_schema() for dataset in DATASETS.values()],
    ) as writer:
        later = datetime.now(UTC) + timedelta(days=3650)
        apply_retention(writer, later, keep_raw_days=30, keep_quarantine_days=30)


async def told() -> None:
    """What readers see, for whoever can't see this disk."""
    data = load_settings().data_root
    found = (content(data), whole(data), leftovers(data))
    with open(os.environ["TOLD"], "wb") as file:  # noqa: ASYNC230, PTH123  (nobody waits)
        pickle.dump(found, file)


async def swept() -> None:
    """A run's beginning, which clears what killed ones left."""
    async with open_run(load_settings(), "rehearsal", "", offline=True) as run:
        await flows.ingest.read_ledger(run, BOTH)


STAGES: dict[str, Callable[[], Awaitable[Any]]] = {
    stage.__name__: stage
    for stage in (
        first,
        again,
        third,
        same,
        listed,
        extracted,
        messaged,
        delivered,
        reported,
        bulked,
        held,
        cut,
        drifted,
        rolled_back,
        called,
        rebuilt,
        withheld,
        filtered,
        published,
        compacted,
        protected,
        retained,
        swept,
    )
}


ASIDE: dict[str, Callable[[], Awaitable[Any]]] = {"told": told}


def note_points(hits: list[str], kill: tuple[str, int] | None) -> None:
    """From now on note the points that this process passes; SIGKILL at the given one's n-th."""
    began, passed = time.monotonic(), Counter[str]()

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event != EVENT:
            return
        name = str(args[0])
        passed[name] += 1
        hits.append(f"{name} {time.monotonic() - began:.3f}")
        if kill is not None and name == kill[0] and passed[name] == kill[1]:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def run_stage(name: str, kill: tuple[str, int] | None = None, noted: Path | None = None) -> None:
    """Run a stage to its end, or to its death; `noted` takes the points that it passed."""
    hits: list[str] = []
    note_points(hits, kill)
    without_prefect()
    try:
        asyncio.run({**STAGES, **ASIDE}[name]())  # type: ignore[arg-type]
    finally:
        if noted is not None:
            with suppress(OSError):
                noted.write_text("\n".join(hits), encoding="utf-8")


if __name__ == "__main__":
    stage, *point = sys.argv[1:]
    run_stage(stage, (point[0], int(point[1])) if point else None)
