"""Headers: what a person would call the same is the same, nothing is guessed, nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transform.contract_errors import AmbiguousColumn, MissingColumn
from transform.datasets import CHATS, STATISTICS
from transform.headers import header_key, shown, split_unit
from transform.matching import match_columns, unique_names

ENOUGH = ["ID сообщения", "Дата и время", "Текст"]


@pytest.mark.parametrize(
    "header",
    ["message_id", "Message ID", "messageId", "MESSAGE-ID", " message id ", "message\u00a0id",
     "MessageID", "message.id", "ｍessage id"],
)  # fmt: skip
def test_case_blanks_and_punctuation_do_not_count(header: str) -> None:
    assert header_key(header) == "messageid"


def test_yo_is_ye() -> None:
    assert header_key("Отчёт") == header_key("отчет")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_a_key_is_its_own_key(header: str) -> None:
    assert header_key(header_key(header)) == header_key(header)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Среднее время ответа, сек", ("среднеевремяответа", 1.0)),
        ("Среднее время ответа (мин)", ("среднеевремяответа", 60.0)),
        ("Время онлайн в часах", ("времяонлайнвчасах", None)),
        ("Время онлайн, ч", ("времяонлайн", 3600.0)),
        ("frt in ms", ("frt", 0.001)),
        ("response_time", ("responsetime", None)),
        ("сек", ("сек", None)),
    ],
)
def test_a_header_may_name_the_unit_of_time(
    header: str, expected: tuple[str, float | None]
) -> None:
    assert split_unit(header) == expected


def test_every_column_goes_somewhere() -> None:
    binding = match_columns([*ENOUGH, "Рейтинг", "Рейтинг", ""], CHATS)
    assert list(binding.columns) == [*ENOUGH, "Рейтинг", "Рейтинг (2)", "column 6"]
    assert [name for name, _ in binding.extra] == ["Рейтинг", "Рейтинг (2)", "column 6"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["a", "a (2)", "", " ", "b", "?"]), max_size=8))
def test_names_for_json_keys_are_unique(columns: list[str]) -> None:
    names = unique_names(columns)
    assert len(set(names)) == len(columns)


def test_the_better_alias_wins_and_the_other_is_kept_with_a_note() -> None:
    binding = match_columns([*ENOUGH, "Сообщение"], CHATS)
    assert binding.positions["text"] == 2
    assert binding.columns["Сообщение"] == "extra"
    assert binding.notes == ("'Сообщение' is kept in extra: text is taken from 'Текст'",)


def test_two_equal_claims_stop_the_load() -> None:
    with pytest.raises(AmbiguousColumn, match="2 columns have an equal claim: 'Текст', 'текст'"):
        match_columns([*ENOUGH, "текст"], CHATS)


def test_a_companys_own_words_beat_every_alias() -> None:
    mapping = {"Сообщение": "text", "Текст": "extra", "Кто": "author"}
    binding = match_columns([*ENOUGH, "Сообщение", "Кто"], CHATS, mapping)
    assert binding.columns == {
        "ID сообщения": "message_id",
        "Дата и время": "sent_at",
        "Текст": "extra",
        "Сообщение": "text",
        "Кто": "author",
    }


def test_a_missing_column_is_named_with_the_headers_seen_and_the_nearest_alias() -> None:
    with pytest.raises(MissingColumn) as caught:
        match_columns(["ID сообщения", "Дата и время", "Текст сообщени"], CHATS)
    message = str(caught.value)
    assert "no column is known as text" in message
    assert "'Дата и время'" in message
    assert "'Текст сообщени' is like 'Текст сообщения'" in message


def test_chats_need_an_id_of_the_message_or_of_the_thread() -> None:
    with pytest.raises(MissingColumn, match="message_id or chat_id"):
        match_columns(["Дата и время", "Текст", "Имя клиента"], CHATS)


def test_a_record_in_the_headers_place_is_not_shown() -> None:
    record = ["100200300", "01.02.2026 10:00", "Иван Петров", "+79161234567", "мой пароль 12345"]
    with pytest.raises(MissingColumn) as caught:
        match_columns(record, CHATS)
    assert not [cell for cell in record if cell in str(caught.value)]
    assert "perhaps there is no header line" in str(caught.value)


def test_a_record_that_happens_to_hold_a_known_word_is_not_shown_either() -> None:
    record = ["17", "01.02.2026 10:00", "Клиент", "Иван Петров"]
    with pytest.raises(MissingColumn) as caught:
        match_columns(record, CHATS)
    assert "Петров" not in str(caught.value)
    assert "perhaps there is no header line" in str(caught.value)


@pytest.mark.parametrize("cell", ["+79161234567", "ivan@example.com", "x" * 61, "12:30"])
def test_what_looks_like_a_value_is_masked(cell: str) -> None:
    assert shown(cell) == "<masked>"


def test_a_date_and_a_time_make_a_moment_and_one_of_them_alone_is_taken_for_it() -> None:
    both = match_columns(["ID сообщения", "Дата", "Время", "Текст"], CHATS)
    assert {"date_part", "time_part"} <= both.positions.keys()
    alone = match_columns(["ID сообщения", "Дата", "Текст"], CHATS)
    assert alone.columns["Дата"] == "sent_at"
    beside = match_columns([*ENOUGH, "Дата"], CHATS)
    assert beside.columns["Дата"] == "extra"


def test_only_durations_give_up_their_unit() -> None:
    binding = match_columns(["Время первого ответа, мин", "Сообщений, с"], STATISTICS)
    assert binding.columns == {
        "Время первого ответа, мин": "first_response_avg_seconds",
        "Сообщений, с": "extra",
    }
    assert binding.units == {"first_response_avg_seconds": 60.0}
