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

from transform.readers import Reject, SourceMapping, UnreadableExport, open_export
from transform.readers.careful import CUT_OFF, DOUBTFUL
from transform.readers.delimited import open_delimited
from transform.readers.export import ReaderLimits
from transform.readers.neighbours import BEGAN_ABOVE, GOES_ON, HEADER_AGAIN
from transform.readers.reading import SECOND_TABLE
from transform.readers.records import ODD_ESCAPE, UNCLOSED

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
    found, rejects = read(path)
    assert {reject.reason for reject in rejects} <= {DOUBTFUL}
    assert len(found) + len(rejects) == len(rows)
    remaining = iter(rows)
    assert all(row in remaining for row in found)  # the others, in order


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


def reasons(path: Path, **more: bool) -> list[tuple[int, str]]:
    export = open_export(path, **more)
    for _ in export:
        pass
    return [(reject.line, reject.reason) for reject in export.rejects]


TABLE = "id;when;text\n1;01.02.2026;а\n2;01.02.2026;б\n3;01.02.2026;в\n4;01.02.2026;г\n"


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        (
            TABLE.replace("б", "б\nи ещё"),
            [(3, GOES_ON), (4, "1 fields where the header has 3"), (5, BEGAN_ABOVE)],
        ),
        (
            TABLE.replace("\n3;", "\nя\n3;"),
            [(3, GOES_ON), (4, "1 fields where the header has 3"), (5, BEGAN_ABOVE)],
        ),
        (TABLE.replace("\n3;", "\n3;;"), [(4, "4 fields where the header has 3")]),
        (
            TABLE.replace("\n3;01", "\n301"),
            [(3, GOES_ON), (4, "2 fields where the header has 3")],
        ),
        (TABLE.removesuffix("\n"), [(5, CUT_OFF)]),
        (TABLE + "Итого: 4\n", [(6, "1 fields where the header has 3")]),
        (
            TABLE + "итого да, нет, здравствуйте № 15\n",
            [(5, GOES_ON), (6, "1 fields where the header has 3")],
        ),
        (
            TABLE + TABLE,
            [(6, HEADER_AGAIN), *((line, SECOND_TABLE) for line in range(7, 11))],
        ),
    ],
    ids=[
        "text goes on",
        "piece between",
        "long",
        "short",
        "cut",
        "totals",
        "no totals",
        "two tables",
    ],
)
def test_neighbours_that_damage_may_reach_are_not_trusted(
    damaged: str, told: list[tuple[int, str]], tmp_path: Path
) -> None:
    assert reasons(written(tmp_path, damaged.encode())) == told


@pytest.mark.parametrize(
    ("text", "read_ids"),
    [
        (
            '"id","n","text"\n"1","","а, б"\n"2","","в г"\n,\n"4","","д"\n"5","","е"\n',
            ["1", "4", "5"],
        ),
        ('id,n,text\n1,,"а"\n2,,"бв"\n,3,,"г"\n4,,"д"\n5,,"е"\n', ["1", "4", "5"]),
        ('"id","n","text"\n"1","а","б"\n"2","в",\n"г, д, е"\n"я","ж","з"\n', ["1"]),
    ],
    ids=[
        "a delimiter alone",
        "a delimiter too many at the beginning",
        "a cell on a line of its own",
    ],
)
def test_what_was_moved_over_a_line_end_costs_the_row_it_was_taken_from(
    text: str, read_ids: list[str], tmp_path: Path
) -> None:
    rows, rejects = read(written(tmp_path, text.encode()))
    assert [row[0] for row in rows if row[0] in {"1", "2", "4", "5"}] == read_ids
    assert rejects


def test_a_backslash_that_escapes_nothing_shows_that_something_is_lost(tmp_path: Path) -> None:
    lines = [f'{n},"а \\"{n}\\" в"' for n in range(1, 6)]
    lines[2] = '3,"а \\б\\" в"'
    rows, rejects = read(written(tmp_path, ("id,text\n" + "\n".join(lines) + "\n").encode()))
    assert [row[0] for row in rows] == ["1", "2", "4", "5"]
    assert [(reject.line, reject.reason) for reject in rejects] == [(4, ODD_ESCAPE)]


def test_a_header_above_a_broken_line_that_begins_no_record_is_refused(tmp_path: Path) -> None:
    text = TABLE.replace("text\n1;01.02.2026;а", 'te\nxt; "ж"')
    with pytest.raises(UnreadableExport, match="may go on in line 2"):
        open_export(written(tmp_path, text.encode()))


@pytest.mark.parametrize("fast", [True, False])
def test_a_record_of_two_long_fields_is_doubted_for_each_of_them(
    fast: bool, tmp_path: Path
) -> None:
    text = '"id";"n";"text"\n"1;"";""\n""2";"а";"б\n\nв"\n"3";"";"г\nд"\n'
    export = open_delimited(
        written(tmp_path, text.encode()), (), SourceMapping(), ReaderLimits(), fast=fast
    )
    assert [row["id"] for batch in export for row in batch.to_pylist()] == ["3"]
    assert [reject.reason for reject in export.rejects] == [DOUBTFUL]


def test_a_short_file_cut_within_a_letter_is_still_utf_8(tmp_path: Path) -> None:
    path = written(tmp_path, "id,text\n1,заказ\n2,здравствуйте".encode()[:-1])
    rows, rejects = read(path)
    assert open_export(path).format.encoding == "utf-8"
    assert [reject.line for reject in rejects][-1] == 3
    assert rows in ([], [["1", "заказ"]])


def test_a_file_that_came_whole_may_end_without_a_line_end(tmp_path: Path) -> None:
    path = written(tmp_path, TABLE.removesuffix("\n").encode())
    assert reasons(path, whole=True) == []
    assert reasons(written(tmp_path, gzip.compress(path.read_bytes()))) == []


def test_a_lost_quote_swallows_no_record_behind_it(tmp_path: Path) -> None:
    lines = [f"{n};0{n}.02.2026;т{n}" for n in range(1, 8)]
    lines[2] = '3;03.02.2026;"т3'
    lines[4] = '5;05.02.2026;т5"'
    rows, rejects = read(written(tmp_path, ("id;when;text\n" + "\n".join(lines) + "\n").encode()))
    assert [row[0] for row in rows] == ["1", "2", "4", "6", "7"]
    assert [reject.line for reject in rejects] == [4, 6]
    assert rejects[0].reason == UNCLOSED
    assert rejects[0].raw == lines[2] + "\n"


def test_a_text_of_several_lines_that_could_be_records_is_told_from_them_by_its_values(
    tmp_path: Path,
) -> None:
    body = [f'{n};0{n}.02.2026;"т{n}"' for n in range(1, 8)]
    body[3] = '4;04.02.2026;"раз; два;\nтри; четыре; пять"'
    rows, rejects = read(written(tmp_path, ("id;when;text\n" + "\n".join(body) + "\n").encode()))
    assert rejects == []
    assert rows[3][2] == "раз; два;\nтри; четыре; пять"


@pytest.mark.parametrize(
    "header",
    ["id;when", "id;when;text;more", 'id;"when;text', "id;when;te\nxt", "1;01.02.2026;я"],
    ids=["short", "long", "quote", "broken", "none"],
)
def test_a_damaged_header_is_refused_and_no_data_row_taken_for_it(
    header: str, tmp_path: Path
) -> None:
    text = TABLE.replace("id;when;text", header)
    with pytest.raises(UnreadableExport, match="header"):
        open_export(written(tmp_path, text.encode()))


@pytest.mark.parametrize(
    "above", ["Отчёт по чатам\n", "Отчёт;;\n;;\n", "\n\nЗа день: 01.02.2026\n\n", "sep=;\n"]
)
def test_lines_above_the_header_are_passed_over_and_told(above: str, tmp_path: Path) -> None:
    export = open_export(written(tmp_path, (above + TABLE).encode()))
    assert export.columns == ["id", "when", "text"]
    assert export.format.header_line == above.count("\n") + 1
    assert sum(batch.num_rows for batch in export) == 4
    assert "above the header" in export.format.notes[0]


def test_a_trailing_delimiter_is_read_only_where_a_person_says_so(tmp_path: Path) -> None:
    head, *body = TABLE.splitlines()
    path = written(tmp_path, "\n".join([head, *(f"{line};" for line in body), ""]).encode())
    with pytest.raises(UnreadableExport, match="trailing_delimiter"):
        open_export(path)
    export = open_export(path, SourceMapping(trailing_delimiter=True))
    assert export.columns == ["id", "when", "text"]
    assert sum(batch.num_rows for batch in export) == 4


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("'id';'text'\n'1';'а;б'\n'2';'it''s'\n'3';'в'\n", ["а;б", "it's", "в"]),
        ('id;text\n1;"а \\"б\\" в"\n2;"г\\\\"\n3;"д ""е"""\n', ['а "б" в', "г\\", 'д "е"']),
        ('id, text\n1, а\n2, "б, в"\n3, г\n', ["а", "б, в", "г"]),
    ],
    ids=["single quotes", "backslashes", "comma and blank"],
)
def test_other_ways_to_write_a_table_are_found_out(
    text: str, rows: list[str], tmp_path: Path
) -> None:
    found, rejects = read(written(tmp_path, text.encode()))
    assert [row[1] for row in found] == rows
    assert rejects == []


def test_one_line_in_another_encoding_costs_itself_alone(tmp_path: Path) -> None:
    lines = [f"{n};01.02.2026;Здравствуйте, где мой заказ" for n in range(9)]
    head = "id;when;text"
    for own, other in [("utf-8", "cp1251"), ("cp1251", "utf-8"), ("cp1251", "cp866")]:
        encoded = [line.encode(other if n == 4 else own) for n, line in enumerate(lines)]
        path = written(tmp_path, b"\n".join([head.encode(), *encoded, b""]))
        rows, rejects = read(path)
        assert [row[0] for row in rows] == [str(n) for n in range(9) if n != 4]
        assert {row[2] for row in rows} == {"Здравствуйте, где мой заказ"}
        assert [reject.line for reject in rejects] == [6]


def test_what_is_no_russian_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableExport, match="no Russian text"):
        open_export(written(tmp_path, "id;ville\n1;Café crème à Orléans\n".encode("cp1252")))


def test_lines_are_accounted_for(tmp_path: Path) -> None:
    text = "Отчёт\n" + TABLE.replace("\n3;", "\n\n3;;").replace("б", '"б\nв"')
    export = open_export(written(tmp_path, text.encode()))
    assert sum(batch.num_rows for batch in export) == 3
    assert export.lines is not None
    assert (export.lines.rows, export.lines.rejects, export.lines.others) == (4, 1, 3)


def test_rejects_are_bounded_in_bytes(tmp_path: Path) -> None:
    text = (
        TABLE
        + "".join(f"{n};02.02.2026;a\n" for n in range(5, 400))
        + "".join(f"{n};a;b;{'x' * 500}\n" for n in range(100))
    )
    export = open_export(
        written(tmp_path, text.encode()), limits=ReaderLimits(max_rejected_bytes=10_000)
    )
    with pytest.raises(UnreadableExport, match="can't be read"):
        list(export)


def test_a_line_beyond_the_cap_is_rejected_and_the_next_is_read(tmp_path: Path) -> None:
    text = TABLE.replace("б", "б" * 300_000)
    limits = ReaderLimits(max_record_bytes=100_000)
    for fast in (True, False):
        export = open_delimited(
            written(tmp_path, text.encode()), (), SourceMapping(), limits, fast=fast
        )
        rows = [row["id"] for batch in export for row in batch.to_pylist()]
        assert rows == ["1", "3", "4"]
        assert [reject.line for reject in export.rejects] == [3]
