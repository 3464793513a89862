"""JSON: numbers keep their text, what would be lost in silence is rejected, a cut is refused."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transform.readers import ReaderLimits, Reject, UnreadableExport, open_export
from transform.readers.jsontokens import BrokenText, Window


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "export"
    path.write_bytes(text.encode(encoding))
    return path


def read(path: Path) -> tuple[list[str], list[list[str]], list[Reject]]:
    export = open_export(path)
    rows = [list(row.values()) for batch in export for row in batch.to_pylist()]
    return export.columns, rows, export.rejects


def refusal(path: Path, limits: ReaderLimits | None = None) -> str:
    with pytest.raises(UnreadableExport) as caught:
        open_export(path, limits=limits)
    return caught.value.came


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_values_keep_their_text(encoding: str, tmp_path: Path) -> None:
    text = (
        '[{"id": 12345678901234567890, "x": 1.10, "y": 1e5, "имя": " NA\\n"},\n'
        ' {"new": true, "id": null, "x": {"a": 1.10, "b": ["ж", 1]}, "y": ""}]'
    )
    columns, rows, rejects = read(written(tmp_path, text, encoding))
    assert columns == ["id", "x", "y", "имя", "new"]
    assert rows == [
        ["12345678901234567890", "1.10", "1e5", " NA\n", ""],
        ["", '{"a": 1.10, "b": ["ж", 1]}', "", "", "true"],
    ]
    assert rejects == []


BAD = [
    ('{"id": 1, "id": 2}', "a key comes twice in one object"),
    ('{"id": NaN}', "NaN is no JSON number"),
    ('{"id": -Infinity}', "-Infinity is no JSON number"),
    ('{"id": "\\ud800"}', "it holds bytes that are no text, or half a character"),
    ('{"id": {"a": 1, "a": 2}}', "a key comes twice in one object"),
    ('{"id": ' + "[" * 80 + "]" * 80 + "}", "it is nested more than 64 deep"),
    ("7", "it is no JSON object"),
    ("null", "it is no JSON object"),
    ('["id"]', "it is no JSON object"),
    ("{}", "it is an object without keys"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_bad_record_is_rejected_and_its_neighbours_are_not(
    bad: str, reason: str, tmp_path: Path
) -> None:
    array = written(tmp_path, f'[{{"id": "a"}}, {bad}, {{"id": "b"}}]')
    assert read(array) == (["id"], [["a"], ["b"]], [Reject(2, bad, reason)])
    lines = written(tmp_path, f'{{"id": "a"}}\n{bad}\n\n{{"id": "b"}}\n')
    expected = (["id"], [["a"], ["b"]], [Reject(2, bad, reason)])
    if bad.startswith("{"):
        assert read(lines) == expected


def test_a_bad_line_is_rejected_wherever_it_stands(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": 1\n{"id": 2}\n{"id": 3} x\n{"id": "cut')
    columns, rows, rejects = read(path)
    assert (columns, rows) == (["id"], [["2"]])
    assert [reject.line for reject in rejects] == [1, 3, 4]


def test_bytes_that_are_no_text_reject_their_record_only(tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes('[{"id": "а"}, {"id": "\udcff"}]'.encode("utf-8", "surrogateescape"))
    _, rows, rejects = read(path)
    assert rows == [["а"]]
    assert rejects[0].raw == '{"id": "\\udcff"}'


@pytest.mark.parametrize(
    "text",
    ['[{"id": 1}, {"id": 2', '[{"id": 1}', '[{"id": 1},', '[{"id": 1} {"id": 2}]', '[{"id": 1}]]'],
)
def test_an_array_that_is_cut_or_damaged_is_refused(text: str, tmp_path: Path) -> None:
    came = refusal(written(tmp_path, text))
    assert "cut off or damaged" in came or "more follows" in came


def test_an_object_around_the_records_is_opened(tmp_path: Path) -> None:
    path = written(tmp_path, '{"status": 200, "result": {"items": [{"id": 1}], "total": 1}}')
    assert read(path)[:2] == (["id"], [["1"]])
    assert open_export(path).format.notes == (
        "the records are the list `result.items`",
        "beside it, not read: status, result.total",
    )
    lists = written(tmp_path, '{"a": [{"id": 1}], "b": [{"id": 2}]}')
    assert refusal(lists) == "it holds several lists of records: `a` and `b`"


def test_one_record_is_not_taken_for_an_envelope(tmp_path: Path) -> None:
    assert read(written(tmp_path, '{"id": 1, "text": "x"}\n'))[1] == [["1", "x"]]
    nested = written(tmp_path, '{"id": 1, "text": "x", "files": [{"url": "u"}]}')
    assert "no export" in refusal(nested)


@pytest.mark.parametrize("text", ["[]", " [ ]\n", '{"status": 200, "data": []}'])
def test_an_empty_list_is_an_export_without_rows(text: str, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(text)
    export = open_export(path, whole=True)
    assert (export.columns, list(export), export.rejects) == ([], [], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"status": 500, "description": "internal error"}', "answer of the API"),
        ('{"error": {"code": 1, "message": "no"}}', "answer of the API"),
        ("{}", "empty JSON object"),
        ("[1, 2]", "without any record"),
    ],
)
def test_what_holds_no_record_is_refused_as_what_it_is(
    text: str, expected: str, tmp_path: Path
) -> None:
    assert expected in refusal(written(tmp_path, text))


def test_caps(tmp_path: Path) -> None:
    long = written(tmp_path, '[{"id": "' + "x" * 3_000_000 + '"}]')
    assert "too long" in refusal(long, ReaderLimits(max_record_bytes=1_000))
    wide = written(tmp_path, "[" + ",".join(f'{{"k{n}": 1}}' for n in range(20)) + "]")
    assert "different keys" in refusal(wide, ReaderLimits(max_columns=10))
    deep = written(tmp_path, '[{"id": ' + "[" * 200_000)
    assert "cut off or damaged" in refusal(deep)


def test_memory_does_not_grow_with_an_array(tmp_path: Path) -> None:
    record = json.dumps({"id": 1, "text": "слово " * 200})
    path = written(tmp_path, "[" + ",".join([record] * 40_000) + "]")
    tracemalloc.start()
    rows = sum(batch.num_rows for batch in open_export(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 40_000
    assert peak < 60_000_000 < path.stat().st_size


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("[{\\"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(found=st.lists(values, min_size=1, max_size=8), size=st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_a_value_cut_by_the_window_is_read_whole(
    found: list[object], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.mktemp("json"), " ".join(map(json.dumps, found)))
    window = Window(path, "utf-8", 10_000, 64, window_characters=size)
    try:
        texts = [window.value()[1] for _ in found]
        with pytest.raises(BrokenText):
            window.value()
    finally:
        window.close()
    assert [json.loads(text) for text in texts] == found
