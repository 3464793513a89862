"""What becomes of personal fields: kept, pseudonymised or dropped, before anything is written.

A policy is named by field (`client_phone`), by kind (`phone`, `name`, `email`, `id`, `text`) or `*`
for all; the nearer word wins. Rules that follow from it:

- A column we don't know may hold anybody's name: where a dataset protects any field, `extra` is
  dropped, unless a policy says that it is kept.
- A rejected record is kept as its line and its reason, without its text; the vendor's file in raw/
  has it.
- The identity of messages without message_id rests on their text: where texts are dropped, those
  rows keep the text's pseudonym in its place. A thread's id can be pseudonymised, never dropped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

import pyarrow as pa

from transform.columns import AnyArray, compute, nulls
from transform.contract import Dataset
from transform.errors import UnusablePolicy
from transform.matching import EXTRA
from transform.pseudonyms import PersonalKeys, PersonalKind

KINDS: Mapping[str, PersonalKind] = {
    "client_name": PersonalKind.NAME,
    "client_phone": PersonalKind.PHONE,
    "user_name": PersonalKind.NAME,
    "login": PersonalKind.ID,
    "email": PersonalKind.EMAIL,
    "phone": PersonalKind.PHONE,
    "text": PersonalKind.TEXT,
    "chat_id": PersonalKind.ID,  # often the client's phone or nick
}
ALL = "*"
_VERSION_CHARS = 12


class Policy(StrEnum):
    """What becomes of a field's values."""

    KEEP = "keep"
    PSEUDONYMISE = "pseudonymise"
    DROP = "drop"


@dataclass(frozen=True)
class Privacy:
    """A company's policies, over all datasets.

    Raises:
        UnusablePolicy: one names nothing that is known or can't be kept to; or the key is missing.
    """

    policies: Mapping[str, Policy] = field(default_factory=dict)
    keys: PersonalKeys | None = None

    def __post_init__(self) -> None:
        known = {*KINDS, *(str(kind) for kind in PersonalKind), EXTRA, ALL}
        for name in self.policies.keys() - known:
            raise _unusable(f"{name!r} is no personal field", f"Known are {_listed(known)}.")
        if self.policies.get(EXTRA) is Policy.PSEUDONYMISE:
            raise _unusable("extra holds columns of any kind", "Keep it or drop it.")
        if self.policy_of("chat_id") is Policy.DROP:
            raise _unusable("messages are told apart by chat_id", "Pseudonymise it, or keep it.")
        if self.keys is None and any(map(self._needs_key, KINDS)):
            raise _unusable(
                "pseudonyms, and texts that are dropped, need a key and there is none",
                "Make one with `smartconnect personal-key` and name it in "
                "SMARTCONNECT_PERSONAL_KEY_FILE.",
            )

    def policy_of(self, name: str) -> Policy:
        """The policy for a field other than extra."""
        for said in (name, str(KINDS[name]), ALL):
            if said in self.policies:
                found = self.policies[said]
                spared = name == "chat_id" and said == ALL  # it must be meant to be touched
                return Policy.KEEP if spared else found
        return Policy.KEEP

    def of(self, dataset: Dataset) -> Shield:
        """What it means for a dataset."""
        names = [f.name for f in dataset.fields]
        found = {name: self.policy_of(name) for name in names if name in KINDS}
        found = {name: policy for name, policy in found.items() if policy is not Policy.KEEP}
        if EXTRA in names and self.policies.get(EXTRA, Policy.DROP if found else Policy.KEEP) is (
            Policy.DROP
        ):
            found[EXTRA] = Policy.DROP
        return Shield(dataset, found, self.keys)

    def _needs_key(self, name: str) -> bool:
        policy = self.policy_of(name)
        return policy is Policy.PSEUDONYMISE or (policy is Policy.DROP and name == "text")


@dataclass(frozen=True)
class Shield:
    """The policies of one dataset, without those that keep; falsy where nothing is protected."""

    dataset: Dataset
    policies: Mapping[str, Policy]
    keys: PersonalKeys | None = None

    def __bool__(self) -> bool:
        return bool(self.policies)

    @property
    def version(self) -> str:
        """A word that changes with the policies and the key, so that days count as changed."""
        if not self.policies:
            return ""
        said = {name: str(policy) for name, policy in self.policies.items()}
        hashed = any(name in KINDS and self._hashes(name) for name in said)
        key = self.keys.fingerprint if self.keys is not None and hashed else ""
        text = json.dumps([said, key], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:_VERSION_CHARS]

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """A batch of the dataset's schema as it may be written."""
        if not self.policies:
            return batch
        columns = [
            self._shielded(name, batch.column(position), batch)
            for position, name in enumerate(batch.schema.names)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    def table(self, table: pa.Table) -> pa.Table:
        """A table of the dataset's schema as it may be written."""
        if not self.policies:
            return table
        return pa.Table.from_batches(map(self.batch, table.to_batches()), schema=table.schema)

    def _hashes(self, name: str) -> bool:
        policy = self.policies[name]
        return policy is Policy.PSEUDONYMISE or name in self.dataset.identity_fallback

    def _shielded(self, name: str, column: AnyArray, batch: pa.RecordBatch) -> AnyArray:
        policy = self.policies.get(name)
        if policy is None:
            return column
        values = cast("pa.StringArray", column)
        if policy is Policy.PSEUDONYMISE:
            return self._pseudonyms(values, KINDS[name])
        if name not in self.dataset.identity_fallback:
            return nulls(len(values))
        ids = batch.column(self.dataset.identity[0])
        needed = compute.if_else(compute.is_null(ids), values, "")
        return self._pseudonyms(needed, KINDS[name])

    def _pseudonyms(self, values: pa.StringArray, kind: PersonalKind) -> AnyArray:
        """Each distinct value hashed once; null stays null, '' stays ''."""
        assert self.keys is not None  # `Privacy` has seen to it
        distinct = values.dictionary_encode()
        words = [self.keys.pseudonym(str(v), kind) for v in distinct.dictionary.to_pylist()]
        return pa.array(words, pa.string()).take(distinct.indices)


def _unusable(came: str, cure: str) -> UnusablePolicy:
    return UnusablePolicy("The policies for personal data in SMARTCONNECT_PERSONAL", came, cure)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
