"""What changes in Flask and Werkzeug 3.2, tried with the versions that are installed."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import flask
import flask.app
import flask.ctx
import pytest

from dualapp import DualApp, redirect, request
from dualapp.compat import upstream
from dualapp.pipeline import dispatch, overrides, plan, teardown_errors
from dualapp.pipeline.context import Context
from dualapp.wrappers import sync_request

from ..conftest import Serve
from ..support.edited_source import editing

TESTS = Path(__file__).parents[1]

#: What the steps of a request do here, without the context that they are called with first.
STEPS: dict[str, Callable[..., Any]] = {
    "full_dispatch_request": lambda app: app.response_class("full"),
    "preprocess_request": lambda app: None,
    "dispatch_request": lambda app: "dispatched",
    "finalize_request": lambda app, value, from_error_handler=False: app.make_response(value),
    "process_response": lambda app, response: response,
    "handle_user_exception": lambda app, error: "handled",
    "handle_http_exception": lambda app, error: "handled",
    "handle_exception": lambda app, error: app.response_class("broken", 500),
    "log_exception": lambda app, exc_info: None,
    "make_default_options_response": lambda app: app.response_class("options"),
    "do_teardown_request": lambda app, error: None,
    "do_teardown_appcontext": lambda app, error: None,
}


class Own(Exception):
    pass


def taking_context(name: str) -> Callable[..., Any]:
    """Make one of the steps as Flask 3.2 has it."""

    def step(self: Any, ctx: flask.ctx.AppContext, *args: Any, **kwargs: Any) -> Any:
        self.extensions.setdefault(name, []).append(ctx)
        return STEPS[name](self, *args, **kwargs)

    step.__name__ = name
    return step


@pytest.mark.parametrize("name", STEPS)
def test_steps_take_the_context_first(serve: Serve, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(upstream, "steps_take_context", True)

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index() -> str:
            return "index"

        @app.get("/fail")
        async def fail() -> None:
            raise Own

    # The others that the pipeline does not replace, and that would be Flask's.
    steps = {step: taking_context(step) for step in (name, "log_exception", "make_default_options_response")}
    client = serve(build, twin=False, mixin=type("Mixin", (), steps))
    for path in ("/", "/fail", "/nowhere"):
        client.get(path)
    client.options("/")
    contexts = client.app.extensions[name]
    assert contexts
    assert all(isinstance(context, Context) and context.has_request for context in contexts)


def test_our_own_steps_may_take_the_context() -> None:
    for name in STEPS:
        if name in vars(DualApp):
            assert [*upstream.signature(getattr(DualApp, name)).parameters][1] == "ctx"


def test_what_flask_wraps_around_a_step_is_not_the_step() -> None:
    def own(self: Any) -> None:
        """A user's."""

    def wrapper(self: Any, *args: Any) -> Any:
        return None

    wrapped = types.FunctionType(wrapper.__code__, vars(flask.app))
    wrapped.__wrapped__ = own  # type: ignore[attr-defined]
    assert not overrides.is_frameworks(wrapped)
    wrapped.__wrapped__ = flask.Flask.preprocess_request  # type: ignore[attr-defined]
    assert overrides.is_frameworks(wrapped)


def test_an_app_that_keeps_no_error_from_its_teardown(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["PROPAGATE_EXCEPTIONS"] = True
        app.extensions["torn"] = []

        @app.teardown_request
        async def tear_down(error: Any) -> None:
            app.extensions["torn"].append(type(error))

        @app.get("/")
        async def fail() -> None:
            raise Own

    client = serve(build, twin=False, mixin=type("Mixin", (), {"should_ignore_error": None}))
    assert isinstance(client.get("/", escapes=True).error, Own)
    assert client.app.extensions["torn"] == [Own]


def test_all_of_the_teardown_runs_though_a_part_fails(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (dispatch, teardown_errors):
        monkeypatch.setattr(module, "runs_all_teardowns", True)
    monkeypatch.setattr(plan, "each_teardown", teardown_errors.each_torn_down)

    def build(app: DualApp) -> None:
        torn = app.extensions["torn"] = []

        def register(decorator: Callable[..., Any], number: int) -> None:
            @decorator
            def tear_down(error: Any) -> None:
                torn.append(number)
                raise Own(number)

            @decorator
            async def tear_down_async(error: Any) -> None:
                torn.append(number + 1)
                raise Own(number + 1)

        for decorator, number in [(app.teardown_request, 0), (app.teardown_request, 2), (app.teardown_appcontext, 4)]:
            register(decorator, number)

        @app.get("/")
        async def index() -> str:
            return "index"

    client = serve(build, twin=False)
    error = client.get("/", escapes=True).error
    assert isinstance(error, ExceptionGroup)
    assert [own.args[0] for own in leaves_of(error)] == client.app.extensions["torn"] == [3, 2, 1, 0, 5, 4]
    client.app.extensions["torn"].clear()
    with pytest.raises(ExceptionGroup), client.app.test_request_context():
        pass
    assert 5 in client.app.extensions["torn"]


def leaves_of(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in leaves_of(each)]
    return [error]


def test_status_lines_are_spelled_as_werkzeug_spells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(upstream.STATUS_LINES, 404, "404 Nothing There")
    monkeypatch.setitem(upstream.STATUS_LINES, 307, "307 Over There")

    def build(app: DualApp) -> None:
        app.add_url_rule("/moved", view_func=lambda: redirect("/elsewhere", 307))

    client = Serve("wsgi", "async")(build, twin=False)  # there are no reasons in ASGI
    assert [client.get(path).reason for path in ("/nowhere", "/moved")] == ["Nothing There", "Over There"]


def test_redirects_have_the_code_that_flasks_have(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/ours", view_func=lambda: redirect("/elsewhere"))
        app.add_url_rule("/flasks", endpoint="flasks", view_func=lambda: flask.redirect("/elsewhere"))
        app.add_url_rule("/apps", endpoint="apps", view_func=lambda: app.redirect("/elsewhere"))

    client = serve(build)
    assert {client.get(path).status for path in ("/ours", "/flasks", "/apps")} == {upstream.REDIRECT_CODE}


def run_edited(edits: Mapping[str, str], check: str, *tests: str) -> None:
    """Run tests with Flask and Werkzeug edited; `check` is a line that fails if they are not."""
    run = "import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"
    program = "\n".join([editing(("flask", "werkzeug"), edits), check, run])
    # dualapp is imported before pytest: it has a plugin, whose assertions pytest would rewrite.
    quiet = ["-q", "-W", "ignore:Module already imported"]
    command = [sys.executable, "-c", program, *quiet, "--one-way", *(f"tests/{test}" for test in tests)]
    environment = {**os.environ, "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    ended = subprocess.run(command, cwd=TESTS.parent, env=environment, stdout=subprocess.PIPE, text=True)
    assert ended.returncode == 0, ended.stdout


def test_redirects_have_another_code() -> None:
    run_edited(
        {"code: int = 302": "code: int = 303"},
        "from dualapp.compat.upstream import REDIRECT_CODE; assert REDIRECT_CODE == 303",
        "unit/test_upstream_changes.py::test_redirects_have_the_code_that_flasks_have",
    )


#: Makes one context variable of the two of Flask 3.1, and hides `RequestContext`, as in 3.2. The order matters.
ONE_CONTEXT = {
    r"_cv_request\.get\(None\)": '(_cv_app.get(None) if getattr(_cv_app.get(None), "has_request", False) else None)',
    r'ContextVar\("flask.request_ctx"\)': "_cv_app",
    r"\b_cv_request\b": "_cv_app",
    r"( +)app_ctx = self\.app\.app_context\(\)": r"\g<0>\n\1vars(self).setdefault('g', app_ctx.g)",
    r"( +)app_ctx = None\n": r"\g<0>\1vars(self).setdefault('g', self.app.app_ctx_globals_class())\n",
    "class RequestContext:": r"\g<0>\n    has_request = True\n",
    "class AppContext:": r"""\g<0>
    has_request = False

    @property
    def request(self):
        raise RuntimeError
""",
    r"\bRequestContext\b": "_RequestContext",
    # `stream_with_context` enters the context at once.
    r"\n +yield None  # type: ignore\[misc\]\n": "\n",
    r"( +)with app_ctx, req_ctx:\n": r"\1with req_ctx:\n\1    yield None\n",
}


#: The tests of contexts; the slow ones are all that compare a DualApp with Flask.
CONTEXTS = [
    f"parity/test_{name}.py"
    for name in ("context_states", "context_variables", "globals", "hooks", "kept_contexts", "streams")
]


@pytest.mark.parametrize("tests", [CONTEXTS, pytest.param(["parity"], marks=pytest.mark.slow)], ids=["contexts", "all"])
def test_one_context_holds_the_app_and_the_request(tests: list[str]) -> None:
    check = "import flask.ctx; from dualapp.pipeline.context import HAS_ONE_VARIABLE; assert HAS_ONE_VARIABLE"
    run_edited(ONE_CONTEXT, f"{check}; assert not hasattr(flask.ctx, 'RequestContext')", *tests)


def test_the_names_by_which_flask_knows_a_request_and_its_session() -> None:
    app = DualApp(__name__)
    app.secret_key = "secret"
    with app.test_request_context() as context:
        assert context._request is flask.request._get_current_object()  # type: ignore[attr-defined]  # it is a proxy
        assert context._get_session() is flask.session._get_current_object()  # type: ignore[attr-defined]  # as above


def test_cookies_and_arguments_of_requests_that_name_no_classes(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_request, "parse_cookies", upstream._parse_cookies)
    monkeypatch.setattr(sync_request.Request, "dict_storage_class", None)

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index() -> dict[str, Any]:
            return {"cookies": request.cookies, "args": request.args}

    answer = serve(build, twin=False).get("/?x=1", [("Cookie", "a=1; b=2")])
    assert answer.json() == {"cookies": {"a": "1", "b": "2"}, "args": {"x": "1"}}


def test_a_context_of_an_app_that_is_entered_twice_is_left_once() -> None:
    context: Any = DualApp(__name__).app_context()
    vars(context).pop("_cv_tokens", None)
    context._push_count, context._cv_token = 2, upstream.app_variable.set(context)
    assert [context.is_outermost, context.leave_variable(), context.is_outermost] == [False, False, True]
    assert upstream.app_variable.get() is context
    assert context.leave_variable()
    assert upstream.app_variable.get(None) is None


def test_a_context_without_a_request_is_none_of_a_request() -> None:
    for context in (types.SimpleNamespace(has_request=False), types.SimpleNamespace(has_request=True)):
        token = upstream.app_variable.set(context)
        try:
            assert (upstream._current_request_context() is context) is context.has_request
        finally:
            upstream.app_variable.reset(token)
    assert upstream._current_request_context("none") == "none"
