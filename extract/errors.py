"""What can go wrong between us and SmartConnect, by how to recover.

    ExtractError
    ├── StopRun                  no other day can do better: end the run
    │   ├── TokenRefused         a new token is needed
    │   ├── BadConfiguration     a setting can't be used
    │   └── DiskUnusable         journal, locks or downloads can't be written
    ├── DayFailed                this day keeps its earlier data, the others go on
    │   ├── VendorUnavailable    no usable answer within the budget: run again later
    │   │   └── VendorBusy       answers came, each saying "not now"
    │   ├── InvalidReply         an answer that isn't what was published
    │   ├── UnexpectedStatus     a `status` nobody has given a meaning
    │   ├── RequestRefused       the vendor calls the request malformed
    │   ├── OperationNotFound    nothing answers at the operation's path
    │   ├── RedirectRefused      a call that carries the token was sent elsewhere
    │   ├── TaskFailed           the vendor's task failed or is unknown to it
    │   │   └── ExportFailed     … and it was an export
    │   ├── ExportTimedOut       not ready in time; its task_id stays in the journal
    │   ├── CallBudgetSpent      a run or a day may make no more calls
    │   ├── ClaimedElsewhere     another run exports this very day
    │   ├── KeeperUnusable       what machines share can't be read or written: run again later
    │   ├── LeaseLost            it was held by this run, and another may have it now: run again
    │   └── DownloadFailed
    │       ├── LocationRefused     an address we don't connect to
    │       ├── LocationExpired     gone: `Claim.relocate` asks for a new one, once
    │       ├── DownloadRefused     any other refusal
    │       ├── DownloadIncomplete  cut short, or too slow
    │       ├── DownloadTooLarge    more bytes than the cap
    │       ├── EmptyDownload       no byte at all
    │       └── NotAnExport         a page or an error message in place of a file
    └── SendUncertain            a message may or may not have gone out: a person decides

Faults that pass by themselves are retried inside and show only as one of these, once the budget
is used up. No message holds a token, a text, a name, a phone or more of a URL than its host.
"""

from __future__ import annotations


class ExtractError(Exception):
    """A failure in three parts, beside the operation's name.

    Args:
        operation: the operation's name (`routes.Operation`), or the step of ours.
        asked: what was asked for, with the day where there is one.
        came: what came instead.
        cure: what a person can do about it.
    """

    def __init__(self, operation: str, asked: str, came: str, cure: str) -> None:
        super().__init__(operation, asked, came, cure)  # four plain strings: survives pickling
        self.operation = operation
        self.asked = asked
        self.came = came
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.operation}: asked for {self.asked}; {self.came}. {self.cure}"


class StopRun(ExtractError):
    """No other day of the run can do better."""


class TokenRefused(StopRun):
    """The vendor refuses the token, also after it was read anew."""


class BadConfiguration(StopRun, ValueError):
    """A setting can't be used; nothing was asked of the vendor."""


class DiskUnusable(StopRun):
    """A folder of ours can't be written: full, read-only, or not ours."""


class DayFailed(ExtractError):
    """This day failed and keeps its earlier data; other days go on."""


class VendorUnavailable(DayFailed):
    """No usable answer within the budget of attempts and time."""


class VendorBusy(VendorUnavailable):
    """The vendor answered, and each answer said to come again later."""


class InvalidReply(DayFailed):
    """An answer that isn't JSON, or lacks what was published."""


class UnexpectedStatus(DayFailed):
    """A `status` that the table of meanings doesn't have: `status`, where it was in the body."""

    status: int | None = None


class RequestRefused(DayFailed):
    """The vendor calls the request malformed, or says that it failed."""


class OperationNotFound(DayFailed):
    """Nothing answers at the path of this operation."""


class RedirectRefused(DayFailed):
    """A call that carries the token was answered with a redirect; it is never followed."""


class TaskFailed(DayFailed):
    """The vendor's task failed, or the vendor doesn't know it."""


class ExportFailed(TaskFailed):
    """The export's task failed, or the vendor doesn't know it."""


class ExportTimedOut(DayFailed):
    """No location within the deadline; the journal keeps the task for the next run."""


class CallBudgetSpent(DayFailed):
    """The calls that a run or a day may make are used up; nothing was sent."""


class ClaimedElsewhere(DayFailed):
    """Another run holds this very request, longer than we were ready to wait."""


class KeeperUnusable(DayFailed):
    """What several machines share (who does what, what was started) can't be read or written."""


class LeaseLost(DayFailed):
    """This run was silent for too long, and another may do what it was doing."""


class DownloadFailed(DayFailed):
    """The export was made, but its file did not arrive."""


class LocationRefused(DownloadFailed):
    """The location names a scheme, a host or an address that we don't connect to."""


class LocationExpired(DownloadFailed):
    """The file isn't there any more; a new location may be asked for, once."""


class DownloadRefused(DownloadFailed):
    """The file's host refuses."""


class DownloadIncomplete(DownloadFailed):
    """The file was cut short or did not come in time."""


class DownloadTooLarge(DownloadFailed):
    """The file is larger than the cap."""


class EmptyDownload(DownloadFailed):
    """The file has no byte."""


class NotAnExport(DownloadFailed):
    """A web page or an error message came in place of a file."""


class SendUncertain(ExtractError):
    """The message may have been sent: it is never sent again without a person's word."""
