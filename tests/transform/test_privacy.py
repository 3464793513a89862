"""Policies for personal fields: what is written of a row, and what its identity rests on then."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from transform.contract import Dataset
from transform.datasets import CHATS, DATASETS, USERS
from transform.errors import UnusablePolicy
from transform.normalise import NormalisedExport, Origin, normalise_export, normalise_records
from transform.privacy import KINDS, Policy, Privacy
from transform.pseudonyms import PersonalKeys, add_key
from transform.readers import open_export

HEADER = (
    "ID сообщения;ID чата;Дата и время;Направление;Оператор;Клиент;Телефон клиента;Текст;Отчество"
)
ROWS = (
    "1;t1;02.02.2026 10:00:00;Входящее;;Пётр Канарейкин;8 916 123-45-67;Мой адрес;Канареевич",
    ";t1;02.02.2026 10:00:01;Входящее;;ПЕТР  Канарейкин;+79161234567;Да;",
    ";t1;02.02.2026 10:00:01;Входящее;;Пётр Канарейкин;+79161234567;Нет;",
    ";t1;02.02.2026 10:00:02;Исходящее;Анна;Пётр Канарейкин;;;",
)
PERSONAL = ("client_name", "client_phone", "user_name", "text", "extra")


@pytest.fixture
def keys(tmp_path: Path) -> PersonalKeys:
    add_key(tmp_path / "personal.key", data_root=tmp_path / "data")
    return PersonalKeys.load(tmp_path / "personal.key", data_root=tmp_path / "data")


def privacy(keys: PersonalKeys | None, **policies: str) -> Privacy:
    return Privacy({name: Policy(said) for name, said in policies.items()}, keys)


def normalised(
    tmp_path: Path, said: Privacy, *more: str, dataset: Dataset = CHATS
) -> NormalisedExport:
    path = tmp_path / "chats.csv"
    path.write_text("\r\n".join([HEADER, *ROWS, *more]) + "\r\n", encoding="utf-8")
    origin = Origin(date(2026, 2, 2), datetime(2026, 2, 3, tzinfo=UTC), "load", "Europe/Moscow")
    return normalise_export(open_export(path), dataset, origin, shield=said.of(dataset))


def rows_of(tmp_path: Path, said: Privacy) -> list[dict[str, object]]:
    return [row for batch in normalised(tmp_path, said) for row in batch.to_pylist()]


def test_every_personal_field_of_every_contract_has_a_policy() -> None:
    personal = {f.name for dataset in DATASETS.values() for f in dataset.fields if f.personal}
    assert personal - KINDS.keys() == {"extra"}


def test_all_is_kept_where_nothing_is_said(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, Privacy())
    assert [row["text"] for row in rows] == ["Мой адрес", "Да", "Нет", ""]
    assert rows[0]["extra"] == '{"Отчество":"Канареевич"}'
    assert Privacy().of(CHATS).version == ""


def test_a_pseudonym_stands_for_the_person_in_every_row(tmp_path: Path, keys: PersonalKeys) -> None:
    said = privacy(keys, client_phone="pseudonymise", name="pseudonymise")
    rows = rows_of(tmp_path, said)
    phones = {row["client_phone"] for row in rows}
    assert phones == {keys.pseudonym("79161234567", KINDS["client_phone"]), None}
    assert len({row["client_name"] for row in rows}) == 1
    assert str(rows[3]["user_name"]).startswith("p1:")
    assert [row["text"] for row in rows] == ["Мой адрес", "Да", "Нет", ""]
    assert {row["extra"] for row in rows} == {None}


@pytest.mark.promise("secrets-policy")
def test_what_is_dropped_is_gone_and_rows_without_an_id_stay_apart(
    tmp_path: Path, keys: PersonalKeys
) -> None:
    plain = rows_of(tmp_path, Privacy())
    rows = rows_of(tmp_path, privacy(keys, **{"*": "drop"}))
    assert [row["text"] == "" for row in rows] == [True, False, False, True]
    assert rows[1]["text"] != rows[2]["text"]
    assert all({row[name] for name in PERSONAL if name != "text"} == {None} for row in rows)
    identity = [name for name in CHATS.identity_fallback if name != "text"]
    assert [[r[n] for n in identity] for r in rows] == [[r[n] for n in identity] for r in plain]


def test_a_field_is_nearer_than_its_kind_and_a_kind_than_all(keys: PersonalKeys) -> None:
    said = privacy(keys, **{"*": "drop", "name": "pseudonymise", "user_name": "keep"})
    assert said.policy_of("user_name") is Policy.KEEP
    assert said.policy_of("client_name") is Policy.PSEUDONYMISE
    assert said.policy_of("client_phone") is Policy.DROP
    assert said.policy_of("chat_id") is Policy.KEEP


@pytest.mark.promise("secrets-policy")
def test_unknown_columns_are_dropped_with_the_first_policy_unless_they_are_to_be_kept(
    tmp_path: Path, keys: PersonalKeys
) -> None:
    assert {r["extra"] for r in rows_of(tmp_path, privacy(None, client_phone="drop"))} == {None}
    kept = rows_of(tmp_path, privacy(None, client_phone="drop", extra="keep"))
    assert kept[0]["extra"] == '{"Отчество":"Канареевич"}'
    assert {r["client_phone"] for r in kept} == {None}


@pytest.mark.promise("secrets-policy")
def test_a_rejected_record_keeps_its_place_and_reason_alone(tmp_path: Path) -> None:
    broken = "9;t1;не дата;Входящее;;Пётр Канарейкин;8 916 123-45-67;Мой адрес;"
    for said, kept in ((Privacy(), True), (privacy(None, client_phone="drop"), False)):
        export = normalised(tmp_path, said, broken, "один;два")
        list(export)
        rejected = export.quarantine.to_pylist()
        assert [bool(row["line"] and row["reason"]) for row in rejected] == [True, True]
        assert [row["raw"] is not None for row in rejected] == [kept, kept]
        assert ("Канарейкин" in str(rejected)) == kept


def test_users_are_protected_as_chats_are_and_meet_them(tmp_path: Path, keys: PersonalKeys) -> None:
    said = privacy(keys, name="pseudonymise", login="drop", phone="pseudonymise")
    origin = Origin(date(2026, 2, 2), datetime(2026, 2, 3, tzinfo=UTC), "load", "Europe/Moscow")
    record = {"id": 1, "name": "Анна", "login": "anna", "phone": "+79161234567", "note": "дома"}
    users = normalise_records([record, {"name": "без id"}], USERS, origin, shield=said.of(USERS))
    row = users.table.to_pylist()[0]
    assert row["user_name"] == rows_of(tmp_path, said)[3]["user_name"]
    assert row["phone"] == keys.pseudonym("8 916 123 45 67", KINDS["client_phone"])
    assert (row["login"], row["extra"]) == (None, None)
    assert users.quarantine.to_pylist()[0]["raw"] is None


def test_a_change_of_policy_or_key_is_a_change_of_version(
    tmp_path: Path, keys: PersonalKeys
) -> None:
    add_key(tmp_path / "personal.key", data_root=tmp_path / "data")
    rotated = PersonalKeys.load(tmp_path / "personal.key", data_root=tmp_path / "data")
    versions = [
        privacy(keys, client_phone="drop").of(CHATS).version,
        privacy(keys, client_phone="pseudonymise").of(CHATS).version,
        privacy(rotated, client_phone="pseudonymise").of(CHATS).version,
        privacy(keys, text="drop").of(CHATS).version,
        privacy(rotated, text="drop").of(CHATS).version,
    ]
    assert len(set(versions)) == len(versions)
    assert privacy(rotated, client_phone="drop").of(CHATS).version == versions[0]
    assert privacy(keys, client_phone="drop").of(USERS).version == ""


@pytest.mark.promise("secrets-key")
@pytest.mark.parametrize(
    ("policies", "why"),
    [
        ({"nick": "drop"}, "no personal field"),
        ({"extra": "pseudonymise"}, "columns of any kind"),
        ({"chat_id": "drop"}, "told apart by chat_id"),
        ({"id": "drop"}, "told apart by chat_id"),
        ({"client_phone": "pseudonymise"}, "need a key"),
        ({"text": "drop"}, "need a key"),
        ({"*": "drop"}, "need a key"),
    ],
)
def test_a_policy_that_cannot_be_kept_to_is_refused(policies: dict[str, str], why: str) -> None:
    with pytest.raises(UnusablePolicy, match=why):
        privacy(None, **policies)
