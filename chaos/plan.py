"""What is drawn from the seed: companies, faults, runs, kills, events. Draws, and does nothing.

Each thing is drawn by its own number, so that what one lane does sooner or later than last time
changes nothing of what is drawn for the other. When a kill meets a run is the machine's affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from sandbox.faults import ANSWERS, FAULTS, FILES, OPERATIONS, WIRE

WINDOW_DAYS = 8
LONGEST_BACKFILL_DAYS = 4
EXPORTED = ("chats", "statistics")
# Where a fault of the wire makes sense: what a run of ours asks for.
ASKED = (*(name for name in OPERATIONS.values() if "export" in name or name == "list_users"),)
PLACES = (*ASKED, "download")
# Faults that hold a call until its deadline, or move gigabytes: rarely, or nothing else happens.
SLOW = ("timeout", "drip", "huge-json", "bomb", "never-ready", "redirect-loop")
# Judged where no operation is known, so that they can't be narrowed down to one.
ANYWHERE = (
    "no-task-id", "odd-task-id", "unknown-status", "never-ready", "task-forgotten", "task-failed",
    "expired-location", "always-expired", "file-scheme", "location-elsewhere", "users-empty",
    "users-halved",
)  # fmt: skip
ENDS_RUNS = ("token-refused",)  # so often that no other fault would be met
FAULTS_AT_ONCE = 16
STATEMENTS = ("write", "fsync", "rename", "connect")
EVENTS = ("token-rotated", "sandbox-restarted", "sandbox-frozen", "server-killed")


@dataclass(frozen=True)
class CompanyPlan:
    """A vendor's habits that stay as they are for one company's whole life."""

    name: str
    seed: int
    selection: str
    date_to: str
    location: str
    habits_told: bool  # by settings; else they are found out

    def options(self) -> list[str]:
        """For the sandbox's command line."""
        told = {
            "seed": self.seed,
            "selection": self.selection,
            "date-to": self.date_to,
            "location": self.location,
        }
        return [part for name, value in told.items() for part in (f"--{name}", str(value))]


@dataclass(frozen=True)
class FileForm:
    """How export files look: a vendor may change it from one day to the next."""

    format: str
    delimiter: str = ";"
    encoding: str = "utf-8"
    wrap: str = "none"
    headers: str = "ru"

    def options(self) -> list[str]:
        """For the sandbox's command line."""
        told = self.__dict__.items()
        return [part for name, value in told for part in (f"--{name}", str(value))]

    def __str__(self) -> str:
        shown = [self.format, *([self.encoding] if self.format == "csv" else []), self.headers]
        return "-".join([*shown, *([self.wrap] if self.wrap != "none" else [])])


@dataclass(frozen=True)
class Kill:
    """How a run is to die.

    Args:
        kind: time, term (SIGTERM), point (of the code), event (of the interpreter), or syscall.
        seconds: until then, where it is by time.
        number: the how manyth point, event or call.
        call: which call.
    """

    kind: str
    seconds: float = 0.0
    number: int = 0
    call: str = ""

    def __str__(self) -> str:
        if self.kind in ("time", "term"):
            return f"{self.kind} {self.seconds:.2f} s"
        return " ".join(part for part in (self.kind, self.call, str(self.number)) if part)


@dataclass(frozen=True)
class RunPlan:
    """One run: what, with which parameters (plain values), and how it dies, if it does."""

    kind: str
    parameters: dict[str, object] = field(default_factory=dict)
    kill: Kill | None = None

    def __str__(self) -> str:
        given = " ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.kind} {given}".strip()


class Plan:
    """Everything that is drawn from one seed.

    Args:
        seed: the same seed draws the same.
        syscalls: whether kills by system calls can be drawn.
    """

    def __init__(self, seed: int, *, syscalls: bool) -> None:
        self.seed = seed
        self._syscalls = syscalls
        self._deck: list[str] = []
        self._faults = Random(f"{seed}:faults")

    def _random(self, *about: object) -> Random:
        return Random(":".join(map(str, (self.seed, *about))))

    def companies(self) -> list[CompanyPlan]:
        """One company in each mode of selection, the first drawn first."""
        random = self._random("companies")
        modes = random.sample(("message", "thread"), 2)
        return [
            CompanyPlan(
                f"{mode}-company",
                random.randrange(1, 10**6),
                mode,
                random.choice(("inclusive", "exclusive")),
                random.choice(("absolute", "relative")),
                random.random() < 0.5,
            )
            for mode in modes
        ]

    def form(self, phase: int) -> FileForm:
        """What files look like in a phase."""
        random = self._random("form", phase)
        kind = random.choices(("csv", "json", "xlsx"), (6, 2, 2))[0]
        return FileForm(
            kind,
            random.choice((";", ",", "tab")),
            random.choice(("utf-8", "utf-8-sig", "cp1251")),
            random.choice(("none", "gzip", "zip")) if kind == "csv" else "none",
            random.choice(("ru", "en")),
        )

    def faults(self, days: Sequence[date]) -> list[str]:
        """The faults of a storm; every name comes before any comes again."""
        found = []
        for _ in range(FAULTS_AT_ONCE):
            if not self._deck:
                self._deck = self._faults.sample(list(FAULTS), len(FAULTS))
            found.append(some_fault(self._deck.pop(), days, self._faults))
        return found

    def run(self, number: int, days: Sequence[date]) -> RunPlan:
        """The run of that number, over some of these days."""
        random = self._random("run", number)
        kinds = {"backfill": 50, "nightly": 20, "users": 8, "replay": 14, "rebuild": 8}
        kind = random.choices(list(kinds), list(kinds.values()))[0]
        given: dict[str, object] = {}
        if kind in ("backfill", "replay"):
            length = random.randrange(1, LONGEST_BACKFILL_DAYS + 1)
            first = random.randrange(len(days) - length + 1)
            given = {"date_from": ddmmyyyy(days[first])}
            given["date_to"] = ddmmyyyy(days[first + length - 1])
        if kind == "backfill":
            given["force"] = random.random() < 0.3
            given["datasets"] = random.choice((["chats"], ["statistics"], list(EXPORTED)))
            given["concurrency"] = random.choice((None, 1, 2, 4))
        if kind == "replay":
            given["force"] = random.random() < 0.5
        return RunPlan(kind, given, self._kill(random) if random.random() < 0.8 else None)

    def _kill(self, random: Random) -> Kill:
        kinds = {"time": 35, "point": 25, "event": 15, "term": 10}
        kinds |= {"syscall": 15} if self._syscalls else {}
        kind = random.choices(list(kinds), list(kinds.values()))[0]
        if kind in ("time", "term"):
            return Kill(kind, seconds=random.uniform(0.1, 3.5))
        if kind == "syscall":
            return Kill(kind, number=_some_number(random, 40), call=random.choice(STATEMENTS))
        return Kill(kind, number=_some_number(random, 120 if kind == "point" else 400))

    def events(self, storm: int) -> list[tuple[float, str]]:
        """What happens besides in a storm: (share of its time, event), in order."""
        random = self._random("events", storm)
        chosen = random.sample(EVENTS, random.choice((1, 2)))
        return sorted((random.uniform(0.1, 0.8), name) for name in chosen)

    def drill(self, phase: int) -> str:
        """What is done with kept files at the end of a phase."""
        return ("raw-corrupted", "rebuild")[(self._random("drill").randrange(2) + phase) % 2]


def ddmmyyyy(day: date) -> str:
    """As dates are written."""
    return day.strftime("%d.%m.%Y")


def window(yesterday: date) -> list[date]:
    """The days that runs ask for."""
    return [yesterday - timedelta(days=n) for n in reversed(range(WINDOW_DAYS))]


def _some_number(random: Random, highest: int) -> int:
    """Small ones oftener: each order of size alike."""
    return max(1, int(highest ** random.random()))


def some_fault(name: str, days: Sequence[date], random: Random) -> str:
    """A fault as the sandbox reads it, narrowed down at random."""
    place, day = "", ""
    if name in WIRE or (name in ANSWERS and name not in ANYWHERE):
        starts = [operation for operation in ASKED if operation.startswith("start_")]
        places: Sequence[str] = PLACES if name in WIRE else ASKED
        places = starts if name == "lost-reply" else places
        place = f"@{random.choice(places)}" if random.random() < 0.6 else ""
    if name in FILES or (random.random() < 0.2 and not name.startswith("users-")):
        day = f":{ddmmyyyy(random.choice(days))}" if random.random() < 0.4 else ""
    probability = random.choice((1.0, 0.7, 0.4, 0.2) if place or day else (0.5, 0.3, 0.15))
    times = random.randrange(3, 13)
    if name in SLOW:
        times = random.randrange(1, 4)
    if name in ENDS_RUNS:
        times, probability = random.randrange(2, 6), 0.2
    if name.startswith("users-"):
        probability = 1.0
    return f"{name}{place}{day}{f'%{probability:g}' if probability < 1 else ''}*{times}"
