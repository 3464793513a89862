"""Callbacks → typed rows of `incoming_messages`; what can't be one goes to the quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from transform.incoming_contract import INCOMING
from transform.privacy import Shield
from transform.quarantine import as_json
from transform.records import as_json_value

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)  # clocks differ; more than that is no clock
LONGEST_ID_CHARACTERS = 200
_KNOWN = ("message_id", "thread_id", "channel_account_id", "message", "time")
_MISSING = "missing"
_IMPOSSIBLE = "time: impossible as Unix seconds"
_NO_SECONDS = "time: not Unix seconds"


@dataclass(frozen=True)
class Claim:
    """A callback as it came.

    Args:
        segment: the hash of the segment it is kept in.
        line: its line there.
        received_at: when it came.
        raw: its body.
        fields: its fields; None: it isn't a message, for `reason`.
        reason: why it isn't one.
    """

    segment: str
    line: int
    received_at: datetime
    raw: str
    fields: Mapping[str, object] | None
    reason: str | None = None


@dataclass(frozen=True)
class RejectedClaim:
    """A callback that is no row; `raw` is None where personal fields are protected."""

    segment: str
    line: int
    reason: str
    raw: str | None


@dataclass
class TypedClaims:
    """Rows in the order received, each with where it is kept; and the rest."""

    table: pa.Table
    segments: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    raw: list[str | None] = field(default_factory=list)
    rejected: list[RejectedClaim] = field(default_factory=list)


class _NoRow(Exception):
    pass


def type_claims(
    claims: Iterable[Claim], *, time_zone: str, load_id: str, shield: Shield
) -> TypedClaims:
    """Type claims; rows of the table + rejected = claims."""
    zone, rows, done = ZoneInfo(time_zone), [], TypedClaims(INCOMING.arrow_schema().empty_table())
    for claim in claims:
        raw = None if shield else claim.raw
        try:
            row = _row(_fields(claim), claim.received_at, zone)
        except _NoRow as problem:
            done.rejected.append(RejectedClaim(claim.segment, claim.line, str(problem), raw))
            continue
        rows.append({**row, "observed_at": claim.received_at, "load_id": load_id})
        done.segments.append(claim.segment)
        done.lines.append(claim.line)
        done.raw.append(raw)
    done.table = shield.table(pa.Table.from_pylist(rows, schema=INCOMING.arrow_schema()))
    return done


def _fields(claim: Claim) -> Mapping[str, object]:
    if claim.fields is None:
        raise _NoRow(claim.reason or "not a message")
    return claim.fields


def _row(fields: Mapping[str, object], received_at: datetime, zone: ZoneInfo) -> dict[str, object]:
    instant = _instant(fields.get("time"), received_at)
    local = instant.astimezone(zone).replace(tzinfo=None)
    account = fields.get("channel_account_id")
    text = fields.get("message")
    unknown = {key: value for key, value in fields.items() if key not in _KNOWN}
    return {
        "message_id": _id("message_id", fields.get("message_id")),
        "chat_id": _id("thread_id", fields.get("thread_id")),
        "sent_at": local,
        "sent_at_utc": instant,
        "date": local.date(),
        "channel_account_id": None if account in (None, "") else _id("channel_account_id", account),
        "text": text if isinstance(text, str) else "" if text is None else as_json_value(text),
        "extra": as_json(dict(sorted(unknown.items()))) if unknown else None,
    }


def _id(name: str, value: object) -> str:
    """A whole number or a text, as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise _NoRow(f"{name}: {_MISSING if value in (None, '') else 'not an id'}")
    if len(value) > LONGEST_ID_CHARACTERS or not value.isprintable():
        raise _NoRow(f"{name}: not an id")
    return value.strip()


def _instant(value: object, received_at: datetime) -> datetime:
    """Unix seconds, as a number or as digits."""
    if value in (None, ""):
        raise _NoRow(f"time: {_MISSING}")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _NoRow(_NO_SECONDS)
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        raise _NoRow(_NO_SECONDS) from None
    try:
        found = datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)
    except (ValueError, OverflowError, OSError):
        raise _NoRow(_IMPOSSIBLE) from None
    if not EARLIEST <= found <= received_at + AHEAD:
        raise _NoRow(_IMPOSSIBLE)
    return found
