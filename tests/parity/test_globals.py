"""Flask's globals are sync, Quart's async, and dualapp's have the colour of the code that uses them."""

from __future__ import annotations

import asyncio

import flask
import quart

import dualapp
from dualapp import DualApp, g, request, session, stream_with_context

from ..conftest import Serve


def using_all(app: DualApp) -> None:
    app.secret_key = "secret"

    @app.post("/sync")
    def sync_view():
        flask.g.x = quart.g.x = 1
        flask.session["x"] = 2
        return {
            "flask": flask.request.get_json(),
            "dualapp": request.get_json(),
            "paths": [flask.request.path, quart.request.path, request.path],
            "g": [flask.g.x, quart.g.x, g.x],
            "session": [flask.session["x"], quart.session["x"], session["x"]],
            "apps": [flask.current_app.name, quart.current_app.name, dualapp.current_app.name],
            "has": [flask.has_request_context(), quart.has_request_context(), dualapp.has_request_context()],
        }

    @app.post("/async")
    async def async_view():
        quart.g.x = 1
        quart.session["x"] = 2
        return {
            "flask": flask.request.get_json(),
            "quart": await quart.request.get_json(),
            "dualapp": await request.get_json(),
            "paths": [flask.request.path, quart.request.path, request.path],
            "g": [flask.g.x, quart.g.x, g.x],
            "session": [flask.session["x"], quart.session["x"], session["x"]],
            "apps": [flask.current_app.name, quart.current_app.name, dualapp.current_app.name],
            "has": [flask.has_request_context(), quart.has_request_context(), dualapp.has_request_context()],
        }


def test_all_of_them_work_in_every_view(serve: Serve) -> None:
    client = serve(using_all, twin=False)
    for path in ("/sync", "/async"):
        seen = client.post(path, json={"a": 1}).json()
        assert seen["flask"] == seen["dualapp"] == seen.get("quart", {"a": 1}) == {"a": 1}
        assert (seen["g"], seen["session"], seen["has"]) == ([1] * 3, [2] * 3, [True] * 3)
        assert seen["paths"] == [path] * 3
        assert seen["apps"] == [client.app.name] * 3


def test_the_colour_is_that_of_the_code_and_not_of_its_caller(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        def sync_helper():
            return request.get_json()["x"], request.form.to_dict()

        async def async_helper():
            return (await request.get_json())["x"], (await request.form).to_dict()

        @app.post("/async")
        async def async_view():
            return {"sync": sync_helper(), "async": await async_helper()}

        @app.post("/sync")
        def sync_view():
            return {"sync": sync_helper(), "async": app.ensure_sync(async_helper)()}

    client = serve(build, twin=False)
    for path in ("/async", "/sync"):
        assert client.post(path, json={"x": 1}).json() == {"sync": [1, {}], "async": [1, {}]}


def test_comprehensions_have_the_colour_of_what_they_stand_in(serve: Serve) -> None:
    """Before Python 3.12 each was a function of its own, and generator expressions still are."""

    def build(app: DualApp) -> None:
        @app.post("/async")
        async def async_view():
            listed = await asyncio.gather(*[request.get_json() for _ in range(2)])
            awaited = [await request.get_json() for _ in range(2)]
            return {"all": listed + awaited}

        @app.post("/sync")
        def sync_view():
            generated = [*(request.get_json() for _ in range(2))]
            return {"all": generated + [request.get_json() for _ in range(2)]}

    client = serve(build, twin=False)
    for path in ("/async", "/sync"):
        assert client.post(path, json={"x": 1}).json() == {"all": [{"x": 1}] * 4}


def test_a_stream_has_the_colour_of_its_generator(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/")
        async def index():
            @stream_with_context
            async def words():
                yield request.path
                yield await request.get_data()

            return words()

    assert serve(build).post("/", body=b"body").chunks == [b"/", b"body"]


def test_a_stream_reads_the_body_as_it_comes(serve: Serve) -> None:
    """A body larger than what is read ahead: it crosses while the answer goes out."""

    def build(app: DualApp) -> None:
        @app.post("/")
        async def index():
            data = await request.get_data()
            return {"size": len(data), "same": data == b"x" * 300_000}

    client = serve(build)
    assert client.post("/", body=b"x" * 300_000).json() == {"size": 300_000, "same": True}
    assert client.post("/", body=[b"x" * 100_000] * 3).json() == {"size": 300_000, "same": True}


def reading(app: DualApp) -> None:
    @app.post("/form")
    async def form():
        return flask.request.form.to_dict()

    @app.post("/data")
    async def data():
        return str(len(flask.request.get_data()))

    @app.post("/awaited")
    async def async_awaited():
        await quart.request.get_data()
        return str(len(flask.request.get_data()))

    @app.post("/crossed")
    @app.ensure_sync
    async def async_crossed():
        return str(len(flask.request.get_data()))

    @app.post("/hooked")
    def hooked():
        return str(flask.g.length)

    @app.before_request
    async def async_hook():
        if flask.request.endpoint == "hooked":
            flask.g.length = len(flask.request.get_data())


def test_sync_code_of_async_views_finds_short_bodies(serve: Serve) -> None:
    client = serve(reading, twin=False)
    assert client.post("/form", form={"x": "1"}).json() == {"x": "1"}
    for path in ("/data", "/awaited", "/crossed", "/hooked"):
        assert client.post(path, body=b"x" * 64 * 1024).text == "65536"


def test_sync_code_of_async_views_cannot_wait_for_long_bodies(serve: Serve) -> None:
    def settings(app: DualApp) -> None:
        app.config["PROPAGATE_EXCEPTIONS"] = True

    client = serve(reading, settings, twin=False)
    long = b"x" * (64 * 1024 + 1)
    assert client.post("/awaited", body=long).text == "65537"
    for path in ("/data", "/crossed", "/hooked"):
        answer = client.post(path, body=long, escapes=True)
        if path == "/data" and not serve.is_async:
            assert answer.text == "65537"
        else:
            assert isinstance(answer.error, RuntimeError)
            assert "BODY_READ_AHEAD" in str(answer.error)


def test_how_much_is_read_ahead_can_be_set(serve: Serve) -> None:
    def settings(app: DualApp) -> None:
        app.config["BODY_READ_AHEAD"] = 300_000

    client = serve(reading, settings, twin=False)
    for path in ("/data", "/awaited", "/crossed", "/hooked"):
        assert client.post(path, body=b"x" * 300_000).text == "300000"
