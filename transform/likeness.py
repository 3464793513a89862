"""What a header is like: the nearest names that are known, for a person to choose from.

Nothing is ever read by likeness; it only helps whoever writes a mapping file.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from transform.contract import Dataset
from transform.headers import header_key

CUTOFF = 0.6


def nearest_fields(header: str, dataset: Dataset, taken: Collection[str] = ()) -> list[str]:
    """At most three fields or parts whose known headers are like this one, the nearest first.

    Args:
        header: a file's header.
        dataset: the contract.
        taken: fields that the file brings already under another header.
    """
    key = header_key(header)
    likeness = {
        source: max(_likeness(key, known) for known in keys)
        for source, keys in dataset.sources()
        if source not in taken
    }
    near = sorted(likeness, key=lambda source: -likeness[source])
    return [source for source in near if likeness[source] >= CUTOFF][:3]


def nearest_names(name: str, known: Iterable[str]) -> list[str]:
    """At most three of the known names that are like `name`, the nearest first."""
    return difflib.get_close_matches(name, list(known), n=3, cutoff=CUTOFF)


def nearest_header(header: str, others: Iterable[str]) -> str | None:
    """The header among `others` that is most like this one, if any is."""
    by_key = {header_key(other): other for other in others}
    found = difflib.get_close_matches(header_key(header), by_key, n=1, cutoff=CUTOFF)
    return by_key[found[0]] if found else None


def _likeness(key: str, known: str) -> float:
    """Between 0 and 1; where one holds the other, they are alike however long the rest is."""
    if len(known) >= 4 and len(key) >= 4 and (known in key or key in known):
        return 0.6 + 0.4 * min(len(known), len(key)) / max(len(known), len(key))
    return difflib.SequenceMatcher(None, key, known, autojunk=False).ratio()
