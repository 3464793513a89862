"""Both languages say the same things, and nothing is said that no page shows."""

from __future__ import annotations

import re
import string
import tomllib
from pathlib import Path
from typing import Any

import dashboard

WORDS = Path(dashboard.__file__).parent / "words"


def sentences(language: str) -> dict[str, str]:
    """Keys joined by points; of plural forms, the one that every language has."""

    def flat(table: dict[str, Any], before: str) -> dict[str, str]:
        if set(table) <= {"one", "few", "many", "other"}:
            return {before: table["other"]}
        found: dict[str, str] = {}
        for key, value in table.items():
            name = f"{before}.{key}" if before else key
            found |= flat(value, name) if isinstance(value, dict) else {name: value}
        return found

    return flat(tomllib.loads((WORDS / f"{language}.toml").read_text(encoding="utf-8")), "")


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_sentences() -> None:
    russian, english = sentences("ru"), sentences("en")
    assert set(russian) == set(english)
    assert [key for key in russian if fields(russian[key]) != fields(english[key])] == []


def test_russian_plurals_have_every_form() -> None:
    told = tomllib.loads((WORDS / "ru.toml").read_text(encoding="utf-8"))["plural"]
    assert all(set(forms) == {"one", "few", "many", "other"} for forms in told.values())


def test_no_sentence_is_left_over() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in WORDS.parent.rglob("*")
        if path.suffix in (".py", ".html")
    )
    said = set(re.findall(r"""["'](?:page\.)?([\w.]+)["']""", code))
    tables = set(re.findall(r"""["'](?:page\.)?([\w.]+)\.(?:["']|\{)""", code))  # "kind." ~ kind
    unused = [
        key
        for key in sentences("en")
        if key.removeprefix("plural.") not in said and key.rpartition(".")[0] not in tables
    ]
    assert [key for key in unused if key.partition(".")[0] not in MADE_UP] == []


MADE_UP = {"first_run", "not_found", "busy", "failed"}  # app.py says them by their table's name
