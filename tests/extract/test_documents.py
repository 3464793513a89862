"""The laws of shared documents: by one suite, for an object store over a real S3 protocol server
and for the keeper that tests of their users have.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from keeping import KeptHere
from s3server import S3Server, s3_server

from extract.documents import Documents, changed, understood
from extract.errors import KeeperUnusable
from flows.sharing import StoreDocuments
from warehouse.store import ObjectStore


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as found:
        yield found


@pytest.fixture(params=["store", "here"])
def documents(
    request: pytest.FixtureRequest, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Documents:
    if request.param == "here":
        return KeptHere(time.time)
    return stored(server, monkeypatch, request.node.name)


def stored(server: S3Server, monkeypatch: pytest.MonkeyPatch, name: str) -> StoreDocuments:
    for variable, value in server.environment.items():
        monkeypatch.setenv(variable, value)
    return StoreDocuments(ObjectStore(server.url(f"{abs(hash(name)):x}"), tries=2))


def test_a_document_is_written_only_over_what_was_read(documents: Documents) -> None:
    assert documents.read("one") is None
    first = documents.write_if("one", b"1", None)
    assert first is not None
    assert documents.write_if("one", b"2", None) is None
    assert documents.write_if("one", b"2", '"another"') is None
    found = documents.read("one")
    assert found is not None
    assert (found.content, found.etag) == (b"1", first)
    second = documents.write_if("one", b"2", first)
    assert second not in (None, first)
    assert documents.write_if("one", b"3", first) is None


def test_what_is_gone_is_not_written_over(documents: Documents) -> None:
    etag = documents.write_if("one", b"1", None)
    documents.remove("one")
    documents.remove("one")
    assert documents.write_if("one", b"2", etag) is None
    assert documents.read("one") is None


def test_a_repeated_write_that_was_done_counts_as_done(documents: Documents) -> None:
    first = documents.write_if("one", b"1", None)
    assert documents.write_if("one", b"1", None) == first


def test_a_listing_tells_keys_and_ages(documents: Documents) -> None:
    for key in ("requests/b", "requests/a", "sessions/a"):
        documents.write_if(key, b"1", None)
    time.sleep(2.1)
    documents.write_if("requests/c", b"1", None)
    ages = {named.key: named.age_seconds for named in documents.names("requests/")}
    assert sorted(ages) == ["requests/a", "requests/b", "requests/c"]
    assert 1 <= ages["requests/a"] <= 4
    assert ages["requests/c"] <= 1
    read = documents.read("requests/a")
    assert read is not None
    assert 1 <= read.age_seconds <= 4


def test_a_change_may_leave_it_as_it_is(documents: Documents) -> None:
    assert changed(documents, "one", lambda _: None) is None
    assert documents.read("one") is None
    assert changed(documents, "one", lambda said: {"n": said.get("n", 0) + 1}) == {"n": 1}


def test_what_another_program_wrote_is_told(documents: Documents) -> None:
    documents.write_if("one", b"[]", None)
    with pytest.raises(KeeperUnusable, match="isn't what this program writes"):
        changed(documents, "one", lambda said: said)


def test_a_lost_answer_is_no_refusal(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = stored(server, monkeypatch, "lost")
    server.misbehave({"method": "PUT", "key": "state/shared/one", "what": "lost"})
    etag = documents.write_if("one", b"1", None)
    found = documents.read("one")
    assert found is not None
    assert found.etag == etag


def test_a_store_that_is_away_is_told_by_how_to_recover(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = stored(server, monkeypatch, "away")
    server.misbehave({"method": "GET", "key": "state/shared/one", "what": "503", "times": 9})
    with pytest.raises(KeeperUnusable, match="Run again later"):
        documents.read("one")
    server.misbehave()


COUNT = """
import sys
from extract.documents import changed
from flows.sharing import StoreDocuments
from warehouse.store import ObjectStore

documents = StoreDocuments(ObjectStore(sys.argv[1]))
for _ in range(15):
    changed(documents, "count", lambda said: {"n": said.get("n", 0) + 1})
"""


@pytest.mark.promise("shared-one-holder")
def test_no_change_is_lost_between_processes(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = stored(server, monkeypatch, "count")
    url = server.url(f"{abs(hash('count')):x}")
    command = [sys.executable, "-c", COUNT, url]
    running = [subprocess.Popen(command, env={**server.environment}) for _ in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    assert understood("count", documents.read("count"))["n"] == 45
    assert json.loads((documents.read("count") or pytest.fail("gone")).content)["word"]
