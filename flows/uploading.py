"""A release on an object store, after a run published it here."""

from __future__ import annotations

from extract.errors import KeeperUnusable
from flows.handing import hand_over_now
from flows.mirroring import mirror_now, sentence
from flows.run import Run
from flows.stages import StageFailed, in_thread
from flows.summary import RunReport
from warehouse.errors import StoreUnavailable, WarehouseError
from warehouse.published import current_release


async def mirror_release(run: Run, report: RunReport) -> None:
    """Mirror what is published, also what an earlier run couldn't; says what became of it.

    A store that can't be reached is a warning, since the next run makes up for it. Whatever else
    went wrong is for a person: the run fails at its end (`finish`).
    """
    if run.settings.store is None or current_release(run.layout) is None:
        return
    try:
        await hand_over_now(run)
        told = await in_thread(mirror_now, run.settings, run.layout)
    except (StoreUnavailable, KeeperUnusable) as error:
        report.warnings.append(str(error))
    except (WarehouseError, StageFailed) as error:
        report.unmirrored = error
    else:
        said = told.new or told.elsewhere or told.put_back
        report.notes += [sentence(told)] if said else []
