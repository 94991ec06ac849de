"""The app object: where things are registered, and where servers come in. It decides nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import flask
from asgiref.sync import markcoroutinefunction
from flask.sansio.scaffold import setupmethod
from jinja2 import Environment
from werkzeug.datastructures import ImmutableDict

from . import templating
from .asgi import ASGIGateway, Receive, Send
from .colour import is_async
from .commands import DualGroup
from .context import AppContext, Context
from .crossing import Threads, from_loop, to_loop
from .exchange import Exchange
from .lifespan import Lifespan
from .plan import blueprints_of
from .responses import Response, response_from, with_ours
from .sync_request import Request
from .testing import DualClient
from .translation import Scope
from .wsgi import WSGIExchange, WSGIGateway

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


F = TypeVar("F", bound=Callable[..., Any])


class DualApp(flask.Flask):
    """A Flask app that answers WSGI and ASGI servers alike.

    Serve `app.wsgi` or `app.asgi`; `app` itself is both, for servers that load a plain name. Views, hooks and handlers
    may be `def` or `async def`, mixed at will.

    Configuration beyond Flask's:

    `BACKGROUND_TASK_SHUTDOWN_TIMEOUT`
        How many seconds tasks in the background are given to end when the process does, 5 unless set.
    `BODY_TIMEOUT`
        How many seconds async code waits for a body, 60 unless set, None for ever; a 408 then.
    `RESPONSE_TIMEOUT`
        How many seconds a streamed response may take, 60 unless set, None for ever; `response.timeout` is its own.
    `THREAD_POOL_SIZE`
        How many sync views run at the same time under ASGI, 40 unless set.
    """

    request_class = Request
    response_class = Response
    test_client_class = DualClient
    default_config = ImmutableDict(
        {
            **flask.Flask.default_config,
            "BACKGROUND_TASK_SHUTDOWN_TIMEOUT": 5,
            "BODY_TIMEOUT": 60,
            "RESPONSE_TIMEOUT": 60,
            "THREAD_POOL_SIZE": 40,
        }
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cli = DualGroup(name=self.name)
        self.response_class = type(self).response_class

    def __setattr__(self, name: str, value: Any) -> None:
        # A response class of the user's is given what ours has: it can be awaited, and made of async iterables.
        super().__setattr__(name, with_ours(value) if name == "response_class" else value)

    # The entries. What middleware replaces is `wsgi_app` and `asgi_app`, as in Flask and Quart.

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI server."""
        return self.wsgi_app(environ, start_response)

    @property
    def asgi(self) -> Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]:
        """The function that answers an ASGI server."""

        async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
            await self.asgi_app(scope, receive, send)

        return asgi  # a function, since uvicorn takes a method for an app of ASGI 2

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI request; `app.wsgi_app = Middleware(app.wsgi_app)` wraps it."""
        return self._wsgi_gateway(environ, start_response)

    async def asgi_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an ASGI connection; `app.asgi_app = Middleware(app.asgi_app)` wraps it."""
        await self._asgi_gateway(scope, receive, send)

    @cached_property
    def _wsgi_gateway(self) -> WSGIGateway:
        return WSGIGateway(self, self.lifespan)

    @cached_property
    def _asgi_gateway(self) -> ASGIGateway:
        return ASGIGateway(self, self.threads, self.lifespan)

    # Marked as a coroutine function for servers that look before they call. uvicorn also tries a call without
    # arguments, to see whether this is a factory: the TypeError tells it no. The arguments are named, because uWSGI
    # fills the same tuple for one request after the other, and cannot while somebody still holds it.
    @markcoroutinefunction
    def __call__(self, environ: Any, start_response: Any, send: Send | None = None, /) -> Any:
        """Answer either server: WSGI calls with `environ, start_response`, ASGI with `scope, receive, send`."""
        if send is None:
            return self.wsgi(environ, start_response)
        return self.asgi(environ, start_response, send)

    # The life of the process.

    @cached_property
    def threads(self) -> Threads:
        """The threads in which sync code runs under ASGI."""
        return Threads(self.name, lambda: self.config["THREAD_POOL_SIZE"])

    @cached_property
    def lifespan(self) -> Lifespan:
        """What runs before, while and after the process serves."""
        return Lifespan(self, self.threads)

    @setupmethod
    def before_serving(self, func: F) -> F:
        """Register a function to run once in each process, before it serves."""
        self.lifespan.before.append(func)
        return func

    @setupmethod
    def while_serving(self, func: F) -> F:
        """Register a generator function that yields once: what is before it runs before serving, the rest after."""
        self.lifespan.during.append(func)
        return func

    @setupmethod
    def after_serving(self, func: F) -> F:
        """Register a function to run once in each process, when it has ended serving."""
        self.lifespan.after.append(func)
        return func

    def add_background_task(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run a function, sync or async, after this request or beside it, with the context of the app.

        What it raises is logged and sent with the signal `got_background_exception`. At exit the process waits
        `BACKGROUND_TASK_SHUTDOWN_TIMEOUT` seconds for it, and cancels it then.
        """
        self.lifespan.add_task(func, *args, **kwargs)

    # Contexts.

    def context_of(self, exchange: Exchange) -> Context:
        """Make the context of a request that a gateway took in."""
        return Context(self, exchange)

    def request_context(self, environ: WSGIEnvironment) -> Context:
        """Make a context of a WSGI environ, for `with` and for `async with`."""
        return self.context_of(WSGIExchange(environ))

    def test_request_context(self, *args: Any, **kwargs: Any) -> Context:
        """Make a context of a request described as to Werkzeug's EnvironBuilder, for `with` and `async with`."""
        return super().test_request_context(*args, **kwargs)  # type: ignore[return-value]  # request_context makes ours

    def test_client(self, use_cookies: bool = True, **kwargs: Any) -> DualClient:
        """Make a client that sends requests without a server; in `async def` code its methods are awaited."""
        return super().test_client(use_cookies, **kwargs)  # type: ignore[return-value]  # test_client_class is ours

    def app_context(self) -> AppContext:
        """Make a context of the app, for `with` and for `async with`."""
        return AppContext(self)

    # Colours.

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return `func` as sync code can call it."""
        return self.async_to_sync(func) if is_async(func) else func

    def async_to_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Make a sync function of an async one, which runs on the loop where all async code of the app runs."""
        return to_loop(func)

    def ensure_async(self, func: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Return `func` as async code can await it; a sync one runs in a thread."""
        if is_async(func):
            return func

        async def crossing(*args: Any, **kwargs: Any) -> Any:
            return await from_loop(func, *args, **kwargs)

        return crossing

    # Responses and templates.

    def make_response(self, rv: Any) -> Any:
        """Make a response of a view's return value; await it or not."""
        return response_from(self, rv)

    def make_default_options_response(self) -> Any:
        """Answer OPTIONS with the methods that are allowed, in the same order each time."""
        response = super().make_default_options_response()
        response.headers["Allow"] = ", ".join(sorted(response.allow))
        return response

    def create_jinja_environment(self) -> flask.templating.Environment:
        """Create the Jinja environment of templates that are rendered by sync code."""
        environment = super().create_jinja_environment()
        templating.take_both_colours(environment)
        return environment

    def inject_url_defaults(self, endpoint: str, values: dict[str, Any]) -> None:
        """Let the functions given to `url_defaults` add to the values that a URL is built of."""
        for name in (None, *reversed(blueprints_of(endpoint))):
            for func in self.url_default_functions.get(name, ()):
                self.ensure_sync(func)(endpoint, values)

    @cached_property
    def async_jinja_env(self) -> Environment:
        """The Jinja environment of templates that are rendered by async code."""
        return templating.async_environment(self)
