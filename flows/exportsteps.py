"""How far an export came: started, ready, downloaded, read; a line for each step."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import urlsplit

from extract.errors import DownloadFailed, ExportTimedOut, ExtractError
from extract.routes import Operation
from flows.asking import Asking, said
from flows.probing import Probe
from transform.errors import TransformError

Steps = tuple[Operation, Operation]  # starts an export, asks for its task
CHATS: Steps = (Operation.START_CHATS_EXPORT, Operation.GET_CHATS_EXPORT_TASK)
STATISTICS: Steps = (Operation.START_STATISTICS_EXPORT, Operation.GET_STATISTICS_EXPORT_TASK)


def tell_success(
    asking: Asking,
    dataset: str,
    found: Probe,
    operations: Steps,
    place: str,
) -> None:
    """Every step worked, and what the file is like that is at `place`."""
    findings, routes = asking.findings, asking.options.routes
    for operation in operations:
        findings.ok(operation, routes.path(operation))
    if dataset == "statistics":
        findings.ok("statistics format", f"{_format(found)}, {found.seen.rows} rows")
        return
    needs = "needs the token" if found.file.with_token else "needs no token"
    announced = "" if found.file.length_announced else ", its length isn't announced"
    findings.ok("download", f"the file is {place}, and {needs}{announced}")
    if found.seen.rows:  # an empty file tells less
        findings.ok("format", _format(found))


def tell_failure(
    asking: Asking,
    error: ExtractError | TransformError,
    operations: Steps,
    place: str | None,
    why: str,
) -> str:
    """Up to which step it worked, and what stopped it.

    Returns:
        Why what exports are like stays unknown: `why` where an earlier one told it already.
    """
    findings, routes, (start, task) = asking.findings, asking.options.routes, operations
    about, problem = operations == CHATS, said(error)
    step = error.operation if isinstance(error, ExtractError) else "format"
    why = why or f"an export failed ({step})"
    if step == start:
        findings.wrong(start, f"{routes.path(start)}: {problem}")
        findings.unknown(task, "no export could be started")
        return why
    findings.ok(start, routes.path(start))
    if isinstance(error, ExportTimedOut):
        waited = f"no export was ready in {asking.wait_seconds:g} s"
        findings.unknown(task, f"{waited}; --wait-seconds waits longer")
        return waited
    if step == task:
        findings.wrong(task, f"{routes.path(task)}: {problem}")
        return why
    findings.ok(task, routes.path(task))
    if isinstance(error, DownloadFailed):
        where = f" The file is {place}." if place else ""
        findings.wrong("download" if about else "statistics download", problem + where)
    elif isinstance(error, TransformError):
        where = "format" if about else "statistics format"
        findings.wrong(where, f"{problem} `smartconnect inspect` shows a file in full.")
    else:
        findings.wrong("exports", problem)
    return why


def place_of(location: str, asking: Asking) -> str:
    """Where a file is, by host and port alone: the rest may be signed."""
    base = urlsplit(str(asking.options.base))
    try:
        parts = urlsplit(location.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return "at what is no address"
    if not parts.netloc:
        return "relative to the base URL"
    named = f"{host}" + (f":{port}" if port else " (no port)")
    if host != base.hostname:
        return f"at another host, {named}"
    if port != base.port:
        return f"at the API's host, but at {named} where the API is at {base.port or 'none'}"
    ending = PurePosixPath(parts.path).suffix[:8]
    return f"at the API's host{', named ' + ending if ending else ''}"


def _format(found: Probe) -> str:
    understood = found.format
    names = {"\t": "tab"}
    parts = [
        *understood.containers,
        understood.kind,
        understood.encoding or "",
        f"delimiter {names.get(understood.delimiter, understood.delimiter)}"
        if understood.delimiter
        else "",
    ]
    return ", ".join(part for part in parts if part)
