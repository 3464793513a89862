"""Damaged files against the truth: nothing wrong, nothing uncounted. `make fuzz`: thousands."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.damage import Damage, Edit, apply
from fuzz.judge import Reading, judge, read
from fuzz.mishaps import some_damages
from fuzz.reference import Dialect, NotATable, strict_table
from fuzz.shapes import GoodFile, good_file
from transform.readers import Reject

HEADER = ["id", "Имя", "text"]


def small_file(*rows: list[str]) -> GoodFile:
    cells = [HEADER, *map(list, rows)]
    records = [(";".join(row) + "\n").encode() for row in cells]
    return GoodFile(Dialect(), "utf-8", "\n", cells, records)


GOOD = small_file(["1", "а", "б"], ["2", "в", "г"], ["3", "д", "е"], ["4", "ж", "з"])
# The second record loses its first delimiter: `2в;г`.
LOST = Damage("drop a delimiter", (Edit(2, 1, 2),))
# It moves by one letter: `2в;;г`, which no reader can see.
MOVED = Damage("move a delimiter", (Edit(2, 1, 2), Edit(2, 4, 4, b";")))


@given(random=st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_nothing_is_silent_in_a_damaged_file(
    random: Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    good = good_file(random, most_rows=8)
    damages = some_damages(random, good)
    path = tmp_path_factory.mktemp("damaged") / "export"
    path.write_bytes(apply(good, damages))
    reading = read(path, whole=not any(damage.cuts for damage in damages))
    assert judge(good, damages, reading).silent is None


@given(random=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_a_good_file_comes_out_whole(
    random: Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    good = good_file(random, most_rows=8)
    path = tmp_path_factory.mktemp("good") / "export"
    path.write_bytes(good.content)
    verdict = judge(good, [], read(path, whole=True))
    assert verdict.silent is None
    assert verdict.delivered == verdict.intact


@pytest.mark.parametrize("place", [0, 1, 2, 4, 5, 7])
def test_an_unclosed_quote_swallows_no_record_behind_it(place: int, tmp_path: Path) -> None:
    quote = Damage("insert a quote", (Edit(2, place, place, b'"'),))
    path = tmp_path / "export"
    path.write_bytes(apply(GOOD, [quote]))
    reading = read(path)
    assert reading.rows[-2:] == [["3", "д", "е"], ["4", "ж", "з"]]
    assert judge(GOOD, [quote], reading).silent is None


def told(*rows: list[str], rejects: list[tuple[int, str]]) -> Reading:
    return Reading(HEADER, [list(row) for row in rows], [Reject(n, raw, "") for n, raw in rejects])


ONE, TWO, THREE, FOUR = ["1", "а", "б"], ["2в", "г", ""], ["3", "д", "е"], ["4", "ж", "з"]


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        (told(ONE, TWO, THREE, FOUR, rejects=[]), "none of the true"),
        (told(ONE, THREE, FOUR, rejects=[]), "missing"),
        (told(ONE, FOUR, rejects=[(3, "2в;г")]), "missing"),
        (told(ONE, FOUR, THREE, rejects=[(3, "2в;г")]), "another order"),
        (told(ONE, THREE, FOUR, rejects=[(3, "2в")]), "not that line"),
        (told(ONE, THREE, FOUR, rejects=[(9, "2в;г")]), "beyond"),
    ],
)
def test_the_judge_sees_what_is_wrong(reading: Reading, said: str) -> None:
    assert said in (judge(GOOD, [LOST], reading).silent or "")


def test_the_judge_lets_pass_what_is_right_and_what_nobody_can_see() -> None:
    rows = [["1", "а", "б"], ["3", "д", "е"], ["4", "ж", "з"]]
    verdict = judge(GOOD, [LOST], told(*rows, rejects=[(3, "2в;г\n")]))
    assert (verdict.silent, verdict.intact, verdict.delivered) == (None, 1, 1)
    seen = told(rows[0], ["2в", "", "г"], *rows[1:], rejects=[])
    assert judge(GOOD, [MOVED], seen).silent is None


@pytest.mark.parametrize(
    "records",
    ["1;2;3\n", '1;"2\n', '1;2"\n', '"1"x;2\n', "1;\ufffd\n", "1\n1;2\n", "1;2\n1\n"],
)
def test_the_reference_accepts_perfect_tables_alone(records: str) -> None:
    with pytest.raises(NotATable):
        strict_table(f"a;b\n{records}", Dialect())


def test_the_reference_takes_no_data_row_for_a_header() -> None:
    with pytest.raises(NotATable):
        strict_table("a\n1;2\n3;4\n", Dialect(), [["1", "2"], ["3", "4"]])


def test_the_reference_reads_quotes_as_they_are_meant() -> None:
    doubled = strict_table('a;b\r\n"1""";"x\n;"\r\n\r\n', Dialect())
    assert doubled.rows == [['1"', "x\n;"]]
    escaped = strict_table('a;b\n"1\\"\\\\";"\\";"\n', Dialect(escape="\\"))
    assert escaped.rows == [['1"\\', '";']]
