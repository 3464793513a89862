"""Runs in a process of its own, with everything logged at DEBUG: what is to be searched afterwards.

    python canary_run.py STEPS

STEPS is a JSON list; each step names a sandbox, its faults, and what is run under them: `backfill`
(two days), `users`, `report` (a day), or `broken` (a day whose reading fails with the file's text
in the error); `env` is set before.
Every error is printed with its causes. Faults that never struck are tried again alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import traceback
from collections.abc import Coroutine
from typing import Any
from urllib.request import Request, urlopen

from flows import stages
from flows.backfill import Exported, backfill
from flows.reading import ExportedDay
from flows.report import report_daily
from flows.users import snapshot_users_flow

Step = dict[str, Any]
TIMES = 3


def set_faults(url: str, faults: list[str]) -> dict[str, int]:
    """Make these active at a sandbox; how often each struck so far."""
    where = url.removesuffix("/api") + "/sandbox/faults"
    request = Request(where, json.dumps(faults).encode(), method="POST")
    with urlopen(request, timeout=10) as answer:
        told: dict[str, dict[str, int]] = json.load(answer)
    return told["injected"]


def quoting(layout: object, exported: ExportedDay, reading: object) -> None:
    raise ValueError(exported.path.read_text(encoding="utf-8"))


def run_of(step: Step) -> Coroutine[Any, Any, None]:
    if "users" in step:
        return snapshot_users_flow()
    if "report" in step:
        return report_daily(date=step["report"], wait_seconds=0)
    first, last = step.get("backfill") or step["broken"]
    return backfill(
        date_from=first,
        date_to=last,
        datasets=[Exported(name) for name in step.get("datasets", ["chats"])],
        force="broken" in step,
        concurrency=32,
    )


def perform(step: Step) -> None:
    os.environ["SMARTCONNECT_BASE_URL"] = step["url"]
    os.environ.update(step.get("env", {}))
    set_faults(step["url"], step["faults"])
    whole = stages.normalise_file
    if "broken" in step:
        stages.normalise_file = quoting  # type: ignore[assignment]
    try:
        asyncio.run(run_of(step))
    except Exception:  # noqa: BLE001  (how they are told is what is looked at)
        traceback.print_exc()
    finally:
        stages.normalise_file = whole


def name_of(fault: str) -> str:
    return fault.partition("@")[0].partition(":")[0]


def alone(fault: str, step: Step) -> Step:
    """Its day and no other: where 32 are asked for at once, a busy machine answers none in time."""
    day = fault.partition(":")[2]
    return {**step, "faults": [fault], **({"backfill": [day, day]} if day else {})}


def main(steps: list[Step]) -> None:
    logging.basicConfig(level=logging.DEBUG, force=True)
    for name in ("httpx", "httpcore", "prefect", "extract", "flows", "transform", "warehouse"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    for step in steps:
        perform(step)
    struck: dict[str, dict[str, int]] = {}
    for url in dict.fromkeys(step["url"] for step in steps):
        own = [step for step in steps if step["url"] == url]
        tried = {name_of(text): (text, step) for step in own for text in step["faults"]}
        for _ in range(TIMES):
            for name in tried.keys() - set_faults(url, []).keys():
                perform(alone(*tried[name]))
        struck[url] = set_faults(url, [])
    print("STRUCK", json.dumps(list(struck.values())), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
