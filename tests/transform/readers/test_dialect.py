"""How a dialect is judged: by an independent count of its foreign cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transform.readers.dialect import DELIMITERS, QUOTES, Dialect, tried

CELLS = st.text(alphabet=" \n\r\0'\";,\t|aЯ", max_size=5)


def is_foreign(cell: str, dialect: Dialect) -> bool:
    """It holds another delimiter, has a blank edge or is in the other quotes."""
    others = {*";,\t|"} - {dialect.delimiter[0]}
    other_quote = QUOTES[dialect.quote == QUOTES[0]]
    quoted = len(cell) > 1 and cell[0] == cell[-1] == other_quote
    return cell[:1] == " " or cell[-1:] == " " or quoted or bool(others & {*cell})


@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize("delimiter", DELIMITERS)
@given(records=st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=4))
def test_foreign_cells_are_counted_wherever_they_stand(
    delimiter: str, quote: str, records: list[list[str]]
) -> None:
    dialect = Dialect(delimiter, quote)
    cells = [cell for record in records for cell in record]
    share = sum(is_foreign(cell, dialect) for cell in cells) / len(cells)
    assert tried(dialect, records).foreign == share
