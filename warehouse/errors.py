"""What can go wrong in the warehouse, by how to recover.

WarehouseError
├── DirectoryUnusable   the data directory can't be written: the operator frees or opens it
├── OtherOrigin         the directory holds another company's data, or the sandbox's
├── WriterBusy          another run loads: wait, or see what it does
├── HashMismatch        bytes aren't what was promised: fetch or restore them
├── RawMissing          a file isn't kept that is needed: restore it, or export its day again
├── NothingKept         raw/ is empty: run a nightly first
├── DatabaseUnreadable  the writer's database can't be opened: move it away and rebuild
├── ListDamaged         the suppression list can't be read: restore it
├── BackupUnusable      no whole backup, or no place for one: name another directory
├── ContractChanged     a published column would vanish: a contract version and a note first
├── ReportingFileWrong  reporting.toml says what can't be meant: correct the key it names
├── ExtractRefused      an extract can't be made so: another name, or CSV in place of a sheet
├── StoreUnavailable    the object store can't be reached: the next run uploads
├── StoreRefused        it says no: correct its URL, the credentials, or what they may do
├── OtherPublisher      another loader publishes there: decide which one does
└── NoSuchRelease       nothing to go back to, or to read
"""

from __future__ import annotations


class WarehouseError(Exception):
    """A failure whose message says what was asked, what came, and what to do."""


class DirectoryUnusable(WarehouseError):
    """The data directory can't be made or written."""


class OtherOrigin(WarehouseError):
    """The data directory belongs to another company, or to the sandbox."""


class WriterBusy(WarehouseError):
    """Another run holds the writer's database; the message names it."""


class HashMismatch(WarehouseError):
    """A file isn't what its hash says."""


class RawMissing(WarehouseError):
    """A file of raw/ that is to be read again isn't there."""


class NothingKept(WarehouseError):
    """There is nothing in raw/ to rebuild from."""


class DatabaseUnreadable(WarehouseError):
    """The writer's database is damaged, or another program holds it."""


class ListDamaged(WarehouseError):
    """The suppression list can't be read, so that nobody could be kept out."""


class BackupUnusable(WarehouseError):
    """A directory is no backup, or can't take one."""


class ContractChanged(WarehouseError):
    """A column that was published is gone from the contract."""


class ExtractRefused(WarehouseError):
    """An extract can't have that name, or not that many rows in a sheet."""


class ReportingFileWrong(WarehouseError):
    """The reporting file can't be read, or says what can't be meant."""


class StoreUnavailable(WarehouseError):
    """The object store doesn't answer, or not now."""


class StoreRefused(WarehouseError):
    """The object store refuses what is asked of it."""


class OtherPublisher(WarehouseError):
    """Another loader, or another data directory, published on the object store."""


class NoSuchRelease(WarehouseError):
    """There is no such release."""
