"""Readers over HTTP while releases are published, rolled back and removed by a process of its own:
no error, and every page is one whole release's.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import threading
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from serving import company, served

PUBLICATIONS, LONG_PUBLICATIONS = 21, 120
PLACES = (
    "/?lang=en&from=2026-02-02&to=2026-02-06",
    "/threads?kind=active&lang=en&from=2026-02-02&to=2026-02-06",
    "/table?of=channels&lang=en&from=2026-02-02&to=2026-02-06",
)
_TILE = re.compile(r'data-measure="(\w+)">.*?class="value">(?:<a[^>]*>)?([\d,]+)', re.DOTALL)
_CELL = re.compile(r'data-value="(\w+)">(?:<a[^>]*>)?([\d,]+)')


def number(text: str) -> int:
    return int(text.replace(",", ""))


class Reader(threading.Thread):
    """Asks for pages again and again, as a browser would; keeps what was wrong."""

    def __init__(self, url: str, place: str) -> None:
        super().__init__(name=f"reader of {place}")
        self.parts, self.place = urlsplit(url), place
        self.done = threading.Event()
        self.wrong: list[str] = []
        self.seen: dict[str, set[tuple[int, ...]]] = defaultdict(set)
        self.pages = 0

    def run(self) -> None:
        while not self.done.is_set():
            try:
                self.look()
            except Exception as error:  # noqa: BLE001  (whatever it is, it is what the test is about)
                self.wrong.append(f"{type(error).__name__}: {error}")

    def look(self) -> None:
        connection = http.client.HTTPConnection(
            self.parts.hostname or "", self.parts.port, timeout=60
        )
        connection.request("GET", self.place)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        self.pages += 1
        release = re.search(r'data-release="(\d+)"', body)
        if answer.status != 200 or release is None:
            self.wrong.append(f"{answer.status}: {body[:2000]}")
            return
        self.seen[release[1]].add(self.told(body))

    def told(self, body: str) -> tuple[int, ...]:
        """The page's numbers; those of its parts must add up to those of the whole."""
        if "/threads" in self.place:
            total = re.search(r'data-total="(\d+)"', body)
            assert total is not None
            rows = body.count("/thread?")
            assert rows == min(int(total[1]), 50), (rows, total[1])
            return (int(total[1]),)
        (table,) = re.findall(r'<table data-table="channels">.*?</table>', body, re.DOTALL)
        cells = [(name, number(value)) for name, value in _CELL.findall(table)]
        of_channels = [value for name, value in cells if name == "messages_in"]
        if "/table" in self.place:
            return tuple(of_channels)
        tiles = {name: number(value) for name, value in _TILE.findall(body)}
        assert sum(of_channels) == tiles["messages_in"], (of_channels, tiles)
        (days,) = re.findall(r'<figure[^>]*id="chart-days".*?</figure>', body, re.DOTALL)
        described = re.search(r"<desc[^>]*>(.*?)</desc>", days, re.DOTALL)
        assert described is not None
        of_days = re.findall(r"([\d,]+) messages? (?:from|of|by) clients?", described[1])
        assert sum(map(number, of_days)) == tiles["messages_in"], (of_days, tiles)
        return tuple(tiles.values())


@pytest.mark.rehearsal
@pytest.mark.slow
@pytest.mark.promise("dashboard-no-error", "dashboard-one-release")
def test_every_page_is_whole_while_releases_come_and_go(
    data: Path, tmp_path: Path, long_run: bool
) -> None:
    mine = tmp_path / "data"
    shutil.copytree(data, mine, symlinks=True)
    with served(mine) as url:
        readers = [Reader(url, place) for place in PLACES]
        for reader in readers:
            reader.start()
        try:
            count = LONG_PUBLICATIONS if long_run else PUBLICATIONS
            process = company("churn", mine, str(count))
            assert process.stdout is not None
            with process.stdout as told:
                lines = [json.loads(line) for line in told if line.startswith("{")]
            assert process.wait(600) == 0, (mine.parent / "churn.log").read_text()
        finally:
            for reader in readers:
                reader.done.set()
            for reader in readers:
                reader.join(120)
    happened = [line["happened"].partition(",")[0] for line in lines]
    assert len(happened) == count
    assert {"loaded", "published", "alone", "rolled back"} <= set(happened)
    assert [problem for reader in readers for problem in reader.wrong] == []
    assert sum(reader.pages for reader in readers) > count
    for reader in readers:
        assert len(reader.seen) > 2
        # Whoever asks for a release gets the same numbers of it, whoever asks, whenever.
        assert {release for release, told_of in reader.seen.items() if len(told_of) > 1} == set()
    assert len({told for told_of in readers[2].seen.values() for told in told_of}) > 2
