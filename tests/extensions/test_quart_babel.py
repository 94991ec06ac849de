"""quart_babel

Texts in the language of each request, in views, templates and lazily; plurals and contexts; dates, times and numbers as
the language and the time zone of the user have them; changing both within a request; the list of translations.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import quart
import quart_babel
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from quart_babel import Babel, force_locale, gettext, lazy_gettext, ngettext, pgettext, refresh

from dualapp import DualApp, current_app, flash, g, get_flashed_messages, render_template_string, request

from ..support.recolour import Build
from .quart_twin import ServeBesideQuart

NOON = datetime(2024, 3, 9, 12, 30, tzinfo=UTC)
GREETING = lazy_gettext("Hello %(name)s!", name="Ann")
GERMAN, ENGLISH = [("Accept-Language", "de-DE,de;q=0.9,en;q=0.1")], [("Accept-Language", "en")]
TEMPLATE = """
{{- _('Yes') }} {{ _('Hello %(name)s!', name='<Bob>') }} {{ greeting }}
{% trans count=3 %}{{ count }} apple{% pluralize %}{{ count }} apples{% endtrans %}
{{ noon|datetimeformat('short') }} {{ 1234.5|numberformat }} {{ 0.25|percentformat -}}
"""


def write_german(directory: Path) -> None:
    catalog = Catalog("de")
    catalog.add("Yes", "Ja")
    catalog.add("Hello %(name)s!", "Hallo %(name)s!")
    catalog.add(("%(num)d apple", "%(num)d apples"), ("%(num)d Apfel", "%(num)d Äpfel"))
    catalog.add(("%(count)s apple", "%(count)s apples"), ("%(count)s Apfel", "%(count)s Äpfel"))
    catalog.add("May", "Mai", context="month")
    folder = directory / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "messages.mo").open("wb") as file:
        write_mo(file, catalog)


def wanted_locale() -> str | None:
    return quart.g.get("language") or quart.request.accept_languages.best_match(["de", "en"])


def wanted_timezone() -> str | None:
    return quart.request.args.get("zone")


@pytest.fixture
def translated(tmp_path: Path) -> Build:
    """An app with two languages, of which one is translated to."""
    write_german(tmp_path)

    def build(app: DualApp) -> None:
        app.secret_key = "secret"
        app.config.update(BABEL_TRANSLATION_DIRECTORIES=str(tmp_path), BABEL_DEFAULT_TIMEZONE="Europe/Vienna")
        Babel(app, locale_selector=wanted_locale, timezone_selector=wanted_timezone)

        @app.get("/texts")
        async def texts():
            return [
                gettext("Yes"),
                gettext("Hello %(name)s!", name=request.args["name"]),
                ngettext("%(num)d apple", "%(num)d apples", 1),
                ngettext("%(num)d apple", "%(num)d apples", 3),
                pgettext("month", "May"),
                str(GREETING),
            ]

        @app.get("/template")
        async def template():
            return await render_template_string(TEMPLATE, greeting=GREETING, noon=NOON)

        @app.get("/formats")
        async def formats():
            return {
                "locale": str(quart_babel.get_locale()),
                "zone": str(quart_babel.get_timezone()),
                "datetime": quart_babel.format_datetime(NOON),
                "date": quart_babel.format_date(NOON, "full"),
                "time": quart_babel.format_time(NOON),
                "delta": quart_babel.format_timedelta(timedelta(days=3)),
                "number": quart_babel.format_decimal(1234567.5),
                "currency": quart_babel.format_currency(9.5, "EUR"),
                "local": quart_babel.to_user_timezone(NOON).isoformat(),
            }

        @app.get("/forced")
        async def forced():
            with force_locale("de"):
                inside = gettext("Yes")
            return [inside, gettext("Yes")]

        @app.post("/language")
        async def choose_language():
            before = gettext("Yes")
            g.language = (await request.form)["language"]
            refresh()
            await flash(gettext("Yes"))
            return [before, *get_flashed_messages()]

        @app.get("/languages")
        async def languages():
            return sorted(str(locale) for locale in current_app.extensions["babel"].instance.list_translations())

        @app.errorhandler(404)
        async def missing(error):
            return gettext("Hello %(name)s!", name="404"), 404

    return build


def test_texts_are_in_the_language_of_the_request(serve_beside_quart: ServeBesideQuart, translated: Build) -> None:
    client = serve_beside_quart(translated)
    german = ["Ja", "Hallo Bob!", "1 Apfel", "3 Äpfel", "Mai", "Hallo Ann!"]
    english = ["Yes", "Hello Bob!", "1 apple", "3 apples", "May", "Hello Ann!"]
    assert client.get("/texts?name=Bob", GERMAN).json() == german
    assert client.get("/texts?name=Bob", ENGLISH).json() == english
    assert client.get("/missing", GERMAN).text == "Hallo 404!"


def test_templates_are_translated(serve_beside_quart: ServeBesideQuart, translated: Build) -> None:
    client = serve_beside_quart(translated)
    german = client.get("/template", GERMAN).text
    assert german.startswith("Ja Hallo &lt;Bob&gt;! Hallo Ann!\n3 Äpfel\n09.03.24, 13:30 ")
    assert german.endswith("1.234,5 25\u00a0%")
    assert client.get("/template", ENGLISH).text.endswith("1,234.5 25%")


def test_formats_are_those_of_the_user(serve_beside_quart: ServeBesideQuart, translated: Build) -> None:
    client = serve_beside_quart(translated)
    german = client.get("/formats?zone=Asia/Tokyo", GERMAN).json()
    assert (german["locale"], german["zone"], german["local"]) == ("de", "Asia/Tokyo", "2024-03-09T21:30:00+09:00")
    assert (german["date"], german["delta"], german["number"]) == ("Samstag, 9. März 2024", "3 Tage", "1.234.567,5")
    english = client.get("/formats", ENGLISH).json()
    assert (english["zone"], english["local"]) == ("Europe/Vienna", "2024-03-09T13:30:00+01:00")
    assert (english["date"], english["currency"]) == ("Saturday, March 9, 2024", "€9.50")


def test_the_language_changes_within_a_request(serve_beside_quart: ServeBesideQuart, translated: Build) -> None:
    client = serve_beside_quart(translated)
    assert client.get("/forced", ENGLISH).json() == ["Ja", "Yes"]
    assert client.post("/language", ENGLISH, form={"language": "de"}).json() == ["Yes", "Ja"]


def test_translations_are_listed(serve_beside_quart: ServeBesideQuart, translated: Build) -> None:
    assert serve_beside_quart(translated).get("/languages").json() == ["de", "en"]
