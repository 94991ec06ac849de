"""Where two features meet: each of these was once another answer, or none."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import flask
import pytest
import quart
from flask.sessions import SecureCookieSession
from werkzeug.exceptions import Gone
from werkzeug.routing import BaseConverter

from dualapp import (
    DualApp,
    Response,
    got_background_exception,
    make_response,
    render_template_string,
    request,
    stream_with_context,
    url_for,
)
from dualapp import stream_template_string as stream_string

from ..conftest import Serve


class Own(Exception):
    pass


class Failing(BaseConverter):
    def to_python(self, value: str) -> str:
        raise {"gone": Gone(), "broken": KeyError(value)}.get(value, ValueError(value))


def test_a_converter_may_fail_at_the_second_request_too(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.url_map.converters["failing"] = Failing

        @app.get("/")
        async def index():
            return "index"

        @app.get("/<failing:name>")
        async def named(name):
            return name

    client = serve(build)
    for _ in range(2):
        assert client.get("/").status == 200
        assert client.get("/gone").status == 410
        assert client.get("/broken").status == 500


def test_who_asks_for_a_websocket_is_told_no_each_time(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "index"

    client = serve(build)
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
    assert [client.get("/", upgrade).status, client.get("/").status, client.get("/", upgrade).status] == [400, 200, 400]


def test_json_that_cannot_be_made_names_its_view(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def culprit():
            return {"a": object()}

    assert serve(build).get("/").status == 500
    notes = [note for record in caplog.records for note in getattr(record.exc_info[1], "__notes__", [])]
    assert any("culprit" in note for note in notes)


@pytest.mark.parametrize("path", ["/text", "/file", "/fail"])
def test_a_context_that_was_kept_in_vain_is_torn_down(serve: Serve, path: str) -> None:
    def build(app: DualApp) -> None:
        app.extensions["torn"] = []

        @app.teardown_request
        async def teardown(error):
            app.extensions["torn"].append(type(error).__name__)

        @app.get("/text")
        async def text():
            stream_with_context(iter(["x"]))
            return "text"

        @app.get("/file")
        async def file():
            return Response(stream_with_context(iter([b"x"])), direct_passthrough=True)

        @app.get("/fail")
        async def fail():
            stream_with_context(iter(["x"]))
            raise Own

    client = serve(build, twin=False)
    client.get(path)
    assert client.app.extensions["torn"] == ["Own" if path == "/fail" else "NoneType"]


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


def test_functions_registered_in_bulk_may_be_async(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        async def async_shout(text):
            await asyncio.sleep(0)
            return text.upper()

        app.jinja_env.filters.update(shout=async_shout)
        app.jinja_env.globals.setdefault("shouted", async_shout)

        @app.get("/")
        async def index():
            return await render_template_string("{{ 'a'|shout }}{{ shouted('b') }}")

    assert serve(build, twin=False).get("/").text == "AB"


def test_a_streamed_template_knows_its_request(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["seen"] = []

        @app.teardown_request
        async def teardown(error):
            app.extensions["seen"].append("teardown")

        @app.get("/here")
        async def here():
            return await stream_string("{{ url_for('here') }} {{ request.path }}{{ note() }}", note=note)

        def note():
            app.extensions["seen"].append("rendered")
            return ""

    client = serve(build, twin=False)
    assert client.get("/here").text == "/here /here"
    assert client.app.extensions["seen"] == ["rendered", "teardown"]


class AsyncSessions(flask.sessions.SessionInterface):
    """A session interface as Quart has them, which keeps the sessions in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    async def open_session(self, app: Any, request: Any) -> Any:  # type: ignore[override]  # Quart's is async
        await asyncio.sleep(0)
        return SecureCookieSession(self.kept.get(request.args["who"], {}))

    async def save_session(self, app: Any, session: Any, response: Any) -> None:  # type: ignore[override]  # as above
        await asyncio.sleep(0)
        self.kept[flask.request.args["who"]] = dict(session)


def test_a_session_interface_may_be_async(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.session_interface = AsyncSessions()

        @app.get("/")
        async def index():
            flask.session["count"] = flask.session.get("count", 0) + 1
            return str(flask.session["count"])

    client = serve(build, twin=False)
    assert [client.get(f"/?who={who}").text for who in "aba"] == ["1", "1", "2"]


def test_quarts_globals_know_the_app_where_there_is_no_request() -> None:
    app = DualApp("quarts")

    async def ask() -> tuple[Any, bool]:
        async with app.app_context():
            inside = quart.current_app._get_current_object()
        return inside, quart.has_app_context()

    assert asyncio.run(ask()) == (app, False)
    with app.app_context():
        assert quart.current_app.name == "quarts"


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
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)
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
        async with asyncio.timeout(10):
            while not torn:
                await asyncio.sleep(0.005)

    async def nothing(message: Any) -> None:
        raise AssertionError("a cancelled request sends nothing")

    asyncio.run(main())
    assert torn == ["app"]


def test_what_runs_before_serving_may_ask_the_app(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.before_serving
        async def warm_up():
            app.extensions["seen"] = (await app.test_client().get("/")).text

        @app.get("/")
        async def index():
            return "index"

    client = serve(build, twin=False)
    assert client.get("/").text == "index"
    assert client.app.extensions["seen"] == "index"


def test_an_error_in_the_background_is_told_to_receivers_of_both_colours(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["seen"] = []

        async def sync_or_async(sender, exception):
            app.extensions["seen"].append(str(exception))

        app.extensions["receiver"] = sync_or_async
        got_background_exception.connect(sync_or_async, app)

        async def fail():
            raise Own("behind")

        @app.get("/")
        async def index():
            app.add_background_task(fail)
            return "index"

    client = serve(build, twin=False)
    assert client.get("/").text == "index"
    deadline = time.monotonic() + 5
    while not client.app.extensions["seen"] and time.monotonic() < deadline:
        time.sleep(0.005)
    assert client.app.extensions["seen"] == ["behind"]
