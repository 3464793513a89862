"""A day taken over from an old lake into a rebuilt warehouse, where its export file is gone."""

from __future__ import annotations

import uuid
from datetime import UTC

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.database import Writer
from warehouse.lake import write_lake_file, write_quarantine
from warehouse.layout import DataDirectory
from warehouse.loading import load_day
from warehouse.loads import DayLoad, DayResult
from warehouse.raw import RawObservation
from warehouse.replay import KeptDay


def take_over(writer: Writer, old: DataDirectory, seen: RawObservation, kept: KeptDay) -> DayResult:
    """Load a day's rows from its old lake file as they are, under a load of its own.

    A column that the contract has got since is null in it; versions stay those it was read under.
    """
    contract = writer.contracts[seen.dataset]
    moment = seen.observed_at.astimezone(UTC)
    load_id = f"{moment:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"
    rejected = old.quarantine_file(seen.dataset, kept.load_id)
    old.files.fetch([kept.lake_file, rejected])
    with pq.ParquetFile(kept.lake_file) as file:
        lake = write_lake_file(
            writer.layout,
            contract.schema,
            (_of_load(batch, contract.schema, load_id) for batch in file.iter_batches()),
            dataset=seen.dataset,
            window_day=seen.window_day,
            load_id=load_id,
        )
    table = pq.read_table(rejected) if rejected.exists() else None
    quarantine = (
        write_quarantine(writer.layout, table, dataset=seen.dataset, load_id=load_id)
        if table is not None
        else None
    )
    quarantined = table.num_rows if table is not None else 0
    load = DayLoad(
        dataset=seen.dataset,
        window_day=seen.window_day,
        load_id=load_id,
        observed_at=seen.observed_at,
        file_sha256=seen.sha256,
        file_bytes=seen.size_bytes,
        task_id=None,
        contract_version=kept.contract_version,
        mapping_version=kept.mapping_version,
        flow_run_id="",
        export_seconds=0.0,
        source="lake",
        lake_path=lake.path,
        quarantine_path=quarantine,
        rows_read=lake.rows + quarantined,
        rows_quarantined=quarantined,
        rows_outside_day=0,
        columns=_columns(writer, kept.load_id),
        accept_smaller=True,
    )
    return load_day(writer, contract.schema, load)


def _of_load(batch: pa.RecordBatch, schema: pa.Schema, load_id: str) -> pa.RecordBatch:
    columns = [
        pa.array([load_id] * batch.num_rows, field.type)
        if field.name == "load_id"
        else batch.column(field.name)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _columns(writer: Writer, load_id: str) -> dict[str, str]:
    found = writer.connection.execute(
        "SELECT header, field FROM meta.file_columns WHERE load_id = ? ORDER BY position", [load_id]
    ).fetchall()
    return {str(row[0]): str(row[1]) for row in found}
