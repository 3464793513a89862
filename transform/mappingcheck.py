"""From the mapping file's TOML to checked values: each refusal names the line and what is known."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from typing import Any

from transform.contract import Dataset
from transform.datasetmapping import SOURCE_KEYS, DatasetMapping
from transform.datasets import DATASETS
from transform.dateformats import DateFormat, stated
from transform.errors import InvalidMapping
from transform.headers import header_key
from transform.likeness import nearest_fields, nearest_names
from transform.matching import EXTRA
from transform.readers.export import SourceMapping
from transform.tomllines import LineIndex

# What a `SourceMapping` takes that is no text.
_SOURCE_TYPES: Mapping[str, type] = {
    "header_line": int,
    "trailing_delimiter": bool,
    "last_line_open": bool,
}
_TEXT_WORDS = {"tab": "\t"}
_ORDER_WORDS = ("day first", "month first")


class MappingChecker:
    """From TOML's values to checked ones; each refusal names its line."""

    def __init__(self, name: str, lines: LineIndex) -> None:
        self._name = name
        self._lines = lines

    def dataset(self, name: str, said: object) -> DatasetMapping:
        """One table of the file."""
        if name not in DATASETS:
            raise self._unknown((name,), "dataset", name, list(DATASETS))
        if not isinstance(said, dict):
            raise self._refuse((name,), f"{name} is no table", f"Begin a table: [{name}].")
        checks = self._checks(DATASETS[name])
        values: dict[str, Any] = {}
        for key, value in said.items():
            if key not in checks:
                raise self._unknown((name, key), f"key of [{name}]", key, list(checks))
            values[key] = checks[key]((name, key), value)
        dates = values.pop("dates", None)
        source = {key: values.pop(key) for key in SOURCE_KEYS if key in values}
        return DatasetMapping(
            **values,
            month_first=dates == "month first",
            date_format=dates if isinstance(dates, DateFormat) else None,
            source=SourceMapping(**source),
        )

    def _checks(self, dataset: Dataset) -> dict[str, Callable[[tuple[str, ...], object], object]]:
        found: dict[str, Callable[[tuple[str, ...], object], object]] = {
            "columns": lambda path, value: self._columns(dataset, path, value),
            "drift": self._drift,
        }
        if not dataset.key:  # lists come from the API, not in a file
            found["dates"] = self._dates
            found |= dict.fromkeys(SOURCE_KEYS, self._source)
        return found

    def _columns(self, dataset: Dataset, path: tuple[str, ...], value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            raise self._refuse(path, "columns is no table", f"Begin a table: [{'.'.join(path)}].")
        known = [name for name, _ in dataset.sources()]
        seen: dict[str, str] = {}
        for header, target in value.items():
            where = (*path, header)
            if target != EXTRA and target not in known:
                raise self._unknown_field(where, dataset, target, known)
            key = header_key(header)
            if key in seen:
                came = f"{header!r} and {seen[key]!r} are one header: only their spelling differs"
                raise self._refuse(where, came, "Keep one of them.")
            seen[key] = header
        return dict(value)

    def _dates(self, path: tuple[str, ...], value: object) -> str | DateFormat:
        if value in _ORDER_WORDS:
            return str(value)
        found = stated(value) if isinstance(value, str) else None
        if found is None:
            came = f"{value!r} is no way to write dates that can be read"
            cure = (
                'Write "day first", "month first", "unix seconds", "unix milliseconds", or a '
                'format of %d %m %Y with one separator and %H:%M:%S, such as "%d.%m.%Y %H:%M:%S"; '
                "%z at its end where the file names a zone."
            )
            raise self._refuse(path, came, cure)
        return found

    def _drift(self, path: tuple[str, ...], value: object) -> str:
        if value not in ("warn", "stop"):
            raise self._refuse(path, f"drift is {value!r}", 'Write "warn" or "stop".')
        return str(value)

    def _source(self, path: tuple[str, ...], value: object) -> str | int:
        wanted = _SOURCE_TYPES.get(path[-1])
        if wanted is int and type(value) is int and value >= 1:
            return value
        if wanted is bool and isinstance(value, bool):
            return value
        if wanted is not None:
            cure = "Write a line's number, from 1." if wanted is int else "Write true or false."
            raise self._refuse(path, f"{path[-1]} is {value!r}", cure)
        return self._source_text(path, value)

    def _source_text(self, path: tuple[str, ...], value: object) -> str:
        if not isinstance(value, str) or not value:
            raise self._refuse(path, f"{path[-1]} is {value!r}", "Write a text in quotes.")
        text = _TEXT_WORDS.get(value, value)
        if path[-1] in ("delimiter", "quote", "escape") and len(text) != 1:
            cure = 'Write one character, such as ";", or "tab".'
            raise self._refuse(path, f"{path[-1]} is {value!r}", cure)
        if path[-1] == "encoding":
            self._known_encoding(path, text)
        return text

    def _known_encoding(self, path: tuple[str, ...], name: str) -> None:
        try:
            codecs.lookup(name)
        except LookupError:
            cure = 'Write a name such as "utf-8", "cp1251", "cp866", "koi8-r" or "utf-16".'
            raise self._refuse(path, f"no encoding is called {name!r}", cure) from None

    def _unknown_field(
        self, path: tuple[str, ...], dataset: Dataset, target: object, known: list[str]
    ) -> InvalidMapping:
        near = nearest_names(str(target), known) or nearest_fields(path[-1], dataset)
        listed = ", ".join(near) if near else ", ".join(known)
        came = f"{dataset.name} has no field {target!r}"
        which = "The nearest" if near else "There are"
        return self._refuse(path, came, f'{which}: {listed}; or "extra" to keep it beside them.')

    def _unknown(
        self, path: tuple[str, ...], what: str, name: str, known: list[str]
    ) -> InvalidMapping:
        near = nearest_names(name, known) or known
        return self._refuse(path, f"there is no {what} {name!r}", f"Known: {', '.join(near)}.")

    def _refuse(self, path: tuple[str, ...], came: str, cure: str) -> InvalidMapping:
        line = self._lines.line_of(path)
        return InvalidMapping(f"reading {self._name}, line {line}", came, cure)
