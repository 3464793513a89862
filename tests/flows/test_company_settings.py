"""Whose settings are whose: of several companies, each has its own token, places and schedule."""

from __future__ import annotations

import os
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.cli import app
from flows.companydeployments import MINUTES_AN_HOUR, SPREAD_MINUTES, of_company, shifted
from flows.companysettings import OWN
from flows.errors import NotConfigured
from flows.personal import data_directory
from flows.settings import (
    Settings,
    companies,
    company_problems,
    load_settings,
    overridden_variables,
)
from flows.settings.tokens import local_token, token_source
from flows.upcompanies import company_processes
from warehouse.errors import OtherOrigin
from warehouse.layout import DataDirectory

KEYS = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=40)
TOKENS = st.text(string.ascii_letters + string.digits, min_size=8, max_size=20)


@contextmanager
def installed(files: dict[str, str], shared: str = "", **variables: str) -> Iterator[Path]:
    """A home with these companies, an `.env`, and nothing else of the pipeline's environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SMARTCONNECT_")}
    with TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "companies").mkdir()
        (home / ".env").write_text(shared)
        for key, text in files.items():
            (home / "companies" / f"{key}.env").write_text(text)
        told = {**kept, "SMARTCONNECT_HOME": folder, **variables}
        with mock.patch.dict(os.environ, told, clear=True):
            yield home


def test_a_company_has_its_own_file_over_what_all_share() -> None:
    shared = "SMARTCONNECT_EXPORT_JOBS=2\nSMARTCONNECT_LOOKBACK_DAYS=4\n"
    acme = "SMARTCONNECT_TOKEN=token-of-acme\nSMARTCONNECT_LOOKBACK_DAYS=9\n"
    with installed({"acme": acme, "b-2": ""}, shared) as home:
        found, other = load_settings("acme"), load_settings("b-2")
        assert (found.export_jobs, found.lookback_days, found.company) == (2, 9, "acme")
        assert (other.export_jobs, other.lookback_days, other.company) == (2, 4, "b-2")
        assert found.data_root == (home / "data" / "company=acme").resolve()
        assert (found.report_company, found.token_block) == ("acme", "smartconnect-token-acme")
        assert companies() == ["acme", "b-2"]


def test_what_all_share_is_a_prefix_and_what_is_a_company_s_own_is_taken_as_it_is() -> None:
    shared = "SMARTCONNECT_STORE_URL=s3://lake/x/\nSMARTCONNECT_DATA_DIR=/srv/data\n"
    own = "SMARTCONNECT_STORE_URL=s3://acme\nSMARTCONNECT_DATA_DIR=/srv/acme\n"
    with installed({"acme": own, "b": ""}, shared):
        assert load_settings("b").store_url == "s3://lake/x/company=b"
        assert load_settings("b").data_dir == Path("/srv/data/company=b")
        assert load_settings("acme").store_url == "s3://acme"
        assert load_settings("acme").data_dir == Path("/srv/acme")


def test_the_environment_overrides_a_company_s_file_and_that_is_told() -> None:
    files = {"acme": "SMARTCONNECT_EXPORT_JOBS=3\n", "b": ""}
    with installed(files, SMARTCONNECT_EXPORT_JOBS="7"):
        assert load_settings("acme").export_jobs == 7
        assert overridden_variables() == {"SMARTCONNECT_EXPORT_JOBS": ["acme"]}


@pytest.mark.promise("companies-token")
def test_a_token_for_all_is_nobody_s() -> None:
    """An image or a unit may set one for every process: it must not load one company as another."""
    files = {"acme": "SMARTCONNECT_TOKEN=token-of-acme\n", "b": ""}
    token = {"SMARTCONNECT_TOKEN": "token-of-all"}
    with installed(files, "SMARTCONNECT_TOKEN_FILE=/nowhere\n", **token):
        assert local_token("acme") == "token-of-acme"
        assert local_token("b") is None
    own = {"SMARTCONNECT_COMPANY_B__TOKEN": "token-of-b"}
    with installed(files, **token, **own):
        assert local_token("b") == "token-of-b"
        assert local_token("acme") == "token-of-acme"


@pytest.mark.promise("companies-token")
@settings(max_examples=25, deadline=None)
@given(st.dictionaries(KEYS, TOKENS, min_size=2, max_size=4), TOKENS, st.booleans())
def test_nothing_that_is_one_company_s_is_ever_another_s(
    tokens: dict[str, str], shared: str, in_environment: bool
) -> None:
    """Whatever the keys: no token, place or block is shared by two, nor is what is set for all."""
    files = {key: f"SMARTCONNECT_TOKEN={key}.{token}\n" for key, token in tokens.items()}
    common = f"SMARTCONNECT_TOKEN={shared}\nSMARTCONNECT_STORE_URL=s3://lake\n"
    more = {"SMARTCONNECT_TOKEN": shared} if in_environment else {}
    with installed(files, common, **more):
        found = {key: load_settings(key) for key in tokens}
        for key, its in found.items():
            assert token_source(its)() == f"{key}.{tokens[key]}"
            assert its.company == key
        for name in ("data_root", "store", "token_block", "report_company"):
            assert len({getattr(its, name) for its in found.values()}) == len(tokens)
        roots = [its.data_root for its in found.values()]
        assert not any(one in other.parents for one in roots for other in roots)


@pytest.mark.promise("companies-token")
def test_no_company_in_particular_reads_or_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with installed({"acme": "", "b": ""}, "SMARTCONNECT_TOKEN=first\n"):
        for use in (data_directory, token_source):
            with pytest.raises(NotConfigured, match=r"Which company\? There are acme, b\."):
                use(load_settings())  # type: ignore[operator]
        told = CliRunner().invoke(app, ["rollback"])
        assert told.exit_code == 1
        assert "--company acme" in " ".join(told.output.split())
        monkeypatch.setenv("SMARTCONNECT_COMPANY", "nobody")
        with pytest.raises(NotConfigured, match="There is no company 'nobody': There are acme, b"):
            load_settings()


def test_invented_data_is_no_company_s() -> None:
    with installed({"acme": ""}, SMARTCONNECT_SANDBOX="true", SMARTCONNECT_COMPANY="acme"):
        assert load_settings().company is None
        assert data_directory(load_settings()).company is None
    with installed({"acme": ""}):
        told = CliRunner().invoke(app, ["--company", "acme", "status", "--sandbox"])
        assert told.exit_code == 1


def test_what_is_wrong_with_one_company_is_told_and_is_no_other_s_matter() -> None:
    broken = "SMARTCONNECT_EXPORT_JOBS=canary\n"
    with installed({"acme": "SMARTCONNECT_TOKEN=t\n", "b": broken, "C_d": ""}):
        assert load_settings("acme").company == "acme"
        told = " ".join(company_problems())
        assert "company b can't be used: SMARTCONNECT_EXPORT_JOBS" in told
        assert "C_d.env names no company" in told
        assert "canary" not in told


def test_the_chosen_company_is_no_matter_of_a_file() -> None:
    with (
        installed({"acme": ""}, "SMARTCONNECT_COMPANY=acme\n"),
        pytest.raises(NotConfigured, match=r"SMARTCONNECT_COMPANY is in \.env"),
    ):
        load_settings()


def test_two_processes_of_companies_never_want_one_port(tmp_path: Path) -> None:
    secret = "SMARTCONNECT_TOKEN=t\nSMARTCONNECT_CALLBACK_SECRET=0123456789abcdef{key}\n"
    files = {key: secret.format(key=key) for key in ("acme", "b")}
    with installed(files), pytest.raises(NotConfigured, match="set SMARTCONNECT_CALLBACK_PORT in"):
        company_processes(["acme", "b"], 4200)
    files["b"] += "SMARTCONNECT_CALLBACK_PORT=4281\nSMARTCONNECT_DASHBOARD_PORT=4281\n"
    with installed(files), pytest.raises(NotConfigured, match="set SMARTCONNECT_DASHBOARD_PORT"):
        company_processes(["acme", "b"], 4200)
    files["b"] = files["b"].replace("PORT=4281\nSMARTCONNECT_DASH", "PORT=4282\nSMARTCONNECT_DASH")
    with installed({**files, "c": ""}):
        services, problems = company_processes(["acme", "b", "c"], 4200)
        assert [s.name for s in services] == ["callbacks-acme", "callbacks-b", "dashboard-b"]
        assert [p.partition(":")[0] for p in problems] == ["No token for company c"]
    with installed({"c": ""}), pytest.raises(NotConfigured, match="No company can work"):
        company_processes(["c"], 4200)


@pytest.mark.promise("companies-directory")
def test_a_directory_keeps_its_company(tmp_path: Path) -> None:
    def directory(company: str | None) -> DataDirectory:
        return DataDirectory(tmp_path / "data", company=company)

    directory(None).initialise("vendor.ru")
    directory("acme").initialise("vendor.ru")  # the only company's so far, now under its key
    assert directory("acme").origin == "vendor.ru, company acme"
    assert directory("acme").staging().company == "acme"
    for other, host in (("b", "vendor.ru"), (None, "vendor.ru"), ("acme", "other.ru")):
        with pytest.raises(OtherOrigin, match=r"holds data of vendor\.ru, company acme"):
            directory(other).initialise(host)


def test_the_folder_of_all_companies_can_be_entered_whatever_the_umask(tmp_path: Path) -> None:
    root = tmp_path / "home" / "data"
    (tmp_path / "home").mkdir()
    before = os.umask(0o077)
    try:
        DataDirectory(root / "company=a", company="a").initialise("vendor.ru")
    finally:
        os.umask(before)
    assert oct(root.stat().st_mode & 0o777) == "0o755"
    assert [path.name for path in root.iterdir()] == ["company=a"]
    root.chmod(0o711)
    DataDirectory(root / "company=b", company="b").initialise("vendor.ru")
    assert oct(root.stat().st_mode & 0o777) == "0o711"  # what the operator gave it stays


@given(KEYS, st.integers(0, 59), st.sampled_from(["3 * * *", "8 1 * *", "* * * 1"]))
def test_schedules_are_a_little_apart_within_their_hour(key: str, minute: int, rest: str) -> None:
    moved, _, kept = shifted(f"{minute} {rest}", key).partition(" ")
    assert kept == rest
    assert minute <= int(moved) < min(minute + SPREAD_MINUTES, MINUTES_AN_HOUR)
    assert shifted(f"{minute} {rest}", key) == f"{moved} {rest}"
    assert shifted(f"1,2 {rest}", key) == f"1,2 {rest}"
    begins, _, step = shifted(f"*/5 {rest}", key).partition(" ")[0].partition("-59/")
    assert (int(begins) < 5, step) == (True, "5")


def test_fifty_nightlies_do_not_begin_at_once() -> None:
    begun = [shifted("15 3 * * *", f"company-{n}") for n in range(50)]
    assert max(map(begun.count, begun)) <= 6


@pytest.mark.promise("companies-apart")
def test_a_deployment_of_a_company_is_told_whose_it_is() -> None:
    config = {
        "name": "nightly",
        "entrypoint": "flows.nightly.nightly",
        "work_pool": {"name": "smartconnect"},
        "schedules": [{"cron": "15 3 * * *", "timezone": "Europe/Moscow"}],
        "concurrency_limit": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
    }
    asia = "SMARTCONNECT_TIME_ZONE=Asia/Yekaterinburg\n"
    with installed({"acme": asia + 'SMARTCONNECT_NIGHTLY_CRON="5 1 * * *"\n', "b": asia}):
        acme, b = (of_company(config, load_settings(key)) for key in ("acme", "b"))
    assert acme["name"] == "nightly-acme"
    assert acme["tags"] == ["company:acme"]
    assert acme["work_pool"]["job_variables"]["env"] == {"SMARTCONNECT_COMPANY": "acme"}
    assert acme["schedules"] == [{"cron": "5 1 * * *", "timezone": "Asia/Yekaterinburg"}]
    assert b["schedules"][0]["timezone"] == "Asia/Yekaterinburg"
    assert b["concurrency_limit"] == config["concurrency_limit"]
    assert "tags" not in config


def test_every_setting_of_one_company_s_own_is_a_setting() -> None:
    assert set(OWN) <= set(Settings.model_fields)
