"""The request context, which Flask's and Quart's context variables hold while a request is handled."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property, wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import flask
from flask.sessions import SessionMixin
from flask.signals import appcontext_popped, appcontext_pushed
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import MapAdapter, Rule

from ..compat import quart_binding, upstream
from ..compat.import_hook import after_import
from ..compat.quart_binding import Binding
from ..compat.upstream import app_variable, request_context, request_variable, step_arguments
from ..crossing.bridge import is_loop_thread, run_on_loop
from ..crossing.colour import caller_is_async
from ..crossing.thread_pool import from_loop
from ..exchange.body import NO_BODY
from ..exchange.host import refuse_several_hosts
from ..shortcuts.json_bodies import JSONBody
from ..shortcuts.signed_sessions import fast_interface
from ..wrappers.faces import async_face, close_request, sync_face, websocket_of
from .app_context import NOT_GIVEN, AppContext, unbind
from .calls import ERRORS, as_exception
from .context_states import OPEN, keep_open
from .sessions import opens_async
from .teardown_errors import Errors
from .websocket_views import is_websocket_view

if TYPE_CHECKING:
    from blinker import Signal

    from ..exchange.conversation import Conversation
    from ..exchange.exchange import Exchange
    from ..wrappers import async_request

T = TypeVar("T")

# Bound methods, looked up once: each request calls all of them.
app_context, set_app, set_request = app_variable.get, app_variable.set, request_variable.set


#: Whether one variable holds the context of the request and of the app, as from Flask 3.2 on.
HAS_ONE_VARIABLE = app_variable is request_variable


def with_body(func: Callable[..., T]) -> Callable[..., T]:
    """Wrap `func`, which crosses to the loop, to read a short body first: sync code on the loop cannot wait for it."""

    @wraps(func, updated=())
    def crossing(*args: Any, **kwargs: Any) -> T:
        context = request_context(None)
        if isinstance(context, Context) and context.exchange.body.is_to_come and not is_loop_thread():
            context.exchange.read_ahead()
        return func(*args, **kwargs)

    return crossing


class Context(upstream.RequestContext):
    """The context of one request, for both frameworks; it is the app context too.

    Its costly parts (the two faces, `g`, the URL adapter, the session) are made on first access.
    """

    flashes: list[tuple[str, str]] | None = None
    #: Flask 3.2 tells by this whether the one context is a request's.
    has_request = True
    plan: Any
    routing_failure: Exception | None = None
    #: The websocket of this context, None for a request.
    conversation: Conversation | None = None
    error: BaseException | None = None
    #: How often it was pushed while entered. Flask 3.2's `stream_with_context` pushes it for the whole stream, which
    #: may continue in another thread, where there would be nothing to pop.
    holds = 0
    #: The body, if it was parsed before there was a request object.
    json_body: JSONBody | None = None
    #: Attributes of the request that were read before there was a request object.
    parts: dict[str, Any] | None = None
    #: Whether the task that waits for this request was cancelled; a pipeline in a thread goes on.
    is_abandoned = False
    has_background_tasks = False
    _face: flask.Request

    def __init__(self, app: flask.Flask, exchange: Exchange) -> None:
        self.app = app
        self.exchange = exchange
        # These have no default on the class: CPython reads an attribute faster that only the instance has.
        self.rule: Rule | None = None
        self.view_args: dict[str, Any] | None = None
        self.routing_exception: HTTPException | None = None
        self.response: Any = None
        self.opened_session: SessionMixin | None = None
        self.state = OPEN
        #: The context variables of this request, in which all of its functions run; None once they are not needed.
        self.variables: Any = None
        self.owns_app_context = False
        #: Whether the request object was made.
        self.request_observed = False
        #: Whether something that may change the response was accessed: the session, or the hooks of this request.
        self.response_observed = False
        self._bound: list[tuple[Binding, ...]] = []
        if exchange.body is not NO_BODY:
            exchange.body.ahead = app.config["BODY_READ_AHEAD"]

    def __repr__(self) -> str:
        endpoint = None if self.rule is None else self.rule.endpoint
        return f"<Context of {self.exchange.method} {self.exchange.path}, endpoint {endpoint!r} of {self.app.name!r}>"

    @cached_property
    def after_this_request_functions(self) -> list[Any]:  # type: ignore[override]  # made on first access
        self.response_observed = True
        return []

    @property
    def request(self) -> flask.Request:
        """The sync face."""
        if not self.request_observed:
            self.request = sync_face(self)
        return self._face

    @request.setter
    def request(self, request: flask.Request) -> None:
        self._face, self.request_observed = request, True

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Parse the body as JSON: `request.get_json` in `def` code, until there is a request object."""
        try:
            if cache and not (force or silent) and self.parse_json():
                return self.json_body.value  # type: ignore[union-attr]  # there is one
        except ValueError as error:
            return self.request.on_json_loading_failed(error)
        return type(self.request).get_json(self.request, force, silent, cache)

    async def get_json_async(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Parse the body as JSON: `request.get_json` in `async def` code, until there is a request object."""
        try:
            if cache and not (force or silent) and self.exchange.body.complete and self.parse_json():
                return self.json_body.value  # type: ignore[union-attr]  # there is one
        except ValueError as error:
            return self.async_request.on_json_loading_failed(error)
        face = self.async_request
        return await type(face).get_json(face, force, silent, cache)

    def parse_json(self) -> bool:
        """Parse the body without a request object; tell whether that was done. Raises ValueError if it is not JSON."""
        if self.json_body is None and not self.request_observed:
            self.json_body = JSONBody.of(self.app, self.exchange)
        return self.json_body is not None and not self.request_observed

    @cached_property
    def async_request(self) -> async_request.Request:
        """The async face."""
        return async_face(self.app, self.request, self.exchange)

    @cached_property
    def websocket(self) -> Any:
        """The websocket as views see it. Raises RuntimeError in a request."""
        if self.conversation is None:
            raise RuntimeError("Working outside of a websocket: this is a request.")
        return websocket_of(self)

    @cached_property
    def url_adapter(self) -> MapAdapter | None:  # type: ignore[override]  # as request
        return self.adapter_for(self.request)

    def adapter_for(self, request: flask.Request) -> MapAdapter | None:
        """Make the URL adapter of a request; None, with the error kept, for one whose host is refused."""
        try:
            adapter = self.app.create_url_adapter(request)
            refuse_several_hosts(self.exchange.host)
            return adapter
        except HTTPException as error:
            self.request.routing_exception = self.routing_exception = error
            return None

    @cached_property
    def g(self) -> Any:
        return self.app.app_ctx_globals_class()

    @property
    def session(self) -> SessionMixin:
        """The session of this request; the first access opens it."""
        self.open_session()
        session: SessionMixin = self.opened_session  # type: ignore[assignment]  # it is open now
        session.accessed = True
        return session

    async def open_session_async(self) -> None:
        """Open the session with an interface whose functions are async."""
        if self.opened_session is None:
            self.response_observed = True
            interface: Any = self.app.session_interface
            session = await interface.open_session(self.app, self.async_request)
            self.opened_session = await interface.make_null_session(self.app) if session is None else session

    def open_session(self) -> None:
        """Open the session unless it is open."""
        if self.opened_session is None:
            self.response_observed = True
            interface = self.app.session_interface
            if opens_async(interface):
                run_on_loop(self.open_session_async)
            else:
                session = fast_interface(self.app).open_session(self.app, self.request)
                self.opened_session = interface.make_null_session(self.app) if session is None else session

    def match_request(self) -> None:
        """Match the request with Werkzeug: keep the rule, or the error that says why none matches."""
        try:
            if (adapter := self.url_adapter) is None:
                return
            rule, view_args = adapter.match(return_rule=True)
            if rule.websocket and is_websocket_view(self.app, rule.endpoint):
                # An HTTP request to upgrade: only views such as Flask-Sock's upgrade the connection themselves.
                rule, view_args = adapter.match(return_rule=True, websocket=False)
            self.set_rule(rule, view_args)  # type: ignore[arg-type]  # a Mapping that is a dict
        except MethodNotAllowed as error:
            error.valid_methods = sorted(error.valid_methods or ())  # a set's order differs from process to process
            self.refuse(error)
        except HTTPException as error:
            self.refuse(error)

    def route_websocket(self) -> None:
        """Match a handshake with Werkzeug: keep the rule, or the error that says why none matches."""
        try:
            if (adapter := self.url_adapter) is not None:
                rule, view_args = adapter.match(return_rule=True, websocket=True)
                self.set_rule(rule, view_args)  # type: ignore[arg-type]  # as above
        except HTTPException as error:
            self.refuse(error)
        except ERRORS as error:
            self.routing_failure = as_exception(error)

    def forget_request(self) -> None:
        """Let go of the request that was made to match, before anybody has seen it: a websocket lasts."""
        self.request_observed = False

    def set_rule(self, rule: Rule, view_args: dict[str, Any]) -> None:
        """Keep the rule that matches and the view's arguments."""
        self.rule, self.view_args = rule, view_args
        if self.request_observed:
            self.request.url_rule, self.request.view_args = rule, view_args

    def refuse(self, error: HTTPException) -> None:
        """Keep the error that says why no rule matches."""
        self.routing_exception = error
        if self.request_observed:
            self.request.routing_exception = error

    @property
    def current_view_args(self) -> dict[str, Any]:
        """The view's arguments; a hook may have replaced those of the request."""
        return (self.request.view_args if self.request_observed else self.view_args) or {}

    @property
    def current_routing_exception(self) -> HTTPException | None:
        """The error that says why no rule matches; a hook may have replaced or removed that of the request."""
        return self.request.routing_exception if self.request_observed else self.routing_exception

    def route(self) -> None:
        """Match the request; keep an error other than HTTPException, such as a converter's, for the pipeline."""
        try:
            self.match_request()
        except ERRORS as error:
            self.routing_failure = as_exception(error)

    def copy(self) -> Self:
        """Make a context of the same request, for another thread or task."""
        self.request  # noqa: B018 - made now, so that all copies share it
        if self.variables is None:
            self.open_session()
        else:  # Quart copies in the new task, where there may be no app
            self.variables.copy().run(self.open_session)
        context = type(self)(self.app, self.exchange)
        context.__dict__.update({name: value for name, value in vars(self).items() if name not in ("g", "url_adapter")})
        context._bound = []
        return context

    def enter(self) -> None:
        """Make this the current request context, and the app context unless the app has one already."""
        outer = app_context(None)
        if outer is None or outer.app is not self.app or HAS_ONE_VARIABLE:
            bound: tuple[Binding, ...] = (set_app(self),) if HAS_ONE_VARIABLE else (set_app(self), set_request(self))
            self.owns_app_context = True
        else:
            bound = (set_request(self),)
            if vars(outer) is not vars(self):
                self.__dict__["g"] = outer.g
        if quart_binding.module is not None:
            bound += (*quart_binding.module.bind(self),)
        self._bound.append(bound)

    def enter_anew(self) -> None:
        """Enter again, to set Quart's variables after quart was imported."""
        if self._bound and unbind(self._bound[-1]):
            self._bound.pop()
            self.enter()
        elif quart_binding.module is not None:  # the values end with this thread, task, or step of a stream
            quart_binding.module.bind(self)

    def leave(self) -> None:
        """Make the previous context the current one."""
        if request_context(None) is not self:
            raise AssertionError(f"Popped wrong request context. ({request_context(None)!r} instead of {self!r})")
        try:
            for token in self._bound[-1]:  # `unbind` inlined: the call would take as long as its work
                token.var.reset(token)
        except ValueError:
            self._bound.remove(next((bound for bound in reversed(self._bound) if unbind(bound)), self._bound[-1]))
        else:
            self._bound.pop()

    def detach(self) -> tuple[Binding, ...]:
        """Return the tokens of the last `enter`, for code that may leave the context in another thread or task."""
        return self._bound.pop()

    def end(self) -> None:
        """Leave without resetting variables: the `contextvars.Context` that they are set in ends with the request."""
        # Breaks reference cycles: the tokens hold that Context, which holds this context, and so do the frames that
        # the error's traceback holds.
        self._bound.clear()
        self.variables = None
        if self.routing_exception is not None:
            self.routing_exception.__traceback__ = None

    def push(self) -> Any:
        """Enter the context, open its session and match its request; await it in `async def` code."""
        return self.__aenter__() if caller_is_async() else self._push()

    def _push(self) -> None:
        if HAS_ONE_VARIABLE and self._bound:
            self.holds += 1
            keep_open(self)
            return
        self.enter()
        self._send(appcontext_pushed)
        self.open_session()
        self.match_request()

    def _send(self, signal: Signal) -> None:
        if self.owns_app_context:
            signal.send(self.app, _async_wrapper=self.app.ensure_sync)

    def pop(self, exc: Any = NOT_GIVEN) -> Any:
        """Run the teardown functions and leave the context; await it in `async def` code."""
        error = sys.exc_info()[1] if exc is NOT_GIVEN else exc
        return self.__aexit__(None, error, None) if caller_is_async() else self._pop(error)

    def _pop(self, error: BaseException | None) -> None:
        if self.holds:
            self.holds -= 1
            return
        try:
            self.tear_down(error)
        finally:
            self.leave()
            self._send(appcontext_popped)

    def tear_down(self, exc: BaseException | None) -> None:
        """Run the teardown functions, of either colour, from a thread."""
        if len(self._bound) > 1:
            return
        errors = Errors()
        try:
            with errors:
                self.app.do_teardown_request(*step_arguments(self, exc))
            with errors:
                self.close_request()
        finally:
            if self.owns_app_context:
                with errors:
                    self.app.do_teardown_appcontext(*step_arguments(self, exc))
        errors.raise_all("Errors during context teardown")

    def close_request(self) -> None:
        """Close the uploaded files, if the request object was made."""
        if self.request_observed:
            close_request(self.request)

    async def __aenter__(self) -> Self:
        self.enter()
        await self.open_and_match()
        return self

    async def open_and_match(self) -> None:
        """Open the session and match the request, from a task."""
        await from_loop(self.open_session_async if opens_async(self.app.session_interface) else self.open_session)
        self.match_request()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await from_loop(self.tear_down, exc)
        finally:
            self.leave()


def show_to_quart() -> None:
    """Set Quart's context variables too from now on, and at once for the context in which quart is imported."""
    quart_binding.load()
    context, outer = request_context(None), app_context(None)
    if isinstance(context, Context):
        context.enter_anew()
    elif isinstance(outer, AppContext):
        outer.bind_for_quart()


after_import("quart", show_to_quart)
