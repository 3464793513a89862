"""After a run's loads: do ledger, lake, database, release and statistics tell the same of each day?

What disagrees is a warning with days and numbers, in the summary and as an artifact; nothing is
mended by itself, since nobody can know which of the two is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from prefect.artifacts import acreate_markdown_artifact

from flows import telling
from flows.completeness import EXPORTED, ranges
from flows.run import Run
from warehouse.database import Writer
from warehouse.messagecounts import compare_statistics
from warehouse.published import current_release, newest_revision
from warehouse.reconciling import (
    MESSAGE_MEASURES,
    Comparison,
    compare_days,
    compare_release,
    keep_comparisons,
)

DAYS_A_NIGHT = 14
_WRITTEN_INTO = "the release was changed: run a backfill with force=true for a new one"
CURES = {
    "rows in the lake file": "the file was changed or removed: backfill these days with force=true",
    "rows in the database": "the database was changed by hand: run `smartconnect rebuild`",
    "rows the ledger accounts for": "the ledger was changed by hand: run `smartconnect rebuild`",
    "rows in the release's database": _WRITTEN_INTO,
    "rows in the release's Parquet": _WRITTEN_INTO,
}
STATISTICS_CURE = (
    "the two exports of the vendor disagree: look whether rows came late or were quarantined, then "
    "backfill these days; if it stays, ask SmartConnect what its statistics count"
)


def share_of_night(days: int, today: date) -> tuple[int, int]:
    """Which days tonight's run looks into whatever came: of three years, each in eleven weeks."""
    every = max(1, -(-days // DAYS_A_NIGHT))
    return today.toordinal() % every, every


def reconcile(writer: Writer, run: Run) -> list[Comparison]:
    """Compare everything before a release; what is found goes into meta.reconciliation."""
    told: list[Comparison] = []
    for dataset in EXPORTED:
        told += compare_days(writer, dataset, _share(writer, dataset, run))
    told += compare_statistics(writer, _share(writer, "chats", run))
    keep_comparisons(writer, told)
    return told


def reconcile_release(writer: Writer, run: Run) -> list[Comparison]:
    """Compare the database with the release that readers see, where it was made of just this."""
    release = current_release(writer.layout)
    row = writer.connection.execute("SELECT number FROM meta.revision").fetchone()
    if release is None or row is None or newest_revision(writer.layout) != row[0]:
        return []
    told: list[Comparison] = []
    for dataset in EXPORTED:
        share = _share(writer, dataset, run)
        told += compare_release(writer, release, dataset, share)
    return told


def _share(writer: Writer, dataset: str, run: Run) -> tuple[int, int]:
    row = writer.connection.execute(
        "SELECT count(*) FROM meta.days WHERE dataset = ?", [dataset]
    ).fetchone()
    return share_of_night(int(row[0]) if row else 0, run.settings.today().date())


def warnings(told: Sequence[Comparison]) -> list[str]:
    """A sentence for each kind of disagreement: how many days, which, what to do."""
    kinds = dict.fromkeys((c.dataset, c.compared) for c in told if not c.agrees)
    said = []
    for dataset, compared in kinds:
        wrong = [c for c in told if (c.dataset, c.compared) == (dataset, compared) and not c.agrees]
        first = wrong[0]
        days = ", ".join(ranges(c.window_day for c in wrong)[:6])
        found = "nothing" if first.found is None else f"{first.found:,}"
        said.append(
            f"Disagreement: {dataset}, {compared}: {len(wrong)} "
            f"{'day' if len(wrong) == 1 else 'days'} ({days}), the first {found} where "
            f"{first.expected:,} should be; {CURES.get(compared, STATISTICS_CURE)}."
        )
    return said


def not_comparable(told: Sequence[Comparison]) -> str | None:
    """Where the statistics export brings no column that counts messages: say so."""
    if any(c.dataset == "statistics" and c.compared in MESSAGE_MEASURES for c in told):
        return None
    return (
        "Statistics could not be compared with chats: their files bring none of the columns "
        f"{', '.join(MESSAGE_MEASURES)}, or no day has both."
    )


async def tell(told: Sequence[Comparison]) -> None:
    """The disagreements as an artifact: days and numbers, no names or texts."""
    wrong = sorted(c for c in told if not c.agrees)
    if not wrong:
        return
    lines = [
        f"| {c.dataset} | {c.window_day:%d.%m.%Y} | {c.compared} | {c.expected:,} | "
        f"{'nothing' if c.found is None else f'{c.found:,}'} |"
        for c in wrong
    ]
    head = "| dataset | day | compared | should be | is |\n|---|---|---|---|---|\n"
    said = "".join(f"- {line}\n" for line in warnings(wrong))
    artifact = acreate_markdown_artifact(
        markdown=f"## Counts that disagree\n\n{said}\n{head}" + "\n".join(lines) + "\n",
        key=telling.artifact_key("reconciliation"),
        description=f"{len(wrong)} counts disagree",
    )
    await telling.tell(artifact)
