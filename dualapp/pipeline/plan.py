"""What is known about an endpoint before its first request.

Flask forbids registration once requests are handled, so all that depends on it is decided once: the colour of each
function, where the pipeline is at home, which hooks apply and in which order, and which of Flask's methods somebody has
replaced.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from enum import Enum
from functools import partial, wraps
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

import flask
from flask.globals import request_ctx
from flask.helpers import _split_blueprint_path
from werkzeug.routing import Map

from ..crossing.bridge import Habit, to_loop
from ..crossing.colour import is_async
from ..crossing.coroutines import awaiting, direct, step
from ..shortcuts.matcher import Matcher
from ..shortcuts.plain_response import Plain, PlainMaker
from ..shortcuts.signed_sessions import is_flasks
from ..shortcuts.static_files import StaticView
from ..wrappers.response import Response
from ..wrappers.sync_request import Request
from .class_views import in_own_colour, is_mixed
from .context import Context, with_body

if TYPE_CHECKING:
    from blinker import Signal
    from werkzeug.routing import Rule

Function = Callable[..., Any]
Crossing = Callable[[Function], Function]

# The steps of Flask's own pipeline that a subclass or an extension may replace.
REPLACEABLE = (
    "full_dispatch_request",
    "preprocess_request",
    "dispatch_request",
    "handle_user_exception",
    "handle_http_exception",
    "handle_exception",
    "finalize_request",
    "make_response",
    "process_response",
    "do_teardown_request",
    "do_teardown_appcontext",
)

# Those that a view answers. OPTIONS may be answered for it, and in any spelling, as far as Werkzeug is concerned.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
NO_METHODS: frozenset[str] = frozenset()

# Clients say which host they mean, and may say anything.
MOST_HOSTS = 256


class Home(Enum):
    """Where the pipeline of an endpoint runs, whichever way its request came in."""

    THREAD = "thread"
    LOOP = "loop"
    EITHER = "either"


class Plan:
    """How requests for one endpoint are handled; `endpoint` is None for those that no rule answers."""

    def __init__(
        self,
        app: flask.Flask,
        endpoint: str | None,
        method: str,
        where: Callable[[Home], Home],
        to_thread: Crossing,
        plain_from: Callable[[Any, Function | None], Plain | None],
    ) -> None:
        """Decide for an entry: `where` a pipeline runs, and how sync functions are called from one on the loop."""
        view = None if endpoint is None else app.view_functions.get(endpoint)
        self.view = None if view is None else in_own_colour(view, method)
        self.names = blueprints_of(endpoint)
        self.replaced = {name: getattr(app, name) for name in REPLACEABLE if is_replaced(app, name)}
        self.home = where(self._find_home(app))
        self.habit = Habit()
        self._to_thread = to_thread
        self.call: Callable[..., Awaitable[Any]] = awaiting if self.home is Home.LOOP else direct

        down = (None, *reversed(self.names))
        up = (*self.names, None)
        self.preprocessors = self._collect(app.url_value_preprocessors, down, each_called)
        self.before = self._collect(app.before_request_funcs, down, first_answer)
        self.after = self._collect(app.after_request_funcs, up, each_applied, backwards=True)
        self.teardown = self._collect(app.teardown_request_funcs, up, each_called, backwards=True)
        self.teardown_app = self._group(list(reversed(app.teardown_appcontext_funcs)), each_called)

        self.adapted_view = None if self.view is None else self.adapt(self.view)
        self.adapted = {name: self.adapt(func) for name, func in self.replaced.items()}
        self.tears_app_down = bool(self.teardown_app) or "do_teardown_appcontext" in self.replaced
        self.has_hooks = bool(self.preprocessors or self.before)
        self.raises_for_routing = is_replaced(app, "raise_routing_exception")
        # Flask's own steps look at the session without asking for it, so where one may run it must be open.
        self.opens_session_late = has_stock_sessions(app) and not self.replaced
        self.has_stock_responses = app.response_class is Response and "make_response" not in self.replaced
        self.is_plain = self.opens_session_late and not self.after and self.has_stock_responses
        self.plain_from = plain_from
        # Nothing but the view has to be called for a request that nobody looks at.
        is_short = (
            self.is_plain
            and self.view is not None
            and self.adapted_view is self.view
            and not (self.has_hooks or self.teardown or self.teardown_app)
        )
        self.short_methods = METHODS if is_short else NO_METHODS
        self.static = static_view_of(app, self.view) if is_short else None
        if self.static is not None:
            self.view = self.static
        opens_async = is_async(app.session_interface.open_session)
        self.open_session = self.adapt(open_current_session_async if opens_async else open_current_session)
        self.save_session = self._in_place if self.opens_session_late else self.adapt
        self.send = self.adapt(partial(send, app))

    def _find_home(self, app: flask.Flask) -> Home:
        for name in ("full_dispatch_request", "dispatch_request"):
            if name in self.replaced:
                return home_of([self.replaced[name]])
        if self.view is not None:
            return home_of([self.view])
        hooks: list[dict[Any, list[Any]]] = [
            app.before_request_funcs,
            app.after_request_funcs,
            app.teardown_request_funcs,
        ]
        handlers = app.error_handler_spec[None].values()
        return home_of(
            [
                *self.replaced.values(),
                *chain.from_iterable(registry.get(None, ()) for registry in hooks),
                *app.teardown_appcontext_funcs,
                *chain.from_iterable(by_class.values() for by_class in handlers),
            ]
        )

    def adapt(self, func: Function) -> Function:
        """Return `func` as `self.call` takes it: itself at home, a crossing if it is of the other colour."""
        if self.home is Home.LOOP:
            return func if is_async(func) else self._to_thread(beside(func))
        return with_body(to_loop(func)) if is_async(func) else func

    def _in_place(self, func: Function) -> Function:
        """Return a sync function that does not block as `self.call` takes it, without a crossing."""
        return partial(direct, func) if self.home is Home.LOOP else func

    def _collect(
        self, registry: dict[Any, list[Any]], names: Iterable[str | None], run: Function, backwards: bool = False
    ) -> list[Function]:
        functions = [
            func
            for name in names
            for func in (reversed(registry.get(name, [])) if backwards else registry.get(name, []))
        ]
        return self._group(functions, run)

    def _group(self, functions: list[Function], run: Function) -> list[Function]:
        """Adapt hooks; neighbours of the other colour become one function, and so one crossing.

        `run` is what the pipeline does with a list of such hooks, so that it can be done on the other side.
        """
        hooks: list[Function] = []
        for coloured_async, neighbours in groupby(functions, is_async):
            group = list(neighbours)
            at_home = coloured_async == (self.home is Home.LOOP)
            hooks += group if at_home else [self.adapt(together(group, run, coloured_async))]
        return hooks


class Plans:
    """The plans of one app for one entry, made at the first request of each endpoint."""

    def __init__(self, app: flask.Flask, where: Callable[[Home], Home], to_thread: Crossing) -> None:
        self._app = app
        self._where = where
        self._to_thread = to_thread
        self._plans: dict[str | tuple[str | None, str] | None, Plan] = {}
        # What was found before for a method and a path that is all static.
        self._static: dict[tuple[str, str], tuple[Rule, Plan]] = {}
        self._matcher: Matcher | None = None
        self._is_fast = False
        self._known_hosts: set[str | bytes | None] = set()

    def find(self, context: Context) -> Plan:
        """Find who answers a request, and return the plan for it; from now on nothing can be registered."""
        if not self._app._got_first_request or self._matcher is None:
            self._begin()
        exchange = context.exchange
        # Only where Werkzeug has nothing against the host, and there is no request yet that is to be told of the rule.
        if exchange.host in self._known_hosts and not (exchange.upgrades or context.has_request):
            known = self._static.get((exchange.method, exchange.path))
            if known is not None:
                context.rule, plan = known
                context.view_args = {}
                return plan
            self._match(context)
        if context.rule is None and context.routing_exception is None:
            self._ask_werkzeug(context)
        endpoint = None if context.rule is None else context.rule.endpoint
        return self._plans.get(endpoint) or self._plan(endpoint, exchange.method)

    def _plan(self, endpoint: str | None, method: str) -> Plan:
        view = None if endpoint is None else self._app.view_functions.get(endpoint)
        key = (endpoint, method) if is_mixed(view) else endpoint
        if key not in self._plans:
            self._plans[key] = Plan(self._app, endpoint, method, self._where, self._to_thread, self._plain_from)
        return self._plans[key]

    def _begin(self) -> None:
        self._app._got_first_request = True
        self._plans.clear()
        self._static.clear()
        self._plain_from = PlainMaker(self._app).make
        self._known_hosts.clear()
        self._matcher = Matcher(self._app.url_map)
        self._is_fast = can_match_fast(self._app)

    def _match(self, context: Context) -> None:
        """Find the rule by the short way, or be sure that there is none; neither if it is not sure."""
        method, path = context.exchange.method, context.exchange.path
        matcher: Any = self._matcher
        try:
            match = matcher.match(method, path)
        except Exception:  # a converter's own, which is raised again where it can be answered
            return
        if match is not None:
            context.rule, context.view_args = match
            if not context.view_args and (method, path) in matcher.static:
                self._static[method, path] = context.rule, self._plan(context.rule.endpoint, method)
        elif error := matcher.refusal(method, path):
            context.refuse(error)

    def _ask_werkzeug(self, context: Context) -> None:
        context.route()
        if self._is_fast and context.url_adapter is not None:
            if len(self._known_hosts) >= MOST_HOSTS:
                self._known_hosts.clear()
            self._known_hosts.add(context.exchange.host)


def can_match_fast(app: flask.Flask) -> bool:
    """Tell whether only the method and the path decide which rule answers."""
    is_stock = (
        type(app.url_map) is Map
        and app.request_class.__init__ is Request.__init__  # another may rewrite what it is made of
        and not is_replaced(app, "create_url_adapter")
    )
    return is_stock and not (app.subdomain_matching or app.config["TRUSTED_HOSTS"] or app.request_class.trusted_hosts)


def has_stock_sessions(app: flask.Flask) -> bool:
    """Tell whether sessions are Flask's own, to which nobody has put anything."""
    return is_flasks(app.session_interface)


def beside(func: Function) -> Function:
    """Make a sync function that runs beside a pipeline on the loop share what its like in the request share."""

    @wraps(func, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        context: Context = request_ctx._get_current_object()  # type: ignore[attr-defined]  # it is a proxy
        return context.call_beside(func, *args, **kwargs)

    return call


def together(functions: list[Function], run: Function, coloured_async: bool) -> Function:
    """Make one function of several hooks of one colour, which are run as the pipeline would run them."""
    if len(functions) == 1:
        return functions[0]

    async def run_async(*args: Any) -> Any:
        return await run(awaiting, functions, *args)

    def run_sync(*args: Any) -> Any:
        return step(run(direct, functions, *args))

    return run_async if coloured_async else run_sync


async def each_called(call: Function, functions: list[Function], *args: Any) -> None:
    for func in functions:
        await call(func, *args)


async def first_answer(call: Function, functions: list[Function]) -> Any:
    """Return what the first function that answers returns, None if none does."""
    for func in functions:
        if (answer := await call(func)) is not None:
            return answer
    return None


async def each_applied(call: Function, functions: list[Function], value: Any) -> Any:
    """Hand `value` through all functions."""
    for func in functions:
        value = await call(func, value)
    return value


def home_of(functions: list[Function]) -> Home:
    """Return where functions run without a crossing; for a mixture that is a thread, which may block."""
    colours = {is_async(func) for func in functions}
    if not colours:
        return Home.EITHER
    return Home.LOOP if colours == {True} else Home.THREAD


def blueprints_of(endpoint: str | None) -> list[str]:
    """Return the names of the blueprints that an endpoint is in, the innermost first."""
    if endpoint is None or "." not in endpoint:
        return []
    return _split_blueprint_path(endpoint.rpartition(".")[0])


def is_replaced(app: flask.Flask | flask.Blueprint, name: str) -> bool:
    """Tell whether a subclass or an extension put its own method in the place of ours."""
    owner = next(cls for cls in type(app).__mro__ if name in vars(cls))
    return name in vars(app) or owner.__module__.partition(".")[0] not in ("flask", "dualapp")


def static_view_of(app: flask.Flask, view: Function | None) -> StaticView | None:
    """Return what answers in the place of a view that is Flask's own for static files, None for any other."""
    owner = app if view is vars(app).get("_own_static_view") else getattr(view, "__self__", None)
    is_blueprints = getattr(view, "__func__", None) is flask.Blueprint.send_static_file
    if view is None or owner is None or is_async(view) or not (owner is app or is_blueprints):
        return None
    names = ("send_static_file", "get_send_file_max_age", "static_folder", "has_static_folder")
    if any(is_replaced(scaffold, name) for scaffold in (app, owner) for name in names):
        return None
    return StaticView(app, owner, view)


def send(app: flask.Flask, signal: Signal, **arguments: Any) -> None:
    """Send a signal from a thread; receivers that are async are waited for."""
    signal.send(app, _async_wrapper=app.ensure_sync, **arguments)


def open_current_session() -> None:
    """Open the session of the current request."""
    flask.globals.request_ctx.open_session()  # type: ignore[attr-defined]  # it is our Context


async def open_current_session_async() -> None:
    """Open the session of the current request, with an interface as Quart has them."""
    await flask.globals.request_ctx.open_session_async()  # type: ignore[attr-defined]  # as above


def is_heard(signal: Signal, app: flask.Flask) -> bool:
    """Tell whether somebody receives a signal of this app."""
    return bool(signal.receivers) and signal.has_receivers_for(app)
