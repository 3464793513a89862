"""Where the token may come from, and what is said where there is none or a refused one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.backfill import Exported, backfill
from flows.errors import NotConfigured
from flows.up import run_up
from sandbox.server import RunningSandbox
from warehouse.layout import DataDirectory
from warehouse.reading import query_release

BLOCK = "token-of-a-test"
flow_test = pytest.mark.filterwarnings("default")


def fill() -> None:
    window = {"date_from": "02.02.2026", "date_to": "02.02.2026"}
    asyncio.run(backfill(**window, datasets=[Exported.chats]))  # type: ignore[arg-type]


@pytest.fixture
def save_block(prefect_api: None) -> Iterator[Callable[[str], None]]:
    from prefect.blocks.system import Secret  # noqa: PLC0415  (Prefect's settings first)

    yield lambda token: Secret(value=token).save(BLOCK, overwrite=True, _sync=True)
    Secret.delete(BLOCK, _sync=True)


@pytest.mark.promise("secrets-token")
@flow_test
def test_a_prefect_secret_block_holds_the_token(
    save_block: Callable[[str], None],
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
) -> None:
    sandbox = start_sandbox(messages_per_day=20, token="a-canary-token")
    data = sandbox_settings(sandbox, TOKEN="", TOKEN_BLOCK=BLOCK, DATE_TO="inclusive")
    save_block(sandbox.token)
    fill()
    found = query_release(DataDirectory(data), "SELECT count(*) > 0 FROM chats")
    assert found.rows == [(True,)]
    kept = [path for path in data.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(kept) > 5
    assert not [path for path in kept if b"a-canary-token" in path.read_bytes()]


@flow_test
@pytest.mark.usefixtures("prefect_api")
def test_a_file_holds_the_token(
    start_sandbox: Callable[..., RunningSandbox],
    sandbox_settings: Callable[..., Path],
    tmp_path: Path,
) -> None:
    sandbox = start_sandbox(messages_per_day=20)
    (tmp_path / "token").write_text(f"{sandbox.token}\n")
    data = sandbox_settings(sandbox, TOKEN="", TOKEN_FILE="token", DATE_TO="inclusive")
    fill()
    assert (data / "current" / "warehouse.duckdb").exists()


@pytest.mark.promise("process-open-ui")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "etl.example.org"])
def test_up_listens_beyond_this_machine_only_with_a_password(
    host: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMARTCONNECT_TOKEN", "a-token")
    with pytest.raises(NotConfigured, match="set SMARTCONNECT_UI_PASSWORD"):
        run_up(sandbox=False, port=1, host=host)
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("SMARTCONNECT_UI_PASSWORD", "short")
    with pytest.raises(NotConfigured, match="SMARTCONNECT_UI_PASSWORD") as refused:
        run_up(sandbox=False, port=1, host=host)
    assert "'short'" not in str(refused.value)


def test_up_refuses_without_a_token_and_makes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TOKEN", "TOKEN_FILE", "TOKEN_BLOCK"):
        monkeypatch.delenv(f"SMARTCONNECT_{name}", raising=False)
    with pytest.raises(NotConfigured, match="No token, so nothing was started"):
        run_up(sandbox=False, port=1)
    assert not list(tmp_path.iterdir())
