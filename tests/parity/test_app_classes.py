"""What users of Flask and of Quart change of their app: the classes that it is made of, and its arguments."""

from __future__ import annotations

import asyncio

import flask
import flask.sessions
import flask.templating
import pytest
import quart
import quart.config
import quart.json.provider
import quart.routing
import quart.sessions
import quart.templating
from werkzeug.routing import Map, Rule

from dualapp import (
    DualApp,
    make_response,
    render_template_string,
    request,
    session,
)

from ..conftest import NAME, Serve


class FlaskRequest(flask.Request):
    @property
    def shout(self):
        return self.path.upper()

    def on_json_loading_failed(self, error):
        return {"failed": True}


class QuartRequest(quart.Request):
    @property
    def shout(self):
        return self.path.upper()

    async def get_name(self):
        return (await self.get_json())["name"]

    def on_json_loading_failed(self, error):
        return {"failed": True}


class PoliteQuartRequest(QuartRequest):
    def on_json_loading_failed(self, error):
        return super(QuartRequest, self).on_json_loading_failed(error)


@pytest.mark.parametrize("by", ["attribute", "assignment"])
@pytest.mark.parametrize("cls", [FlaskRequest, QuartRequest])
def test_request_classes(serve: Serve, by: str, cls: type) -> None:
    def build(app: DualApp) -> None:
        if by == "assignment":
            app.request_class = cls

        @app.post("/async")
        async def async_view():
            asked = quart.request if cls is QuartRequest else flask.request
            name = await quart.request.get_name() if cls is QuartRequest else ""
            return [asked.shout, name, isinstance(flask.request, flask.Request)]

        @app.post("/failing")
        async def async_failing():
            return await quart.request.get_json()

        @app.post("/sync")
        def sync_view():
            return {"path": request.path, "json": request.get_json()}

    mixin = type("Mixin", (), {"request_class": cls}) if by == "attribute" else object
    client = serve(build, twin=False, mixin=mixin)
    name = "ann" if cls is QuartRequest else ""
    assert client.post("/async", json={"name": "ann"}).json() == ["/ASYNC", name, True]
    assert client.post("/sync", json={"x": 1}).json() == {"path": "/sync", "json": {"x": 1}}
    broken = client.post("/failing", [("Content-Type", "application/json")], b"{")
    assert broken.json() == {"failed": True}


def test_a_request_class_may_ask_quarts(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.request_class = PoliteQuartRequest

        @app.post("/")
        async def async_failing():
            return await quart.request.get_json()

    assert serve(build, twin=False).post("/", [("Content-Type", "application/json")], b"{").status == 400


class FlaskResponse(flask.Response):
    default_mimetype = "application/xml"


class QuartResponse(quart.Response):
    default_mimetype = "application/xml"

    async def get_data(self, as_text=False):
        return (await super().get_data(as_text)) * 2


@pytest.mark.parametrize("by", ["attribute", "assignment"])
@pytest.mark.parametrize("cls", [FlaskResponse, QuartResponse])
def test_response_classes(serve: Serve, by: str, cls: type) -> None:
    def build(app: DualApp) -> None:
        if by == "assignment":
            app.response_class = cls

        @app.get("/")
        async def index():
            return "<a/>"

        @app.get("/stream")
        async def async_stream():
            async def async_chunks():
                yield "<a>"
                yield b"</a>"

            return await quart.make_response(async_chunks())

        @app.get("/data")
        async def async_data():
            response = await quart.make_response("x")
            assert isinstance(response, cls)
            assert isinstance(response, flask.Response)
            return {"data": (await response.get_data(as_text=True))}

        @app.get("/file")
        async def async_file():
            return await quart.send_file(app.static_folder + "/hello.txt", conditional=True)

        @app.get("/theirs")
        async def async_theirs():
            return quart.Response("theirs")

    mixin = type("Mixin", (), {"response_class": cls}) if by == "attribute" else object
    client = serve(build, twin=False, mixin=mixin)
    assert client.get("/").header("content-type") == "application/xml; charset=utf-8"
    assert client.get("/stream").text == "<a></a>"
    assert client.get("/data").json() == {"data": "xx" if cls is QuartResponse else "x"}
    assert client.get("/file", [("Range", "bytes=2-5")]).text == "2345"
    assert client.get("/theirs").text == "theirs"


def test_quarts_own_classes_change_nothing(serve: Serve) -> None:
    """They are what a subclass of Quart's app names when it means the defaults."""

    class Defaults:
        request_class = quart.Request
        response_class = quart.Response
        websocket_class = quart.Websocket

    def build(app: DualApp) -> None:
        @app.post("/")
        async def index():
            return await request.get_json()

    client = serve(build, twin=False, mixin=Defaults)
    assert client.post("/", json={"x": 1}).json() == {"x": 1}


class Loud:
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.globals["loud"] = "LOUD"


FlaskEnvironment = type("FlaskEnvironment", (Loud, flask.templating.Environment), {})
QuartEnvironment = type("QuartEnvironment", (Loud, quart.templating.Environment), {})


@pytest.mark.parametrize("by", ["attribute", "assignment"])
@pytest.mark.parametrize("cls", [FlaskEnvironment, QuartEnvironment])
def test_jinja_environments(serve: Serve, by: str, cls: type) -> None:
    def build(app: DualApp) -> None:
        if by == "assignment":
            app.jinja_environment = cls

        @app.template_filter()
        async def twice(text):
            await asyncio.sleep(0)
            return text * 2

        @app.get("/")
        async def index():
            return await render_template_string("{{ loud|twice }}")

        @app.get("/other")
        async def other():
            return flask.render_template_string("{{ loud }}")

    mixin = type("Mixin", (), {"jinja_environment": cls}) if by == "attribute" else object
    client = serve(build, twin=False, mixin=mixin)
    assert client.get("/").text == "LOUDLOUD"
    assert client.get("/other").text == "LOUD"


class QuartSessions(quart.sessions.SecureCookieSessionInterface):
    """One whose store would be asked over the network."""

    async def open_session(self, app, request):
        await asyncio.sleep(0)
        return await super().open_session(app, request)

    async def save_session(self, app, session, response):
        await asyncio.sleep(0)
        await super().save_session(app, session, response)


@pytest.mark.parametrize("cls", [flask.sessions.SecureCookieSessionInterface, QuartSessions])
def test_session_interfaces(serve: Serve, cls: type) -> None:
    class Mixin:
        session_interface = cls()

    def build(app: DualApp) -> None:
        app.secret_key = "secret"

        @app.get("/")
        async def index():
            session["n"] = session.get("n", 0) + 1
            return {"n": session["n"]}

    client = serve(build, twin=False, mixin=Mixin)
    first = client.get("/")
    assert first.json() == {"n": 1}
    assert client.get("/", [first.cookie]).json() == {"n": 2}


@pytest.mark.parametrize("framework", ["flask", "quart"])
def test_the_other_classes(serve: Serve, framework: str) -> None:
    class Config(flask.Config if framework == "flask" else quart.config.Config):
        pass

    class Provider(quart.json.provider.DefaultJSONProvider):
        sort_keys = False

    class OwnRule(Rule if framework == "flask" else quart.routing.QuartRule):
        pass

    class OwnMap(Map if framework == "flask" else quart.routing.QuartMap):
        pass

    class Globals(flask.ctx._AppCtxGlobals):
        user = "ann"

    class Mixin:
        config_class = Config
        json_provider_class = Provider
        url_rule_class = OwnRule
        url_map_class = OwnMap
        app_ctx_globals_class = Globals

    def build(app: DualApp) -> None:
        @app.get("/<int:id>")
        async def index(id):
            return {"z": flask.g.user, "a": id}

    client = serve(build, twin=False, mixin=Mixin)
    assert isinstance(client.app.config, Config)
    assert {type(rule) for rule in client.app.url_map.iter_rules()} == {OwnRule}
    assert client.get("/1").body == b'{"z":"ann","a":1}\n'
    assert client.post("/1").status == 405


def test_quarts_arguments(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/", subdomain="api")
        async def index():
            return quart.url_for("index")

        @app.get("/template")
        async def template():
            return await render_template_string("{% include 'hello.html' %}", name="ann")

    options = {
        "static_url_path": "/files",
        "static_folder": "static",
        "static_host": None,
        "host_matching": False,
        "subdomain_matching": True,
        "template_folder": "templates",
        "instance_path": "/tmp/instance",
        "instance_relative_config": True,
        "root_path": None,
    }
    client = serve(build, twin=False, **options)
    client.app.config["SERVER_NAME"] = "example.org"
    assert client.get("/", [("Host", "api.example.org")]).text == "/"
    assert client.get("/template", [("Host", "example.org")]).text == "<p>Hello, ann!</p>"
    assert client.get("/files/hello.txt", [("Host", "example.org")]).text.startswith("0123456789")
    positional = DualApp(NAME, *options.values())
    assert (positional.static_url_path, positional.instance_path) == ("/files", "/tmp/instance")


def test_hosts_are_matched(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/", host="one.example.org")
        async def one():
            return "one"

        @app.get("/", host="two.example.org")
        async def two():
            return "two"

    client = serve(build, static_host="one.example.org", host_matching=True)
    for name in ("one", "two"):
        assert client.get("/", [("Host", f"{name}.example.org")]).text == name
    assert client.get("/static/hello.txt", [("Host", "two.example.org")]).status == 404


def test_a_response_class_of_the_users_own_is_ours_too(serve: Serve) -> None:
    class Own(flask.Response):
        default_mimetype = "text/x-own"

    def build(app: DualApp) -> None:
        app.response_class = Own

        @app.get("/")
        async def index():
            response = await make_response("made")
            return response if isinstance(response, Own) else "another class"

        @app.get("/stream")
        async def stream():
            async def words():
                yield "a"
                yield "b"

            return words()

    client = serve(build)
    for path, text in [("/", "made"), ("/stream", "ab")]:
        answer = client.get(path)
        assert (answer.text, answer.header("content-type")) == (text, "text/x-own; charset=utf-8")
