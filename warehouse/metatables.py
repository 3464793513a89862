"""The tables of schema `meta`: what each is, and each of its columns with its meaning.

A table is a comment and its columns; a column its type in DuckDB and its comment. No code is here:
warehouse/schema.py makes them.
"""

from __future__ import annotations

from collections.abc import Mapping

from warehouse.ledgertables import LEDGER_TABLES

META_TABLES: Mapping[str, tuple[str, Mapping[str, tuple[str, str]]]] = {
    **LEDGER_TABLES,
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
