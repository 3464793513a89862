"""What each operation of the vendor is for here: docs/operations.md is made from these rows."""

from __future__ import annotations

from dataclasses import dataclass

from extract.routes import DEFAULT_PATHS, Operation

HEAD = """# The vendor's operations, and what uses each

Made by `UPDATE_DOCS=1 make operations`, which calls each of them on the sandbox, end to end, and
looks where the table says that the data lands.

| # | operation | default path | used by | where its data lands | test |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    """An operation of the vendor. `landed`: a query that is above 0 once its data is there."""

    operation: Operation
    used_by: str
    lands: str
    test: str
    landed: str | None = None

    def line(self, number: int) -> str:
        file, name = self.test.split("::")
        path = DEFAULT_PATHS[self.operation]
        return (
            f"| {number} | {self.operation} | `{path}` | {self.used_by} | {self.lands} "
            f"| [{name}](../{file}) |\n"
        )


@dataclass(frozen=True)
class Callback:
    """What the vendor calls: the URL is set in its management section."""

    used_by: str
    lands: str
    test: str
    landed: str

    def line(self, number: int) -> str:
        file, name = self.test.split("::")
        return (
            f"| {number} | the callback | a URL of the company's | {self.used_by} | {self.lands} "
            f"| [{name}](../{file}) |\n"
        )


ROWS = (
    Row(
        Operation.SEND_MESSAGE,
        "`smartconnect send`, alerts of `nightly`, the task `send_letter`",
        "the chat; a note in `state/outbox`",
        "tests/flows/test_sending.py::"
        "test_a_message_whose_answer_was_lost_is_not_sent_again_without_a_persons_word",
    ),
    Row(
        Operation.START_BULK,
        "`bulk-message`",
        "`meta.bulk_tasks`; a note in `state/outbox`",
        "tests/flows/test_bulk.py::"
        "test_it_is_started_once_followed_to_its_end_and_kept_with_its_history",
        "SELECT count(*) FROM meta.bulk_tasks",
    ),
    Row(
        Operation.GET_BULK_TASK,
        "`bulk-message`",
        "`meta.bulk_tasks`, `meta.bulk_task_history`",
        "tests/flows/test_bulk.py::"
        "test_a_task_that_vanishes_never_ends_or_says_nothing_has_a_clear_outcome",
        "SELECT count(*) FROM meta.bulk_task_history",
    ),
    Row(
        Operation.LIST_CHANNEL_ACCOUNTS,
        "`snapshot-users`, `bulk-message`, `smartconnect doctor`",
        "`channel_accounts`, `channel_accounts_history`, `channel_account_snapshots`",
        "tests/flows/test_lists.py::test_odd_users_and_accounts_have_a_clear_outcome_each",
        "SELECT count(*) FROM channel_accounts_history",
    ),
    Row(
        Operation.START_CHATS_EXPORT,
        "`nightly`, `backfill`, `extract-chats`, `smartconnect extract`, `smartconnect doctor`",
        "`chats`; extracts in `data/extracts`, `meta.extracts`",
        "tests/flows/test_ingest.py::test_what_the_vendor_has_is_what_readers_see",
        "SELECT count(*) FROM chats",
    ),
    Row(
        Operation.GET_CHATS_EXPORT_TASK,
        "as 5",
        "as 5; `meta.loads.export_seconds`",
        "tests/flows/test_extracts.py::"
        "test_an_extract_holds_what_was_asked_for_and_no_day_is_touched",
        "SELECT count(*) FROM meta.extracts",
    ),
    Row(
        Operation.START_STATISTICS_EXPORT,
        "`nightly`, `backfill`, `smartconnect doctor`",
        "`statistics`",
        "tests/flows/test_ingest.py::test_what_the_vendor_has_is_what_readers_see",
        "SELECT count(*) FROM statistics",
    ),
    Row(
        Operation.GET_STATISTICS_EXPORT_TASK,
        "as 7",
        "as 7",
        "tests/flows/test_ingest.py::test_what_the_vendor_has_is_what_readers_see",
        "SELECT count(*) FROM statistics",
    ),
    Row(
        Operation.LIST_USERS,
        "`nightly`, `snapshot-users`, `smartconnect doctor`",
        "`users`, `users_history`, `user_snapshots`",
        "tests/flows/test_ingest.py::test_the_nightly_brings_yesterday_and_the_users",
        "SELECT count(*) FROM users_history",
    ),
    Row(
        Operation.GET_USER,
        "`snapshot-users`, `smartconnect doctor`",
        "`user_details`, `user_details_history`, `user_detail_snapshots`",
        "tests/flows/test_lists.py::"
        "test_lists_join_to_chats_and_statistics_and_come_again_from_raw",
        "SELECT count(*) FROM user_details_history",
    ),
)
# The eleventh, which the vendor calls: no operation of ours.
CALLBACK = Callback(
    "`smartconnect callbacks`, `ingest-callbacks`",
    "`incoming_messages`, the views `messages` and `incoming_matches`, `meta.inbox_segments`",
    "tests/flows/test_callbacks.py::"
    "test_every_message_is_loaded_once_in_whatever_order_and_number_it_comes",
    "SELECT count(*) FROM incoming_messages",
)


def page() -> str:
    """docs/operations.md."""
    lines = [row.line(number) for number, row in enumerate(ROWS, start=1)]
    return HEAD + "".join([*lines, CALLBACK.line(len(ROWS) + 1)])
