"""The search for canaries finds what is planted, however it is written, wherever it is packed."""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import zipfile
from pathlib import Path
from urllib.parse import quote, quote_plus

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from canaries.searching import Searcher

NAME, TOKEN, PHONE = "Пётр Канарейкин", "canary-token/+x7?y", "+79161234567"
SEARCHER = Searcher({"name": NAME, "token": TOKEN, "phone": PHONE})
ALL = {"name", "token", "phone"}


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.encode(),
        lambda text: text.encode("cp1251"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16"),
        lambda text: json.dumps({"said": text}).encode(),
        lambda text: json.dumps(json.dumps([text])).encode(),
        lambda text: json.dumps(json.dumps(json.dumps(text))).encode(),
        lambda text: f"https://x/?q={quote(text)}".encode(),
        lambda text: f"https://x/?q={quote(text, safe='')}".encode(),
        lambda text: f"https://x/?q={quote(text, safe='').lower()}".encode(),
        lambda text: quote_plus(text).encode(),
        lambda text: repr(text.encode()).encode(),
        lambda text: ascii(text).encode(),
        lambda text: text.encode().hex().encode(),
        lambda text: f"{text[:7]}\n{text[7:]}".encode(),
        *(
            lambda text, n=n, code=code: code(b"x" * n + text.encode() + b"yz")
            for n in range(4)
            for code in (base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes)
        ),
        lambda text: base64.encodebytes(b"x" * 50 + text.encode() + b"y" * 50),
    ],
)
def test_a_canary_is_found_however_it_is_written(write: object) -> None:
    for label, text in (("name", NAME), ("token", TOKEN), ("phone", PHONE)):
        content = b"before \x00 " + write(text) + b" after"  # type: ignore[operator]
        assert SEARCHER.in_bytes(content) == {label}


def test_nothing_is_found_where_nothing_is() -> None:
    assert SEARCHER.in_bytes("Пётр Канарейка, +7916123456, canary-token".encode() * 99) == set()
    with pytest.raises(ValueError, match="too short"):
        Searcher({"short": "Пётр"})


def plant(folder: Path) -> None:
    said = f"{NAME} {TOKEN} {PHONE}"
    (folder / "plain.log").write_text(said * 3)
    pq.write_table(pa.table({"a": [said] * 1000}), folder / "rows.parquet", compression="zstd")
    empty = pa.schema([pa.field("a", pa.string())], metadata={"note": said})
    pq.write_table(empty.empty_table(), folder / "metadata.parquet")
    with duckdb.connect(str(folder / "rows.duckdb")) as connection:
        connection.execute("CREATE TABLE t AS SELECT ? AS a FROM range(10000)", [said])
    with sqlite3.connect(folder / "rows.sqlite") as database:
        database.execute("CREATE TABLE t (a TEXT)")
        database.execute("INSERT INTO t VALUES (?)", ["x" * 4000 + said])
    database.close()
    (folder / "cut.gz").write_bytes(gzip.compress(f"{said}{said}".encode())[:-8])
    with zipfile.ZipFile(folder / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", said.encode("cp1251"))


def test_a_canary_is_found_wherever_it_is_packed(tmp_path: Path) -> None:
    plant(tmp_path)
    assert SEARCHER.below(tmp_path) == {path.name: ALL for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 7
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / f"{PHONE}.txt").write_text("")
    assert SEARCHER.below(tmp_path)[f"kept/{PHONE}.txt"] == {"phone"}
    assert "kept" not in str(SEARCHER.below(tmp_path, leaving_out=[tmp_path / "kept"]))
