"""Segments of the inbox: taken into raw/, and read from there; runs, rebuilds and erasures alike.

Whoever takes or reads them holds the writer's lock, so that no erasure is under way.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from extract.callbacks import fields_of
from extract.inboxsegments import read_segment, seal_abandoned, sealed_segments
from flows.erasefiles import Found
from flows.erasesegments import SUFFIX, SegmentEraser
from flows.reading import Reading, new_load_id
from transform.datasets import INCOMING
from transform.incoming import Claim, type_claims
from transform.suppression import Suppression
from warehouse.claims import ClaimsLoad, ClaimsResult, Segment
from warehouse.database import Writer
from warehouse.incoming import load_claims, loaded_segments
from warehouse.layout import DataDirectory, sync
from warehouse.raw import (
    RawObservation,
    note_observation,
    prove_raw,
    raw_missing,
    raw_observations,
    store_raw,
)

SEGMENTS_AT_ONCE = 64


def take_inbox(layout: DataDirectory, suppression: Suppression, zone: ZoneInfo) -> int:
    """Take what is sealed, or left by dead receivers, into raw/; how many segments."""
    seal_abandoned(layout.inbox)
    found = sealed_segments(layout.inbox)
    for path in found:
        _keep(layout, suppression, zone, path)
    return len(found)


def _keep(layout: DataDirectory, suppression: Suppression, zone: ZoneInfo, sealed: Path) -> None:
    """A copy into raw/ with its note, durably; only then the segment goes from the inbox."""
    facts = _facts(sealed, "", zone)
    began = facts.first_received_at or datetime.now(UTC)
    erased, eraser = 0, SegmentEraser(suppression)
    found = eraser.find(sealed) if suppression else Found(0, frozenset())
    if found.rows:
        new = eraser.rewrite(sealed, layout.incoming, found)
        copy, sha256, erased = new.path, new.sha256, new.rows_erased
    else:
        content = sealed.read_bytes()
        copy, sha256 = layout.incoming / f"segment-{os.urandom(8).hex()}.part", ""
        copy.write_bytes(content)
        sys.audit("smartconnect.point", "flows.segments.copied")
        sha256 = hashlib.sha256(content).hexdigest()
    size_bytes, day = copy.stat().st_size, began.astimezone(zone).date()
    path = store_raw(
        layout,
        copy,
        dataset=INCOMING.name,
        date_from=day,
        date_to=day,
        sha256=sha256,
        suffix=SUFFIX,
    )
    note_observation(
        layout,
        RawObservation(
            dataset=INCOMING.name,
            window_day=day,
            path=path,
            sha256=sha256,
            size_bytes=size_bytes,
            observed_at=began,
            rows_suppressed=erased,
        ),
    )
    sealed.unlink()
    sys.audit("smartconnect.point", "flows.segments.taken")
    sync(layout.inbox)


def _facts(path: Path, sha256: str, zone: ZoneInfo) -> Segment:
    lines = [received for _, received in read_segment(path)]
    whole = [received for received in lines if received is not None]
    times = [received.received_at for received in whole]
    first = min(times, default=None)
    day = (first or datetime.now(UTC)).astimezone(zone).date()
    return Segment(
        sha256, day, first, max(times, default=None), len(whole), len(lines) - len(whole)
    )


@dataclass(frozen=True)
class Loading:
    """How segments are loaded. `reading.time_zone` is the company's."""

    layout: DataDirectory
    reading: Reading
    flow_run_id: str
    source: str = "callbacks"


def load_segments(
    writer: Writer, how: Loading, needed: frozenset[str] = frozenset()
) -> list[ClaimsResult]:
    """Load what raw/ has and the ledger doesn't, in the order it was received.

    Raises:
        warehouse.errors.RawMissing: one of the `needed` hashes isn't kept.
    """
    kept = {seen.sha256: seen for seen in raw_observations(how.layout, INCOMING.name)}
    for sha256 in sorted(needed - kept.keys())[:1]:
        raise raw_missing(INCOMING.name, datetime.now(UTC).date(), sha256)
    known = loaded_segments(writer)
    waiting = [seen for sha256, seen in kept.items() if sha256 not in known]
    return [
        _load(writer, how, waiting[n : n + SEGMENTS_AT_ONCE])
        for n in range(0, len(waiting), SEGMENTS_AT_ONCE)
    ]


def _load(writer: Writer, how: Loading, seen: Sequence[RawObservation]) -> ClaimsResult:
    zone = ZoneInfo(how.reading.time_zone)
    for one in seen:
        prove_raw(how.layout, one)
    load_id = new_load_id(seen[-1].observed_at)
    done = type_claims(
        (claim for one in seen for claim in _claims(one)),
        time_zone=how.reading.time_zone,
        load_id=load_id,
        shield=how.reading.privacy.of(INCOMING),
    )
    return load_claims(
        writer,
        ClaimsLoad(
            schema=INCOMING.arrow_schema(),
            load_id=load_id,
            flow_run_id=how.flow_run_id,
            mapping_version=how.reading.version(INCOMING.name),
            segments=[_facts(one.path, one.sha256, zone) for one in seen],
            table=done.table,
            places=list(zip(done.segments, done.lines, done.raw, strict=True)),
            rejected=[(r.segment, r.line, r.reason, r.raw) for r in done.rejected],
            source=how.source,
        ),
    )


def _claims(seen: RawObservation) -> Iterator[Claim]:
    for number, received in read_segment(seen.path):
        if received is None:
            continue
        raw = received.body.decode("utf-8", "backslashreplace")
        fields = None
        if received.reason is None:
            fields = fields_of(received.body, form=received.form)
        yield Claim(seen.sha256, number, received.received_at, raw, fields, received.reason)
