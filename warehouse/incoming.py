"""Callbacks taken into `incoming_messages`: once per message_id, whatever came again or late.

All of it is one transaction, the segments' rows of the ledger included: a segment is loaded whole,
or will be. Of two claims with one id the first received stays; another one is quarantined.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa

from warehouse.claims import ClaimsLoad, ClaimsResult, segments_table
from warehouse.database import Writer, bump_revision
from warehouse.disk import on_disk
from warehouse.lake import write_lake_file, write_quarantine
from warehouse.ledger import insert_row
from warehouse.schema import Contract, quoted

ANOTHER = "message_id: another message came with it before"
_CONTENT = ("chat_id", "channel_account_id", "sent_at_utc", "text", "extra")
_REJECTED_FIELDS: list[tuple[str, pa.DataType]] = [
    ("segment", pa.string()),
    ("line", pa.int64()),
    ("reason", pa.string()),
    ("raw", pa.string()),
]
_REJECTED = pa.schema(_REJECTED_FIELDS)


def loaded_segments(writer: Writer) -> set[str]:
    """Hashes of the segments that are loaded."""
    rows = writer.connection.execute("SELECT file_sha256 FROM meta.inbox_segments").fetchall()
    return {str(row[0]) for row in rows}


@on_disk("load callbacks")
def load_claims(writer: Writer, load: ClaimsLoad) -> ClaimsResult:
    """Take claims into the table and the lake, and their segments into the ledger."""
    contract, connection = Contract(load.schema), writer.connection
    places = list(zip(*load.places, strict=True)) or [(), (), ()]
    claims = load.table
    for name, values, kind in zip(
        ("segment", "line", "raw"), places, (pa.string(), pa.int64(), pa.string()), strict=True
    ):
        claims = claims.append_column(name, pa.array(values, kind))
    claims = claims.append_column("position", pa.array(range(claims.num_rows), pa.int64()))
    rejected = [dict(zip(_REJECTED.names, one, strict=True)) for one in load.rejected]
    connection.register("claims", claims)
    connection.register("rejected", pa.Table.from_pylist(rejected, schema=_REJECTED))
    connection.register("segments_came", segments_table(load.segments))
    try:
        _judge(writer, contract)
        days = _write_days(writer, contract, load)
        _write_rejects(writer, contract, load)
        with writer.transaction():
            for day, path in days.items():
                _show_day(writer, contract, load, day, path)
            _write_ledger(writer, contract, load)
            bump_revision(connection)
            sys.audit("smartconnect.point", "warehouse.incoming.claims-loaded")
        return _result(writer, len(days))
    finally:
        for name in ("judged", "all_rejected"):
            connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
        for name in ("claims", "rejected", "segments_came"):
            connection.unregister(name)


def _judge(writer: Writer, contract: Contract) -> None:
    """What becomes of each claim: loaded, duplicate, or another message with a known id."""
    table = quoted(contract.dataset)
    content = "[" + ", ".join(f"coalesce({c}::VARCHAR, chr(0))" for c in _CONTENT) + "]"
    writer.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE judged AS
            WITH known AS (
                SELECT message_id, {content} AS content FROM {table}
                SEMI JOIN claims USING (message_id)),
            numbered AS (
                SELECT *, {content} AS content, row_number() OVER same AS nth,
                       first({content}) OVER same AS first_content
                FROM claims WINDOW same AS (PARTITION BY message_id ORDER BY position))
            SELECT numbered.* EXCLUDE (content, nth, first_content),
                   CASE WHEN known.message_id IS NULL AND nth = 1 THEN 'loaded'
                        WHEN numbered.content = coalesce(known.content, first_content)
                        THEN 'duplicate' ELSE 'another' END AS fate
            FROM numbered LEFT JOIN known USING (message_id)"""
    )
    writer.connection.execute(
        """CREATE OR REPLACE TEMP TABLE all_rejected AS
           SELECT segment, line, reason, raw, NULL::DATE AS date FROM rejected
           UNION ALL SELECT segment, line, $another, raw, date FROM judged WHERE fate = 'another'
           ORDER BY segment, line""",
        {"another": ANOTHER},
    )


def _write_days(writer: Writer, contract: Contract, load: ClaimsLoad) -> dict[date, Path]:
    """A new lake file for each day that gets rows: those it has, and the new ones."""
    columns = ", ".join(map(quoted, contract.columns))
    found = writer.connection.execute(
        "SELECT DISTINCT date FROM judged WHERE fate = 'loaded' ORDER BY date"
    ).fetchall()
    files: dict[date, Path] = {}
    for (day,) in found:
        rows = writer.connection.sql(
            f"""SELECT {columns} FROM {quoted(contract.dataset)} WHERE window_day = '{day}'
                UNION ALL SELECT {columns} FROM judged WHERE fate = 'loaded' AND date = '{day}'
                ORDER BY {quoted(contract.order_by)}, message_id"""
        )
        assert rows is not None
        files[day] = write_lake_file(
            writer.layout,
            contract.schema,
            rows.to_arrow_table().cast(contract.schema).to_batches(),
            dataset=contract.dataset,
            window_day=day,
            load_id=load.load_id,
        ).path
    return files


def _write_rejects(writer: Writer, contract: Contract, load: ClaimsLoad) -> None:
    rejects = writer.connection.sql(
        "SELECT line, reason, raw FROM all_rejected ORDER BY segment, line"
    )
    assert rejects is not None
    write_quarantine(
        writer.layout, rejects.to_arrow_table(), dataset=contract.dataset, load_id=load.load_id
    )


def _show_day(writer: Writer, contract: Contract, load: ClaimsLoad, day: date, path: Path) -> None:
    connection, columns = writer.connection, ", ".join(map(quoted, contract.columns))
    table = quoted(contract.dataset)
    connection.execute(
        f"""INSERT INTO {table} ({columns}, window_day) SELECT {columns}, date FROM judged
            WHERE fate = 'loaded' AND date = ? ORDER BY {quoted(contract.order_by)}""",
        [day],
    )
    row = connection.execute(
        f"""SELECT count(*), min(message_id), max(message_id), max(observed_at)
            FROM {table} WHERE window_day = ?""",
        [day],
    ).fetchone()
    assert row is not None
    connection.execute(
        "DELETE FROM meta.days WHERE dataset = ? AND window_day = ?", [contract.dataset, day]
    )
    insert_row(
        writer,
        "meta.days",
        {
            "dataset": contract.dataset,
            "window_day": day,
            "load_id": load.load_id,
            "observed_at": row[3],
            "checked_at": datetime.now(UTC),
            "rows": row[0],
            "rows_duplicate": 0,
            "rows_hidden": 0,
            "rows_without_id": 0,
            "lake_file": writer.layout.relative(path),
            "file_sha256": "",
            "contract_version": _version(contract),
            "mapping_version": load.mapping_version,
            "first_id": row[1],
            "last_id": row[2],
        },
    )


def _version(contract: Contract) -> str:
    return (contract.schema.metadata or {}).get(b"contract_version", b"").decode()


def _write_ledger(writer: Writer, contract: Contract, load: ClaimsLoad) -> None:
    """Segments and days: what is no row is told of the day its segment was received on."""
    told = {
        "dataset": contract.dataset,
        "load_id": load.load_id,
        "source": load.source,
        "version": _version(contract),
        "mapping": load.mapping_version,
        "run": load.flow_run_id,
        "now": datetime.now(UTC),
    }
    connection = writer.connection
    connection.execute(
        """INSERT INTO meta.quarantine BY NAME
           SELECT $dataset AS dataset, received_day AS window_day, $load_id AS load_id, line,
                  reason, raw
           FROM all_rejected JOIN segments_came ON sha256 = segment""",
        {"dataset": contract.dataset, "load_id": load.load_id},
    )
    connection.execute(
        """INSERT INTO meta.inbox_segments BY NAME
           SELECT sha256 AS file_sha256, received_day, first_received_at, last_received_at, records,
                  (SELECT count(*) FROM judged WHERE segment = sha256 AND fate = 'loaded')
                      AS loaded,
                  (SELECT count(*) FROM judged WHERE segment = sha256 AND fate = 'duplicate')
                      AS duplicates,
                  (SELECT count(*) FROM all_rejected WHERE segment = sha256) AS quarantined,
                  torn, $load_id AS load_id, $now AS loaded_at
           FROM segments_came""",
        {"load_id": load.load_id, "now": told["now"]},
    )
    connection.execute(
        """INSERT INTO meta.loads BY NAME
           WITH fates AS (
               SELECT date AS window_day, fate, observed_at FROM judged WHERE fate <> 'another'
               UNION ALL
               SELECT received_day, 'quarantined', last_received_at
               FROM all_rejected JOIN segments_came ON sha256 = segment)
           SELECT $load_id AS load_id, $dataset AS dataset, window_day,
                  CASE WHEN count_if(fate = 'loaded') > 0 THEN 'loaded' ELSE 'unchanged' END
                      AS outcome,
                  $source AS source, max(observed_at) AS observed_at, $now AS loaded_at,
                  '' AS file_sha256, count(*) AS rows_read,
                  count_if(fate = 'loaded')::BIGINT AS rows_loaded,
                  count_if(fate = 'duplicate')::BIGINT AS rows_duplicate,
                  count_if(fate = 'quarantined')::BIGINT AS rows_quarantined,
                  0 AS rows_outside_day, $version AS contract_version,
                  $mapping AS mapping_version, $run AS flow_run_id, 0 AS export_seconds
           FROM fates GROUP BY window_day""",
        told,
    )


def _result(writer: Writer, days: int) -> ClaimsResult:
    row = writer.connection.execute(
        """SELECT (SELECT count(*) FROM judged) + (SELECT count(*) FROM rejected),
                  (SELECT count(*) FROM judged WHERE fate = 'loaded'),
                  (SELECT count(*) FROM judged WHERE fate = 'duplicate'),
                  (SELECT count(*) FROM all_rejected)"""
    ).fetchone()
    assert row is not None
    records, loaded, duplicates, quarantined = map(int, row)
    return ClaimsResult(records, loaded, duplicates, quarantined, days)
