"""A company of a few messages: its warehouse is loaded and published as a run does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from transform.datasets import CHATS, DATASETS
from warehouse.business import Business
from warehouse.database import Writer, open_writer
from warehouse.lake import write_lake_file
from warehouse.layout import DataDirectory
from warehouse.loading import DayLoad, DayResult, load_day
from warehouse.martmaking import Company, make_marts
from warehouse.releases import publish
from warehouse.schema import Contract, make_dataset, make_meta
from warehouse.tables import prepare_tables

MOSCOW = "Europe/Moscow"
SCHEMA = CHATS.arrow_schema()
OBSERVED_AT = datetime(2026, 12, 31, tzinfo=UTC)
NARROW = pa.schema(  # chats with what a load needs, and nothing else
    [
        pa.field("message_id", pa.string()),
        pa.field("sent_at", pa.timestamp("us")),
        pa.field("text", pa.string()),
        pa.field("observed_at", pa.timestamp("us", tz="UTC")),
        pa.field("load_id", pa.string()),
    ],
    metadata={
        "dataset": "chats",
        "grain": "One message.",
        "identity": '["message_id"]',
        "identity_fallback": '["sent_at", "text"]',
        "order_by": "sent_at",
    },
)


@dataclass(frozen=True)
class Said:
    """A message. `who`: client, bot, system, or an operator's id."""

    at: str
    thread: str | None
    who: str
    channel: str | None = "Telegram"
    client: str | None = "+70000000001"
    category: str | None = None
    text: str = "words"
    name: str | None = None  # the operator's
    window_day: str | None = None


def typed(said: Sequence[Said], zone: str = MOSCOW) -> pa.Table:
    """The messages as the contract types them."""
    rows: list[dict[str, Any]] = []
    for number, message in enumerate(said):
        local = datetime.fromisoformat(message.at)
        operator = message.who not in ("client", "bot", "system")
        told = {
            "message_id": f"m{number:05}",
            "chat_id": message.thread,
            "sent_at": local.replace(tzinfo=None),
            "sent_at_utc": local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC),
            "date": local.date(),
            "observed_at": OBSERVED_AT,
            "direction": "in" if message.who == "client" else "out",
            "author_type": "user" if operator else message.who,
            "user_id": message.who if operator else None,
            "user_name": message.name or f"Name of {message.who}" if operator else None,
            "client_name": None,
            "client_phone": message.client,
            "channel": message.channel,
            "category": message.category,
            "text": message.text,
            "load_id": "load",
        }
        rows.append(told | {"direction": None if message.who == "system" else told["direction"]})
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@contextmanager
def marts_over(
    said: Sequence[Said] | pa.Table, business: Business | None = None, zone: str = MOSCOW
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts over a table of messages, in memory, without a release."""
    table = said if isinstance(said, pa.Table) else typed(said, zone)
    contract = Contract(SCHEMA)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        make_meta(connection)
        make_dataset(connection, contract)
        connection.register("given", table)
        connection.execute("INSERT INTO chats BY NAME SELECT *, date AS window_day FROM given")
        make_marts(connection, {"chats": contract}, Company(business or Business(), zone), {})
        yield connection


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


@contextmanager
def writing(layout: DataDirectory, *schemas: pa.Schema) -> Iterator[Writer]:
    """The writer of a data directory; of all datasets, if no schemas are named."""
    named = schemas or tuple(dataset.arrow_schema() for dataset in DATASETS.values())
    with open_writer(layout, holder="a test", wait_seconds=5, schemas=named) as writer:
        yield writer


@contextmanager
def beginning(layout: DataDirectory, *schemas: pa.Schema) -> Iterator[Writer]:
    """As `writing`, of a data directory that is made, or was made so before."""
    layout.initialise("sandbox")
    with writing(layout, *schemas) as writer:
        prepare_tables(writer)
        yield writer


def published(
    root: Path,
    said: Sequence[Said],
    business: Business | None = None,
    *,
    personal: bool = True,
    users: Sequence[tuple[str, str, str]] = (),
    empty_days: Sequence[str] = (),
) -> DataDirectory:
    """A data directory with a release. `users`: id, name, department, as the list has them."""
    layout = DataDirectory(root, personal_published=personal)
    layout.initialise("sandbox")
    company = Company(business or Business(), MOSCOW)
    with writing(layout) as writer:
        prepare_tables(writer, company)
        days = {message.window_day or message.at[:10] for message in said} | set(empty_days)
        table = typed(said)
        for day in sorted(days):
            chosen = [(m.window_day or m.at[:10]) == day for m in said]
            load_messages(writer, date.fromisoformat(day), table.filter(pa.array(chosen)))
        for user_id, name, department in users:
            writer.connection.execute(
                "INSERT INTO users (user_id, user_name, department) VALUES (?, ?, ?)",
                [user_id, name, department],
            )
        publish(writer, keep=2)
    return layout


def load_messages(
    writer: Writer, day: date, table: pa.Table, observed_at: datetime | None = None
) -> None:
    """A day's messages through the lake into the database."""
    seen = observed_at or datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=2)
    load_rows(writer, SCHEMA, table.to_batches(), day, f"load-{day}", seen, accept_smaller=False)


def load_rows(
    writer: Writer,
    schema: pa.Schema,
    batches: Sequence[pa.RecordBatch],
    day: date,
    load_id: str,
    observed_at: datetime,
    *,
    accept_smaller: bool = True,
) -> DayResult:
    """Rows of a day, whatever it had before, through the lake into the database."""
    lake = write_lake_file(
        writer.layout, schema, batches, dataset="chats", window_day=day, load_id=load_id
    )
    load = DayLoad(
        dataset="chats",
        window_day=day,
        load_id=load_id,
        observed_at=observed_at,
        file_sha256=load_id,
        file_bytes=lake.bytes,
        task_id=1,
        contract_version=CHATS.version,
        flow_run_id="",
        export_seconds=1.0,
        lake_path=lake.path,
        quarantine_path=None,
        rows_read=lake.rows,
        rows_quarantined=0,
        rows_outside_day=0,
        accept_smaller=accept_smaller,
    )
    return load_day(writer, schema, load)
