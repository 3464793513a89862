"""Reading a release as an analyst would: read-only, on the release that `current` means now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from warehouse.errors import NoSuchRelease
from warehouse.integrity import DATABASE
from warehouse.layout import DataDirectory
from warehouse.published import current_release


@dataclass(frozen=True)
class QueryAnswer:
    """Column names, and rows as tuples."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def account_max_length(layout: DataDirectory, channel_account_id: int) -> int | None:
    """The longest message that a channel account takes, as the list of them last said; or None."""
    account = int(channel_account_id)
    sql = f"SELECT max_length FROM channel_accounts WHERE channel_account_id = '{account}'"
    try:
        rows = query_release(layout, sql).rows
    except (NoSuchRelease, duckdb.CatalogException):  # nothing yet, or a release of before
        return None
    told = str(rows[0][0]).strip() if rows else ""
    return int(told) if told.isascii() and told.isdigit() and int(told) > 0 else None


def query_release(layout: DataDirectory, sql: str) -> QueryAnswer:
    """The answer of one SELECT on the current release.

    Raises:
        NoSuchRelease: nothing is published yet.
    """
    release = current_release(layout)
    if release is None:
        raise NoSuchRelease(f"Nothing is published in {layout.root} yet: run a nightly first.")
    with duckdb.connect(str(release.path / DATABASE), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(sql)
        columns = [str(column[0]) for column in found.description or []]
        return QueryAnswer(columns, [tuple(row) for row in found.fetchall()])
