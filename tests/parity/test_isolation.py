"""Nothing of one request is seen by another, however many run at once."""

from __future__ import annotations

import asyncio
import contextvars
import random

import pytest

from dualapp import DualApp, copy_current_request_context, current_app, g, has_request_context, request, session

from ..conftest import Serve
from ..support.entry_driver import Ask
from ..support.waiting import LIMIT

COUNT = 3000
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="clean")


def mirror(app: DualApp) -> None:
    app.secret_key = "secret"

    @app.before_request
    async def remember():
        g.before = request.headers["X-Id"]

    @app.post("/<id>")
    async def index(id):
        session["id"] = id
        g.id = id
        await asyncio.sleep(random.random() / 200)
        return {
            "path": request.path[1:],
            "query": request.args["id"],
            "header": request.headers["X-Id"],
            "body": (await request.get_data()).decode(),
            "g": g.id,
            "before": g.before,
            "session": session["id"],
            "app": current_app.name,
        }

    @app.after_request
    async def sign(response):
        response.headers["X-Id"] = g.id
        return response


@pytest.mark.parametrize("mixed", [False, True], ids=["one-colour", "mixed"])
def test_thousands_at_once_never_see_each_other(serve: Serve, paint, mixed: bool) -> None:
    """Row 3."""

    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def look():
            assert request.headers["X-Id"] == request.args["id"]

    if paint.param == "async-hooks" and not mixed:
        pytest.skip("no hooks, no colour of hooks")
    client = serve(mirror, *([hooks] if mixed else []), twin=False)
    ids = [f"id-{n}" for n in range(COUNT if not mixed else COUNT // 3)]
    asks = [Ask("POST", f"/{id}?id={id}", [("X-Id", id)], id.encode()) for id in ids]
    for id, answer in zip(ids, client.many(asks, threads=64), strict=True):
        assert answer.status == 200, answer.text
        seen = answer.json()
        assert seen.pop("app") == client.app.name
        assert set(seen.values()) == {id}
        assert answer.header("x-id") == id
        assert (answer.header("set-cookie") or "").startswith("session=")


def test_sync_views_run_at_the_same_time(serve: Serve) -> None:
    """On both entries: not one after another."""

    def build(app: DualApp) -> None:
        import threading

        barrier = threading.Barrier(4)

        @app.get("/")
        def sync_view():
            barrier.wait(LIMIT)
            return "met"

    answers = serve(build, twin=False).many([Ask()] * 4, threads=4)
    assert [answer.text for answer in answers] == ["met"] * 4


def test_async_views_run_at_the_same_time(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        state = {"count": 0}

        @app.get("/")
        async def async_view():
            state["count"] += 1
            async with asyncio.timeout(LIMIT):
                while state["count"] < 4:
                    await asyncio.sleep(0.001)
            return "met"

    answers = serve(build, twin=False).many([Ask()] * 4, threads=4)
    assert [answer.text for answer in answers] == ["met"] * 4


def test_context_variables_never_leak_to_the_next_request(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/set")
        async def set_it():
            VARIABLE.set("dirty")
            return VARIABLE.get()

        @app.get("/see")
        async def see():
            return VARIABLE.get()

    client = serve(build, twin=False)
    for _ in range(3):
        assert [client.get("/set").text, client.get("/see").text] == ["dirty", "clean"]
    assert VARIABLE.get() == "clean"


def test_context_variables_travel_through_the_request(serve: Serve, paint) -> None:
    """From hook to view to hook to teardown, whatever the colours, as they do in Flask."""

    @paint
    def hooks(app: DualApp) -> None:
        app.extensions["seen"] = []

        @app.before_request
        async def before():
            VARIABLE.set("before")

        @app.after_request
        async def after(response):
            response.headers["X-Variable"] = VARIABLE.get()
            VARIABLE.set("after")
            return response

        @app.teardown_request
        async def teardown(error):
            app.extensions["seen"].append(VARIABLE.get())

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            seen = VARIABLE.get()
            VARIABLE.set("view")
            return seen

    client = serve(build, hooks, twin=False)
    for _ in range(2):
        answer = client.get("/")
        assert (answer.text, answer.header("x-variable")) == ("before", "view")
    assert client.app.extensions["seen"] == ["after", "after"]
    assert VARIABLE.get() == "clean"


def test_context_variables_reach_a_stream(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def words():
                yield VARIABLE.get()
                VARIABLE.set("stream")
                yield VARIABLE.get()

            VARIABLE.set("view")
            return words()

    client = serve(build, twin=False)
    assert client.get("/").chunks == [b"view", b"stream"]
    assert VARIABLE.get() == "clean"


def test_no_request_is_left_behind(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return str(has_request_context())

        @app.get("/fail")
        async def fail():
            raise LookupError

    client = serve(build)
    assert client.get("/").text == "True"
    assert client.get("/fail").status == 500
    assert not has_request_context()
    with pytest.raises(RuntimeError, match="outside of"):
        request.path  # noqa: B018
    with pytest.raises(RuntimeError, match="outside of"):
        current_app.name  # noqa: B018


def test_work_beside_the_request_may_carry_its_context(serve: Serve) -> None:
    """Flask's way in a thread, Quart's way in a task."""

    def build(app: DualApp) -> None:
        @app.get("/sync")
        def sync_view():
            from concurrent.futures import ThreadPoolExecutor

            @copy_current_request_context
            def work():
                return request.path + request.args["q"]

            with ThreadPoolExecutor() as pool:
                return pool.submit(work).result()

        @app.get("/async")
        async def async_view():
            @copy_current_request_context
            async def work():
                await asyncio.sleep(0)
                return request.path + request.args["q"]

            return await asyncio.create_task(work())

    client = serve(build, twin=False)
    assert client.get("/sync?q=1").text == "/sync1"
    assert client.get("/async?q=2").text == "/async2"


def test_a_failed_request_does_not_spoil_the_next(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/<kind>")
        async def index(kind):
            g.setdefault("count", 0)
            g.count += 1
            if kind == "bad":
                raise LookupError
            return str(g.count)

    client = serve(build)
    for _ in range(3):
        assert client.get("/bad").status == 500
        assert client.get("/good").text == "1"
