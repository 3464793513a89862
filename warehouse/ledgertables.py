"""The tables of schema `meta` that are the ledger of days: each, and each column with its meaning.

As the others in warehouse/metatables.py; warehouse/ledger.py reads and writes them.
"""

from __future__ import annotations

from collections.abc import Mapping

LEDGER_TABLES: Mapping[str, tuple[str, Mapping[str, tuple[str, str]]]] = {
    "loads": (
        "The ledger: one row for each time a day's export was looked at. "
        "rows_read = rows_loaded + rows_duplicate + rows_quarantined + rows_suppressed where "
        "outcome is loaded.",
        {
            "load_id": ("VARCHAR", "The load's name; rows of the day carry it."),
            "dataset": (
                "VARCHAR",
                "chats, statistics, users, user_details, channel_accounts, incoming_messages.",
            ),
            "window_day": ("DATE", "The day asked for, in the company's time zone."),
            "outcome": (
                "VARCHAR",
                "loaded; unchanged (same content as before); held (far fewer rows than before: the "
                "old ones stay); superseded (a later observation is loaded already).",
            ),
            "source": (
                "VARCHAR",
                "export; raw where a kept file was read again; lake where a rebuild took over a "
                "day whose file is gone; erasure where a person's rows were taken out; callbacks.",
            ),
            "task_id": ("BIGINT", "The vendor's export task."),
            "observed_at": ("TIMESTAMPTZ", "When the export was started: it shows that moment."),
            "loaded_at": ("TIMESTAMPTZ", "When this row was written."),
            "file_sha256": (
                "VARCHAR",
                "Hash of the export file, its name in raw/; of what is left of it since an erasure "
                "(meta.erased_files).",
            ),
            "file_bytes": ("BIGINT", "Size of the export file in bytes."),
            "rows_read": ("BIGINT", "Records in the export file."),
            "rows_loaded": ("BIGINT", "Rows this load brought into the warehouse."),
            "rows_duplicate": ("BIGINT", "Records that the same file held twice."),
            "rows_quarantined": ("BIGINT", "Records that are in meta.quarantine instead."),
            "rows_suppressed": (
                "BIGINT",
                "Records of erased persons: read, and kept nowhere; NULL: none.",
            ),
            "rows_outside_day": ("BIGINT", "Rows dated on another day than the one asked for."),
            "contract_version": ("VARCHAR", "Version of the dataset's contract."),
            "mapping_version": (
                "VARCHAR",
                "Hash of what the mapping file says of it, or ''.",
            ),
            "reasons": ("VARCHAR", "Why records were quarantined: JSON, reason to count."),
            "notes": ("VARCHAR", "What a person should know of the columns: a JSON list."),
            "drift": (
                "VARCHAR",
                "Columns new, gone or renamed since the load observed before: JSON; NULL: none.",
            ),
            "flow_run_id": ("VARCHAR", "Prefect's id of the run."),
            "export_seconds": ("DOUBLE", "How long the vendor took to make the file, seconds."),
        },
    ),
    "days": (
        "What each day holds now: one row for each dataset and day that was loaded.",
        {
            "dataset": ("VARCHAR", "chats or statistics."),
            "window_day": ("DATE", "The day."),
            "load_id": ("VARCHAR", "The load that its rows came with."),
            "observed_at": (
                "TIMESTAMPTZ",
                "Start of the latest export that brought just this content.",
            ),
            "checked_at": ("TIMESTAMPTZ", "When the day was last looked at."),
            "rows": ("BIGINT", "Rows in its lake file."),
            "rows_duplicate": ("BIGINT", "Rows that the same file held twice; one is shown."),
            "rows_hidden": ("BIGINT", "Rows not shown: another day's observation is later."),
            "rows_without_id": ("BIGINT", "Rows whose identity is told from their content."),
            "lake_file": ("VARCHAR", "Its Parquet file, below the data directory."),
            "file_sha256": ("VARCHAR", "Hash of its export file."),
            "contract_version": ("VARCHAR", "Contract it was read under."),
            "mapping_version": ("VARCHAR", "Mapping it was read under, or ''."),
            "first_id": ("VARCHAR", "The least identity in it, in text order."),
            "last_id": ("VARCHAR", "The greatest identity in it, in text order."),
        },
    ),
    "quarantine": (
        "Records of export files that could not be loaded: nothing is dropped silently.",
        {
            "dataset": ("VARCHAR", "Which dataset's file."),
            "window_day": ("DATE", "Which day's export."),
            "load_id": ("VARCHAR", "Which load."),
            "line": ("BIGINT", "Line (text) or row (spreadsheet) in the file."),
            "reason": ("VARCHAR", "Why it could not be loaded."),
            "raw": (
                "VARCHAR",
                "The record as it came. Personal data; NULL where fields are protected.",
            ),
        },
    ),
    "file_columns": (
        "The columns of every file that was loaded, as its header line has them.",
        {
            "dataset": (
                "VARCHAR",
                "chats, statistics, users, user_details, channel_accounts.",
            ),
            "load_id": ("VARCHAR", "The load."),
            "position": ("BIGINT", "The column's place in the file, from 1."),
            "header": ("VARCHAR", "Its header."),
            "field": ("VARCHAR", "The field it was read as, or extra."),
        },
    ),
    "reconciliation": (
        "Counts that tell of the same thing: those that disagree, and the statistics export's "
        "counts of messages beside the rows of chats. No other row: everything else agrees.",
        {
            "dataset": ("VARCHAR", "chats or statistics."),
            "window_day": ("DATE", "The day."),
            "compared": ("VARCHAR", "What was counted, or the measure of the statistics export."),
            "expected": ("BIGINT", "The count it should be: of ledger, database, or chats."),
            "found": ("BIGINT", "The count that was found; NULL: nothing was there to count."),
            "agrees": ("BOOLEAN", "Whether both are the same."),
            "checked_at": ("TIMESTAMPTZ", "When this was first found so."),
        },
    ),
}
