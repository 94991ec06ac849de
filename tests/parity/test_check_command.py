"""`dualapp check`: an app for each check in which it finds something, and one like it in which there is nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import flask
import pytest
import quart
from flask.views import MethodView
from werkzeug.middleware.proxy_fix import ProxyFix as WerkzeugsProxyFix

import dualapp
from dualapp import Blueprint, DualApp, EventStream, ProxyFix, flash, read_ahead, request, session
from dualapp.commands.check import check_command
from dualapp.commands.checks import CHECKS, Finding

Build = Callable[[DualApp], Any]
HERE = Path(__file__)


def found(check: str, build: Build) -> list[Finding]:
    app = DualApp("app")
    build(app)
    return list(CHECKS[check](app))


def line_of(func: Any) -> str:
    return f"{HERE.relative_to(Path.cwd())}:{func.__code__.co_firstlineno}"


# Event streams.


def sync_events():
    def stream():
        yield "data: 1\n\n"

    return flask.Response(stream(), mimetype="text/event-stream")


async def events():
    async def stream():
        yield "data: 1\n\n"

    return stream(), {"Content-Type": "text/event-stream; charset=utf-8"}


async def stream_of_events():
    return EventStream([])


def stream_of_dualapp():
    return dualapp.EventStream([])


async def lines():
    """Not text/event-stream, and it ends."""
    yield "1\n"
    yield "2\n"


class Events(MethodView):
    def get(self):
        return sync_events()

    async def post(self):
        return dualapp.Response([], content_type="text/event-stream")


def decorated(func: Any) -> Any:
    @__import__("functools").wraps(func)
    def call(*args: Any) -> Any:
        return func(*args)

    return call


VIEWS = [sync_events, events, decorated(events), Events.as_view("class"), stream_of_events, stream_of_dualapp]


@pytest.mark.parametrize("view", VIEWS)
def test_an_event_stream_holds_a_thread(view: Any) -> None:
    (finding,) = found("event-streams", lambda app: app.add_url_rule("/", "live", view))
    assert finding.where.endswith(" (live)")
    assert "each client of an event stream holds a thread" in finding.what


def test_another_stream_ends() -> None:
    assert not found("event-streams", lambda app: app.add_url_rule("/", view_func=lines))


# Hooks of a colour that no view has.


def sync_view():
    return ""


async def async_view():
    return ""


def sync_hook(*args):
    return None


async def async_hook(*args):
    return None


COLOURS = {"def": (sync_view, sync_hook), "async def": (async_view, async_hook)}
KINDS = ["before_request", "after_request", "teardown_request", "teardown_appcontext", "url_value_preprocessor"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("colour", "others"), [("def", "async def"), ("async def", "def")])
def test_a_hook_around_views_of_the_other_colour_crosses(kind: str, colour: str, others: str) -> None:
    hook, view = COLOURS[colour][1], COLOURS[others][0]

    def build(app: DualApp) -> None:
        getattr(app, kind)(hook)
        app.add_url_rule("/", view_func=view)

    (finding,) = found("crossings", build)
    assert finding.where == line_of(hook)
    assert finding.what.startswith(f"{kind} hook {hook.__name__!r} is {colour!r}")
    assert finding.remedy.startswith(f"make it {others!r}, unless it ")


@pytest.mark.parametrize("hook", [sync_hook, async_hook])
@pytest.mark.parametrize("kind", KINDS)
def test_a_hook_around_views_of_both_colours_has_one_of_them(kind: str, hook: Any) -> None:
    def build(app: DualApp) -> None:
        getattr(app, kind)(hook)
        app.add_url_rule("/", view_func=sync_view)
        app.add_url_rule("/async", view_func=async_view)

    assert not found("crossings", build)


@pytest.mark.parametrize("hook", [sync_hook, async_hook])
@pytest.mark.parametrize("kind", KINDS)
def test_static_files_are_no_view_of_the_users(kind: str, hook: Any) -> None:
    assert not found("crossings", lambda app: getattr(app, kind)(hook))


def test_the_hook_of_a_blueprint_runs_around_its_views_only() -> None:
    def build(app: DualApp, hook: Any) -> None:
        blueprint = Blueprint("shop", "shop")
        blueprint.before_request(hook)
        blueprint.add_url_rule("/", view_func=async_view)
        app.register_blueprint(blueprint)
        app.add_url_rule("/sync", view_func=sync_view)

    assert found("crossings", lambda app: build(app, sync_hook))
    assert not found("crossings", lambda app: build(app, async_hook))


def test_the_hook_of_a_package_is_not_the_users() -> None:
    def build(app: DualApp) -> None:
        app.before_request(flask.get_flashed_messages)
        app.add_url_rule("/", view_func=async_view)

    assert not found("crossings", build)


# Bodies that sync code reads on the loop.


class FlaskForm:
    """As that of Flask-WTF, which need not be installed."""


class Login(FlaskForm): ...


@pytest.fixture
def wtforms(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("flask_wtf")
    module.FlaskForm = FlaskForm
    monkeypatch.setitem(sys.modules, "flask_wtf", module)


async def reads_flasks():
    return flask.request.form["word"]


async def reads_a_form():
    return str(Login())


async def reads_after_awaiting():
    await request.form
    return flask.request.form["word"] + str(Login())


async def reads_after_awaiting_quarts():
    await quart.request.form
    return str(Login())


@read_ahead(1024 * 1024)
async def reads_what_is_read_ahead():
    return str(Login())


class ReadAhead(MethodView):
    decorators = [read_ahead(1024 * 1024)]  # noqa: RUF012 - as in Flask's documentation

    async def post(self):
        return str(Login())


async def reads_in_a_thread():
    def read() -> str:
        return flask.request.form["word"]

    return await quart.utils.run_sync(read)()


async def reads_the_head():
    return flask.request.method


def reads_in_def():
    return flask.request.form["word"] + str(Login())


@pytest.mark.usefixtures("wtforms")
@pytest.mark.parametrize(
    ("func", "what"), [(reads_flasks, "flask.request.form cannot"), (reads_a_form, "Login, a FlaskForm, cannot")]
)
def test_sync_code_on_the_loop_reads_a_body_that_was_not_awaited(func: Any, what: str) -> None:
    for build in (lambda app: app.add_url_rule("/", "index", func), lambda app: app.before_request(func)):
        (finding,) = found("bodies", build)
        assert finding.what.startswith(what)
        assert line_of(func) in finding.where


@pytest.mark.usefixtures("wtforms")
@pytest.mark.parametrize(
    "func",
    [
        reads_after_awaiting,
        reads_after_awaiting_quarts,
        reads_what_is_read_ahead,
        reads_in_a_thread,
        reads_the_head,
        reads_in_def,
    ],
)
def test_a_body_that_was_awaited_is_there(func: Any) -> None:
    assert not found("bodies", lambda app: app.add_url_rule("/", view_func=func))


# A missing secret key.


def visits():
    session["visits"] = 1
    return ""


async def visits_of_quart():
    quart.session["visits"] = 1
    return ""


async def flashes():
    await flash("seen")
    return ""


def has_a_variable_of_that_name():
    session = {}
    session["visits"] = 1
    return session


def shares_a_variable_of_that_name():
    session = {}

    def visit():
        session["visits"] = 1

    visit()
    return session


def visits_in_a_closure(mine: Any) -> Any:
    def view():
        mine["visits"] = 1
        return ""

    return view


@pytest.mark.parametrize(
    ("func", "what"),
    [
        (visits, "sessions"),
        (visits_in_a_closure(session), "sessions"),
        (visits_of_quart, "sessions"),
        (flashes, "flashed messages"),
    ],
)
def test_a_session_needs_a_key(func: Any, what: str) -> None:
    (finding,) = found("secret-key", lambda app: app.add_url_rule("/", "index", func))
    assert finding == (f"{line_of(func)} (index)", f"{what} need a secret key, and the app has none", "set SECRET_KEY")
    (finding,) = found("secret-key", lambda app: app.before_request(func))
    assert finding.where == line_of(func)


def test_a_session_with_a_key_or_another_interface_needs_none() -> None:
    def with_key(app: DualApp) -> None:
        app.secret_key = "secret"
        app.add_url_rule("/", view_func=visits)

    def with_interface(app: DualApp) -> None:
        app.session_interface = flask.sessions.SessionInterface()
        app.add_url_rule("/", view_func=visits)

    assert not found("secret-key", with_key)
    assert not found("secret-key", with_interface)
    for view in (has_a_variable_of_that_name, shares_a_variable_of_that_name):
        assert not found("secret-key", lambda app, view=view: app.add_url_rule("/", view_func=view))


# Websockets.


async def chat(): ...


def sync_chat(): ...


def sock_chat(): ...


def test_nobody_answers_a_websocket() -> None:
    (finding,) = found("websockets", lambda app: app.add_url_rule("/chat", "chat", sock_chat, websocket=True))
    assert finding.where == f"{line_of(sock_chat)} (chat)"
    assert finding.what == "nobody answers websocket rule '/chat' under ASGI"


@pytest.mark.parametrize("view", [chat, sync_chat])
def test_websockets_of_the_app_are_answered(view: Any) -> None:
    assert not found("websockets", lambda app: app.add_websocket("/chat", "chat", view))


def test_a_websocket_needs_an_extra_under_wsgi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dualapp.commands.checks.find_spec", lambda name: None)
    (finding,) = found("websockets", lambda app: app.add_websocket("/chat", "chat", chat))
    assert finding == (
        f"{line_of(chat)} (chat)",
        "websocket rule '/chat' gets a 501 under WSGI",
        "pip install 'dualapp[websockets]', or serve it under ASGI",
    )


def test_a_view_of_http_is_answered() -> None:
    assert not found("websockets", lambda app: app.add_url_rule("/", view_func=async_view))


# Rules without a view.


def test_a_rule_has_no_view() -> None:
    (finding,) = found("views", lambda app: app.add_url_rule("/lost", endpoint="lost"))
    assert finding.where == "endpoint 'lost'"
    assert "rule '/lost' has no view" in finding.what


def test_a_rule_has_its_view_or_only_builds_urls() -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/late", endpoint="late")
        app.endpoint("late")(sync_view)
        app.add_url_rule("/built", endpoint="built", build_only=True)

    assert not found("views", build)


# Middleware around one entry.


class Middleware:
    def __init__(self, *args: Any, **options: Any) -> None: ...


SentryAsgiMiddleware = type("SentryAsgiMiddleware", (Middleware,), {"__module__": "sentry_sdk.integrations.asgi"})


@pytest.mark.parametrize(("name", "entry"), [("wsgi_app", "WSGI"), ("asgi_app", "ASGI")])
def test_middleware_sees_one_entry_only(name: str, entry: str) -> None:
    (finding,) = found("middleware", lambda app: setattr(app, name, Middleware()))
    assert finding.where == f"app.{name}"
    assert finding.what == f"middleware 'Middleware' sees requests under {entry} only"


def test_werkzeugs_proxy_fix_sees_one_entry_only() -> None:
    (finding,) = found("middleware", lambda app: setattr(app, "wsgi_app", WerkzeugsProxyFix(app.wsgi_app)))
    assert "dualapp.ProxyFix" in finding.remedy


def wrap_both(app: DualApp) -> None:
    app.wsgi_app = app.asgi_app = Middleware()  # type: ignore[assignment,method-assign]


@pytest.mark.parametrize("build", [ProxyFix, wrap_both, lambda app: setattr(app, "asgi_app", SentryAsgiMiddleware())])
def test_middleware_around_both_entries_sees_all(build: Build) -> None:
    assert not found("middleware", build)


# The command.


def printed(build: Build, *options: str) -> tuple[int, list[str]]:
    app = DualApp("app")
    build(app)
    result = app.test_cli_runner().invoke(check_command, options)
    return result.exit_code, result.output.splitlines()


def surprising(app: DualApp) -> None:
    app.add_url_rule("/", "index", visits)
    app.add_url_rule("/live", "live", events)


def test_each_finding_is_a_line() -> None:
    status, lines = printed(surprising)
    assert status == 1
    assert len(lines) == 2
    assert lines[0].startswith(f"{line_of(events)} (live): under WSGI each client")
    assert lines[0].endswith(" [event-streams]")
    assert lines[1] == (
        f"{line_of(visits)} (index): sessions need a secret key, and the app has none; set SECRET_KEY [secret-key]"
    )


def test_a_finding_is_ignored() -> None:
    status, (line,) = printed(surprising, "--ignore", "event-streams")
    assert (status, line[-12:]) == (1, "[secret-key]")
    assert printed(surprising, "--ignore", "event-streams", "--ignore", "secret-key")[0] == 0


def test_there_is_nothing_to_say() -> None:
    assert printed(lambda app: app.add_url_rule("/", view_func=sync_view)) == (0, ["Nothing to say about 'app'."])


def test_another_app_is_named() -> None:
    result = flask.Flask("other").test_cli_runner().invoke(check_command)
    assert result.exit_code == 2
    assert "'other' is a Flask, not a DualApp" in result.output


def test_each_check_has_its_two_tests() -> None:
    source = HERE.read_text()
    for name in CHECKS:
        assert f'found("{name}"' in source
        assert f'not found("{name}"' in source
