"""XLS and ODS go through calamine, in the child; a reader that aborts is a refusal, not a crash."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from transform.readers import UnreadableExport, open_export, spreadsheet

FREE, CHAIN_END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
Cells = list[tuple[int, int, str | float, int]]


def record(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def biff8(cells: Cells) -> bytes:
    """A workbook's stream: one sheet; style 0 is plain, style 1 a date with its time."""

    def begin(kind: int) -> bytes:
        return record(0x809, struct.pack("<HHHHII", 0x600, kind, 0x0DBB, 0x07CC, 0, 6))

    def text(value: str) -> bytes:
        return struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")

    def sheet_place(at: int) -> bytes:
        return record(0x85, struct.pack("<IBB", at, 0, 0) + b"\x01\x00S")

    head = begin(5) + record(0x42, struct.pack("<H", 1200))
    head += record(0x41E, struct.pack("<H", 164) + text("dd.mm.yyyy hh:mm"))
    for shown in (0, 164):
        head += record(0xE0, struct.pack("<HHHBBBBIIH", 0, shown, 0, 0, 0, 0, 0, 0, 0, 0))
    end = record(0x0A)
    sheet = begin(0x10)
    for row, column, value, style in cells:
        place = struct.pack("<HHH", row, column, style)
        if isinstance(value, str):
            sheet += record(0x204, place + text(value))
        else:
            sheet += record(0x203, place + struct.pack("<d", value))
    return head + sheet_place(len(head) + len(sheet_place(0)) + len(end)) + end + sheet + end


def compound(stream: bytes) -> bytes:
    """An OLE file with one stream, `Workbook`: header, allocation table, directory, content."""
    stream = stream.ljust(4096, b"\x00")
    stream += bytes(-len(stream) % 512)
    sectors = len(stream) // 512
    table = [FAT, CHAIN_END, *range(3, sectors + 2), CHAIN_END]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack(
        "<HHHHH6x9I", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, CHAIN_END, 0, CHAIN_END, 0
    )
    header += struct.pack("<109I", 0, *[FREE] * 108)

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        written = name.encode("utf-16-le")
        return written.ljust(64, b"\x00") + struct.pack(
            "<HBB3I16xI8x8xIQ", len(written) + 2, kind, 1, FREE, FREE, child, 0, start, size
        )

    directory = entry("Root Entry", 5, 1, CHAIN_END, 0) + entry("Workbook", 2, FREE, 2, len(stream))
    table += [FREE] * (128 - len(table))
    return header + struct.pack("<128I", *table) + directory.ljust(512, b"\x00") + stream


def test_an_xls_is_read(tmp_path: Path) -> None:
    cells: Cells = [
        *((0, column, name, 0) for column, name in enumerate(("id", "Когда", "text"))),
        *((1, 0, 123.0, 0), (1, 1, 46115.5, 1), (1, 2, "007", 0)),
        *((2, 0, 1.5, 0), (2, 1, 46115.0, 1), (2, 2, "б", 0)),
    ]
    path = tmp_path / "x"
    path.write_bytes(compound(biff8(cells)))
    export = open_export(path)
    rows = [list(row.values()) for batch in export for row in batch.to_pylist()]
    assert export.columns == ["id", "Когда", "text"]
    assert rows == [["123", "2026-04-03 12:00:00", "007"], ["1.5", "2026-04-03", "б"]]
    assert any("padding zeros are lost" in note for note in export.format.notes)


def test_an_ods_is_read(tmp_path: Path) -> None:
    space = "urn:oasis:names:tc:opendocument:xmlns"
    spaces = " ".join(f'xmlns:{n}="{space}:{n}:1.0"' for n in ("office", "table", "text"))

    def cell(text: str) -> str:
        return (
            f'<table:table-cell office:value-type="string"><text:p>{text}</text:p>'
            "</table:table-cell>"
        )

    content = (
        f"<office:document-content {spaces}><office:body><office:spreadsheet>"
        f'<table:table table:name="S"><table:table-row>{cell("id")}{cell("text")}</table:table-row>'
        '<table:table-row><table:table-cell office:value-type="float" office:value="12"/>'
        f"{cell('007')}</table:table-row></table:table>"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = f'<manifest:manifest xmlns:manifest="{space}:manifest:1.0"/>'
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", content)
    export = open_export(tmp_path / "x")
    assert [list(row.values()) for batch in export for row in batch.to_pylist()] == [["12", "007"]]


def test_a_reader_that_aborts_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "_START", "import os; os.abort()")
    path = tmp_path / "x"
    path.write_bytes(compound(biff8([(0, 0, "id", 0)])))
    with pytest.raises(UnreadableExport, match="makes its reader fail"):
        open_export(path)
