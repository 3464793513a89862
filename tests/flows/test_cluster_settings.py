"""What Prefect sends with each task is what it would send by itself, and made ready once."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.context import SettingsContext, serialize_context
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.cluster import settings_once


def test_a_task_takes_the_same_settings_along_and_they_are_made_ready_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []
    real = SettingsContext.serialize

    def counted(self: SettingsContext, include_secrets: bool = True) -> dict[str, Any]:
        made.append(self)
        return real(self, include_secrets)

    with temporary_settings({PREFECT_API_URL: "http://prefect.internal:4200/api"}):
        expected = serialize_context()
        monkeypatch.setattr(SettingsContext, "serialize", counted)
        with settings_once():
            assert [serialize_context() for _ in range(3)] == [expected] * 3
        assert len(made) == 1
        assert serialize_context() == expected
    assert expected["settings_context"]["settings"]["api"]["url"].startswith("http://prefect")
