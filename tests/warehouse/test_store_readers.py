"""The lines of docs/object-store.md, as they stand there, against a real S3 server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from storing import DAYS, add_day, company, send

PAGE = (Path(__file__).parents[2] / "docs" / "object-store.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def read(url: str) -> dict[str, Any]:
    """What all blocks leave, run one after the other as in a notebook."""
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(block.replace("bucket/prefix", url.removeprefix("s3://")), names)
    return names


@pytest.fixture
def found(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    layout = company(tmp_path / "data")
    send(layout, store_url)
    add_day(layout, "2026-02-05")
    send(layout, store_url)
    return read(store_url)


@pytest.mark.promise("store-readers")
def test_pyarrow_pandas_polars_and_duckdb_read_the_same_release(found: dict[str, Any]) -> None:
    expected = [(day, 5) for day in DAYS] + [("2026-02-05", 3)]
    assert [(str(day), count) for day, count in found["counts"]] == expected
    arrow: pa.Table = found["table"]
    assert arrow.num_rows == 18
    assert set(map(str, arrow["window_day"].to_pylist())) == {day for day, _ in expected}
    frame = found["frame"]
    assert len(frame) == 18
    assert {str(day)[:10] for day in frame["window_day"]} == {day for day, _ in expected}
    lazy = found["lazy"].collect()
    assert lazy.height == 18
    assert {str(day) for day in lazy["window_day"].unique()} == {day for day, _ in expected}
    assert sorted(lazy["message_id"]) == sorted(arrow["message_id"].to_pylist())


@pytest.mark.promise("store-readers")
def test_who_began_with_a_release_finishes_it(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    layout = company(tmp_path / "data")
    send(layout, store_url)
    began = read(store_url)
    add_day(layout, "2026-02-05")
    send(layout, store_url)
    assert began["lazy"].collect().height == 15
    assert began["days"].count_rows() == 15
