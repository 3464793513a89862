"""The tables of a report, once: the page writes them as HTML, the workbook as typed cells."""

from __future__ import annotations

from collections.abc import Callable

from reports.comparing import relative, sums_comparable, target_label
from reports.tablemodel import Column, Kind, Table, Value
from reports.words import Words, plain
from warehouse.figures import Doubt, Figures, Line, Measures

# A page has no room for these.
_ONLY_IN_SHEET = {"before_in", "first_response_p90_seconds", "response_p90_seconds"}


def _titled(words: Words, names: list[tuple[str, Kind]]) -> list[Column]:
    return [
        Column(words.say(f"column.{name}"), kind, name in _ONLY_IN_SHEET) for name, kind in names
    ]


def days(figures: Figures, words: Words) -> Table:
    """A row a day; a day that was never loaded has no figures."""
    counts = (
        "messages_in", "messages_out", "threads_opened", "threads_answered", "threads_unanswered",
        "clients", "clients_new", "turns", "turns_answered",
    )  # fmt: skip
    rows: list[list[Value]] = []
    lacking = set(figures.missing_days)
    for r in figures.by_date.to_pylist():
        missing = r["date"] in lacking
        values = [None if missing else r[name] for name in counts]
        median = None if missing else r["response_median_seconds"]
        rows.append([r["date"], *values, median])
    columns = _titled(words, [("date", "date"), *[(name, "count") for name in counts]])
    columns.append(Column(words.say("column.response_median_seconds"), "duration"))
    places = frozenset(n for n, r in enumerate(rows) if r[0] in lacking)
    return Table("days", words.say("table.days"), columns, rows, missing=places)


def hours(figures: Figures, words: Words) -> Table:
    """A row for each hour of a weekday in which there were messages."""
    columns = _titled(
        words,
        [
            ("weekday", "text"),
            ("hour", "text"),
            ("messages_in", "count"),
            ("messages_out", "count"),
        ],
    )
    found = sorted(figures.by_hour.to_pylist(), key=lambda r: (r["weekday"], r["hour"]))
    rows: list[list[Value]] = [
        [
            words.weekday(r["weekday"], "wide"),
            f"{r['hour']:02d}:00",
            r["messages_in"],
            r["messages_out"],
        ]
        for r in found
    ]
    return Table("hours", words.say("table.hours"), columns, rows)


def channels(figures: Figures, words: Words) -> Table:
    """A row a channel, the most messages first."""
    return _lines(
        "channels", figures, figures.channels, words, lambda line: words.channel(line.key)
    )


def categories(figures: Figures, words: Words) -> Table:
    """A row a category."""

    def label(line: Line) -> str:
        return plain(line.label) or plain(line.key) or words.say("unknown.category")

    return _lines("categories", figures, figures.categories, words, label)


def _lines(
    name: str, figures: Figures, lines: list[Line], words: Words, label: Callable[[Line], str]
) -> Table:
    compared = sums_comparable(figures)
    columns = _titled(
        words,
        [
            (name, "name"), ("messages_in", "count"), ("before_in", "count"),
            ("change_in", "change"), ("messages_out", "count"),
            ("threads_opened", "count"), ("threads_unanswered", "count"),
            ("clients", "count"), ("clients_new", "count"),
            ("first_response_median_seconds", "duration"),
            ("first_response_p90_seconds", "duration"),
            ("response_median_seconds", "duration"),
            ("response_working_median_seconds", "duration"),
        ],
    )  # fmt: skip
    rows: list[list[Value]] = []
    for line in sorted(lines, key=lambda found: -found.now.messages_in):
        now = line.now
        before = line.before.messages_in if line.before and compared else None
        rows.append(
            [
                label(line), now.messages_in, before, relative(now.messages_in, before),
                now.messages_out, now.threads_opened, now.threads_unanswered, now.clients,
                now.clients_new, now.first_response_median_seconds, now.first_response_p90_seconds,
                now.response_median_seconds, now.response_working_median_seconds,
            ]
        )  # fmt: skip
    return Table(name, words.say(f"table.{name}"), columns, rows, words.say("note.clients"))


def operators(figures: Figures, words: Words) -> Table:
    """A row an operator, who wrote most first."""
    columns = _titled(
        words,
        [
            ("operators", "name"), _LOAD[0], ("change_out", "change"), *_LOAD[1:4],
            ("overloaded", "text"), *_LOAD[4:], ("team", "name"),
        ],
    )  # fmt: skip
    rows: list[list[Value]] = []
    compared = sums_comparable(figures)
    for line in sorted(figures.operators, key=lambda o: -o.now.messages_out):
        name = plain(line.label) or plain(line.key) or words.say("unknown.operator")
        before = line.before.messages_out if line.before and compared else None
        load = _load(line)
        change = relative(line.now.messages_out, before)
        mark = words.say("operator.overloaded") if line.overloaded else ""
        team = plain(line.team or "")
        rows.append([name, load[0], change, *load[1:4], mark, *load[4:], team])
    note = words.say("note.operators")
    if not figures.names_published:
        note += " " + words.say("note.no_names")
    return Table("operators", words.say("table.operators"), columns, rows, note, summed=True)


def teams(figures: Figures, words: Words) -> Table:
    """A row a team."""
    columns = _titled(words, [("team", "name"), *_LOAD])
    rows: list[list[Value]] = [
        [plain(line.label) or plain(line.key) or words.say("unknown.team"), *_load(line)]
        for line in sorted(figures.teams, key=lambda t: -t.now.messages_out)
    ]
    return Table("teams", words.say("table.teams"), columns, rows)


_LOAD: list[tuple[str, Kind]] = [
    ("written", "count"), ("threads", "count"), ("busy_hours", "count"),
    ("threads_per_busy_hour", "decimal"), ("first_response_median_seconds", "duration"),
    ("response_median_seconds", "duration"), ("response_p90_seconds", "duration"),
    ("response_working_median_seconds", "duration"),
]  # fmt: skip


def _load(line: Line) -> list[Value]:
    now: Measures = line.now
    return [
        now.messages_out, line.threads, line.busy_hours, line.threads_per_busy_hour,
        now.first_response_median_seconds, now.response_median_seconds, now.response_p90_seconds,
        now.response_working_median_seconds,
    ]  # fmt: skip


def sla(figures: Figures, words: Words) -> Table:
    """A row a target."""
    columns = _titled(
        words,
        [
            ("target", "name"), ("share", "share"), ("share_before", "share"), ("met", "count"),
            ("turns", "count"), ("within", "duration"), ("applies", "text"), ("counted", "text"),
        ],
    )  # fmt: skip
    rows: list[list[Value]] = [
        [
            target_label(s, words), s.share, s.share_before, s.met, s.turns, s.within_seconds,
            words.say("sla.first" if s.first_only else "sla.every"),
            words.say("sla.working" if s.working_hours else "sla.calendar"),
        ]
        for s in figures.sla
    ]  # fmt: skip
    return Table("sla", words.say("table.sla"), columns, rows)


def waiting(figures: Figures, words: Words) -> Table:
    """Threads that wait for an answer, the longest first."""
    columns = _titled(
        words,
        [
            ("chat_id", "name"), ("waiting", "duration"), ("waiting_working", "duration"),
            ("asked_at", "moment"), ("channel", "name"), ("category", "name"),
        ],
    )  # fmt: skip
    rows: list[list[Value]] = [
        [
            plain(r["chat_id"] or ""), r["waiting_seconds"], r["waiting_working_seconds"],
            r["asked_at"], words.channel(r["channel"] or ""),
            plain(r["category"] or "") or words.say("unknown.category"),
        ]
        for r in figures.waiting.to_pylist()
    ]  # fmt: skip
    return Table("waiting", words.say("table.waiting"), columns, rows, words.say("note.waiting"))


def quality(figures: Figures, words: Words) -> Table:
    """What makes the figures less than sure, the gravest first."""
    columns = _titled(
        words, [("date", "date"), ("dataset", "name"), ("doubt", "text"), ("doubt_means", "text")]
    )
    order = ("missing", "held", "early", "disagreeing", "quarantined")
    found = sorted(figures.doubts, key=lambda d: (order.index(d.kind), d.day, d.dataset))
    rows: list[list[Value]] = [
        [d.day, words.dataset(d.dataset), _doubted(d, words), words.say(f"doubt.{d.kind}_means")]
        for d in found
    ]
    return Table("quality", words.say("table.quality"), columns, rows)


def _doubted(doubt: Doubt, words: Words) -> str:
    if doubt.kind == "quarantined" and doubt.count is not None:
        return words.count("quarantined", doubt.count)
    if doubt.kind == "disagreeing":
        return words.say(
            "doubt.disagreeing", compared=plain(doubt.compared or "", 80),
            expected=words.number(doubt.expected), found=words.number(doubt.found),
        )  # fmt: skip
    return words.say(f"doubt.{doubt.kind}")


def fresh(figures: Figures, words: Words) -> Table:
    """When each source was last known to be so."""
    columns = _titled(words, [("source", "name"), ("seen_at", "text"), ("last_day", "date")])
    rows: list[list[Value]] = [
        [
            words.dataset(f.source),
            words.moment(f.seen_at, figures.time_zone) if f.seen_at else words.say("fresh.never"),
            f.last_day,
        ]
        for f in figures.fresh
    ]
    return Table("fresh", words.say("table.fresh"), columns, rows)


def definitions(_: Figures, words: Words) -> Table:
    """What every figure means."""
    columns = _titled(words, [("term", "name"), ("meaning", "text")])
    rows: list[list[Value]] = [[term, text] for term, text in words.definitions()]
    return Table("definitions", words.say("table.definitions"), columns, rows)
