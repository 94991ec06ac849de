"""What is changed after the first request, without a decorator, has the effect that it has in Flask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

import flask
import pytest
from flask.json.provider import DefaultJSONProvider
from flask.sessions import SecureCookieSessionInterface
from werkzeug.routing import BaseConverter, Rule, ValidationError

from dualapp import DualApp

from ..conftest import Serve
from ..support.entry_driver import Answer, Client
from ..support.recolour import Build, recolour

BODY = b"0123456789"
#: Between them, they show the effect of each change.
ASKS: list[tuple[str, str, list[tuple[str, str]], bytes]] = [
    ("GET", "/", [], b""),
    ("GET", "/", [("Host", "evil.example")], b""),
    ("GET", "/inner/", [], b""),
    ("GET", "/late", [], b""),
    ("GET", "/ended", [], b""),
    ("GET", "/fail", [], b""),
    ("POST", "/", [], BODY),
]


def pages(app: DualApp) -> None:
    app.secret_key = "late"
    app.extensions["ended"] = []
    blueprint = flask.Blueprint("inner", __name__, url_prefix="/inner")

    @app.after_request
    async def marked(response):
        response.headers["X-Marked"] = "1"
        return response

    @app.get("/")
    async def index():
        return {"page": "index"}

    @app.post("/")
    async def length():
        return str(len(flask.request.get_data()))

    @app.get("/ended")
    async def ended():
        return ",".join(app.extensions["ended"])

    @app.get("/fail")
    async def fail():
        return 1 // 0

    @blueprint.get("/")
    async def inner():
        return "inner"

    app.register_blueprint(blueprint)


def another_view(app: DualApp) -> None:
    async def other():
        return "another view"

    app.view_functions["index"] = other


def several_views(app: DualApp) -> None:
    async def other():
        return "another view"

    app.view_functions.update({"index": other})


def a_hook_before(app: DualApp) -> None:
    async def first():
        return "a hook's"

    app.before_request_funcs.setdefault(None, []).append(first)


def a_list_of_hooks_before(app: DualApp) -> None:
    async def first():
        return "a hook's"

    app.before_request_funcs[None] = [first]


def a_registry_of_hooks_before(app: DualApp) -> None:
    async def first():
        return "a hook's"

    app.before_request_funcs = {None: [first]}


def a_hook_of_a_blueprint(app: DualApp) -> None:
    async def first():
        return "a hook's"

    app.before_request_funcs["inner"].append(first)


def a_hook_after(app: DualApp) -> None:
    async def stamped(response):
        response.headers["X-Stamped"] = response.headers.get("X-Marked", "first")
        return response

    app.after_request_funcs[None].insert(0, stamped)


def no_hooks_after(app: DualApp) -> None:
    del app.after_request_funcs[None][0]


def hooks_after_taken_away(app: DualApp) -> None:
    app.after_request_funcs.pop(None)


def a_hook_at_the_end(app: DualApp) -> None:
    async def ended(error):
        app.extensions["ended"].append(flask.request.path)

    app.teardown_request_funcs.setdefault(None, []).append(ended)


def a_hook_at_the_end_of_the_app_context(app: DualApp) -> None:
    async def ended(error):
        app.extensions["ended"].append("app")

    app.teardown_appcontext_funcs.append(ended)


def a_preprocessor(app: DualApp) -> None:
    async def note(endpoint, values):
        app.extensions["ended"].append(str(endpoint))

    app.url_value_preprocessors[None].append(note)


def an_error_handler(app: DualApp) -> None:
    async def handled(error):
        return "handled", 418

    app.error_handler_spec[None][None][ZeroDivisionError] = handled


def a_rule(app: DualApp) -> None:
    app.url_map.add(Rule("/late", endpoint="index"))


def a_session_interface(app: DualApp) -> None:
    class Interface(SecureCookieSessionInterface):
        def save_session(self, app: Any, session: Any, response: Any) -> None:
            response.headers["X-Saved"] = "1"

    app.session_interface = Interface()


def a_json_provider(app: DualApp) -> None:
    class Provider(DefaultJSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return '"another provider"'

    app.json = Provider(app)


def a_response_class(app: DualApp) -> None:
    app.response_class = type("Response", (app.response_class,), {"default_mimetype": "text/plain"})


def a_request_class(app: DualApp) -> None:
    app.request_class = type("Request", (app.request_class,), {"trusted_hosts": ["localhost"]})


def a_method(app: DualApp) -> None:
    make_response = app.make_response

    def own(value: Any) -> Any:
        response = make_response(value)
        response.headers["X-Own"] = "1"
        return response

    app.make_response = own


def trusted_hosts(app: DualApp) -> None:
    app.config["TRUSTED_HOSTS"] = ["localhost"]


def trusted_hosts_with_others(app: DualApp) -> None:
    app.config.update(TRUSTED_HOSTS=["localhost"])


def a_limit(app: DualApp) -> None:
    app.config["MAX_CONTENT_LENGTH"] = len(BODY) - 1


def debug_mode(app: DualApp) -> None:
    app.config["DEBUG"] = True
    app.config["PROPAGATE_EXCEPTIONS"] = False


def settings_of_json(app: DualApp) -> None:
    app.json.compact = False


CHANGES: list[Build] = [
    another_view,
    several_views,
    a_hook_before,
    a_list_of_hooks_before,
    a_registry_of_hooks_before,
    a_hook_of_a_blueprint,
    a_hook_after,
    no_hooks_after,
    hooks_after_taken_away,
    a_hook_at_the_end,
    a_hook_at_the_end_of_the_app_context,
    a_preprocessor,
    an_error_handler,
    a_rule,
    a_session_interface,
    a_json_provider,
    a_response_class,
    a_request_class,
    a_method,
    trusted_hosts,
    trusted_hosts_with_others,
    a_limit,
    debug_mode,
    settings_of_json,
]


def answers(client: Client) -> list[tuple[Any, ...]]:
    return [comparable(client.request(method, path, headers, body)) for method, path, headers, body in ASKS]


def comparable(answer: Answer) -> tuple[Any, ...]:
    return answer.status, answer.headers, answer.body


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_it_has_the_effect_that_it_has_in_flask(serve: Serve, change: Build) -> None:
    client = serve(pages)
    before = answers(client), answers(client)
    assert before[0] == before[1]
    serve.paint(change)(client.app)
    recolour(change, everything=True)(client.twin.app)  # type: ignore[union-attr]  # there is one
    assert answers(client) != before[1]
    answers(client)


def hooks_that_note(app: DualApp) -> None:
    """Whose notes the next page shows."""
    app.extensions["notes"] = notes = []
    blueprint = flask.Blueprint("inner", __name__, url_prefix="/inner")

    def noting(name):
        async def hook(*args):
            notes.append(name)
            return args[0] if isinstance(args[0] if args else None, flask.Response) else None

        hook.__name__ = name
        return hook

    @blueprint.get("/")
    async def index():
        shown = notes.copy()
        notes.clear()
        return shown

    app.extensions["noting"] = noting
    app.register_blueprint(blueprint)


LISTS = ("before_request_funcs", "after_request_funcs", "teardown_request_funcs", "url_value_preprocessors")
#: All that can be done to a list, one after the other, with another hook.
EDITS: list[Callable[[list[Any], Any], object]] = [
    lambda hooks, hook: hooks.append(hook),
    lambda hooks, hook: hooks.insert(0, hook),
    lambda hooks, hook: hooks.extend([hook, hook]),
    lambda hooks, hook: hooks.__iadd__([hook]),
    lambda hooks, hook: hooks.__setitem__(0, hook),
    lambda hooks, hook: hooks.__setitem__(slice(1, 1), [hook, hook]),
    lambda hooks, hook: hooks.reverse(),
    lambda hooks, hook: hooks.sort(key=lambda each: each.__name__),
    lambda hooks, hook: hooks.remove(hooks[0]),
    lambda hooks, hook: hooks.pop(),
    lambda hooks, hook: hooks.__delitem__(slice(2)),
    lambda hooks, hook: hooks.clear(),
]


@pytest.mark.parametrize("place", [None, "inner"])
@pytest.mark.parametrize("registry", LISTS)
def test_all_that_is_done_to_a_list_of_hooks_has_its_effect(serve: Serve, registry: str, place: str | None) -> None:
    client = serve(hooks_that_note)
    client.get("/inner/")
    for number, edit in enumerate(EDITS):
        for app in (client.app, client.twin.app):  # type: ignore[union-attr]  # there is one
            edit(getattr(app, registry)[place], app.extensions["noting"](str(number)))
        client.get("/inner/")
        assert len(client.get("/inner/").json()) == len(getattr(client.app, registry)[place])


def test_a_server_name_that_is_set_later(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/", "index", lambda: flask.url_for("index", _external=True))

    client = serve(build)
    for _ in range(2):
        assert client.get("/").text == "http://localhost/"
    for app in (client.app, client.twin.app):  # type: ignore[union-attr]  # there is one
        app.config["SERVER_NAME"] = "example.org"
    client.get("/", [("Host", "example.org")])
    client.get("/")


def test_a_hook_that_a_view_registers_runs_for_its_own_request(serve: Serve) -> None:
    """As Flask-Caching does, to mark what comes from its cache."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def stamped(response):
                response.headers["X-Stamped"] = "1"
                return response

            app.after_request_funcs[None] = [stamped]
            return {"page": "index"}

    client = serve(build)
    assert [client.get("/").header("x-stamped") for _ in range(3)] == ["1", "1", "1"]


def test_a_hook_that_a_hook_registers_runs_at_the_end(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["ended"] = []

        @app.before_request
        async def register():
            async def ended(error):
                app.extensions["ended"].append("ended")

            app.teardown_request_funcs[None] = [ended]

        @app.get("/")
        async def index():
            return ",".join(app.extensions["ended"])

    client = serve(build)
    assert [client.get("/").text for _ in range(3)] == ["", "ended", "ended,ended"]


STEPS = [
    "dispatch_request",
    "full_dispatch_request",
    "finalize_request",
    "handle_exception",
    "handle_http_exception",
    "handle_user_exception",
    "make_response",
    "preprocess_request",
    "process_response",
]


def counted(calls: Counter[str], method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls[type(self).__name__] += 1
        return method(self, *args, **kwargs)

    return counting


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("name", STEPS)
def test_a_method_that_an_agent_wraps_on_flasks_class_is_called(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "index"

        @app.get("/fail")
        async def fail():
            return 1 // 0

    calls: Counter[str] = Counter()
    monkeypatch.setattr(flask.Flask, name, counted(calls, getattr(flask.Flask, name)))
    client = serve(build)
    for path in ("/", "/", "/fail", "/nowhere"):
        client.get(path)
    assert calls["DualApp"] == calls["Flask"] > 0 or serve.road == "general"


class Once(BaseConverter):
    """Refuses "no", fails at "bad", and counts how often it is asked."""

    asked: ClassVar[Counter[str]] = Counter()

    def to_python(self, value: str) -> str:
        self.asked[value] += 1
        if value == "no":
            raise ValidationError
        if value == "bad":
            raise ValueError(value)
        return value


@pytest.mark.usefixtures("without_log")
def test_a_converter_that_refuses_is_asked_once(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.url_map.converters["once"] = Once

        @app.get("/<once:value>")
        async def value(value):
            return value

        @app.post("/<once:value>")
        async def post(value):
            return value

    client = serve(build, twin=False)
    client.get("/yes")
    for path, status in (("yes", 200), ("no", 404), ("bad", 500)):
        Once.asked.clear()
        assert client.get(f"/{path}").status == status
        assert Once.asked == {path: 1}
    serve(build).get("/no")
    serve(build).post("/no")
    serve(build).put("/no")
