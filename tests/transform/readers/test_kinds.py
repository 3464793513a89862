"""What comes in place of an export is told by its content and called by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from transform.errors import UnreadableExport
from transform.readers.kinds import Kind, kind_of

PAGE = "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b" \r\n\t", "nothing but blanks"),
        (b"\xef\xbb\xbf\r\n", "nothing but blanks"),
        (b"\xff\xfe\r\x00\n\x00", "nothing but blanks"),
        (b" " * 100_000, "nothing but blanks"),
        (PAGE.encode(), "a web page (HTML)"),
        (("\n<!-- error -->\n" + PAGE.upper()).encode(), "a web page (HTML)"),
        (PAGE.encode("utf-8-sig"), "a web page (HTML)"),
        (PAGE.encode("utf-16"), "a web page (HTML)"),
        (b"<?xml version='1.0'?>\n<html xmlns='x'>", "a web page (HTML)"),
        (b"<html><head></head><table><tr><td>id</td></tr></table>", "with a table in it"),
        (b"<table border=1><tr><td>id", "with a table in it"),
        (b"<?xml version='1.0'?><Error><Code>403</Code></Error>", "an XML document"),
        (b"<Error>", "an XML document"),
        (
            b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
            "SpreadsheetML 2003",
        ),
        (b"%PDF-1.7 x", "a PDF document"),
        (b"\x89PNG\r\n\x1a\nx", "a picture"),
        (b"\xff\xd8\xff\xe0", "a picture"),
        (b"Rar!\x1a\x07\x01\x00", "a RAR archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"BZh91AY&SYx", "a bzip2 archive"),
        (b"\xfd7zXZ\x00", "an xz archive"),
        (b"\x28\xb5\x2f\xfdx", "a Zstandard archive"),
        (b"PAR1x", "a Parquet file"),
        (b"PK\x05\x06" + bytes(18), "empty or in several parts"),
    ],
)
def test_what_is_no_export_is_called_by_its_name(
    content: bytes, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableExport) as caught:
        kind_of(path)
    assert expected in caught.value.came


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("id;text\r\n1;<html>", Kind.DELIMITED),
        ("<TICKER>;<DATE>\r\nA;1", Kind.DELIMITED),
        ("[Имя];[Дата]\r\nа;б", Kind.DELIMITED),
        ("BZh;text\n", Kind.DELIMITED),
        ("MZ;text\n", Kind.DELIMITED),
        ("{id};text\n", Kind.DELIMITED),
        ("\ufeff [{}]", Kind.JSON),
        ('{"id": 1}', Kind.JSON),
        ("[1", Kind.JSON),
    ],
)
def test_text_is_told_from_json_by_what_follows(content: str, kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_text(content, encoding="utf-8")
    assert kind_of(path) is kind
