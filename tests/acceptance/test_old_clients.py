"""A release opened by DuckDB 1.1, the oldest client that is promised: rows, COMMENTs, Parquet.

It installs that client into a folder of its own, so it runs where `LONG=1` says it may take longer.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.nightly import nightly
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.martfiles import MARTS
from warehouse.reading import query_release

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(not os.environ.get("LONG"), reason="installs DuckDB 1.1; LONG=1 runs it"),
]
LOCK = Path(__file__).with_name("duckdb-1.1.lock")
TABLES = """
    SELECT schema_name || '.' || table_name, coalesce(comment, '') FROM duckdb_tables()
    WHERE NOT internal ORDER BY 1"""
COLUMNS = """
    SELECT schema_name || '.' || table_name || '.' || column_name, data_type, coalesce(comment, '')
    FROM duckdb_columns() WHERE NOT internal ORDER BY 1"""
ROWS = {
    name: f"FROM {name} ORDER BY ALL"
    for name in ("chats", "statistics", "users", "users_history", "user_snapshots", "meta.loads")
}
ROWS |= {f"mart.{name}": f"FROM mart.{name} ORDER BY ALL" for name in MARTS}
ROWS["a period's turns"] = """
    FROM mart.responses_in((SELECT first_date FROM mart.known), (SELECT last_date FROM mart.known))
    ORDER BY ALL"""
CLIENT = """
import json, sys
import duckdb
release, queries = sys.argv[1], json.loads(sys.argv[2])
con = duckdb.connect(release + "/warehouse.duckdb", read_only=True)
con.execute("SET TimeZone = 'UTC'")
told = {name: [list(row) for row in con.execute(sql).fetchall()] for name, sql in queries.items()}
parquet = f"read_parquet('{release}/parquet/chats/*/*.parquet', hive_partitioning = true)"
told["parquet"] = con.execute(f"SELECT count(*) FROM {parquet}").fetchone()[0]
print(json.dumps({"version": duckdb.__version__, **told}, ensure_ascii=False, default=str))
"""


@pytest.fixture(scope="module")
def old_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("duckdb-1.1")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    locked = ["--no-deps", "--require-hashes", "--requirement", str(LOCK)]
    subprocess.run([*pip, *locked, "--target", str(target)], check=True)
    return target


def test_duckdb_1_1_reads_every_table_with_its_comments(
    old_duckdb: Path,
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
) -> None:
    data = sandbox_settings(start_sandbox(messages_per_day=60, selection="thread"))
    asyncio.run(nightly())
    queries = {"tables": TABLES, "columns": COLUMNS, **ROWS}
    asked = [sys.executable, "-c", CLIENT, str((data / "current").resolve()), json.dumps(queries)]
    environment = {**os.environ, "PYTHONPATH": str(old_duckdb)}
    answer = subprocess.run(asked, env=environment, check=True, capture_output=True, text=True)
    told = json.loads(answer.stdout)
    assert told.pop("version") == "1.1.3"
    assert told.pop("parquet") == len(told["chats"]) > 100
    assert [row for row in told["tables"] + told["columns"] if not row[-1]] == []
    layout = DataDirectory(data)
    expected = {name: query_release(layout, sql).rows for name, sql in queries.items()}
    assert rounded(told) == rounded(json.loads(json.dumps(expected, default=str)))


def rounded(value: object) -> object:
    """Both clients interpolate a median, and differ in its sixteenth digit."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value
