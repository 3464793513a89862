"""`smartconnect companies`: how each company does, and one SQL script over all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from flows.companydeployments import TAG
from flows.companysettings import misnamed
from flows.completeness import State, told_by
from flows.errors import FlowError
from flows.personal import data_directory
from flows.settings import Settings, companies, home, load_settings, overridden_variables
from flows.settings.tokens import local_token
from flows.showing import shown_directory
from warehouse.companyviews import all_companies_sql
from warehouse.completeness import DAY_FACTS_SQL, day_facts
from warehouse.errors import WarehouseError
from warehouse.integrity import MANIFEST
from warehouse.published import Release, current_release, number_of
from warehouse.reading import query_release

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

NONE = "–"
NO_COMPANIES = (
    "There is one company only, that of .env. Another is added by a file companies/<key>.env with "
    "its token; then the first one needs a file of its own, too (docs/companies.md)."
)


@dataclass(frozen=True)
class CompanyLine:
    """How one company does; `problem` where that can't be told."""

    key: str
    nightly: str = NONE
    release: str = NONE
    published: str = NONE
    missing: str = NONE
    problem: str | None = None


def show_companies(console: Console) -> int:
    """Print the table of all companies; 1 if there are none, or one can't be looked at."""
    keys, wrong = companies(), misnamed(home())
    if not keys and not wrong:
        console.print(NO_COMPANIES, markup=False, highlight=False)
        return 1
    table = Table()
    for name in ("company", "last nightly", "release", "published", "days missing"):
        table.add_column(name, justify="left" if name == "company" else "right")
    nightlies = last_nightlies(keys)
    lines = [company_line(key, nightlies.get(key, NONE)) for key in keys]
    for line in lines:
        table.add_row(line.key, line.nightly, line.release, line.published, line.missing)
    console.print(table)
    problems = [*wrong, *(f"{line.key}: {line.problem}" for line in lines if line.problem)]
    for problem in problems:
        console.print(problem, style="red", markup=False, highlight=False, soft_wrap=True)
    for variable, whose in overridden_variables().items():
        console.print(
            f"{variable} of the environment overrides companies/{whose[0]}.env"
            + (f" and {len(whose) - 1} more." if whose[1:] else "."),
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    return 1 if problems else 0


def company_line(key: str, nightly: str) -> CompanyLine:
    """How one company does; what is wrong with one is no matter of the others."""
    try:
        settings = load_settings(key)
        layout = shown_directory(settings, data_directory(settings))
        release = current_release(layout)
        problem = _problem(settings)
        if release is None:
            return CompanyLine(key, nightly, problem=problem)
        days = told_by(settings, day_facts(query_release(layout, DAY_FACTS_SQL).rows))
        missing = [f"{len(d.of(State.MISSING))} {d.dataset}" for d in days if d.of(State.MISSING)]
        return CompanyLine(
            key,
            nightly,
            str(number_of(release)),
            _published(release, settings),
            ", ".join(missing) or "none",
            problem,
        )
    except (FlowError, WarehouseError) as error:
        return CompanyLine(key, nightly, problem=str(error))


def _problem(settings: Settings) -> str | None:
    if local_token(settings.company) is None:
        return f"no token in its file; its Secret block is {settings.token_block!r}."
    return None


def _published(release: Release, settings: Settings) -> str:
    told = json.loads((release.path / MANIFEST).read_text(encoding="utf-8"))
    return f"{datetime.fromisoformat(told['created_at']).astimezone(settings.zone):%d.%m.%Y %H:%M}"


def last_nightlies(keys: list[str]) -> Mapping[str, str]:
    """When each company's last nightly began, and how it ended; nothing without a server."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415  (only this needs Prefect)
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415

    if not PREFECT_API_URL.value():
        return {}
    with get_client(sync_client=True) as client:
        if client.api_healthcheck() is not None:
            return {}
        return dict(_last_nightlies(client, keys))


def _last_nightlies(client: SyncPrefectClient, keys: list[str]) -> Iterator[tuple[str, str]]:
    from prefect.client.schemas import filters  # noqa: PLC0415
    from prefect.client.schemas.sorting import FlowRunSort  # noqa: PLC0415

    for key in keys:
        tags = filters.FlowRunFilterTags(all_=[f"{TAG}{key}"])
        runs = client.read_flow_runs(
            flow_filter=filters.FlowFilter(name=filters.FlowFilterName(any_=["nightly"])),
            flow_run_filter=filters.FlowRunFilter(tags=tags),
            sort=FlowRunSort.START_TIME_DESC,
            limit=5,
        )
        begun = [run for run in runs if run.start_time is not None]
        if begun and (at := begun[0].start_time):
            yield key, f"{at.astimezone():%d.%m.%Y %H:%M} {begun[0].state_name}"


def show_sql(console: Console) -> int:
    """Print one script over all companies' releases, for `duckdb -init`."""
    try:
        every = [load_settings(key) for key in companies()]
        layouts = {s.company or "": shown_directory(s, data_directory(s)) for s in every}
        script = all_companies_sql(layouts)
    except (FlowError, WarehouseError) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    if not layouts:
        console.print(NO_COMPANIES, markup=False, highlight=False)
        return 1
    print(script, end="")  # noqa: T201  (a file's content, whatever the terminal's width)
    return 0
