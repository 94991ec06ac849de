"""`dualapp routes` says what requests meet: the colour of a view, and where it runs on each entry."""

from __future__ import annotations

import asyncio
from typing import Any

import flask
import pytest
import quart
from flask.views import MethodView

from dualapp import DualApp
from dualapp.commands.routes import routes_command

from ..conftest import Serve


def printed(app: flask.Flask, *options: str) -> str:
    result = app.test_cli_runner().invoke(routes_command, options)
    assert isinstance(result.output, str)
    return result.output


def rows(app: flask.Flask, *options: str) -> list[list[str]]:
    """The cells, which two spaces or more separate."""
    titles, _, *lines = printed(app, *options).splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in (titles, *lines)]


class Both(MethodView):
    def get(self):
        return "def"

    async def post(self):
        return "async def"


def talk(): ...


def test_the_table() -> None:
    app = DualApp(__name__, static_folder=None)

    @app.get("/sync")
    def sync_view():
        return ""

    @app.route("/async", methods=["PUT", "GET"])
    async def async_view():
        return ""

    app.add_url_rule("/both", view_func=Both.as_view("both"))
    app.add_url_rule("/urls", endpoint="urls")
    app.add_url_rule("/live", endpoint="live", view_func=sync_view, websocket=True)
    app.add_websocket("/talk", "talk", talk)
    app.add_websocket("/talk/async", "talk_async", async_view)
    app.mount("/docs", flask.Flask("docs"), name="docs")
    app.mount("/service", quart.Quart("service"))
    app.mount("/dual", DualApp("dual"))
    assert rows(app) == [
        ["Rule", "Methods", "Endpoint", "View", "WSGI", "ASGI"],
        ["/service/<path:path>", "-", "ASGI app", "host loop", "server's loop"],
        ["/dual/<path:path>", "-", "DualApp", "as its views", "as its views"],
        ["/async", "GET, PUT", "async_view", "async def", "host loop", "server's loop"],
        ["/both", "GET", "both", "def", "server's thread", "pool thread"],
        ["/both", "POST", "both", "async def", "host loop", "server's loop"],
        ["/docs/<path:path>", "docs", "WSGI app", "server's thread", "pool thread"],
        ["/live", "websocket", "live", "def", "server's thread", "-"],
        ["/sync", "GET", "sync_view", "def", "server's thread", "pool thread"],
        ["/talk", "websocket", "talk", "def", "thread of its own", "thread of its own"],
        ["/talk/async", "websocket", "talk_async", "async def", "host loop", "server's loop"],
        ["/urls", "GET", "urls", "-", "-", "-"],
    ]


def test_the_options_are_those_of_flask() -> None:
    app = DualApp(__name__, static_folder=None)
    for rule, endpoint in [("/b", "first"), ("/a", "second")]:
        app.add_url_rule(rule, endpoint, str, subdomain="api")
    assert [row[0] for row in rows(app)] == ["Rule", "/b", "/a"]
    assert [row[0] for row in rows(app, "--sort", "rule")] == ["Rule", "/a", "/b"]
    titles, *found = [row[1:3] for row in rows(app, "--all-methods")]
    assert titles == ["Subdomain", "Methods"]
    assert found == [["api", "GET, HEAD, OPTIONS"]] * 2


def test_an_app_without_rules() -> None:
    assert printed(DualApp(__name__, static_folder=None)) == "No routes were registered.\n"


def test_another_app_is_named() -> None:
    assert "'other' is a Flask, not a DualApp: use `flask routes`." in printed(flask.Flask("other"))


def is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class SyncSteps:
    def dispatch_request(self, *args: Any) -> Any:
        return super().dispatch_request(*args)  # type: ignore[misc]  # the app's


class AsyncSteps:
    async def preprocess_request(self, *args: Any) -> Any:
        return None


@pytest.mark.parametrize("mixin", [object, SyncSteps, AsyncSteps])
def test_a_view_runs_where_the_table_says(serve: Serve, mixin: type) -> None:
    """Whichever colour the steps around it have."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return {"loop": is_on_a_loop()}

    client = serve(build, twin=False, mixin=mixin)
    runs_on_loop = client.get("/").json()["loop"]
    (row,) = [row for row in rows(client.app) if row[0] == "/"]
    assert row[3] == ("async def" if serve.is_async else "def")
    assert ("loop" in row[4 if serve.entry == "wsgi" else 5]) is runs_on_loop
