"""Rows and a checksum of each column, so that what was measured is known to have done the work.

Each column's checksum is taken together with the row's id: a value in another row is another sum.

python -m benchmarks.sides.fingerprint parquet FILES          (a glob)
python -m benchmarks.sides.fingerprint table DATABASE
"""

from __future__ import annotations

import argparse
import json

import duckdb

TEXTS = (
    "message_id", "chat_id", "direction", "author_type", "user_id", "user_name", "client_name",
    "client_phone", "channel", "channel_account_id", "category", "status", "text", "extra",
    "load_id",
)  # fmt: skip
MOMENTS = ("sent_at", "sent_at_utc", "observed_at")


def main() -> None:
    """Prints the fingerprint as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("parquet", "table"))
    parser.add_argument("path")
    given = parser.parse_args()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        source = f"read_parquet('{given.path}', hive_partitioning = false)"
        if given.kind == "table":
            connection.execute(f"ATTACH '{given.path}' AS it (READ_ONLY)")
            source = "it.main.chats"
        values = {name: f"{name}::VARCHAR" for name in TEXTS}
        # As an instant: dlt stamps company-local time as UTC, which is the same figure.
        values |= {name: f"epoch_us({name}::TIMESTAMPTZ)" for name in MOMENTS}
        values["date"] = "date::DATE"
        sums = ", ".join(
            f"sum(hash(message_id, {value})::HUGEINT)::VARCHAR AS {name}"
            for name, value in values.items()
        )
        found = connection.execute(f"SELECT count(*) AS rows, {sums} FROM {source}")
        names = [column[0] for column in found.description or []]
        row = found.fetchone()
    print(json.dumps(dict(zip(names, row or (), strict=True))))


if __name__ == "__main__":
    main()
