"""A mapping file says what can be meant, or its line is named with what is known."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transform.dateformats import stated
from transform.errors import InvalidMapping
from transform.mapping import MappingFile, parse_mapping, read_mapping
from transform.tomllines import LineIndex

WHOLE = """\
# how our account writes its files
[chats]
dates = "%m/%d/%Y %H:%M:%S"
sheet = "Сообщения"
delimiter = "tab"
header_line = 3
drift = "stop"

[chats.columns]
"Кто ответил" = "user_name"
"Заметка" = "extra"

[statistics]
dates = "month first"
"""


def parsed(text: str) -> MappingFile:
    return parse_mapping(text, "mapping.toml")


def test_a_whole_file_is_understood() -> None:
    chats = parsed(WHOLE).of("chats")
    assert chats.columns == {"Кто ответил": "user_name", "Заметка": "extra"}
    assert str(chats.date_format) == "mm/dd/yyyy HH:MM:SS"
    assert (chats.source.sheet, chats.source.delimiter) == ("Сообщения", "\t")
    assert (chats.source.header_line, chats.drift) == (3, "stop")
    assert parsed(WHOLE).of("statistics").rules().month_first
    assert parsed(WHOLE).of("users") == MappingFile().of("users")


@pytest.mark.parametrize(
    ("line", "text", "said"),
    [
        (1, "[chat]\n", "there is no dataset 'chat'. Known: chats"),
        (2, "[chats]\ndate = 1\n", "there is no key of [chats] 'date'. Known: dates"),
        (2, "[users]\nsheet = 'x'\n", "there is no key of [users] 'sheet'"),
        (1, "chats = 3\n", "chats is no table"),
        (3, "[chats]\n\ndrift = 'halt'\n", 'Write "warn" or "stop"'),
        (2, "[chats]\ncolumns = 3\n", "Begin a table: [chats.columns]"),
        (3, "[chats.columns]\n'А' = 'text'\n'Б' = 'txt'\n", "no field 'txt'. The nearest: text"),
        (2, "[chats.columns]\n'Имя клиента' = 'кто'\n", "The nearest: client_name"),
        (2, "[chats.columns]\n'А' = 'date'\n", "chats has no field 'date'"),
        (2, "[chats.columns]\n'А' = 7\n", "chats has no field 7"),
        (3, "[chats.columns]\n'А б' = 'text'\n'а Б' = 'extra'\n", "are one header"),
        (2, "[chats]\ndates = '%d.%m.%y'\n", "'%d.%m.%y' is no way to write dates"),
        (2, "[chats]\ndates = '%d.%d.%Y'\n", "no way to write dates"),
        (2, "[chats]\nencoding = 'cp12511'\n", "no encoding is called 'cp12511'"),
        (2, "[chats]\ndelimiter = ';;'\n", "Write one character"),
        (2, "[chats]\ndelimiter = 7\n", "Write a text in quotes"),
        (2, "[chats]\nheader_line = 0\n", "Write a line's number"),
        (2, "[chats]\nheader_line = true\n", "Write a line's number"),
        (2, "[chats]\ntrailing_delimiter = 'yes'\n", "Write true or false"),
        (3, "[chats]\n\nКто = 'text'\n", "it is not TOML"),
        (2, "[chats]\nsheet = 'x", "it is not TOML"),
        (4, "[chats.columns]\n'А' = 'text'\n\n'А' = 'extra'\n", "it is not TOML"),
        (2, "[chats]\ncolumns = {'А' = 'txt'}\n", "no field 'txt'"),
        (1, "chats.columns.'А' = 'txt'\n", "no field 'txt'"),
        (2, '[chats.columns]\n"А = \\" б" = "txt" # c\n', "no field 'txt'"),
    ],
)
def test_an_error_names_the_file_the_line_and_what_is_known(
    line: int, text: str, said: str
) -> None:
    with pytest.raises(InvalidMapping) as refused:
        parsed(text)
    assert f"mapping.toml, line {line}: " in str(refused.value)
    assert said in str(refused.value)


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidMapping, match=r"none\.toml: it can't be read"):
        read_mapping(tmp_path / "none.toml")
    (tmp_path / "m.toml").write_bytes("[chats]\n# Кто".encode("cp1251"))
    with pytest.raises(InvalidMapping, match="Save it as UTF-8"):
        read_mapping(tmp_path / "m.toml")


@pytest.mark.parametrize(
    "same",
    [
        WHOLE.replace("# how", "# why"),
        WHOLE.replace('"Кто ответил"', '"кто_ответил"'),
        WHOLE.replace('drift = "stop"\n', ""),
        WHOLE.replace('"Заметка" = "extra"\n', "").replace(
            "[chats.columns]\n", '[chats.columns]\n"Заметка" = "extra"\n'
        ),
    ],
    ids=["comment", "spelling", "drift", "order"],
)
def test_what_changes_no_reading_changes_no_version(same: str) -> None:
    assert same != WHOLE
    assert parsed(same).of("chats").version == parsed(WHOLE).of("chats").version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("user_name", "client_name"),
        ("%m/%d", "%d/%m"),
        ("header_line = 3", "header_line = 4"),
        ('delimiter = "tab"', 'delimiter = ";"'),
        ('"Заметка" = "extra"\n', ""),
    ],
)
def test_what_changes_a_reading_changes_that_datasets_version_alone(old: str, new: str) -> None:
    before, after = parsed(WHOLE), parsed(WHOLE.replace(old, new))
    assert after.of("chats").version != before.of("chats").version
    assert after.of("statistics").version == before.of("statistics").version


def test_nothing_said_is_no_version() -> None:
    assert parsed("").of("chats").version == ""
    assert parsed('[chats]\ndrift = "stop"\n').of("chats").version == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("%d.%m.%Y %H:%M:%S", "dd.mm.yyyy HH:MM:SS"),
        ("%d.%m.%Y", "dd.mm.yyyy HH:MM:SS"),
        ("%Y-%m-%dT%H:%M:%S%z", "yyyy-mm-dd HH:MM:SS with a zone"),
        ("%m/%d/%Y %H:%M", "mm/dd/yyyy HH:MM:SS"),
        ("unix milliseconds", "unix milliseconds"),
    ],
)
def test_a_format_can_be_written_down(text: str, shown: str) -> None:
    assert str(stated(text)) == shown


@pytest.mark.parametrize(
    "text", ["", "%d", "%d.%m-%Y", "%Y.%d.%m", "%d %b %Y", "dd.mm.yyyy", "%d.%m.%Y%"]
)
def test_another_format_is_none(text: str) -> None:
    assert stated(text) is None


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1, max_size=12).filter(lambda t: "\r" not in t and "\n" not in t))
def test_the_line_of_any_key_is_found(key: str) -> None:
    quoted = (
        '"'
        + "".join(
            f"\\U{ord(c):08x}" if c in '"\\' or ord(c) < 32 or ord(c) == 127 else c for c in key
        )
        + '"'
    )
    text = f"[a]\nx = 1\n\n[a.b]\n\n{quoted} = 2\n"
    tomllib.loads(text)
    assert LineIndex(text).line_of(("a", "b", key)) == 6
    assert LineIndex(text).line_of(("a", "x")) == 2
    assert LineIndex(text).line_of(("a", "b", "?" + key)) == 4
