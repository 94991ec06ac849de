"""What runs around a view, in which order, in each mixture of colours: the order is Flask's."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import flask
import pytest

from dualapp import (
    Blueprint,
    DualApp,
    abort,
    after_this_request,
    current_app,
    g,
    has_request_context,
    request,
    session,
    stream_with_context,
    url_for,
)

from ..conftest import Paint, Serve
from ..support.entry_driver import Client
from ..support.waiting import LIMIT
from .apps import Own


def calls(client: Client) -> list[str]:
    """What ran in our app, after making sure that the same ran in Flask."""
    ours = list(client.app.extensions["calls"])
    assert client.twin is None or ours == client.twin.app.extensions["calls"]
    return ours


def note(what: str) -> None:
    current_app.extensions["calls"].append(what)


def views(app: DualApp) -> None:
    @app.get("/")
    async def index():
        await asyncio.sleep(0)
        note("view")

        @after_this_request
        async def last(response):
            await asyncio.sleep(0)
            note("after this")
            return response

        return "index"

    @app.get("/fail")
    async def fail():
        note("view")
        raise LookupError("on purpose")

    @app.get("/abort")
    async def aborts():
        note("view")
        abort(418)

    blueprint = Blueprint("bp", "tests.parity", url_prefix="/bp")

    @blueprint.get("/")
    async def within():
        await asyncio.sleep(0)
        note("view")
        return "within"

    app.extensions["views"] = blueprint


def hooks_of(app: DualApp) -> None:
    app.extensions["calls"] = []

    @app.before_request
    async def before_1():
        await asyncio.sleep(0)
        note("before 1")

    @app.before_request
    async def before_2():
        note("before 2")

    @app.after_request
    async def after_1(response):
        await asyncio.sleep(0)
        note("after 1")
        response.headers.add("X-After", "1")
        return response

    @app.after_request
    async def after_2(response):
        note("after 2")
        response.headers.add("X-After", "2")
        return response

    @app.teardown_request
    async def teardown_1(error):
        await asyncio.sleep(0)
        note(f"teardown 1 {type(error).__name__} {has_request_context()}")

    @app.teardown_request
    async def teardown_2(error):
        note(f"teardown 2 {type(error).__name__}")

    @app.teardown_appcontext
    async def teardown_app_1(error):
        note(f"teardown app 1 {type(error).__name__}")

    @app.teardown_appcontext
    async def teardown_app_2(error):
        note(f"teardown app 2 {type(error).__name__}")


def blueprint_hooks(app: DualApp) -> None:
    blueprint = app.extensions["views"]

    @blueprint.before_request
    async def before():
        await asyncio.sleep(0)
        note("bp before")

    @blueprint.before_app_request
    async def before_app():
        note("bp before app")

    @blueprint.after_request
    async def after(response):
        note("bp after")
        return response

    @blueprint.after_app_request
    async def after_app(response):
        await asyncio.sleep(0)
        note("bp after app")
        return response

    @blueprint.teardown_request
    async def teardown(error):
        note("bp teardown")

    @blueprint.teardown_app_request
    async def teardown_app(error):
        await asyncio.sleep(0)
        note("bp teardown app")

    app.register_blueprint(blueprint)


def one_before_two(first: str, second: str, seen: list[str]) -> bool:
    return seen.index(first) < seen.index(second)


def test_the_order_is_flasks(serve: Serve, paint: Paint) -> None:
    client = serve(views, paint(hooks_of))
    answer = client.get("/")
    assert answer.all("x-after") == ["2", "1"]
    assert calls(client) == [
        "before 1",
        "before 2",
        "view",
        "after this",
        "after 2",
        "after 1",
        "teardown 2 NoneType",
        "teardown 1 NoneType True",
        "teardown app 2 NoneType",
        "teardown app 1 NoneType",
    ]


def test_the_order_with_a_blueprint_is_flasks(serve: Serve, paint: Paint) -> None:
    client = serve(views, paint(hooks_of), paint(blueprint_hooks))
    client.get("/bp/")
    seen = calls(client)
    assert seen[:5] == ["before 1", "before 2", "bp before app", "bp before", "view"]
    assert seen[5:9] == ["bp after", "bp after app", "after 2", "after 1"]
    client.get("/")
    assert calls(client)[len(seen) :][:4] == ["before 1", "before 2", "bp before app", "view"]


def test_hooks_of_two_colours_keep_their_order(serve: Serve) -> None:
    def hooks(app: DualApp) -> None:
        app.extensions["calls"] = []

        def register(n, hook):
            hook.__name__ = f"hook_{n}"
            app.before_request(hook)

        for n in range(6):

            def sync_hook(n=n):
                note(f"hook {n}")

            async def async_hook(n=n):
                await asyncio.sleep(0)
                note(f"hook {n}")

            register(n, sync_hook if n in (0, 3, 4) else async_hook)

    client = serve(views, hooks)
    client.get("/")
    assert calls(client)[:7] == [*[f"hook {n}" for n in range(6)], "view"]


@pytest.mark.parametrize("path", ["/fail", "/abort", "/nowhere"])
def test_after_and_teardown_run_when_there_is_an_error(serve: Serve, paint: Paint, path: str) -> None:
    client = serve(views, paint(hooks_of))
    answer = client.get(path)
    assert answer.status == {"/fail": 500, "/abort": 418, "/nowhere": 404}[path]
    assert answer.all("x-after") == ["2", "1"]
    error = "LookupError" if path == "/fail" else "NoneType"
    assert calls(client)[-4:-2] == [f"teardown 2 {error}", f"teardown 1 {error} True"]


def test_an_early_answer_skips_the_rest(serve: Serve, paint: Paint) -> None:
    def hooks(app: DualApp) -> None:
        app.extensions["calls"] = []

        @app.before_request
        async def answers():
            note("answers")
            return {"early": True}, 203

        @app.before_request
        async def never():
            note("never")

        @app.after_request
        async def after(response):
            note("after")
            return response

    client = serve(views, paint(hooks))
    answer = client.get("/")
    assert (answer.status, answer.json()) == (203, {"early": True})
    assert calls(client) == ["answers", "after"]


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_hook_that_raises_is_a_500(serve: Serve, paint: Paint, where: str) -> None:
    def hooks(app: DualApp) -> None:
        app.extensions["calls"] = []

        @app.before_request
        async def before():
            if request.args["where"] == "before":
                raise LookupError

        @app.after_request
        async def after(response):
            note("after")
            if request.args["where"] == "after" and response.status_code == 200:
                raise LookupError
            return response

        @app.teardown_request
        async def teardown(error):
            note(f"teardown {type(error).__name__}")

    client = serve(views, paint(hooks))
    assert client.get(f"/?where={where}").status == 500
    assert calls(client)[-1] == "teardown LookupError"


def test_an_after_hook_may_replace_the_response(serve: Serve, paint: Paint) -> None:
    def hooks(app: DualApp) -> None:
        app.extensions["calls"] = []

        @app.after_request
        async def replaces(response):
            return app.response_class(b"replaced: " + await response.get_data(), 202)

    answer = serve(views, paint(hooks), twin=False).get("/")
    assert (answer.status, answer.text) == (202, "replaced: index")


def test_after_this_request_in_a_hook(serve: Serve, paint: Paint) -> None:
    def hooks(app: DualApp) -> None:
        app.extensions["calls"] = []

        @app.before_request
        async def plans():
            @after_this_request
            async def later(response):
                response.headers["X-Planned"] = request.path
                note("planned")
                return response

    client = serve(views, paint(hooks))
    assert client.get("/").header("x-planned") == "/"
    assert calls(client) == ["view", "planned", "after this"]
    assert client.get("/bp").header("x-planned") == "/bp"


def test_g_and_session_pass_from_hook_to_view_to_hook(serve: Serve, paint: Paint) -> None:
    def hooks(app: DualApp) -> None:
        app.secret_key = "secret"

        @app.before_request
        async def load():
            g.user = request.args["user"]
            session["hook"] = 1

        @app.after_request
        async def after(response):
            response.headers["X-Seen"] = f"{g.user} {g.view} {session['view']}"
            return response

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            g.view, session["view"] = g.user.upper(), session["hook"] + 1
            return g.user

    answer = serve(build, paint(hooks)).get("/?user=ann")
    assert (answer.text, answer.header("x-seen")) == ("ann", "ann ANN 2")


def test_url_value_preprocessors_and_defaults(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.url_value_preprocessor
        async def pull(endpoint, values):
            await asyncio.sleep(0)
            g.lang = (values or {}).pop("lang", "?")

        # `url_for` is no awaitable in either colour: on the loop, an async function may do all but wait.
        @app.url_defaults
        async def push(endpoint, values):
            if app.url_map.is_endpoint_expecting(endpoint, "lang"):
                values.setdefault("lang", g.lang)

        app.extensions["bp"] = blueprint = Blueprint("shop", "tests.parity", url_prefix="/<lang>/<shop>")

        @blueprint.url_value_preprocessor
        async def pull_shop(endpoint, values):
            g.shop = values.pop("shop")

        @blueprint.url_defaults
        async def push_shop(endpoint, values):
            values.setdefault("shop", g.shop)

    def build(app: DualApp) -> None:
        blueprint = app.extensions["bp"]

        @app.get("/<lang>/")
        async def index():
            return {"lang": g.lang, "url": url_for("about"), "other": url_for("about", lang="fr")}

        @app.get("/<lang>/about")
        async def about():
            return g.lang

        @blueprint.get("/items")
        async def items():
            return url_for(".items") + " " + g.shop

        app.register_blueprint(blueprint)

    client = serve(hooks, build)
    assert client.get("/de/").json() == {"lang": "de", "url": "/de/about", "other": "/fr/about"}
    assert client.get("/en/books/items").text == "/en/books/items books"
    assert client.get("/de/books/none").status == 404


def test_teardown_runs_once_per_request_and_may_fail(serve: Serve, paint: Paint) -> None:
    def hooks(app: DualApp) -> None:
        app.extensions["calls"] = []

        @app.teardown_request
        async def teardown(error):
            note("teardown")

    client = serve(views, paint(hooks))
    for _ in range(3):
        client.get("/")
    assert calls(client).count("teardown") == 3


def test_teardown_runs_after_a_stream_is_over(serve: Serve, paint: Paint) -> None:
    """With stream_with_context the request lives as long as the stream."""

    def hooks(app: DualApp) -> None:
        app.extensions["calls"] = []

        @app.teardown_request
        async def teardown(error):
            note("teardown")

    def build(app: DualApp) -> None:

        @app.get("/")
        async def index():
            @stream_with_context
            async def words():
                note("stream starts")
                yield "a"
                await asyncio.sleep(0)
                note("stream ends")
                yield request.path

            return words()

    client = serve(build, paint(hooks), twin=False)
    assert client.get("/").text == "a/"
    assert client.app.extensions["calls"][-1] == "teardown"
    assert client.app.extensions["calls"].count("teardown") == 1
    assert one_before_two("stream ends", "teardown", client.app.extensions["calls"])


def test_an_extension_may_put_its_hooks_where_it_likes(serve: Serve, paint: Paint) -> None:
    @paint
    def extension(app: DualApp) -> None:
        async def first():
            note("first of all")

        async def last(response):
            note("last of all")
            return response

        app.before_request_funcs.setdefault(None, []).insert(0, first)
        app.after_request_funcs.setdefault(None, []).insert(0, last)

    client = serve(views, paint(hooks_of), extension)
    client.get("/")
    seen = calls(client)
    assert (seen[0], seen[1], seen[-5]) == ("first of all", "before 1", "last of all")


def test_what_one_hook_sets_in_a_variable_another_may_reset(serve: Serve) -> None:
    """A token is good only in the set of variables that it was made in; OpenTelemetry's hooks keep one."""
    word: ContextVar[str] = ContextVar("word")

    def build(app: DualApp) -> None:
        @app.before_request
        def before():
            flask.g.token = word.set("mine")

        @app.get("/")
        async def index():
            return word.get()

        @app.after_request
        def after(response):
            word.reset(flask.g.token)
            flask.g.token = word.set("after")
            return response

        @app.teardown_request
        def teardown(error):
            word.reset(flask.g.token)

    assert serve(build).get("/").text == "mine"


def test_a_hook_may_give_the_view_other_arguments(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.before_request
        async def other():
            flask.request.view_args = {"name": "replaced"}

        @app.get("/<name>")
        async def index(name):
            return name

    client = serve(build)
    assert [client.get("/1").text, client.get("/2").text] == ["replaced", "replaced"]


def test_the_app_is_torn_down_after_a_request_whose_teardown_failed(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["torn"] = []

        @app.teardown_appcontext
        async def teardown_app(error):
            app.extensions["torn"].append("app")

        @app.teardown_request
        async def teardown(error):
            app.extensions["torn"].append("request")
            raise Own

        @app.get("/")
        async def index():
            return "index"

    client = serve(build, twin=False)
    assert isinstance(client.get("/", escapes=True).error, Own)
    assert client.app.extensions["torn"] == ["request", "app"]


@pytest.mark.parametrize("entry", ["asgi"])
def test_the_app_is_torn_down_in_the_thread_that_outlives_its_request(entry: str) -> None:
    """Cancelled from outside, as some servers do when the client leaves; only an ASGI server can."""
    app, torn = DualApp("cancelled"), []

    @app.teardown_appcontext
    def teardown(error: BaseException | None) -> None:
        torn.append("app")

    async def main() -> None:
        loop, started, go_on = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

        @app.get("/")
        def index() -> str:
            loop.call_soon_threadsafe(started.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(LIMIT)
            return url_for("index") + request.path

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": [],
            "http_version": "1.1",
        }
        task = asyncio.create_task(app.asgi(scope, asyncio.Event().wait, nothing))  # type: ignore[arg-type]
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        async with asyncio.timeout(LIMIT):
            while not torn:
                await asyncio.sleep(0.005)

    async def nothing(message: Any) -> None:
        raise AssertionError("a cancelled request sends nothing")

    asyncio.run(main())
    assert torn == ["app"]
