"""Records that are not loaded: where they stood, why, and what they were, within a bound."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import pandas as pd
import pyarrow as pa

from transform.contract_errors import TooManyQuarantined
from transform.rules import Rules

_FIELDS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("line", pa.int64(), "Line or record number in the file."),
    ("reason", pa.string(), "Why it was not loaded."),
    ("raw", pa.string(), "The record: as it stood, or as JSON; null where fields are protected."),
)
QUARANTINE_SCHEMA = pa.schema(
    [pa.field(name, kind, metadata={"comment": comment}) for name, kind, comment in _FIELDS]
)


class Reject(Protocol):
    """A record the reader couldn't read."""

    @property
    def line(self) -> int | None:
        """Where it stood in the file, from 1."""

    @property
    def raw(self) -> str:
        """Its text as it stood."""

    @property
    def reason(self) -> str:
        """Why it isn't a row."""


class Problems:
    """The rows of one batch that break the contract, each with its first reason."""

    def __init__(self) -> None:
        self.reasons: dict[int, str] = {}

    def add(self, rows: Iterable[int], reason: str) -> None:
        """Note a reason for rows (positions in the batch) that have none yet."""
        for row in rows:
            self.reasons.setdefault(int(row), reason)

    def __bool__(self) -> bool:
        return bool(self.reasons)


class Quarantine:
    """Collects quarantined records of one export, their text unless personal fields are protected.

    Raises:
        TooManyQuarantined: from `add` beyond `rules.max_quarantined_rows`, from `judge` beyond
            `rules.max_quarantined_share`.
    """

    def __init__(self, asked: str, rules: Rules, *, keep_raw: bool = True) -> None:
        self._asked = asked
        self._rules = rules
        self._keep_raw = keep_raw
        self._records: list[tuple[int | None, str, str | None]] = []
        self.reasons: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._records)

    def add(self, line: int | None, reason: str, raw: str) -> None:
        """Keep one record."""
        self._records.append((line, reason, raw if self._keep_raw else None))
        self.reasons[reason] += 1
        if len(self._records) > self._rules.max_quarantined_rows:
            raise self._too_many(f"more than {self._rules.max_quarantined_rows} records")

    def add_rows(
        self, batch: pa.RecordBatch, names: Sequence[str], problems: Problems, first_record: int
    ) -> None:
        """Keep the rows of a batch that have problems; `first_record` is its first row's number."""
        rows = sorted(problems.reasons)
        chosen = batch.take(pa.array(rows, pa.int64())).rename_columns(list(names))
        records = chosen.to_pandas(types_mapper=pd.ArrowDtype).to_dict("records")
        for row, record in zip(rows, records, strict=True):
            raw = {str(k): v for k, v in record.items() if isinstance(v, str) and v}
            self.add(first_record + row, problems.reasons[row], as_json(raw))

    def add_rejects(self, rejects: Iterable[Reject]) -> int:
        """Keep what the reader rejected; says how many these were."""
        before = len(self)
        for reject in rejects:
            self.add(reject.line, reject.reason, reject.raw)
        return len(self) - before

    def judge(self, rows_read: int) -> None:
        """Stop a load of which too large a share is quarantined."""
        allowed = max(self._rules.tolerated_rows, self._rules.max_quarantined_share * rows_read)
        if len(self) > allowed:
            raise self._too_many(f"{len(self)} of {rows_read} records")

    def table(self) -> pa.Table:
        """All of it: line int64, reason string, raw string."""
        columns = list(zip(*self._records, strict=True)) or [(), (), ()]
        arrays = [
            pa.array(values, field.type)
            for values, field in zip(columns, QUARANTINE_SCHEMA, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=QUARANTINE_SCHEMA)

    def _too_many(self, count: str) -> TooManyQuarantined:
        reasons = ", ".join(f"{reason} ({n})" for reason, n in self.reasons.most_common(3))
        return TooManyQuarantined(
            self._asked,
            f"{count} break the contract: {reasons}",
            "Nothing of the file was loaded. See how it is understood with `smartconnect inspect`, "
            "then say in the mapping file what its columns mean.",
        )


def as_json(values: Mapping[str, object]) -> str:
    """Values as compact JSON, letters as they are."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=str)
