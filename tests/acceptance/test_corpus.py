"""Real conversations, all the way: each of the 136,193 messages is what readers see.

The truth is made from the corpus file alone, and served by a sandbox in a process of its own.
"""

from __future__ import annotations

import asyncio
import codecs
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from companydays import today
from weekbypandas import week

from flows.backfill import Exported, backfill
from flows.servers import running_sandbox_process
from flows.windows import ddmmyyyy
from reports.page import html_page
from sandbox.server import RunningSandbox
from warehouse.answers import read_figures
from warehouse.figures import Period
from warehouse.layout import DataDirectory
from warehouse.marts import release_reader
from warehouse.reading import query_release

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "support-chat.parquet"
DAYS, MESSAGES = 106, 136_193
TOKEN = "acceptance-token"
pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(not CORPUS.exists(), reason="the real conversations are not here"),
]
# The last day is yesterday, so that the run can find out by itself how the vendor reads a window.
START = today() - timedelta(days=DAYS)
SHOWN = """
    SELECT message_id::BIGINT, strftime(sent_at, '%Y-%m-%d %H:%M:%S'),
           CASE direction WHEN 'out' THEN user_name ELSE client_name END, coalesce(text, '')
    FROM chats ORDER BY 1
"""


def one_hash(rows: Iterator[tuple[object, ...]]) -> str:
    """Over id, time, author and text of every message, in the order of the ids."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update("\x1f".join(str(part) for part in row).encode() + b"\x1e")
    return digest.hexdigest()


def corpus_rows() -> Iterator[tuple[object, ...]]:
    """The file's messages, numbered in its order, its days laid end to end from `START`."""
    table = pq.read_table(CORPUS).to_pydict()
    laid = {
        day: (START + timedelta(days=number)).isoformat()
        for number, day in enumerate(sorted(set(table["date"])))
    }
    columns = (table[name] for name in ("date", "time", "nick", "text"))
    for number, (day, clock, nick, text) in enumerate(zip(*columns, strict=True), start=1):
        yield number, f"{laid[day]} {clock}", nick, text


@contextmanager
def corpus_sandbox(folder: Path, *options: str) -> Iterator[RunningSandbox]:
    where = ("--corpus", str(CORPUS), "--corpus-start", ddmmyyyy(START))
    fast = ("--export-seconds", "0", "--max-running", "16", "--token", TOKEN)
    with running_sandbox_process(folder, *where, *fast, *options) as base_url:
        yield RunningSandbox(base_url, TOKEN)


def byte_order_marks(data: Path) -> set[bool]:
    """Whether files came with one: cp1251 is asked for, and what it can't hold comes in UTF-8."""
    found = (data / "raw" / "chats").glob("*/*")
    return {path.read_bytes().startswith(codecs.BOM_UTF8) for path in found}


def require_the_week_that_pandas_tells(layout: DataDirectory) -> None:
    """A week in the middle: marts, report and an independent script say the same."""
    period = Period(START + timedelta(days=49), START + timedelta(days=55))
    with release_reader(layout) as reader:
        figures = read_figures(reader, period)
    told = week(layout.raw / "chats", period.first.isoformat(), period.last.isoformat())
    total, sla = asdict(figures.total), figures.sla[0]
    assert {name: told[name] for name in total} == total
    assert (told["sla_turns"], told["sla_met"]) == (sla.turns, sla.met)
    assert told["by_date"] == figures.by_date["messages_in"].to_pylist()
    operators = [line for line in figures.operators if line.now.messages_out]
    written = {line.key: line.now.messages_out for line in operators}
    assert told["messages_by_operator"] == written
    answers = {line.key: line.now.turns_answered for line in operators if line.now.turns_answered}
    assert told["answers_by_operator"] == answers
    assert total["messages_in"] > 2000
    assert total["turns_answered"] > 400
    print(f"week {period.first} to {period.last}: {total}, SLA {sla.met} of {sla.turns}")
    page = html_page(figures, "en")
    shown = ("messages_in", "messages_out", "threads_opened", "threads_unanswered", "clients")
    assert [name for name in shown if f"{told[name]:,}" not in page] == []


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--selection", "message"), marks=pytest.mark.rehearsal),
        pytest.param(("--selection", "thread"), marks=pytest.mark.rehearsal),
        pytest.param(("--selection", "message", "--format", "xlsx"), marks=pytest.mark.rehearsal),
        pytest.param(
            ("--selection", "thread", "--encoding", "cp1251", "--delimiter", "tab"),
            marks=pytest.mark.rehearsal,
        ),
    ],
    ids=["message-csv", "thread-csv", "message-xlsx", "thread-cp1251"],
)
def test_every_message_of_the_corpus_is_what_readers_see(
    options: tuple[str, ...],
    sandbox_settings: Callable[..., Path],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    with corpus_sandbox(tmp_path / "sandbox", *options) as sandbox:
        data = sandbox_settings(sandbox, EXPORT_JOBS="16", PUBLISH_EVERY_SECONDS="600")
        window = {"date_from": ddmmyyyy(START), "date_to": ddmmyyyy(today())}
        asyncio.run(backfill(**window, datasets=[Exported.chats]))  # type: ignore[arg-type]
    layout = DataDirectory(data)
    assert query_release(layout, "SELECT count(*) FROM meta.quarantine").rows == [(0,)]
    assert query_release(layout, "SELECT value FROM meta.facts ORDER BY key").rows == [
        ("inclusive",),
        (options[1],),
    ]
    shown = query_release(layout, SHOWN).rows
    assert len(shown) == MESSAGES
    assert one_hash(iter(shown)) == one_hash(corpus_rows())
    assert byte_order_marks(data) == ({True, False} if "cp1251" in options else {False})
    parquet = (data / "current").resolve() / "parquet" / "chats"
    files = sorted(parquet.glob("window_day=*/part.parquet"))
    assert sum(pq.read_metadata(file).num_rows for file in files) == MESSAGES
    if "csv" in request.node.name and "message" in request.node.name:
        require_the_week_that_pandas_tells(layout)
