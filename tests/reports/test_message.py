"""The short text: the same numbers, short, and nobody's name; and the pictures beside it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import madefigures as made
import pytest
from test_charts import pixels

from reports.message import LONGEST, short_text
from reports.page import html_page
from reports.paint import LIGHT
from reports.pictures import card, write_pictures
from reports.words import LANGUAGES, Language
from warehouse.figures import Figures, Line

_SHAPES = ("week", "one_day", "missing_day", "nothing", "one_operator", "many_operators", "hostile")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("shape", _SHAPES)
def test_short_and_without_a_name(shape: str, language: Language) -> None:
    figures: Figures = getattr(made, shape)()
    text = short_text(figures, language)
    assert 20 < len(text) <= LONGEST
    assert not re.search("[\u2066-\u2069\u202a-\u202e\x00]", text)
    if shape != "hostile":  # there everything has the same names, channels too
        people = [*figures.operators, *figures.teams, *figures.categories]
        for line in people:
            assert len(line.label) < 2 or line.label not in text
        for chat in figures.waiting["chat_id"].to_pylist():
            assert chat not in text


def test_the_week_in_short() -> None:
    assert short_text(made.week(), "ru").replace("\u00a0", " ").splitlines() == [
        "Отчёт за неделю: 16–22 ноября 2026 г.",
        "846 клиентов написали 2 351 сообщение, компания — 2 057.",
        "Открыто 940 новых диалогов, без ответа остался 61.",
        "Первый ответ: медиана 4 мин 28 с, 90 % до 22 мин 20 с.",
        "SLA: 87 % (818 из 940).",
        "По сравнению с предыдущей неделей: сообщения клиентов +8 %; диалоги без ответа +61 %; "
        "первый ответ, медиана +26 %.",
        "Молчат каналы: Viber.",
        "Каналы: WhatsApp 987, Telegram 731, Сайт 286, ВКонтакте 204 и ещё 1.",
        "Перегружены 2 оператора.",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("shape", ["week", "one_day", "missing_day"])
def test_its_numbers_are_the_page_s(
    shape: str, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: Figures = getattr(made, shape)()
    monkeypatch.setattr("reports.page.all_charts", lambda *_: {})
    page = html_page(figures, language)
    for line in short_text(figures, language).splitlines()[1:3]:
        assert line in page.replace("&#39;", "'")


def test_missing_days_come_first() -> None:
    lines = short_text(made.missing_day(), "ru").splitlines()
    assert lines[1] == "Не загружен 1 день: 19 ноября."
    assert not [line for line in lines if line.startswith("По сравнению")]
    assert "no figures" in short_text(made.nothing(), "en")


def test_long_channel_names_do_not_make_it_long() -> None:
    made_week = made.week()
    channels = [
        Line("К" * 300 + str(n), "", made.measures(99), made.measures(90)) for n in range(40)
    ]
    assert len(short_text(replace(made_week, channels=channels), "ru")) <= LONGEST


def test_pictures_are_written(tmp_path: Path) -> None:
    written = write_pictures(made.week(), "ru", tmp_path)
    assert [path.name for path in written] == [
        "card.png", "days.png", "response.png", "hours.png", "channels.png", "sla.png",
        "operators.png",
    ]  # fmt: skip
    for path in written:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 5_000


def test_without_data_there_is_the_card_alone(tmp_path: Path) -> None:
    written = write_pictures(made.nothing(), "en", tmp_path)
    assert [path.name for path in written] == ["card.png"]


def test_the_card_is_drawn_at_twice_its_size() -> None:
    width, height, found = pixels(card(made.missing_day(), "en", "<&> ООО"))
    assert width == 2000
    assert height > 800
    colours = {p[:3].hex() for p in found}
    assert {LIGHT[c][1:] for c in ("page", "card", "bad-ground", "ink")} <= colours
