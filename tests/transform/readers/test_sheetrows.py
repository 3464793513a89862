"""Patterns and the XML parser say the same of every sheet, whole or damaged."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from transform.errors import UnreadableExport
from transform.readers.cellformats import PLAIN, number_format
from transform.readers.cellvalues import CellValues
from transform.readers.export import ReaderLimits
from transform.readers.sharedtexts import shared_texts
from transform.readers.sheetrows import SheetReader

HEAD = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet '
    b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
)
TAIL = b'</sheetData><mergeCells><mergeCell ref="A1:A2"/></mergeCells></worksheet>'
FORMATS = [PLAIN, number_format("dd.mm.yyyy"), number_format("00000"), number_format("@")]
TYPES = [' t="s"', "", "", ' t="str"', ' t="b"', ' t="e"', ' t="inlineStr"']
ODD = [
    b"<",
    b">",
    b"/>",
    b"&",
    b"&amp;",
    b"&#65;",
    b"\r",
    b"\x01",
    b"<!-- c -->",
    b"]]>",
    b'"',
    b" ",
]
ODD += [
    b"</row>",
    b"<row ",
    b"</c>",
    b"<c>",
    b"<v>",
    b"<f>1</f>",
    b"<![CDATA[x</row>]]>",
    b"\xff",
    b"1",
]

cells = st.tuples(
    st.sampled_from(TYPES),
    st.sampled_from(["", "", ' s="1"', ' s="2"', ' s="3"']),
    st.sampled_from(["0", "1", "12", "46115.5", "1.5E+20", "007", "x &amp; y", "", "_x000D_", "б"]),
    st.booleans(),
)
tables = st.lists(st.lists(cells, max_size=4), min_size=1, max_size=8)
damages = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 3), st.sampled_from(ODD)), max_size=2
)


def rows_xml(table: list[list[tuple[str, str, str, bool]]]) -> bytes:
    rows = []
    for number, row in enumerate(table, start=1):
        found = []
        for index, (kind, style, value, present) in enumerate(row):
            place = f'<c r="{"ABCD"[index]}{number}"{style}'
            inner = f"<is><t>{value}</t></is>" if "inline" in kind else f"<v>{value}</v>"
            found.append(f"{place}{kind}>{inner}</c>" if present and value else f"{place}/>")
        rows.append(f'<row r="{number}" spans="1:4">{"".join(found)}</row>')
    return "".join(rows).encode()


def damaged(xml: bytes, damages: list[tuple[int, int, bytes]]) -> bytes:
    for place, dropped, odd in damages:
        at = place % (len(xml) + 1)
        xml = xml[:at] + odd + xml[at + dropped :]
    return xml


def outcome(xml: bytes, step: int, *, fast: bool) -> object:
    values = CellValues(FORMATS, {"0": "ноль", "1": "two\nlines"}, from_1904=False)
    reader = SheetReader(values, ReaderLimits(), fast=fast)
    steps = [xml[start : start + step] for start in range(0, len(xml), step)]
    found = []
    try:
        for numbers, columns in reader.pieces(steps):
            for number, *texts in zip(numbers, *columns, strict=True):
                while texts and not texts[-1]:
                    texts.pop()
                if texts:
                    found.append((number, *texts))
    except UnreadableExport:
        return "refused"
    return found, reader.facts.merged, reader.facts.unvalued_formulas, values.long_numbers


@given(tables, damages, st.integers(60, 4_000))
@settings(max_examples=300, deadline=None)
def test_both_ways_read_the_same(
    table: list[list[tuple[str, str, str, bool]]], damages: list[tuple[int, int, bytes]], step: int
) -> None:
    xml = HEAD + damaged(rows_xml(table * 3 if step % 2 else table), damages) + TAIL
    assert outcome(xml, step, fast=True) == outcome(xml, 10**6, fast=False)


@given(
    st.lists(st.sampled_from(["a", " b ", "&amp;", "_x000D_", "ж", "</t></si><si><t>"])),
    damages,
    st.integers(40, 400),
)
@settings(max_examples=200, deadline=None)
def test_shared_texts_are_the_same_both_ways(
    texts: list[str], damages: list[tuple[int, int, bytes]], step: int
) -> None:
    head = HEAD.replace(b"worksheet", b"sst").replace(b"<sheetData>", b"").replace(b"\n", b"")
    body = "".join(f"<si><t>{text}</t></si>" for text in texts).encode()
    xml = head + damaged(body, damages) + b"</sst>"

    def read(*, fast: bool) -> object:
        try:
            steps = [xml[start : start + step] for start in range(0, len(xml), step)]
            return shared_texts(steps, fast=fast)
        except UnreadableExport:
            return "refused"

    assert read(fast=True) == read(fast=False)
