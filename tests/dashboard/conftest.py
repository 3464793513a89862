"""Companies with published data, made once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import company, served


def made(what: str, factory: pytest.TempPathFactory) -> Path:
    data = factory.mktemp(what) / "data"
    process = company(what, data)
    assert process.wait(300) == 0, (data.parent / f"{what}.log").read_text(encoding="utf-8")
    return data


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a company: some days of invented conversations."""
    return made("make", tmp_path_factory)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another's: of people who want a browser to run something."""
    return made("hostile", tmp_path_factory)


@pytest.fixture(scope="module")
def dashboard(data: Path) -> Iterator[str]:
    """Its dashboard's address."""
    with served(data) as url:
        yield url
