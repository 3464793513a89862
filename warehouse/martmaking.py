"""Schema `mart`: the company's calendar and targets as tables, everything else as views.

Nothing is made again while the SQL, the reporting file and the columns stay as they are: one row
says what they were made from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from warehouse.business import Business
from warehouse.martfiles import BY_PERIOD, MARTS, Mart, in_period, mart
from warehouse.marttables import MART_TABLES
from warehouse.schema import Contract, Tables, literal, make_table, quoted
from warehouse.views import make_views, views_sql
from warehouse.workcalendar import calendar_table

Columns = Mapping[str, Collection[str]]  # table of the datasets → its columns
# Columns of chats that marts can't do without, and those that may not be published.
CHATS_READ: Mapping[str, str] = {
    "message_id": "VARCHAR",
    "chat_id": "VARCHAR",
    "sent_at": "TIMESTAMP",
    "sent_at_utc": "TIMESTAMPTZ",
    "date": "DATE",
    "observed_at": "TIMESTAMPTZ",
    "direction": "VARCHAR",
    "author_type": "VARCHAR",
    "user_id": "VARCHAR",
    "channel": "VARCHAR",
    "category": "VARCHAR",
}
_USED = {
    "chats": ("user_name", "client_name", "client_phone", "text"),
    "users": ("user_id", "user_name"),
}


@dataclass(frozen=True)
class Company:
    """What the figures of a company are told by; `key` where there are several."""

    business: Business = field(default_factory=Business)
    time_zone: str = "Europe/Moscow"
    key: str | None = None


def read_company(connection: duckdb.DuckDBPyConnection, database: str = "") -> Company | None:
    """What schema mart was made from; None where there is none, or no company in it."""
    prefix = f"{database}." if database else ""
    try:
        found = connection.execute(f"SELECT * FROM {prefix}mart.company")
    except duckdb.CatalogException:
        return None
    names, rows = [column[0] for column in found.description or ()], found.fetchall()
    told = [dict(zip(names, row, strict=True)) for row in rows]
    return next(
        (
            Company(Business.model_validate_json(t["business"]), t["time_zone"], t.get("company"))
            for t in told  # an older release's has no key
        ),
        None,
    )


def make_marts(
    connection: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, Contract],
    company: Company | None,
    there: Tables,
) -> bool:
    """Make the views and schema mart anew if they aren't as they should be; whether marts were.

    Where they are, nothing is written: a night that only looks needs no checkpoint.

    Args:
        connection: the database is in use, its tables are made; within the caller's transaction.
        contracts: of its datasets; without the columns of chats they read, there are no marts.
        company: what to make them from; None: what they were made from before.
        there: the tables that were there.
    """
    if "chats" not in contracts or not set(CHATS_READ) <= {*contracts["chats"].columns}:
        make_views(connection, contracts)
        return False
    made = "mart.company" in there
    if company is None:
        company = (read_company(connection) if made else None) or Company()
    columns = dataset_columns(contracts)
    wanted = _fingerprint(company, columns, views_sql(contracts))
    if made:
        found = connection.execute("SELECT made_from FROM mart.company").fetchall()
        if found == [(wanted,)]:
            return False
    make_views(connection, contracts)
    if made:
        connection.execute("DROP SCHEMA mart CASCADE")
    make_mart_tables(connection)
    for name, table in _tables(company, wanted).items():
        connection.register("given", table)
        connection.execute(f"INSERT INTO mart.{name} BY NAME FROM given")
        connection.unregister("given")
    make_mart_views(connection, columns, company)
    return True


def dataset_columns(contracts: Mapping[str, Contract]) -> Columns:
    """The columns of each dataset's table."""
    return {name: contract.columns for name, contract in contracts.items()}


def make_mart_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of schema mart, empty."""
    connection.execute("CREATE SCHEMA mart")
    for name, (comment, columns) in MART_TABLES.items():
        make_table(connection, f"mart.{name}", comment, columns, {})


def make_mart_views(
    connection: duckdb.DuckDBPyConnection,
    columns: Columns,
    company: Company,
    *,
    given: Collection[str] = (),
) -> None:
    """Make every mart, and its macro by period; those `given` are there already."""
    for name in MARTS:
        found = mart(name)
        if name not in given:
            connection.execute(f"CREATE VIEW mart.{name} AS {mart_sql(found, columns, company)}")
            connection.execute("; ".join(_comments(found)))
        if name in BY_PERIOD or name == "thread_messages":
            connection.execute(
                f"CREATE MACRO mart.{name}_in(date_from, date_to) AS TABLE {_macro_sql(found)}"
            )
            told = f"mart.{name} of the days date_from to date_to, both included, at their cost."
            connection.execute(f"COMMENT ON MACRO TABLE mart.{name}_in IS {literal(told)}")


def mart_sql(found: Mart, columns: Columns, company: Company) -> str:
    """A mart's SELECT over the columns that are there; what isn't published is NULL."""
    if found.name == "teams" and company.business.teams_from:
        return _teams_sql(company.business.teams_from, columns)
    sql = found.sql
    for table, used in _USED.items():
        sql = sql.replace(f"FROM main.{table}", f"FROM {_source(table, used, columns)}")
    return sql


def _source(table: str, used: Collection[str], columns: Columns) -> str:
    """A dataset's table with all columns that are `used`."""
    there = columns.get(table)
    if there is None:
        return f"(SELECT {', '.join(f'NULL::VARCHAR AS {name}' for name in used)} WHERE false)"
    lacks = [f"NULL::VARCHAR AS {name}" for name in used if name not in there]
    return f"(SELECT *, {', '.join(lacks)} FROM main.{table})" if lacks else f"main.{table}"


def _teams_sql(field: str, columns: Columns) -> str:
    """Teams by a field of the users' details, or of the list for who isn't in the details."""
    told = []
    for table in ("user_details", "users"):
        there = columns.get(table, ())
        if field in there:
            value = quoted(field)
        elif "extra" in there:
            path = '$."' + field.replace('"', '\\"') + '"'
            value = f"json_extract_string(extra, {literal(path)})"
        else:
            continue
        told.append(f"SELECT user_id AS operator_id, {value} AS team FROM main.{table}")
    if len(told) == 2:
        told[1] += " WHERE user_id NOT IN (SELECT user_id FROM main.user_details)"
    nobody = "SELECT operator_id, team FROM mart.team_list"
    rows = " UNION ALL ".join(told) or nobody
    return f"SELECT operator_id, team FROM ({rows}) WHERE team <> ''"


def _macro_sql(found: Mart) -> str:
    if found.name == "thread_messages":
        threads = "SELECT chat_id FROM mart.messages WHERE date BETWEEN date_from AND date_to"
        return f"SELECT * FROM mart.thread_messages WHERE chat_id IN ({threads})"
    return in_period(found.sql)


def _comments(found: Mart) -> Iterator[str]:
    yield f"COMMENT ON VIEW mart.{found.name} IS {literal(found.comment)}"
    for column, meaning in found.columns.items():
        yield f"COMMENT ON COLUMN mart.{found.name}.{quoted(column)} IS {literal(meaning)}"


def _fingerprint(company: Company, columns: Columns, views: list[str]) -> str:
    told = [company.time_zone, company.business.model_dump_json(), repr(MART_TABLES), *views]
    told += [company.key or ""]
    told += [repr(sorted((name, list(c)) for name, c in columns.items()))]
    told += [mart_sql(mart(name), columns, company) + repr(mart(name)) for name in MARTS]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


def _tables(company: Company, made_from: str) -> dict[str, pa.Table]:
    business = company.business
    targets = [
        {
            "target": target.name,
            "position": number,
            "within_seconds": target.within,
            "working_hours": target.working_hours,
            "first_only": target.first_only,
            "channel": target.channel,
        }
        for number, target in enumerate(business.targets, start=1)
    ]
    teams = [
        {"operator_id": operator, "team": team}
        for team, operators in business.teams.items()
        for operator in operators
    ]
    row = {
        "company": company.key,
        "time_zone": company.time_zone,
        "overloaded_above": business.overloaded_above,
        "business": business.model_dump_json(),
        "made_from": made_from,
    }
    tables = {"company": pa.Table.from_pylist([row])}
    tables["calendar"] = calendar_table(business, company.time_zone)
    if targets:
        tables["sla_targets"] = pa.Table.from_pylist(targets)
    if teams:
        tables["team_list"] = pa.Table.from_pylist(teams)
    return tables
