"""flask-babel

Texts and plurals in the language of the request, in views and templates; lazy texts, dates, numbers, time zones,
forced locales.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask_babel import (
    Babel,
    force_locale,
    format_currency,
    format_date,
    format_datetime,
    format_decimal,
    format_percent,
    format_timedelta,
    get_locale,
    get_timezone,
    gettext,
    lazy_gettext,
    ngettext,
    pgettext,
    refresh,
)

from dualapp import DualApp, g, render_template_string, request

from ..conftest import Serve
from ..support.entry_driver import Ask
from ..support.recolour import Build

LAZY = lazy_gettext("Good morning")
NOON = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)

GERMAN = Catalog(locale="de")
GERMAN.add("Hello, %(name)s!", "Hallo, %(name)s!")
GERMAN.add("Good morning", "Guten Morgen")
GERMAN.add(("%(num)s apple", "%(num)s apples"), ("%(num)s Apfel", "%(num)s Äpfel"))
GERMAN.add("May", "Mai", context="month")


@pytest.fixture
def translations(tmp_path: Path) -> Build:
    """What tells an app where the German texts are."""
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "messages.mo").open("wb") as file:
        write_mo(file, GERMAN)

    def where(app: DualApp) -> None:
        app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(tmp_path)

    return where


def speaking(app: DualApp) -> None:
    def locale():
        return g.get("locale") or request.accept_languages.best_match(["en", "de", "fr"])

    def timezone():
        return request.args.get("tz")

    Babel(app, locale_selector=locale, timezone_selector=timezone)

    @app.get("/hello/<name>")
    async def hello(name):
        await asyncio.sleep(0.002)
        return {"text": gettext("Hello, %(name)s!", name=name), "lazy": str(LAZY), "month": pgettext("month", "May")}

    @app.get("/apples/<int:number>")
    async def apples(number):
        return ngettext("%(num)s apple", "%(num)s apples", number)

    @app.get("/formats")
    async def formats():
        return {
            "date": format_date(date(2026, 5, 17), "long"),
            "number": format_decimal(1234567.891),
            "price": format_currency(9.5, "EUR"),
            "share": format_percent(0.25),
            "span": format_timedelta(timedelta(days=3)),
            "locale": str(get_locale()),
        }

    @app.get("/time")
    async def show_time():
        return {"time": format_datetime(NOON, "short"), "zone": str(get_timezone())}

    @app.get("/forced")
    async def forced():
        with force_locale("de"):
            await asyncio.sleep(0.002)
            inside = await render_template_string("{{ _('Good morning') }}")
        return {"inside": inside, "outside": gettext("Good morning")}

    @app.get("/changed")
    async def changed():
        before = str(LAZY)
        g.locale = "de"
        unchanged = str(LAZY)
        refresh()
        return [before, unchanged, str(LAZY)]

    @app.get("/page")
    async def page():
        return await render_template_string(
            "{{ _('Hello, %(name)s!', name='Ada') }} {{ lazy }}"
            " {% trans num=3 %}{{ num }} apple{% pluralize %}{{ num }} apples{% endtrans %}"
            " {{ ngettext('%(num)s apple', '%(num)s apples', 1) }} {{ 1234.5|decimalformat }} {{ noon|dateformat }}",
            lazy=LAZY,
            noon=NOON,
        )


def language(code: str) -> tuple[str, str]:
    return "Accept-Language", code


def test_texts_are_in_the_language_of_the_request(serve: Serve, translations: Build) -> None:
    client = serve(translations, speaking)
    german = {"text": "Hallo, Ada!", "lazy": "Guten Morgen", "month": "Mai"}
    english = {"text": "Hello, Ada!", "lazy": "Good morning", "month": "May"}
    assert client.get("/hello/Ada", [language("de, en;q=0.5")]).json() == german
    assert client.get("/hello/Ada", [language("en")]).json() == english
    assert client.get("/hello/Ada", [language("sw")]).json() == english


def test_plurals(serve: Serve, translations: Build) -> None:
    client = serve(translations, speaking)
    assert [client.get(f"/apples/{n}", [language("de")]).text for n in (0, 1, 2)] == ["0 Äpfel", "1 Apfel", "2 Äpfel"]


def test_dates_and_numbers(serve: Serve, translations: Build) -> None:
    client = serve(translations, speaking)
    assert client.get("/formats", [language("de")]).json() == {
        "date": "17. Mai 2026",
        "number": "1.234.567,891",
        "price": "9,50\N{NO-BREAK SPACE}€",
        "share": "25\N{NO-BREAK SPACE}%",
        "span": "3 Tage",
        "locale": "de",
    }
    assert client.get("/formats", [language("en")]).json()["date"] == "May 17, 2026"


def test_times_are_told_in_the_time_zone_of_the_request(serve: Serve, translations: Build) -> None:
    client = serve(translations, speaking)
    berlin = client.get("/time?tz=Europe/Berlin", [language("de")])
    assert berlin.json() == {"time": "02.01.26, 13:30", "zone": "Europe/Berlin"}
    assert client.get("/time", [language("de")]).json() == {"time": "02.01.26, 12:30", "zone": "UTC"}


def test_templates_speak_the_language_too(serve: Serve, translations: Build) -> None:
    client = serve(translations, speaking)
    german = "Hallo, Ada! Guten Morgen 3 Äpfel 1 Apfel 1.234,5 02.01.2026"
    assert client.get("/page", [language("de")]).text == german
    assert client.get("/page", [language("en")]).text.startswith(
        "Hello, Ada! Good morning 3 apples 1 apple 1,234.5 Jan"
    )


def test_a_locale_is_forced_for_a_while_or_changed_for_the_rest(serve: Serve, translations: Build) -> None:
    client = serve(translations, speaking)
    assert client.get("/forced", [language("en")]).json() == {"inside": "Guten Morgen", "outside": "Good morning"}
    assert client.get("/changed", [language("en")]).json() == ["Good morning", "Good morning", "Guten Morgen"]


def test_requests_at_the_same_time_keep_their_languages(serve: Serve, translations: Build) -> None:
    client = serve(translations, speaking)
    codes = ["de", "en"] * 8
    answers = client.many([Ask("GET", "/hello/Ada", [language(code)]) for code in codes])
    assert [answer.json()["lazy"] for answer in answers] == ["Guten Morgen", "Good morning"] * 8
