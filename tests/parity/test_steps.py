"""Steps of a request that a subclass overrides, as for Flask or for Quart: in either colour, with or without context.

Quart 0.23 and Flask 3.2 pass the context first, Quart 0.22 last, Flask 3.1 not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import wraps
from inspect import isawaitable
from itertools import cycle
from typing import Any

import flask
import pytest
import quart
from werkzeug.exceptions import NotFound

from dualapp import (
    DualApp,
    after_this_request,
    render_template_string,
    request,
    session,
    stream_template_string,
)

from ..conftest import Serve, flask_twin
from ..support.waiting import LIMIT
from .test_crossings import here, tracing

#: What each step takes beside the app and the context.
STEPS = {
    "full_dispatch_request": "",
    "preprocess_request": "",
    "dispatch_request": "",
    "handle_user_exception": "error",
    "handle_http_exception": "error",
    "handle_exception": "error",
    "log_exception": "exc_info",
    "finalize_request": "value, from_error_handler=False",
    "make_response": "value",
    "process_response": "response",
    "make_default_options_response": "",
    "do_teardown_request": "error",
    "do_teardown_appcontext": "error",
}
COLOURS = ["def", "async def"]
#: The parameter for the context, and whether it is the first or the last.
STYLES = {"without": ("", True), "first": ("ctx", True), "last": ("request_context=None", False)}
ASKS = [("GET", "/"), ("POST", "/"), ("OPTIONS", "/"), ("GET", "/fail"), ("GET", "/handled"), ("GET", "/nowhere")]

SOURCE = """
{colour} {name}(self, {parameters}):
    note(self, {name!r}, {context})
    {result} = {wait} super(mixin, self).{name}({arguments})
    note(self, {name!r} + " done", {context})
    return {result}
"""


class Own(Exception):
    pass


class Handled(Exception):
    pass


def views(app: DualApp) -> None:
    seen = app.extensions["seen"] = []

    @app.before_request
    async def before():
        seen.append("before")

    @app.before_request
    def sync_before() -> None:
        seen.append("sync before")

    @app.before_request
    async def async_before():
        seen.append("async before")

    @app.after_request
    async def after(response):
        seen.append("after")
        return response

    @app.after_request
    def sync_after(response: Any) -> Any:
        seen.append("sync after")
        return response

    @app.after_request
    async def async_after(response):
        seen.append("async after")
        return response

    @app.teardown_request
    async def tear_down(error):
        seen.append(f"teardown {type(error).__name__}")

    @app.teardown_appcontext
    def sync_tear_down_app(error: Any) -> None:
        seen.append(f"teardown app {type(error).__name__}")

    @app.teardown_appcontext
    async def async_tear_down_app(error):
        seen.append(f"async teardown app {type(error).__name__}")

    @app.errorhandler(Handled)
    async def handle(error):
        return "handled", 418

    @app.errorhandler(404)
    def sync_not_found(error: Any) -> Any:
        return "nowhere", 404

    @app.get("/")
    async def index():
        session["seen"] = True

        @after_this_request
        async def mark(response):
            response.headers["X-Marked"] = "yes"
            return response

        return "index"

    @app.post("/")
    async def post():
        return await request.get_data()

    @app.get("/fail")
    async def fail():
        raise Own

    @app.get("/handled")
    async def handled():
        raise Handled

    app.secret_key = "secret"


def overriding(names: Iterable[str], colours: Iterable[str], style: str) -> type:
    """A subclass that overrides steps, notes what each is called with, and goes on with `super()`."""
    scope: dict[str, Any] = {"note": note}
    for name, colour in zip(names, cycle(colours), strict=False):
        exec(source_of(name, colour, style), scope)
    mixin = type("Mixin", (), {name: scope[name] for name in names})
    scope["mixin"] = mixin
    return mixin


def source_of(name: str, colour: str, style: str) -> str:
    own = STEPS[name].split(", ") if STEPS[name] else []
    parameter, is_first = STYLES["without" if name == "make_response" else style]
    parameters = [parameter, *own] if is_first else [*own[:1], parameter, *own[1:]]
    named = [parameter.partition("=")[0] for parameter in parameters if parameter]
    return SOURCE.format(
        colour=colour,
        name=name,
        parameters=", ".join(filter(None, parameters)),
        context=parameter.partition("=")[0] or None,
        result="result",
        # Quart does not await it either.
        wait="await" if colour == "async def" and name != "log_exception" else "",
        arguments=", ".join(named),
    )


def note(app: Any, event: str, context: Any = None) -> None:
    app.extensions["seen"].append(event)
    if context is not None:
        app.extensions.setdefault("contexts", {})[event] = context.request


def answers(client: Any) -> list[Any]:
    client.app.extensions["seen"].clear()
    return [(client.request(*ask).comparable(), list(client.app.extensions["seen"])) for ask in ASKS]


def check(serve: Serve, names: list[str], colours: list[str], style: str) -> None:
    client = serve(views, twin=False, mixin=overriding(names, colours, style))
    plain = flask_twin(overriding(names, ["def"], "without"), views)
    assert answers(client) == answers(plain)
    assert {event for event in client.app.extensions["seen"] if event in STEPS} <= {*names}
    for name, colour in zip(names, cycle(colours), strict=False):
        face = client.app.extensions.get("contexts", {}).get(name)
        if style != "without" and name != "make_response":
            assert isinstance(face, quart.Request if colour == "async def" else flask.Request), name


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("name", STEPS)
def test_an_override_goes_on_with_super(serve: Serve, name: str, colour: str, style: str) -> None:
    check(serve, [name], [colour], style)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("colours", [["def"], ["async def"], ["def", "async def"], ["async def", "def"]])
def test_all_steps_overridden_at_once(serve: Serve, colours: list[str], style: str) -> None:
    check(serve, [*STEPS], colours, style)


def test_overrides_of_one_colour_run_in_one_place(serve: Serve) -> None:
    """With the view and the hooks that have their colour: they cost no crossing."""
    seen: list[Any] = []

    class Places(list[Any]):
        def append(self, event: Any) -> None:
            seen.append(here())

    client = serve(tracing, twin=False, mixin=overriding(STEPS, ["async def" if serve.is_async else "def"], "first"))
    client.app.extensions["seen"] = Places()
    client.get("/")
    assert len(seen) > 2 * len(client.app.extensions["places"]) > 0
    assert len({*seen, *client.app.extensions["places"]}) == 1


def test_an_override_that_a_plain_decorator_wraps(serve: Serve) -> None:
    """Calling it gives a coroutine, as with Quart."""

    def decorated(func: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(func)
        def call(*args: Any, **kwargs: Any) -> Any:
            return func(*args, **kwargs)

        return call

    names = [name for name in STEPS if name != "log_exception"]
    mixin = overriding(names, ["async def"], "first")
    for name in names:
        setattr(mixin, name, decorated(vars(mixin)[name]))
    client = serve(views, twin=False, mixin=mixin)
    assert answers(client) == answers(flask_twin(overriding(names, ["def"], "without"), views))


def test_a_subclass_of_a_subclass(serve: Serve) -> None:
    """Each in a colour and a style of its own."""
    first, second = overriding(STEPS, ["def", "async def"], "first"), overriding(STEPS, ["async def", "def"], "last")
    plain = subclassed(flask.Flask, *[overriding(STEPS, ["def"], "without") for _ in range(2)])
    client = serve(views, twin=False, mixin=subclassed(DualApp, first, second))
    assert answers(client) == answers(flask_twin(plain, views))


def subclassed(cls: type, *mixins: type) -> type:
    for mixin in mixins:
        cls = type("App", (mixin, cls), {})
    return cls


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_is_set_on_the_app(serve: Serve, name: str, colour: str) -> None:
    """As extensions do; an override goes on with what it replaces."""

    def build(app: Any) -> None:
        original = getattr(app, name)

        async def async_step(*args: Any, **kwargs: Any) -> Any:
            note(app, name)
            result = original(*args, **kwargs)
            return await result if isawaitable(result) else result

        def step(*args: Any, **kwargs: Any) -> Any:
            note(app, name)
            return original(*args, **kwargs)

        setattr(app, name, async_step if colour == "async def" and type(app) is not flask.Flask else step)

    client = serve(views, twin=False)
    build(client.app)
    plain = flask_twin(object, views)
    build(plain.app)
    assert answers(client) == answers(plain)


#: What each step that is awaited in Quart is called with.
ARGUMENTS: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "full_dispatch_request": lambda app: (),
    "preprocess_request": lambda app: (),
    "dispatch_request": lambda app: (),
    "handle_user_exception": lambda app: (Handled(),),
    "handle_http_exception": lambda app: (NotFound(),),
    "handle_exception": lambda app: (Own(),),
    "finalize_request": lambda app: ("value",),
    "process_response": lambda app: (app.response_class("made"),),
    "make_default_options_response": lambda app: (),
    "do_teardown_request": lambda app: (Own(),),
    "do_teardown_appcontext": lambda app: (Own(),),
}


@pytest.mark.parametrize("with_context", [False, True], ids=["without", "with"])
@pytest.mark.parametrize("colour", [None, *COLOURS])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_step_is_called_from_outside(serve: Serve, name: str, colour: str | None, with_context: bool) -> None:
    """By tests and extensions, in their own colour, whatever colour an override has."""
    mixin = object if colour is None else overriding([name], [colour], "first")
    app = serve(views, twin=False, mixin=mixin).app
    plain = flask_twin(object if colour is None else overriding([name], ["def"], "without"), views).app

    async def call():
        async with app.test_request_context("/") as context:
            given = (context,) if with_context else ()
            return await getattr(app, name)(*given, *ARGUMENTS[name](app))

    assert outcome(app, serve.call(call)) == outcome(plain, called(plain, name))
    app.add_url_rule("/later", "later", index)  # nothing was served yet


def called(app: flask.Flask, name: str) -> Any:
    with app.test_request_context("/"):
        return getattr(app, name)(*ARGUMENTS[name](app))


def outcome(app: Any, result: Any) -> tuple[Any, list[str]]:
    seen = app.extensions["seen"]
    return (result.status, result.data) if isinstance(result, flask.Response) else result, seen


def index() -> str:
    return "index"


def test_a_step_needs_a_request() -> None:
    app = DualApp(__name__)
    with pytest.raises(RuntimeError, match=r"dispatch_request\(\) can be called while a request is handled"):
        app.dispatch_request()
    with app.app_context(), pytest.raises(RuntimeError, match="Working outside of request context"):
        app.handle_user_exception(Own())
    app.do_teardown_appcontext()


def test_errors_are_logged_from_any_code(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """`log_exception` is not awaited, as in Quart."""
    app = serve(twin=False).app

    async def log():
        async with app.test_request_context("/here") as context:
            app.log_exception((Own, Own(), None))
            app.log_exception(context, (Own, Own(), None))
        app.log_exception((Own, Own(), None))

    serve.call(log)
    assert [record.getMessage() for record in caplog.records] == [
        "Exception on /here [GET]",
        "Exception on /here [GET]",
        f"Exception in {app.name}",
    ]


def test_a_token_of_one_hook_is_valid_in_the_next(serve: Serve) -> None:
    """Though an override is around them, of the colour of the view."""
    variable: ContextVar[str] = ContextVar("variable")

    def build(app: DualApp) -> None:
        tokens = app.extensions["tokens"] = []

        @app.before_request
        def sync_before() -> None:
            tokens.append(variable.set("set"))

        @app.before_request
        async def before():
            assert variable.get() == "set"

        @app.teardown_request
        def sync_tear_down(error: Any) -> None:
            variable.reset(tokens.pop())
            app.extensions["reset"] = True

    names = ["full_dispatch_request", "preprocess_request", "do_teardown_request"]
    mixin = overriding(names, ["async def" if serve.is_async else "def"], "first")
    client = serve(views, build, twin=False, mixin=mixin)
    assert client.get("/").text == "index"
    assert client.app.extensions["reset"]


def test_an_override_with_a_timeout(serve: Serve) -> None:
    """On Python 3.11 it makes a task, with context variables of its own."""

    class Mixin:
        async def dispatch_request(self, ctx: Any) -> Any:
            return await asyncio.wait_for(super().dispatch_request(ctx), LIMIT)  # type: ignore[misc]  # of the app

        async def preprocess_request(self, ctx: Any) -> Any:
            return await asyncio.create_task(super().preprocess_request(ctx))  # type: ignore[misc]  # as above

    assert answers(serve(views, twin=False, mixin=Mixin)) == answers(flask_twin(object, views))


def test_an_agent_that_wraps_flasks_class_sees_each_step(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beneath an override, too."""

    def wrapped(method: Any) -> Any:
        @wraps(method)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            self.extensions["seen"].append(f"agent {method.__name__}")
            return method(self, *args, **kwargs)

        return call

    for name in STEPS:
        monkeypatch.setattr(flask.Flask, name, wrapped(getattr(flask.Flask, name)))
    assert answers(serve(views, twin=False)) == answers(flask_twin(object, views))
    plain = answers(flask_twin(overriding(STEPS, ["def"], "without"), views))
    for colour in COLOURS:
        assert answers(serve(views, twin=False, mixin=overriding(STEPS, [colour], "first"))) == plain


@pytest.mark.parametrize("colour", COLOURS)
def test_an_override_adds_to_the_context_of_templates(serve: Serve, colour: str) -> None:
    def build(app: DualApp) -> None:
        @app.context_processor
        async def processor():
            return {"b": "b"}

        @app.get("/")
        async def index():
            return await render_template_string("{{ a }}{{ b }}{{ c }}", c="c")

        @app.get("/stream")
        async def stream():
            return await stream_template_string("{{ a }}{{ b }}{{ c }}", c="c")

        @app.get("/flask")
        def sync_flask() -> str:
            return flask.render_template_string("{{ a }}{{ b }}{{ c }}", c="c")

    class Sync:
        def update_template_context(self, context: dict[str, Any]) -> None:
            super().update_template_context(context)  # type: ignore[misc]  # of the app
            context["a"] = "a"

    class Async:
        async def update_template_context(self, ctx: Any, context: dict[str, Any]) -> None:
            await super().update_template_context(ctx, context)  # type: ignore[misc]  # as above
            context["a"] = "a"

    client = serve(build, twin=False, mixin=Sync if colour == "def" else Async)
    assert [client.get(path).text for path in ("/", "/stream", "/flask")] == ["abc"] * 3
