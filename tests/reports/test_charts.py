"""Charts: their numbers, their colours, their links, and the edges of what can come."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree

import madefigures as made
import pytest

from reports.charts import CHARTS, all_charts, figure, png, svg
from reports.drawing import Picture
from reports.paint import DARK, HEAT_STEPS, LIGHT
from reports.words import words_of
from warehouse.figures import Figures, Period

RU, EN = words_of("ru"), words_of("en")
_SVG = "{http://www.w3.org/2000/svg}"


def told(drawn: str) -> list[str]:
    """What the marks of a chart tell when they are pointed at."""
    marks = ElementTree.fromstring(drawn).iter()
    return [m.attrib["aria-label"] for m in marks if "aria-label" in m.attrib]


def texts(drawn: str) -> list[str]:
    return ["".join(t.itertext()) for t in ElementTree.fromstring(drawn).iter(f"{_SVG}text")]


@pytest.fixture(scope="module")
def week() -> Figures:
    return made.week()


def test_days_show_every_number_of_the_week(week: Figures) -> None:
    drawn = svg(CHARTS["days"](week, RU))
    rows = week.by_date.to_pylist()
    expected = {
        f"{RU.short_date(r['date'])}: {RU.count('in_messages', r['messages_in'])}" for r in rows
    } | {f"{RU.short_date(r['date'])}: {RU.count('out_messages', r['messages_out'])}" for r in rows}
    assert set(told(drawn)) == expected
    assert {"402", "351", "165"} <= set(texts(drawn))
    assert "0" in texts(drawn)  # the axis begins there


def test_bars_are_as_high_as_their_numbers(week: Figures) -> None:
    drawn = svg(CHARTS["days"](week, RU))
    heights = {}
    for mark in ElementTree.fromstring(drawn).iter(f"{_SVG}path"):
        label = mark.attrib.get("aria-label", "")
        if "сообщен" in label:
            lowest = [float(n) for n in re.findall(r",(-?[\d.]+)", mark.attrib["d"])]
            count = int(re.sub(r"\D", "", label.split(": ")[1]))
            heights[count] = max(lowest) - min(lowest)
    per_message = {count: height / count for count, height in heights.items()}
    assert len(per_message) == 14
    assert max(per_message.values()) - min(per_message.values()) < 0.02


def test_a_missing_day_is_said_and_is_no_zero() -> None:
    drawn = svg(CHARTS["days"](made.missing_day(), RU))
    assert "чт, 19 нояб.: нет данных" in told(drawn)
    assert not [t for t in told(drawn) if t.startswith("чт, 19") and "сообщ" in t]
    assert "нет данных" in texts(drawn)
    answers = told(svg(CHARTS["response"](made.missing_day(), RU)))
    assert len(answers) == 7
    assert [t for t in answers if t.startswith("чт, 19")] == ["чт, 19 нояб.: нет данных"]
    hours = told(svg(CHARTS["hours"](made.missing_day(), RU)))
    thursday = [t for t in hours if t.startswith("чт ")]
    assert len(thursday) == 24
    assert all(t.endswith(": нет данных") for t in thursday)


def test_one_day_is_compared_with_the_day_before_and_the_same_weekday() -> None:
    figures = made.one_day()
    marks = told(svg(CHARTS["days"](figures, EN)))
    assert marks[:1] == ["a week before: 377 messages from clients"]
    assert "the day before: 402 messages from clients" in marks
    assert "24 November: 431 messages from clients" in marks
    hours = told(svg(CHARTS["hours"](figures, EN)))
    assert len(hours) == 24
    assert "Tue 11:00–12:00: 64 messages from clients" in hours


def test_hours_are_a_map_of_the_week(week: Figures) -> None:
    for size in ("wide", "phone"):
        marks = told(svg(CHARTS["hours"](week, RU), size))
        assert len(marks) == 7 * 24
        assert "пн 11:00–12:00: 34 сообщения клиентов" in marks
        assert "вс 03:00–04:00: 0 сообщений клиентов" in marks


def test_channels_operators_and_targets(week: Figures) -> None:
    assert told(svg(CHARTS["channels"](week, EN)))[0] == (
        "WhatsApp: 987 messages from clients (was 742)"
    )
    operators = told(svg(CHARTS["operators"](week, EN)))
    assert operators[0] == "Анна Соколова: 288 messages, 3.1 threads an hour of work, overloaded"
    assert len(operators) == 13
    assert told(svg(CHARTS["sla"](week, EN)))[0] == (
        "Первый ответ за 15 минут: 87% (818 of 940); was 92%"
    )


def test_ten_thousand_operators_are_twenty_and_the_others() -> None:
    figures = made.many_operators()
    marks = told(svg(CHARTS["operators"](figures, EN)))
    assert len(marks) == 21
    others = sorted((o.now.messages_out for o in figures.operators), reverse=True)[20:]
    average = EN.number(sum(others) / len(others), 1)
    assert marks[-1] == f"the others (9,980), on average: {average}"


def test_marks_lead_where_the_dashboard_wants(week: Figures) -> None:
    def href(kind: str, key: str) -> str | None:
        return None if key == "" else f'/threads?{kind}={key}&"x"'

    drawn = svg(CHARTS["channels"](week, RU), href=href)
    links = [a.attrib["href"] for a in ElementTree.fromstring(drawn).iter(f"{_SVG}a")]
    assert '/threads?channel=ВКонтакте&"x"' in links
    assert len(links) == 5  # the unknown channel leads nowhere here
    assert 'role="group"' in drawn
    asked: list[tuple[str, str]] = []
    for name in ("days", "hours", "operators", "response", "sla"):
        svg(CHARTS[name](week, RU), href=lambda kind, key: asked.append((kind, key)))
    assert {("date", "2026-11-16"), ("hour", "1-11"), ("operator", "1001")} <= set(asked)


@pytest.mark.parametrize("name", CHARTS)
def test_a_picture_says_what_it_shows(week: Figures, name: str) -> None:
    picture = CHARTS[name](week, RU)
    for size in (picture.size, "phone"):
        root = ElementTree.fromstring(svg(picture, size))
        assert root.attrib["role"] == "img"
        named = root.attrib["aria-labelledby"].split()
        title, desc = root.find(f"{_SVG}title"), root.find(f"{_SVG}desc")
        assert title is not None
        assert desc is not None
        assert [title.attrib["id"], desc.attrib["id"]] == named
        assert title.text == picture.title
        assert desc.text == picture.alt
        assert re.search(r"\d", picture.alt)
        assert (
            root.attrib["viewBox"].split()[2]
            == {"wide": "1040", "half": "504", "phone": "328"}[size]
        )


@pytest.mark.parametrize("name", CHARTS)
def test_colours_are_variables_in_a_page_and_nothing_is_fetched(week: Figures, name: str) -> None:
    drawn = svg(CHARTS[name](week, RU))
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawn)) - {"none", "transparent"}
    assert colours
    for colour in colours:
        variable = re.fullmatch(r"var\(--([a-z0-9-]+),(#[0-9a-f]{6})\)", colour)
        assert variable, colour
        assert LIGHT[variable[1]] == variable[2]
        assert variable[1] in DARK
    assert "mark.invalid" not in drawn
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "").replace(
        "http://www.w3.org/1999/xlink", ""
    )


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lights = sorted((light(one), light(other)), reverse=True)
    return (lights[0] + 0.05) / (lights[1] + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out_from_what_they_are_on(theme: dict[str, str]) -> None:
    """WCAG AA: 4.5 for text, 3 for what isn't text."""
    for text in ("ink", "muted", "link", "bad", "good"):
        for ground in ("card", "page"):
            assert _contrast(theme[text], theme[ground]) >= 4.5, (text, ground)
    for text in ("ink", "bad"):
        assert _contrast(theme[text], theme["bad-ground"]) >= 4.5, text
    assert _contrast(theme["muted"], theme["missing"]) >= 4.5
    for mark in ("in", "out", "before", "bad", "good"):
        assert _contrast(theme[mark], theme["card"]) >= 3, mark
    for step in range(HEAT_STEPS):
        ink = "heat-ink-strong" if step >= 4 else "heat-ink"
        assert _contrast(theme[ink], theme[f"heat-{step}"]) >= 4.5, step
    assert list(LIGHT) == list(DARK)


@pytest.mark.parametrize("shown", ["nothing", "empty", "one_operator", "hostile"])
def test_the_edges_are_drawn_or_said(shown: str) -> None:
    figures = made.nothing(loaded=True) if shown == "empty" else getattr(made, shown)()
    for picture in all_charts(figures, EN).values():
        body = figure(picture)
        ElementTree.fromstring(str(body))
        if picture.draw is None:
            assert "There is no data for this chart." in body
            with pytest.raises(ValueError, match="nothing to draw"):
                svg(picture)


@pytest.mark.parametrize("shown", [made.HOSTILE[0], made.HOSTILE[1], made.HOSTILE[4]])
def test_names_are_text_in_a_chart(shown: str) -> None:
    drawn = svg(CHARTS["operators"](made.hostile(), EN))
    assert not re.search(r"<(script|img|svg/)", drawn)
    assert not re.search(r"\son\w+=", re.sub(r'"[^"]*"|>[^<]*<', "", drawn))
    assert [t for t in told(drawn) if t.startswith(f"{shown}: ")]


def test_what_is_incomplete_is_no_mark_to_compare_with(week: Figures) -> None:
    figures = replace(week, missing_before=(date(2026, 11, 10),))
    assert "was" not in "".join(told(svg(CHARTS["channels"](figures, EN))))
    assert CHARTS["days"](figures, EN).note == ""
    assert CHARTS["sla"](figures, EN).note == ""
    day = replace(made.one_day(), missing_before=(date(2026, 11, 23),))
    assert {t.split(":")[0] for t in told(svg(CHARTS["days"](day, EN)))} == {
        "a week before",
        "24 November",
    }


def test_long_periods_are_told_by_week_and_labels_do_not_crowd() -> None:
    period = Period(date(2026, 1, 1), date(2026, 12, 31))
    figures = replace(
        made.week(),
        period=period,
        by_date=made.by_date(period, [100] * period.days, [60.0] * period.days),
    )
    marks = told(svg(CHARTS["days"](figures, EN)))
    assert len(marks) == 2 * 53
    assert marks[0] == "week of 29 Dec: 400 messages from clients"
    assert len(texts(svg(CHARTS["response"](figures, EN), "phone"))) < 25


def pixels(picture: bytes) -> tuple[int, int, set[bytes]]:
    """Width, height and the different pixels of a PNG, undone by hand: filters 0 to 4."""
    width, height, depth, kind = struct.unpack(">IIBB", picture[16:26])
    assert (depth, kind) == (8, 6)
    data = b"".join(
        picture[at + 8 : at + 8 + size]
        for at, size in _chunks(picture)
        if picture[at + 4 : at + 8] == b"IDAT"
    )
    raw, stride, before = zlib.decompress(data), width * 4, bytes(width * 4)
    found: set[bytes] = set()
    for y in range(height):
        line = bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        _unfilter(raw[y * (stride + 1)], line, before)
        found.update(bytes(line[x : x + 4]) for x in range(0, stride, 4))
        before = bytes(line)
    return width, height, found


def _chunks(picture: bytes) -> list[tuple[int, int]]:
    at, found = 8, []
    while at < len(picture):
        size = struct.unpack(">I", picture[at : at + 4])[0]
        found.append((at, size))
        at += size + 12
    return found


def _unfilter(kind: int, line: bytearray, before: bytes) -> None:
    if kind == 0:
        return
    for n in range(len(line)):
        left = line[n - 4] if n >= 4 else 0
        up, corner = before[n], before[n - 4] if n >= 4 else 0
        if kind == 1:
            add = left
        elif kind == 2:
            add = up
        elif kind == 3:
            add = (left + up) // 2
        else:
            guess = left + up - corner
            add = min((left, up, corner), key=lambda near: abs(guess - near))
        line[n] = (line[n] + add) & 255


def test_a_png_has_its_size_and_its_colours(week: Figures) -> None:
    picture: Picture = CHARTS["channels"](week, RU)
    width, height, found = pixels(png(picture, scale=1))
    assert width == 504
    assert height > 200
    colours = {p[:3].hex() for p in found}
    assert {LIGHT[c][1:] for c in ("card", "in")} <= colours
    assert len(colours) > 20  # letters have edges
