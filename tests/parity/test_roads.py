"""The short road and the general one: whatever a view does, both answer the same, and the same as plain Flask."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import time
from collections.abc import Iterator
from itertools import product
from typing import Any

import flask
import pytest
from flask import signals
from flask.json.provider import DefaultJSONProvider
from flask.sessions import SecureCookieSessionInterface
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import Conflict, HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as WerkzeugResponse

from dualapp import (
    DualApp,
    Response,
    after_this_request,
    copy_current_request_context,
    current_app,
    g,
    has_request_context,
    request,
    session,
    stream_with_context,
)

from ..conftest import NAME, Serve
from ..support.entry_driver import Ask, Client, environ_of
from ..support.recolour import Build
from ..support.roads import ROADS
from ..support.waiting import LIMIT, wait_for
from .both_roads import BothRoads, twin_of
from .values import MADE, VALUES

METHODS = ("GET", "HEAD")


def plans_of(client: Client) -> Any:
    answer = getattr(client.app, {"wsgi": "_answer_wsgi", "asgi": "_asgi_entry"}[client.entry])
    return answer.__self__.plans


def table(app: DualApp) -> None:
    @app.get("/<path:name>")
    async def index(name):
        return MADE[name]() if name in MADE else VALUES[name]


def test_there_are_two_roads(serve: Serve) -> None:
    """Or else nothing is compared here."""
    roads = BothRoads(serve, table)
    roads.request("GET", "/str")
    for road, client in roads.clients.items():
        plans, is_short = plans_of(client), road == "short"
        assert (plans._plans["index"].view_only_methods != set(), plans._plans["index"].sends_plain) == (
            is_short,
            is_short,
        )
        assert plans._is_fast == is_short


@pytest.fixture
def without_log() -> Iterator[None]:
    """Thousands of errors are made on purpose."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("method", METHODS)
def test_values_of_all_kinds(serve: Serve, method: str) -> None:
    roads, seen = BothRoads(serve, table), set()
    for name in (*VALUES, *MADE):
        seen.add(roads.request(method, f"/{name.replace(' ', '%20')}").status)
    assert {200, 202, 204, 205, 304, 418, 500, 599} <= seen


# What a hypothesis tries next: the view returns it.
NEXT: list[Any] = [None]


def returning(app: DualApp) -> None:
    @app.get("/")
    async def index():
        return NEXT[0]


keys = st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.floats())
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.dates())
json_values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
bodies = st.one_of(st.text(), st.binary(), st.lists(json_values), st.dictionaries(keys, json_values, max_size=4))
names = st.sampled_from(["X-One", "x-two", "ETag", "Vary", "Allow", "Cache-Control", "Content-Type", "Location", "X_3"])
# What HTTP does not allow is the same on both roads, but not in Flask: see test_response_heads.py.
contents = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=8).map(str.strip)
headers = st.dictionaries(names, contents, max_size=3)
statuses = st.integers(200, 599)


values = st.one_of(bodies, st.tuples(bodies, statuses | headers), st.tuples(bodies, statuses, headers))


@pytest.mark.usefixtures("without_log")
def test_values_at_random(serve: Serve) -> None:
    roads = BothRoads(serve, returning)

    @settings(max_examples=200)
    @given(values)
    def answer(value: Any) -> None:
        NEXT[0] = value
        roads.request("GET", "/")

    answer()


@pytest.mark.parametrize(
    "name", ["str", "str, headers one", "dict, headers ordinary", "str, 418, headers location", "response", "headers"]
)
def test_headers_are_spelled_as_flask_spells_them(name: str) -> None:
    """Also where they are compared without case: who reads them may not know."""
    spelled: list[Any] = []
    clients = BothRoads(Serve("wsgi", "async"), table).clients.values()
    for client in (*clients, *map(twin_of, clients)):
        environ = environ_of(Ask(target="/" + name.replace(" ", "%20")))
        client.app.wsgi_app(environ, lambda *start: spelled.append(start))
    assert spelled[1:] == spelled[:-1]


# --------------------------------------------------------------------------------------------------------------- JSON


SETTINGS: dict[str, Any] = {
    "sort_keys": False,
    "ensure_ascii": False,
    "compact": False,
    "mimetype": "application/problem+json",
    "default": lambda value: f"<{type(value).__name__}>",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_json_may_change_while_it_serves(serve: Serve, name: str) -> None:
    value = {"ü": 1j if name == "default" else 1, "a": [2, {"x": 3}]}

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return value

    client = serve(build)
    apps = [client.app, twin_of(client).app]
    before = client.get("/")
    for app in apps:
        setattr(app.json, name, SETTINGS[name])
    after = client.get("/")
    assert before.comparable() != after.comparable()
    for app in apps:
        app.config["DEBUG"] = True
    assert client.get("/").body != after.body or name == "compact"


class Slow:
    """A setting that takes so long to be looked at that others come meanwhile."""

    def __bool__(self) -> bool:
        time.sleep(0.05)
        return True


def test_the_first_values_of_many_threads_are_json_all(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.json.sort_keys = Slow()  # type: ignore[attr-defined]

        @app.get("/<int:number>")
        async def index(number):
            return {"b": 1, "a": number}

    client = serve(build, twin=False)
    answers = client.many([Ask(target=f"/{number}") for number in range(8)], threads=8)
    assert [(answer.header("content-type"), answer.text) for answer in answers] == [
        ("application/json", f'{{"a":{number},"b":1}}\n') for number in range(8)
    ]


class Touching:
    """A value that looks at the request when it is encoded, as one does that shows each user what he may see."""

    def __init__(self, touch: Any) -> None:
        self.touch = touch

    def __html__(self) -> str:
        flask.current_app.extensions["encoded"].append(flask.request.path)
        return str(self.touch())


def sign(response: Any) -> Any:
    response.headers["X-Signed"] = "yes"
    return response


TOUCHES: dict[str, Any] = {
    "session": lambda: flask.session.get("user"),
    "written": lambda: flask.session.setdefault("user", "ann"),
    "hook": lambda: flask.after_this_request(sign).__name__,
    "request": lambda: flask.request.path,
    "error": lambda: 1 / 0,
}


@pytest.mark.parametrize("hooks", [False, True])
@pytest.mark.parametrize("touch", TOUCHES)
def test_what_encoding_touches_counts(serve: Serve, touch: str, hooks: bool) -> None:
    """The code that encodes a value is called once, whatever it touches."""

    def build(app: DualApp) -> None:
        app.secret_key = "secret"
        app.extensions["encoded"] = []

        @app.get("/")
        async def index():
            return {"user": Touching(TOUCHES[touch])}

        @app.get("/empty")
        async def empty():
            return {"user": Touching(TOUCHES[touch])}, 204

        @app.errorhandler(404)
        async def missing(error):
            return {"user": Touching(TOUCHES[touch])}, 404

        if hooks:

            @app.after_request
            async def after(response):
                return response

    client = serve(build)
    for path in ("/", "/missing", "/empty"):
        answer = client.get(path)
        assert (answer.header("vary") == "Cookie") == (touch in ("session", "written"))
        assert (answer.header("set-cookie") is not None) == (touch == "written")
        assert (answer.header("x-signed") == "yes") == (touch == "hook")
    assert client.app.extensions["encoded"] == ["/", "/missing", "/empty"]


class CountingProvider(DefaultJSONProvider):
    """Counts what it decodes."""

    def loads(self, s: Any, **options: Any) -> Any:
        self._app.extensions["decoded"].append(s)
        return super().loads(s, **options)


@pytest.mark.parametrize(("body", "status"), [(b"[1]", 200), (b"[1", 400), (b"\xff", 400)])
def test_a_body_is_decoded_once(serve: Serve, body: bytes, status: int) -> None:
    def build(app: DualApp) -> None:
        app.json = CountingProvider(app)
        app.extensions["decoded"] = []

        @app.post("/")
        async def index():
            return await request.get_json()

    client = serve(build)
    answer = client.post("/", headers=[("Content-Type", "application/json")], body=body)
    assert answer.status == status
    assert len(client.app.extensions["decoded"]) == 1


# ----------------------------------------------------------------------------------------------------- requests, views


@pytest.mark.parametrize(
    ("connected", "heard"),
    [
        ("request_started/request_finished", ["request_finished"]),
        ("appcontext_pushed/appcontext_popped", ["appcontext_popped"]),
        ("request_started/got_request_exception", ["got_request_exception"]),
        ("request_tearing_down/appcontext_tearing_down", ["request_tearing_down", "appcontext_tearing_down"]),
    ],
)
def test_a_view_that_listens_hears_what_is_still_to_come(serve: Serve, connected: str, heard: list[str]) -> None:
    def build(app: DualApp) -> None:
        seen = app.extensions["seen"] = []
        keep = app.extensions["keep"] = []

        def hear(name):
            def receive(sender, **extra):
                seen.append(name)

            keep.append(receive)
            getattr(signals, name).connect(receive, app)

        @app.get("/<path:names>")
        async def index(names):
            for name in names.split("/"):
                hear(name)
            if "got_request_exception" in names:
                raise LookupError
            return "text"

    client = serve(build)
    client.get(f"/{connected}")
    assert client.app.extensions["seen"] == twin_of(client).app.extensions["seen"] == heard


ARGUMENTS = ["func", "self", "args", "kwargs", "call", "value", "view", "context", "plan", "loop", "variables", "name"]


def plain_views(app: DualApp) -> None:
    def add(name):
        async def view(**arguments):
            return arguments

        app.add_url_rule(f"/{name}/<{name}>", name, view)

    for name in ARGUMENTS:
        add(name)


def wrapped_views(app: DualApp) -> None:
    """As decorators do it that are made for Flask."""

    def add(name):
        async def view(**arguments):
            return arguments

        def sync_wrapper(**arguments):
            return app.ensure_sync(view)(**arguments)

        app.add_url_rule(f"/{name}/<{name}>", name, sync_wrapper)

    for name in ARGUMENTS:
        add(name)


@pytest.mark.parametrize("build", [plain_views, wrapped_views])
def test_arguments_of_views_may_have_any_name(serve: Serve, build: Build) -> None:
    roads = BothRoads(serve, build)
    for name in ARGUMENTS:
        assert roads.request("GET", f"/{name}/x").json() == {name: "x"}


@pytest.mark.parametrize("method", ["options", "Options", "get", "head", "OPTIONS", "BREW"])
def test_methods_are_matched_as_werkzeug_matches_them(serve: Serve, method: str) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return request.method

    BothRoads(serve, build).request(method, "/")


class Stop(BaseException):
    pass


ERRORS: dict[str, Any] = {
    "error": LookupError("own"),
    "http": Conflict("taken"),
    "http with response": Conflict(response=WerkzeugResponse("taken", 409, {"X-Own": "1"})),
    "http without code": HTTPException("no code"),
    "http of odd code": type("Odd", (HTTPException,), {"code": 499, "description": "odd"})(),
    "http with headers": type("Busy", (Conflict,), {"get_headers": lambda *_: [("X-Busy", "1"), ("X-Busy", "2")]})(),
    "redirect": RequestRedirect("/elsewhere"),
    "key": KeyError("key"),
    "oserror": OSError("no client has left"),
    "connection": ConnectionResetError("of another connection"),
    "timeout": TimeoutError("of the view"),
    "recursion": RecursionError("deep"),
    "memory": MemoryError(),
    "group": BaseExceptionGroup("several", [ValueError(), KeyError()]),
    "generator exit": GeneratorExit(),
    "cancelled": asyncio.CancelledError(),
    "stop": Stop(),
}
#: These end a worker of many a server that serves plain Flask; here they are errors like any other.
OWN = {"generator exit", "cancelled"}


def raising(app: DualApp) -> None:
    @app.get("/<name>")
    async def fail(name):
        raise ERRORS[name]

    @app.get("/late/<name>")
    async def fail_late(name):
        await asyncio.sleep(0)
        raise ERRORS[name]


def handling(app: DualApp) -> None:
    raising(app)

    @app.errorhandler(409)
    async def taken(error):
        return {"handled": error.code}, 418

    @app.errorhandler(OSError)
    async def broken(error):
        return Response(f"handled {type(error).__name__}", 502)

    @app.errorhandler(KeyError)
    async def worse(error):
        raise LookupError from error

    @app.errorhandler(Exception)
    async def anything(error):
        return f"handled {type(error).__name__}", 500


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("build", [raising, handling])
def test_errors_of_all_kinds(serve: Serve, build: Build) -> None:
    clients = BothRoads(serve, build).clients.values()
    for name, when in product(ERRORS, ("", "late/")):
        ask = Ask(target=f"/{when}{name.replace(' ', '%20')}")
        twins = () if name in OWN else map(twin_of, clients)
        outcomes = [outcome(client, ask) for client in (*clients, *twins)]
        assert outcomes[1:] == outcomes[:-1], name


def outcome(client: Client, ask: Ask) -> Any:
    """The answer, or what escapes, also where that asks more to end than a request."""
    try:
        return client.speak(ask).comparable()
    except BaseException as error:
        return type(error)


def test_a_cancelled_view_leaves_nothing_behind(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            raise asyncio.CancelledError

        @app.get("/fine")
        async def fine():
            return str(has_request_context())

    client = serve(build, twin=False)
    assert outcome(client, Ask())[0] == 500
    assert not has_request_context()
    assert client.get("/fine").text == "True"


def failing(app: DualApp) -> None:
    @app.get("/at-once")
    async def at_once():
        raise LookupError

    @app.get("/later")
    async def later():
        await asyncio.sleep(0.001)
        raise LookupError

    @app.get("/after-a-timeout")
    async def async_after_a_timeout():
        try:
            async with asyncio.timeout(0.001):
                await asyncio.sleep(LIMIT)
        except TimeoutError:
            pass
        raise LookupError

    @app.get("/in-a-handler")
    async def in_a_handler():
        raise KeyError

    @app.errorhandler(KeyError)
    async def handler(error):
        raise LookupError from error


@pytest.mark.parametrize("path", ["at-once", "later", "after-a-timeout", "in-a-handler"])
def test_a_traceback_tells_of_the_view_once_and_of_nothing_else(
    serve: Serve, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    """What went on between the view and the log is no part of the story."""
    assert serve(failing, twin=False).get(f"/{path}").status == 500
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    log = logging.Formatter().format(record)
    view = "async_after_a_timeout" if path == "after-a-timeout" else path.replace("-", "_")
    assert log.count(f" in {view}\n") == 1
    assert log.count("Traceback") == (2 if path == "in-a-handler" else 1)
    assert "During handling" not in log


def test_nothing_that_was_handled_is_being_handled(serve: Serve) -> None:
    """Neither is it logged with the next line, nor is it the context of the next error."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def async_index():
            try:
                async with asyncio.timeout(0.001):
                    await asyncio.sleep(LIMIT)
            except TimeoutError:
                pass
            return str(sys.exc_info()[1])

    assert serve(build, twin=False).get("/").text == "None"


# ----------------------------------------------------------------------------------------------------------- contexts


def test_a_view_may_ask_its_own_app(serve: Serve) -> None:
    """The inner requests share the outer one's `g`, as in Flask, and nothing else."""

    def build(app: DualApp) -> None:
        app.secret_key = "secret"

        @app.get("/<int:depth>")
        async def index(depth):
            g.setdefault("depths", []).append(depth)
            session["depth"] = depth
            inner = await app.test_client().get(f"/{depth - 1}") if depth else None
            below = await inner.get_json() if inner else None
            return {"path": request.path, "depths": g.depths, "session": session["depth"], "below": below}

        @app.get("/plain/<int:depth>")
        async def plain(depth):
            below = await (await app.test_client().get(f"/plain/{depth - 1}")).get_data() if depth else b""
            return below + b"%d" % depth

    roads = BothRoads(serve, build)
    assert roads.request("GET", "/3").json()["path"] == "/3"
    assert roads.request("GET", "/plain/3").body == b"0123"


def test_a_view_may_answer_with_another_app(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        other = type(app)("other")

        @other.get("/<path:path>")
        async def sync_within(path):
            return {"app": current_app.name, "path": request.path}

        @app.get("/<path:path>")
        async def index(path):
            return other

        @app.get("/first")
        async def first():
            g.mark = "outer"
            return other, {"X-Outer": current_app.name}

    roads = BothRoads(serve, build)
    assert roads.request("GET", "/any").json() == {"app": "other", "path": "/any"}
    assert roads.request("GET", "/first").header("x-outer") == "tests.parity"


def test_a_test_client_keeps_the_context_of_a_plain_answer() -> None:
    """As long as its block lasts, and again for the next request; what Flask's shows is what ours shows."""

    def visit(app: Any) -> list[Any]:
        app.secret_key = "secret"
        torn = []

        @app.get("/<int:number>")
        def index(number):
            g.number = number
            return {"number": number}

        @app.get("/counted")
        def counted():
            flask.session["count"] = flask.session.get("count", 0) + 1
            return str(flask.session["count"])

        def tear_down(sender, **extra):
            torn.append(flask.request.path)

        seen: list[Any] = []
        with app.test_client() as client:
            for number in range(3):
                client.get(f"/{number}")
                seen.append((flask.request.path, flask.g.get("number"), flask.session.get("count")))
            client.get("/counted")
            seen += [flask.session["count"], flask.request.endpoint, flask.url_for("index", number=1)]
            with signals.request_tearing_down.connected_to(tear_down, app):
                client.get("/counted")
                seen.append(list(torn))
            client.get("/3")
        with client.session_transaction() as stored:
            seen.append(stored["count"])
        return [*seen, torn, flask.has_request_context()]

    general = type("App", (*ROADS["general"], DualApp), {})
    assert visit(DualApp(NAME)) == visit(general(NAME)) == visit(flask.Flask(NAME))


def test_work_that_outlives_a_plain_answer_keeps_its_request(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        done = app.extensions["done"] = []

        @app.get("/<name>")
        async def index(name):
            @copy_current_request_context
            def sync_work():
                time.sleep(0.01)
                done.append((request.path, g.get("name", "none")))

            g.name = name
            thread = threading.Thread(target=sync_work)
            thread.start()
            app.extensions["threads"].append(thread)
            return name

        app.extensions["threads"] = []

    client = serve(build)
    for name in ("a", "b"):
        client.get(f"/{name}")
    for app in (client.app, twin_of(client).app):
        for thread in app.extensions["threads"]:
            thread.join(LIMIT)
        assert sorted(app.extensions["done"]) == [("/a", "none"), ("/b", "none")]


def test_a_task_that_outlives_a_plain_answer_keeps_its_request(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        done = app.extensions["done"] = []

        @app.get("/<name>")
        async def async_index(name):
            async def async_work():
                await asyncio.sleep(0.01)
                done.append((request.path, g.name))

            g.name = name
            app.extensions.setdefault("tasks", []).append(asyncio.create_task(async_work()))
            return name

    client = serve(build, twin=False)
    for name in ("a", "b"):
        client.get(f"/{name}")
    wait_for(lambda: len(client.app.extensions["done"]) == 2)
    assert sorted(client.app.extensions["done"]) == [("/a", "a"), ("/b", "b")]


def test_what_keeps_the_context_is_no_plain_answer(serve: Serve) -> None:
    """Whatever becomes of the stream: the view may give it up and return a text."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def words():
                yield request.path

            stream_with_context(words())
            return "text"

    assert BothRoads(serve, build).request("GET", "/").text == "text"


# ------------------------------------------------------------------------------------------------------------- memory


def remembered(app: DualApp) -> None:
    app.secret_key = "secret"

    @app.get("/text")
    async def text():
        return "text"

    @app.get("/json/<int:number>")
    async def json(number):
        return {"number": number}

    @app.get("/request")
    async def of_request():
        g.request = request._get_current_object()
        return request.path

    @app.get("/session")
    async def of_session():
        session["count"] = session.get("count", 0) + 1
        return "counted"

    @app.get("/response")
    async def response():
        return Response("made")

    @app.get("/hook")
    async def hook():
        @after_this_request
        async def again(response):
            return response

        return "text"

    @app.get("/stream")
    async def stream():
        async def words():
            yield request.path

        return stream_with_context(words())

    @app.get("/wait")
    async def wait():
        await asyncio.sleep(0)
        return "waited"


PATHS = ("text", "json/1", "request", "session", "response", "hook", "wait", "stream")


@pytest.fixture
def collecting() -> Iterator[None]:
    """Leaves the collector to the test, and to look at nothing but what comes in it."""
    gc.disable()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("collecting")
def test_requests_leave_no_cycles_to_the_collector(serve: Serve) -> None:
    """On the general road no more than in Flask, where Werkzeug's matcher leaves some."""
    short, general = BothRoads(serve, remembered).clients.values()
    for path in PATHS:
        asks = [Ask(target=f"/{path}")] * 300
        assert garbage(short, asks) < len(asks), path
        assert garbage(general, asks) < garbage(twin_of(general), asks) + len(asks), path


def garbage(client: Client, asks: list[Ask]) -> int:
    client.many(asks[:10], threads=4)  # what the first request makes is kept
    gc.collect()
    assert {answer.status for answer in client.many(asks, threads=4)} == {200}
    return gc.collect()


@pytest.mark.parametrize("name", ["open_session", "save_session", "is_null_session"])
def test_what_was_put_on_the_session_interface_is_called(serve: Serve, name: str) -> None:
    def build(app: DualApp) -> None:
        calls = app.extensions["calls"] = []
        app.secret_key = "secret"
        app.session_interface = SecureCookieSessionInterface()  # all apps have the same one
        own = getattr(app.session_interface, name)

        def counting(*args):
            calls.append(name)
            return own(*args)

        setattr(app.session_interface, name, counting)

        @app.get("/")
        async def index():
            return "text"

    client = serve(build)
    client.get("/")
    assert client.app.extensions["calls"] == twin_of(client).app.extensions["calls"] == [name]
