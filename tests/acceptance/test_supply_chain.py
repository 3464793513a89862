"""What is installed is what is locked, and an audit that looked at nothing never says "none"."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))


@pytest.fixture
def verdict() -> Callable[[dict[str, Any]], tuple[int, list[str]]]:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.verdict  # type: ignore[no-any-return]


def package(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "version": "1.0", **more}


@pytest.mark.promise("supply-audit")
def test_a_vulnerable_package_fails(verdict: Callable[..., tuple[int, list[str]]]) -> None:
    found = [{"id": "CVE-1", "fix_versions": ["1.1"]}]
    code, lines = verdict({"dependencies": [package("a", vulns=found), package("b", vulns=[])]})
    assert code == 1
    assert lines == [
        "VULNERABLE: a 1.0: CVE-1 (mended in 1.1)",
        "2 locked packages audited, 1 vulnerable.",
    ]


@pytest.mark.promise("supply-audit")
@pytest.mark.parametrize("report", [{}, {"dependencies": [package("a", skip_reason="offline")]}])
def test_an_audit_without_its_data_says_so_loudly(
    verdict: Callable[..., tuple[int, list[str]]], report: dict[str, Any]
) -> None:
    code, lines = verdict(report)
    assert code == 0
    assert [line for line in lines if line.startswith("NOT AUDITED: ")] == lines != []


@pytest.mark.promise("supply-audit")
def test_a_package_that_was_left_out_is_named(
    verdict: Callable[..., tuple[int, list[str]]],
) -> None:
    report = {"dependencies": [package("a", vulns=[]), package("b", skip_reason="unknown")]}
    assert verdict(report) == (
        0,
        ["NOT AUDITED: b", "1 locked packages audited, 0 vulnerable."],
    )


@pytest.mark.promise("supply-locked")
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_package_has_its_hashes_and_no_lock_names_a_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    entries = [block for block in re.split(r"\n(?=[a-z0-9])", text) if "==" in block]
    assert entries, "an empty lock"
    assert [entry.split("==")[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert not re.search(r"https?://|file:", text)


@pytest.mark.promise("supply-locked")
def test_nothing_is_installed_without_its_hash() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installs = [
        line for line in makefile.splitlines() if "pip install" in line.replace("$(PIP)", "pip")
    ]
    loose = [
        line for line in installs if "--require-hashes" not in line and "--editable ." not in line
    ]
    assert [line for line in loose if not line.startswith("#")] == []
