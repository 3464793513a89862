"""Small awkward files, built by code, each with what must come of it. `python -m awkward` writes them."""

from __future__ import annotations

from awkward import dialects, encodings, layout, others
from awkward.case import Case, Outcome

GROUPS: dict[str, list[Case]] = {
    "Delimiters": dialects.DELIMITERS,
    "Quotes": dialects.QUOTES,
    "Line ends": dialects.LINE_ENDS,
    "Encodings": encodings.ENCODINGS,
    "Texts": encodings.TEXTS,
    "Headers and what stands above them": layout.HEADERS,
    "Records that don't fit, and what stands between and below": layout.RAGGED,
    "Files cut off": layout.CUT,
    "What is no export": others.NO_EXPORT,
    "Containers": others.CONTAINERS,
    "Spreadsheets and JSON": others.OTHERS,
}
CASES = [case for cases in GROUPS.values() for case in cases]

__all__ = ["CASES", "GROUPS", "Case", "Outcome"]
