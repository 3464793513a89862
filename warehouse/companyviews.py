"""One SQL script that shows the releases of several companies as one database.

Each company's published database is attached read-only, and every table is a view over all of
them with a first column `company`. Nothing is copied; who may read one company's files only gets no
further than that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

from warehouse.integrity import DATABASE
from warehouse.layout import DataDirectory
from warehouse.schema import literal, quoted

SCHEMAS = ("main", "meta", "mart")
Tables = Mapping[tuple[str, str], list[str]]  # schema and table → the companies that have it


def all_companies_sql(layouts: Mapping[str, DataDirectory]) -> str:
    """The script, for `duckdb -init`: one view a table, over all companies that publish it.

    Args:
        layouts: the key of each company → its data directory.
    """
    published = {key: layout for key, layout in layouts.items() if layout.current.exists()}
    return "\n".join([*_attached(layouts, published), *_views(_tables(published))]) + "\n"


def _database(layout: DataDirectory) -> Path:
    # By the link: DuckDB resolves it when it attaches, so the script holds for later releases.
    return layout.current / DATABASE


def _attached(
    layouts: Mapping[str, DataDirectory], published: Mapping[str, DataDirectory]
) -> Iterator[str]:
    for key, layout in layouts.items():
        path = literal(str(_database(layout)))
        attach = f"ATTACH {path} AS {quoted(key)} (READ_ONLY);"
        yield attach if key in published else f"-- {key} has published nothing yet: {layout.root}"


def _tables(published: Mapping[str, DataDirectory]) -> Tables:
    found: dict[tuple[str, str], list[str]] = {}
    for key, layout in published.items():
        with duckdb.connect(str(_database(layout).resolve()), read_only=True) as connection:
            rows = connection.execute(
                """SELECT table_schema, table_name FROM information_schema.tables
                   WHERE list_contains($schemas, table_schema) ORDER BY ALL""",
                {"schemas": list(SCHEMAS)},
            ).fetchall()
        for schema, table in rows:
            found.setdefault((schema, table), []).append(key)
    return found


def _views(tables: Tables) -> Iterator[str]:
    for schema in dict.fromkeys(schema for schema, _ in tables):
        yield f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)};"
    for (schema, table), keys in tables.items():
        name = f"{quoted(schema)}.{quoted(table)}"
        own = "* EXCLUDE (company)" if (schema, table) == ("mart", "company") else "*"
        each = (
            f"SELECT {literal(key)} AS company, {own} FROM {quoted(key)}.{name}" for key in keys
        )
        yield f"CREATE OR REPLACE VIEW {name} AS {' UNION ALL BY NAME '.join(each)};"
