"""The files of `warehouse/sql`: a mart each, its meaning in the lines before its SELECT.

The first lines say what one row is, those after an empty `--` what each column means; both become
COMMENTs. A name before another's is needed by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# In the order they are made: who reads another mart comes after it.
MARTS = (
    "messages",
    "known",
    "teams",
    "operators",
    "thread_messages",
    "threads",
    "responses",
    "response_by_day",
    "response_by_operator",
    "response_by_channel",
    "sla",
    "message_counts",
    "operator_load",
    "team_load",
    "clients",
    "categories",
    "comparison",
    "days",
    "disagreements",
    "sources",
)
# Marts told from whole threads: of each there is a macro that looks at a period's threads alone.
BY_PERIOD = (
    "threads",
    "responses",
    "response_by_day",
    "response_by_operator",
    "response_by_channel",
    "sla",
)
PERSONAL = ("client_key", "client", "operator_name", "message_text")
_COLUMN = re.compile(r"([a-z0-9_]+): (.*)")


@dataclass(frozen=True)
class Mart:
    """A mart: what a row is, what its columns mean, and the SELECT."""

    name: str
    comment: str
    columns: Mapping[str, str]
    sql: str


@cache
def mart(name: str) -> Mart:
    """A mart by its name."""
    text = (files("warehouse") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    lines = text.splitlines()
    header = [line[2:].removeprefix(" ") for line in lines if line.startswith("--")]
    grain, _, told = "\n".join(header).partition("\n\n")
    columns: dict[str, str] = {}
    for line in told.splitlines():
        if found := _COLUMN.fullmatch(line):
            last = found[1]
            columns[last] = found[2]
        else:
            columns[last] += " " + line.strip()
    sql = "\n".join(line for line in lines if not line.startswith("--"))
    return Mart(name, grain.replace("\n", " "), columns, sql)


def in_period(sql: str) -> str:
    """The SELECT of a mart of `BY_PERIOD`, over the threads of a period: date_from to date_to."""
    for name in (*BY_PERIOD, "thread_messages"):
        sql = re.sub(rf"\bmart\.{name}\b", f"mart.{name}_in(date_from, date_to)", sql)
    return f"SELECT * FROM (\n{sql})\nWHERE date BETWEEN date_from AND date_to"


def of_threads(sql: str, threads: str) -> str:
    """The SELECT of `threads` or `responses`, over the threads that a query names by chat_id."""
    chosen = f"(SELECT * FROM mart.thread_messages WHERE chat_id IN ({threads}))"
    return re.sub(r"\bmart\.thread_messages\b", chosen, sql)
