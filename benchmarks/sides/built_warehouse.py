"""A warehouse of any size, filled through the pipeline's own load from rows that are typed already.

python -m benchmarks.sides.built_warehouse DATA --days 100 --rows 100000
"""

from __future__ import annotations

import argparse
import json
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.sides.invented import FIRST_DAY, FIRST_ID, chats_sql
from benchmarks.sides.ours import OBSERVED_AT, SCHEMA, data_directory, load, session
from benchmarks.sides.plain_duckdb import COLUMNS
from transform.rules import Report
from warehouse.database import prepare_tables
from warehouse.lake import write_lake_file
from warehouse.releases import publish


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


def main() -> None:
    """Prints the day in the middle and its first id as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--rows", type=int, default=100_000)
    given = parser.parse_args()
    layout = data_directory(given.data)
    observed_at = OBSERVED_AT + timedelta(days=given.days)  # no message is later than its export
    with session(layout) as writer:
        prepare_tables(writer)
        for number in range(given.days):
            day, first_id = FIRST_DAY + timedelta(days=number), FIRST_ID + number * given.rows
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
            report = Report("chats", rows_read=given.rows, rows_out=given.rows)
            load(writer, lake, report, day, load_id, observed_at)
        publish(writer, keep=2)
    middle = given.days // 2
    told = {
        "middle_day": (FIRST_DAY + timedelta(days=middle)).isoformat(),
        "first_id": FIRST_ID + middle * given.rows,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
