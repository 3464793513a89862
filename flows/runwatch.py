"""The automations that mark a run as crashed that is no more, of whichever company."""

from __future__ import annotations

from datetime import timedelta

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from flows.alarms import ENDED, RUN, TAKEN

SILENT_AFTER = timedelta(seconds=90)
NEVER_BEGAN_AFTER = timedelta(minutes=5)
_PUT_BACK = {RUN + name for name in ("Scheduled", "Late", "AwaitingConcurrencySlot")}
_HEARTBEAT = RUN + "heartbeat"


def of_every_run() -> list[AutomationCore]:
    """The automations for runs of all companies: what says that a run is no more."""
    return [
        AutomationCore(
            name="smartconnect: a run died",
            description="Its heartbeats stopped: the process was killed, or the machine went down.",
            trigger=_silence({_HEARTBEAT}, {_HEARTBEAT, *ENDED}, SILENT_AFTER),
            actions=[_crashed("No heartbeat any more: the run's process is gone. Run it again.")],
        ),
        AutomationCore(
            name="smartconnect: a run never began",
            description="A worker took it and was gone before the run began.",
            trigger=_silence(
                TAKEN, {RUN + "Running", _HEARTBEAT, *_PUT_BACK, *ENDED}, NEVER_BEGAN_AFTER
            ),
            actions=[_crashed("A worker took the run and never began it. Run it again.")],
        ),
    ]


def _silence(after: set[str], expect: set[str], within: timedelta) -> EventTrigger:
    """Fires for a run of which nothing expected is heard in time."""
    return EventTrigger(
        after=after,
        expect=expect,
        match={"prefect.resource.id": f"{RUN}*"},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=within,
    )


def _crashed(message: str) -> ChangeFlowRunState:
    return ChangeFlowRunState(state=StateType.CRASHED, message=message, force=True)
