"""What a user would write with DuckDB alone: daily CSV files → a table and a Parquet file a day.

It trusts the files: no quarantine, no ledger, no identities, no release. What makes it fast without
changing its result is on: given types, no insertion order.

python -m benchmarks.sides.plain_duckdb load FOLDER FILE…
python -m benchmarks.sides.plain_duckdb copy PARQUET FILE [--delimiter ';']
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

# The published columns of `chats`, from the sandbox's Russian headers, as the contract types them.
COLUMNS = """
    "ID сообщения" AS message_id,
    "ID чата" AS chat_id,
    "Дата и время" AS sent_at,
    timezone('Europe/Moscow', "Дата и время") AS sent_at_utc,
    "Дата и время"::DATE AS date,
    TIMESTAMPTZ '2026-03-01 00:00:00+00' AS observed_at,
    CASE "Направление" WHEN 'Входящее' THEN 'in' WHEN 'Исходящее' THEN 'out' END AS direction,
    CASE "Тип автора" WHEN 'Клиент' THEN 'client' WHEN 'Оператор' THEN 'user' END AS author_type,
    "ID оператора" AS user_id,
    "Оператор" AS user_name,
    "Клиент" AS client_name,
    "Телефон клиента" AS client_phone,
    "Канал" AS channel,
    "ID канала" AS channel_account_id,
    "Категория" AS category,
    "Статус" AS status,
    coalesce("Текст сообщения", '') AS text,
    NULL::VARCHAR AS extra,
    $load_id AS load_id
"""
HEADERS = (
    "ID сообщения", "ID чата", "Дата и время", "Направление", "Тип автора", "ID оператора",
    "Оператор", "Клиент", "Телефон клиента", "Канал", "ID канала", "Категория", "Статус",
    "Текст сообщения",
)  # fmt: skip


NAMES = (
    "message_id", "chat_id", "sent_at", "direction", "author_type", "user_id", "user_name",
    "client_name", "client_phone", "channel", "channel_account_id", "category", "status", "text",
)  # fmt: skip


def source(path: Path, delimiter: str = ",") -> str:
    """The file as a table whose types are given, so that nothing is sniffed or guessed."""
    types = ", ".join(
        f"'{header}': '{'TIMESTAMP' if header == 'Дата и время' else 'VARCHAR'}'"
        for header in HEADERS
    )
    return (
        f"read_csv('{path}', header = true, auto_detect = false, delim = '{delimiter}', "
        f"quote = '\"', escape = '\"', columns = {{{types}}}, "
        "timestampformat = '%d.%m.%Y %H:%M:%S')"
    )


def load_days(files: list[Path], target: Path) -> None:
    """All files into `warehouse.duckdb` and `parquet/window_day=…/part.parquet` below `target`.

    The table is filled from the Parquet files: measured against reading the CSV twice, or keeping
    it in a table between, this takes the least CPU.
    """
    connection = _connection()
    database = target / "warehouse.duckdb"
    connection.execute(f"ATTACH '{database}' AS warehouse (STORAGE_VERSION 'v1.0.0')")
    for path in files:
        folder = target / "parquet" / f"window_day={path.stem}"
        folder.mkdir(parents=True)
        copy(connection, path, folder / "part.parquet", load_id=f"load-{path.stem}")
    parts = target / "parquet" / "*" / "*.parquet"
    connection.execute(
        f"CREATE TABLE warehouse.chats AS FROM read_parquet('{parts}', hive_partitioning = true)"
    )
    connection.close()


def copy(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    part: Path,
    *,
    load_id: str,
    delimiter: str = ",",
) -> None:
    """One CSV file to one typed Parquet file."""
    connection.execute(
        f"""COPY (SELECT {COLUMNS} FROM {source(path, delimiter)}) TO '{part}'
            (FORMAT parquet, COMPRESSION zstd)""",
        {"load_id": load_id},
    )


def _connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("load", "copy"))
    parser.add_argument("target", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--delimiter", default=",")
    given = parser.parse_args()
    if given.what == "load":
        load_days(given.files, given.target)
    else:
        copy(
            _connection(),
            given.files[0],
            given.target,
            load_id="load-2026-02-01",
            delimiter=given.delimiter,
        )


if __name__ == "__main__":
    main()
