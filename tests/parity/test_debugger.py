"""In debug mode Werkzeug's debugger shows the errors of an app: on each entry, in each colour."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.debug import get_pin_and_cookie_name

from dualapp import DualApp, g, request

from ..conftest import Paint, Serve
from ..support.entry_driver import Answer, Client
from ..support.waiting import LIMIT


def failing(app: DualApp) -> None:
    app.debug, app.secret_key = True, "secret"

    @app.get("/fail/<int:number>")
    async def fail(number):
        local = number + 1
        g.who = "Ann"
        return str(1 / (local - number - 1))

    @app.post("/upload")
    async def upload():
        raise LookupError((await request.form)["a"])

    @app.get("/none")
    async def none(): ...

    @app.get("/fine")
    async def fine():
        return request.args.get("__debugger__", "fine")


class Page:
    """The page of an error, and its consoles."""

    def __init__(self, client: Client, answer: Answer) -> None:
        assert (answer.status, answer.header("content-type")) == (500, "text/html; charset=utf-8")
        self.client, self.text = client, answer.text
        frames = re.findall(
            r'id="frame-(\d+)">\s+<h4>File <cite class="filename">"(.*?)"</cite>,\s+line .*\s+in <code .*?>(.*?)<',
            self.text,
        )
        self.frames = [(Path(file).name, name) for _, file, name in frames]
        self.ids = [number for number, _, _ in frames]
        self.has_console = self.said(r"EVALEX = (\w+)") == "true"
        self.secret = self.said(r'SECRET = "(.*?)"')
        self.error = html.unescape(self.said(r"(?s)<blockquote>(.*?)</blockquote>")).strip()

    def said(self, pattern: str) -> str:
        found = re.search(pattern, self.text)
        assert found, self.text
        return found[1]

    def ask(self, *, cookie: str = "", host: str = "localhost", secret: str = "", **arguments: str) -> Answer:
        query = "&".join(f"{name}={quote(value)}" for name, value in arguments.items())
        headers = [("Host", host), *([("Cookie", cookie)] if cookie else [])]
        return self.client.get(f"/fail/3?__debugger__=yes&s={secret or self.secret}&{query}", headers)

    def unlock(self) -> str:
        """Give the PIN; return the cookie that opens the consoles."""
        pin, _ = get_pin_and_cookie_name(self.client.app)
        answer = self.ask(cmd="pinauth", pin=str(pin))
        assert answer.json() == {"auth": True, "exhausted": False}
        return answer.cookie[1]

    def evaluate(self, code: str, **how: str) -> str:
        """Run code in the console of the innermost frame."""
        answer = self.ask(cmd=code, frm=self.ids[-1], **how)
        assert answer.status == 200
        return html.unescape(re.sub("<.*?>", "", answer.text))


def page(client: Client, target: str = "/fail/3", method: str = "GET", **how: Any) -> Page:
    return Page(client, client.request(method, target, **how))


def test_an_error_has_a_page(serve: Serve) -> None:
    client = serve(failing, twin=False)
    shown = page(client)
    assert shown.error == "ZeroDivisionError: division by zero"
    assert shown.has_console
    assert client.get("/fine").text == "fine"
    assert client.head("/fail/3").status == 500


def test_the_page_shows_the_users_frames(serve: Serve) -> None:
    shown = page(serve(failing, twin=False))
    below = [("app.py", "__call__")] if serve.entry == "wsgi" else []  # Flask's, which calls the app
    assert shown.frames == [*below, (Path(__file__).name, "fail")]


def test_the_page_of_an_error_that_crossed_shows_the_users_frames(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def hook():
            try:
                await request.get_data()
                raise LookupError("first")
            except LookupError as error:
                raise ValueError("second") from error

    shown = page(serve(failing, hooks, twin=False))
    own = [name for file, name in shown.frames if file == Path(__file__).name]
    assert own == ["hook", "hook"]
    assert len(shown.frames) <= 4


def test_an_error_of_dualapp_itself_shows_where_it_was_raised(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.debug = True

        @app.get("/")
        async def index():
            app.add_background_task(42)

    shown = page(serve(build, twin=False), "/")
    assert next(name for _, name in shown.frames if name != "__call__") == "index"
    assert shown.frames[-1][1] != "index"


def test_the_pin_opens_a_console(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    shown = page(serve(failing, twin=False))
    pin, _ = get_pin_and_cookie_name(shown.client.app)
    assert shown.ask(cmd="pinauth", pin="000").json()["auth"] is False
    assert shown.ask(cmd="printpin").status == 200
    assert str(pin) in caplog.text
    cookie = shown.unlock()
    assert "4 3" in shown.evaluate("print(local, number)", cookie=cookie)
    assert shown.evaluate("local = 40", cookie=cookie)
    assert "42" in shown.evaluate("local + 2", cookie=cookie)


def test_a_console_has_the_contexts_of_its_request(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        app.extensions["torn"] = 0

        @app.teardown_request
        async def count(error):
            app.extensions["torn"] += 1

    shown = page(serve(failing, hooks, twin=False), "/fail/5?x=1")
    code = "import flask; print(flask.request.path, flask.request.args['x'], flask.g.who, flask.session)"
    assert "/fail/5 1 Ann <SecureCookieSession {}>" in shown.evaluate(code, cookie=shown.unlock())
    assert "Ann" in shown.evaluate("print(g.who, request.full_path)", cookie=shown.unlock())
    assert shown.client.app.extensions["torn"] == 3  # of the request, and as in Flask of each use of a console


def test_an_async_function_can_be_called_in_a_console(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/async")
        async def index():
            async def async_two():
                return 2

            raise LookupError(app, async_two)

    shown = page(serve(failing, build, twin=False), "/async")
    assert "42" in shown.evaluate("40 + app.ensure_sync(async_two)()", cookie=shown.unlock())


def test_an_upload_is_shown_and_its_form_can_be_read(serve: Serve) -> None:
    shown = page(serve(failing, twin=False), "/upload", "POST", form={"a": "b"})
    assert shown.error == "LookupError: b"
    assert "b" in shown.evaluate("import flask; print(dict(flask.request.form))", cookie=shown.unlock())


def test_no_console_without_its_secret_or_pin_or_for_other_hosts(serve: Serve) -> None:
    shown = page(serve(failing, twin=False))
    cookie = shown.unlock()
    for refused in (
        shown.ask(cmd="2+40", frm=shown.ids[-1], cookie=cookie, secret="wrong"),
        shown.ask(cmd="2+40", frm=shown.ids[-1]),
        shown.ask(cmd="2+40", frm=shown.ids[-1], cookie=cookie, host="example.com"),
        shown.ask(cmd="pinauth", pin="1", host="example.com"),
    ):
        assert refused.status >= 400
        assert "42" not in refused.text


def test_a_host_must_be_trusted(serve: Serve) -> None:
    def trusting(app: DualApp) -> None:
        app.config["TRUSTED_HOSTS"] = ["dev.example", "other.example"]

    other = [("Host", "other.example")]
    shown = page(serve(failing, twin=False), headers=other)
    assert not shown.has_console
    assert "no console for the host 'other.example'" in shown.error
    assert page(serve(failing, trusting, twin=False), headers=other).has_console


def test_the_console_of_another_process_says_so(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    shown = page(serve(failing, twin=False))
    answer = shown.ask(cmd="1+1", frm=shown.ids[-1], secret="7." + shown.secret.partition(".")[2])
    assert answer.text.startswith("This page was made by process 7, and its consoles are there; process ")
    assert answer.text in caplog.text


def test_a_server_with_several_processes_gets_a_page_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    app = DualApp(__name__)
    failing(app)
    client = Client(lambda environ, start: app.wsgi({**environ, "wsgi.multiprocess": True}, start), "__call__")
    shown = page(client)
    assert not shown.has_console
    assert "several processes" in shown.error


@pytest.mark.parametrize("resource", ["style.css", "debugger.js", "console.png"])
def test_the_page_finds_its_files(serve: Serve, resource: str) -> None:
    answer = serve(failing, twin=False).get(f"/?__debugger__=yes&cmd=resource&f={resource}")
    assert answer.status == 200
    assert answer.body


def test_an_error_of_middleware_is_shown(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        def sync_wsgi(environ, start_response):
            raise LookupError("in middleware")

        async def async_asgi(scope, receive, send):
            raise LookupError("in middleware")

        app.wsgi_app, app.asgi_app = sync_wsgi, async_asgi

    assert page(serve(failing, build, twin=False)).error == "LookupError: in middleware"


def test_an_error_below_middleware_that_is_a_generator_is_shown() -> None:
    app = DualApp(__name__)
    failing(app)
    inner = app.wsgi_app

    def middleware(environ, start_response):
        yield from inner(environ, start_response)

    app.wsgi_app = middleware
    client = Client(app, "wsgi")
    assert page(client).error == "ZeroDivisionError: division by zero"
    assert client.get("/fine").text == "fine"


def test_a_failed_startup_is_shown(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.before_serving
        async def connect():
            raise LookupError("no database")

    client = serve(failing, build, twin=False)
    for _ in range(2):
        assert "no database" in page(client).error


def test_an_error_in_a_stream_breaks_it_off(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/stream")
        async def stream():
            async def chunks():
                yield "one"
                raise LookupError("two")

            return chunks()

    answer = serve(failing, build, twin=False).get("/stream", escapes=True)
    assert (answer.chunks, type(answer.error)) == ([b"one"], LookupError)


def test_a_stream_is_closed_when_its_client_leaves(serve: Serve) -> None:
    ended = threading.Event()

    def build(app: DualApp) -> None:
        @app.get("/stream")
        async def stream():
            async def chunks():
                try:
                    for _ in range(1000):
                        yield "one"
                finally:
                    ended.set()

            return chunks()

    serve(failing, build, twin=False).get("/stream", leave=1)
    assert ended.wait(LIMIT)


@pytest.mark.parametrize(
    "settings", [{"TESTING": True}, {"PROPAGATE_EXCEPTIONS": True}, {"DEBUG": False, "PROPAGATE_EXCEPTIONS": True}]
)
def test_errors_reach_who_asks_for_them(serve: Serve, settings: dict[str, bool]) -> None:
    def build(app: DualApp) -> None:
        app.config.update(settings)

    client = serve(failing, build, twin=False)
    assert isinstance(client.get("/fail/3", escapes=True).error, ZeroDivisionError)
    assert client.get("/fine?__debugger__=yes").text == "yes"


def test_without_debug_mode_there_is_no_debugger(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.debug = False

    client = serve(failing, build, twin=False)
    answer = client.get("/fail/3")
    assert "<h1>Internal Server Error</h1>" in answer.text
    assert "EVALEX" not in answer.text
    assert client.get("/fine?__debugger__=yes&cmd=resource&f=style.css").text == "yes"
    client.app.debug = True  # counts from then on
    assert page(client).has_console


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.update(DEBUG=True),
        lambda config: config.from_mapping(DEBUG=True),
        lambda config: config.pop("DEBUG") or config.setdefault("DEBUG", True),
        lambda config: config.__ior__({"DEBUG": True}),
    ],
)
def test_debug_mode_may_be_set_in_any_way(serve: Serve, change: Callable[[Any], object]) -> None:
    client = serve(failing, twin=False)
    client.app.debug = False
    assert "EVALEX" not in client.get("/fail/3").text
    change(client.app.config)
    assert page(client).has_console


def test_the_app_may_handle_its_errors(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["PROPAGATE_EXCEPTIONS"] = False

    answer = serve(failing, build, twin=False).get("/fail/3")
    assert "<h1>Internal Server Error</h1>" in answer.text
