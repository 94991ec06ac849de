"""Where code runs: at home as far as it can, and across once where it must."""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import Any

import flask

from dualapp import DualApp, current_app, g, request

from ..conftest import Paint, Serve
from ..support.entry_driver import LOOP


def here() -> tuple[int, int | None]:
    """This thread and, where one is running, this loop."""
    try:
        return threading.get_ident(), id(asyncio.get_running_loop())
    except RuntimeError:
        return threading.get_ident(), None


def tracing(app: DualApp) -> None:
    app.extensions["places"] = []

    def note():
        app.extensions["places"].append(here())

    @app.before_request
    async def before():
        note()

    @app.get("/")
    async def index():
        note()
        return "x"

    @app.after_request
    async def after(response):
        note()
        return response

    @app.teardown_request
    async def teardown(error):
        note()


def test_code_of_one_colour_runs_in_one_place(serve: Serve) -> None:
    client = serve(tracing, twin=False)
    client.get("/")
    places = client.app.extensions["places"]
    assert len(places) == 4
    [(thread, loop)] = set(places)
    server, mine = id(LOOP.loop), threading.get_ident()
    if serve.is_async:
        assert loop == server if client.entry == "asgi" else loop not in (None, server)
    else:
        assert loop is None
        assert (thread == mine) == (client.entry == "wsgi")


def test_async_code_runs_on_one_loop_from_request_to_request(serve: Serve) -> None:
    """What one request makes on a loop (a pool, a lock) works in the next."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def async_view():
            lock = app.extensions.setdefault("lock", asyncio.Lock())
            queue = app.extensions.setdefault("queue", asyncio.Queue())
            async with lock:
                await asyncio.sleep(0)
                queue.put_nowait(1)
            return str(queue.qsize())

        @app.before_request
        async def async_hook():
            app.extensions.setdefault("loops", set()).add(id(asyncio.get_running_loop()))

        @app.get("/sync")
        def sync_view():
            return "x"

    client = serve(build, twin=False)
    assert [client.get("/").text for _ in range(3)] == ["1", "2", "3"]
    client.get("/sync")
    assert len(client.app.extensions["loops"]) == 1


def test_sync_code_under_wsgi_runs_in_the_thread_of_its_request(serve: Serve) -> None:
    """So that what is bound to a thread keeps working, as an sqlite connection does, whatever calls it."""

    def build(app: DualApp) -> None:
        @app.before_request
        def sync_hook():
            g.thread = threading.get_ident()

        @app.get("/")
        async def index():
            return {"hook": g.thread}

    client = serve(build, twin=False)
    thread = client.get("/").json()["hook"]
    if client.entry == "wsgi":
        assert thread == threading.get_ident()


def test_sync_code_never_runs_on_a_loop(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def before():
            g.hook = here()[1] is not None

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return {"hook": g.hook, "view": here()[1] is not None}

    expected = {"hook": paint.param == "async-hooks", "view": serve.is_async}  # type: ignore[attr-defined]
    assert serve(build, hooks, twin=False).get("/").json() == expected


def test_ensure_sync_in_decorators(serve: Serve) -> None:
    """Flask's documented way to decorate views of either colour."""

    def build(app: DualApp) -> None:
        def shouting(view):
            @functools.wraps(view)
            def wrapper(*args, **kwargs):
                return current_app.ensure_sync(view)(*args, **kwargs).upper()

            return wrapper

        @app.post("/<name>")
        @shouting
        async def index(name):
            await asyncio.sleep(0)
            return name + (await request.get_data()).decode()

    assert serve(build).post("/ann", body=b"!x").text == "ANN!X"


def test_calling_the_other_colour_by_hand(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        async def async_work(x):
            await asyncio.sleep(0.001)
            return x + here()[0] * 0

        def sync_work(x):
            assert here()[1] is None
            return x + 1

        @app.get("/sync")
        def sync_view():
            return {"got": app.ensure_sync(async_work)(1), "plain": app.ensure_sync(sync_work)(1)}

        @app.get("/async")
        async def async_view():
            return {"got": await app.ensure_async(async_work)(1), "plain": await app.ensure_async(sync_work)(1)}

    client = serve(build, twin=False)
    assert client.get("/sync").json() == client.get("/async").json() == {"got": 1, "plain": 2}


def test_a_decorator_that_knows_nothing_of_async_may_stand_above_an_async_view(serve: Serve) -> None:
    """The oldest extensions have them: what the view gives is a coroutine, which is run on the loop."""

    def decorated(view: Any) -> Any:
        @functools.wraps(view)
        def call(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        return call

    def responding(view: Any) -> Any:
        @functools.wraps(view)
        def call(*args: Any, **kwargs: Any) -> Any:
            response = flask.make_response(view(*args, **kwargs))
            response.headers["X-Seen"] = "yes"
            return response

        return call

    def build(app: DualApp) -> None:
        @app.post("/<name>")
        @decorated
        async def name_and_form(name):
            await asyncio.sleep(0)
            if name == "nobody":
                flask.abort(404)
            return {name: await request.get_data(as_text=True)}, 202

        @app.get("/seen")
        @responding
        async def seen():
            await asyncio.sleep(0)
            return "seen"

        @app.errorhandler(404)
        async def missing(error):
            return "no such name", 404

    client = serve(build)
    assert client.post("/ann", body=b"data").json() == {"ann": "data"}
    assert client.post("/nobody").text == "no such name"
    assert client.get("/seen").header("x-seen") == "yes"
