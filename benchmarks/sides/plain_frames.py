"""What a user would write with pandas, or with polars: a typed Parquet file a day, then a table.

As plain DuckDB it trusts the files: no quarantine, no ledger, no identities, no release. DuckDB
fills its table from the Parquet files.

python -m benchmarks.sides.plain_frames pandas FOLDER FILE…
python -m benchmarks.sides.plain_frames polars FOLDER FILE…
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from benchmarks.sides.plain_duckdb import HEADERS, NAMES

OBSERVED_AT = datetime(2026, 3, 1, tzinfo=UTC)
MOMENT = "%d.%m.%Y %H:%M:%S"


def by_pandas(path: Path, part: Path) -> None:
    """One CSV file to one typed Parquet file."""
    import pandas as pd  # noqa: PLC0415  (a side imports what it measures)

    frame = pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""])
    frame.columns = pd.Index(NAMES)
    frame["sent_at"] = pd.to_datetime(frame["sent_at"], format=MOMENT).astype("datetime64[us]")
    zoned = frame["sent_at"].dt.tz_localize("Europe/Moscow").dt.tz_convert("UTC")
    frame["sent_at_utc"] = zoned
    frame["date"] = frame["sent_at"].dt.date
    incoming = frame["direction"] == "Входящее"
    frame["direction"] = incoming.map({True: "in", False: "out"})
    frame["author_type"] = incoming.map({True: "client", False: "user"})
    frame["text"] = frame["text"].fillna("")
    frame["observed_at"] = pd.Timestamp(OBSERVED_AT)
    frame["extra"] = pd.Series(None, index=frame.index, dtype="str")
    frame["load_id"] = f"load-{path.stem}"
    frame.to_parquet(part, compression="zstd", index=False)


def by_polars(path: Path, part: Path) -> None:
    """One CSV file to one typed Parquet file."""
    import polars as pl  # noqa: PLC0415

    incoming = pl.col("direction") == "Входящее"
    sent_at = pl.col("sent_at").str.strptime(pl.Datetime("us"), MOMENT)
    frame = pl.scan_csv(
        path, schema=dict.fromkeys(HEADERS, pl.String), has_header=True, null_values=[""]
    ).rename(dict(zip(HEADERS, NAMES, strict=True)))
    frame.with_columns(sent_at=sent_at).with_columns(
        sent_at_utc=pl.col("sent_at")
        .dt.replace_time_zone("Europe/Moscow")
        .dt.convert_time_zone("UTC"),
        date=pl.col("sent_at").dt.date(),
        direction=pl.when(incoming).then(pl.lit("in")).otherwise(pl.lit("out")),
        author_type=pl.when(incoming).then(pl.lit("client")).otherwise(pl.lit("user")),
        text=pl.col("text").fill_null(""),
        observed_at=pl.lit(OBSERVED_AT).cast(pl.Datetime("us", "UTC")),
        extra=pl.lit(None, dtype=pl.String),
        load_id=pl.lit(f"load-{path.stem}"),
    ).sink_parquet(part, compression="zstd")


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("pandas", "polars"))
    parser.add_argument("target", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()
    for path in given.files:
        part = given.target / "parquet" / f"window_day={path.stem}" / "part.parquet"
        part.parent.mkdir(parents=True)
        (by_pandas if given.what == "pandas" else by_polars)(path, part)
    with duckdb.connect() as connection:
        connection.execute("SET preserve_insertion_order = false")
        database = given.target / "warehouse.duckdb"
        connection.execute(f"ATTACH '{database}' AS warehouse (STORAGE_VERSION 'v1.0.0')")
        parts = given.target / "parquet" / "*" / "*.parquet"
        connection.execute(
            "CREATE TABLE warehouse.chats AS "
            f"FROM read_parquet('{parts}', hive_partitioning = true)"
        )


if __name__ == "__main__":
    main()
