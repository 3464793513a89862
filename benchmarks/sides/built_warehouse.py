"""A warehouse of any size, filled through the pipeline's own load from rows that are typed already.

python -m benchmarks.sides.built_warehouse DATA --days 100 --rows 100000
python -m benchmarks.sides.built_warehouse DATA --days 100 --statistics --last 2026-11-28
"""

from __future__ import annotations

import argparse
import json
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.sides.invented import FIRST_DAY, FIRST_ID, chats_sql
from benchmarks.sides.ours import (
    OBSERVED_AT,
    SCHEMA,
    SCHEMAS,
    data_directory,
    day_load,
    load,
    session,
)
from benchmarks.sides.plain_duckdb import COLUMNS
from transform.datasets import STATISTICS
from transform.rules import Report
from warehouse.database import Writer
from warehouse.lake import write_lake_file
from warehouse.layout import DataDirectory
from warehouse.loading import load_day
from warehouse.releases import publish
from warehouse.tables import prepare_tables


def typed_day(day: date, rows: int, first_id: int, load_id: str, observed_at: datetime) -> pa.Table:
    """A day's rows as the contract types them."""
    moment = "strptime(\"Дата и время\", '%d.%m.%Y %H:%M:%S')"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            f"""SELECT {COLUMNS}
                FROM (SELECT * REPLACE ({moment} AS "Дата и время") FROM ({chats_sql()}))""",
            {"day": day, "rows": rows, "first_id": first_id, "ending": "", "load_id": load_id},
        )
        reader = found.to_arrow_reader()
        assert reader is not None
        table = reader.read_all().cast(SCHEMA)
    place = SCHEMA.get_field_index("observed_at")
    seen = pa.repeat(pa.scalar(observed_at, SCHEMA.field(place).type), rows)
    return table.set_column(place, SCHEMA.field(place), seen)


def keep_export(layout: DataDirectory, dataset: str, day: date, load_id: str) -> None:
    """A day's export and its note in raw/: their names alone count here."""
    folder = layout.raw_folder(dataset, day, day)
    folder.mkdir(parents=True)
    export = folder / f"{load_id}.csv"
    for path in (export, layout.raw_note(export)):
        path.write_bytes(b"{}")


def statistics_day(day: date, rows: int, load_id: str, observed_at: datetime) -> pa.Table:
    """What the statistics export counts of that day: a row a channel and operator, 36 in all."""
    schema = STATISTICS.arrow_schema()
    channels = ("Telegram", "WhatsApp", "VK", "Viber")
    records = [
        {
            "date": day,
            "channel": channel,
            "user_id": str(100 + user),
            "messages_count": rows // 36,
            "observed_at": observed_at,
            "load_id": load_id,
        }
        for channel in channels
        for user in range(9)
    ]
    records[0]["messages_count"] = rows - 35 * (rows // 36)
    whole = [dict.fromkeys(schema.names) | record for record in records]
    return pa.Table.from_pylist(whole, schema=schema)


def load_statistics(writer: Writer, day: date, rows: int, observed_at: datetime) -> None:
    """The day's statistics through lake and database."""
    load_id, schema = f"statistics-{day}", STATISTICS.arrow_schema()
    table = statistics_day(day, rows, load_id, observed_at)
    keep_export(writer.layout, "statistics", day, load_id)
    lake = write_lake_file(
        writer.layout,
        schema,
        table.to_batches(),
        dataset="statistics",
        window_day=day,
        load_id=load_id,
    )
    report = Report("statistics", rows_read=table.num_rows, rows_out=table.num_rows)
    load_day(writer, schema, day_load(STATISTICS, lake, report, day, load_id, observed_at))


def main() -> None:
    """Prints the day in the middle and its first id as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--last", type=date.fromisoformat, help="the last day; else from FIRST_DAY")
    parser.add_argument("--statistics", action="store_true")
    given = parser.parse_args()
    layout = data_directory(given.data)
    first_day = given.last - timedelta(days=given.days - 1) if given.last else FIRST_DAY
    observed_at = OBSERVED_AT + timedelta(days=given.days)  # no message is later than its export
    with session(layout, SCHEMAS) as writer:
        prepare_tables(writer)
        for number in range(given.days):
            day, first_id = first_day + timedelta(days=number), FIRST_ID + number * given.rows
            load_id = f"load-{day}"
            table = typed_day(day, given.rows, first_id, load_id, observed_at)
            lake = write_lake_file(
                layout,
                SCHEMA,
                table.to_batches(),
                dataset="chats",
                window_day=day,
                load_id=load_id,
            )
            keep_export(layout, "chats", day, load_id)
            report = Report("chats", rows_read=given.rows, rows_out=given.rows)
            load(writer, lake, report, day, load_id, observed_at)
            if given.statistics:
                load_statistics(writer, day, given.rows, observed_at)
        # As if each day had come in its own night.
        came = "window_day + INTERVAL 1 DAY"
        writer.connection.execute(f"UPDATE meta.days SET checked_at = {came}, observed_at = {came}")
        writer.connection.execute(f"UPDATE meta.loads SET observed_at = {came}")
        publish(writer, keep=2)
    middle = given.days // 2
    told = {
        "middle_day": (first_day + timedelta(days=middle)).isoformat(),
        "first_id": FIRST_ID + middle * given.rows,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
