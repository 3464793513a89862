"""Lists from the API: users typed, unknown fields kept with their types, no user lost silently."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transform.contract_errors import MissingColumn, TooManyQuarantined
from transform.datasets import USERS
from transform.normalise import NormalisedTable, Origin, normalise_records


def of(records: list[Any], origin: Origin) -> NormalisedTable:
    return normalise_records(records, USERS, origin)


def test_a_user_arrives_typed_and_what_we_do_not_know_is_kept(origin: Origin) -> None:
    record = {
        "id": 7, "name": " Анна ", "email": "a@example.com", "is_active": True, "phone": None,
        "role": {"id": 1, "name": "admin"}, "skills": ["sale"], "rating": 4.5, "empty": None,
    }  # fmt: skip
    done = of([record], origin)
    (row,) = done.table.to_pylist()
    assert done.table.schema.equals(USERS.arrow_schema(), check_metadata=True)
    assert (row["user_id"], row["user_name"], row["is_active"]) == ("7", "Анна", "true")
    assert row["phone"] is None
    assert json.loads(row["role"]) == {"id": 1, "name": "admin"}
    assert json.loads(row["extra"]) == {"rating": 4.5, "skills": ["sale"]}
    assert (row["observed_at"], row["load_id"]) == (origin.observed_at, "load-1")
    assert done.report.columns["skills"] == "extra"


def test_extra_does_not_depend_on_the_order_of_keys(origin: Origin) -> None:
    first, second = ({"id": "1", "b": 1, "a": 2}, {"a": 2, "id": "1", "b": 1})
    assert of([first], origin).table.equals(of([second], origin).table)


def test_a_name_in_two_parts_is_one_name(origin: Origin) -> None:
    done = of(
        [{"uid": "1", "first_name": "Анна", "last_name": "Ли"}, {"uid": "2", "last_name": "Ким"}],
        origin,
    )
    assert done.table.column("user_name").to_pylist() == ["Анна Ли", "Ким"]


def test_of_two_users_with_one_id_the_second_is_quarantined(origin: Origin) -> None:
    done = of([{"id": "1", "name": "a"}, {"id": "1", "name": "b"}, {"id": "2"}], origin)
    assert done.table.column("user_name").to_pylist() == ["a", None]
    (kept,) = done.quarantine.to_pylist()
    assert (kept["line"], kept["reason"]) == (2, "user_id: a second time")
    assert json.loads(kept["raw"]) == {"id": "1", "name": "b"}


@pytest.mark.parametrize(
    "broken", [{"name": "a"}, {"id": "", "name": "a"}, {"id": None}, "text", None, [1]]
)
def test_a_user_without_an_id_is_quarantined(origin: Origin, broken: Any) -> None:
    done = of([{"id": "1"}, broken], origin)
    assert (done.report.rows_read, done.report.rows_out, done.report.rows_quarantined) == (2, 1, 1)


def test_an_empty_list_is_an_empty_table(origin: Origin) -> None:
    done = of([], origin)
    assert (done.table.num_rows, done.report.rows_read) == (0, 0)


def test_users_without_any_id_are_refused(origin: Origin) -> None:
    with pytest.raises(MissingColumn, match="user_id"):
        of([{"name": "a"}], origin)
    with pytest.raises(TooManyQuarantined, match="29 of 30"):
        of([{"id": "1"}] * 30, origin)


def test_errors_survive_the_way_between_processes(origin: Origin) -> None:
    with pytest.raises(MissingColumn) as caught:
        of([{"name": "a"}], origin)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.cure) == (
        MissingColumn,
        str(caught.value),
        caught.value.cure,
    )


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
)
users = st.dictionaries(st.sampled_from(["id", "name", "role", "x", "y"]), values, max_size=5)


@settings(max_examples=80, deadline=None)
@given(st.lists(users, max_size=15))
def test_users_read_are_users_out_and_quarantined_and_keep_their_unknown_fields(
    origin: Origin, records: list[dict[str, Any]]
) -> None:
    done = of([{"id": "first"}, *records], origin)
    assert done.report.rows_read == len(records) + 1
    assert done.report.rows_read == done.table.num_rows + done.quarantine.num_rows
    ids = done.table.column("user_id").to_pylist()
    assert len(set(ids)) == len(ids)
    bad = {line - 2 for line in done.quarantine.column("line").to_pylist()}
    good = [record for index, record in enumerate(records) if index not in bad]
    for record, text in zip(good, done.table.column("extra").to_pylist()[1:], strict=True):
        unknown = {k: v for k, v in record.items() if k in ("x", "y") and v is not None}
        assert (json.loads(text) if text else {}) == unknown
