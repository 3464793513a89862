"""Companies with published data, made once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import company, served


@pytest.fixture(scope="session")
def companies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`make`: invented conversations; `hostile`: those that want a browser to run something."""
    folder = tmp_path_factory.mktemp("companies")
    data = {what: folder / what / "data" for what in ("make", "hostile")}
    making = {what: company(what, path) for what, path in data.items()}
    for what, process in making.items():
        assert process.wait(300) == 0, (data[what].parent / f"{what}.log").read_text()
    return data


@pytest.fixture(scope="session")
def data(companies: dict[str, Path]) -> Path:
    """The data directory of a company."""
    return companies["make"]


@pytest.fixture(scope="module")
def dashboard(data: Path) -> Iterator[str]:
    """Its dashboard's address."""
    with served(data) as url:
        yield url
