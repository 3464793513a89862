"""What a company says of one dataset's files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from transform.dateformats import DateFormat
from transform.headers import header_key
from transform.readers.export import SourceMapping
from transform.rules import Rules

DriftPolicy = Literal["warn", "stop"]
SOURCE_KEYS = tuple(source.name for source in fields(SourceMapping))
_VERSION_CHARS = 12


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
