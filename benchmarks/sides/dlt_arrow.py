"""What a user of dlt would write: pyarrow reads and types, dlt loads the Arrow tables into DuckDB.

Its Arrow path is its fastest. By itself it makes the table alone; with --parquet the user's code
writes the daily Parquet files that the other sides make.

python -m benchmarks.sides.dlt_arrow [--parquet] FOLDER FILE…
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

# Its settings come before its import.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt

from benchmarks.sides.plain_duckdb import HEADERS, NAMES

MOSCOW_AHEAD = pa.scalar(3 * 3600 * 10**6, pa.duration("us"))
compute: Any = pc


def typed(path: Path) -> Iterator[pa.Table]:
    """The file's batches with the published columns."""
    day = date.fromisoformat(path.stem)
    reader = pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=8 * 1024**2),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name: pa.string() for name in HEADERS},
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    for batch in reader:
        columns = dict(zip(NAMES, batch.columns, strict=True))
        sent_at = compute.strptime(columns["sent_at"], "%d.%m.%Y %H:%M:%S", "us")
        columns["sent_at"] = sent_at
        utc = compute.subtract(sent_at, MOSCOW_AHEAD)
        columns["sent_at_utc"] = compute.assume_timezone(utc, "UTC")
        columns["date"] = sent_at.cast(pa.date32())
        incoming = compute.equal(columns["direction"], "Входящее")
        columns["direction"] = compute.if_else(incoming, "in", "out")
        columns["author_type"] = compute.if_else(incoming, "client", "user")
        columns["text"] = compute.fill_null(columns["text"], "")
        rows = batch.num_rows
        observed_at = pa.scalar(datetime(2026, 3, 1, tzinfo=UTC), pa.timestamp("us", "UTC"))
        columns["observed_at"] = pa.repeat(observed_at, rows)
        columns["extra"] = pa.nulls(rows, pa.string())
        columns["load_id"] = pa.repeat(pa.scalar(f"load-{day}"), rows)
        columns["window_day"] = pa.repeat(pa.scalar(day), rows)
        yield pa.table(columns)


def kept(tables: Iterator[pa.Table], part: Path) -> Iterator[pa.Table]:
    """The tables, written to a Parquet file as they pass."""
    part.parent.mkdir(parents=True)
    writer = None
    for table in tables:
        written = table.drop_columns(["window_day"])
        writer = writer or pq.ParquetWriter(part, written.schema, compression="zstd")
        writer.write_table(written)
        yield table
    if writer is not None:
        writer.close()


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parquet", action="store_true")
    parser.add_argument("target", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()

    @dlt.resource(name="chats", write_disposition="append")
    def chats() -> Iterator[pa.Table]:
        for path in given.files:
            part = given.target / "parquet" / f"window_day={path.stem}" / "part.parquet"
            yield from kept(typed(path), part) if given.parquet else typed(path)

    # As all sides: a file that clients from DuckDB 1.1 on can open; what exists keeps its version.
    database = given.target / "warehouse.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{database}' AS warehouse (STORAGE_VERSION 'v1.0.0')")
    pipeline = dlt.pipeline(
        "benchmark",
        destination=dlt.destinations.duckdb(str(database)),
        dataset_name="main",
        pipelines_dir=str(given.target / "pipelines"),
    )
    pipeline.run(chats()).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
