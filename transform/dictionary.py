"""The data dictionary, written from the contracts: `python -m transform.dictionary docs/…md`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from transform.contract import Dataset, Field, Part
from transform.datasets import DATASETS

logger = logging.getLogger(__name__)

_INTRODUCTION = """\
# Data dictionary

Written from the contracts in `transform/` by
`python -m transform.dictionary docs/data-dictionary.md`; a test fails where this page is not what
the contracts say. The same sentences are the COMMENTs of the published tables' columns.

- The vendor publishes neither columns nor headers of its files: a column is found by its header,
  compared without case, blanks, punctuation and `_`, with ё as е. Where two headers claim one
  column, the one that stands first below wins and the other is kept in `extra`; two equal claims
  stop the load.
- **A column that no contract knows is kept in `extra`**, as JSON under its own header.
- Empty cells are null, except `text`: an empty one is a message without text, and stays ''.
- Dates are read in one format per file. The day comes before the month unless the company says
  otherwise; a day that does not exist or a year outside 2000-2100 sends its record to the
  quarantine; a date that only makes sense the other way round stops the load.
- In the database each table has one more column, `window_day`: the day whose export brought the
  row. In the published Parquet it is the partition's key.
"""


def data_dictionary(datasets: Iterable[Dataset] = tuple(DATASETS.values())) -> str:
    """The dictionary of all datasets, as Markdown."""
    return "\n".join([_INTRODUCTION, *(line for dataset in datasets for line in _dataset(dataset))])


def _dataset(dataset: Dataset) -> Iterator[str]:
    yield f"## {dataset.name}\n"
    yield f"Grain: {dataset.grain}. Contract version {dataset.version}.{_identity(dataset)}\n"
    yield "| column | type | meaning | marks |"
    yield "|---|---|---|---|"
    for field in dataset.fields:
        marks = ", ".join(_marks(dataset, field))
        yield f"| `{field.name}` | {field.arrow_type} | {field.comment} | {marks} |"
    yield "\n### Headers that are known\n"
    sources: list[Field | Part] = [*dataset.fields, *dataset.parts]
    for source in sources:
        if source.aliases:
            yield f"- `{source.name}`{_note(source)}: {', '.join(source.aliases)}"
    yield ""


def _identity(dataset: Dataset) -> str:
    if not dataset.identity:
        return " Rows are never merged."
    text = f" A row is identified by {', '.join(dataset.identity)}"
    if dataset.identity_fallback:
        text += (
            f"; without it by {', '.join(dataset.identity_fallback)} and an ordinal among equals"
        )
    return text + "."


def _marks(dataset: Dataset, field: Field) -> Iterator[str]:
    group = next((group for group in dataset.required_any if field.name in group), ())
    marks = {
        "required": field.required,
        f"this or {' or '.join(name for name in group if name != field.name)} required": bool(
            group
        ),
        "never null": not field.nullable,
        "personal": field.personal,
        "tracked in history": field.tracked,
        "volatile": field.volatile,
    }
    return (mark for mark, holds in marks.items() if holds)


def _note(source: Field | Part) -> str:
    if isinstance(source, Part):
        return f" (not published itself. {source.meaning})"
    if source.doubtful:
        return f" (only where the values fit: {', '.join(source.doubtful)})"
    return ""


def main() -> None:
    """Write the dictionary to the file named as the only argument."""
    logging.basicConfig(level=logging.INFO)
    path = Path(sys.argv[1])
    path.write_text(data_dictionary(), encoding="utf-8")
    logger.info("%s is written", path)


if __name__ == "__main__":
    main()
