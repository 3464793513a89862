"""An object store for the tests of a module, and prefixes of a test's own in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from s3server import S3Server, s3_server


@pytest.fixture(scope="module")
def object_store() -> Iterator[S3Server]:
    with s3_server() as found:
        yield found


@pytest.fixture
def store_url(
    object_store: S3Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A prefix of this test's own, and an environment that leads to it."""
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    yield object_store.url(f"{abs(hash(request.node.nodeid)):x}/company")
    object_store.misbehave()
