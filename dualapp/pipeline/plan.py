"""Make the plan of an endpoint: all decisions that depend on registration, made once instead of at each request.

They are the colour of each function, the home of the pipeline, the hooks that apply and their order, the methods of
Flask's that were replaced, and the shortcuts that may be taken.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property, partial
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import flask

from ..compat.upstream import runs_all_teardowns
from ..crossing.bridge import LoopRunner
from ..crossing.colour import is_async
from ..shortcuts.static_files import StaticFiles
from ..shortcuts.switches import is_on
from ..wrappers.response import Response
from .calls import OnLoop, call_async, call_sync
from .class_views import in_own_colour
from .context import with_body
from .home import Home, home_of
from .hooks import Hook, each_applied, each_called, first_answer, joined
from .overrides import beneath_ours, is_replaced, overrides_of
from .read_ahead import read_ahead_of
from .sessions import has_flasks_sessions, open_current_session, open_current_session_async
from .teardown_errors import each_torn_down

if TYPE_CHECKING:
    from blinker import Signal

    from .plan_cache import PlanCache

#: HTTP methods that only the view answers. OPTIONS may have an automatic answer; Werkzeug takes methods in any case.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
NO_METHODS: frozenset[str] = frozenset()

each_teardown = each_torn_down if runs_all_teardowns else each_called


class WebsocketHooks(NamedTuple):
    """The hooks around a websocket's view."""

    before: list[Hook]
    after: list[Hook]
    teardown: list[Hook]


class Plan:
    """How requests for one endpoint are handled; `endpoint` is None for requests that match no rule."""

    def __init__(self, plans: PlanCache, endpoint: str | None, method: str) -> None:
        """Decide for the entry and the generation of `plans`."""
        self.app = plans.app
        self.endpoint = endpoint
        self.generation = plans.generation
        #: The number of the generation that the plan holds for.
        self.made_in = plans.made_in
        self._plans = plans
        self._method = method
        view = None if endpoint is None else self.app.view_functions.get(endpoint)
        self.view = None if view is None else in_own_colour(view, method)
        self.read_ahead = read_ahead_of(view)
        self.names = blueprints_of(endpoint)
        beneath = beneath_ours(self.app)
        self.replaced = {**beneath, **overrides_of(self.app)}
        self.home = plans.home_at(self._find_home())
        self.call: Callable[..., Awaitable[Any]] = call_async if self.home is Home.LOOP else call_sync
        self.loop_runner = LoopRunner()
        self._adapt_functions()
        #: What our own steps call instead of going on themselves.
        self.beneath = {name: self.adapt(func) for name, func in beneath.items()}
        self._decide_sessions()
        self._decide_shortcuts()

    def _find_home(self) -> Home:
        for name in ("full_dispatch_request", "dispatch_request"):
            if name in self.replaced:
                return home_of([self.replaced[name]])
        return home_of(self._functions_without_view() if self.view is None else [self.view])

    def _functions_without_view(self) -> Iterable[Hook]:
        """Return the functions that may run for a request that matches no rule."""
        app = self.app
        hooks: list[dict[Any, list[Any]]] = [
            app.before_request_funcs,
            app.after_request_funcs,
            app.teardown_request_funcs,
        ]
        return chain(
            self.replaced.values(),
            chain.from_iterable(registry.get(None, ()) for registry in hooks),
            app.teardown_appcontext_funcs,
            chain.from_iterable(by_class.values() for by_class in app.error_handler_spec[None].values()),
        )

    def _adapt_functions(self) -> None:
        app, down, up = self.app, (None, *reversed(self.names)), (*self.names, None)
        self.preprocessors = self._collect(app.url_value_preprocessors, down, each_called)
        self.before = self._collect(app.before_request_funcs, down, first_answer)
        self.after = self._collect(app.after_request_funcs, up, each_applied, backwards=True)
        self.teardown = self._collect(app.teardown_request_funcs, up, each_teardown, backwards=True)
        self.teardown_app = self._group(list(reversed(app.teardown_appcontext_funcs)), each_teardown)
        self.adapted_view = None if self.view is None else self.adapt(self.view)
        self.overrides = {name: self.adapt(func) for name, func in self.replaced.items()}
        self.has_hooks = bool(self.preprocessors or self.before)
        self.tears_app_down = bool(self.teardown_app) or "do_teardown_appcontext" in self.replaced
        self.raises_for_routing = is_replaced(app, "raise_routing_exception")
        #: Whether middleware may look at the context when the response starts.
        self.has_middleware = is_replaced(app, "wsgi_app")
        self.send = self.adapt(partial(send_signal, app))

    @cached_property
    def websocket_hooks(self) -> WebsocketHooks:
        """The hooks of the endpoint's websockets."""
        app: Any = self.app
        down, up = (None, *reversed(self.names)), (*self.names, None)
        return WebsocketHooks(
            self._collect(app.before_websocket_funcs, down, first_answer),
            self._collect(app.after_websocket_funcs, up, each_applied, backwards=True),
            self._collect(app.teardown_websocket_funcs, up, each_torn_down, backwards=True),
        )

    def _decide_sessions(self) -> None:
        interface = self.app.session_interface
        # A replaced step may call Flask's own, which expects the session to be open.
        self.opens_session_late = has_flasks_sessions(self.app) and not self.replaced
        self.open_session = self.adapt(
            open_current_session_async if is_async(interface.open_session) else open_current_session
        )
        self.save_session = self._in_place if self.opens_session_late else self.adapt

    def _decide_shortcuts(self) -> None:
        app = self.app
        has_own_responses = app.response_class is not Response or "make_response" in self.replaced
        self.may_be_plain = not has_own_responses and is_on(app, "plain")
        #: Whether a view's value may be sent without a response object.
        self.sends_plain = self.may_be_plain and self.opens_session_late and not self.after
        # Whether the pipeline would do nothing but call the view.
        has_view_only = (
            self.sends_plain
            and self.view is not None
            and self.adapted_view is self.view
            and not (self.has_hooks or self.teardown or self.teardown_app)
        )
        self.view_only_methods = METHODS if has_view_only else NO_METHODS
        self.static = static_files_of(app, self.view) if has_view_only and is_on(app, "static") else None
        if self.static is not None:
            self.view = self.static.ask_view
        self.plain_from = self._plans.plain_from

    def renewed(self) -> Plan:
        """Return the current plan of the endpoint: a request's own code may register hooks that apply to it."""
        plan = self._plans.plan_for(self.endpoint, self._method)
        return plan if plan.home is self.home else self  # a running pipeline cannot change its home

    def adapt(self, func: Hook) -> Hook:
        """Return `func` as `self.call` takes it: unchanged if at home, with a crossing if it has the other colour."""
        if self.home is Home.LOOP:
            return func if is_async(func) else self._plans.in_thread(func)
        return with_body(partial(OnLoop, LoopRunner(), func)) if is_async(func) else func

    def _in_place(self, func: Hook) -> Hook:
        """Return a sync function that does not block as `self.call` takes it, without a crossing."""
        return partial(call_sync, func) if self.home is Home.LOOP else func

    def _collect(
        self, registry: dict[Any, list[Any]], names: Iterable[str | None], run: Hook, backwards: bool = False
    ) -> list[Hook]:
        lists = (registry.get(name, []) for name in names)
        return self._group(list(chain.from_iterable(reversed(each) if backwards else each for each in lists)), run)

    def _group(self, functions: list[Hook], run: Hook) -> list[Hook]:
        """Adapt hooks; neighbours of the other colour become one function, which crosses once.

        `run` is the pipeline's loop over such hooks (`each_called`, ...), for this function to run on the other side.
        """
        hooks: list[Hook] = []
        for coloured_async, neighbours in groupby(functions, is_async):
            group = list(neighbours)
            at_home = coloured_async == (self.home is Home.LOOP)
            hooks += group if at_home else [self.adapt(joined(group, run, coloured_async))]
        return hooks


def blueprints_of(endpoint: str | None) -> list[str]:
    """Return the names of the blueprints that an endpoint is in, the innermost first."""
    names = [] if endpoint is None else endpoint.split(".")[:-1]
    return [".".join(names[:length]) for length in range(len(names), 0, -1)]


def static_files_of(app: flask.Flask, view: Hook | None) -> StaticFiles | None:
    """Return the shortcut for a view that is Flask's own for static files, None for any other."""
    owner = app if view is vars(app).get("_own_static_view") else getattr(view, "__self__", None)
    is_blueprints = getattr(view, "__func__", None) is flask.Blueprint.send_static_file
    if view is None or owner is None or is_async(view) or not (owner is app or is_blueprints):
        return None
    names = ("send_static_file", "get_send_file_max_age", "static_folder", "has_static_folder")
    if any(is_replaced(scaffold, name) for scaffold in (app, owner) for name in names):
        return None
    return StaticFiles(app, owner, view)


def send_signal(app: flask.Flask, signal: Signal, **arguments: Any) -> None:
    """Send a signal from a thread, and wait for async receivers."""
    signal.send(app, _async_wrapper=app.ensure_sync, **arguments)
