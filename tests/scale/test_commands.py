"""The commands that the long rehearsals take from docs/scale-out.md are told apart by their words.

The rehearsals need several machines' servers; that the page still has what they ask for needs none.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from machines import commands

HERE = Path(__file__).parent
WORDS = sorted(
    {
        word
        for path in HERE.glob("test_*.py")
        for word in re.findall(r"\bcommands\(\"([^\"]+)\"\)", path.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize("word", WORDS)
def test_the_page_has_one_block_of_commands_by_each_word(word: str) -> None:
    assert commands(word).strip()


def test_a_command_on_two_lines_is_one() -> None:
    assert "--preload flows.daskworker" in commands("dask worker").strip().splitlines()[-1]


def test_words_were_found() -> None:
    assert {"dask worker", "smartconnect worker$"} <= set(WORDS)
