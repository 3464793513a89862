"""Which column of a file is which field of the contract.

Headers are compared exactly after `header_key`; nothing is guessed from likeness. What the contract
doesn't know goes to `extra` under its own header.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from transform.contract import Dataset, Kind
from transform.contract_errors import AmbiguousColumn, MissingColumn
from transform.headers import (
    header_key,
    header_words,
    looks_like_record,
    shown,
    split_unit,
)

EXTRA = "extra"
_MAPPED = -1  # a mapping file's word is better than any alias


@dataclass(frozen=True)
class Binding:
    """Where a file's columns go.

    Attributes:
        positions: field or part → position of its column.
        units: field → seconds per unit, as its header says (only durations, only where it says so).
        extra: (name, position) of the columns kept in `extra`; names are unique.
        columns: header → field, part or "extra", in the file's order, for reports.
        notes: what a person should know: columns that lost against a better one.
    """

    positions: Mapping[str, int]
    units: Mapping[str, float]
    extra: Sequence[tuple[str, int]]
    columns: Mapping[str, str]
    notes: Sequence[str] = field(default_factory=tuple)

    def header_of(self, source: str) -> str | None:
        """The header under which the file brings this field or part, if it does."""
        return next((header for header, found in self.columns.items() if found == source), None)


@dataclass(frozen=True)
class _Claim:
    position: int
    rank: int
    seconds_per_unit: float | None


def match_columns(
    columns: Sequence[str],
    dataset: Dataset,
    mapping: Mapping[str, str] | None = None,
    *,
    demand: bool = True,
) -> Binding:
    """Find the contract's fields among a file's headers.

    Args:
        columns: the file's headers, in order.
        dataset: the contract.
        mapping: a company's own words, header → field or part (or "extra"); they beat every alias.
        demand: refuse a file without the required fields; a look at a file doesn't.

    Raises:
        MissingColumn: a required field is under no known header, and that is demanded.
        AmbiguousColumn: two headers have an equal claim to one field.
    """
    claims = _claims(columns, dataset, mapping or {})
    winners: dict[str, _Claim] = {}
    notes: list[str] = []
    for source, rivals in claims.items():
        best = min(rivals, key=lambda claim: claim.rank)
        equal = [claim for claim in rivals if claim.rank == best.rank]
        if len(equal) > 1:
            raise _ambiguous(dataset, source, [columns[claim.position] for claim in equal])
        winners[source] = best
        notes += _lost(columns, source, best, rivals)
    _settle_parts(winners, dataset)
    if demand:
        _demand(winners, dataset, columns)
    return _binding(columns, winners, notes)


def _claims(
    columns: Sequence[str], dataset: Dataset, mapping: Mapping[str, str]
) -> dict[str, list[_Claim]]:
    ranks = {
        key: (source, rank) for source, keys in dataset.sources() for rank, key in enumerate(keys)
    }
    own = {header_key(header): target for header, target in mapping.items()}
    timed = {f.name for f in dataset.fields if f.kind is Kind.SECONDS}
    claims: dict[str, list[_Claim]] = {}
    for position, header in enumerate(columns):
        for source, claim in _claim(position, header, own, ranks, timed):
            claims.setdefault(source, []).append(claim)
    return claims


def _claim(
    position: int,
    header: str,
    own: Mapping[str, str],
    ranks: Mapping[str, tuple[str, int]],
    timed: set[str],
) -> Iterator[tuple[str, _Claim]]:
    key = header_key(header)
    bare, seconds_per_unit = split_unit(header)
    if key in own:
        if own[key] != EXTRA:
            yield own[key], _Claim(position, _MAPPED, seconds_per_unit)
        return
    if key in ranks:
        source, rank = ranks[key]
        yield source, _Claim(position, rank, seconds_per_unit)
    elif bare in ranks and ranks[bare][0] in timed:
        source, rank = ranks[bare]
        yield source, _Claim(position, rank, seconds_per_unit)


def _lost(columns: Sequence[str], source: str, best: _Claim, rivals: list[_Claim]) -> list[str]:
    return [
        f"{shown(columns[claim.position])} is kept in extra: "
        f"{source} is taken from {shown(columns[best.position])}"
        for claim in rivals
        if claim is not best
    ]


def _settle_parts(winners: dict[str, _Claim], dataset: Dataset) -> None:
    """Parts beside the whole field say nothing new and stay in extra; a part alone is the whole."""
    for whole in {part.part_of for part in dataset.parts} - {""}:
        present = [name for name in dataset.parts_of(whole) if name in winners]
        if whole in winners:
            for name in present:
                del winners[name]
        elif len(present) == 1:
            winners[whole] = winners.pop(present[0])


def _demand(winners: Mapping[str, _Claim], dataset: Dataset, columns: Sequence[str]) -> None:
    if not winners:
        raise _nothing_known(dataset, columns)
    groups = [(f.name,) for f in dataset.fields if f.required] + list(dataset.required_any)
    for group in groups:
        sources = {name for field in group for name in (field, *dataset.parts_of(field))}
        if not sources & winners.keys():
            raise _missing(dataset, group, columns)


def _nothing_known(dataset: Dataset, columns: Sequence[str]) -> MissingColumn:
    """No header is shown: without a header line they are a record."""
    return MissingColumn(
        f"finding the columns of {dataset.name}",
        f"none of the {len(columns)} headers is known; perhaps there is no header line",
        "See the file with `smartconnect inspect`, and name its columns in the mapping file.",
    )


def _missing(dataset: Dataset, group: tuple[str, ...], columns: Sequence[str]) -> MissingColumn:
    wanted = " or ".join(group)
    seen = "the headers are " + ", ".join(map(shown, columns))
    if looks_like_record(columns):
        seen = "the first line looks like a record; perhaps there is no header line"
    aliases = [alias for name in group for alias in (name, *dataset.field(name).aliases)]
    near = _nearest(aliases, [] if looks_like_record(columns) else columns)
    hint = f" The nearest: {near}." if near else f" Known headers for it: {', '.join(aliases[:6])}."
    return MissingColumn(
        f"finding {wanted} for {dataset.name}",
        f"no column is known as {wanted}; {seen}",
        f"Name the column that holds it in the mapping file.{hint}",
    )


def _nearest(aliases: Sequence[str], columns: Sequence[str]) -> str:
    by_key = {header_key(alias): alias for alias in aliases}
    pairs = []
    for header in columns:
        close = difflib.get_close_matches(header_key(header), by_key, n=1, cutoff=0.7)
        pairs += [f"{shown(header)} is like {by_key[key]!r}" for key in close]
    return ", ".join(pairs[:3])


def _ambiguous(dataset: Dataset, source: str, headers: list[str]) -> AmbiguousColumn:
    return AmbiguousColumn(
        f"finding {source} for {dataset.name}",
        f"{len(headers)} columns have an equal claim: {', '.join(map(shown, headers))}",
        f"Say in the mapping file which of them is {source}, and send the other to {EXTRA!r}.",
    )


def _binding(
    columns: Sequence[str], winners: Mapping[str, _Claim], notes: Sequence[str]
) -> Binding:
    taken = {claim.position: source for source, claim in winners.items()}
    names = unique_names(columns)
    return Binding(
        positions={source: claim.position for source, claim in winners.items()},
        units={
            source: claim.seconds_per_unit
            for source, claim in winners.items()
            if claim.seconds_per_unit is not None
        },
        extra=[(names[i], i) for i in range(len(columns)) if i not in taken],
        columns={names[i]: taken.get(i, EXTRA) for i in range(len(columns))},
        notes=tuple(notes),
    )


def released(binding: Binding, source: str) -> Binding:
    """The binding without this field: its column goes to extra, and a note says so."""
    header = binding.header_of(source) or ""
    position = binding.positions[source]
    return replace(
        binding,
        positions={name: at for name, at in binding.positions.items() if name != source},
        extra=sorted([*binding.extra, (header, position)], key=lambda column: column[1]),
        columns={**binding.columns, header: EXTRA},
        notes=(*binding.notes, f"{shown(header)} is kept in extra: its values are no {source}"),
    )


def unique_names(columns: Sequence[str]) -> list[str]:
    """The headers, made unique: the second `note` becomes `note (2)`, a blank one `column 3`."""
    names: list[str] = []
    for position, header in enumerate(columns, start=1):
        name = header if header_words(header) else header.strip() or f"column {position}"
        count = 2
        unique = name
        while unique in names:
            unique, count = f"{name} ({count})", count + 1
        names.append(unique)
    return names
