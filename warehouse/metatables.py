"""The tables of schema `meta`: what each is, and each of its columns with its meaning.

A table is a comment and its columns; a column its type in DuckDB and its comment. No code is here:
warehouse/schema.py makes them.
"""

from __future__ import annotations

from collections.abc import Mapping

META_TABLES: Mapping[str, tuple[str, Mapping[str, tuple[str, str]]]] = {
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
    "extracts": (
        "Named extracts beside the main tables, in extracts/ of the data directory: each is a part "
        "of its days, and no day was touched by it.",
        {
            "extract": ("VARCHAR", "Its name: its folder."),
            "made_at": ("TIMESTAMPTZ", "When it was made."),
            "dataset": ("VARCHAR", "chats."),
            "date_from": ("DATE", "The first day asked for."),
            "date_to": ("DATE", "The last one, included."),
            "uid": ("BIGINT", "Only this user's; NULL: everybody's."),
            "category": ("BIGINT", "Only of this category; NULL: of all."),
            "one_client": ("BOOLEAN", "Whether it was asked for by a client's name, kept nowhere."),
            "rows": ("BIGINT", "Its rows."),
            "rows_quarantined": ("BIGINT", "Records that could not be read: in rejected.parquet."),
            "file_sha256": ("VARCHAR", "Hash of the export file, which isn't kept."),
            "flow_run_id": ("VARCHAR", "Prefect's id of the run."),
        },
    ),
    "bulk_tasks": (
        "Bulk messagings that were started from here, as they are now.",
        {
            "task_id": ("BIGINT", "The vendor's."),
            "campaign": ("VARCHAR", "The name that it was started under, once."),
            "channel_account_id": ("BIGINT", "The channel account; NULL: all of them."),
            "text_sha256": ("VARCHAR", "Hash of the text, which is kept nowhere."),
            "characters": ("BIGINT", "Its length."),
            "started_at": ("TIMESTAMPTZ", "When it was started, or found to be."),
            "outcome": (
                "VARCHAR",
                "running; ended; vanished (the vendor doesn't know it any more); unclear (nothing "
                "that came says whether it ended).",
            ),
            "fields": ("VARCHAR", "Every field that the vendor told last: JSON."),
            "seen_at": ("TIMESTAMPTZ", "When that was."),
            "flow_run_id": ("VARCHAR", "Prefect's id of the run that started it."),
        },
    ),
    "bulk_task_history": (
        "What the vendor told of each bulk messaging: a row each time that it was another thing.",
        {
            "task_id": ("BIGINT", "The vendor's."),
            "seen_at": ("TIMESTAMPTZ", "When it was first told so."),
            "fields": ("VARCHAR", "Every field: JSON."),
        },
    ),
    "callback_reconciliation": (
        "Callbacks beside the exports: one row for each day that both tell of (chat_id is NULL), "
        "and one for each thread of it that they tell otherwise.",
        {
            "window_day": ("DATE", "The day that the messages were sent on."),
            "channel_account_id": ("VARCHAR", "The thread's channel account; NULL: the day."),
            "chat_id": ("VARCHAR", "The thread; NULL: the whole day."),
            "callbacks": ("BIGINT", "Messages that callbacks told of."),
            "exported": (
                "BIGINT",
                "Incoming messages of chats since the first callback ever.",
            ),
            "matched_certain": ("BIGINT", "Callbacks that chats has, by their message_id."),
            "matched_probable": (
                "BIGINT",
                "Callbacks that chats has by thread, minute and text, since its export has no id.",
            ),
            "only_callback": ("BIGINT", "Callbacks that chats doesn't have."),
            "only_export": ("BIGINT", "Messages of chats that no callback told of."),
            "statistics_in_count": (
                "BIGINT",
                "Incoming messages of the day by the statistics export; NULL: it doesn't count.",
            ),
            "only_callback_ids": ("VARCHAR", "The first 50 ids of only_callback: a JSON list."),
            "only_export_ids": ("VARCHAR", "The first 50 ids of only_export: a JSON list."),
            "checked_at": ("TIMESTAMPTZ", "When this was first found so."),
        },
    ),
    "facts": (
        "What was found out about the vendor, which it doesn't publish.",
        {
            "key": ("VARCHAR", "What it is about, such as vendor.date_to."),
            "value": ("VARCHAR", "What was found."),
            "evidence": ("VARCHAR", "What it was concluded from."),
            "found_at": ("TIMESTAMPTZ", "When."),
        },
    ),
    "erasures": (
        "What was erased of persons who asked for it: counts, never who they are.",
        {
            "erasure": ("BIGINT", "The erasure's number, from 1."),
            "requested_at": ("TIMESTAMPTZ", "When it was asked for; nobody came back since."),
            "finished_at": (
                "TIMESTAMPTZ",
                "When nothing was left of the person in any file; NULL: it was not finished.",
            ),
            "done_by": ("VARCHAR", "The run that took the rows out."),
            "key_versions": ("VARCHAR", "Versions of the key that the person is known under."),
            "raw_files": ("BIGINT", "Export files that were written anew or removed."),
            "raw_rows": ("BIGINT", "Records taken out of them."),
            "days": ("BIGINT", "Days that lost rows."),
            "rows": ("BIGINT", "Rows taken out of the lake."),
            "quarantined": ("BIGINT", "Records taken out of the quarantine."),
            "releases": ("BIGINT", "Releases that were removed."),
            "mentions": (
                "BIGINT",
                "Messages of others in which the person was named, which stay; NULL: not counted.",
            ),
        },
    ),
    "erased_files": (
        "Export files of raw/ that an erasure changed.",
        {
            "erasure": ("BIGINT", "The erasure's number."),
            "dataset": ("VARCHAR", "Which dataset's file."),
            "window_day": ("DATE", "Which day's export."),
            "sha256_before": ("VARCHAR", "Its hash before."),
            "sha256_after": ("VARCHAR", "Its hash since; NULL: it could not be read, and is gone."),
            "rows_erased": ("BIGINT", "Records taken out of it."),
        },
    ),
    "inbox_segments": (
        "The callbacks' ledger: one row for each segment of the inbox that was loaded. "
        "records = loaded + duplicates + quarantined.",
        {
            "file_sha256": ("VARCHAR", "Its hash, its name in raw/."),
            "received_day": ("DATE", "The day it was begun on, in the company's time zone."),
            "first_received_at": ("TIMESTAMPTZ", "When its first callback came."),
            "last_received_at": ("TIMESTAMPTZ", "When its last callback came."),
            "records": ("BIGINT", "Callbacks in it."),
            "loaded": ("BIGINT", "Messages that it brought first."),
            "duplicates": ("BIGINT", "Messages that had come before, just so."),
            "quarantined": (
                "BIGINT",
                "Callbacks that are no message, or another than came with the id before: they are "
                "in meta.quarantine.",
            ),
            "torn": ("BIGINT", "Lines that a crash cut off: they were never acknowledged."),
            "load_id": ("VARCHAR", "The load that took it."),
            "loaded_at": ("TIMESTAMPTZ", "When."),
        },
    ),
    "removed_files": (
        "Export files that are no longer in raw/, by SMARTCONNECT_KEEP_RAW_DAYS: their days stay, "
        "and are kept by the lake.",
        {
            "dataset": ("VARCHAR", "Which dataset's file."),
            "window_day": ("DATE", "Which day's export."),
            "file_sha256": ("VARCHAR", "Its hash, its former name in raw/."),
            "removed_at": ("TIMESTAMPTZ", "When it was removed."),
        },
    ),
    "columns": (
        "The data dictionary: every table and column of this file with its meaning.",
        {
            "table_schema": ("VARCHAR", "Schema of the table."),
            "table_name": ("VARCHAR", "Name of the table."),
            "column_name": ("VARCHAR", "Name of the column."),
            "data_type": ("VARCHAR", "Type in DuckDB."),
            "meaning": ("VARCHAR", "What it means; the unit where it has one."),
            "personal": ("BOOLEAN", "Whether it holds personal data."),
        },
    ),
    "revision": (
        "A counter of changes that readers can see: a release carries the one it was made at.",
        {"number": ("BIGINT", "Changes so far.")},
    ),
}
