"""The context of a request: what Flask's and Quart's context variables hold while it is handled."""

from __future__ import annotations

import sys
from contextvars import ContextVar, Token
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import flask.ctx
from flask.globals import _cv_app, _cv_request
from flask.sessions import SessionMixin
from flask.signals import appcontext_popped, appcontext_pushed
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import MapAdapter, Rule

from .crossing import from_loop
from .exchange import Exchange
from .requests import async_face, close, sync_face

if TYPE_CHECKING:
    from blinker import Signal

    from . import async_request

Binding = tuple[ContextVar[Any], Token[Any]]


def unbind(bound: list[Binding]) -> bool:
    """Give context variables the values that they had before; tell whether they were set here.

    A token means nothing outside the set of variables that it was made in: the values set in another thread, or for
    another iteration of a stream, are not to be undone here.
    """
    try:
        for variable, token in reversed(bound):
            variable.reset(token)
    except ValueError:
        return False
    return True


class Context(flask.ctx.RequestContext):
    """The context of one request, for both frameworks and for the app as well as the request.

    What is costly in it (the two faces, `g`, the URL adapter, the session) is made when somebody asks for it.
    """

    def __init__(self, app: flask.Flask, exchange: Exchange) -> None:
        self.app = app
        self.exchange = exchange
        self.flashes: list[tuple[str, str]] | None = None
        self.rule: Rule | None = None
        self.view_args: dict[str, Any] | None = None
        self.routing_exception: HTTPException | None = None
        self.routing_failure: Exception | None = None
        self.error: BaseException | None = None
        self.is_kept = False
        self._session: SessionMixin | None = None
        self._after_request_functions: list[Any] = []
        self._bound: list[list[Binding]] = []
        self.owns_app_context = False
        self.is_torn_down = False

    @cached_property
    def request(self) -> flask.Request:  # type: ignore[override]  # flask sets it; here it is made late
        """The request as sync code sees it."""
        request = sync_face(self.app, self.exchange)
        request.url_rule, request.view_args = self.rule, self.view_args
        request.routing_exception = self.routing_exception
        return request

    @cached_property
    def async_request(self) -> async_request.Request:
        """The request as async code sees it."""
        return async_face(self.request, self.exchange)

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
            interface: Any = self.app.session_interface
            session = await interface.open_session(self.app, self.async_request)
            self._session = await interface.make_null_session(self.app) if session is None else session

    def open_session(self) -> None:
        """Open the session, if nobody has yet."""
        if self._session is None:
            interface = self.app.session_interface
            session = interface.open_session(self.app, self.request)
            self._session = interface.make_null_session(self.app) if session is None else session

    def match_request(self) -> None:
        """Find the rule for the request, or the error that says why there is none."""
        try:
            if (adapter := self.url_adapter) is None:
                return
            self.take(*adapter.match(return_rule=True))  # type: ignore[arg-type]  # a Mapping that is a dict
        except MethodNotAllowed as error:
            error.valid_methods = sorted(error.valid_methods or ())  # Werkzeug's order changes with each process
            self.routing_exception = error
        except HTTPException as error:
            self.routing_exception = error
        if self.routing_exception is not None and "request" in self.__dict__:
            self.request.routing_exception = self.routing_exception

    def take(self, rule: Rule, view_args: dict[str, Any]) -> None:
        """Take note of the rule that answers, and of what the view is called with."""
        self.rule, self.view_args = rule, view_args
        if "request" in self.__dict__:
            self.request.url_rule, self.request.view_args = rule, view_args

    @property
    def current_view_args(self) -> dict[str, Any]:
        """What the view is called with; a hook may have given the request other arguments."""
        return (self.request.view_args if "request" in self.__dict__ else self.view_args) or {}

    def route(self) -> None:
        """Find the rule; an error other than HTTP's, as a converter may raise, is kept for the pipeline to answer."""
        try:
            self.match_request()
        except Exception as error:
            self.routing_failure = error

    def copy(self) -> Self:
        """Make a context of the same request, for another thread or task."""
        context = type(self)(self.app, self.exchange)
        context.__dict__.update({name: value for name, value in vars(self).items() if name not in ("g", "url_adapter")})
        context._bound = []
        return context

    def enter(self) -> None:
        """Make this the current context, of the app too unless the app has one already."""
        outer = _cv_app.get(None)
        is_outermost = outer is None or outer.app is not self.app
        variables: list[ContextVar[Any]] = [_cv_app, _cv_request] if is_outermost else [_cv_request]
        bound = [(variable, variable.set(self)) for variable in variables]
        if is_outermost:
            self.owns_app_context = True
        elif outer is not None and vars(outer) is not vars(self):
            self.__dict__["g"] = outer.g
        if "quart" in sys.modules:
            from .quart_context import bind

            bound += bind(self)
        self._bound.append(bound)

    def leave(self) -> None:
        """Make the context before this the current one again."""
        current = _cv_request.get(None)
        if current is not self:
            raise AssertionError(f"Popped wrong request context. ({current!r} instead of {self!r})")
        bound = next((bound for bound in reversed(self._bound) if unbind(bound)), self._bound[-1])
        self._bound.remove(bound)

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
        if "request" in self.__dict__:
            close(self.request)

    async def __aenter__(self) -> Self:
        self.enter()
        await from_loop(self.open_session)
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

    def push(self) -> None:
        """Make this the current context of the app."""
        bound = []
        if "quart" in sys.modules:
            from .quart_context import bind_app

            bound = bind_app(self)
        self._bound_for_quart.append(bound)
        super().push()

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
