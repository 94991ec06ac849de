"""The context of a request: what Flask's and Quart's context variables hold while it is handled."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import Context as Variables
from contextvars import Token, copy_context
from functools import wraps
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import flask.ctx
from flask.globals import _cv_app, _cv_request
from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin
from flask.signals import appcontext_popped, appcontext_pushed
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import MapAdapter, Rule

from ..compat.cached import cached_property
from ..compat.import_hook import after_import
from ..crossing.bridge import from_loop, on_loop_thread, restore, run_on_loop
from ..crossing.colour import is_async
from ..exchange.body import NO_BODY
from ..shortcuts.signed_sessions import kept
from ..wrappers.faces import async_face, close, sync_face

if TYPE_CHECKING:
    from blinker import Signal

    from ..exchange.exchange import Exchange
    from ..wrappers import async_request

T = TypeVar("T")

# A context variable that was set, by what takes it back: its `reset`, and the token for that.
Binding = tuple[Callable[[Token[Any]], None], Token[Any]]

# Looked up once: each request calls all of them.
app_context, set_app, reset_app = _cv_app.get, _cv_app.set, _cv_app.reset
request_context, set_request, reset_request = _cv_request.get, _cv_request.set, _cv_request.reset


def unbind(bound: list[Binding]) -> bool:
    """Give context variables the values that they had before; tell whether they were set here.

    A token means nothing outside the set of variables that it was made in: the values set in another thread, or for
    another iteration of a stream, are not to be undone here.
    """
    try:
        for reset, token in bound:  # each of a variable of its own, so that the order does not matter
            reset(token)
    except ValueError:
        return False
    return True


def with_body(func: Callable[..., T]) -> Callable[..., T]:
    """Return `func`, which crosses to the loop, so that sync code there finds a short body of the request."""

    @wraps(func, updated=())
    def crossing(*args: Any, **kwargs: Any) -> T:
        context = request_context(None)
        if isinstance(context, Context) and context.exchange.body.is_to_come and not on_loop_thread():
            context.exchange.read_ahead()
        return func(*args, **kwargs)

    return crossing


def opens_async(interface: SessionInterface) -> bool:
    """Tell whether sessions are opened as with Quart's interfaces."""
    return type(interface) is not SecureCookieSessionInterface and is_async(interface.open_session)


class Context(flask.ctx.RequestContext):
    """The context of one request, for both frameworks and for the app as well as the request.

    What is costly in it (the two faces, `g`, the URL adapter, the session) is made when somebody asks for it.
    """

    flashes: list[tuple[str, str]] | None = None
    plan: Any
    routing_failure: Exception | None = None
    error: BaseException | None = None
    viewed: Callable[[], Any] | None = None
    is_torn_down = False
    _session: SessionMixin | None = None
    _sync_variables: Variables | None = None

    def __init__(self, app: flask.Flask, exchange: Exchange) -> None:
        self.app = app
        self.exchange = exchange
        # What each request looks at is no attribute of the class as well: CPython reads it faster then.
        self.rule: Rule | None = None
        self.view_args: dict[str, Any] | None = None
        self.routing_exception: HTTPException | None = None
        self.response: Any = None
        self.is_kept = False
        self.waits_for_start = False
        self.owns_app_context = False
        #: Whether the request was looked at.
        self.has_request = False
        #: Whether something was asked for that has a say in the response.
        self.is_touched = False
        self._bound: list[list[Binding]] = []
        if exchange.body is not NO_BODY:
            exchange.body.ahead = app.config["BODY_READ_AHEAD"]

    @cached_property
    def _after_request_functions(self) -> list[Any]:  # type: ignore[override]  # flask sets it; here it is made late
        self.is_touched = True
        return []

    @cached_property
    def request(self) -> flask.Request:  # type: ignore[override]  # flask sets it; here it is made late
        """The request as sync code sees it."""
        self.has_request = True
        return sync_face(self)

    @cached_property
    def async_request(self) -> async_request.Request:
        """The request as async code sees it."""
        return async_face(self.app, self.request, self.exchange)

    @cached_property
    def url_adapter(self) -> MapAdapter | None:  # type: ignore[override]  # as request
        try:
            return self.app.create_url_adapter(self.request)
        except HTTPException as error:
            self.request.routing_exception = self.routing_exception = error
            return None

    @cached_property
    def g(self) -> flask.ctx._AppCtxGlobals:
        return self.app.app_ctx_globals_class()

    @property
    def session(self) -> SessionMixin:
        """The session of this request; asking for it opens it."""
        self.open_session()
        return super().session

    async def open_session_async(self) -> None:
        """Open the session with an interface whose functions are async."""
        if self._session is None:
            self.is_touched = True
            interface: Any = self.app.session_interface
            session = await interface.open_session(self.app, self.async_request)
            self._session = await interface.make_null_session(self.app) if session is None else session

    def open_session(self) -> None:
        """Open the session, if nobody has yet."""
        if self._session is None:
            self.is_touched = True
            interface = self.app.session_interface
            if opens_async(interface):
                run_on_loop(self.open_session_async)
            else:
                session = kept(interface).open_session(self.app, self.request)
                self._session = interface.make_null_session(self.app) if session is None else session

    def match_request(self) -> None:
        """Find the rule for the request, or the error that says why there is none."""
        try:
            if (adapter := self.url_adapter) is None:
                return
            rule, view_args = adapter.match(return_rule=True)
            if rule.websocket and is_async(self.app.view_functions[rule.endpoint]):
                # A request to upgrade is no websocket yet; only sync views do the upgrade themselves.
                rule, view_args = adapter.match(return_rule=True, websocket=False)
            self.take(rule, view_args)  # type: ignore[arg-type]  # a Mapping that is a dict
        except MethodNotAllowed as error:
            error.valid_methods = sorted(error.valid_methods or ())  # Werkzeug's order changes with each process
            self.refuse(error)
        except HTTPException as error:
            self.refuse(error)

    def take(self, rule: Rule, view_args: dict[str, Any]) -> None:
        """Take note of the rule that answers, and of what the view is called with."""
        self.rule, self.view_args = rule, view_args
        if self.has_request:
            self.request.url_rule, self.request.view_args = rule, view_args

    def refuse(self, error: HTTPException) -> None:
        """Take note of why no rule answers."""
        self.routing_exception = error
        if self.has_request:
            self.request.routing_exception = error

    @property
    def current_view_args(self) -> dict[str, Any]:
        """What the view is called with; a hook may have given the request other arguments."""
        return (self.request.view_args if self.has_request else self.view_args) or {}

    @property
    def current_routing_exception(self) -> HTTPException | None:
        """Why no rule answers; a hook may have given the request another reason, or taken it away."""
        return self.request.routing_exception if self.has_request else self.routing_exception

    def route(self) -> None:
        """Find the rule; an error other than HTTP's, as a converter may raise, is kept for the pipeline to answer."""
        try:
            self.match_request()
        except Exception as error:
            self.routing_failure = error

    def copy(self) -> Self:
        """Make a context of the same request, for another thread or task."""
        self.request  # noqa: B018 - what is made when it is asked for, all copies have to share
        self.open_session()
        context = type(self)(self.app, self.exchange)
        context.__dict__.update({name: value for name, value in vars(self).items() if name not in ("g", "url_adapter")})
        context._bound = []
        return context

    def enter(self) -> None:
        """Make this the current context, of the app too unless the app has one already."""
        outer = app_context(None)
        if outer is None or outer.app is not self.app:
            bound: list[Binding] = [(reset_request, set_request(self)), (reset_app, set_app(self))]  # type: ignore[arg-type]  # it is the context of both
            self.owns_app_context = True
        else:
            bound = [(reset_request, set_request(self))]
            if vars(outer) is not vars(self):
                self.__dict__["g"] = outer.g
        if quart_context is not None:
            bound += quart_context.bind(self)
        self._bound.append(bound)

    def enter_anew(self) -> None:
        """Enter once more, for the variables of a framework that was imported meanwhile."""
        if unbind(self._bound[-1]):
            self._bound.pop()
            self.enter()
        elif quart_context is not None:  # the variables of this thread, or of this step of a stream, end with it
            quart_context.bind(self)

    def leave(self) -> None:
        """Make the context before this the current one again."""
        if request_context(None) is not self:
            raise AssertionError(f"Popped wrong request context. ({request_context(None)!r} instead of {self!r})")
        if self._sync_variables is not None and not (self.is_kept or self.waits_for_start):
            self._sync_variables = None  # they know this context: a cycle for the collector
        try:
            for reset, token in self._bound[-1]:  # as `unbind`, which would take as long again to call
                reset(token)
        except ValueError:
            self._bound.remove(next((bound for bound in reversed(self._bound) if unbind(bound)), self._bound[-1]))
        else:
            self._bound.pop()

    def call_beside(self, func: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Call one of the sync functions of a request that is at home on the loop.

        All of them get one set of context variables: a token that one hook got from a variable is good in the next.
        """
        variables, self._sync_variables = self._sync_variables, None  # one that was given up may still be using them
        if variables is None:
            variables = copy_context()
        else:
            variables.run(restore, copy_context())
        try:
            return variables.run(func, *args, **kwargs)
        finally:
            restore(variables)
            self._sync_variables = variables

    def end(self) -> None:
        """Leave the context to the set of variables that it was entered in, which ends with the request."""
        self._bound.clear()  # they know the variables, which know this context: a cycle for the collector

    def push(self) -> None:
        """Enter the context, open its session and find its rule, as `with app.request_context(...)` does."""
        self.enter()
        self._send(appcontext_pushed)
        self.open_session()
        self.match_request()

    def _send(self, signal: Signal) -> None:
        if self.owns_app_context:
            signal.send(self.app, _async_wrapper=self.app.ensure_sync)

    def pop(self, exc: BaseException | None = flask.ctx._sentinel) -> None:  # type: ignore[assignment]  # flask's own default
        """Run the teardown functions and leave the context."""
        try:
            self.tear_down(sys.exc_info()[1] if exc is flask.ctx._sentinel else exc)
        finally:
            self.leave()
            self._send(appcontext_popped)

    def tear_down(self, exc: BaseException | None) -> None:
        """Run the teardown functions, those of async code too, from a thread."""
        if len(self._bound) > 1:
            return
        try:
            self.app.do_teardown_request(exc)
            self.close_request()
        finally:
            if self.owns_app_context:
                self.app.do_teardown_appcontext(exc)

    def close_request(self) -> None:
        """Close the uploaded files, if the request was looked at."""
        if self.has_request:
            close(self.request)

    async def __aenter__(self) -> Self:
        self.enter()
        await from_loop(self.open_session_async if opens_async(self.app.session_interface) else self.open_session)
        self.match_request()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await from_loop(self.tear_down, exc)
        finally:
            self.leave()


class AppContext(flask.ctx.AppContext):
    """The context of the app where there is no request, for `with` and for `async with`; for Quart's globals too."""

    def __init__(self, app: flask.Flask) -> None:
        super().__init__(app)
        self._bound_for_quart: list[list[Binding]] = []

    def copy(self) -> Self:
        """Make a context with the same `g`, for another thread or task."""
        context = type(self)(self.app)
        context.g = self.g
        return context

    def push(self) -> None:
        """Make this the current context of the app."""
        self._bound_for_quart.append([])
        self.bind_for_quart()
        super().push()

    def bind_for_quart(self) -> None:
        """Make this the current context for Quart's globals too, if quart was imported."""
        if quart_context is not None:
            self._bound_for_quart[-1] += quart_context.bind_app(self)

    def pop(self, exc: BaseException | None = flask.ctx._sentinel) -> None:  # type: ignore[assignment]  # flask's own default
        """Run the teardown functions and make the context before this the current one again."""
        try:
            super().pop(sys.exc_info()[1] if exc is flask.ctx._sentinel else exc)
        finally:
            unbind(self._bound_for_quart.pop())

    async def __aenter__(self) -> Self:
        self.push()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if len(self._cv_tokens) == 1:
                await from_loop(self.app.do_teardown_appcontext, exc)
        finally:
            _cv_app.reset(self._cv_tokens.pop())
            unbind(self._bound_for_quart.pop())
        appcontext_popped.send(self.app, _async_wrapper=self.app.ensure_sync)


# What knows Quart's context variables, once there are any.
quart_context: ModuleType | None = None


def take_quart_in() -> None:
    """Show Quart's globals the contexts of requests, that of a request in which quart is imported first too."""
    global quart_context
    from ..compat import quart_context

    context, outer = request_context(None), app_context(None)
    if isinstance(context, Context):
        context.enter_anew()
    elif isinstance(outer, AppContext):
        outer.bind_for_quart()


after_import("quart", take_quart_in)
