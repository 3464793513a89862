"""The token is that of its source at each call: one that is rotated is found at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.errors import NotConfigured
from flows.settings import load_settings
from flows.settings.tokens import token_source


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("SMARTCONNECT_")]:
        monkeypatch.delenv(name)
    return tmp_path


def in_dot_env(home: Path, token: str) -> None:
    (home / ".env").write_text(f"SMARTCONNECT_TOKEN={token}\n")


def in_a_new_dot_env(home: Path, token: str) -> None:
    (home / ".env.new").write_text(f"SMARTCONNECT_TOKEN={token}\n")
    (home / ".env.new").replace(home / ".env")


def in_a_file(home: Path, token: str) -> None:
    (home / "token").write_text(f"{token}\n")
    (home / ".env").write_text("SMARTCONNECT_TOKEN_FILE=token\n")


def in_the_environment(_: Path, token: str) -> None:
    os.environ["SMARTCONNECT_TOKEN"] = token


@pytest.mark.parametrize(
    "put",
    [in_dot_env, in_a_new_dot_env, in_a_file, in_the_environment],
    ids=lambda put: put.__name__,
)
def test_a_rotated_token_is_found_at_the_next_call(
    put: Callable[[Path, str], None], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTCONNECT_TOKEN", "")
    put(home, "token-1")
    if put is not in_the_environment:
        monkeypatch.delenv("SMARTCONNECT_TOKEN")
    read = token_source(load_settings())
    assert [read(), read()] == ["token-1", "token-1"]
    put(home, "token-2")
    assert read() == "token-2"


def test_a_token_that_is_taken_away_is_said(home: Path) -> None:
    in_a_file(home, "token-1")
    read = token_source(load_settings())
    (home / "token").unlink()
    with pytest.raises(NotConfigured, match="can't be read"):
        read()


def test_settings_are_read_once_while_nothing_they_come_from_changes(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_dot_env(home, "token-1")
    read = token_source(load_settings())
    monkeypatch.setattr("flows.settings.tokens.load_settings", lambda _: pytest.fail("read again"))
    assert {read() for _ in range(5)} == {"token-1"}
