"""gzip and ZIP: opened with caps, refused by name, and nothing is left behind."""

from __future__ import annotations

import gc
import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from transform.readers import ReaderLimits, SourceMapping, UnreadableExport, open_export

CSV = b"id;text\r\n1;one\r\n2;two\r\n"


def written(folder: Path, content: bytes) -> Path:
    path = folder / "export"
    path.write_bytes(content)
    return path


def zipped(*members: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return content.getvalue()


def rows(path: Path, mapping: SourceMapping | None = None) -> list[list[str]]:
    return [list(row.values()) for batch in open_export(path, mapping) for row in batch.to_pylist()]


def refusal(
    path: Path, limits: ReaderLimits | None = None, mapping: SourceMapping | None = None
) -> str:
    with pytest.raises(UnreadableExport) as caught:
        open_export(path, mapping, limits)
    return caught.value.came


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(CSV),
        gzip.compress(CSV[:12]) + gzip.compress(CSV[12:]),
        gzip.compress(CSV) + bytes(512),
        zipped(("export.csv", CSV)),
        zipped(
            ("a/", b""),
            ("a/export.csv", CSV),
            ("__MACOSX/a/._export.csv", b"x"),
            (".DS_Store", b""),
        ),
        zipped(("../../etc/passwd", CSV)),
        gzip.compress(zipped(("export.csv", CSV))),
        zipped(("export.csv.gz", gzip.compress(CSV))),
    ],
)
def test_the_table_inside_is_read(content: bytes, tmp_path: Path) -> None:
    assert rows(written(tmp_path, content)) == [["1", "one"], ["2", "two"]]
    assert [left.name for left in tmp_path.iterdir()] == ["export"]


def encrypted() -> bytes:
    content = bytearray(zipped(("export.csv", CSV)))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def wrong_checksum() -> bytes:
    content = bytearray(zipped(("export.csv", CSV)))
    content[content.index(b"PK\x01\x02") + 16] ^= 1
    content[14] ^= 1
    return bytes(content)


def overlapping() -> bytes:
    """Two directory entries that tell of one member's bytes, as in a ZIP bomb."""
    content = zipped(("a.csv", CSV), ("b.csv", CSV))
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 1)
    return content[: second + 42] + struct.pack("<L", 0) + content[second + 46 :]


def bare_deflate_end() -> bytes:
    return gzip.compress(CSV)[:-8] + struct.pack("<LL", zlib.crc32(CSV) ^ 1, len(CSV))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encrypted(), "the archive is password-protected"),
        (wrong_checksum(), "the ZIP archive is damaged or cut off (BadZipFile)"),
        (overlapping(), "overlap"),
        (zipped(("a.csv", CSV), ("b.csv", CSV)), "2 files: 'a.csv', 'b.csv'"),
        (zipped(("a/", b"")), "the archive is empty"),
        (zipped(("ж.csv", CSV)).replace("ж".encode(), b"\xff\xff"), "damaged or cut off"),
        (zipped(("export.csv", CSV))[:-30], "damaged or cut off"),
        (zipped(("export.csv", CSV))[:60], "damaged or cut off"),
        (bare_deflate_end(), "the gzip file is damaged"),
        (gzip.compress(CSV)[:-9], "the gzip file is cut off"),
        (gzip.compress(CSV)[:-3], "the gzip file is cut off"),
        (gzip.compress(CSV) + b"<html>", "followed by bytes that don't belong to it"),
        (gzip.compress(gzip.compress(gzip.compress(CSV))), "nested more than once"),
    ],
)
def test_what_is_not_whole_or_not_one_table_is_refused(
    content: bytes, expected: str, tmp_path: Path
) -> None:
    assert expected in refusal(written(tmp_path, content))


def test_a_member_is_named_in_the_mapping(tmp_path: Path) -> None:
    path = written(tmp_path, zipped(("a.csv", CSV), ("b.csv", CSV.replace(b"one", b"b1"))))
    assert rows(path, SourceMapping(member="b.csv"))[0] == ["1", "b1"]
    assert "no member 'c.csv'" in refusal(path, mapping=SourceMapping(member="c.csv"))


def test_bombs_are_refused_at_their_cap(tmp_path: Path) -> None:
    limits = ReaderLimits(max_decoded_bytes=10_000_000, max_members=100)
    flood = bytes(20_000_000)
    assert "more than 10,000,000" in refusal(written(tmp_path, gzip.compress(flood)), limits)
    liar = bytearray(zipped(("export.csv", flood)))
    for place in (22, liar.index(b"PK\x01\x02") + 24):
        liar[place : place + 4] = struct.pack("<L", 10)
    assert refusal(written(tmp_path, bytes(liar)), limits)
    many = zipped(*((f"{number}.csv", b"") for number in range(101)))
    assert "more than 100 members" in refusal(written(tmp_path, many), limits)
    drops = gzip.compress(b"") * 200
    assert "more than 100 members" in refusal(written(tmp_path, drops), limits)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = written(tmp_path, gzip.compress(CSV * 3))
    never_read = open_export(path)
    assert len(list(tmp_path.iterdir())) > 1
    del never_read
    for _ in open_export(path):
        break
    path.write_bytes(gzip.compress(b"%PDF-1.7"))
    refusal(path)
    path.write_bytes(gzip.compress(CSV)[:-3])
    refusal(path)
    gc.collect()
    assert [left.name for left in tmp_path.iterdir()] == ["export"]
