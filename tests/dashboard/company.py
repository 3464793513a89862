"""A company's published data for the dashboard's tests, made by the pipeline's own coroutines on a
real sandbox; Prefect's engine isn't around them, and this is a process of its own for it.

    python company.py make DATA         some days of invented conversations
    python company.py show DATA         two weeks of them, for the pictures of the docs
    python company.py hostile DATA      conversations that want a browser to run something
    python company.py churn DATA COUNT  so many publications, rollbacks and removals among them
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from crashing.stages import FIRST, layout_of, run_days, without_prefect

from flows.settings import load_settings
from sandbox.options import SandboxOptions
from sandbox.server import running_sandbox
from transform.datasets import DATASETS
from warehouse.database import open_writer
from warehouse.layout import DataDirectory
from warehouse.published import releases
from warehouse.releases import publish, publish_alone, rollback

DAYS = 5
TODAY = date(2026, 2, 8)
NASTY = (
    "<script>document.title='hacked'</script>",
    '"><img/src=x/onerror=alert(1)>',
    "';alert(1);//",
    "{{7*7}}{%raw%}${7*7}",
    "]]><svg/onload=alert(1)>",
    "\u202eevil\u2066RTL",
    "שלום-مرحبا",
    "javascript:alert(1)",
    "x" * 3000,
)


def hostile_corpus(path: Path) -> Path:
    """Operators, clients, channels and texts, all of them nasty; and many who are not."""
    operators = [f"{nasty}"[:60] for nasty in NASTY] + [f"operator-{n}" for n in range(31)]
    rows = []
    for number, (operator, hour) in enumerate(itertools.product(operators, range(9, 19, 2))):
        client = f"client-{number}" if number % 3 else NASTY[number % len(NASTY)][:40] + str(number)
        nasty, channel = NASTY[number % len(NASTY)], NASTY[(number // 3) % len(NASTY)][:80]
        day = (date(2026, 2, 2 + number % 3)).isoformat()
        rows.append((channel, day, f"{hour:02}:{number % 50:02}:00", client, nasty))
        answer = f"{client}: {nasty}"
        rows.append((channel, day, f"{hour:02}:{number % 50 + 5:02}:00", operator, answer))
    names = ("channel", "date", "time", "nick", "text")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    pq.write_table(pa.table(columns), path)
    return path


def use(data: Path, base_url: str, token: str) -> None:
    values = {
        "SANDBOX": "true",
        "DATA_DIR": str(data),
        "BASE_URL": base_url,
        "TOKEN": token,
        "POLL_FIRST_SECONDS": "0.02",
        "SELECTION": "message",
        "DATE_TO": "inclusive",
        "HOLD_BELOW_SHARE": "0",
    }
    os.environ.update({f"SMARTCONNECT_{name}": value for name, value in values.items()})


def make(data: Path, options: SandboxOptions, days: int) -> None:
    with running_sandbox(options) as running:
        use(data, running.base_url, running.token)
        asyncio.run(run_days(range(days), users=True))


def churn(data: Path, count: int) -> None:
    """Days get other content and are published; now and then readers are put back, and now and then
    every release but the newest goes at once, as after an erasure. Each is told in a line.
    """
    os.environ["SMARTCONNECT_KEEP_RELEASES"] = "2"
    for number in range(count):
        if number % 4 == 0:
            options = SandboxOptions(today=TODAY, seed=number + 2, messages_per_day=60)
            with running_sandbox(options) as running:
                use(data, running.base_url, running.token)
                days = [number % DAYS, (number + 1) % DAYS]
                asyncio.run(run_days(days, force=True, datasets=["chats"]))
            happened = "loaded"
        else:
            happened = changed(layout_of(load_settings()), number)
        print(json.dumps({"happened": happened}), flush=True)


def changed(layout: DataDirectory, number: int) -> str:
    """What needs no vendor."""
    if number % 4 == 3:
        rollback(layout, to=releases(layout)[0].number)
        return "rolled back"
    schemas = [dataset.arrow_schema() for dataset in DATASETS.values()]
    with open_writer(layout, holder="test", wait_seconds=10, schemas=schemas) as writer:
        writer.connection.execute("UPDATE meta.revision SET number = number + 1")
        if number % 4 == 1:
            assert publish(writer, keep=2)
            return "published"
        return f"alone, {publish_alone(writer)} removed"


def main(what: str, data: Path, *count: str) -> None:
    without_prefect()
    data.parent.mkdir(parents=True, exist_ok=True)
    os.chdir(data.parent)
    if what == "make":
        make(data, SandboxOptions(today=TODAY, messages_per_day=120), DAYS)
    elif what == "show":
        options = SandboxOptions(today=date(2026, 2, 16), messages_per_day=420, seed=5)
        make(data, options, 14)
    elif what == "hostile":
        corpus = hostile_corpus(data.parent / f"{data.name}.corpus.parquet")
        make(data, SandboxOptions(corpus=corpus, corpus_start=FIRST, today=TODAY), 3)
    else:
        churn(data, int(count[0]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve(), *sys.argv[3:])
