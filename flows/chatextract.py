"""`extract-chats` and `smartconnect extract`: a filtered export as a named extract for a person.

A client's name is personal: it comes from a prompt or a file, and is in no parameter, log, journal,
description or file name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from extract.exports import ExportRequest
from flows.discovery import learn_vendor
from flows.errors import ErasedMeanwhile, NotConfigured
from flows.fetching import Fetched, fetch
from flows.ingest import read_ledger
from flows.publishing import publish_now
from flows.reading import new_load_id
from flows.reporting import run_name
from flows.run import Run, open_run
from flows.settings import home, load_settings
from flows.stages import in_thread
from flows.suppressing import Incoming, suppression_of, without_erased
from flows.telling import leave_artifact
from flows.windows import Day, checked_window, ddmmyyyy
from flows.writersession import writer_session
from transform.datasets import CHATS
from transform.errors import TransformError
from transform.normalise import Origin, normalise_export
from transform.readers import open_export
from warehouse.erasinglist import list_lock, read_list
from warehouse.extracts import describe_extracts, name_extract, require_new, write_extract
from warehouse.personfiles import Format

Name = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$", examples=["complaints-2026-02"])]


@dataclass(frozen=True)
class Wanted:
    """What an extract is of. `client` is personal, and in no repr."""

    name: str
    date_from: date
    date_to: date
    uid: int | None = None
    category: int | None = None
    kind: Format = "csv"
    client: str | None = field(default=None, repr=False)

    @property
    def about(self) -> str:
        """In words, without the client's name."""
        parts = [f"chats of {ddmmyyyy(self.date_from)}–{ddmmyyyy(self.date_to)}"]
        parts += [f"user {self.uid}"] if self.uid is not None else []
        parts += [f"category {self.category}"] if self.category is not None else []
        parts += ["one client"] if self.client is not None else []
        return ", ".join(parts)


@dataclass(frozen=True)
class Made:
    """An extract that is there."""

    folder: Path
    rows: int
    rows_rejected: int

    def __str__(self) -> str:
        rejected = f", {self.rows_rejected:,} rejected" if self.rows_rejected else ""
        return f"{self.rows:,} rows{rejected} in {self.folder}"


@flow(name="extract-chats", flow_run_name=run_name("extract-chats"))
async def extract_chats(
    name: Name,
    date_from: Day,
    date_to: Day,
    uid: int | None = None,
    category: int | None = None,
    one_client: bool = False,
    for_a_person: Literal["csv", "xlsx", "none"] = "csv",
) -> None:
    """A part of the chats as files beside the main tables; no day is touched.

    Args:
        name: The extract's: its folder in data/extracts.
        date_from: First day, dd.mm.yyyy.
        date_to: Last day, dd.mm.yyyy.
        uid: Only this user's chats.
        category: Only this category.
        one_client: Only the client whose name is in the file SMARTCONNECT_EXTRACT_CLIENT_FILE.
        for_a_person: A file to open in a spreadsheet, beside Parquet.
    """
    settings = load_settings()
    window = checked_window(date_from, date_to, settings.today().date())
    client = client_of(settings.extract_client_file) if one_client else None
    first, last = window.days()[0], window.days()[-1]
    wanted = Wanted(name, first, last, uid, category, for_a_person, client)
    made = await make_extract(wanted, flow_run.name or "extract-chats", flow_run.id or "")
    await leave_artifact(
        "extract",
        f"## {name}\n\n{wanted.about}: {made.rows:,} rows, {made.rows_rejected:,} rejected.\n\n"
        f"It is in `{made.folder}`, and in `meta.extracts` with the next release.\n",
    )


def client_of(path: Path | None) -> str:
    """The client's name, from a file that holds it alone.

    Raises:
        NotConfigured: no file is named, or it can't be read or is empty.
    """
    if path is None:
        raise NotConfigured(
            "Whose chats are meant isn't told: name a file that holds the client's name alone in "
            "SMARTCONNECT_EXTRACT_CLIENT_FILE. Nothing was started."
        )
    try:
        name = (home() / path).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        problem = type(error).__name__
    else:
        if name and "\n" not in name:
            return name
        problem = "it holds no name, or several lines"
    raise NotConfigured(f"{path} can't be used ({problem}). Nothing was started.")


async def make_extract(wanted: Wanted, run_title: str, flow_run_id: str) -> Made:
    """Export, read and write an extract, and describe it in `meta.extracts`.

    Raises:
        warehouse.errors.ExtractRefused: its name can't be, or is taken; nothing was started.
        extract.errors.ExtractError, transform.errors.TransformError: by how to recover.
    """
    async with open_run(load_settings(), run_title, flow_run_id) as run:
        require_new(run.layout, wanted.name)
        await read_ledger(run, [])
        run.notes += await learn_vendor(run)
        last = wanted.date_to
        exclusive = run.vendor.date_to == "exclusive"
        request = ExportRequest(
            "chats",
            wanted.date_from,
            last + timedelta(days=1) if exclusive else last,
            uid=wanted.uid,
            category=wanted.category,
            name=wanted.client,
        )
        oldest = datetime.now(UTC) - timedelta(seconds=run.settings.resume_within_seconds)
        async with run.jobs.claim(request, started_after=oldest) as claim:
            fetched = await fetch(run, claim, CHATS.name)
            try:
                folder, rows, rejected = await in_thread(
                    _write, run, wanted, request, fetched, claim.finish
                )
            except TransformError:
                claim.finish()  # this file is no use: another run asks for a new one
                raise
        async with writer_session(run) as writer:
            await in_thread(describe_extracts, writer)
            await publish_now(writer, run)
        return Made(folder, rows, rejected)


def _write(
    run: Run,
    wanted: Wanted,
    request: ExportRequest,
    fetched: Fetched,
    use_up: Callable[[], None],
) -> tuple[Path, int, int]:
    """The file without erased persons, through the contract and the policies, into its folder."""
    known = read_list(run.layout)
    ready, file, mapping = fetched.ready, fetched.file, run.mapping.of(CHATS.name)
    incoming = Incoming(
        file.path, file.sha256, file.size_bytes, file.suffix, CHATS.name, wanted.date_from,
        request.date_from, request.date_to, ready.task_id, ready.started_at, ready.waited_seconds,
    )  # fmt: skip
    suppression = suppression_of(known, run.privacy.keys)
    kept, _ = without_erased(run.layout, run.mapping, suppression, incoming)
    try:
        origin = Origin(
            wanted.date_from,
            ready.started_at,
            new_load_id(ready.started_at),
            run.settings.time_zone,
        )
        export = normalise_export(
            open_export(kept.path, mapping.source, whole=True),
            CHATS,
            origin,
            expect="thread",
            rules=replace(mapping.rules(), min_rows_judged=sys.maxsize),
            shield=run.privacy.of(CHATS),
        )
        folder, rows = write_extract(run.layout, export.schema, export, wanted.kind)
        told = {
            "made_at": datetime.now(UTC).isoformat(),
            "dataset": CHATS.name,
            "date_from": wanted.date_from.isoformat(),
            "date_to": wanted.date_to.isoformat(),
            "uid": wanted.uid,
            "category": wanted.category,
            "one_client": wanted.client is not None,
            "rows": rows,
            "rows_quarantined": export.report.rows_quarantined,
            "file_sha256": kept.sha256,
            "flow_run_id": run.flow_run_id,
        }
        with list_lock(run.layout):
            if read_list(run.layout).generation != known.generation:
                raise ErasedMeanwhile("A person was erased while the extract was made: run again.")
            use_up()  # before it has its name: who finds it there needn't end its export
            target = name_extract(run.layout, folder, wanted.name, told, export.quarantine)
    finally:
        for path in {kept.path, incoming.path}:
            _forget(path)
    return target, rows, export.report.rows_quarantined


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)
    sys.audit("smartconnect.point", "flows.chatextract.download-removed")
