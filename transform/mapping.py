"""The mapping file: a company's own words about its files, as TOML, without code.

    [chats]
    dates = "%d.%m.%Y %H:%M:%S"      # or "day first", "month first", "unix seconds"
    sheet = "Сообщения"              # also: member, encoding, delimiter
    drift = "stop"                   # or "warn", which is the default

    [chats.columns]
    "Кто ответил" = "user_name"      # header = field, or "extra"

An error names the file, the line and the nearest names that are known.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from transform.contract import Dataset
from transform.datasets import DATASETS, USERS
from transform.dateformats import DateFormat, stated
from transform.errors import InvalidMapping
from transform.headers import header_key
from transform.likeness import nearest_fields, nearest_names
from transform.matching import EXTRA
from transform.readers.export import SourceMapping
from transform.rules import Rules
from transform.tomllines import LineIndex

DriftPolicy = Literal["warn", "stop"]
SOURCE_KEYS = tuple(source.name for source in fields(SourceMapping))
_VERSION_CHARS = 12
_TEXT_WORDS = {"tab": "\t"}
_ORDER_WORDS = ("day first", "month first")


@dataclass(frozen=True)
class DatasetMapping:
    """What the file says of one dataset; empty where it says nothing.

    Attributes:
        columns: header → field, part or "extra".
        month_first: dates are written month first.
        date_format: how dates are written, where the file says just that.
        source: which sheet, member, encoding, delimiter.
        drift: what a new, gone or renamed column does: `warn` or `stop`.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    month_first: bool = False
    date_format: DateFormat | None = None
    source: SourceMapping = field(default_factory=SourceMapping)
    drift: DriftPolicy = "warn"

    @property
    def version(self) -> str:
        """A hash of all that changes how a file is read; '' where nothing is said.

        How a header is spelled beyond its key, the order of lines, comments and the drift policy
        don't change it.
        """
        said: dict[str, object] = {
            "columns": {header_key(header): target for header, target in self.columns.items()},
            "dates": "month first" if self.month_first else str(self.date_format or ""),
            **{key: getattr(self.source, key) for key in SOURCE_KEYS},
        }
        said = {key: value for key, value in said.items() if value}
        if not said:
            return ""
        text = json.dumps(said, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:_VERSION_CHARS]

    def rules(self) -> Rules:
        """What normalising needs of it."""
        return Rules(
            mapping=self.columns, month_first=self.month_first, date_format=self.date_format
        )


@dataclass(frozen=True)
class MappingFile:
    """A whole mapping file: what it says of each dataset."""

    datasets: Mapping[str, DatasetMapping] = field(default_factory=dict)

    def of(self, dataset: str) -> DatasetMapping:
        """What it says of a dataset; an empty mapping where it says nothing."""
        return self.datasets.get(dataset, DatasetMapping())


def read_mapping(path: Path) -> MappingFile:
    """Read and check a mapping file.

    Raises:
        InvalidMapping: it can't be read or says something that can't be meant; names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        came = f"it can't be read ({error.strerror or type(error).__name__})"
        raise InvalidMapping(f"reading the mapping file {path}", came, _NOT_THERE) from None
    except UnicodeDecodeError:
        raise InvalidMapping(
            f"reading the mapping file {path}", "it is not UTF-8", "Save it as UTF-8."
        ) from None
    return parse_mapping(text, str(path))


def parse_mapping(text: str, name: str) -> MappingFile:
    """Check the text of a mapping file; `name` is what errors call it.

    Raises:
        InvalidMapping: as `read_mapping`.
    """
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(text, name, str(error)) from None
    checker = _Checker(name, LineIndex(text))
    return MappingFile({key: checker.dataset(key, value) for key, value in said.items()})


_NOT_THERE = "Correct SMARTCONNECT_MAPPING_FILE, or the file's owner and mode."


def _not_toml(text: str, name: str, problem: str) -> InvalidMapping:
    match = re.search(r"at line (\d+), column (\d+)", problem)
    line = int(match[1]) if match else len(text.splitlines())
    came = f"it is not TOML ({problem.partition(' (at ')[0].lower()})"
    cure = 'A line is written "Header" = "field"; a header with Russian letters is quoted.'
    return InvalidMapping(f"reading {name}, line {line}", came, cure)


class _Checker:
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
        if dataset is not USERS:  # the users come from the API, not in a file
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

    def _source(self, path: tuple[str, ...], value: object) -> str:
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
