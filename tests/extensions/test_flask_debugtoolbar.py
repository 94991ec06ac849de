"""Flask-DebugToolbar

The toolbar in pages, with its panels of requests, routes, settings, templates, SQL, log records and profiles; pages in
the place of redirects, and its static files.
"""

from __future__ import annotations

import logging

from flask_debugtoolbar import DebugToolbarExtension
from flask_debugtoolbar.panels import DebugPanel
from flask_debugtoolbar.panels.config_vars import ConfigVarsDebugPanel
from flask_debugtoolbar.panels.g import GDebugPanel
from flask_debugtoolbar.panels.headers import HeaderDebugPanel
from flask_debugtoolbar.panels.logger import LoggingPanel
from flask_debugtoolbar.panels.profiler import ProfilerDebugPanel
from flask_debugtoolbar.panels.request_vars import RequestVarsDebugPanel
from flask_debugtoolbar.panels.route_list import RouteListDebugPanel
from flask_debugtoolbar.panels.sqlalchemy import SQLAlchemyDebugPanel
from flask_debugtoolbar.panels.template import TemplateDebugPanel
from flask_debugtoolbar.panels.timer import TimerDebugPanel
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.record_queries import get_recorded_queries
from sqlalchemy import text

from dualapp import DualApp, g, redirect, render_template_string, session

from ..conftest import Build, Serve
from .databases import closing_databases

PAGE = "<!doctype html><html><body><p>{{ greeting }} {{ request.args.get('name') }}</p></body></html>"


def toolbar(*panels: type[DebugPanel]) -> Build:
    def build(app: DualApp) -> None:
        app.config.update(
            SECRET_KEY="secret",
            DEBUG_TB_ENABLED=True,
            DEBUG_TB_PANELS=[f"{panel.__module__}.{panel.__name__}" for panel in panels],
        )
        DebugToolbarExtension(app)

    return build


def pages(app: DualApp) -> None:
    """Views as the toolbar needs them, which replaces the app's `dispatch_request` by one that knows sync ones only."""

    @app.route("/hello/<greeting>", methods=["GET", "POST"])
    @app.ensure_sync
    async def hello(greeting):
        session["greeted"] = greeting
        return await render_template_string(PAGE, greeting=greeting)

    @app.get("/away")
    @app.ensure_sync
    async def away():
        return redirect("/hello/again")

    @app.get("/data")
    @app.ensure_sync
    async def data():
        return {"no": "page"}

    @app.get("/broken")
    @app.ensure_sync
    async def broken():
        raise LookupError

    @app.errorhandler(LookupError)
    async def found_out(error):
        return "<html><body>nothing</body></html>", 404


REQUESTS = toolbar(RequestVarsDebugPanel, RouteListDebugPanel)


def test_pages_get_the_toolbar_with_what_was_asked(serve: Serve) -> None:
    page = serve(REQUESTS, pages).get("/hello/hi?name=Ann").text
    assert page.startswith('<!doctype html><html><body><p>hi Ann</p><div id="flDebug"')
    assert page.endswith("</body></html>")
    assert f"{__name__}.hello" in page
    assert "<td>/hello/&lt;greeting&gt;</td>" in page


def test_a_form_stays_there_for_the_view_and_for_the_toolbar(serve: Serve) -> None:
    assert "a field" in serve(REQUESTS, pages).post("/hello/hi", form={"sent": "a field"}).text


def test_answers_that_are_no_pages_are_left_alone(serve: Serve) -> None:
    client = serve(REQUESTS, pages)
    assert client.get("/data").json() == {"no": "page"}
    assert "flDebug" not in client.get("/static/hello.txt").text


def test_error_pages_get_the_toolbar(serve: Serve) -> None:
    answer = serve(REQUESTS, pages).get("/broken")
    assert (answer.status, answer.text.startswith("<html><body>nothing<div")) == (404, True)


def test_a_redirect_is_shown_as_a_page(serve: Serve) -> None:
    def follow(app: DualApp) -> None:
        app.config["DEBUG_TB_INTERCEPT_REDIRECTS"] = False

    answer = serve(REQUESTS, pages).get("/away")
    assert (answer.status, answer.header("location")) == (200, None)
    assert 'href="/hello/again"' in answer.text
    assert serve(REQUESTS, follow, pages).get("/away").header("location") == "/hello/again"


def test_its_static_files_are_served(serve: Serve) -> None:
    answer = serve(REQUESTS, pages).get("/_debug_toolbar/static/js/toolbar.js")
    assert (answer.status, answer.header("content-type")) == (200, "text/javascript; charset=utf-8")


def test_panels_of_times_settings_and_templates(serve: Serve) -> None:
    panels = toolbar(ConfigVarsDebugPanel, GDebugPanel, HeaderDebugPanel, TemplateDebugPanel, TimerDebugPanel)
    client = serve(panels, pages, twin=False)  # Times differ, and so do our settings from Flask's.
    page = client.get("/hello/hi?name=Ann", [("User-Agent", "a browser")]).text
    for shown in ("1 rendered", "a browser", "DEBUG_TB_PANELS", "CPU:"):
        assert shown in page


def test_sync_code_is_profiled_and_its_log_records_are_shown(serve: Serve) -> None:
    """These two panels look at the thread of the request, where async code may or may not run."""

    def build(app: DualApp) -> None:
        app.config["DEBUG_TB_PROFILER_ENABLED"] = True

        @app.get("/noisy")
        def sync_noisy():
            logging.getLogger("tests.noisy").warning("a noise")
            return "<html><body></body></html>"

    # Times differ.
    page = serve(toolbar(LoggingPanel, ProfilerDebugPanel), build, twin=False).get("/noisy").text
    for shown in ("1 message", "a noise", "flDebugProfilerTable"):
        assert shown in page


def test_queries_of_flask_sqlalchemy(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config.update(SQLALCHEMY_DATABASE_URI="sqlite://", SQLALCHEMY_RECORD_QUERIES=True)
        db = SQLAlchemy(app)

        @app.get("/query")
        @app.ensure_sync
        async def query():
            db.session.execute(text("SELECT 42 AS answer"))
            g.seen = len(get_recorded_queries())
            return f"<html><body>{g.seen}</body></html>"

    # It says how long the query took.
    with closing_databases(serve(toolbar(SQLAlchemyDebugPanel), build, twin=False)) as client:
        page = client.get("/query").text
    assert page.startswith("<html><body>1")
    assert "1 query" in page


def test_views_without_ensure_sync(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/bare")
        async def bare():
            return "<html><body>bare</body></html>"

    assert serve(REQUESTS, build).get("/bare").status == 200
