"""The fast path and the careful path agree on rows, rejects and lines, wherever blocks end."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.agreement import disagreement
from fuzz.damage import apply
from fuzz.judge import read
from fuzz.mishaps import some_damages
from fuzz.shapes import good_file
from transform.readers import reading
from transform.readers.blocks import Block, BlockParser


@given(seed=st.integers(0, 2**32), block_bytes=st.integers(16, 3000), whole=st.booleans())
@settings(max_examples=120, deadline=None)
def test_both_paths_agree_on_damaged_files(
    seed: int, block_bytes: int, whole: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    random = Random(seed)
    good = good_file(random, most_rows=12)
    path = tmp_path_factory.mktemp("damaged") / "export"
    path.write_bytes(apply(good, some_damages(random, good)))
    understood = read(path)
    if understood.refusal is None and understood.crash is None:
        assert disagreement(path, block_bytes, whole=whole) is None


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_wherever_blocks_end_both_paths_agree(
    newline: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Block | None] = []

    class Watched(BlockParser):
        def parse(self, block: bytes) -> Block | None:
            taken.append(super().parse(block))
            return taken[-1]

    monkeypatch.setattr(reading, "BlockParser", Watched)
    texts = ["да", '"раз; ""два"""', '"две\nстроки"', "", '""', "три"] * 3
    lines = ["id;Имя;text", *(f"{n};Лев;{text}" for n, text in enumerate(texts, start=1))]
    # Arrow takes a mark at the beginning of what it reads for one of the file's, and drops it.
    lines.append("\ufeff99;Лев;да")
    path = tmp_path / "export"
    path.write_bytes("".join(line + newline for line in lines).encode())
    for block_bytes in range(16, path.stat().st_size + 2):
        assert disagreement(path, block_bytes, whole=False) is None
    # Else the careful path would have been compared with itself.
    assert sum(block is not None for block in taken) > len(taken) / 4
