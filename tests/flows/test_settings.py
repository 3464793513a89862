"""Every setting is in README with its default and its meaning, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.errors import NotConfigured
from flows.settings import Settings, load_settings

README = Path(__file__).parents[2] / "README.md"
BEGIN = "<!-- settings: made by tests/flows/test_settings.py, do not edit -->"
END = "<!-- /settings -->"


def settings_table() -> str:
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "" if default in (None, (), {}) else f"`{default}`"
        lines.append(f"| `SMARTCONNECT_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines)


def test_readme_lists_every_setting() -> None:
    """`UPDATE_DOCS=1 make test` writes the table anew."""
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    current = f"{before}{BEGIN}\n{settings_table()}\n{END}{after}"
    if os.environ.get("UPDATE_DOCS"):
        README.write_text(current, encoding="utf-8")
    assert README.read_text(encoding="utf-8") == current


def test_a_value_that_cannot_be_used_is_named_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMARTCONNECT_LOOKBACK_DAYS", "canary")
    with pytest.raises(NotConfigured, match="SMARTCONNECT_LOOKBACK_DAYS") as refused:
        load_settings()
    assert "canary" not in str(refused.value)


def test_the_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SMARTCONNECT_LOOKBACK_DAYS=5\nSMARTCONNECT_EXPORT_JOBS=2\n")
    monkeypatch.setenv("SMARTCONNECT_LOOKBACK_DAYS", "7")
    settings = load_settings()
    assert (settings.lookback_days, settings.export_jobs) == (7, 2)
