"""The course of a chaos run: storms of faults and kills, then calm, convergence, verdict, drill."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx

from chaos.lanes import Ended, Lanes, Runner
from chaos.plan import Plan, RunPlan, ddmmyyyy
from chaos.processes import PrefectServer
from chaos.report import Tally, Teller
from chaos.verdict import CHATS, Truth, Verdict, hash_of, judge
from chaos.world import World
from warehouse.layout import DataDirectory
from warehouse.raw import raw_observations
from warehouse.reading import query_release

LANES = 2
STORM_SECONDS = 25.0
STORMS_A_PHASE = 3
ROUNDS_AT_MOST = 3
TICK_SECONDS = 0.25
SOME_DAY = """
    SELECT window_day FROM meta.days WHERE dataset = 'chats' AND rows > 0
    ORDER BY md5(file_sha256) LIMIT 1"""
FREEZE_SECONDS, SERVER_AWAY_SECONDS = 1.5, 2.0


class Course:
    """Phases until the time is up.

    Args:
        plan: what is drawn.
        runner: starts runs.
        server: Prefect's.
        tally: takes the counts.
        tell: follows along.
        goes_on: whether there is another storm.
    """

    def __init__(
        self,
        plan: Plan,
        runner: Runner,
        server: PrefectServer,
        tally: Tally,
        tell: Teller,
        goes_on: Callable[[], bool],
    ) -> None:
        self._plan = plan
        self._runner = runner
        self._server = server
        self._tally = tally
        self._tell = tell
        self._began = time.monotonic()
        self._goes_on = goes_on
        self._lock = threading.Lock()
        self._drawn = 0
        self._storms = 0
        self._worlds: list[World] = []

    def phase(self, number: int, world: World) -> None:
        """Storms over one company, until it is calm and right again."""
        form = self._plan.form(number)
        self._tally.forms.append(str(form))
        self._tell.line(f"phase {number + 1}: {world.plan.name}, files {form}")
        world.faults = []
        world.open(form)
        if world not in self._worlds:
            self._worlds.append(world)
            self._begin(world)
        storms = 0
        while storms < STORMS_A_PHASE and self._goes_on():
            self._storm(world)
            storms += 1
        world.misbehave([])
        if self._converge(world):
            self._drill(world, self._plan.drill(number))
            for path in leftovers(world.data):
                self._problem(f"{world.plan.name}: {path} was left by a run that is no more")
        self._tally.phases += 1
        self._count_faults()

    def _begin(self, world: World) -> None:
        """What the vendor means is found out while it behaves; kills there are."""
        self._runner.run(world, self._plan.run(-len(self._worlds), world.days))
        ended = self._runner.run(world, RunPlan("nightly"))
        if ended.code:
            self._problem(f"{world.plan.name}: the first nightly failed: see {ended.log}")

    def _storm(self, world: World) -> None:
        faults = self._plan.faults(world.days)
        self._tell.line(f"  storm {self._storms + 1}: {' '.join(faults)}")
        world.misbehave(faults)
        began, events = time.monotonic(), self._plan.events(self._storms)
        self._storms += 1

        def one() -> Ended:
            with self._lock:
                self._drawn += 1
                drawn = self._drawn
            return self._runner.run(world, self._plan.run(drawn, world.days))

        with Lanes(LANES, one, self._problem):
            while (now := time.monotonic() - began) < STORM_SECONDS and self._goes_on():
                while events and now >= events[0][0] * STORM_SECONDS:
                    self._event(world, events.pop(0)[1])
                self._count_faults()
                self._tell.tick(time.monotonic() - self._began, self._tally)
                time.sleep(TICK_SECONDS)

    def _event(self, world: World, name: str) -> None:
        self._tell.line(f"    {name}")
        if name == "token-rotated":
            world.rotate_token()
        elif name == "sandbox-restarted":
            world.reopen()
        elif name == "sandbox-frozen":
            world.sandbox.freeze(FREEZE_SECONDS)
        elif name == "server-killed":
            self._server.bounce(SERVER_AWAY_SECONDS)
        self._tally.events[name] += 1

    def _converge(self, world: World) -> bool:
        """By ordinary means alone: the backfill of all days, and the nightly, a few times."""
        verdict = Verdict(wrong=["nothing was judged"])
        whole = {"date_from": ddmmyyyy(world.days[0]), "date_to": ddmmyyyy(world.days[-1])}
        for number in range(1, ROUNDS_AT_MOST + 1):
            codes = [
                self._runner.run(world, plan).code
                for plan in (RunPlan("backfill", dict(whole)), RunPlan("nightly"))
            ]
            verdict = self._judged(world)
            if verdict.good and codes == [0, 0]:
                self._tally.rounds_to_converge.append(number)
                self._tell.line(f"  right again after {number}: {verdict.rows:,} rows compared")
                self._tally.rows += verdict.rows
                return True
            said = "; ".join(verdict.lines()) or f"runs ended with {codes}"
            self._tell.line(f"  round {number}: {said}")
        self._blame(world, verdict, f"not right after {ROUNDS_AT_MOST} rounds")
        return False

    def _judged(self, world: World) -> Verdict:
        days = world.days
        truth = Truth(
            {day: world.truth(day) for day in days},
            world.hashes(),
            {day: world.statistics(day) for day in days},
            world.users(),
        )
        return judge(world.data, truth)

    def _blame(self, world: World, verdict: Verdict, when: str) -> None:
        self._tally.lost += len(verdict.lost)
        self._tally.doubled += len(verdict.doubled)
        for line in verdict.lines() or ["runs failed, though all rows are right"]:
            self._problem(f"{world.plan.name}, {when}: {line}")

    def _drill(self, world: World, name: str) -> None:
        """Something that a calm company must survive too; afterwards it is right as before."""
        wrong = self._rebuilt(world) if name == "rebuild" else self._raw_corrupted(world)
        self._tally.drills[name] += 1
        if wrong:
            self._problem(f"{world.plan.name}, drill {name}: {wrong}")
        verdict = self._judged(world)
        if not verdict.good:
            self._blame(world, verdict, f"after the drill {name}")

    def _rebuilt(self, world: World) -> str:
        """Everything from raw again, and a day loaded once more over what that made."""
        said = self._runner.run(world, RunPlan("rebuild")).said()
        if "Nothing was changed" in said or "Traceback" in said:
            return said[-500:]
        day = ddmmyyyy(world.days[-1])
        given: dict[str, object] = {"date_from": day, "date_to": day, "force": True}
        again = self._runner.run(world, RunPlan("backfill", given))
        return f"a forced load ended with code {again.code}" if again.code else ""

    def _raw_corrupted(self, world: World) -> str:
        """A kept file is changed: replays find it, readers keep their rows, an export mends it."""
        day = self._shown(world, SOME_DAY)[0][0]
        assert isinstance(day, date)
        kept = raw_observations(DataDirectory(world.data), "chats", day)[-1].path
        content = bytearray(kept.read_bytes())
        content[len(content) // 2] ^= 0x20
        kept.write_bytes(content)
        before = hash_of(self._shown(world, CHATS))
        only = {"date_from": ddmmyyyy(day), "date_to": ddmmyyyy(day), "datasets": ["chats"]}
        found = self._runner.run(world, RunPlan("replay", {**only, "force": True}))
        if found.code != 1 or "should have the hash" not in found.said():
            return f"the replay of {ddmmyyyy(day)} did not find it (code {found.code})"
        if hash_of(self._shown(world, CHATS)) != before:
            return "readers see other rows"
        mended = self._runner.run(world, RunPlan("backfill", {**only, "force": True}))
        again = self._runner.run(world, RunPlan("replay", {**only, "force": True}))
        codes = (mended.code, again.code)
        return "" if codes == (0, 0) else f"not mended by a new export: codes {codes}"

    @staticmethod
    def _shown(world: World, sql: str) -> list[tuple[object, ...]]:
        return query_release(DataDirectory(world.data), sql).rows

    def _count_faults(self) -> None:
        for world in self._worlds:
            if world.sandbox.url:
                try:
                    world.sandbox.count()
                except httpx.HTTPError:
                    continue  # frozen or on its way back: counted the next time
        self._tally.faults.clear()
        for world in self._worlds:
            self._tally.faults.update(world.sandbox.injected)

    def _problem(self, said: str) -> None:
        with self._lock:
            self._tally.problems.append(said)
        self._tell.line(f"PROBLEM {said}")


def leftovers(data: Path) -> list[str]:
    """What only a run that is under way needs, where none is."""
    state = data / "state"
    found = [*(state / "incoming").iterdir(), *(state / "building").iterdir()]
    found += [*(state / "journal").glob("*.json"), *(state / "locks").rglob("*.ticket")]
    found += [state / "rebuild"] if (state / "rebuild").exists() else []
    return sorted(str(path.relative_to(data)) for path in found)
