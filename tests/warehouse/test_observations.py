"""No sequence of loads, in any order, loses or doubles a message: checked against a plain model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from small_company import beginning, load_rows

from warehouse.database import Writer
from warehouse.layout import DataDirectory
from warehouse.published import current_release
from warehouse.releases import publish

SCHEMA = pa.schema(
    [
        pa.field("message_id", pa.string(), metadata={"comment": "The message's id."}),
        pa.field("sent_at", pa.timestamp("us"), metadata={"comment": "When."}),
        pa.field("text", pa.string(), metadata={"comment": "What.", "personal": "true"}),
        pa.field("observed_at", pa.timestamp("us", tz="UTC"), metadata={"comment": "Seen."}),
        pa.field("load_id", pa.string(), metadata={"comment": "Load."}),
    ],
    metadata={
        "dataset": "chats",
        "grain": "One message.",
        "identity": '["message_id"]',
        "identity_fallback": '["sent_at", "text"]',
        "order_by": "sent_at",
    },
)
START = datetime(2026, 2, 1, 12, tzinfo=UTC)
DAYS = [date(2026, 2, 1) + timedelta(days=n) for n in range(3)]
ids = st.sampled_from(["1", "2", "3", "10", None])
rows = st.lists(st.tuples(ids, st.sampled_from(["да", "нет"])), max_size=5)
Row = tuple[str | None, str]


class Failed(Exception):
    """One of several loads."""


def identities(found: list[Row]) -> dict[tuple[str, ...], Row]:
    """The rows of one file by identity; of equal ids the last one counts."""
    seen: dict[str, int] = {}
    named: dict[tuple[str, ...], Row] = {}
    for number, text in found:
        if number is not None:
            named[("id", number)] = (number, text)
        else:
            seen[text] = seen.get(text, 0) + 1
            named[("said", text, str(seen[text]))] = (number, text)
    return named


class Loads(RuleBasedStateMachine):
    """Loads of three days, overlapping, repeated, late and replayed, with publications between."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        root = Path(self.stack.enter_context(TemporaryDirectory()))
        self.layout = DataDirectory(root / "data")
        self.counter: Iterator[int] = itertools.count()
        self.days: dict[date, tuple[datetime, dict[tuple[str, ...], Row]]] = {}
        self.writer: Writer = self.stack.enter_context(beginning(self.layout, SCHEMA))

    @rule(day=st.sampled_from(DAYS), found=rows, hours=st.integers(0, 5))
    def load(self, day: date, found: list[Row], hours: int) -> None:
        observed_at = START + timedelta(hours=hours)
        load_id = f"load-{next(self.counter)}"
        sent_at = START.replace(tzinfo=None)
        columns = [
            pa.array([row[0] for row in found], pa.string()),
            pa.array([sent_at] * len(found), pa.timestamp("us")),
            pa.array([row[1] for row in found], pa.string()),
            pa.array([observed_at] * len(found), pa.timestamp("us", tz="UTC")),
            pa.array([load_id] * len(found), pa.string()),
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
        result = load_rows(self.writer, SCHEMA, [batch], day, load_id, observed_at)
        assert result.rows_read == result.rows_loaded + result.rows_duplicate
        before = self.days.get(day)
        superseded = before is not None and observed_at < before[0]
        assert (result.outcome == "superseded") is superseded
        if not superseded:
            self.days[day] = (observed_at, identities(found))

    @rule(loads=st.lists(st.tuples(st.sampled_from(DAYS), rows, st.integers(0, 5)), max_size=3))
    def load_together(self, loads: list[tuple[date, list[Row], int]]) -> None:
        with self.writer.together():
            for day, found, hours in loads:
                self.load(day, found, hours)

    @rule(day=st.sampled_from(DAYS), found=rows, hours=st.integers(0, 5))
    def load_together_with_what_fails(self, day: date, found: list[Row], hours: int) -> None:
        before = dict(self.days)
        with suppress(Failed), self.writer.together():
            self.load(day, found, hours)
            raise Failed
        self.days = before

    def expected(self) -> list[Row]:
        ranked = sorted(self.days.items(), key=lambda item: (item[1][0], item[0]))
        shown: dict[tuple[str, ...], Row] = {}
        for _, (_, named) in ranked:
            shown.update(named)
        return sorted(shown.values(), key=str)

    @invariant()
    def every_message_is_shown_once_as_last_observed(self) -> None:
        found = self.writer.connection.execute("SELECT message_id, text FROM chats").fetchall()
        assert sorted(((row[0], row[1]) for row in found), key=str) == self.expected()

    @rule()
    def database_and_parquet_tell_the_same(self) -> None:
        release = publish(self.writer, keep=2) or current_release(self.layout)
        if release is None:
            return
        files = sorted((release.path / "parquet" / "chats").glob("*/*.parquet"))
        tables = [pq.ParquetFile(file).read(["message_id", "text"]) for file in files]
        told = [tuple(row.values()) for table in tables for row in table.to_pylist()]
        assert sorted(told, key=str) == self.expected()

    def teardown(self) -> None:
        self.stack.close()


TestLoads = Loads.TestCase
TestLoads.settings = settings(
    max_examples=8, stateful_step_count=6, deadline=None, phases=[Phase.generate]
)
