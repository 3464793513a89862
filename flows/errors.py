"""What a run can end with, by who can act on it; and the whole hierarchy, by how to recover.

FlowError
├── InvalidWindow    the dates asked for: the caller corrects them
├── NotConfigured    a setting or the token is missing: the operator sets it
├── ErasedMeanwhile  a person was erased while a day was read: it is read again
├── EraseRefused     an erasure can't begin or go on: the message says what is in its way
├── RebuildRefused   a file that was loaded can't be read now: mend the mapping; nothing changed
├── TooLong          a message that its channel doesn't take: shorten it; nothing was sent
├── NotApproved      a bulk messaging that nobody approved as it is: nothing was sent
├── BulkUnfinished   a bulk messaging whose end isn't known: the message says which and what to do
├── NotDelivered     a report is made and not everybody got it: run it again, nothing is sent twice
├── NightlyOverdue   no nightly succeeded for too long: the operator looks why
├── OverBudget       more calls than a run or a day may make: a smaller window, or a larger budget
├── NothingFound     every day came empty: the operator checks what the vendor selects
├── MachinesDiffer   a machine of the cluster is set up otherwise: its operator makes them alike
├── ClusterLost      the Dask or Ray cluster can't be used, or lost a day: see to it, run again
├── StageFailed      nobody foresaw it (flows/stages.py): a fault of the pipeline
└── DaysFailed       some days failed, the others are done: the list says which and why

Each package has its own base (ExtractError, TransformError, WarehouseError, FlowError), since they
don't know each other; what to do about an error cuts across them. Every message says what was asked
for, what came, and what to do.

correct what was asked or set: nothing was started
    InvalidWindow, NotConfigured, OverBudget, TooLong, NotApproved, BadConfiguration,
    InvalidMapping, OtherOrigin, UnusablePolicy, UnusableKey, UnusablePerson, EraseRefused,
    ExtractRefused, ReportingFileWrong, MachinesDiffer
give it what it needs, then run again: this run stopped
    TokenRefused, DiskUnusable, DirectoryUnusable, StoreRefused
run again later: nothing is lost, an export under way is waited for
    VendorUnavailable, VendorBusy, TaskFailed, ExportFailed, ExportTimedOut, LocationExpired,
    DownloadRefused, DownloadIncomplete, EmptyDownload, CallBudgetSpent, ClaimedElsewhere,
    WriterBusy, ErasedMeanwhile, NotDelivered, StoreUnavailable, ClusterLost, KeeperUnusable,
    LeaseLost
say what the vendor means by it: a setting, or a line of the mapping file
    UnexpectedStatus, InvalidReply, RequestRefused, OperationNotFound, RedirectRefused,
    LocationRefused, DownloadTooLarge, NotAnExport, UnreadableExport, MissingColumn,
    AmbiguousColumn, DateOrderConflict, NoTimeOfDay, SchemaDrift, WrongWindow, TooManyQuarantined,
    NothingFound
restore it, or make it anew from raw/
    HashMismatch, RawMissing, NothingKept, DatabaseUnreadable, ListDamaged, BackupUnusable,
    RebuildRefused, NoSuchRelease
look why, and decide
    SendUncertain, BulkUnfinished, DaysFailed, NightlyOverdue, StageFailed, ContractChanged,
    OtherPublisher
"""

from __future__ import annotations


class FlowError(Exception):
    """A run that could not do all it was asked for; the message says what to do."""


class InvalidWindow(FlowError, ValueError):
    """The days asked for are no window: nothing was started."""


class NotConfigured(FlowError):
    """A setting is missing or contradicts another: nothing was started."""


class ErasedMeanwhile(FlowError):
    """What was read before a person was erased can't be kept: it is read again."""


class EraseRefused(FlowError):
    """An erasure can't begin, or isn't finished."""


class RebuildRefused(FlowError):
    """A rebuild would lose a day that is loaded; everything is as it was."""


class TooLong(FlowError):
    """A message is longer than its channel account takes, or empty; nothing was sent."""


class NotApproved(FlowError):
    """Nobody approved the bulk messaging with the right figure; nothing was sent."""


class BulkUnfinished(FlowError):
    """The end of a bulk messaging isn't known; nothing is started twice."""


class NotDelivered(FlowError):
    """A report was not sent to somebody, which is known; a later run sends just what is missing."""


class NightlyOverdue(FlowError):
    """No nightly succeeded for so long that somebody has to look."""


class OverBudget(FlowError):
    """The run would make more calls than it may: nothing was started."""


class MachinesDiffer(FlowError):
    """A machine of the cluster would read a day otherwise than it is loaded; nothing was asked."""


class ClusterLost(FlowError):
    """The cluster can't be reached, or a day was lost with it; exports under way are taken up."""


class NothingFound(FlowError):
    """Every day of the window came empty, which a company with chats never sees."""


class DaysFailed(FlowError):
    """Some days of the run failed; the others are loaded and published."""
