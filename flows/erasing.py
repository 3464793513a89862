"""A person out of everything that is kept: found, shown as counts, taken out, proven gone.

All of it follows from the suppression list: whoever runs it again finishes what was cut off, and
needn't know who it was about. Nothing is said to be done before nothing is found any more.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from extract.inbox import request_seal
from flows.company import load_company
from flows.erasecounts import Counts, counted
from flows.erasesearch import Kept, concerned, held
from flows.errors import EraseRefused, NotConfigured
from flows.handing import in_turn
from flows.mapping import load_mapping
from flows.personal import data_directory, load_keys
from flows.reportfiles import made_reports, remove_report
from flows.segments import take_inbox
from flows.settings import Settings
from flows.suppressing import suppression_of
from transform.datasets import DATASETS
from transform.suppression import Person, RowFinder, Suppression, check_words
from warehouse.database import Writer, opened
from warehouse.erasing import Erased, Eraser
from warehouse.erasingevidence import finish_evidence, note_erasures
from warehouse.erasingfiles import clean_quarantine, remove_unneeded
from warehouse.erasinglist import (
    ErasedFile,
    add_file,
    add_request,
    add_words,
    finish_requests,
    read_list,
)
from warehouse.extracts import remove_extract
from warehouse.raw import remove_raw, replace_raw
from warehouse.rebuilding import Rebuild, rebuilding
from warehouse.releases import publish_alone

HOLDER = "an erasure"
SEAL_WAIT_SECONDS = 15.0


class Erasure:
    """Erasures of one data directory.

    Raises:
        NotConfigured: there is no key, or it isn't the one that others were erased with.
        transform.errors.TransformError: mapping file or key can't be used.
        warehouse.errors.WarehouseError: the directory can't be used.
    """

    def __init__(self, settings: Settings) -> None:
        keys = load_keys(settings)
        if keys is None:
            raise NotConfigured(
                "Who was erased is known by a key, so that nobody can read the list: make one with "
                "`smartconnect personal-key` and name it in SMARTCONNECT_PERSONAL_KEY_FILE."
            )
        self.layout = data_directory(settings)
        self.layout.initialise(settings.origin)
        self._settings = settings
        self._keys = keys
        self._kept = Kept(self.layout, load_mapping(settings))
        self._schemas = [dataset.arrow_schema() for dataset in DATASETS.values()]
        self._suppression()

    @property
    def unfinished(self) -> int:
        """How many erasures were cut off."""
        return len(read_list(self.layout).unfinished)

    def count(self, person: Person | None) -> Counts:
        """What would be taken out: of a person, and of those on the list already."""
        suppression = self._kept.with_threads(self._suppression(person))
        return counted(self._kept, suppression, person)

    def request(self, person: Person | None, counts: Counts) -> int:
        """Put a person on the list, durably: from now on they are kept out; the number.

        Without a person, everyone on the list is looked for again.
        """
        words = person.words(self._keys) if person else frozenset[str]()
        mentions = counts.mentions if person else None
        return add_request(self.layout, words, check_words(self._keys), mentions=mentions)

    def run(self) -> None:
        """Take everyone on the list out of everything, and say so once it is proven.

        Raises:
            warehouse.errors.WriterBusy: another run loads; run again.
            EraseRefused: something is left.
        """
        with (
            in_turn(self._settings, self.layout, HOLDER),
            rebuilding(
                self.layout,
                holder=HOLDER,
                wait_seconds=self._settings.writer_wait_seconds,
                schemas=self._schemas,
                memory_limit_mb=self._settings.memory_limit_mb,
            ) as rebuild,
        ):
            self._empty_inbox()
            suppression = self._kept.with_threads(self._suppression())
            add_words(self.layout, suppression.words)
            self._clean_raw(suppression)
            clean_quarantine(self.layout, suppression.in_record)
            for folder in self._kept.extracts(suppression):
                remove_extract(self.layout, folder)
            if self.layout.database.exists():
                self._replace_database(rebuild, suppression)
            else:
                self._prove(suppression)
            for folder in made_reports(self.layout):  # they may show a thread of theirs
                remove_report(self.layout, folder)
            finish_requests(self.layout)

    def _empty_inbox(self) -> None:
        """Take callbacks that aren't loaded yet into raw/, where all is looked through."""
        if not request_seal(self.layout.inbox, SEAL_WAIT_SECONDS):
            raise EraseRefused(
                "The receiver of callbacks doesn't close what it writes, which may hold the "
                "person: stop it (or let it answer), then run `smartconnect erase` again."
            )
        take_inbox(self.layout, self._suppression(), self._settings.zone)

    def _replace_database(self, rebuild: Rebuild, suppression: Suppression) -> None:
        known = read_list(self.layout)
        numbers = [request.number for request in known.unfinished]
        with rebuild.staged(load_company(self._settings)) as writer:
            erased = self._fill(writer, suppression)
            note_erasures(
                writer,
                known.unfinished,
                erased,
                done_by=HOLDER,
                key_versions=", ".join(map(str, self._keys.versions)),
            )
        rebuild.swap()
        with opened(
            self.layout,
            holder=HOLDER,
            schemas=self._schemas,
            memory_limit_mb=self._settings.memory_limit_mb,
        ) as writer:
            removed = publish_alone(writer)
            remove_unneeded(writer)
            self._prove(suppression)
            finish_evidence(writer, numbers, removed)
            publish_alone(writer)

    def _fill(self, writer: Writer, suppression: Suppression) -> Erased:
        renamed = {
            file.sha256_before: file.sha256_after
            for request in read_list(self.layout).requests
            for file in request.files
            if file.sha256_after is not None
        }
        eraser = Eraser(
            writer,
            self.layout,
            lambda batch: RowFinder.of_rows(suppression, batch.schema.names).found(batch),
            suppression.in_record,
            renamed,
        )
        return eraser.fill([dataset.name for dataset in concerned(suppression)])

    def _suppression(self, person: Person | None = None) -> Suppression:
        known = suppression_of(read_list(self.layout), self._keys)
        words = person.words(self._keys) if person else frozenset[str]()
        return replace(known, words=known.words | words)

    def _clean_raw(self, suppression: Suppression) -> None:
        for dataset, day, path in self._kept.raw():
            eraser = self._kept.eraser(dataset, suppression)
            found = held(eraser, path)
            if found is None:
                continue
            told = ErasedFile(dataset.name, day.isoformat(), _hash(path), None, found.rows)
            if not found.rows:
                add_file(self.layout, told)
                remove_raw(self.layout, path)
                continue
            new = eraser.rewrite(path, self.layout.building, found)
            add_file(self.layout, replace(told, sha256_after=new.sha256))
            replace_raw(
                self.layout,
                path,
                new.path,
                sha256=new.sha256,
                size_bytes=new.size_bytes,
                suffix=new.suffix,
                rows_suppressed=new.rows_erased,
            )

    def _prove(self, suppression: Suppression) -> None:
        left = self._kept.holding(suppression)
        if left:
            raise EraseRefused(
                f"{len(left)} files still hold rows of erased persons, the first is "
                f"{self.layout.relative(left[0])}: run `smartconnect erase` again."
            )


def _hash(path: Path) -> str:
    return path.name.partition(".")[0]
