"""The mapping file: a company's own words about its files, as TOML, without code.

    [chats]
    dates = "%d.%m.%Y %H:%M:%S"      # or "day first", "month first", "unix seconds"
    sheet = "Сообщения"              # also: member, encoding, delimiter, header_line, …
    drift = "stop"                   # or "warn", which is the default

    [chats.columns]
    "Кто ответил" = "user_name"      # header = field, or "extra"

An error names the file, the line and the nearest names that are known.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from transform.datasetmapping import DatasetMapping
from transform.errors import InvalidMapping
from transform.mappingcheck import MappingChecker
from transform.tomllines import LineIndex


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
    checker = MappingChecker(name, LineIndex(text))
    return MappingFile({key: checker.dataset(key, value) for key, value in said.items()})


_NOT_THERE = "Correct SMARTCONNECT_MAPPING_FILE, or the file's owner and mode."


def _not_toml(text: str, name: str, problem: str) -> InvalidMapping:
    match = re.search(r"at line (\d+), column (\d+)", problem)
    line = int(match[1]) if match else text.rstrip().count("\n") + 1
    came = f"it is not TOML ({problem.partition(' (at ')[0].lower()})"
    cure = 'A line is written "Header" = "field"; a header with Russian letters is quoted.'
    return InvalidMapping(f"reading {name}, line {line}", came, cure)
