"""Words, amounts and columns of text: read as they are meant, or not at all."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transform import amounts, words
from transform.columns import empty_as_null, trimmed, without_nulls
from transform.extras import json_objects


@pytest.mark.parametrize(
    ("word", "header", "expected"),
    [
        ("Входящее", "", "in"), ("ИСХОДЯЩЕЕ", "", "out"), ("inbound", "", "in"),
        ("to_client", "", "out"), ("IN", "", "in"), ("системное", "", "neither"),
        ("bla", "", None), ("1", "Направление", None),
        ("1", "is_incoming", "in"), ("0", "is_incoming", "out"), ("да", "Исходящее", "out"),
        ("нет", "Исходящее", "in"), ("user", "", None),
    ],
)  # fmt: skip
def test_directions_are_known_words_or_unknown(
    word: str, header: str, expected: str | None
) -> None:
    assert words.direction_of(word, header) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Клиент", "client"),
        ("agent", "user"),
        ("Чат-бот", "bot"),
        ("system", "system"),
        ("Иван", None),
    ],
)
def test_authors_are_known_words_or_unknown(word: str, expected: str | None) -> None:
    assert words.author_of(word) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1 234,5", 1234.5), ("1\u00a0234.5", 1234.5), ("1,234.50", 1234.5), ("1.234,50", 1234.5),
     ("-3", -3.0), ("1e3", 1000.0), ("1,2,3", None), ("", None), ("12 шт", None), ("nan", None)],
)  # fmt: skip
def test_numbers_in_russian_and_english(text: str, expected: float | None) -> None:
    assert amounts.number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12", 12), ("12.0", 12), ("1 234", 1234), ("1,234", 1234), ("1.234.567", 1234567),
     ("12,5", None), ("-1", None), ("1e400", None), ("0,123", None)],
)  # fmt: skip
def test_counts_are_whole(text: str, expected: int | None) -> None:
    assert amounts.count(text) == expected


@pytest.mark.parametrize(
    ("text", "per_unit", "expected"),
    [
        ("90", 1.0, 90.0), ("1,5", 60.0, 90.0), ("250", 0.001, 0.25), ("00:01:30", 1.0, 90.0),
        ("00:01:30", 60.0, 90.0), ("01:30", 1.0, 90.0), ("01:30", 3600.0, 5400.0),
        ("100:00:00", 1.0, 360000.0), ("1 д 02:03:04", 1.0, 93784.0), ("2 мин 30 с", 1.0, 150.0),
        ("1h 5m", 1.0, 3900.0), ("00:00:01.5", 1.0, 1.5), ("00:61:00", 1.0, None),
        ("01:75", 1.0, None), ("5 чел", 1.0, None), ("-5", 1.0, None), ("быстро", 1.0, None),
    ],
)  # fmt: skip
def test_durations_become_seconds(text: str, per_unit: float, expected: float | None) -> None:
    assert amounts.seconds(text, per_unit) == pytest.approx(expected)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**7))
def test_a_clocks_seconds_come_back(total: int) -> None:
    text = f"{total // 3600:02}:{total // 60 % 60:02}:{total % 60:02}"
    assert amounts.seconds(text) == total


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20))
def test_no_text_breaks_the_reading_of_amounts(text: str) -> None:
    for read in (amounts.number, amounts.count, amounts.seconds):
        value = read(text)
        assert value is None or value == value


blanks = st.text(alphabet=" \t\n\u00a0\u2003\u3000", max_size=2)
cells = st.one_of(
    st.none(), st.text(max_size=8), st.tuples(blanks, st.text(max_size=4), blanks).map("".join)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(cells, max_size=12), st.integers(0, 3))
def test_trimming_is_pythons_on_whole_and_on_sliced_columns(
    values: list[str | None], skip: int
) -> None:
    column = pa.array(values, pa.string()).slice(min(skip, len(values)))
    kept = values[skip:]
    # Arrow doesn't count the separators 0x1c to 0x1f among blanks, Python does.
    expected = [(value or "").strip() for value in kept]
    found = trimmed(column).to_pylist()
    odd = [i for i, v in enumerate(kept) if v and any("\x1c" <= c <= "\x1f" for c in v)]
    assert [v for i, v in enumerate(found) if i not in odd] == [
        v for i, v in enumerate(expected) if i not in odd
    ]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.just(""), st.text(max_size=6)), max_size=20), st.integers(0, 3)
)
def test_empty_becomes_null_and_nothing_else_changes(values: list[str | None], skip: int) -> None:
    column = without_nulls(pa.array(values, pa.string()).slice(min(skip, len(values))))
    found = empty_as_null(column)
    found.validate(full=True)
    assert found.to_pylist() == [value or None for value in values[skip:]]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(*[st.one_of(st.none(), st.text(max_size=8))] * 3), max_size=10),
    st.lists(st.text(max_size=5), min_size=3, max_size=3, unique=True),
)
def test_extra_keeps_every_value_under_its_header(
    rows: list[tuple[str | None, ...]], names: list[str]
) -> None:
    columns = [
        (name, pa.array([row[i] for row in rows], pa.string())) for i, name in enumerate(names)
    ]
    found = json_objects(columns, len(rows)).to_pylist()
    kept = [{n: v for n, v in zip(names, row, strict=True) if v} for row in rows]
    assert len(found) == len(rows)
    assert [json.loads(text) if text else {} for text in found] == kept
    assert [text is None for text in found] == [not row for row in kept]


def test_extra_without_unknown_columns_is_null() -> None:
    assert json_objects([], 2).to_pylist() == [None, None]
