"""Columns that are new, gone or renamed are seen; what is the same column under another spelling
isn't."""

from __future__ import annotations

import json

import pytest

from transform.contract_errors import SchemaDrift
from transform.datasetmapping import DatasetMapping
from transform.datasets import CHATS
from transform.drift import Drift, find_drift, refuse_drift

BEFORE = {"ID сообщения": "message_id", "Текст": "text", "Оператор": "user_name", "Смена": "extra"}


def drift(now: dict[str, str], before: dict[str, str] | None = None) -> Drift:
    return find_drift(BEFORE if before is None else before, now, CHATS)


def test_the_first_load_has_nothing_to_differ_from() -> None:
    assert not drift(BEFORE, {})


def test_another_order_or_spelling_is_no_drift() -> None:
    assert not drift({name.upper(): field for name, field in reversed(BEFORE.items())})


def test_a_new_column_is_told_with_the_nearest_fields_that_are_free() -> None:
    found = drift({**BEFORE, "Телефон клиентa": "extra"})
    assert [column.header for column in found.new] == ["'Телефон клиентa'"]
    assert found.new[0].nearest[0] == "client_phone"
    assert found.sentence().startswith("new: 'Телефон клиентa' (extra; like client_phone")
    assert "user_name" not in drift({**BEFORE, "Оператор смены": "extra"}).new[0].nearest


def test_a_gone_column_is_told_with_its_field() -> None:
    now = {name: field for name, field in BEFORE.items() if name != "Текст"}
    assert drift(now).sentence() == "gone: 'Текст' (text)"


@pytest.mark.parametrize("new", [{"Агент": "user_name"}, {"Операторы": "extra"}])
def test_one_that_went_and_one_that_came_are_a_rename(new: dict[str, str]) -> None:
    now = {name: field for name, field in BEFORE.items() if name != "Оператор"} | new
    found = drift(now)
    assert (found.new, found.gone) == ((), ())
    assert found.renamed[0].was == "'Оператор'"
    assert json.loads(found.as_json())["renamed"][0]["was_field"] == "user_name"


def test_a_header_that_is_a_value_is_masked() -> None:
    assert "79161234567" not in drift({**BEFORE, "+79161234567": "extra"}).as_json()


def test_drift_stops_only_where_that_is_said_and_the_column_is_not_named() -> None:
    found = drift({**BEFORE, "Оценка": "extra"})
    refuse_drift(found, CHATS, DatasetMapping())
    with pytest.raises(SchemaDrift, match="'Оценка'"):
        refuse_drift(found, CHATS, DatasetMapping(drift="stop"))
    named = DatasetMapping(columns={"оценка": "extra"}, drift="stop")
    refuse_drift(found, CHATS, named)
    with pytest.raises(SchemaDrift, match="'Смена'"):
        refuse_drift(drift({"ID сообщения": "message_id"}), CHATS, named)
