"""The dashboard's own sentences (`words/`), beside those that reports have."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from reports import words as reports_words
from reports.words import Language

_FILES = Path(__file__).parent / "words"


class Words(reports_words.Words):
    """A language: the sentences of reports, and in the table `page` those of the dashboard."""

    def __init__(self, language: Language) -> None:
        super().__init__(language)
        own = tomllib.loads((_FILES / f"{language}.toml").read_text(encoding="utf-8"))
        plural = {**self._words.get("plural", {}), **own.pop("plural", {})}
        self._words = {**self._words, "page": own, "plural": plural}


@cache
def words_of(language: Language) -> Words:
    """The words of a language, read once."""
    return Words(language)
