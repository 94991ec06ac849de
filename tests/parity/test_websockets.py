"""Websockets: Quart's API in `async def` views, the same without `await` in `def` views.

Through the WSGI entry the test client has a socket that the app takes over. Real servers of both kinds, and clients of
others, are in tests/servers.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
import threading
from collections.abc import Callable
from typing import Any

import flask
import pytest
import quart
from quart.testing.connections import WebsocketResponseError

from dualapp import (
    Blueprint,
    DualApp,
    WebsocketClosed,
    copy_current_websocket_context,
    session,
    url_for,
    websocket,
)

from ..conftest import WAYS
from ..support.entry_driver import Ask, scope_of
from ..support.waiting import LIMIT, wait_for


@pytest.fixture(params=WAYS)
def talk(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Run a conversation of a client, written as a coroutine, through either entry and from code of either colour."""
    entry, colour = request.param.split("-")

    def run(app: DualApp, path: str, client: Callable[[Any], Any], **options: Any) -> None:
        async def talk_async() -> None:
            async with app.test_client(entry=entry).websocket(path, **options) as ws:
                await client(ws)

        def talk_sync() -> None:
            with app.test_client(entry=entry).websocket(path, **options) as ws:
                asyncio.run(client(Awaitable(ws)))

        talk_sync() if colour == "def" else asyncio.run(talk_async())

    return run


class Awaitable:
    """Lets the same coroutine talk through a blocking client."""

    def __init__(self, ws: Any) -> None:
        self.ws = ws

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.ws, name)
        if not callable(value):
            return value

        async def call(*args: Any) -> Any:
            return await asyncio.to_thread(value, *args)

        return call


def echoing() -> DualApp:
    app = DualApp(__name__)
    app.secret_key = "key"
    app.extensions["seen"] = []

    @app.websocket("/async/echo")
    async def async_echo():
        async for message in websocket:
            await websocket.send(message)

    @app.websocket("/sync/echo")
    def sync_echo():
        for message in websocket:
            websocket.send(message)

    @app.websocket("/async/json/<int:number>")
    async def async_json(number):
        data = await websocket.receive_json()
        await websocket.send_json(number=number, data=data, query=websocket.args["q"], url=url_for("index"))

    @app.websocket("/sync/json/<int:number>")
    def sync_json(number):
        data = websocket.receive_json()
        websocket.send_json(number=number, data=data, query=websocket.args["q"], url=url_for("index"))

    @app.websocket("/async/close")
    async def async_close():
        await websocket.accept(subprotocol=websocket.requested_subprotocols[-1])
        await websocket.close(4001, "enough")

    @app.websocket("/sync/close")
    def sync_close():
        websocket.accept(subprotocol=websocket.requested_subprotocols[-1])
        websocket.close(4001, "enough")

    @app.websocket("/async/abort")
    async def async_abort():
        flask.abort(403)

    @app.websocket("/sync/abort")
    def sync_abort():
        flask.abort(403)

    @app.websocket("/async/until-closed")
    async def async_until_closed():
        try:
            while True:
                await websocket.receive()
        except WebsocketClosed as end:
            app.extensions["seen"].append((end.code, end.reason))
            raise

    @app.websocket("/sync/until-closed")
    def sync_until_closed():
        try:
            while True:
                websocket.receive()
        except WebsocketClosed as end:
            app.extensions["seen"].append((end.code, end.reason))
            raise

    @app.get("/")
    def index():
        return "index"

    return app


COLOURS = pytest.mark.parametrize("colour", ["async", "sync"])
MESSAGES = ["text", b"bytes", "", b"", "ü" * 100_000]


@COLOURS
def test_messages_come_back(talk: Any, colour: str) -> None:
    async def client(ws: Any) -> None:
        for message in MESSAGES:
            await ws.send(message)
            assert await ws.receive() == message

    talk(echoing(), f"/{colour}/echo", client)


@COLOURS
def test_json_arguments_and_urls(talk: Any, colour: str) -> None:
    async def client(ws: Any) -> None:
        await ws.send_json({"a": [1]})
        assert await ws.receive_json() == {"number": 3, "data": {"a": [1]}, "query": "ä", "url": "/"}

    talk(echoing(), f"/{colour}/json/3", client, query_string={"q": "ä"})


@COLOURS
def test_the_app_closes_with_a_code_and_a_reason(talk: Any, colour: str) -> None:
    async def client(ws: Any) -> None:
        with pytest.raises(WebsocketClosed) as end:
            await ws.receive()
        assert (end.value.code, end.value.reason, ws.subprotocol) == (4001, "enough", "b")

    talk(echoing(), f"/{colour}/close", client, subprotocols=["a", "b"])


@COLOURS
def test_the_app_learns_how_the_client_has_closed(talk: Any, colour: str) -> None:
    app = echoing()

    async def client(ws: Any) -> None:
        await ws.send("first")
        await ws.close(4002, "bye")

    talk(app, f"/{colour}/until-closed", client)
    assert app.extensions["seen"] == [(4002, "bye")]


@COLOURS
def test_the_websocket_has_the_handshake_and_keeps_the_end(talk: Any, colour: str) -> None:
    app, seen = echoing(), []

    def handshake():
        headers, cookies = websocket.headers["X-Told"], dict(websocket.cookies)
        return [headers, cookies, websocket.scope["type"], websocket.requested_subprotocols, websocket.close_code]

    @app.websocket("/async/seen")
    async def async_seen():
        await websocket.send_json(handshake())
        async for _ in websocket:
            pass
        seen.append((websocket.close_code, websocket.close_reason))

    @app.websocket("/sync/seen")
    def sync_seen():
        websocket.send_json(handshake())
        for _ in websocket:
            pass
        seen.append((websocket.close_code, websocket.close_reason))

    async def client(ws: Any) -> None:
        assert await ws.receive_json() == ["yes", {"who": "ann"}, "websocket", ["a", "b"], None]
        await ws.close(4002, "bye")

    headers = {"X-Told": "yes", "Cookie": "who=ann"}
    talk(app, f"/{colour}/seen", client, headers=headers, subprotocols=["a", "b"])
    assert seen == [(4002, "bye")]


def test_a_task_outside_of_the_view_can_have_its_context(talk: Any) -> None:
    app = echoing()

    @app.websocket("/copied")
    async def copied():
        @copy_current_websocket_context
        async def send():
            await websocket.send(websocket.path)

        await asyncio.create_task(send(), context=contextvars.Context())

    async def client(ws: Any) -> None:
        assert await ws.receive() == "/copied"

    talk(app, "/copied", client)


def test_an_app_has_its_own_class_of_websockets(talk: Any) -> None:
    class Loud(quart.Websocket):
        def loud_path(self) -> str:
            return self.path.upper()

    app = echoing()
    app.websocket_class = Loud

    @app.websocket("/async/loud")
    async def async_loud():
        await websocket.send(websocket.loud_path())

    @app.websocket("/sync/loud")
    def sync_loud():
        websocket.send(websocket.loud_path())

    async def client(ws: Any) -> None:
        assert await ws.receive() in ("/ASYNC/LOUD", "/SYNC/LOUD")

    talk(app, "/async/loud", client)
    talk(app, "/sync/loud", client)


def test_without_the_extra_a_wsgi_server_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "dualapp.entries.websocket_server", raising=False)
    monkeypatch.setitem(sys.modules, "websockets.server", None)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    answer = echoing().test_client(entry="wsgi").get("/async/echo", headers=upgrade)
    assert answer.status_code == 501
    assert "pip install &#39;dualapp[websockets]&#39;" in answer.text


@pytest.mark.parametrize(
    ("path", "status"), [("/async/abort", 403), ("/sync/abort", 403), ("/nowhere", 404), ("/", 400)]
)
def test_a_refusal_is_a_response(talk: Any, path: str, status: int) -> None:
    app = echoing()

    @app.errorhandler(403)
    def refused(error):
        return f"no: {error.code}", 403

    async def client(ws: Any) -> None:
        with pytest.raises(WebsocketResponseError) as refusal:
            await ws.receive()
        assert refusal.value.response.status_code == status
        if status == 403:
            assert flask.Response.get_data(refusal.value.response, as_text=True) == "no: 403"

    talk(app, path, client)


#: Statuses and headers of a refusal, and the status that is sent instead.
REFUSALS = [
    ((403, {"X-Why": " padded\t"}), 403),
    ((99, {}), 500),
    ((1000, {}), 500),
    ((403, {"X-Why": "snow \u2603"}), 500),
    ((403, {"X-Why": "\x01"}), 500),
    ((403, {"X Why": "spaced"}), 500),
]


@COLOURS
@pytest.mark.parametrize(("refusal", "status"), REFUSALS)
def test_a_refusal_that_cannot_be_sent_is_a_500_as_that_of_a_request(
    talk: Any, colour: str, refusal: tuple[int, dict[str, str]], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    app = echoing()

    @app.websocket("/async/refusing")
    async def async_refusing():
        return "no", *refusal

    @app.websocket("/sync/refusing")
    def sync_refusing():
        return "no", *refusal

    async def client(ws: Any) -> None:
        with pytest.raises(WebsocketResponseError) as refused:
            await ws.receive()
        response = refused.value.response
        assert (response.status_code, response.headers.get("X-Why")) == (status, "padded" if status == 403 else None)

    talk(app, f"/{colour}/refusing", client)
    assert ("cannot be sent" in caplog.text) is (status == 500)
    assert (f"{colour}_refusing" in caplog.text) is (status == 500)


def test_a_page_of_errors_that_cannot_be_sent_is_the_plain_one(talk: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = echoing()

    @app.errorhandler(500)
    def page(error):
        return "my page", 1000

    @app.websocket("/fail")
    async def fail():
        raise LookupError

    async def client(ws: Any) -> None:
        with pytest.raises(WebsocketResponseError) as refused:
            await ws.receive()
        assert refused.value.response.status_code == 500

    talk(app, "/fail", client)
    assert "LookupError" in caplog.text
    assert "1000" in caplog.text


def test_a_value_after_the_websocket_was_accepted_goes_nowhere(talk: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = echoing()

    @app.websocket("/late")
    async def late():
        await websocket.send("accepted")
        return "no", 99

    async def client(ws: Any) -> None:
        assert await ws.receive() == "accepted"
        with pytest.raises(WebsocketClosed) as closed:
            await ws.receive()
        assert closed.value.code == 1000

    talk(app, "/late", client)
    assert not caplog.records


def bare(func: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that knows nothing of colours."""
    return lambda *args, **arguments: func(*args, **arguments)


def hasty(func: Callable[..., Any]) -> Callable[..., Any]:
    """One that lacks an `await`."""

    async def call(*args: Any, **arguments: Any) -> Any:
        return func(*args, **arguments)

    return call


@pytest.mark.parametrize("decorator", [bare, hasty])
def test_a_coroutine_that_a_view_or_a_handler_returns_is_awaited(talk: Any, decorator: Any) -> None:
    app, seen = echoing(), []

    @decorator
    async def talking():
        await websocket.send("x")
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cancelled")

    @decorator
    async def refusing():
        raise LookupError

    @app.errorhandler(LookupError)
    @decorator
    async def handle(error):
        return "no", 418

    app.add_websocket("/talking", "talking", talking)
    app.add_websocket("/refusing", "refusing", refusing)

    async def client(ws: Any) -> None:
        assert await ws.receive() == "x"

    async def refused(ws: Any) -> None:
        with pytest.raises(WebsocketResponseError) as refusal:
            await ws.receive()
        assert refusal.value.response.status_code == 418

    talk(app, "/talking", client)
    wait_for(lambda: seen == ["cancelled"])
    talk(app, "/refusing", refused)


def test_an_error_of_a_missing_await_says_so(talk: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = echoing()

    async def value() -> dict[str, int]:
        return {"a": 1}

    @app.websocket("/missing")
    async def missing():
        await websocket.accept()
        coroutine = value()
        try:
            await websocket.send(coroutine["a"])  # type: ignore[index]  # it is the error
        finally:
            coroutine.close()

    async def client(ws: Any) -> None:
        with pytest.raises(WebsocketClosed) as closed:
            await ws.receive()
        assert closed.value.code == 1011

    talk(app, "/missing", client)
    assert "An `await` is missing: " in caplog.text


@pytest.mark.parametrize(
    ("origins", "origin", "opens"),
    [
        (None, "http://localhost", True),
        (None, "http://evil.example", False),
        (None, None, True),
        ("*", "http://evil.example", True),
        (["https://a.example"], "https://a.example", True),
        (["https://a.example"], "http://localhost", False),
    ],
)
def test_pages_of_other_origins_are_refused(talk: Any, origins: Any, origin: str | None, opens: bool) -> None:
    app = echoing()
    app.config["WEBSOCKET_ORIGINS"] = origins

    async def client(ws: Any) -> None:
        if opens:
            await ws.send("x")
            assert await ws.receive() == "x"
        else:
            with pytest.raises(WebsocketResponseError) as refusal:
                await ws.receive()
            assert refusal.value.response.status_code == 403

    talk(app, "/async/echo", client, headers={"Origin": origin} if origin else {})


def test_hooks_run_around_it_in_quarts_order(talk: Any) -> None:
    app, order = echoing(), []
    pages = Blueprint("pages", __name__, url_prefix="/pages")

    @app.before_websocket
    async def first():
        order.append("before")

    @pages.before_websocket
    def second():
        order.append("before in the blueprint")

    @pages.websocket("/ws")
    async def ws():
        order.append(f"view of {websocket.path} {quart.has_websocket_context()} {quart.has_request_context()}")
        await websocket.send("x")

    @pages.after_websocket
    def third(response):
        order.append(f"after in the blueprint {response}")
        return response

    @app.after_websocket
    async def fourth(response):
        order.append("after")
        return response

    @app.teardown_websocket
    async def fifth(error):
        order.append(f"teardown {error}")

    @app.teardown_appcontext
    def last(error):
        order.append(f"app teardown {error}")

    app.register_blueprint(pages)

    async def client(ws: Any) -> None:
        assert await ws.receive() == "x"

    talk(app, "/pages/ws", client)
    assert order == [
        "before",
        "before in the blueprint",
        "view of /pages/ws True False",
        "after in the blueprint None",
        "after",
        "teardown None",
        "app teardown None",
    ]


@pytest.mark.parametrize("place", [None, "pages"])
def test_hooks_that_are_put_into_the_lists_later_run(talk: Any, place: str | None) -> None:
    """From the next step on: a view may put some there, too."""
    app, order = echoing(), []
    pages = Blueprint("pages", __name__, url_prefix="/pages")

    def noting(name: str) -> Callable[..., Any]:
        return lambda *args: order.append(name)

    @pages.websocket("/ws")
    async def ws():
        await websocket.send("x")
        if len(order) == 3:
            app.after_websocket_funcs[place].append(noting("late after"))
            app.teardown_websocket_funcs[place].insert(0, noting("late teardown"))

    app.register_blueprint(pages)

    async def client(ws: Any) -> None:
        assert await ws.receive() == "x"

    talk(app, "/pages/ws", client)
    assert order == []
    app.before_websocket_funcs[place].append(noting("before"))
    app.after_websocket_funcs.setdefault(place, []).append(noting("after"))
    app.teardown_websocket_funcs[place] = [noting("teardown")]
    talk(app, "/pages/ws", client)
    assert order == ["before", "after", "teardown"]
    app.before_websocket_funcs[place].clear()
    talk(app, "/pages/ws", client)
    assert order[3:] == ["late after", "after", "teardown", "late teardown"]


def test_a_hook_may_refuse_it(talk: Any) -> None:
    app = echoing()

    @app.before_websocket
    def refuse():
        return "not you", 401

    async def client(ws: Any) -> None:
        with pytest.raises(WebsocketResponseError) as refusal:
            await ws.receive()
        assert refusal.value.response.status_code == 401

    talk(app, "/async/echo", client)


@COLOURS
def test_an_error_after_accept_closes_with_1011_and_is_logged(
    talk: Any, colour: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = echoing()

    @app.websocket("/async/error")
    async def async_error():
        await websocket.accept()
        raise LookupError("lost")

    @app.websocket("/sync/error")
    def sync_error():
        websocket.accept()
        raise LookupError("lost")

    async def client(ws: Any) -> None:
        with pytest.raises(WebsocketClosed) as end:
            await ws.receive()
        assert end.value.code == 1011

    talk(app, f"/{colour}/error", client)
    assert "LookupError: lost" in caplog.text


def test_a_view_that_waits_for_something_else_is_cancelled_when_the_client_leaves(talk: Any) -> None:
    app, seen = echoing(), []

    @app.websocket("/waiting")
    async def waiting():
        await websocket.send("now")
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cleaned up")

    async def client(ws: Any) -> None:
        assert await ws.receive() == "now"

    talk(app, "/waiting", client)
    wait_for(lambda: seen == ["cleaned up"])


@pytest.mark.parametrize("shape", ["in-vain", "after-a-pause"])
def test_a_view_that_has_waited_for_a_message_is_cancelled_all_the_same(talk: Any, shape: str) -> None:
    app, seen = echoing(), []

    @app.websocket("/in-vain")
    async def in_vain():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await websocket.receive()
        await do_something_else()

    @app.websocket("/after-a-pause")
    async def after_a_pause():
        await websocket.send("wait")
        await asyncio.sleep(0.1)
        seen.append("receives")
        assert await websocket.receive() == "hello"
        await do_something_else()

    async def do_something_else():
        await websocket.send("now")
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cleaned up")

    async def client(ws: Any) -> None:
        if shape == "after-a-pause":
            assert await ws.receive() == "wait"
            await asyncio.to_thread(wait_for, lambda: seen == ["receives"])
            await ws.send("hello")
        assert await ws.receive() == "now"

    talk(app, f"/{shape}", client)
    wait_for(lambda: seen[-1:] == ["cleaned up"])


@pytest.mark.parametrize("path", ["/async/echo", "/sync/echo"])
def test_a_websocket_that_the_server_cancels_leaves_no_task_behind(path: str) -> None:
    app = echoing()

    async def main() -> None:
        sent, received, tasks = asyncio.Queue[Any](), asyncio.Queue[Any](), asyncio.all_tasks()
        for message in {"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"}:
            received.put_nowait(message)
        scope = {**scope_of(Ask(target=path)), "type": "websocket", "scheme": "ws", "subprotocols": []}
        serving = asyncio.create_task(app.asgi(scope, received.get, sent.put))
        while (await sent.get())["type"] != "websocket.send":
            pass
        serving.cancel()
        await asyncio.wait([serving])
        assert serving.cancelled()
        await asyncio.sleep(0.1)  # a websocket whose view does something else is listened to after a moment
        assert asyncio.all_tasks() == tasks

    asyncio.run(asyncio.wait_for(main(), LIMIT))


@pytest.mark.parametrize("shape", ["gather", "task"])
def test_a_chat_in_quarts_shape_leaves_nothing_behind_when_its_client_leaves(talk: Any, shape: str) -> None:
    """One task receives while the view, or another task, waits for what others say."""
    app, members, ended = echoing(), set[asyncio.Queue[Any]](), []

    async def receiving():
        try:
            while True:
                message = await websocket.receive()
                for member in members:
                    await member.put(message)
        finally:
            ended.append("receiving")

    async def sending():
        queue = asyncio.Queue[Any]()
        members.add(queue)
        try:
            while True:
                await websocket.send(await queue.get())
        finally:
            members.remove(queue)
            ended.append("sending")

    @app.websocket("/gather")
    async def gathered():
        await asyncio.gather(asyncio.create_task(sending()), asyncio.create_task(receiving()))

    @app.websocket("/task")
    async def with_task():
        task = asyncio.ensure_future(receiving())
        try:
            await sending()
        finally:
            task.cancel()
            await task

    async def client(ws: Any) -> None:
        wait_for(lambda: members) if isinstance(ws, Awaitable) else await asyncio.sleep(0.01)
        await ws.send("hello")
        assert await ws.receive() == "hello"

    talk(app, f"/{shape}", client)
    wait_for(lambda: sorted(ended) == ["receiving", "sending"])
    assert not members


def test_the_session_is_there(talk: Any) -> None:
    app = echoing()

    @app.get("/in")
    def log_in():
        session["name"] = "ada"
        return ""

    @app.websocket("/who")
    def who():
        websocket.send(session["name"])

    client = app.test_client()
    client.get("/in")
    with client.websocket("/who") as ws:
        assert ws.receive() == "ada"


def test_more_sync_views_than_threads_are_refused() -> None:
    app = echoing()
    app.config["WEBSOCKET_THREADS"] = 1
    with app.test_client().websocket("/sync/echo") as first:
        first.send("a")
        assert first.receive() == "a"
        with app.test_client().websocket("/sync/echo") as second:
            with pytest.raises(WebsocketResponseError) as refusal:
                second.receive()
            assert refusal.value.response.status_code == 503
        first.send("b")
        assert first.receive() == "b"


def test_a_connection_that_was_taken_in_vain_is_closed_and_counts_no_longer() -> None:
    app = echoing()
    app.config["WEBSOCKET_MAX"] = 1
    interval = app.config.pop("WEBSOCKET_PING_INTERVAL")
    client = app.test_client(entry="wsgi")
    with pytest.raises(KeyError, match="WEBSOCKET_PING_INTERVAL"), client.websocket("/sync/echo"):
        pass
    app.config["WEBSOCKET_PING_INTERVAL"] = interval
    with client.websocket("/sync/echo") as ws:
        ws.send("a")
        assert ws.receive() == "a"


def test_a_message_that_never_comes_is_waited_for_no_longer_than_the_clients_limit() -> None:
    with echoing().test_client(timeout=0.1).websocket("/async/echo") as ws, pytest.raises(TimeoutError):
        ws.receive()


@COLOURS
def test_a_view_that_does_not_answer_the_handshake_in_time_is_refused_for(talk: Any, colour: str) -> None:
    app, seen, is_over = echoing(), [], threading.Event()
    app.config["WEBSOCKET_HANDSHAKE_TIMEOUT"] = 0.01

    @app.websocket("/async/late")
    async def async_late():
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("left")

    @app.websocket("/sync/late")
    def sync_late():
        assert is_over.wait(LIMIT)
        try:
            websocket.accept()
            websocket.send("too late")
        except WebsocketClosed:
            seen.append("left")

    async def client(ws: Any) -> None:
        with pytest.raises(WebsocketResponseError) as refusal:
            await ws.receive()
        assert refusal.value.response.status_code == 503
        is_over.set()

    talk(app, f"/{colour}/late", client)
    assert seen == ["left"]


async def received_to_the_end(ws: Any) -> None:
    while True:
        await ws.receive()


@COLOURS
def test_a_websocket_on_which_nothing_is_said_is_closed(talk: Any, colour: str) -> None:
    app = echoing()
    app.config["WEBSOCKET_IDLE_TIMEOUT"] = 0.05

    async def client(ws: Any) -> None:
        await ws.send("first")
        with pytest.raises(WebsocketClosed) as end:
            await received_to_the_end(ws)
        assert (end.value.code, end.value.reason) == (1001, "idle")

    talk(app, f"/{colour}/echo", client)
    talk(app, f"/{colour}/until-closed", client)
    assert app.extensions["seen"] == [(1001, "idle")]


@COLOURS
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1006,), "A websocket cannot be closed with code 1006: use 1000, or one from 3000 to 4999."),
        ((999,), "A websocket cannot be closed with code 999: use 1000, or one from 3000 to 4999."),
        ((4000, "ü" * 62), "The reason of a close is at most 123 bytes long: "),
    ],
)
def test_what_cannot_be_sent_is_an_error_of_the_view(
    talk: Any, colour: str, arguments: tuple[Any, ...], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = echoing()

    @app.websocket("/async/wrong")
    async def async_wrong():
        await websocket.accept()
        await websocket.close(*arguments)

    @app.websocket("/sync/wrong")
    def sync_wrong():
        websocket.accept()
        websocket.close(*arguments)

    async def client(ws: Any) -> None:
        with pytest.raises(WebsocketClosed) as end:
            await ws.receive()
        assert end.value.code == 1011

    talk(app, f"/{colour}/wrong", client)
    assert f"ValueError: {message}" in caplog.text


@COLOURS
def test_a_header_of_accept_that_cannot_be_sent_is_an_error_of_the_view(talk: Any, colour: str) -> None:
    app = echoing()

    @app.websocket("/async/wrong")
    async def async_wrong():
        await websocket.accept({"X Y": "z"})

    @app.websocket("/sync/wrong")
    def sync_wrong():
        websocket.accept({"X Y": "z"})

    async def client(ws: Any) -> None:
        with pytest.raises(WebsocketResponseError) as refusal:
            await ws.receive()
        assert refusal.value.response.status_code == 500

    talk(app, f"/{colour}/wrong", client)


def test_a_message_is_not_lost_when_a_wait_for_it_is_given_up(talk: Any) -> None:
    app = echoing()

    @app.websocket("/patient")
    async def patient():
        gave_up = 0
        while True:
            try:
                message = await asyncio.wait_for(websocket.receive(), 0.01)
            except TimeoutError:
                gave_up += 1
                if gave_up == 3:
                    await websocket.send("still there?")
            else:
                await websocket.send(message)

    async def client(ws: Any) -> None:
        assert await ws.receive() == "still there?"
        for number in range(3):
            await ws.send(str(number))
        assert [await ws.receive() for _ in range(3)] == ["0", "1", "2"]

    talk(app, "/patient", client)


def test_two_tasks_of_a_view_share_the_messages_and_the_end(talk: Any) -> None:
    app, seen = echoing(), []

    @app.websocket("/two")
    async def two():
        async def reader():
            try:
                async for message in websocket:
                    await websocket.send(message)
            finally:  # one is told by its loop; the view, which waits for both, is cancelled, and so is the other
                seen.append(websocket.close_code)

        await asyncio.gather(reader(), reader())

    async def client(ws: Any) -> None:
        for number in range(4):
            await ws.send(str(number))
        assert sorted([await ws.receive() for _ in range(4)]) == ["0", "1", "2", "3"]
        await ws.close(4003)

    talk(app, "/two", client)
    assert seen == [4003, 4003]


def test_a_task_that_waits_for_a_message_is_told_when_another_closes(talk: Any) -> None:
    app, seen = echoing(), []

    @app.websocket("/closing")
    async def closing():
        async def reader():
            try:
                await websocket.receive()
            except WebsocketClosed as end:
                seen.append(end.code)

        await websocket.accept()
        reading = asyncio.create_task(reader())
        await asyncio.sleep(0.01)
        await websocket.close(4004)
        await reading

    async def client(ws: Any) -> None:
        with pytest.raises(WebsocketClosed):
            await ws.receive()

    talk(app, "/closing", client)
    assert seen == [4004]


def test_messages_that_come_while_a_view_does_something_else_are_kept(talk: Any) -> None:
    app, seen = echoing(), []

    @app.websocket("/async/busy")
    async def async_busy():
        await websocket.send("go")
        async for message in websocket:
            seen.append(message)
            await asyncio.sleep(0.1)  # meanwhile a task begins to listen

    @app.websocket("/sync/busy")
    def sync_busy():
        websocket.send("go")
        for message in websocket:
            seen.append(message)

    async def client(ws: Any) -> None:
        assert await ws.receive() == "go"
        for number in range(3):
            await ws.send(str(number))
        while len(seen) < 3:
            await asyncio.sleep(0.01)

    for colour in ("async", "sync"):
        talk(app, f"/{colour}/busy", client)
        assert seen == ["0", "1", "2"]
        seen.clear()


@COLOURS
def test_what_a_view_has_sent_comes_in_order_and_before_its_close(talk: Any, colour: str) -> None:
    app = echoing()
    numbers = [str(number) for number in range(500)]

    @app.websocket("/async/burst")
    async def async_burst():
        for number in numbers:
            await websocket.send(number)
        await websocket.close(4005)

    @app.websocket("/sync/burst")
    def sync_burst():
        for number in numbers:
            websocket.send(number)
        websocket.close(4005)

    async def client(ws: Any) -> None:
        assert [await ws.receive() for _ in numbers] == numbers
        with pytest.raises(WebsocketClosed) as end:
            await ws.receive()
        assert end.value.code == 4005

    talk(app, f"/{colour}/burst", client)


def test_a_view_that_sends_without_end_lets_others_have_a_turn(talk: Any) -> None:
    app, turns = echoing(), []

    @app.websocket("/endless")
    async def endless():
        async def other():
            turns.append(1)

        waiting = asyncio.create_task(other())
        while not turns:
            await websocket.send("x")
        await waiting

    async def client(ws: Any) -> None:
        assert await ws.receive() == "x"

    talk(app, "/endless", client)
    assert turns


def test_outside_of_a_websocket_it_is_an_error(talk: Any) -> None:
    app = echoing()

    @app.get("/ask")
    def ask():
        with pytest.raises(RuntimeError):
            websocket.send("x")
        return "refused"

    assert app.test_client().get("/ask").text == "refused"
    with pytest.raises(RuntimeError):
        websocket.receive()


@COLOURS
def test_a_view_that_only_sends_is_told_how_the_client_has_left(talk: Any, colour: str) -> None:
    app, seen = echoing(), []

    @app.websocket("/async/sending")
    async def async_sending():
        try:
            while True:
                await websocket.send("x")
        except WebsocketClosed as end:
            seen.append(end.code)

    @app.websocket("/sync/sending")
    def sync_sending():
        try:
            while True:
                websocket.send("x")
        except WebsocketClosed as end:
            seen.append(end.code)

    async def client(ws: Any) -> None:
        assert await ws.receive() == "x"
        await ws.close(4006)

    talk(app, f"/{colour}/sending", client)
    assert seen == [4006]


LOCALHOST = (b"host", b"localhost")
#: What servers hand on of a handshake, and what the view sees.
HANDSHAKES: dict[str, tuple[dict[str, Any], Any]] = {
    "white space": (
        {"headers": [(b"host", b"localhost "), (b"x-a", b" \tone  two "), (b"cookie", b" a=1 ")]},
        ["ws://localhost/seen", "one  two", {"a": "1"}],
    ),
    "cookies": (
        {"headers": [LOCALHOST, (b"cookie", b"a=1"), (b"cookie", b"b=2")]},
        ["ws://localhost/seen", None, {"a": "1", "b": "2"}],
    ),
    "a URI": (
        {"path": "http://target.example/seen", "raw_path": b"http://target.example/seen", "headers": [LOCALHOST]},
        ["ws://target.example/seen", None, {}],
    ),
    "several hosts": ({"headers": [(b"host", b"a.example"), (b"host", b"b.example")]}, 400),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_handshake_is_read_as_a_request(talk: Any, name: str) -> None:
    """tests/parity/test_request_heads.py has more of them."""
    app, (scope, expected) = echoing(), HANDSHAKES[name]

    @app.websocket("/seen")
    async def seen():
        await websocket.send_json([websocket.url, websocket.headers.get("X-A"), websocket.cookies.to_dict()])

    async def client(ws: Any) -> None:
        if expected == 400:
            with pytest.raises(WebsocketResponseError) as refusal:
                await ws.receive()
            assert refusal.value.response.status_code == 400
        else:
            assert await ws.receive_json() == expected

    talk(app, "/seen", client, scope_base=scope)
