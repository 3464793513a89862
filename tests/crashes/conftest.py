"""The forking process that all tests of crashes share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from crashing.rehearsal import Zygote, zygote


@pytest.fixture(scope="session")
def forking() -> Iterator[Zygote]:
    with zygote() as found:
        yield found
