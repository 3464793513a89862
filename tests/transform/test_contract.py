"""The contract: declared once, and everything that is derived from it says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from transform.contract import Dataset, Field, Kind, Part
from transform.datasets import CHATS, DATASETS, STATISTICS, USERS
from transform.dictionary import data_dictionary

CHATS_COLUMNS = [
    "message_id",
    "chat_id",
    "sent_at",
    "sent_at_utc",
    "date",
    "observed_at",
    "direction",
    "author_type",
    "user_id",
    "user_name",
    "client_name",
    "client_phone",
    "channel",
    "channel_account_id",
    "category",
    "status",
    "text",
    "extra",
    "load_id",
]


def metadata(dataset: Dataset, key: str) -> str:
    return dataset.arrow_schema().metadata[key.encode()].decode()


def test_the_published_columns_of_chats_are_a_promise() -> None:
    schema = CHATS.arrow_schema()
    assert schema.names == CHATS_COLUMNS
    assert schema.field("sent_at").type == pa.timestamp("us")
    assert schema.field("sent_at_utc").type == pa.timestamp("us", tz="UTC")
    assert schema.field("date").type == pa.date32()
    others = set(CHATS_COLUMNS) - {"sent_at", "sent_at_utc", "observed_at", "date"}
    assert {str(schema.field(name).type) for name in others} == {"string"}


def test_no_dataset_has_the_partition_key_as_a_column() -> None:
    assert all("window_day" not in d.arrow_schema().names for d in DATASETS.values())


def test_the_contract_crosses_the_border_in_the_schemas_metadata() -> None:
    assert metadata(CHATS, "dataset") == "chats"
    assert json.loads(metadata(CHATS, "identity")) == ["message_id"]
    assert json.loads(metadata(CHATS, "identity_fallback")) == [
        "chat_id",
        "sent_at",
        "direction",
        "text",
    ]
    assert metadata(CHATS, "order_by") == "sent_at"
    assert json.loads(metadata(STATISTICS, "identity")) == []
    assert json.loads(metadata(USERS, "key")) == ["user_id"]
    assert "user_name" in json.loads(metadata(USERS, "tracked"))
    assert metadata(USERS, "contract_version") == USERS.version


def test_what_identifies_a_message_never_changes() -> None:
    may_change = {
        "user_id",
        "user_name",
        "client_name",
        "client_phone",
        "status",
        "category",
        "extra",
    }
    assert not may_change & {*CHATS.identity, *CHATS.identity_fallback}


def test_what_is_volatile_makes_no_version() -> None:
    for dataset in DATASETS.values():
        assert not [f.name for f in dataset.fields if f.volatile and f.tracked]
    volatile = {f.name for f in USERS.fields if f.volatile}
    assert {"last_seen_at", "online", "observed_at", "load_id"} <= volatile


def test_every_field_says_what_it_means_and_measures_name_their_unit() -> None:
    for dataset in DATASETS.values():
        for field in dataset.arrow_schema():
            assert len(field.metadata[b"comment"]) > 10, field.name
            assert field.metadata[b"personal"] in (b"true", b"false")
    for field in STATISTICS.fields:
        if field.kind is Kind.SECONDS:
            assert field.name.endswith("_seconds")
            assert field.unit == "seconds"
        if field.kind is Kind.COUNT:
            assert field.name.endswith("_count")


@pytest.mark.parametrize("name", ["user_name", "client_name", "client_phone", "text", "extra"])
def test_personal_columns_are_marked(name: str) -> None:
    assert CHATS.arrow_schema().field(name).metadata[b"personal"] == b"true"


def test_a_contract_that_contradicts_itself_cannot_be_declared() -> None:
    field = Field("a", Kind.TEXT, "First.", aliases=("Имя",))
    with pytest.raises(ValueError, match="twice"):
        Dataset("d", "a row", "1", (field, field))
    with pytest.raises(ValueError, match="to two columns"):
        Dataset("d", "a row", "1", (field,), parts=(Part("p", "Part.", ("имя",)),))
    with pytest.raises(ValueError, match="one it hasn't"):
        Dataset("d", "a row", "1", (field,), identity=("b",))


def test_the_committed_data_dictionary_is_what_the_contracts_say() -> None:
    page = Path(__file__).parents[2] / "docs" / "data-dictionary.md"
    assert page.read_text(encoding="utf-8") == data_dictionary()
