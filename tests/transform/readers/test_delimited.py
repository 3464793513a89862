"""A value never lands in another column: what does not fit is a reject with line and raw text."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transform.readers import Reject, UnreadableExport, open_export

HEADER = ["id", "Имя", "text"]


def read(path: Path) -> tuple[list[list[str]], list[Reject]]:
    export = open_export(path)
    rows = [list(row.values()) for batch in export for row in batch.to_pylist()]
    return rows, export.rejects


def written(folder: Path, content: bytes) -> Path:
    path = folder / "export"
    path.write_bytes(content)
    return path


def as_csv(rows: list[list[str]], delimiter: str = ";") -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n").writerows([HEADER, *rows])
    return buffer.getvalue()


@given(
    rows=st.lists(
        st.tuples(
            st.integers(1, 10**18).map(str),
            st.text(alphabet='абв ";,|\t\n\r\x00\x01\x85"', max_size=12),
            st.text(alphabet="где'\"\\;\u2028\r\n_x000D_", max_size=12),
        ).map(list),
        min_size=2,
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_every_text_comes_back_to_the_last_character(
    rows: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.mktemp("csv"), as_csv(rows).encode())
    assert read(path) == (rows, [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "cp866", "koi8-r"])
def test_delimiters_and_encodings_are_found_out(
    delimiter: str, encoding: str, tmp_path: Path
) -> None:
    rows = [["1", "Иван Петров", "Здравствуйте, где мой заказ?"], ["2", "Анна", "спасибо; да"]] * 3
    path = written(tmp_path, as_csv(rows, delimiter).encode(encoding))
    assert read(path) == (rows, [])


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("2;б", "2 fields where the header has 3"),
        ("2;б;в;г", "4 fields where the header has 3"),
        ('2;б"в;г', "in the middle of an unquoted field"),
        ('2;"б"в;г', "after a closing quote"),
        ('2;"б;в', "never closed"),
    ],
)
def test_a_damaged_record_costs_its_own_line_alone(
    record: str, reason: str, tmp_path: Path
) -> None:
    text = f"id;Имя;text\n1;а;б\n{record}\n3;в;г\n"
    rows, rejects = read(written(tmp_path, text.encode()))
    assert rows == [["1", "а", "б"], ["3", "в", "г"]]
    assert [(reject.line, reject.raw) for reject in rejects] == [(3, f"{record}\n")]
    assert reason in rejects[0].reason


def test_gzip_and_zip_are_opened(tmp_path: Path) -> None:
    rows = [["1", "а", "б"], ["2", "в", "г"]]
    content = as_csv(rows).encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("export.csv", content)
    assert read(written(tmp_path, gzip.compress(content)))[0] == rows
    assert read(written(tmp_path, gzip.compress(archive.getvalue())))[0] == rows


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b'{"status": 500, "description": ""}', "error message"),
        (b"PK\x03\x04" + bytes(100), "damaged"),
        (b"just a line\nand another\n", "no delimiter"),
    ],
)
def test_what_is_no_export_is_refused_by_its_name(
    content: bytes, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableExport, match=said):
        open_export(written(tmp_path, content))
